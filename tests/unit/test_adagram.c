/* The AdaGram-style model that word sense induction is compared with (tests/dsg/adagram.h). */
#include "tests/golden/golden.h"

#include "embed/partition_scores.h"
#include "tests/dsg/adagram.h"
#include "tests/dsg/planted.h"

static void near(double got, double want, double within)
{
    if (!(fabs(got - want) <= within)) fail_msg("%.12g in place of %.12g", got, want);
}

/* ---- a corpus of six words ----------------------------------------------------------------- */

static const int32_t items[] = {0, 1, 2, 3, 4, 5};
static const int64_t begin[] = {0, 6}, counts[] = {8, 4, 4, 2, 2, 1};
static const syl_dsg_corpus six = {
    .items = items, .begin = begin, .sentences = 1, .counts = counts, .words = 6, .unknown = -1};

static adagram make(int senses, double first)
{
    adagram a;
    adagram_options o = adagram_defaults();
    o.senses = senses, o.first = first, o.dim = 5, o.drawn = 4, o.negative = 3;
    adagram_create(&a, &six, &o);
    for (int64_t i = 0; i < 6 * a.stride; i++)
        if (i % a.stride < 5) a.output[i] = 0.3f * (float)sin(0.7 * (double)i);
    for (int64_t i = 0; i < 6 * senses * a.stride; i++)
        if (i % a.stride < 5) a.sense[i] = 0.5f * (float)cos(1.3 * (double)i);
    return a;
}

/* ---- the prior ----------------------------------------------------------------------------- */

/* Counts 4, 3, 1 and concentration 0.5: E pi by hand; E log pi by sums of digamma's differences of
 * whole numbers, psi(n + x) - psi(x) = 1/x + ... + 1/(n + x - 1). */
static double rise(double x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += 1 / (x + i);
    return sum;
}

static void test_prior(void **state)
{
    adagram a = make(3, 1);
    double pi[3], log_pi[3], n[3] = {4, 3, 1};
    (void)state;
    a.o.concentration = 1;
    memcpy(a.counts, n, sizeof n);
    adagram_prior(&a, 0, pi);
    near(pi[0], 5.0 / 10, 1e-12);
    near(pi[1], 5.0 / 10 * 4 / 6, 1e-12);
    near(pi[2], 5.0 / 10 * 2 / 6, 1e-12);
    adagram_log_prior(&a, 0, log_pi);
    /* Beta(5, 5), Beta(4, 2): E log beta = psi(a) - psi(a + b). */
    near(log_pi[0], -rise(5, 5), 1e-9);
    near(log_pi[1], -rise(5, 5) - rise(4, 2), 1e-9);
    near(log_pi[2], -rise(5, 5) - rise(2, 4), 1e-9);
    adagram_free(&a);
}

/* ---- a step -------------------------------------------------------------------------------- */

static const int32_t targets[] = {1, 2, 4}, negatives[] = {0, 3, 3, 5};

static double log_sigmoid(double x)
{
    return -log(1 + exp(-x));
}

/* L of a sense of word 0, number by number, in double. */
static double likelihood(const adagram *a, int k)
{
    double sum = 0, other = 0;
    for (int i = 0; i < 7; i++) {
        double s = 0;
        int32_t row = i < 3 ? targets[i] : negatives[i - 3];
        for (int j = 0; j < 5; j++)
            s += (double)a->output[row * a->stride + j] * (double)a->sense[k * a->stride + j];
        if (i < 3)
            sum += log_sigmoid(s);
        else
            other += log_sigmoid(-s) / 4;
    }
    return sum + 3 * a->o.negative * other;
}

static void test_responsibilities(void **state)
{
    adagram a = make(3, 0.5);
    double log_pi[3], r[3], want[3], sum = 0, mean = 0;
    (void)state;
    adagram_log_prior(&a, 0, log_pi);
    for (int k = 0; k < 3; k++)
        sum += want[k] = exp(log_pi[k] + likelihood(&a, k));
    for (int k = 0; k < 3; k++)
        mean += want[k] / sum * likelihood(&a, k);
    near(adagram_step(&a, 0, targets, 3, negatives, 0, r), mean, 1e-5);
    for (int k = 0; k < 3; k++)
        near(r[k], want[k] / sum, 1e-6);
    adagram_free(&a);
}

/* A step by a small rate is the rate times the gradient of sum_k r_k L_k with r held, by finite
 * differences; counts approach r_k N. */
