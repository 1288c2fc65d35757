#include "lib/compute/cpu/context.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/compute/cpu/vmath.h"

#define FIRST_SLAB ((size_t)1 << 20)
#define MAX_DOUBLED                                                              \
    ((size_t)16 << 20) /* from here on slabs grow only to hold what is asked for \
                        */
#define ALIGNMENT ((size_t)64)

syl_status syl_ctx_create(syl_ctx **out, int threads, syl_error *err)
{
    *out = NULL;
    if (threads < 1 || threads > 1024)
        return syl_fail(err, SYL_EINVAL, "%d threads asked for; give 1 to 1024", threads);
    syl_ctx *ctx = syl_calloc(1, sizeof *ctx);
    if (!ctx) return syl_fail_memory(err, sizeof *ctx, "a compute context");
    ctx->threads = threads;
    syl_status status = syl_onednn_create(&ctx->onednn, err);
    if (status != SYL_OK) {
        syl_ctx_free(ctx);
        return status;
    }
    *out = ctx;
    return SYL_OK;
}

void syl_ctx_free(syl_ctx *ctx)
{
    if (!ctx) return;
    for (int i = 0; i < ctx->num_slabs; i++)
        free(ctx->slab[i].data);
    for (int i = 0; ctx->worker && i < ctx->threads; i++)
        if (ctx->worker[i] != ctx) syl_ctx_free(ctx->worker[i]);
    free(ctx->worker);
    syl_onednn_free(ctx->onednn);
    free(ctx);
}

syl_status syl_ctx_workers(syl_ctx *ctx, syl_ctx ***workers, syl_error *err)
{
    if (!ctx->worker) ctx->worker = syl_calloc((size_t)ctx->threads, sizeof *ctx->worker);
    if (!ctx->worker) return syl_fail_memory(err, sizeof *ctx->worker, "contexts of threads");
    if (ctx->threads == 1) ctx->worker[0] = ctx;
    for (int i = 0; i < ctx->threads; i++)
        if (!ctx->worker[i]) SYL_TRY(syl_ctx_create(&ctx->worker[i], 1, err));
    *workers = ctx->worker;
    return SYL_OK;
}

size_t syl_ctx_mark(const syl_ctx *ctx)
{
    return ctx->top;
}

void syl_ctx_release(syl_ctx *ctx, size_t mark)
{
    ctx->top = mark;
}

static syl_status add_slab(syl_ctx *ctx, size_t bytes, syl_error *err)
{
    int n = ctx->num_slabs;
    size_t begin = n ? ctx->slab[n - 1].begin + ctx->slab[n - 1].size : 0;
    size_t size = n ? ctx->slab[n - 1].size : FIRST_SLAB;
    if (n && size < MAX_DOUBLED) size *= 2;
    while (size < bytes && size <= SIZE_MAX / 4)
        size *= 2;
    uint8_t *data = n < SYL_MAX_SLABS ? syl_calloc(size, 1) : NULL;
    if (!data) return syl_fail_memory(err, size, "scratch memory");
    ctx->slab[n].data = data;
    ctx->slab[n].size = size;
    ctx->slab[n].begin = begin;
    ctx->num_slabs++;
    return SYL_OK;
}

static syl_status take(syl_ctx *ctx, size_t bytes, void **out, syl_error *err)
{
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    for (int i = 0;; i++) {
        if (i == ctx->num_slabs) SYL_TRY(add_slab(ctx, bytes, err));
        size_t begin = ctx->slab[i].begin, size = ctx->slab[i].size;
        size_t used = ctx->top > begin ? ctx->top - begin : 0;
        if (used > size || size - used < bytes) continue;
        *out = ctx->slab[i].data + used;
        ctx->top = begin + used + bytes;
        return SYL_OK;
    }
}

syl_status syl_ctx_mat(syl_ctx *ctx, syl_dtype dtype, int64_t rows, int64_t cols, syl_mat *out,
                       syl_error *err)
{
    void *data;
    size_t count = syl_mul_size((size_t)rows, (size_t)cols);
    size_t bytes = syl_mul_size(count, syl_dtype_size(dtype));
    if (bytes > SIZE_MAX / 4) return syl_fail_memory(err, bytes, "scratch memory");
    SYL_TRY(take(ctx, bytes, &data, err));
    *out = syl_mat_of(data, dtype, rows, cols);
    return SYL_OK;
}

syl_mat syl_mat_of(void *data, syl_dtype dtype, int64_t rows, int64_t cols)
{
    return (syl_mat){.data = data, .dtype = dtype, .rows = rows, .cols = cols, .stride = cols};
}

syl_mat syl_mat_rows(syl_mat m, int64_t begin, int64_t rows)
{
    m.data = (uint8_t *)m.data + (size_t)(begin * m.stride) * syl_dtype_size(m.dtype);
    m.rows = rows;
    return m;
}

syl_mat syl_mat_cols(syl_mat m, int64_t begin, int64_t cols)
{
    m.data = (uint8_t *)m.data + (size_t)begin * syl_dtype_size(m.dtype);
    m.cols = cols;
    return m;
}

SYL_CLONES static void row_to_bf16(const float *src, uint16_t *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = syl_f32_to_bf16(src[i]);
}

SYL_CLONES static void row_to_f32(const uint16_t *src, float *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = syl_bf16_to_f32(src[i]);
}

void syl_mat_copy(syl_mat src, syl_mat dst)
{
    for (int64_t t = 0; t < src.rows; t++) {
        const void *from = syl_mat_rows(src, t, 1).data;
        void *to = syl_mat_rows(dst, t, 1).data;
        if (src.dtype == dst.dtype)
            memmove(to, from, (size_t)src.cols * syl_dtype_size(src.dtype));
        else if (src.dtype == SYL_F32)
            row_to_bf16(from, to, src.cols);
        else
            row_to_f32(from, to, src.cols);
    }
}
