/* What word sense induction is compared with, as answers for sylkit dsg eval answers.
 * Usage: wsi_baselines one|each|k-means MODEL CONTEXTS KEY ANSWERS [CLUSTERS [WINDOW [SEED]]]
 * one: a cluster for all contexts of a word; each: a cluster a context; k-means: CLUSTERS (3) of the
 * mean vectors of the contexts' words (WINDOW to either side, 0: all), which are scaled to length 1,
 * by MODEL, plain skip-gram. The clusters are of the very contexts that are scored. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/context.h"
#include "embed/wsi_dataset.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"

#define STARTS 10
#define TURNS 50

static void stop(const syl_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    if (!p) exit(1);
    return p;
}

/* ---- k-means ----------------------------------------------------------------------------- */

/* Rows x [n][dim] go to the nearest of the means [k][dim]; the sum of squared distances. */
static double assign(const float *x, size_t n, int dim, const float *mean, int k, int32_t *id)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        float least = INFINITY;
        for (int c = 0; c < k; c++) {
            float d = syl_distance2(x + i * (size_t)dim, mean + c * dim, dim);
            if (d < least) least = d, id[i] = c;
        }
        sum += (double)least;
    }
    return sum;
}

/* A cluster that is empty keeps its mean. */
static void take_means(const float *x, size_t n, int dim, float *mean, int k, const int32_t *id)
{
    for (int c = 0; c < k; c++) {
        size_t members = 0;
        for (size_t i = 0; i < n; i++)
            members += id[i] == c;
        if (!members) continue;
        memset(mean + c * dim, 0, (size_t)dim * sizeof *mean);
        for (size_t i = 0; i < n; i++)
            for (int j = 0; id[i] == c && j < dim; j++)
                mean[c * dim + j] += x[i * (size_t)dim + (size_t)j] / (float)members;
    }
}

/* k-means++ (Arthur and Vassilvitskii 2007): each mean a row, by its squared distance. */
static void begin_means(const float *x, size_t n, int dim, float *mean, int k, int32_t *id,
                        syl_random *r)
{
    size_t row = (size_t)dim * sizeof *mean;
    memcpy(mean, x + syl_random_below(r, (uint32_t)n) * (size_t)dim, row);
    for (int c = 1; c < k; c++) {
        double left = assign(x, n, dim, mean, c, id) * (double)syl_random_uniform(r);
        size_t i = 0;
        for (; i + 1 < n; i++)
            if ((left -= (double)syl_distance2(x + i * (size_t)dim, mean + id[i] * dim, dim)) < 0)
                break;
        memcpy(mean + c * dim, x + i * (size_t)dim, row);
    }
}

static void k_means(const float *x, size_t n, int dim, int k, uint64_t seed, int32_t *id)
{
    float *mean = room((size_t)(k * dim), sizeof *mean);
    int32_t *now = room(n, sizeof *now);
    double best = INFINITY;
    for (uint64_t start = 0; start < STARTS && n; start++) {
        syl_random r = {.seed = seed, .stream = start};
        double sum = INFINITY, before;
        begin_means(x, n, dim, mean, k, now, &r);
        for (int turn = 0; turn < TURNS; turn++) {
            before = sum;
            sum = assign(x, n, dim, mean, k, now);
            if (sum >= before) break;
            take_means(x, n, dim, mean, k, now);
        }
        if (sum < best) {
            best = sum;
            memcpy(id, now, n * sizeof *id);
        }
    }
    free(mean), free(now);
}

/* ---- contexts ---------------------------------------------------------------------------- */

/* out [dim]: the mean of the words that are known, of length 1, or zeros. */
static void embed(const syl_dsg_model *m, const syl_context_ids *c, float *out)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->ids[i] < 0 || c->ids[i] == m->unknown) continue;
        const float *x = syl_dsg_sense_vector(m, c->ids[i], 0);
        for (int j = 0; j < m->dim; j++)
            out[j] += x[j];
    }
    syl_scale_to(out, m->dim, 1);
}

static void cluster_contexts(const syl_dsg_model *m, const syl_wsi_dataset *d, int k, int window,
                             uint64_t seed, int32_t *clusters)
{
    syl_error err;
    syl_context *context;
    syl_context_ids ids;
    if (syl_context_create(&context, m, &err) != SYL_OK) stop(&err);
    for (size_t t = 0; t < d->num_targets; t++) {
        const syl_wsi_target *target = &d->targets[t];
        float *x = room(target->count * (size_t)m->dim, sizeof *x);
        for (size_t i = 0; i < target->count; i++) {
            const syl_wsi_context *c = &d->contexts[target->first + i];
            if (syl_context_encode(context, c->left, c->right, window, &ids, &err) != SYL_OK)
                stop(&err);
            embed(m, &ids, x + i * (size_t)m->dim);
        }
        k_means(x, target->count, m->dim, k, seed, clusters + target->first);
        free(x);
    }
    syl_context_free(context);
}

int main(int argc, char **argv)
{
    syl_error err;
    syl_dsg_model *m = NULL;
    syl_wsi_dataset d;
    if (argc < 6) return fprintf(stderr, "see wsi_baselines.c for how to use it\n"), 2;
    int k = argc > 6 ? atoi(argv[6]) : 3, window = argc > 7 ? atoi(argv[7]) : 0;
    if (k < 1 || window < 0) return fprintf(stderr, "clusters or window out of range\n"), 2;
    if (syl_wsi_read(&d, argv[3], argv[4], &err) != SYL_OK) stop(&err);
    int32_t *clusters = room(d.num_contexts, sizeof *clusters);
    if (strcmp(argv[1], "k-means") == 0) {
        if (syl_dsg_model_load(&m, argv[2], &err) != SYL_OK) stop(&err);
        cluster_contexts(m, &d, k, window, argc > 8 ? strtoull(argv[8], NULL, 10) : 1, clusters);
    } else if (strcmp(argv[1], "each") == 0) {
        for (size_t i = 0; i < d.num_contexts; i++)
            clusters[i] = (int32_t)i;
    } else if (strcmp(argv[1], "one") != 0) {
        return fprintf(stderr, "%s: no such baseline\n", argv[1]), 2;
    }
    if (syl_wsi_write_answers(argv[5], &d, clusters, &err) != SYL_OK) stop(&err);
    free(clusters);
    syl_wsi_free(&d);
    syl_dsg_model_free(m);
    return 0;
}
