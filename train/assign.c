#include "train/assign.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "lib/base/clones.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/compute/compute.h"

/* A block's scores against a tile, 512 KB, stay in the second-level cache. */
#define BLOCK 256
#define TILE 512
#define GROUP 64 /* scores whose largest is looked for at a time */

struct syl_assigner {
    const syl_rows *rows;
    int threads, size, num_tiles;
    syl_ctx **contexts; /* [threads], each of one thread */
    syl_weight **tiles;
    const float *centroids; /* the caller's */
};

static void drop_tiles(syl_assigner *a)
{
    for (int t = 0; t < a->num_tiles; t++)
        syl_weight_free(a->tiles[t]);
    free(a->tiles);
    a->tiles = NULL;
    a->num_tiles = 0;
}

void syl_assigner_free(syl_assigner *a)
{
    if (!a) return;
    drop_tiles(a);
    for (int t = 0; a->contexts && t < a->threads; t++)
        syl_ctx_free(a->contexts[t]);
    free(a->contexts);
    free(a);
}

syl_status syl_assigner_create(syl_assigner **out, const syl_rows *rows, int threads,
                               syl_error *err)
{
    syl_assigner *a = syl_calloc(1, sizeof *a);
    *out = NULL;
    if (!a) return syl_fail_memory(err, sizeof *a, "an assignment");
    *a = (syl_assigner){.rows = rows, .threads = threads};
    a->contexts = syl_calloc((size_t)threads, sizeof(syl_ctx *));
    syl_status status = a->contexts ? SYL_OK : syl_fail_memory(err, sizeof *a, "an assignment");
    for (int t = 0; t < threads && !status; t++)
        status = syl_ctx_create(&a->contexts[t], 1, err);
    if (status)
        syl_assigner_free(a);
    else
        *out = a;
    return status;
}

/* The nearest centroid has the largest x.c - |c|^2/2; among unit vectors, the largest x.c. */
static syl_status pack(syl_assigner *a, const float *centroids, int n, syl_error *err)
{
    int dim = syl_rows_dim(a->rows);
    float bias[TILE];
    for (int k = 0; k < n; k++) {
        const float *c = centroids + (size_t)k * (size_t)dim;
        bias[k] = -0.5f * syl_dot(c, c, dim);
    }
    const float *used = syl_rows_metric(a->rows) == SYL_METRIC_SPHERICAL ? NULL : bias;
    SYL_TRY(
        syl_weight_linear(&a->tiles[a->num_tiles], NULL, centroids, used, n, dim, SYL_F32, err));
    a->num_tiles++;
    return SYL_OK;
}

syl_status syl_assigner_set(syl_assigner *a, const float *centroids, int size, syl_error *err)
{
    size_t dim = (size_t)syl_rows_dim(a->rows), tiles = ((size_t)size + TILE - 1) / TILE;
    drop_tiles(a);
    a->centroids = centroids;
    a->size = size;
    a->tiles = syl_calloc(tiles, sizeof(syl_weight *));
    if (!a->tiles) return syl_fail_memory(err, tiles * sizeof(syl_weight *), "an assignment");
    for (int k = 0; k < size; k += TILE)
        SYL_TRY(pack(a, centroids + (size_t)k * dim, size - k < TILE ? size - k : TILE, err));
    return SYL_OK;
}

/* The first place of the largest of `score`, if that is above *best. */
SYL_CLONES static void take_best(const float *score, int n, int first, float *best, int32_t *label)
{
    int group = -1;
    for (int g = 0; g < n; g += GROUP) {
        int end = g + GROUP < n ? g + GROUP : n;
        float top = syl_maximum(score + g, end - g);
        if (top > *best) {
            *best = top;
            group = g;
        }
    }
    if (group < 0) return;
    while (score[group] != *best)
        group++;
    *label = first + group;
}

/* x [n][dim], n <= BLOCK. */
static syl_status assign_block(const syl_assigner *a, syl_ctx *ctx, float *x, int64_t n,
                               int32_t *labels, float *distances, syl_error *err)
{
    int dim = syl_rows_dim(a->rows);
    syl_mat scores, in = syl_mat_of(x, SYL_F32, n, dim);
    float best[BLOCK];
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, BLOCK, TILE, &scores, err));
    for (int64_t i = 0; i < n; i++) {
        best[i] = -INFINITY;
        labels[i] = 0;
    }
    for (int t = 0; t < a->num_tiles; t++) {
        int first = t * TILE, width = a->size - first < TILE ? a->size - first : TILE;
        /* Without gaps between the rows: oneDNN 2.6 has only a slow product for others. */
        syl_mat out = syl_mat_of(scores.data, SYL_F32, n, width);
        SYL_TRY(syl_linear(ctx, a->tiles[t], in, SYL_ACT_NONE, false, out, err));
        for (int64_t i = 0; i < n; i++)
            take_best((float *)out.data + i * out.stride, width, first, &best[i], &labels[i]);
    }
    for (int64_t i = 0; i < n; i++)
        distances[i] = syl_distance2(x + (size_t)i * (size_t)dim,
                                     a->centroids + (size_t)labels[i] * (size_t)dim, dim);
    return SYL_OK;
}

static syl_status read_block(const syl_assigner *a, const int64_t *index, int64_t begin, int64_t n,
                             float *x, syl_error *err)
{
    return index ? syl_rows_gather(a->rows, index, n, x, err)
                 : syl_rows_read(a->rows, begin, n, x, err);
}

syl_status syl_assign(syl_assigner *a, const int64_t *index, int64_t begin, int64_t n, float *x,
                      int32_t *labels, float *distances, syl_error *err)
{
    int64_t blocks = (n + BLOCK - 1) / BLOCK, failed = blocks;
    syl_status result = SYL_OK;
#pragma omp parallel for num_threads(a->threads) schedule(dynamic, 1)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * BLOCK, some = n - at < BLOCK ? n - at : BLOCK;
        float *rows = x + (size_t)at * (size_t)syl_rows_dim(a->rows);
        syl_ctx *ctx = a->contexts[omp_get_thread_num()];
        size_t mark = syl_ctx_mark(ctx);
        syl_error own;
        syl_status status = read_block(a, index ? index + at : NULL, begin + at, some, rows, &own);
        if (!status) status = assign_block(a, ctx, rows, some, labels + at, distances + at, &own);
        syl_ctx_release(ctx, mark);
#pragma omp critical(syl_assign_failed)
        if (status && b < failed) { /* the first in order, however the threads ran */
            failed = b;
            result = syl_fail(err, status, "%s", own.message);
        }
    }
    return result;
}
