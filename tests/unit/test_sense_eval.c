/* Evaluation of senses: word similarity, word sense induction and analogies, against plain code. */
#include "tests/unit/dsg_fixture.h"

#include "embed/analogies.h"
#include "embed/marked_text.h"
#include "embed/rank_correlation.h"
#include "embed/wordsim.h"
#include "embed/wsi.h"

static void near(double got, double want, double room)
{
    if (!(fabs(got - want) <= room)) fail_msg("%.12g in place of %.12g", got, want);
}

static syl_senses *senses_of(const syl_dsg_model *m)
{
    syl_senses *s;
    assert_int_equal(syl_senses_create(&s, m, SYL_PRUNE_PRIOR, 2, NULL), SYL_OK);
    return s;
}

/* ---- Spearman --------------------------------------------------------------------------- */

/* A rank counts those below and half of the equal ones. */
static double plain_spearman(const double *x, const double *y, int n)
{
    double xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < n; i++) {
        double rx = 0, ry = 0;
        for (int j = 0; j < n; j++) {
            rx += (x[j] < x[i]) + 0.5 * (x[j] == x[i]) - 0.5;
            ry += (y[j] < y[i]) + 0.5 * (y[j] == y[i]) - 0.5;
        }
        xy += rx * ry;
        xx += rx * rx;
        yy += ry * ry;
    }
    return xy / sqrt(xx * yy);
}

static void test_spearman(void **state)
{
    static const int sizes[] = {2, 3, 31, 33, 500};
    double x[500], y[500], got;
    syl_random rng = {.seed = 12};
    (void)state;
    for (size_t s = 0; s < 5; s++)
        for (int ties = 0; ties < 2; ties++) {
            int n = sizes[s];
            for (int i = 0; i < n; i++) {
                x[i] =
                    ties && i ? (double)syl_random_below(&rng, 9) : (double)syl_random_normal(&rng);
                y[i] = x[i] + (ties && i > 1 ? (double)syl_random_below(&rng, 5)
                                             : 2 * (double)syl_random_normal(&rng));
            }
            assert_int_equal(syl_spearman(&got, x, y, (size_t)n, NULL), SYL_OK);
            near(got, plain_spearman(x, y, n), 1e-12);
        }
    /* scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) is 0.82078... (its documentation) */
    double a[] = {1, 2, 3, 4, 5}, b[] = {5, 6, 7, 8, 7}, c[] = {4, 4, 4, 4, 4};
    assert_int_equal(syl_spearman(&got, a, b, 5, NULL), SYL_OK);
    near(got, 0.8207826816681233, 1e-12);
    assert_int_equal(syl_spearman(&got, a, c, 5, NULL), SYL_OK);
    near(got, 0, 0);
    assert_int_equal(syl_spearman(&got, a, b, 1, NULL), SYL_OK);
    near(got, 0, 0);
    assert_int_equal(syl_spearman(&got, NULL, NULL, 0, NULL), SYL_OK);
}

/* ---- pairs of words --------------------------------------------------------------------- */

static syl_status parse_pairs(syl_word_pairs *p, const char *text, syl_error *err)
{
    return syl_word_pairs_parse(p, text, strlen(text), "pairs", err);
}

#define SCWS_LINE(w1, w2, score)                                                                   \
    "1\t" w1 "\tn\t" w2 "\tn\tdeep <b> " w1 " </b> water\tthe <b>" w2 "</b> pays\t" score "\t1\t2" \
    "\n"

