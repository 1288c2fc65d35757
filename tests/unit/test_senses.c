/* Senses against plain code in double. */
#include "tests/unit/dsg_fixture.h"

#include "embed/context.h"
#include "embed/senses.h"

static syl_senses *senses_of(const syl_dsg_model *m, double prune, int threads)
{
    syl_senses *s;
    syl_error err;
    if (syl_senses_create(&s, m, prune, threads, &err)) fail_msg("%s", err.message);
    return s;
}

static void near(double got, double want, double room)
{
    if (!(fabs(got - want) <= room)) fail_msg("%.9g in place of %.9g", got, want);
}

static double plain_cosine(const float *a, const float *b, int n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static bool is_kept(const syl_dsg_model *m, int w, int k, double prune)
{
    const float *p = m->priors + w * m->senses;
    int best = 0, kept = 0;
    for (int i = 0; i < m->senses; i++) {
        best = p[i] > p[best] ? i : best;
        kept += (double)p[i] >= prune;
    }
    return kept ? (double)p[k] >= prune : k == best;
}

/* ---- inventory -------------------------------------------------------------------------- */

static void test_inventory(void **state)
{
    syl_dsg_model *m = dsg_fixture_of_size(50, 4, 5, false);
    static const double prunes[] = {0, 0.05, 0.3, 0.6, 1};
    syl_error err;
    syl_senses *s;
    (void)state;
    for (size_t p = 0; p < sizeof prunes / sizeof *prunes; p++) {
        s = senses_of(m, prunes[p], 1);
        int64_t all, seen = 0;
        const syl_sense *first = syl_senses_all(s, &all);
        for (int w = 0; w < 50; w++) {
            int count, at = 0;
            const syl_sense *own = syl_senses_of(s, w, &count);
            assert_ptr_equal(own, first + seen);
            for (int k = 0; k < 4; k++) {
                if (!is_kept(m, w, k, prunes[p])) continue;
                assert_true(own[at].word == w && own[at].sense == k);
                assert_true(own[at].prior == m->priors[w * 4 + k]);
                at++;
            }
            assert_int_equal(at, count);
            seen += count;
        }
        assert_int_equal(seen, all);
        int64_t words[5], senses = 0, num_words = 0;
        int of_unknown;
        syl_senses_histogram(s, words);
        syl_senses_of(s, m->unknown, &of_unknown);
        for (int k = 0; k < 5; k++) {
            senses += k * words[k];
            num_words += words[k];
        }
        assert_true(words[0] == 0 && num_words == 49 && senses == all - of_unknown);
        if (prunes[p] == 1) assert_int_equal(all, 50);
        if (prunes[p] == 0) assert_int_equal(all, 200);
        syl_senses_free(s);
    }
    assert_int_equal(syl_senses_create(&s, m, -0.1, 1, &err), SYL_EINVAL);
    assert_int_equal(syl_senses_create(&s, m, NAN, 1, &err), SYL_EINVAL);
    assert_int_equal(syl_senses_create(&s, m, 0.1, 0, &err), SYL_EINVAL);
    syl_dsg_model_free(m);
}

/* ---- neighbours ------------------------------------------------------------------------- */

static void check_nearest(const syl_dsg_model *m, const syl_senses *s, const float *query,
                          int32_t without, const syl_neighbour *got, int top)
{
    for (int t = 0; t < top; t++) {
        if (got[t].word < 0) {
            assert_true(got[t].sense == -1);
            continue;
        }
        assert_true(got[t].word != m->unknown && got[t].word != without);
        assert_true(is_kept(m, got[t].word, got[t].sense, SYL_PRUNE_PRIOR));
        near((double)got[t].cosine,
             plain_cosine(query, syl_dsg_sense_vector(m, got[t].word, got[t].sense), m->dim), 1e-5);
        if (t) assert_true(got[t].cosine <= got[t - 1].cosine);
        if (t && got[t].cosine == got[t - 1].cosine)
            assert_true(got[t].word > got[t - 1].word ||
                        (got[t].word == got[t - 1].word && got[t].sense > got[t - 1].sense));
        for (int u = 0; u < t; u++)
            assert_false(got[u].word == got[t].word && got[u].sense == got[t].sense);
    }
    /* No other one is nearer than the last. */
    int64_t count, allowed = 0, nearer = 0;
    const syl_sense *all = syl_senses_all(s, &count);
    double last = got[top - 1].word < 0 ? -2 : (double)got[top - 1].cosine;
    for (int64_t i = 0; i < count; i++) {
        if (all[i].word == m->unknown || all[i].word == without) continue;
        const float *x = syl_dsg_sense_vector(m, all[i].word, all[i].sense);
        allowed++;
        nearer += plain_cosine(query, x, m->dim) > last + 1e-5;
    }
    assert_true(nearer < top);
    int found = 0;
    for (int t = 0; t < top; t++)
        found += got[t].word >= 0;
    assert_int_equal(found, allowed < top ? allowed : top);
}

static void nearest(int words, int senses, int dim, size_t queries, int top, int threads)
{
    syl_dsg_model *m = dsg_fixture_of_size(words, senses, dim, false);
    syl_senses *s = senses_of(m, SYL_PRUNE_PRIOR, threads);
    syl_random rng = {.seed = 3};
    float *x = calloc(queries * (size_t)dim + 1, sizeof *x);
    int32_t *without = calloc(queries + 1, sizeof *without);
    syl_neighbour *out = calloc(queries * (size_t)top + 1, sizeof *out);
    syl_error err;
    for (size_t i = 0; i < queries * (size_t)dim; i++)
        x[i] = syl_random_normal(&rng);
    for (size_t i = 0; i < queries; i++)
        without[i] = (int32_t)syl_random_below(&rng, (uint32_t)words);
    for (int none = 0; none < 2; none++) {
        if (syl_senses_nearest(s, x, queries, none ? NULL : without, top, out, &err))
            fail_msg("%s", err.message);
        for (size_t q = 0; q < queries; q += 1 + queries / 20)
            check_nearest(m, s, x + q * (size_t)dim, none ? -1 : without[q], out + q * (size_t)top,
                          top);
    }
    free(x);
    free(without);
    free(out);
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

static void test_nearest(void **state)
{
    (void)state;
    nearest(2, 1, 1, 1, 1, 1);
    nearest(3, 2, 33, 5, 31, 1); /* fewer senses than asked for */
    nearest(40, 3, 17, 0, 5, 1);
    nearest(1500, 3, 31, 259, 10, 2); /* several blocks of senses and batches of queries */
    nearest(700, 3, 1, 3, 7, 3);
    nearest(1500, 3, 1, 2, 3000, 2); /* most of them, and most of them equal */
    nearest(700, 3, 5, 2, 4000, 1);  /* all */
}

/* A vector that is there is its own neighbour; equal ones come by word; zeros have cosine 0. */
static void test_nearest_ties(void **state)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN aa bb cc dd", 1, 3, false);
    syl_senses *s = senses_of(m, SYL_PRUNE_PRIOR, 1);
    syl_neighbour out[4];
    syl_error err;
    (void)state;
    memset(m->sense_vectors, 0, 15 * sizeof(float));
    m->sense_vectors[3] = m->sense_vectors[6] = m->sense_vectors[9] = 2;
    float query[3] = {1, 0, 0}, zero[3] = {0};
    assert_int_equal(syl_senses_nearest(s, query, 1, NULL, 4, out, &err), SYL_OK);
    for (int t = 0; t < 4; t++)
        assert_int_equal(out[t].word, t + 1);
    assert_true(out[2].cosine == 1 && out[3].cosine == 0);
    assert_int_equal(syl_senses_nearest(s, zero, 1, NULL, 2, out, &err), SYL_OK);
    assert_true(out[0].word == 1 && out[0].cosine == 0);
    assert_int_equal(syl_senses_nearest(s, query, 1, NULL, 0, out, &err), SYL_EINVAL);
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

/* ---- choice ----------------------------------------------------------------------------- */

static void plain_choice(const syl_dsg_model *m, int word, const int32_t *context, size_t n,
                         syl_sense_rule rule, double *score)
{
    int dim = m->dim, senses = m->senses;
    float *c = calloc((size_t)dim, sizeof *c);
    double known = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        known += context[i] >= 0 && context[i] != m->unknown;
    for (int d = 0; d < dim; d++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++) {
            double own = 0, kept = 0;
            if (context[i] < 0 || context[i] == m->unknown) continue;
            if (rule == SYL_RULE_NETWORK) mean += (double)m->output_vectors[context[i] * dim + d];
            for (int k = 0; k < senses && rule == SYL_RULE_COSINE; k++) {
                if (!is_kept(m, context[i], k, SYL_PRUNE_PRIOR)) continue;
                own += (double)syl_dsg_sense_vector(m, context[i], k)[d];
                kept++;
            }
            if (rule == SYL_RULE_COSINE) mean += own / kept;
        }
        c[d] = (float)(mean / known);
    }
    for (int k = 0; k < senses; k++) {
        double logit = 0;
        score[k] = 0;
        if (!is_kept(m, word, k, SYL_PRUNE_PRIOR)) continue;
        if (rule == SYL_RULE_COSINE) {
            score[k] = (1 + plain_cosine(syl_dsg_sense_vector(m, word, k), c, dim)) / 2;
            continue;
        }
        for (int d = 0; d < dim; d++)
            logit += (double)c[d] * (double)m->network[(word * dim + d) * senses + k];
        score[k] = exp(logit + (double)m->network_bias[word * senses + k]);
        sum += score[k];
    }
    for (int k = 0; k < senses && rule == SYL_RULE_NETWORK; k++)
        score[k] /= sum;
    free(c);
}

static void check_choice(const syl_dsg_model *m, const syl_senses *s, int word,
                         const int32_t *context, size_t n, syl_sense_rule rule)
{
    double want[SYL_DSG_MAX_SENSES], sum = 0, weights = 0;
    syl_sense_choice choice;
    syl_error err;
    if (syl_senses_choose(s, word, context, n, rule, &choice, &err)) fail_msg("%s", err.message);
    assert_true(choice.informed);
    plain_choice(m, word, context, n, rule, want);
    for (int k = 0; k < m->senses; k++)
        sum += want[k];
    for (int k = 0; k < m->senses; k++) {
        near((double)choice.score[k], want[k], 2e-5);
        if (sum > 1e-3) near((double)choice.weight[k], want[k] / sum, 2e-5);
        weights += (double)choice.weight[k];
        assert_true(want[k] <= want[choice.best] + 2e-5);
    }
    near(weights, 1, 1e-5);
    assert_true(is_kept(m, word, choice.best, SYL_PRUNE_PRIOR));
}

static void test_choose(void **state)
{
    static const struct {
        int senses, dim;
    } shapes[] = {{1, 1}, {2, 31}, {3, 33}, {5, 64}};
    syl_random rng = {.seed = 8};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        syl_dsg_model *m = dsg_fixture_of_size(40, shapes[i].senses, shapes[i].dim, true);
        syl_senses *s = senses_of(m, SYL_PRUNE_PRIOR, 1);
        for (int round = 0; round < 40; round++) {
            int32_t context[20];
            size_t n = 1 + syl_random_below(&rng, 19);
            for (size_t j = 0; j < n; j++)
                context[j] = (int32_t)syl_random_below(&rng, 41) - 1;
            context[0] = 1 + (int32_t)syl_random_below(&rng, 39);
            check_choice(m, s, round, context, n, SYL_RULE_COSINE);
            check_choice(m, s, round, context, n, SYL_RULE_NETWORK);
        }
        syl_senses_free(s);
        syl_dsg_model_free(m);
    }
}

