/* The inventory, choices and similarities; neighbours are in neighbours.c. */
#include "embed/senses.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/senses_inner.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"

const char *const syl_similarity_names[SYL_NUM_SIMILARITIES] = {"avgSim", "maxSim", "globalSim",
                                                                "avgSimC", "localSim"};

/* ---- inventory -------------------------------------------------------------------------- */

/* The senses of a word that stay, into to (NULL: only counted). */
static int keep_senses(const syl_dsg_model *m, int32_t word, double prune, syl_sense *to)
{
    const float *prior = m->priors + (size_t)word * (size_t)m->senses;
    int kept = 0, best = 0;
    for (int k = 0; k < m->senses; k++) {
        if (prior[k] > prior[best]) best = k;
        if (!((double)prior[k] >= prune)) continue;
        if (to) to[kept] = (syl_sense){word, k, prior[k]};
        kept++;
    }
    if (kept) return kept;
    if (to) *to = (syl_sense){word, best, prior[best]};
    return 1;
}

static syl_status fill(syl_senses *s, double prune, syl_error *err)
{
    const syl_dsg_model *m = s->model;
    int64_t kept = 0, rows = m->words * m->senses;
    s->first = syl_calloc((size_t)m->words + 1, sizeof *s->first);
    s->norms = syl_calloc((size_t)rows, sizeof *s->norms);
    if (!s->first || !s->norms)
        return syl_fail_memory(err, (size_t)rows * sizeof *s->norms, "the senses' lengths");
    for (int32_t w = 0; w < m->words; w++)
        kept += keep_senses(m, w, prune, NULL);
    s->kept = syl_calloc((size_t)kept, sizeof *s->kept);
    if (!s->kept) return syl_fail_memory(err, (size_t)kept * sizeof *s->kept, "senses");
    for (int32_t w = 0; w < m->words; w++)
        s->first[w + 1] = s->first[w] + keep_senses(m, w, prune, s->kept + s->first[w]);
    for (int64_t i = 0; i < rows; i++) {
        const float *x = m->sense_vectors + (size_t)i * (size_t)m->dim;
        s->norms[i] = sqrtf(syl_dot(x, x, m->dim));
    }
    return SYL_OK;
}

syl_status syl_senses_create(syl_senses **out, const syl_dsg_model *model, double prune,
                             int threads, syl_error *err)
{
    *out = NULL;
    if (!(prune >= 0 && prune <= 1) || threads < 1)
        return syl_fail(err, SYL_EINVAL,
                        "senses are pruned below a prior of 0 to 1, not %g, by at least 1 thread, "
                        "not %d",
                        prune, threads);
    syl_senses *s = syl_calloc(1, sizeof *s);
    if (!s) return syl_fail_memory(err, sizeof *s, "senses");
    s->model = model;
    s->threads = threads;
    syl_status status = fill(s, prune, err);
    if (status)
        syl_senses_free(s);
    else
        *out = s;
    return status;
}

void syl_senses_free(syl_senses *senses)
{
    if (!senses) return;
    free(senses->first);
    free(senses->norms);
    free(senses->kept);
    free(senses);
}

const syl_dsg_model *syl_senses_model(const syl_senses *senses)
{
    return senses->model;
}

const syl_sense *syl_senses_of(const syl_senses *senses, int32_t word, int *count)
{
    *count = (int)(senses->first[word + 1] - senses->first[word]);
    return senses->kept + senses->first[word];
}

const syl_sense *syl_senses_all(const syl_senses *senses, int64_t *count)
{
    *count = senses->first[senses->model->words];
    return senses->kept;
}

void syl_senses_histogram(const syl_senses *senses, int64_t *words)
{
    memset(words, 0, ((size_t)senses->model->senses + 1) * sizeof *words);
    for (int32_t w = 0; w < senses->model->words; w++)
        words[senses->first[w + 1] - senses->first[w]] += w != senses->model->unknown;
}

int syl_sense_name(const syl_senses *senses, int32_t word, int32_t sense, char name[SYL_SENSE_NAME])
{
    int count;
    const char *text = syl_vocabulary_word(senses->model->vocabulary, word);
    syl_senses_of(senses, word, &count);
    if (count == 1) return snprintf(name, SYL_SENSE_NAME, "%s", text);
    return snprintf(name, SYL_SENSE_NAME, "%s#%d", text, sense + 1);
}

static const float *vector_of(const syl_senses *s, syl_sense sense)
{
    return syl_dsg_sense_vector(s->model, sense.word, sense.sense);
}