static void test_pairs(void **state)
{
    syl_word_pairs p;
    syl_error err;
    (void)state;
    assert_int_equal(parse_pairs(&p, "# x\na\tb\t1.5\n\nc d 2\r\n", &err), SYL_OK);
    assert_true(p.count == 2 && !p.contexts && p.pairs[1].score == 2);
    assert_true(syl_span_is(p.pairs[0].word[1], "b") && syl_span_is(p.pairs[1].word[0], "c"));
    syl_word_pairs_free(&p);
    assert_int_equal(parse_pairs(&p, SCWS_LINE("Bank", "river", "3.5"), &err), SYL_OK);
    assert_true(p.count == 1 && p.contexts && p.pairs[0].score == 3.5);
    assert_true(syl_span_is(p.pairs[0].word[0], "Bank"));
    assert_true(syl_span_is(p.pairs[0].left[0], "deep "));
    assert_true(syl_span_is(p.pairs[0].right[0], " water"));
    assert_true(syl_span_is(p.pairs[0].left[1], "the "));
    assert_true(syl_span_is(p.pairs[0].right[1], " pays"));
    syl_word_pairs_free(&p);
    assert_int_equal(parse_pairs(&p, "", &err), SYL_OK);
    syl_word_pairs_free(&p);
    static const char *const bad[] = {"a b\n",
                                      "a b c\n",
                                      "a b 1 2\n",
                                      "a b nan\n",
                                      SCWS_LINE("a", "b", "x"),
                                      SCWS_LINE("", "b", "1"),
                                      "a b 1\n" SCWS_LINE("a", "b", "1"),
                                      SCWS_LINE("a", "b", "1") "a b 1\n",
                                      "1\ta\tn\tb\tn\tno word\t<b>b</b>\t1\n",
                                      "1\ta\tn\tb\tn\t<b>a\t<b>b</b>\t1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parse_pairs(&p, bad[i], &err) != SYL_EFORMAT) fail_msg("%s", bad[i]);
        assert_non_null(strstr(err.message, "pairs, line "));
    }
}

static void test_wordsim(void **state)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN bank river money water pays deep", 2, 7, true);
    syl_senses *s = senses_of(m);
    syl_word_pairs p;
    syl_wordsim_result r;
    syl_wordsim_options o = syl_wordsim_defaults();
    syl_error err;
    (void)state;
    assert_int_equal(
        parse_pairs(&p, "Bank river 5\nbank zebra 9\nmoney water 4\nbank pays 1\n", &err), SYL_OK);
    assert_int_equal(syl_wordsim_evaluate(&r, s, &p, &o, &err), SYL_OK);
    assert_true(r.pairs == 4 && r.covered == 3 && r.uninformed == 0);
    assert_false(r.measured[SYL_SIM_LOCAL] || r.measured[SYL_SIM_AVERAGE_C]);
    static const int32_t words[3][2] = {{1, 2}, {3, 4}, {1, 5}};
    double people[] = {5, 4, 1}, sims[3], want;
    for (int kind = 0; kind < SYL_SIM_AVERAGE_C; kind++) {
        assert_true(r.measured[kind]);
        for (int i = 0; i < 3; i++)
            sims[i] = syl_senses_similarity(s, (syl_similarity)kind, words[i][0], words[i][1], NULL,
                                            NULL);
        assert_int_equal(syl_spearman(&want, sims, people, 3, NULL), SYL_OK);
        near(r.spearman[kind], 100 * want, 1e-9);
    }
    syl_word_pairs_free(&p);

    assert_int_equal(parse_pairs(&p,
                                 SCWS_LINE("bank", "river", "5") SCWS_LINE("money", "zebra", "4")
                                     SCWS_LINE("bank", "money", "3")
                                         SCWS_LINE("water", "bank", "2"),
                                 &err),
                     SYL_OK);
    for (int rule = 0; rule < 2; rule++) {
        static const int32_t contexts[3][2] = {{1, 2}, {1, 3}, {4, 1}};
        static const int32_t first[] = {6, 4}, second[] = {5};
        double scores[] = {5, 3, 2}, local[3], weighted[3];
        o.rule = (syl_sense_rule)rule;
        assert_int_equal(syl_wordsim_evaluate(&r, s, &p, &o, &err), SYL_OK);
        assert_true(r.covered == 3 && r.measured[SYL_SIM_LOCAL] && r.uninformed == 0);
        for (int i = 0; i < 3; i++) {
            syl_sense_choice a, b;
            syl_senses_choose(s, contexts[i][0], first, 2, o.rule, &a, &err);
            syl_senses_choose(s, contexts[i][1], second, 1, o.rule, &b, &err);
            local[i] =
                syl_senses_similarity(s, SYL_SIM_LOCAL, contexts[i][0], contexts[i][1], &a, &b);
            weighted[i] =
                syl_senses_similarity(s, SYL_SIM_AVERAGE_C, contexts[i][0], contexts[i][1], &a, &b);
        }
        syl_spearman(&want, local, scores, 3, NULL);
        near(r.spearman[SYL_SIM_LOCAL], 100 * want, 1e-9);
        syl_spearman(&want, weighted, scores, 3, NULL);
        near(r.spearman[SYL_SIM_AVERAGE_C], 100 * want, 1e-9);
    }
    syl_word_pairs_free(&p);
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

