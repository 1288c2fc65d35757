#include "train/assign.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/compute/mirror.h"
#include "lib/compute/training.h"

#define BLOCK 256 /* rows of one thread at a time */

struct syl_assigner {
    const syl_rows *rows;
    int threads, size;
    syl_ctx **contexts;     /* [threads], each of one thread */
    const float *centroids; /* the caller's */
    float *bias;            /* [size] -|c|^2 / 2; NULL: spherical */
    syl_device *device;     /* NULL: the CPU, and none of what follows is there */
    syl_ctx *queue;
    syl_mirror there, bias_there;
};

void syl_assigner_free(syl_assigner *a)
{
    if (!a) return;
    syl_mirror_free(&a->there);
    syl_mirror_free(&a->bias_there);
    syl_ctx_free(a->queue);
    free(a->bias);
    for (int t = 0; a->contexts && t < a->threads; t++)
        syl_ctx_free(a->contexts[t]);
    free(a->contexts);
    free(a);
}

syl_status syl_assigner_create(syl_assigner **out, const syl_rows *rows, syl_device *device,
                               int threads, syl_error *err)
{
    syl_assigner *a = syl_calloc(1, sizeof *a);
    *out = NULL;
    if (!a) return syl_fail_memory(err, sizeof *a, "an assignment");
    *a = (syl_assigner){.rows = rows, .threads = threads, .device = device};
    a->contexts = syl_calloc((size_t)threads, sizeof(syl_ctx *));
    syl_status status = a->contexts ? SYL_OK : syl_fail_memory(err, sizeof *a, "an assignment");
    for (int t = 0; t < threads && !status; t++)
        status = syl_ctx_create(&a->contexts[t], 1, err);
    if (device && !status) status = syl_ctx_create_on(&a->queue, device, 1, err);
    if (status)
        syl_assigner_free(a);
    else
        *out = a;
    return status;
}

static syl_status place(const syl_assigner *a, syl_mirror *m, const float *from, int64_t n,
                        syl_error *err)
{
    syl_mirror_free(m);
    SYL_TRY(syl_mirror_create(m, n, "centroids", err));
    memcpy(m->host, from, (size_t)n * sizeof *from);
    return syl_mirror_place(m, a->device, err);
}

static syl_status place_all(syl_assigner *a, syl_error *err)
{
    if (!a->device) return SYL_OK;
    SYL_TRY(place(a, &a->there, a->centroids, (int64_t)a->size * syl_rows_dim(a->rows), err));
    return a->bias ? place(a, &a->bias_there, a->bias, a->size, err) : SYL_OK;
}

/* The nearest centroid has the largest x.c - |c|^2/2; among unit vectors, the largest x.c. */
syl_status syl_assigner_set(syl_assigner *a, const float *centroids, int size, syl_error *err)
{
    int dim = syl_rows_dim(a->rows);
    free(a->bias);
    a->bias = NULL;
    a->centroids = centroids;
    a->size = size;
    if (syl_rows_metric(a->rows) == SYL_METRIC_SPHERICAL) return place_all(a, err);
    a->bias = syl_calloc((size_t)size, sizeof *a->bias);
    if (!a->bias) return syl_fail_memory(err, (size_t)size * sizeof(float), "an assignment");
    for (int k = 0; k < size; k++) {
        const float *c = centroids + (size_t)k * (size_t)dim;
        a->bias[k] = -0.5f * syl_dot(c, c, dim);
    }
    return place_all(a, err);
}

static syl_status read_block(const syl_assigner *a, const int64_t *index, int64_t begin, int64_t n,
                             float *x, syl_error *err)
{
    return index ? syl_rows_gather(a->rows, index, n, x, err)
                 : syl_rows_read(a->rows, begin, n, x, err);
}

/* x [n][dim], n <= BLOCK. */
static syl_status assign_block(const syl_assigner *a, syl_ctx *ctx, float *x, int64_t n,
                               int32_t *labels, syl_error *err)
{
    int dim = syl_rows_dim(a->rows);
    return syl_nearest(ctx, syl_mat_of(x, SYL_F32, n, dim),
                       syl_mat_of((void *)(uintptr_t)a->centroids, SYL_F32, a->size, dim), a->bias,
                       labels, err);
}

static syl_status assign_there(const syl_assigner *a, const float *x, int64_t n, int32_t *labels,
                               syl_error *err)
{
    int dim = syl_rows_dim(a->rows);
    syl_mat rows, centroids = syl_mat_of(a->there.data, SYL_F32, a->size, dim);
    size_t mark = syl_ctx_mark(a->queue);
    syl_status status = syl_ctx_mat(a->queue, SYL_F32, n, dim, &rows, err);
    if (!status) status = syl_upload(a->queue, x, rows, err);
    if (!status)
        status = syl_nearest(a->queue, rows, centroids, a->bias ? a->bias_there.data : NULL, labels,
                             err);
    syl_ctx_release(a->queue, mark);
    return status;
}

static void measure(const syl_assigner *a, const float *x, int64_t n, const int32_t *labels,
                    float *distances)
{
    size_t dim = (size_t)syl_rows_dim(a->rows);
    for (int64_t i = 0; i < n; i++)
        distances[i] = syl_distance2(x + (size_t)i * dim, a->centroids + (size_t)labels[i] * dim,
                                     (int64_t)dim);
}

/* Rows are read, and on the CPU assigned, by all threads. */
static syl_status read_all(syl_assigner *a, const int64_t *index, int64_t begin, int64_t n,
                           float *x, int32_t *labels, syl_error *err)
{
    int64_t blocks = (n + BLOCK - 1) / BLOCK, failed = blocks;
    syl_status result = SYL_OK;
#pragma omp parallel for num_threads(a->threads) schedule(dynamic, 1)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * BLOCK, some = n - at < BLOCK ? n - at : BLOCK;
        float *rows = x + (size_t)at * (size_t)syl_rows_dim(a->rows);
        syl_ctx *ctx = a->contexts[omp_get_thread_num()];
        syl_error own;
        syl_status status = read_block(a, index ? index + at : NULL, begin + at, some, rows, &own);
        if (!status && !a->device) status = assign_block(a, ctx, rows, some, labels + at, &own);
#pragma omp critical(syl_assign_failed)
        if (status && b < failed) { /* the first in order, however the threads ran */
            failed = b;
            result = syl_fail(err, status, "%s", own.message);
        }
    }
    return result;
}

syl_status syl_assign(syl_assigner *a, const int64_t *index, int64_t begin, int64_t n, float *x,
                      int32_t *labels, float *distances, syl_error *err)
{
    SYL_TRY(read_all(a, index, begin, n, x, labels, err));
    if (a->device) SYL_TRY(assign_there(a, x, n, labels, err));
#pragma omp parallel for num_threads(a->threads) schedule(static)
    for (int64_t at = 0; at < n; at += BLOCK)
        measure(a, x + (size_t)at * (size_t)syl_rows_dim(a->rows), n - at < BLOCK ? n - at : BLOCK,
                labels + at, distances + at);
    return SYL_OK;
}