static float norm_of(const syl_senses *s, syl_sense sense)
{
    return s->norms[(size_t)sense.word * (size_t)s->model->senses + (size_t)sense.sense];
}

void syl_senses_global_vector(const syl_senses *senses, int32_t word, float *mean)
{
    int count, dim = senses->model->dim;
    const syl_sense *own = syl_senses_of(senses, word, &count);
    float sum = 0;
    for (int i = 0; i < count; i++)
        sum += own[i].prior;
    memset(mean, 0, (size_t)dim * sizeof *mean);
    for (int i = 0; i < count; i++) {
        /* A word without any prior has one sense. */
        float weight = sum > 0 ? own[i].prior / sum : 1;
        const float *x = vector_of(senses, own[i]);
        for (int d = 0; d < dim; d++)
            mean[d] += weight * x[d];
    }
}

/* ---- choice ----------------------------------------------------------------------------- */

static bool is_known(const syl_senses *s, int32_t word)
{
    return word >= 0 && word < s->model->words && word != s->model->unknown;
}

/* sum [D] += the mean of the word's senses. */
static void add_senses(const syl_senses *s, int32_t word, float *sum)
{
    int count, dim = s->model->dim;
    const syl_sense *own = syl_senses_of(s, word, &count);
    for (int i = 0; i < count; i++) {
        const float *x = vector_of(s, own[i]);
        for (int d = 0; d < dim; d++)
            sum[d] += x[d] / (float)count;
    }
}

static void add_output(const syl_senses *s, int32_t word, float *sum)
{
    int dim = s->model->dim;
    const float *x = s->model->output_vectors + (size_t)word * (size_t)dim;
    for (int d = 0; d < dim; d++)
        sum[d] += x[d];
}

/* mean [D] (zeros at first) of the words that are known; false: there are none. */
static bool context_mean(const syl_senses *s, const int32_t *context, size_t n, syl_sense_rule rule,
                         float *mean)
{
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_known(s, context[i])) continue;
        if (rule == SYL_RULE_COSINE)
            add_senses(s, context[i], mean);
        else
            add_output(s, context[i], mean);
        known++;
    }
    for (int d = 0; d < s->model->dim; d++)
        mean[d] = known ? mean[d] / (float)known : 0;
    return known > 0;
}

/* Of a vector to itself 1 exactly: words compared with themselves must tie. */
static double cosine(const float *a, float norm_a, const float *b, float norm_b, int dim)
{
    double size = (double)norm_a * (double)norm_b;
    if (!(size > 0)) return 0;
    if (a == b) return 1;
    return fmin(1, fmax(-1, (double)syl_dot(a, b, dim) / size));
}

static void score_by_cosine(const syl_senses *s, const syl_sense *own, int count, const float *c,
                            float *score)
{
    int dim = s->model->dim;
    float norm = sqrtf(syl_dot(c, c, dim));
    for (int i = 0; i < count; i++)
        score[own[i].sense] =
            (float)((1 + cosine(vector_of(s, own[i]), norm_of(s, own[i]), c, norm, dim)) / 2);
}

static void score_by_network(const syl_senses *s, const syl_sense *own, int count, const float *c,
                             float *score)
{
    int senses = s->model->senses, dim = s->model->dim;
    const float *a = s->model->network + (size_t)own->word * (size_t)dim * (size_t)senses;
    const float *bias = s->model->network_bias + (size_t)own->word * (size_t)senses;
    double logit[SYL_DSG_MAX_SENSES], top = -INFINITY, sum = 0;
    for (int i = 0; i < count; i++) {
        int k = own[i].sense;
        logit[i] = (double)bias[k];
        for (int d = 0; d < dim; d++)
            logit[i] += (double)c[d] * (double)a[d * senses + k];
        top = fmax(top, logit[i]);
    }
    for (int i = 0; i < count; i++)
        sum += exp(logit[i] - top);
    for (int i = 0; i < count; i++)
        score[own[i].sense] = (float)(exp(logit[i] - top) / sum);
}

static bool is_finite(const float *x, int n)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static void choose_best(const syl_sense *own, int count, syl_sense_choice *out)
{
    double sum = 0;
    out->best = own[0].sense;
    for (int i = 0; i < count; i++) {
        if (out->score[own[i].sense] > out->score[out->best]) out->best = own[i].sense;
        sum += (double)out->score[own[i].sense];
    }
    for (int i = 0; i < count; i++)
        out->weight[own[i].sense] =
            (float)(sum > 0 ? (double)out->score[own[i].sense] / sum : 1.0 / count);
}

