/* What word sense induction is compared with, as answers for sylkit dsg eval answers.
 * Usage: wsi_baselines one|each|k-means MODEL CONTEXTS KEY ANSWERS [--clusters N] [--window N]
 *                      [--seed N] [--text TEXT --format lines|wikipedia]
 * one: a cluster for all contexts of a word; each: a cluster a context.
 * k-means: N (3) clusters of contexts, each the mean vector of its words (--window to either side;
 * 0: all, the default), scaled to length 1, by MODEL, plain skip-gram. With --text the clusters are
 * of the word's occurrences in the training text, as those of a model are, and a context goes to
 * the nearest; without, of the very contexts that are scored, so they know their distribution. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/context.h"
#include "embed/wsi_dataset.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"
#include "tests/dsg/like.h"

#define STARTS 10
#define TURNS 50

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

/* The best of several starts into best_mean [k][dim]. */
static void k_means(const float *x, size_t n, int dim, int k, uint64_t seed, float *best_mean)
{
    float *mean = like_room((size_t)(k * dim), sizeof *mean);
    int32_t *now = like_room(n, sizeof *now);
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
            memcpy(best_mean, mean, (size_t)(k * dim) * sizeof *mean);
        }
    }
    free(mean), free(now);
}

/* ---- contexts ---------------------------------------------------------------------------- */

typedef struct job {
    const char *text, *format; /* NULL: the contexts that are scored */
    int clusters, window;
    uint64_t seed;
    const syl_dsg_model *model;
    const syl_wsi_dataset *dataset;
    syl_documents documents; /* of the text */
} job;

/* out [dim] += the word, if it is one. */
static void add_word(const syl_dsg_model *m, int32_t word, float *out)
{
    if (word < 0 || word == m->unknown) return;
    const float *x = syl_dsg_sense_vector(m, word, 0);
    for (int j = 0; j < m->dim; j++)
        out[j] += x[j];
}

/* x [count][dim]: the contexts of a target, of length 1, or zeros. */
static float *embed_contexts(const job *j, const syl_wsi_target *target)
{
    syl_error err;
    syl_context *context;
    syl_context_ids ids;
    size_t dim = (size_t)j->model->dim;
    float *x = like_room(target->count * dim, sizeof *x);
    if (syl_context_create(&context, j->model, &err) != SYL_OK) like_stop(&err);
    for (size_t i = 0; i < target->count; i++) {
        const syl_wsi_context *c = &j->dataset->contexts[target->first + i];
        if (syl_context_encode(context, c->left, c->right, j->window, &ids, &err) != SYL_OK)
            like_stop(&err);
        for (size_t w = 0; w < ids.count; w++)
            add_word(j->model, ids.ids[w], x + i * dim);
        syl_scale_to(x + i * dim, j->model->dim, 1);
    }
    syl_context_free(context);
    return x;
}

/* The same of a word's occurrences in the text, *count of them. */
static float *embed_occurrences(const job *j, int32_t word, size_t *count)
{
    const syl_documents *d = &j->documents;
    size_t dim = (size_t)j->model->dim;
    int64_t most = syl_vocabulary_counts(j->model->vocabulary)[word];
    float *x = like_room((size_t)most * dim, sizeof *x);
    *count = 0;
    for (int64_t s = 0; s < d->count; s++)
        for (int64_t at = d->begin[s]; at < d->begin[s + 1]; at++) {
            if (d->items[at] != word || *count == (size_t)most) continue;
            float *to = x + (*count)++ * dim;
            for (int64_t i = d->begin[s]; i < d->begin[s + 1]; i++)
                if (i != at && (!j->window || (i >= at - j->window && i <= at + j->window)))
                    add_word(j->model, d->items[i], to);
            syl_scale_to(to, j->model->dim, 1);
        }
    return x;
}

static void cluster_target(const job *j, const syl_wsi_target *target, int32_t *clusters)
{
    const syl_dsg_model *m = j->model;
    int32_t word = syl_dsg_find_word(m, target->word, strlen(target->word));
    size_t count = target->count;
    if (j->text && word < 0) return; /* one cluster */
    float *x = embed_contexts(j, target), *of = x;
    float *mean = like_room((size_t)(j->clusters * m->dim), sizeof *mean);
    if (j->text) of = embed_occurrences(j, word, &count);
    k_means(of, count, m->dim, j->clusters, j->seed, mean);
    assign(x, target->count, m->dim, mean, j->clusters, clusters + target->first);
    if (of != x) free(of);
    free(x), free(mean);
}

static void cluster_all(job *j, const char *model, int32_t *clusters)
{
    syl_error err;
    syl_dsg_model *m;
    if (syl_dsg_model_load(&m, model, &err) != SYL_OK) like_stop(&err);
    j->model = m;
    if (j->text) j->documents = like_read(m, j->text, j->format);
    for (size_t t = 0; t < j->dataset->num_targets; t++)
        cluster_target(j, &j->dataset->targets[t], clusters);
    syl_documents_free(&j->documents);
    syl_dsg_model_free(m);
}

static bool read_options(job *j, int argc, char **argv)
{
    for (int i = 6; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--clusters") == 0)
            j->clusters = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--window") == 0)
            j->window = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            j->seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--text") == 0)
            j->text = argv[i + 1];
        else if (strcmp(argv[i], "--format") == 0)
            j->format = argv[i + 1];
        else
            return false;
    return argc >= 6 && j->clusters > 0 && j->window >= 0;
}

int main(int argc, char **argv)
{
    syl_error err;
    syl_wsi_dataset d;
    job j = {.clusters = 3, .seed = 1, .format = "lines", .dataset = &d};
    if (!read_options(&j, argc, argv))
        return fprintf(stderr, "see wsi_baselines.c for how to use it\n"), 2;
    if (syl_wsi_read(&d, argv[3], argv[4], &err) != SYL_OK) like_stop(&err);
    int32_t *clusters = like_room(d.num_contexts, sizeof *clusters);
    if (strcmp(argv[1], "k-means") == 0)
        cluster_all(&j, argv[2], clusters);
    else if (strcmp(argv[1], "each") == 0)
        for (size_t i = 0; i < d.num_contexts; i++)
            clusters[i] = (int32_t)i;
    else if (strcmp(argv[1], "one") != 0)
        return fprintf(stderr, "%s: no such baseline\n", argv[1]), 2;
    if (syl_wsi_write_answers(argv[5], &d, clusters, &err) != SYL_OK) like_stop(&err);
    free(clusters);
    syl_wsi_free(&d);
    return 0;
}