/* Nothing known around the word: the priors decide. Words that are none: an error. */
static void test_choose_nothing(void **state)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN aa bb", 3, 2, false);
    static const float priors[] = {0.03f, 0.37f, 0.6f};
    memcpy(m->priors + 3, priors, sizeof priors);
    syl_senses *s = senses_of(m, SYL_PRUNE_PRIOR, 1);
    static const int32_t unknown[] = {-1, 0, 0, 99};
    syl_sense_choice choice;
    syl_error err;
    (void)state;
    for (size_t n = 0; n <= 4; n += 4) {
        assert_int_equal(syl_senses_choose(s, 1, unknown, n, SYL_RULE_COSINE, &choice, &err),
                         SYL_OK);
        assert_true(!choice.informed && choice.best == 2);
        assert_true(choice.score[0] == 0 && choice.score[1] == 0.37f);
        near((double)choice.weight[2], 0.6 / 0.97, 1e-6);
    }
    assert_int_equal(syl_senses_choose(s, -1, unknown, 1, SYL_RULE_COSINE, &choice, &err),
                     SYL_EINVAL);
    assert_non_null(strstr(err.message, "vocabulary"));
    assert_int_equal(syl_senses_choose(s, 3, unknown, 1, SYL_RULE_COSINE, &choice, &err),
                     SYL_EINVAL);
    assert_int_equal(syl_senses_choose(s, 1, unknown, 1, SYL_RULE_NETWORK, &choice, &err),
                     SYL_EINVAL);
    assert_non_null(strstr(err.message, "network"));
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

