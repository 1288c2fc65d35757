#include "tests/dsg/adagram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clones.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"
#include "tests/dsg/like.h"

#define POWER 0.75
#define NEGLIGIBLE 1e-3 /* a responsibility that teaches nothing */
#define MOST 40.0f      /* of a product's size: no more of it matters */
#define TOGETHER 16     /* exp(16 * 40) is a double still */
#define MOST_WINDOW 64
#define MOST_DRAWN 256
#define MOST_ROWS (2 * MOST_WINDOW + MOST_DRAWN)
#define MOST_DIM 4096

adagram_options adagram_defaults(void)
{
    return (adagram_options){.senses = 5,
                             .dim = 100,
                             .window = 5,
                             .negative = 5,
                             .drawn = 10,
                             .epochs = 8,
                             .concentration = 0.1,
                             .first = 1,
                             .rate = 0.025,
                             .last_rate = 1e-4,
                             .seed = 1};
}

void adagram_create(adagram *a, const syl_dsg_corpus *corpus, const adagram_options *options)
{
    syl_error err;
    size_t words = (size_t)corpus->words, senses = (size_t)options->senses;
    *a = (adagram){.o = *options, .corpus = corpus, .stride = syl_vector_stride(options->dim)};
    if (syl_sampler_power(&a->sampler, corpus->counts, corpus->words, POWER, &err) != SYL_OK)
        like_stop(&err);
    a->sense = like_room(words * senses * (size_t)a->stride, sizeof *a->sense);
    a->output = like_room(words * (size_t)a->stride, sizeof *a->output);
    a->counts = like_room(words * senses, sizeof *a->counts);
    for (size_t i = 0; i < words * senses; i++) {
        syl_random r = {.seed = options->seed, .stream = (UINT64_C(1) << 61) + i};
        double part =
            i % senses == 0 ? options->first : (1 - options->first) / (double)(senses - 1);
        for (int j = 0; j < options->dim; j++)
            a->sense[i * (size_t)a->stride + (size_t)j] =
                (syl_random_uniform(&r) - 0.5f) / (float)options->dim;
        a->counts[i] = (senses > 1 ? part : 1) * (double)corpus->counts[i / senses];
    }
}

void adagram_free(adagram *a)
{
    syl_sampler_free(&a->sampler);
    free(a->sense), free(a->output), free(a->counts);
}

/* ---- the prior --------------------------------------------------------------------------- */

/* Derivative of log gamma, x > 0: up to 6 and more by its recurrence, then its asymptotic series
 * (Abramowitz and Stegun 6.3.5, 6.3.18). */
static double digamma(double x)
{
    double sum = 0;
    for (; x < 6; x++)
        sum -= 1 / x;
    double y = 1 / (x * x);
    return sum + log(x) - 1 / (2 * x) -
           y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y / 240)));
}

/* Parameters of beta_k's posterior, Beta(1 + n_k, concentration + sum_{j>k} n_j); the last sense
 * takes what is left of the stick. */
typedef struct stick {
    double a[ADAGRAM_MAX_SENSES], b[ADAGRAM_MAX_SENSES];
} stick;

static stick stick_of(const adagram *a, int32_t word)
{
    const double *n = a->counts + (int64_t)word * a->o.senses;
    double behind = 0;
    stick s = {{0}, {0}};
    for (int k = a->o.senses - 1; k >= 0; k--) {
        s.a[k] = 1 + n[k];
        s.b[k] = a->o.concentration + behind;
        behind += n[k];
    }
    return s;
}

void adagram_log_prior(const adagram *a, int32_t word, double *log_pi)
{
    stick s = stick_of(a, word);
    double left = 0;
    for (int k = 0; k < a->o.senses; k++) {
        double both = digamma(s.a[k] + s.b[k]);
        log_pi[k] = left + (k + 1 < a->o.senses ? digamma(s.a[k]) - both : 0);
        left += digamma(s.b[k]) - both;
    }
}

