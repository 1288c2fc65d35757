/* The first centroids. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/kmeans_run.h"

#define SAMPLE_A_CLUSTER 4
#define LEAST_SAMPLE 16384
#define ROUNDS 5 /* of k-means||, each drawing about as many candidates as there are clusters */

static syl_status too_few(const syl_kmeans_run *run, int found, int64_t among, syl_error *err)
{
    return syl_fail(err, SYL_EINVAL,
                    "%lld of %lld rows are only %d different vectors, too few for %d clusters; "
                    "ask for at most %d%s",
                    (long long)among, (long long)run->count, found, run->options->clusters, found,
                    among < run->count ? " or a larger sample" : "");
}

/* n different rows, ascending, each set of n as likely as any other (Knuth's algorithm S). */
static void draw_rows(const syl_kmeans_run *run, int64_t *index, int64_t n)
{
    syl_random random = syl_kmeans_random(run, SYL_KMEANS_DRAW_SAMPLE, 0);
    int64_t taken = 0;
    for (int64_t row = 0; taken < n; row++)
        if ((double)(run->count - row) * syl_random_double(&random) < (double)(n - taken))
            index[taken++] = row;
}

static void copy_rows(const syl_kmeans_run *run, const float *points, const int64_t *chosen)
{
    size_t dim = (size_t)run->dim;
    for (int k = 0; k < run->options->clusters; k++)
        memcpy(run->s.centroids + (size_t)k * dim, points + (size_t)chosen[k] * dim,
               dim * sizeof *points);
}

/* k-means++ among points [n][dim]. */
static syl_status choose_among(syl_kmeans_run *run, const float *points, const double *weights,
                               int64_t n, syl_error *err)
{
    int size = run->options->clusters, found = 0;
    int64_t *chosen = syl_calloc((size_t)size, sizeof *chosen);
    if (!chosen) return syl_fail_memory(err, (size_t)size * sizeof *chosen, "k-means++");
    syl_status status = syl_kmeans_plusplus(run, points, weights, n, chosen, size, &found, err);
    if (!status && found < size && !run->stopped)
        status = too_few(run, found, weights ? run->count : n, err);
    if (!status && !run->stopped) copy_rows(run, points, chosen);
    free(chosen);
    return status;
}

static int64_t sample_size(const syl_kmeans_run *run)
{
    int64_t n = run->options->sample, size = run->options->clusters;
    if (!n) n = SAMPLE_A_CLUSTER * size;
    if (!run->options->sample && n < LEAST_SAMPLE) n = LEAST_SAMPLE;
    return n < run->count ? n : run->count;
}

static syl_status begin_plusplus(syl_kmeans_run *run, syl_error *err)
{
    int64_t n = sample_size(run);
    int64_t *index = syl_calloc((size_t)n, sizeof *index);
    float *points = syl_calloc(syl_mul_size((size_t)n, (size_t)run->dim), sizeof *points);
    syl_status status = SYL_OK;
    if (!index || !points)
        status = syl_fail_memory(err, (size_t)n * (size_t)run->dim * sizeof *points, "a sample");
    if (!status) draw_rows(run, index, n);
    if (!status) status = syl_rows_gather(run->rows, index, n, points, err);
    if (!status) status = choose_among(run, points, NULL, n, err);
    free(index);
    free(points);
    return status;
}

static syl_status begin_random(syl_kmeans_run *run, syl_error *err)
{
    int64_t n = run->options->clusters;
    int64_t *index = syl_calloc((size_t)n, sizeof *index);
    if (!index) return syl_fail_memory(err, (size_t)n * sizeof *index, "a sample");
    draw_rows(run, index, n);
    syl_status status = syl_rows_gather(run->rows, index, n, run->s.centroids, err);
    free(index);
    return status;
}

/* ---- k-means|| ------------------------------------------------------------------------- */

typedef struct candidates {
    float *points; /* [count][dim] */
    size_t count, capacity;
    double *weights; /* [count] rows that are nearest to each */
    int positive;    /* weights above 0: different vectors */
} candidates;

static syl_status add_candidate(syl_kmeans_run *run, candidates *c, int64_t row, syl_error *err)
{
    size_t dim = (size_t)run->dim;
    void *points = c->points;
    if (c->count >= INT32_MAX / 2)
        return syl_fail(err, SYL_EINVAL, "k-means|| with more than %d candidates", INT32_MAX / 2);
    SYL_TRY(syl_grow(&points, &c->capacity, c->count + 1, dim * sizeof(float), err));
    c->points = points;
    return syl_rows_read(run->rows, row, 1, c->points + c->count++ * dim, err);
}

