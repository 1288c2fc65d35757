/* Attention: the host lays out which queries and keys make up a tile, for blocks of the kernels. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

/* Queries and keys of one sequence; the first query stands at position `offset` of its keys. */
typedef struct span {
    int64_t query_begin, query_end, key_begin, key_end, offset;
} span;

static int tiles_in(int64_t rows)
{
    return (int)((rows + SYL_CUDA_QUERIES - 1) / SYL_CUDA_QUERIES);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void add_query_tiles(const span *s, syl_cuda_tile **to)
{
    for (int64_t i = s->query_begin; i < s->query_end; i += SYL_CUDA_QUERIES)
        *(*to)++ =
            (syl_cuda_tile){.query_begin = (int32_t)i,
                            .query_end = (int32_t)earlier(i + SYL_CUDA_QUERIES, s->query_end),
                            .key_begin = (int32_t)s->key_begin,
                            .key_end = (int32_t)s->key_end,
                            .offset = (int32_t)(i - s->query_begin + s->offset),
                            .first_query = (int32_t)s->query_begin};
}

static void add_key_tiles(const span *s, syl_cuda_tile **to)
{
    for (int64_t i = s->key_begin; i < s->key_end; i += SYL_CUDA_QUERIES)
        *(*to)++ = (syl_cuda_tile){.query_begin = (int32_t)s->query_begin,
                                   .query_end = (int32_t)s->query_end,
                                   .key_begin = (int32_t)i,
                                   .key_end = (int32_t)earlier(i + SYL_CUDA_QUERIES, s->key_end),
                                   .offset = (int32_t)(i - s->key_begin),
                                   .first_query = (int32_t)s->query_begin};
}

/* Tiles of all spans in the device's memory. */
static syl_status send_tiles(cuda_ctx *ctx, const span *spans, int count, bool keys,
                             const syl_cuda_tile **out, int *num, syl_error *err)
{
    int n = 0;
    void *sent;
    for (int i = 0; i < count; i++)
        n += keys ? tiles_in(spans[i].key_end - spans[i].key_begin)
                  : tiles_in(spans[i].query_end - spans[i].query_begin);
    syl_cuda_tile *tiles = syl_calloc((size_t)n, sizeof *tiles), *to = tiles;
    if (!tiles) return syl_fail_memory(err, (size_t)n * sizeof *tiles, "attention");
    for (int i = 0; i < count; i++)
        if (keys)
            add_key_tiles(&spans[i], &to);
        else
            add_query_tiles(&spans[i], &to);
    syl_status status = cuda_send_fixed(ctx, tiles, (size_t)n * sizeof *tiles, &sent, err);
    free(tiles);
    SYL_TRY(status);
    *out = sent;
    *num = n;
    return SYL_OK;
}

static syl_status check_size(int heads, syl_mat q, syl_mat k, syl_error *err)
{
    if (heads < 1 || q.cols % heads)
        return syl_fail(err, SYL_EINVAL, "%lld columns for %d heads of attention",
                        (long long)q.cols, heads);
    int64_t dim = q.cols / heads;
    if (dim < 1 || k.cols < dim || k.cols % dim || heads % (k.cols / dim))
        return syl_fail(err, SYL_EINVAL, "keys of %lld columns for %d heads of %lld",
                        (long long)k.cols, heads, (long long)dim);
    if (q.rows > INT32_MAX / 2 || k.rows > INT32_MAX / 2)
        return syl_fail(err, SYL_EUNSUPPORTED, "attention of %lld rows", (long long)q.rows);
    return SYL_OK;
}

static syl_cuda_attention attention_of(int heads, syl_mat q, syl_mat k, syl_mat v, syl_mat y)
{
    int dim = (int)(q.cols / heads);
    return (syl_cuda_attention){.heads = heads,
                                .head_dim = dim,
                                .group = (int)(q.cols / (k.cols > 0 ? k.cols : 1)),
                                .scale = 1.0f / sqrtf((float)dim),
                                .q = q,
                                .k = k,
                                .v = v,
                                .y = y};
}

/* ---- inference ---------------------------------------------------------------------------- */

syl_status cuda_op_attention(syl_ctx *base, int heads, syl_attention_mask mask, syl_mat q,
                             syl_mat k, syl_mat v, syl_mat y, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    span all = {0, q.rows, 0, k.rows, mask.offset};
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(check_size(heads, q, k, err));
    if (q.rows == 0) return SYL_OK;
    syl_cuda_attention a = attention_of(heads, q, k, v, y);
    a.left = mask.left;
    a.right = mask.right;
    a.rel_bias = mask.left >= 0 && mask.right >= 0 ? mask.rel_bias : NULL;
    size_t mark = ctx->top;
    syl_status status = send_tiles(ctx, &all, 1, false, &a.tiles, &a.num_tiles, err);
    if (status == SYL_OK) {
        cudaError_t code = syl_cuda_attention_forward(ctx->compute, &a);
        if (code != cudaSuccess) status = cuda_fail(err, code, "attention");
    }
    ctx->top = mark;
    return status;
}

/* ---- training ----------------------------------------------------------------------------- */

static syl_status spans_of(syl_ragged r, span **out, syl_error *err)
{
    span *spans = syl_calloc((size_t)r.count, sizeof *spans);
    if (!spans) return syl_fail_memory(err, (size_t)r.count * sizeof *spans, "attention");
    for (int i = 0; i < r.count; i++)
        spans[i] = (span){r.begin[i], r.begin[i + 1], r.begin[i], r.begin[i + 1], 0};
    *out = spans;
    return SYL_OK;
}

static void shape_into(syl_attention_shape shape, syl_cuda_attention *a)
{
    a->left = shape.left;
    a->right = shape.right;
    a->rel_bias = shape.rel_bias;
    a->dropout = shape.dropout;
    a->seed = shape.seed;
    a->stream = shape.stream;
}

static syl_status forward(cuda_ctx *ctx, const span *spans, int count, syl_cuda_attention *a,
                          syl_error *err)
{
    SYL_TRY(send_tiles(ctx, spans, count, false, &a->tiles, &a->num_tiles, err));
    CUDA_TRY("attention", syl_cuda_attention_forward(ctx->compute, a));
    return SYL_OK;
}

static syl_status backward(cuda_ctx *ctx, const span *spans, int count, syl_cuda_attention *a,
                           syl_error *err)
{
    void *room;
    size_t rows = (size_t)a->heads * (size_t)a->q.rows;
    SYL_TRY(send_tiles(ctx, spans, count, false, &a->tiles, &a->num_tiles, err));
    SYL_TRY(send_tiles(ctx, spans, count, true, &a->key_tiles, &a->num_key_tiles, err));
    SYL_TRY(cuda_take(ctx, rows * sizeof(float), &room, err));
    a->delta = room;
    if (a->drel_bias) {
        size_t width = (size_t)(a->left + a->right + 1) * (size_t)a->heads;
        SYL_TRY(cuda_take(ctx, (size_t)a->num_tiles * width * sizeof(float), &room, err));
        a->partial_bias = room;
    }
    CUDA_TRY("attention's gradient", syl_cuda_attention_backward(ctx->compute, a));
    return SYL_OK;
}

static syl_status run(cuda_ctx *ctx, syl_ragged sequences, syl_cuda_attention *a,
                      syl_status (*pass)(cuda_ctx *, const span *, int, syl_cuda_attention *,
                                         syl_error *),
                      syl_error *err)
{
    span *spans = NULL;
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(check_size(a->heads, a->q, a->k, err));
    SYL_TRY(spans_of(sequences, &spans, err));
    syl_status status = pass(ctx, spans, sequences.count, a, err);
    free(spans);
    ctx->top = mark;
    return status;
}

syl_status cuda_op_attention_forward(syl_ctx *base, syl_attention_shape shape, syl_ragged sequences,
                                     syl_mat q, syl_mat k, syl_mat v, syl_mat y, float *lse,
                                     syl_error *err)
{
    syl_cuda_attention a = attention_of(shape.heads, q, k, v, y);
    shape_into(shape, &a);
    a.lse = lse;
    return run(cuda_own(base), sequences, &a, forward, err);
}

syl_status cuda_op_attention_backward(syl_ctx *base, syl_attention_shape shape,
                                      syl_ragged sequences, syl_mat q, syl_mat k, syl_mat v,
                                      syl_mat y, const float *lse, syl_mat dy, syl_mat dq,
                                      syl_mat dk, syl_mat dv, float *drel_bias, syl_error *err)
{
    syl_cuda_attention a = attention_of(shape.heads, q, k, v, y);
    shape_into(shape, &a);
    a.lse = (float *)(uintptr_t)lse;
    a.dy = dy;
    a.dq = dq;
    a.dk = dk;
    a.dv = dv;
    a.drel_bias = drel_bias;
    return run(cuda_own(base), sequences, &a, backward, err);
}