/* ---- similarity ------------------------------------------------------------------------- */

static void test_similarity(void **state)
{
    enum { K = 3, DIM = 13 };
    syl_dsg_model *m = dsg_fixture_of_size(20, K, DIM, false);
    syl_senses *s = senses_of(m, SYL_PRUNE_PRIOR, 1);
    syl_error err;
    (void)state;
    for (int a = 0; a < 20; a++) {
        int b = (a * 7 + 3) % 20;
        int32_t context_a[] = {1 + a % 19, 5}, context_b[] = {1 + b % 19, 6, 7};
        syl_sense_choice ca, cb;
        assert_int_equal(syl_senses_choose(s, a, context_a, 2, SYL_RULE_COSINE, &ca, &err), SYL_OK);
        assert_int_equal(syl_senses_choose(s, b, context_b, 3, SYL_RULE_COSINE, &cb, &err), SYL_OK);
        double average = 0, most = 0, weighted = 0, pairs = 0;
        float mean_a[DIM], mean_b[DIM];
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K; j++) {
                if (!is_kept(m, a, i, SYL_PRUNE_PRIOR) || !is_kept(m, b, j, SYL_PRUNE_PRIOR))
                    continue;
                double sim = (1 + plain_cosine(syl_dsg_sense_vector(m, a, i),
                                               syl_dsg_sense_vector(m, b, j), DIM)) /
                             2;
                average += sim;
                most = fmax(most, sim);
                weighted += (double)ca.weight[i] * (double)cb.weight[j] * sim;
                pairs++;
            }
        near(syl_senses_similarity(s, SYL_SIM_AVERAGE, a, b, NULL, NULL), average / pairs, 1e-5);
        near(syl_senses_similarity(s, SYL_SIM_MAXIMUM, a, b, NULL, NULL), most, 1e-5);
        near(syl_senses_similarity(s, SYL_SIM_AVERAGE_C, a, b, &ca, &cb), weighted, 1e-5);
        near(syl_senses_similarity(s, SYL_SIM_LOCAL, a, b, &ca, &cb),
             (1 + plain_cosine(syl_dsg_sense_vector(m, a, ca.best),
                               syl_dsg_sense_vector(m, b, cb.best), DIM)) /
                 2,
             1e-5);
        assert_true(syl_senses_similarity(s, SYL_SIM_GLOBAL, a, a, NULL, NULL) == 1);
        assert_true(syl_senses_similarity(s, SYL_SIM_LOCAL, a, a, &ca, &ca) == 1);
        syl_senses_global_vector(s, a, mean_a);
        syl_senses_global_vector(s, b, mean_b);
        near(syl_senses_similarity(s, SYL_SIM_GLOBAL, a, b, NULL, NULL),
             (1 + plain_cosine(mean_a, mean_b, DIM)) / 2, 1e-5);
        for (int d = 0; d < DIM; d++) {
            double mean = 0, sum = 0;
            for (int k = 0; k < K; k++)
                if (is_kept(m, a, k, SYL_PRUNE_PRIOR)) {
                    mean += (double)m->priors[a * K + k] * (double)syl_dsg_sense_vector(m, a, k)[d];
                    sum += (double)m->priors[a * K + k];
                }
            near((double)mean_a[d], mean / sum, 1e-5);
        }
    }
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

