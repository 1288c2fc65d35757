/* Choosing the next token. */
#include <math.h>
#include <stdlib.h>

#include "embed/lm/lm.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

typedef struct candidate {
    float logit;
    int32_t id;
} candidate;

struct syl_lm_sampler {
    syl_lm_sampling options;
    syl_random random;
    int vocab;
    candidate *list; /* [vocab] */
    double *weight;  /* [vocab] */
};

syl_lm_sampling syl_lm_sampling_defaults(void)
{
    return (syl_lm_sampling){.temperature = 0, .top_k = 0, .top_p = 1, .seed = 1};
}

syl_status syl_lm_sampler_create(syl_lm_sampler **out, const syl_lm_sampling *o, int vocab,
                                 syl_error *err)
{
    *out = NULL;
    if (!(o->temperature >= 0 && o->temperature <= 1e6))
        return syl_fail(err, SYL_EINVAL, "temperature %g; give 0 (the most probable) or more",
                        o->temperature);
    if (o->top_k < 0)
        return syl_fail(err, SYL_EINVAL, "top-k %d; give 1 or more, or 0 for all", o->top_k);
    if (!(o->top_p > 0 && o->top_p <= 1))
        return syl_fail(err, SYL_EINVAL, "top-p %g; give a value above 0, at most 1", o->top_p);
    syl_lm_sampler *s = syl_calloc(1, sizeof *s);
    if (!s) return syl_fail_memory(err, sizeof *s, "a sampler");
    s->options = *o;
    s->random = (syl_random){.seed = o->seed};
    s->vocab = vocab;
    s->list = syl_calloc((size_t)vocab, sizeof *s->list);
    s->weight = syl_calloc((size_t)vocab, sizeof *s->weight);
    if (!s->list || !s->weight) {
        syl_lm_sampler_free(s);
        return syl_fail_memory(err, (size_t)vocab * sizeof *s->list, "a sampler");
    }
    *out = s;
    return SYL_OK;
}

void syl_lm_sampler_free(syl_lm_sampler *s)
{
    if (!s) return;
    free(s->list);
    free(s->weight);
    free(s);
}

static int by_logit(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

/* The k-th largest of n logits (Hoare's selection), so that only what is kept is sorted. */
static float kth_largest(float *v, int n, int k)
{
    int low = 0, high = n - 1;
    while (low < high) {
        float pivot = v[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (v[i] > pivot)
                i++;
            while (v[j] < pivot)
                j--;
            if (i > j) break;
            float swap = v[i];
            v[i++] = v[j];
            v[j--] = swap;
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return v[k];
}

/* The candidates in the order of their probability; how many. */
static int make_list(syl_lm_sampler *s, const float *logits)
{
    int n = 0, k = s->options.top_k;
    float least = -INFINITY;
    if (k > 0 && k < s->vocab) {
        float *copy = (float *)(void *)s->weight;
        for (int i = 0; i < s->vocab; i++)
            copy[i] = logits[i];
        least = kth_largest(copy, s->vocab, k - 1);
    }
    for (int i = 0; i < s->vocab; i++)
        if (logits[i] >= least && logits[i] > -INFINITY) s->list[n++] = (candidate){logits[i], i};
    bool sorted = k > 0 || s->options.top_p < 1;
    if (sorted) qsort(s->list, (size_t)n, sizeof *s->list, by_logit);
    return k > 0 && n > k ? k : n;
}

static int32_t draw(syl_lm_sampler *s, const float *logits, float top)
{
    int n = make_list(s, logits), kept = 0;
    double sum = 0, part = 0;
    for (int i = 0; i < n; i++) {
        s->weight[i] = exp(((double)s->list[i].logit - (double)top) / s->options.temperature);
        sum += s->weight[i];
    }
    while (kept < n && (kept == 0 || part < s->options.top_p * sum))
        part += s->weight[kept++];
    if (s->options.top_p >= 1) kept = n, part = sum;
    double at = (double)syl_random_uniform(&s->random) * part;
    for (int i = 0; i < kept; i++) {
        at -= s->weight[i];
        if (at < 0) return s->list[i].id;
    }
    return s->list[kept - 1].id;
}

syl_status syl_lm_sample(syl_lm_sampler *s, const float *logits, int32_t *id, syl_error *err)
{
    int best = 0;
    for (int i = 0; i < s->vocab; i++) {
        if (isnan(logits[i]) || logits[i] == INFINITY)
            return syl_fail(err, SYL_ECOMPUTE, "the logit of token %d is %s; is the model damaged?",
                            i, isnan(logits[i]) ? "not a number" : "infinite");
        if (logits[i] > logits[best]) best = i;
    }
    if (logits[best] == -INFINITY)
        return syl_fail(err, SYL_ECOMPUTE, "all logits are -infinity; no token can follow");
    *id = s->options.temperature == 0 ? best : draw(s, logits, logits[best]);
    return SYL_OK;
}
