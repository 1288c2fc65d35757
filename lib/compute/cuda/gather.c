/* Rows by number: the host's ids go to the device; those that add up are sorted first. */
#include <stdlib.h>

#include "lib/compute/cuda/cuda.h"

static syl_status gather(cuda_ctx *ctx, syl_mat table, const int32_t *ids, syl_mat y,
                         syl_error *err)
{
    void *sent;
    SYL_TRY(cuda_send(ctx, ids, (size_t)y.rows * sizeof *ids, &sent, err));
    CUDA_TRY("gathering rows", syl_cuda_gather(ctx->compute, table, sent, y));
    return SYL_OK;
}

void cuda_op_gather(syl_ctx *base, syl_mat table, const int32_t *ids, syl_mat y)
{
    cuda_ctx *ctx = cuda_own(base);
    syl_error err;
    size_t mark = ctx->top;
    if (y.rows == 0 || !cuda_ctx_ready(ctx)) return;
    cuda_ctx_note(ctx, gather(ctx, table, ids, y, &err), &err);
    ctx->top = mark;
}

static syl_status rotate(cuda_ctx *ctx, syl_mat turns, const int32_t *position, bool adjacent,
                         bool back, syl_mat x, syl_error *err)
{
    void *sent;
    SYL_TRY(cuda_send(ctx, position, (size_t)x.rows * sizeof *position, &sent, err));
    CUDA_TRY("rotary positions", syl_cuda_rotate(ctx->compute, turns, sent, adjacent, back, x));
    return SYL_OK;
}

void cuda_op_rotate(syl_ctx *base, syl_mat turns, const int32_t *position, bool adjacent, bool back,
                    syl_mat x)
{
    cuda_ctx *ctx = cuda_own(base);
    syl_error err;
    size_t mark = ctx->top;
    if (x.rows == 0 || !cuda_ctx_ready(ctx)) return;
    cuda_ctx_note(ctx, rotate(ctx, turns, position, adjacent, back, x, &err), &err);
    ctx->top = mark;
}

static int by_row(const void *a, const void *b, void *ids)
{
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    const int32_t *row = ids;
    if (row[i] != row[j]) return row[i] < row[j] ? -1 : 1;
    return i < j ? -1 : 1; /* repeated ids add up in their order */
}

/* order [n], row of each segment [n], begin of each segment [n + 1]. There are always n segments,
 * the last ones empty, because a recording's launch is fixed when ids are not. */
static void make_segments(const void *host, void *pinned, size_t bytes)
{
    const int32_t *ids = host;
    int32_t n = (int32_t)((bytes / sizeof(int32_t) - 1) / 3), kept = 0, segments = 0;
    int32_t *order = pinned, *row = order + n, *begin = row + n;
    for (int32_t t = 0; t < n; t++)
        if (ids[t] >= 0) order[kept++] = t;
    qsort_r(order, (size_t)kept, sizeof *order, by_row, (void *)(uintptr_t)ids);
    for (int32_t i = 0; i < kept; i++)
        if (i == 0 || ids[order[i]] != ids[order[i - 1]]) {
            row[segments] = ids[order[i]];
            begin[segments++] = i;
        }
    for (int32_t i = kept; i < n; i++)
        order[i] = 0;
    for (int32_t i = segments; i < n; i++)
        row[i] = 0;
    for (int32_t i = segments; i <= n; i++)
        begin[i] = kept;
}

syl_status cuda_send_segments(cuda_ctx *ctx, const int32_t *ids, int64_t n, cuda_segments *out,
                              syl_error *err)
{
    void *sent;
    if (n > INT32_MAX / 4)
        return syl_fail(err, SYL_EUNSUPPORTED, "adding %lld rows at once", (long long)n);
    SYL_TRY(cuda_send_made(ctx, ids, (size_t)(3 * n + 1) * sizeof *ids, make_segments, &sent, err));
    const int32_t *order = sent;
    *out = (cuda_segments){.order = order, .row = order + n, .begin = order + 2 * n, .count = n};
    return SYL_OK;
}

static syl_status scatter(cuda_ctx *ctx, const int32_t *ids, syl_mat dy, syl_mat dtable,
                          syl_error *err)
{
    cuda_segments s = {0};
    SYL_TRY(cuda_send_segments(ctx, ids, dy.rows, &s, err));
    CUDA_TRY("adding rows",
             syl_cuda_scatter_segments(ctx->compute, s.order, s.row, s.begin, s.count, dy, dtable));
    return SYL_OK;
}

void cuda_op_scatter_add(syl_ctx *base, const int32_t *ids, syl_mat dy, syl_mat dtable)
{
    cuda_ctx *ctx = cuda_own(base);
    syl_error err;
    size_t mark = ctx->top;
    if (dy.rows == 0 || !cuda_ctx_ready(ctx)) return;
    cuda_ctx_note(ctx, scatter(ctx, ids, dy, dtable, &err), &err);
    ctx->top = mark;
}
