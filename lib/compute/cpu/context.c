#include "lib/compute/cpu/context.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define FIRST_SLAB ((size_t)1 << 20)
/* From here on slabs grow only to hold what is asked for. */
#define MAX_DOUBLED ((size_t)16 << 20)
#define ALIGNMENT ((size_t)64)
#define MAX_SLABS 1024

typedef struct cpu_ctx {
    syl_ctx base;
    /* Slabs of doubling size: growing never moves what was given out. */
    struct {
        uint8_t *data;
        size_t size, begin; /* begin: the position of its first byte in the whole stack */
    } slab[MAX_SLABS];
    int num_slabs;
    size_t top;
    syl_onednn *onednn;
    syl_ctx **worker; /* [threads], made when first asked for */
} cpu_ctx;

static cpu_ctx *own(const syl_ctx *ctx)
{
    return (cpu_ctx *)(uintptr_t)ctx;
}

syl_status syl_cpu_ctx_create(syl_ctx **out, syl_device *device, int threads, syl_error *err)
{
    *out = NULL;
    if (threads < 1 || threads > 1024)
        return syl_fail(err, SYL_EINVAL, "%d threads asked for; give 1 to 1024", threads);
    cpu_ctx *ctx = syl_calloc(1, sizeof *ctx);
    if (!ctx) return syl_fail_memory(err, sizeof *ctx, "a compute context");
    ctx->base = (syl_ctx){.backend = &syl_cpu_backend, .device = device, .threads = threads};
    syl_status status = syl_onednn_create(&ctx->onednn, err);
    if (status != SYL_OK) {
        syl_cpu_ctx_free(&ctx->base);
        return status;
    }
    *out = &ctx->base;
    return SYL_OK;
}

void syl_cpu_ctx_free(syl_ctx *base)
{
    if (!base) return;
    cpu_ctx *ctx = own(base);
    for (int i = 0; i < ctx->num_slabs; i++)
        free(ctx->slab[i].data);
    for (int i = 0; ctx->worker && i < base->threads; i++)
        if (ctx->worker[i] != base) syl_cpu_ctx_free(ctx->worker[i]);
    free(ctx->worker);
    syl_onednn_free(ctx->onednn);
    free(ctx);
}

syl_status syl_ctx_workers(syl_ctx *base, syl_ctx ***workers, syl_error *err)
{
    cpu_ctx *ctx = own(base);
    if (!ctx->worker) ctx->worker = syl_calloc((size_t)base->threads, sizeof *ctx->worker);
    if (!ctx->worker) return syl_fail_memory(err, sizeof *ctx->worker, "contexts of threads");
    if (base->threads == 1) ctx->worker[0] = base;
    for (int i = 0; i < base->threads; i++)
        if (!ctx->worker[i]) SYL_TRY(syl_ctx_create(&ctx->worker[i], 1, err));
    *workers = ctx->worker;
    return SYL_OK;
}

syl_onednn *syl_ctx_onednn(syl_ctx *ctx)
{
    return own(ctx)->onednn;
}

size_t syl_cpu_ctx_mark(const syl_ctx *ctx)
{
    return own(ctx)->top;
}

void syl_cpu_ctx_release(syl_ctx *ctx, size_t mark)
{
    own(ctx)->top = mark;
}

static syl_status add_slab(cpu_ctx *ctx, size_t bytes, syl_error *err)
{
    int n = ctx->num_slabs;
    size_t begin = n ? ctx->slab[n - 1].begin + ctx->slab[n - 1].size : 0;
    size_t size = n ? ctx->slab[n - 1].size : FIRST_SLAB;
    if (n && size < MAX_DOUBLED) size *= 2;
    while (size < bytes && size <= SIZE_MAX / 4)
        size *= 2;
    uint8_t *data = n < MAX_SLABS ? syl_calloc(size, 1) : NULL;
    if (!data) return syl_fail_memory(err, size, "scratch memory");
    ctx->slab[n].data = data;
    ctx->slab[n].size = size;
    ctx->slab[n].begin = begin;
    ctx->num_slabs++;
    return SYL_OK;
}

static syl_status take(cpu_ctx *ctx, size_t bytes, void **out, syl_error *err)
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

syl_status syl_cpu_take(syl_ctx *ctx, size_t count, size_t size, void *out, syl_error *err)
{
    void *memory;
    SYL_TRY(take(own(ctx), syl_mul_size(count, size), &memory, err));
    memcpy(out, &memory, sizeof memory);
    return SYL_OK;
}

syl_status syl_cpu_ctx_mat(syl_ctx *ctx, syl_dtype dtype, int64_t rows, int64_t cols, syl_mat *out,
                           syl_error *err)
{
    void *data;
    size_t count = syl_mul_size((size_t)rows, (size_t)cols);
    size_t bytes = syl_mul_size(count, syl_dtype_size(dtype));
    if (bytes > SIZE_MAX / 4) return syl_fail_memory(err, bytes, "scratch memory");
    SYL_TRY(take(own(ctx), bytes, &data, err));
    *out = syl_mat_of(data, dtype, rows, cols);
    return SYL_OK;
}