void adagram_prior(const adagram *a, int32_t word, double *pi)
{
    stick s = stick_of(a, word);
    double left = 1;
    for (int k = 0; k < a->o.senses; k++) {
        double part = k + 1 < a->o.senses ? s.a[k] / (s.a[k] + s.b[k]) : 1;
        pi[k] = left * part;
        left *= 1 - part;
    }
}

/* ---- a window ---------------------------------------------------------------------------- */

static double log_sigmoid(double x)
{
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

/* exp, scaled to sum 1. */
static void normalise(double *log_r, int senses)
{
    double top = -INFINITY, sum = 0;
    for (int k = 0; k < senses; k++)
        top = fmax(top, log_r[k]);
    for (int k = 0; k < senses; k++)
        sum += log_r[k] = exp(log_r[k] - top);
    for (int k = 0; k < senses; k++)
        log_r[k] /= sum;
}

/* Products of a window's output rows [count] with the senses of a word: score [senses][count]. */
SYL_CLONES static void adagram_scores(const float *output, int64_t stride, const int32_t *rows,
                                      int count, const float *sense, int senses, float *score)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < senses; k++) {
            const float *o = output + rows[i] * stride, *e = sense + k * stride;
            float sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t j = 0; j < stride; j++)
                sum += o[j] * e[j];
            score[k * count + i] = sum;
        }
}

/* Output rows move along sense e by g [count], and it along what they were; change [stride] is
 * room. */
SYL_CLONES static void adagram_move(float *output, int64_t stride, const int32_t *rows, int count,
                                    const float *g, float *e, float *change)
{
    for (int64_t j = 0; j < stride; j++)
        change[j] = 0;
    for (int i = 0; i < count; i++) {
        float *o = output + rows[i] * stride;
#pragma omp simd
        for (int64_t j = 0; j < stride; j++) {
            change[j] += g[i] * o[j];
            o[j] += g[i] * e[j];
        }
    }
    for (int64_t j = 0; j < stride; j++)
        e[j] += change[j];
}

/* L of a sense by its scores, n of targets and then of negatives, which become dL/dscore: one
 * logarithm for every few of them. */
static double likelihood(const adagram *a, float *score, int n)
{
    double share = (double)n * a->o.negative / a->o.drawn, sum = 0, product = 1;
    int count = n + a->o.drawn;
    for (int i = 0; i < count; i++) {
        double e = (double)expf(fminf(i < n ? -score[i] : score[i], MOST));
        product *= 1 + e;
        score[i] = (float)(i < n ? e / (1 + e) : -share * e / (1 + e));
        if ((i + 1) % TOGETHER && i + 1 != n && i + 1 != count) continue;
        sum -= (i < n ? 1 : share) * log(product);
        product = 1;
    }
    return sum;
}

double adagram_step(adagram *a, int32_t centre, const int32_t *targets, int n,
                    const int32_t *negatives, double rate, double *r)
{
    int senses = a->o.senses, all = n + a->o.drawn;
    int64_t first = (int64_t)centre * senses;
    int32_t rows[MOST_ROWS];
    float score[ADAGRAM_MAX_SENSES * MOST_ROWS], change[MOST_DIM];
    float *sense = a->sense + first * a->stride;
    double each[ADAGRAM_MAX_SENSES], sum = 0, *count = a->counts + first;
    memcpy(rows, targets, (size_t)n * sizeof *rows);
    memcpy(rows + n, negatives, (size_t)a->o.drawn * sizeof *rows);
    adagram_scores(a->output, a->stride, rows, all, sense, senses, score);
    adagram_log_prior(a, centre, r);
    for (int k = 0; k < senses; k++) {
        each[k] = likelihood(a, score + k * all, n);
        r[k] += each[k];
    }
    normalise(r, senses);
    for (int k = 0; k < senses; k++) {
        sum += r[k] * each[k];
        count[k] += rate * (r[k] * (double)a->corpus->counts[centre] - count[k]);
        if (r[k] < NEGLIGIBLE) continue;
        for (int i = 0; i < all; i++)
            score[k * all + i] *= (float)(rate * r[k]);
        adagram_move(a->output, a->stride, rows, all, score + k * all, sense + k * a->stride,
                     change);
    }
    return sum;
}

/* ---- training ---------------------------------------------------------------------------- */

