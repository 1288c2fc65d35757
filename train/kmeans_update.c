/* One iteration: nearest centroids, means, and new places for clusters that lost all rows. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "train/kmeans_run.h"

/* A cluster's rows are added by one thread in their order, so that the sums do not depend on
 * the number of threads. */
static void add_rows(syl_kmeans_run *run, const float *x, const int32_t *labels, int64_t n)
{
    int dim = run->dim;
#pragma omp parallel num_threads(run->options->threads)
    {
        int own = omp_get_thread_num(), threads = omp_get_num_threads();
        for (int64_t i = 0; i < n; i++) {
            if (labels[i] % threads != own) continue;
            double *sum = run->sums + (size_t)labels[i] * (size_t)dim;
            const float *row = x + (size_t)i * (size_t)dim;
            run->members[labels[i]]++;
            for (int j = 0; j < dim; j++)
                sum[j] += row[j];
        }
    }
}

static void clear_sums(syl_kmeans_run *run)
{
    size_t size = (size_t)run->options->clusters;
    memset(run->sums, 0, size * (size_t)run->dim * sizeof *run->sums);
    memset(run->members, 0, size * sizeof *run->members);
}

syl_status syl_kmeans_pass(syl_kmeans_run *run, bool sum, double *inertia, syl_error *err)
{
    SYL_TRY(syl_assigner_set(run->assigner, run->s.centroids, run->options->clusters, err));
    if (sum) clear_sums(run);
    *inertia = 0;
    for (int64_t at = 0, n; at < run->count; at += n) {
        n = run->count - at < run->block_rows ? run->count - at : run->block_rows;
        SYL_TRY(syl_assign(run->assigner, NULL, at, n, run->block, run->labels + at,
                           run->distances + at, err));
        if (sum) add_rows(run, run->block, run->labels + at, n);
        for (int64_t i = 0; i < n; i++)
            *inertia += run->distances[at + i];
    }
    return SYL_OK;
}

/* ---- empty clusters --------------------------------------------------------------------- */

/* Of n labelled rows, the one farthest from its centroid (the first of equals) that is not alone
 * in its cluster; -1: all lie on their centroids. Marked, so that it is found only once. */
static int64_t take_farthest(syl_kmeans_run *run, int64_t n)
{
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
        if (run->distances[i] > (best < 0 ? 0 : run->distances[best]) &&
            run->members[run->labels[i]] > 1)
            best = i;
    if (best >= 0) run->distances[best] = 0;
    return best;
}

/* The farthest row leaves its cluster and becomes the whole of cluster k. */
static syl_status reseed(syl_kmeans_run *run, int k, syl_error *err)
{
    int64_t row = take_farthest(run, run->count);
    if (row < 0) {
        int full = 0;
        for (int c = 0; c < run->options->clusters; c++)
            full += run->members[c] > 0;
        return syl_fail(err, SYL_EINVAL,
                        "%lld rows are only %d different vectors, too few for %d clusters; ask "
                        "for at most %d",
                        (long long)run->count, full, run->options->clusters, full);
    }
    float *x = run->block; /* its rows were added up already */
    SYL_TRY(syl_rows_read(run->rows, row, 1, x, err));
    double *from = run->sums + (size_t)run->labels[row] * (size_t)run->dim;
    double *to = run->sums + (size_t)k * (size_t)run->dim;
    for (int j = 0; j < run->dim; j++) {
        from[j] -= x[j];
        to[j] = x[j];
    }
    run->members[run->labels[row]]--;
    run->members[k] = 1;
    run->labels[row] = k;
    run->reseeded++;
    return SYL_OK;
}

/* ---- iterations ------------------------------------------------------------------------- */

/* The centroid moves to (1 - rate) c + rate * mean; unit length for the spherical metric, where
 * a mean of zeros says nothing. */
