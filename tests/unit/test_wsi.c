/* Word sense induction: scores against their definitions, the data set's format. */
#include "tests/golden/golden.h"

#include "embed/partition_scores.h"
#include "embed/wsi_dataset.h"
#include "lib/base/random.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) < 1e-12)) fail_msg("%.15g in place of %.15g", got, want);
}

/* ---- scores ----------------------------------------------------------------------------- */

static syl_partition_score score(const int32_t *classes, const int32_t *clusters, size_t n)
{
    syl_partition_score s;
    assert_int_equal(syl_partition_scores(&s, classes, clusters, n, NULL), SYL_OK);
    return s;
}

/* From scikit-learn's documentation: adjusted_rand_score([0, 0, 1, 2], [0, 0, 1, 1]) is 0.57...,
 * that is 4/7; ([0, 0, 1, 1], [0, 0, 1, 2]) the same; v_measure_score of the first is 0.8. */
static void test_documented(void **state)
{
    const int32_t a[] = {0, 0, 1, 2}, b[] = {0, 0, 1, 1}, c[] = {5, 5, -9, -9}, one[4] = {0};
    const int32_t apart[] = {1, 2, 3, 4};
    (void)state;
    syl_partition_score s = score(a, b, 4);
    near(s.ari, 4 / 7.0);
    near(s.homogeneity, 2 / 3.0);
    near(s.completeness, 1);
    near(s.v_measure, 0.8);
    near(s.precision, 0.5);
    near(s.recall, 1);
    near(s.f_score, 2 / 3.0);
    assert_true(s.classes == 3 && s.clusters == 2);
    near(score(b, a, 4).ari, 4 / 7.0);
    s = score(b, c, 4);
    near(s.ari + s.v_measure + s.f_score, 3);
    s = score(one, apart, 4);
    near(s.ari, 0);
    near(s.homogeneity, 1);
    near(s.completeness, 0);
    near(s.v_measure + s.f_score, 0);
    s = score(apart, apart, 4);
    near(s.ari + s.v_measure + s.f_score, 3);
    s = score(a, b, 0);
    near(s.ari + s.v_measure + s.f_score, 3);
    s = score(a, b, 1);
    near(s.ari + s.v_measure + s.f_score, 3);
}

/* All pairs one by one, and entropies from a table. */
static void check_definition(const int32_t *a, const int32_t *b, int n, int top)
{
    double tp = 0, fp = 0, fn = 0, tn = 0, ha = 0, hb = 0, hab = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            int x = a[i] == a[j], y = b[i] == b[j];
            tp += x && y;
            fn += x && !y;
            fp += !x && y;
            tn += !x && !y;
        }
    for (int u = 0; u < top; u++) {
        int in_a = 0, in_b = 0;
        for (int v = 0; v < top; v++) {
            int both = 0;
            for (int i = 0; i < n; i++)
                both += a[i] == u && b[i] == v;
            if (both) hab -= (double)both / n * log((double)both / n);
        }
        for (int i = 0; i < n; i++) {
            in_a += a[i] == u;
            in_b += b[i] == u;
        }
        if (in_a) ha -= (double)in_a / n * log((double)in_a / n);
        if (in_b) hb -= (double)in_b / n * log((double)in_b / n);
    }
    syl_partition_score s = score(a, b, (size_t)n);
    near(s.ari, 2 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)));
    near(s.precision, tp / (tp + fp));
    near(s.recall, tp / (tp + fn));
    near(s.f_score, 2 * tp / (2 * tp + fp + fn));
    near(s.homogeneity, (ha + hb - hab) / ha);
    near(s.completeness, (ha + hb - hab) / hb);
    near(s.v_measure, 2 * (ha + hb - hab) / (ha + hb));
}

static void test_definition(void **state)
{
    static const int sizes[] = {31, 33, 200};
    int32_t a[200], b[200];
    syl_random rng = {.seed = 4};
    (void)state;
    for (int round = 0; round < 30; round++) {
        int n = sizes[round % 3];
        for (int i = 0; i < n; i++) {
            a[i] = (int32_t)syl_random_below(&rng, 5);
            b[i] =
                (int32_t)(syl_random_below(&rng, 2) ? (uint32_t)a[i] : syl_random_below(&rng, 7));
        }
        check_definition(a, b, n, 7);
    }
}

/* ---- data set --------------------------------------------------------------------------- */

static syl_span span(const char *text)
{
    return (syl_span){text, strlen(text)};
}

