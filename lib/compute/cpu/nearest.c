/* The nearest of many rows: products of blocks with tiles of centres, each reduced while it is in
 * the cache. */
#include <math.h>

#include "lib/compute/cpu/parallel.h"

/* A block's scores against a tile, 512 KB, stay in the second-level cache. */
#define BLOCK 256
#define TILE 512
#define GROUP 64 /* scores whose largest is looked for at a time */

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

static syl_status nearest_block(syl_ctx *ctx, syl_mat x, syl_mat centres, const float *bias,
                                syl_mat scores, int32_t *id, syl_error *err)
{
    float best[BLOCK];
    for (int64_t i = 0; i < x.rows; i++) {
        best[i] = -INFINITY;
        id[i] = 0;
    }
    for (int64_t first = 0; first < centres.rows; first += TILE) {
        int64_t n = centres.rows - first < TILE ? centres.rows - first : TILE;
        /* Without gaps between the rows: oneDNN 2.6 has only a slow product for others. */
        syl_mat out = syl_mat_of(scores.data, SYL_F32, x.rows, n);
        SYL_TRY(syl_product_bias(ctx, x, false, syl_mat_rows(centres, first, n), true,
                                 bias ? bias + first : NULL, false, out, err));
        for (int64_t i = 0; i < x.rows; i++)
            take_best(syl_row(out, i), (int)n, (int)first, &best[i], &id[i]);
    }
    return SYL_OK;
}

syl_status syl_cpu_nearest(syl_ctx *ctx, syl_mat x, syl_mat centres, const float *bias, int32_t *id,
                           syl_error *err)
{
    size_t mark = syl_ctx_mark(ctx);
    syl_mat scores;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, BLOCK, TILE, &scores, err));
    syl_status status = SYL_OK;
    for (int64_t i = 0; i < x.rows && status == SYL_OK; i += BLOCK) {
        int64_t n = x.rows - i < BLOCK ? x.rows - i : BLOCK;
        status = nearest_block(ctx, syl_mat_rows(x, i, n), centres, bias, scores, id + i, err);
    }
    syl_ctx_release(ctx, mark);
    return status;
}