static void test_gradient(void **state)
{
    const double rate = 1e-3, h = 1e-2;
    adagram a = make(2, 0.6), b = make(2, 0.6);
    double r[2], unused[2];
    (void)state;
    adagram_step(&a, 0, targets, 3, negatives, 0, r);
    adagram_step(&a, 0, targets, 3, negatives, rate, unused);
    for (int table = 0; table < 2; table++) {
        float *at = table ? b.output : b.sense, *moved = table ? a.output : a.sense;
        for (int64_t i = 0; i < (table ? 6 : 2) * b.stride; i++) {
            if (i % b.stride >= 5) continue;
            float was = at[i];
            at[i] = was + (float)h;
            double up = r[0] * likelihood(&b, 0) + r[1] * likelihood(&b, 1);
            at[i] = was - (float)h;
            double down = r[0] * likelihood(&b, 0) + r[1] * likelihood(&b, 1);
            at[i] = was;
            /* The rows of one sense move one after the other: the second order of the rate. */
            near(((double)moved[i] - (double)was) / rate, (up - down) / (2 * h), 1e-2);
        }
    }
    for (int k = 0; k < 2; k++)
        near(a.counts[k], b.counts[k] + rate * (r[k] * 8 - b.counts[k]), 1e-9);
    adagram_free(&a), adagram_free(&b);
}

/* ---- planted senses ------------------------------------------------------------------------- */

/* The words around position `at`, of its sentence, into around [10]. */
static size_t take_around(const syl_dsg_corpus *c, int64_t sentence, int64_t at, int32_t *around)
{
    size_t n = 0;
    for (int64_t j = at - 5; j <= at + 5; j++)
        if (j != at && j >= c->begin[sentence] && j < c->begin[sentence + 1])
            around[n++] = c->items[j];
    return n;
}

/* Of the senses of a pseudo-word's occurrences with what was planted; room [items]. */
static double ari_of(const planted *p, const adagram_view *v, int32_t word, int32_t *gold,
                     int32_t *found)
{
    const syl_dsg_corpus *c = &p->corpus;
    adagram_word w;
    syl_partition_score s;
    size_t n = 0;
    adagram_look_up(&w, v, word, 1e-3);
    for (int64_t i = 0; i < c->sentences; i++)
        for (int64_t at = c->begin[i]; at < c->begin[i + 1]; at++) {
            int32_t around[10];
            if (c->items[at] != word) continue;
            gold[n] = p->gold[at];
            found[n++] = adagram_choose(&w, v, around, take_around(c, i, at, around));
        }
    assert_int_equal(syl_partition_scores(&s, gold, found, n, NULL), SYL_OK);
    return s.ari;
}

static float *priors_of(const adagram *a)
{
    double pi[ADAGRAM_MAX_SENSES];
    float *priors = calloc((size_t)(a->corpus->words * a->o.senses), sizeof *priors);
    for (int64_t w = 0; w < a->corpus->words; w++) {
        adagram_prior(a, (int32_t)w, pi);
        for (int k = 0; k < a->o.senses; k++)
            priors[w * a->o.senses + k] = (float)pi[k];
    }
    return priors;
}

static void test_planted(void **state)
{
    planted_rules rules = planted_small();
    planted p = planted_make(&rules);
    adagram_options o = adagram_defaults();
    adagram a;
    double sum = 0;
    (void)state;
    o.senses = 3, o.dim = 32, o.epochs = 10, o.first = 0.4, o.rate = 0.05;
    adagram_create(&a, &p.corpus, &o);
    adagram_train(&a, NULL);
    float *priors = priors_of(&a);
    adagram_view v = {.sense = a.sense,
                      .output = a.output,
                      .priors = priors,
                      .counts = p.corpus.counts,
                      .words = p.corpus.words,
                      .stride = a.stride,
                      .senses = o.senses,
                      .negative = o.negative,
                      .unknown = -1};
    size_t items = (size_t)p.corpus.begin[p.corpus.sentences];
    int32_t *gold = calloc(items, sizeof *gold), *found = calloc(items, sizeof *found);
    for (int32_t word = 0; word < p.pseudo; word++)
        sum += ari_of(&p, &v, word, gold, found) / p.pseudo;
    if (!(sum > 0.5)) fail_msg("ARI %.3f", sum);
    free(gold), free(found), free(priors);
    adagram_free(&a);
    planted_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prior), cmocka_unit_test(test_responsibilities),
        cmocka_unit_test(test_gradient), cmocka_unit_test(test_planted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