typedef struct progress {
    int64_t windows, targets;
    double sum;
} progress;

static void train_sentence(adagram *a, const int32_t *word, int64_t length, double rate,
                           syl_random *random, progress *p)
{
    int32_t targets[2 * MOST_WINDOW], negatives[MOST_DRAWN];
    double r[ADAGRAM_MAX_SENSES];
    for (int64_t at = 0; at < length; at++) {
        int n = 0;
        int64_t from = at > a->o.window ? at - a->o.window : 0;
        for (int64_t j = from; j <= at + a->o.window && j < length; j++) {
            targets[n] = word[j];
            n += j != at && word[j] != a->corpus->unknown;
        }
        if (n == 0 || word[at] == a->corpus->unknown) continue;
        for (int i = 0; i < a->o.drawn; i++) {
            uint32_t column = syl_random_u32(random);
            negatives[i] = syl_sampler_draw(&a->sampler, column, syl_random_u32(random));
        }
        p->sum += adagram_step(a, word[at], targets, n, negatives, rate, r);
        p->targets += n;
    }
}

/* A new order of the sentences (Fisher and Yates). */
static void shuffle(int64_t *order, int64_t n, syl_random *random)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = syl_random_below(random, (uint32_t)i + 1), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
}

void adagram_train(adagram *a, void (*tell)(double done, double mean))
{
    const syl_dsg_corpus *c = a->corpus;
    progress p = {0};
    syl_random random = {.seed = a->o.seed, .stream = UINT64_C(1) << 62};
    int64_t *order = like_room((size_t)c->sentences, sizeof *order);
    if (a->o.window > MOST_WINDOW || a->o.drawn > MOST_DRAWN || a->o.dim > MOST_DIM) exit(1);
    for (int64_t i = 0; i < c->sentences; i++)
        order[i] = i;
    for (int epoch = 0; epoch < a->o.epochs; epoch++) {
        shuffle(order, c->sentences, &random);
        for (int64_t i = 0; i < c->sentences; i++) {
            int64_t s = order[i];
            double done = ((double)epoch + (double)i / (double)c->sentences) / a->o.epochs;
            double rate = a->o.rate * (1 + (a->o.last_rate - 1) * done);
            train_sentence(a, c->items + c->begin[s], c->begin[s + 1] - c->begin[s], rate, &random,
                           &p);
            if (!tell || (i + 1) % 50000 != 0) continue;
            tell(done, p.sum / (double)p.targets);
            p = (progress){0};
        }
    }
    free(order);
}

/* ---- choice ------------------------------------------------------------------------------ */

static double dot_of(const adagram_view *v, int32_t word, int sense, int64_t output)
{
    return (double)syl_dot(v->sense + ((int64_t)word * v->senses + sense) * v->stride,
                           v->output + output * v->stride, v->stride);
}

void adagram_look_up(adagram_word *w, const adagram_view *v, int32_t word, double least)
{
    double weight = 0;
    *w = (adagram_word){.word = word};
    for (int64_t n = 0; n < v->words; n++) {
        double q = pow((double)v->counts[n], POWER);
        for (int k = 0; k < v->senses; k++)
            w->apart[k] += q * log_sigmoid(-dot_of(v, word, k, n));
        weight += q;
    }
    for (int k = 0; k < v->senses; k++) {
        double prior = (double)v->priors[(int64_t)word * v->senses + k];
        w->log_pi[k] = prior >= least ? log(prior) : -INFINITY;
        w->apart[k] *= v->negative / weight;
    }
}

int adagram_choose(const adagram_word *w, const adagram_view *v, const int32_t *context, size_t n)
{
    double best = -INFINITY;
    int chosen = 0;
    for (int k = 0; k < v->senses; k++) {
        double sum = w->log_pi[k];
        for (size_t i = 0; i < n && sum > -INFINITY; i++)
            if (context[i] >= 0 && context[i] != v->unknown)
                sum += log_sigmoid(dot_of(v, w->word, k, context[i])) + w->apart[k];
        if (sum > best) best = sum, chosen = k;
    }
    return chosen;
}