static syl_status parse(syl_wsi_dataset *d, const char *contexts, const char *key, syl_error *err)
{
    return syl_wsi_parse(d, span(contexts), "contexts", span(key), "key", err);
}

#define CONTEXTS \
    "bank.n 3\nthe river\tis wide\n\tpays interest\r\nmoney in the\t\n\nrun.in.v 2\na\tb\nc\td"

static void test_dataset(void **state)
{
    syl_wsi_dataset d;
    syl_error err;
    (void)state;
    if (parse(&d, CONTEXTS,
              "bank.n bank.n.3 bank.n.2\nrun.in.v run.in.v.2 run.in.v.1&&2\n"
              "bank.n bank.n.1 bank.n.10\n\nbank.n bank.n.2 bank.n.2\n",
              &err))
        fail_msg("%s", err.message);
    assert_true(d.num_targets == 2 && d.num_contexts == 5);
    assert_true(d.labelled == 3 && d.several == 1 && d.unlabelled == 1);
    assert_string_equal(d.targets[0].name, "bank.n");
    assert_string_equal(d.targets[0].word, "bank");
    assert_string_equal(d.targets[1].word, "run.in");
    assert_true(d.targets[0].senses == 2 && d.targets[1].senses == 0);
    assert_true(d.targets[1].first == 3 && d.targets[1].count == 2);
    assert_true(syl_span_is(d.contexts[0].left, "the river"));
    assert_true(syl_span_is(d.contexts[0].right, "is wide"));
    assert_true(d.contexts[1].left.size == 0);
    assert_true(syl_span_is(d.contexts[1].right, "pays interest"));
    assert_true(d.contexts[2].right.size == 0);
    static const int32_t senses[] = {0, 1, 1, SYL_WSI_NO_KEY, SYL_WSI_SEVERAL};
    for (int i = 0; i < 5; i++)
        assert_int_equal(d.contexts[i].sense, senses[i]);
    syl_wsi_free(&d);
    assert_int_equal(parse(&d, "", "", &err), SYL_OK);
    syl_wsi_free(&d);
    /* SemEval-2013's key has a column for each of the senses; names need no part of speech. */
    assert_int_equal(parse(&d, "x 2\na\tb\na\tb\n", "x 2 alpha\nx x.1 x.1/2 x.3/4\n", &err),
                     SYL_OK);
    assert_true(d.contexts[0].sense == SYL_WSI_SEVERAL && d.contexts[1].sense == 0);
    assert_string_equal(d.targets[0].word, "x");
    syl_wsi_free(&d);
}

static void test_bad_dataset(void **state)
{
    static const char *const contexts[] = {
        "bank.n",
        "bank.n 2\na\tb\n",
        "bank.n 1\na b\n",
        "bank.n 1\na\tb\tc\n",
        "bank.n x\n",
        "bank.n -1\n",
        "bank.n 99999999999999999999\n",
        "bank.n 1 1\na\tb\n",
        "bank.n 1\na\tb\nbank.n 1\na\tb\n",
        "a\tb\n",
    };
    static const char *const keys[] = {
        "bank.n bank.n.1\n",
        "bank.n bank.n.0 1\n",
        "bank.n bank.n.4 1\n",
        "bank.n bank.n. 1\n",
        "bank.n bank.v.1 1\n",
        "bank.n bank.n.1x 1\n",
        "bank.n bank.n.99999999999999999999 1\n",
        "bank bank.n.1 1\n",
        "bank.v bank.v.1 1\n",
        "bank.n bank.n.1 1\nbank.n bank.n.1 1\n",
    };
    syl_wsi_dataset d;
    syl_error err;
    (void)state;
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        if (parse(&d, contexts[i], "", &err) != SYL_EFORMAT) fail_msg("%s", contexts[i]);
        assert_non_null(strstr(err.message, "contexts"));
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (parse(&d, CONTEXTS, keys[i], &err) != SYL_EFORMAT) fail_msg("%s", keys[i]);
        assert_non_null(strstr(err.message, "key, line "));
    }
    char name[256] = {0};
    memset(name, 'x', 201);
    strcpy(name + 201, " 0\n");
    assert_int_equal(parse(&d, name, "", &err), SYL_EFORMAT);
    assert_int_equal(parse(&d, name + 1, "", &err), SYL_OK);
    syl_wsi_free(&d);
    assert_int_equal(syl_wsi_read(&d, "no such file", "no key", &err), SYL_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_dataset),
        cmocka_unit_test(test_bad_dataset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