static void move(syl_kmeans_run *run, int k, double rate)
{
    float *c = run->s.centroids + (size_t)k * (size_t)run->dim;
    const double *sum = run->sums + (size_t)k * (size_t)run->dim;
    double members = (double)run->members[k], norm2 = 0, scale = 1;
    bool spherical = syl_rows_metric(run->rows) == SYL_METRIC_SPHERICAL;
    for (int j = 0; spherical && j < run->dim; j++) {
        double v = c[j] * (1 - rate) + sum[j] / members * rate;
        norm2 += v * v;
    }
    if (spherical && norm2 == 0) return;
    if (spherical) scale = 1 / sqrt(norm2);
    for (int j = 0; j < run->dim; j++)
        c[j] = (float)((c[j] * (1 - rate) + sum[j] / members * rate) * scale);
}

syl_status syl_kmeans_lloyd(syl_kmeans_run *run, syl_error *err)
{
    double inertia;
    SYL_TRY(syl_kmeans_pass(run, true, &inertia, err));
    run->reseeded = 0;
    for (int k = 0; k < run->options->clusters; k++)
        if (!run->members[k]) SYL_TRY(reseed(run, k, err));
    for (int k = 0; k < run->options->clusters; k++)
        move(run, k, 1);
    double fall = run->s.inertia - inertia;
    run->s.converged =
        run->s.iteration > 0 && !run->reseeded && fall <= run->options->tolerance * run->s.inertia;
    run->s.inertia = inertia;
    run->s.iteration++;
    return SYL_OK;
}

static int by_row(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Drawn with replacement; in the order of the files, which reads faster. */
static void draw_batch(const syl_kmeans_run *run, int64_t *index, int64_t n)
{
    syl_random random = syl_kmeans_random(run, SYL_KMEANS_DRAW_BATCH, run->s.iteration);
    for (int64_t i = 0; i < n; i++)
        index[i] = (int64_t)(syl_random_double(&random) * (double)run->count);
    qsort(index, (size_t)n, sizeof *index, by_row);
}

/* After as many batches as make up the data, a centroid without rows goes to the farthest. */
static void reseed_unused(syl_kmeans_run *run, int64_t n)
{
    int64_t turn = (run->count + n - 1) / n;
    size_t dim = (size_t)run->dim;
    run->reseeded = 0;
    if (run->s.iteration % turn != turn - 1) return;
    for (int k = 0; k < run->options->clusters; k++) {
        int64_t i = run->s.counts[k] ? -1 : take_farthest(run, n);
        if (i < 0) continue;
        memcpy(run->s.centroids + (size_t)k * dim, run->block + (size_t)i * dim,
               dim * sizeof(float));
        run->s.counts[k] = 1;
        run->reseeded++;
    }
}

/* Sculley 2010: each centroid is the mean of all rows it was ever given. */
syl_status syl_kmeans_minibatch(syl_kmeans_run *run, syl_error *err)
{
    int64_t n = run->options->batch;
    int64_t *index = syl_calloc((size_t)n, sizeof *index);
    if (!index) return syl_fail_memory(err, (size_t)n * sizeof *index, "a batch");
    draw_batch(run, index, n);
    syl_status status =
        syl_assigner_set(run->assigner, run->s.centroids, run->options->clusters, err);
    if (!status)
        status =
            syl_assign(run->assigner, index, 0, n, run->block, run->labels, run->distances, err);
    free(index);
    SYL_TRY(status);
    run->s.inertia = 0;
    for (int64_t i = 0; i < n; i++)
        run->s.inertia += run->distances[i];
    clear_sums(run);
    add_rows(run, run->block, run->labels, n);
    for (int k = 0; k < run->options->clusters; k++) {
        if (!run->members[k]) continue;
        run->s.counts[k] += run->members[k];
        move(run, k, (double)run->members[k] / (double)run->s.counts[k]);
    }
    reseed_unused(run, n);
    run->s.iteration++;
    return SYL_OK;
}