/* ---- contexts --------------------------------------------------------------------------- */

static void check_ids(syl_context *c, const char *left, const char *right, int window,
                      size_t num_left, size_t count, const int32_t *want)
{
    syl_context_ids ids;
    syl_error err;
    if (syl_context_encode(c, (syl_span){left, strlen(left)}, (syl_span){right, strlen(right)},
                           window, &ids, &err))
        fail_msg("%s", err.message);
    assert_int_equal(ids.left, num_left);
    assert_int_equal(ids.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ids.ids[i], want[i]);
}

static void test_context(void **state)
{
    syl_dsg_model *m = dsg_fixture("UNKNOWN river NUMBER money wide", 2, 2, false);
    syl_context *c;
    syl_error err;
    (void)state;
    assert_int_equal(syl_context_create(&c, m, &err), SYL_OK);
    static const int32_t want[] = {1, 4, 0, 3, 2};
    check_ids(c, "The River is wide.", "zebra money, 25", 0, 2, 5, want);
    check_ids(c, "The River is wide.", "zebra money, 25", 1, 1, 2, want + 1);
    check_ids(c, "The River is wide.", "zebra money, 25", 2, 2, 4, want);
    check_ids(c, "", "zebra money, 25", 9, 0, 3, want + 2);
    check_ids(c, "wide", "", 0, 1, 1, want + 1); /* shorter than any sentence of a corpus */
    check_ids(c, "", "", 0, 0, 0, NULL);
    check_ids(c, "\xff\xfe the", "\x80", 0, 0, 0, NULL);
    syl_context_free(c);
    syl_dsg_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inventory),      cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_nearest_ties),   cmocka_unit_test(test_choose),
        cmocka_unit_test(test_choose_nothing), cmocka_unit_test(test_similarity),
        cmocka_unit_test(test_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