/* Labels and distances of all rows, now that candidates from `first` on are there. */
static syl_status nearest_candidates(syl_kmeans_run *run, const candidates *c, size_t first,
                                     double *total, syl_error *err)
{
    int32_t labels[SYL_ASSIGN_ROWS];
    float distances[SYL_ASSIGN_ROWS];
    SYL_TRY(syl_assigner_set(run->assigner, c->points + first * (size_t)run->dim,
                             (int)(c->count - first), err));
    *total = 0;
    for (int64_t at = 0, n; at < run->count; at += n) {
        n = run->count - at < SYL_ASSIGN_ROWS ? run->count - at : SYL_ASSIGN_ROWS;
        SYL_TRY(syl_assign(run->assigner, NULL, at, n, run->block, labels, distances, err));
        for (int64_t i = 0; i < n; i++) {
            if (first == 0 || distances[i] < run->distances[at + i]) {
                run->distances[at + i] = distances[i];
                run->labels[at + i] = (int32_t)first + labels[i];
            }
            *total += run->distances[at + i];
        }
    }
    return SYL_OK;
}

static syl_status weigh(syl_kmeans_run *run, candidates *c, syl_error *err)
{
    free(c->weights);
    c->weights = syl_calloc(c->count, sizeof *c->weights);
    if (!c->weights) return syl_fail_memory(err, c->count * sizeof *c->weights, "k-means||");
    c->positive = 0;
    for (int64_t i = 0; i < run->count; i++)
        c->positive += c->weights[run->labels[i]]++ == 0;
    return SYL_OK;
}

static int64_t farthest(const syl_kmeans_run *run)
{
    int64_t best = 0;
    for (int64_t i = 1; i < run->count; i++)
        if (run->distances[i] > run->distances[best]) best = i;
    return best;
}

/* Each row for itself, with a probability by its distance; at least one. */
static syl_status draw_round(syl_kmeans_run *run, candidates *c, int round, double total,
                             syl_error *err)
{
    size_t first = c->count;
    double scale = run->options->clusters / total;
    syl_random random = syl_kmeans_random(run, SYL_KMEANS_DRAW_ROUND, round);
    for (int64_t i = 0; i < run->count; i++)
        if (syl_random_double(&random) < scale * run->distances[i])
            SYL_TRY(add_candidate(run, c, i, err));
    return c->count > first ? SYL_OK : add_candidate(run, c, farthest(run), err);
}

static syl_status gather_candidates(syl_kmeans_run *run, candidates *c, syl_error *err)
{
    double total;
    syl_random random = syl_kmeans_random(run, SYL_KMEANS_DRAW_SAMPLE, 0);
    int64_t row = (int64_t)(syl_random_double(&random) * (double)run->count);
    SYL_TRY(add_candidate(run, c, row, err));
    SYL_TRY(nearest_candidates(run, c, 0, &total, err));
    SYL_TRY(weigh(run, c, err));
    for (int round = 0; round < ROUNDS || c->positive < run->options->clusters; round++) {
        size_t first = c->count;
        if (total <= 0) break;
        if (syl_kmeans_tell(run, 0)) return SYL_OK;
        SYL_TRY(draw_round(run, c, round, total, err));
        SYL_TRY(nearest_candidates(run, c, first, &total, err));
        SYL_TRY(weigh(run, c, err));
    }
    if (c->positive >= run->options->clusters) return SYL_OK;
    return too_few(run, c->positive, run->count, err);
}

static syl_status begin_parallel(syl_kmeans_run *run, syl_error *err)
{
    candidates c = {0};
    syl_status status = gather_candidates(run, &c, err);
    if (!status && !run->stopped)
        status = choose_among(run, c.points, c.weights, (int64_t)c.count, err);
    free(c.points);
    free(c.weights);
    return status;
}

syl_status syl_kmeans_begin(syl_kmeans_run *run, syl_error *err)
{
    switch (run->options->init) {
    case SYL_KMEANS_PARALLEL:
        return begin_parallel(run, err);
    case SYL_KMEANS_RANDOM:
        return begin_random(run, err);
    default:
        return begin_plusplus(run, err);
    }
}