/* ---- word sense induction --------------------------------------------------------------- */

/* bank#1 lies where money and pays do, bank#2 where river and water do. */
static syl_dsg_model *planted(void)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN bank river money water pays", 2, 3, false);
    static const int place[] = {2, 0, 1, 0, 1, 0};
    memset(m->sense_vectors, 0, 36 * sizeof(float));
    for (int w = 0; w < 6; w++)
        for (int k = 0; k < 2; k++) {
            m->sense_vectors[(2 * w + k) * 3 + (w == 1 ? k : place[w])] = 1;
            m->priors[2 * w + k] = 0.5f;
        }
    return m;
}

static void test_wsi(void **state)
{
    static const char contexts[] = "bank.n 6\nthe river\tis water\nmoney\tpays\npays\tmoney\n"
                                   "water\tx\nzebra\tquagga\nriver\triver\nokapi.n 2\na\tb\nc\td\n";
    static const char key[] = "bank.n bank.n.1 1\nbank.n bank.n.2 2\nbank.n bank.n.3 2\n"
                              "bank.n bank.n.4 1\nbank.n bank.n.6 1&&2\n"
                              "okapi.n okapi.n.1 1\nokapi.n okapi.n.2 2\n";
    syl_dsg_model *m = planted();
    syl_senses *s = senses_of(m);
    syl_wsi_dataset d;
    syl_wsi_result r;
    syl_wsi_options o = syl_wsi_defaults();
    syl_error err;
    (void)state;
    if (syl_wsi_parse(&d, (syl_span){contexts, sizeof contexts - 1}, "contexts",
                      (syl_span){key, sizeof key - 1}, "key", &err))
        fail_msg("%s", err.message);
    if (syl_wsi_evaluate(&r, s, &d, &o, &err)) fail_msg("%s", err.message);
    assert_true(r.targets[0].known && r.targets[0].scored == 4);
    assert_true(!r.targets[1].known && r.targets[1].scored == 2);
    assert_int_equal(r.uninformed, 1);
    near(r.targets[0].score.ari, 1, 0);
    near(r.known.ari + r.known.v_measure + r.known.f_score, 3, 1e-12);
    assert_true(r.known.targets == 1 && r.all.targets == 2 && r.all.contexts == 6);
    near(r.known.clusters, 2, 0);
    near(r.all.clusters, 1.5, 0);
    near(r.all.ari, 0.5, 1e-12); /* one cluster for two classes: 0 */
    syl_wsi_result_free(&r);
    /* Other clusters, without a model: one wrong of the four. */
    static const int32_t clusters[] = {0, 1, 1, 1, 5, 5, 3, 4};
    static const int32_t classes[] = {0, 1, 1, 0}, found[] = {0, 1, 1, 1};
    syl_partition_score want;
    assert_int_equal(syl_partition_scores(&want, classes, found, 4, &err), SYL_OK);
    assert_int_equal(syl_wsi_score(&r, &d, clusters, NULL, &err), SYL_OK);
    near(r.all.ari, (want.ari + 1) / 2, 1e-12);
    near(r.known.v_measure, (want.v_measure + 1) / 2, 1e-12);
    syl_wsi_result_free(&r);
    /* The nearest word only: "x" is none, so the fourth context loses its water, but not its
     * river. */
    o.window = 1;
    assert_int_equal(syl_wsi_evaluate(&r, s, &d, &o, &err), SYL_OK);
    near(r.known.ari, 1, 0);
    syl_wsi_result_free(&r);
    o.rule = SYL_RULE_NETWORK;
    assert_int_equal(syl_wsi_evaluate(&r, s, &d, &o, &err), SYL_EINVAL);
    assert_null(r.targets);
    syl_wsi_free(&d);
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

/* ---- analogies -------------------------------------------------------------------------- */

static void plain_analogy(const syl_dsg_model *m, const syl_senses *s, int64_t candidates,
                          const int32_t id[4], int answer[2])
{
    float x[4][64];
    double best[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++)
        syl_senses_global_vector(s, id[i], x[i]);
    answer[0] = answer[1] = -1;
    for (int32_t w = 0; w < candidates; w++) {
        double c[3], norm = 0;
        if (w == id[0] || w == id[1] || w == id[2]) continue;
        syl_senses_global_vector(s, w, x[3]);
        for (int d = 0; d < m->dim; d++)
            norm += (double)x[3][d] * (double)x[3][d];
        for (int i = 0; i < 3; i++) {
            double own = 0;
            c[i] = 0;
            for (int d = 0; d < m->dim; d++) {
                c[i] += (double)x[i][d] * (double)x[3][d];
                own += (double)x[i][d] * (double)x[i][d];
            }
            c[i] /= sqrt(own * norm);
        }
        double score[2] = {c[1] - c[0] + c[2],
                           (1 + c[1]) / 2 * (1 + c[2]) / 2 / ((1 + c[0]) / 2 + 0.001)};
        for (int kind = 0; kind < 2; kind++)
            if (score[kind] > best[kind]) {
                best[kind] = score[kind];
                answer[kind] = w;
            }
    }
}

static const char *name_of(const syl_dsg_model *m, int32_t w)
{
    return syl_vocabulary_word(m->vocabulary, w);
}

/* Questions of random words whose fourth one is by turns what plain code answers by adding, by
 * multiplying, and a random one; so both counts are known. */
static void analogies(int words, int dim, int64_t candidates, int count, int threads)
{
    syl_dsg_model *m = dsg_fixture_of_size(words, 2, dim, false);
    syl_senses *s = senses_of(m);
    int64_t among = candidates && candidates < words ? candidates : words;
    char *text = calloc((size_t)count + 2, 64);
    size_t used = 0, add = 0, multiply = 0;
    syl_random rng = {.seed = 21};
    for (int q = 0; q < count; q++) {
        int32_t id[4];
        int answer[2];
        for (int i = 0; i < 4; i++)
            id[i] = (int32_t)syl_random_below(&rng, (uint32_t)among);
        plain_analogy(m, s, among, id, answer);
        if (q % 3 < 2 && answer[q % 3] >= 0) id[3] = answer[q % 3];
        add += id[3] == answer[0];
        multiply += id[3] == answer[1];
        if (q == count / 2) used += (size_t)sprintf(text + used, ": second\n");
        used += (size_t)sprintf(text + used, "%s %s %s %s\n", name_of(m, id[0]), name_of(m, id[1]),
                                name_of(m, id[2]), name_of(m, id[3]));
    }
    used += (size_t)sprintf(text + used, "zebra wb wc wd\n");
    syl_analogies a;
    syl_analogies_result r;
    syl_error err;
    if (syl_analogies_parse(&a, text, used, "questions", &err)) fail_msg("%s", err.message);
    if (syl_analogies_evaluate(&r, s, &a, candidates, threads, &err)) fail_msg("%s", err.message);
    assert_int_equal(r.total.questions, count + 1);
    assert_int_equal(r.total.covered, count);
    assert_int_equal(r.total.add, add);
    assert_int_equal(r.total.multiply, multiply);
    syl_analogy_score sum = {0};
    for (size_t i = 0; i < a.num_sections; i++) {
        sum.questions += r.sections[i].questions;
        sum.add += r.sections[i].add;
        sum.multiply += r.sections[i].multiply;
    }
    assert_true(sum.questions == (size_t)count + 1 && sum.add == add && sum.multiply == multiply);
    syl_analogies_result_free(&r);
    syl_analogies_free(&a);
    syl_senses_free(s);
    syl_dsg_model_free(m);
    free(text);
}

static void test_analogies(void **state)
{
    (void)state;
    analogies(5, 3, 0, 9, 1);
    analogies(31, 17, 0, 33, 2);
    analogies(1500, 33, 0, 60, 2); /* more than a block */
    analogies(1500, 9, 1030, 30, 1);
}

static void test_analogies_file(void **state)
{
    static const char text[] = "a b c d\n\n: one two \r\n a b c d \n:x\n: last";
    static const char *const bad[] = {"a b c\n", ": x\na b c d e\n"};
    syl_analogies a;
    syl_error err;
    (void)state;
    assert_int_equal(syl_analogies_parse(&a, text, sizeof text - 1, "q", &err), SYL_OK);
    assert_true(a.count == 2 && a.num_sections == 4);
    assert_string_equal(a.sections[0].name, "");
    assert_string_equal(a.sections[1].name, "one two");
    assert_string_equal(a.sections[2].name, "x");
    assert_string_equal(a.sections[3].name, "last");
    assert_true(a.sections[1].first == 1 && a.sections[1].count == 1 && a.sections[3].count == 0);
    syl_analogies_free(&a);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(syl_analogies_parse(&a, bad[i], strlen(bad[i]), "q", &err), SYL_EFORMAT);
    syl_dsg_model *m = dsg_fixture("aa bb", 1, 2, false);
    syl_senses *s = senses_of(m);
    syl_analogies_result r;
    assert_int_equal(syl_analogies_parse(&a, "", 0, "q", &err), SYL_OK);
    assert_int_equal(syl_analogies_evaluate(&r, s, &a, 0, 1, &err), SYL_OK);
    assert_int_equal(r.total.covered, 0);
    syl_analogies_result_free(&r);
    assert_int_equal(syl_analogies_evaluate(&r, s, &a, -1, 1, &err), SYL_EINVAL);
    syl_analogies_free(&a);
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

/* Splits `text` around `word` into "LEFT|RIGHT". */
static const char *around(const char *text, const char *word)
{
    static char out[200];
    syl_span left, right;
    syl_find_marked((syl_span){text, strlen(text)}, (syl_span){word, strlen(word)}, &left, &right);
    snprintf(out, sizeof out, "%.*s|%.*s", (int)left.size, left.data, (int)right.size, right.data);
    return out;
}

static void test_marked_text(void **state)
{
    (void)state;
    assert_string_equal(around("a bank here", "bank"), "a | here");
    assert_string_equal(around("banks, (Bank) bank", "bank"), "banks, (|) bank");
    assert_string_equal(around("bank <b>x</b> end", "bank"), "bank | end");
    assert_string_equal(around("bank <b>x", "bank"), "| <b>x");
    assert_string_equal(around("embankment bank2 \xc3\xa9"
                               "bank",
                               "bank"),
                        "embankment bank2 \xc3\xa9"
                        "bank|");
    assert_string_equal(around("bank", "bank"), "|");
    assert_string_equal(around("", "bank"), "|");
    assert_string_equal(around("bank", ""), "bank|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marked_text),
        cmocka_unit_test(test_spearman),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_wordsim),
        cmocka_unit_test(test_wsi),
        cmocka_unit_test(test_analogies),
        cmocka_unit_test(test_analogies_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