syl_status syl_senses_choose(const syl_senses *senses, int32_t word, const int32_t *context,
                             size_t n, syl_sense_rule rule, syl_sense_choice *out, syl_error *err)
{
    int count;
    syl_status status = SYL_OK;
    if (word < 0 || word >= senses->model->words)
        return syl_fail(err, SYL_EINVAL, "a word that is not in the vocabulary has no senses");
    if (rule == SYL_RULE_NETWORK && !senses->model->network)
        return syl_fail(err, SYL_EINVAL,
                        "this model has no disambiguation network; choose senses by cosine");
    float *mean = syl_calloc((size_t)senses->model->dim, sizeof *mean);
    if (!mean) return syl_fail_memory(err, (size_t)senses->model->dim * sizeof *mean, "a context");
    const syl_sense *own = syl_senses_of(senses, word, &count);
    memset(out, 0, sizeof *out);
    out->informed = context_mean(senses, context, n, rule, mean);
    if (!out->informed)
        for (int i = 0; i < count; i++)
            out->score[own[i].sense] = own[i].prior;
    else if (!is_finite(mean, senses->model->dim))
        status = syl_fail(err, SYL_EFORMAT, "the vectors of a context are too large to be summed");
    else if (rule == SYL_RULE_COSINE)
        score_by_cosine(senses, own, count, mean, out->score);
    else
        score_by_network(senses, own, count, mean, out->score);
    choose_best(own, count, out);
    free(mean);
    return status;
}

/* ---- similarity ------------------------------------------------------------------------- */

static double sense_similarity(const syl_senses *s, syl_sense a, syl_sense b)
{
    return (1 +
            cosine(vector_of(s, a), norm_of(s, a), vector_of(s, b), norm_of(s, b), s->model->dim)) /
           2;
}

/* The dot product of the words' global vectors, from those of their senses. */
static double global_product(const syl_senses *s, int32_t a, int32_t b)
{
    int na, nb;
    const syl_sense *of_a = syl_senses_of(s, a, &na), *of_b = syl_senses_of(s, b, &nb);
    double sum = 0, all_a = 0, all_b = 0;
    for (int i = 0; i < na; i++)
        all_a += (double)of_a[i].prior;
    for (int j = 0; j < nb; j++)
        all_b += (double)of_b[j].prior;
    for (int i = 0; i < na; i++)
        for (int j = 0; j < nb; j++)
            sum += (all_a > 0 ? (double)of_a[i].prior / all_a : 1) *
                   (all_b > 0 ? (double)of_b[j].prior / all_b : 1) *
                   (double)syl_dot(vector_of(s, of_a[i]), vector_of(s, of_b[j]), s->model->dim);
    return sum;
}

static double global_similarity(const syl_senses *s, int32_t a, int32_t b)
{
    double size = sqrt(global_product(s, a, a)) * sqrt(global_product(s, b, b));
    if (a == b && size > 0) return 1;
    return size > 0 ? (1 + fmin(1, fmax(-1, global_product(s, a, b) / size))) / 2 : 0.5;
}

double syl_senses_similarity(const syl_senses *senses, syl_similarity kind, int32_t a, int32_t b,
                             const syl_sense_choice *choice_a, const syl_sense_choice *choice_b)
{
    int na, nb;
    const syl_sense *of_a = syl_senses_of(senses, a, &na), *of_b = syl_senses_of(senses, b, &nb);
    double mean = 0, most = 0, weighted = 0;
    if (kind == SYL_SIM_GLOBAL) return global_similarity(senses, a, b);
    if (kind == SYL_SIM_LOCAL)
        return sense_similarity(senses, (syl_sense){a, choice_a->best, 0},
                                (syl_sense){b, choice_b->best, 0});
    for (int i = 0; i < na; i++)
        for (int j = 0; j < nb; j++) {
            double sim = sense_similarity(senses, of_a[i], of_b[j]);
            mean += sim / (na * nb);
            most = fmax(most, sim);
            if (kind == SYL_SIM_AVERAGE_C)
                weighted += (double)choice_a->weight[of_a[i].sense] *
                            (double)choice_b->weight[of_b[j].sense] * sim;
        }
    return kind == SYL_SIM_AVERAGE ? mean : kind == SYL_SIM_MAXIMUM ? most : weighted;
}
