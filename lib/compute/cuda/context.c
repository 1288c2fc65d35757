/* Contexts: two streams, scratch memory, and the first error of operations that cannot return
 * one. */
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

#define FIRST_SLAB ((size_t)4 << 20)
/* From here on slabs grow only to hold what is asked for. */
#define MAX_DOUBLED ((size_t)256 << 20)

static syl_status make_parts(cuda_ctx *ctx, syl_error *err)
{
    SYL_TRY(cuda_use(ctx->device, err));
    CUDA_TRY("a stream", cudaStreamCreateWithFlags(&ctx->compute, cudaStreamNonBlocking));
    CUDA_TRY("a stream", cudaStreamCreateWithFlags(&ctx->copy, cudaStreamNonBlocking));
    SYL_TRY(cuda_staging_create(ctx, err));
    return cuda_products_create(ctx, err);
}

static void enlist(cuda_ctx *ctx)
{
    cuda_device *device = ctx->device;
    pthread_mutex_lock(&device->lock);
    ctx->next = device->contexts;
    device->contexts = ctx;
    pthread_mutex_unlock(&device->lock);
}

static void strike(cuda_ctx *ctx)
{
    cuda_device *device = ctx->device;
    pthread_mutex_lock(&device->lock);
    for (cuda_ctx **at = &device->contexts; *at; at = &(*at)->next)
        if (*at == ctx) {
            *at = ctx->next;
            break;
        }
    pthread_mutex_unlock(&device->lock);
}

syl_status cuda_ctx_create(syl_ctx **out, syl_device *device, int threads, syl_error *err)
{
    *out = NULL;
    if (threads < 1 || threads > 1024)
        return syl_fail(err, SYL_EINVAL, "%d threads asked for; give 1 to 1024", threads);
    cuda_ctx *ctx = syl_calloc(1, sizeof *ctx);
    if (!ctx) return syl_fail_memory(err, sizeof *ctx, "a compute context");
    ctx->base = (syl_ctx){.backend = device->backend, .device = device, .threads = threads};
    ctx->device = (cuda_device *)device;
    syl_status status = make_parts(ctx, err);
    if (status != SYL_OK) {
        cuda_ctx_free(&ctx->base);
        return status;
    }
    enlist(ctx);
    *out = &ctx->base;
    return SYL_OK;
}

/* Also of one that is made in part. */
void cuda_ctx_free(syl_ctx *base)
{
    cuda_ctx *ctx = cuda_own(base);
    syl_recording *unfinished = NULL;
    /* Whether these succeed or not, nothing is under way afterwards that could be waited for. */
    (void)cuda_use(ctx->device, NULL);
    if (ctx->recording) (void)cuda_recorded(base, &unfinished, NULL);
    if (unfinished) cuda_recording_free(unfinished);
    if (ctx->copy) (void)cudaStreamSynchronize(ctx->copy);
    if (ctx->compute) (void)cudaStreamSynchronize(ctx->compute);
    strike(ctx);
    cuda_convs_free(ctx);
    cuda_products_free(ctx);
    cuda_staging_free(ctx);
    for (int i = 0; i < ctx->num_slabs; i++)
        cuda_memory_give(ctx->device, ctx->slab[i].data);
    if (ctx->copy) (void)cudaStreamDestroy(ctx->copy);
    if (ctx->compute) (void)cudaStreamDestroy(ctx->compute);
    free(ctx);
}

/* ---- errors ------------------------------------------------------------------------------- */

syl_status cuda_ctx_check(cuda_ctx *ctx, syl_error *err)
{
    if (ctx->failed.status != SYL_OK) {
        if (err) *err = ctx->failed;
        return ctx->failed.status;
    }
    return cuda_use(ctx->device, err);
}

bool cuda_ctx_ready(cuda_ctx *ctx)
{
    syl_error err;
    syl_status status = cuda_ctx_check(ctx, &err);
    cuda_ctx_note(ctx, status, &err);
    return status == SYL_OK;
}

void cuda_ctx_note(cuda_ctx *ctx, syl_status status, const syl_error *err)
{
    if (status == SYL_OK || ctx->failed.status != SYL_OK) return;
    ctx->failed = *err;
    ctx->failed.status = status;
}

void cuda_ctx_note_launch(cuda_ctx *ctx, cudaError_t code, const char *what)
{
    syl_error err;
    if (code != cudaSuccess) cuda_ctx_note(ctx, cuda_fail(&err, code, what), &err);
}

syl_status cuda_ctx_may_wait(const cuda_ctx *ctx, const char *what, syl_error *err)
{
    if (!ctx->recording) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s waits for the device and cannot be part of a recording",
                    what);
}

syl_status cuda_op_ctx_wait(syl_ctx *base, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_ctx_may_wait(ctx, "waiting", err));
    CUDA_TRY("work on the CUDA device", cudaStreamSynchronize(ctx->compute));
    return SYL_OK;
}

/* ---- scratch memory ----------------------------------------------------------------------- */

size_t cuda_ctx_mark(const syl_ctx *ctx)
{
    return cuda_own(ctx)->top;
}

void cuda_op_ctx_release(syl_ctx *ctx, size_t mark)
{
    cuda_own(ctx)->top = mark;
}

static syl_status add_slab(cuda_ctx *ctx, size_t bytes, syl_error *err)
{
    int n = ctx->num_slabs;
    void *data;
    size_t begin = n ? ctx->slab[n - 1].begin + ctx->slab[n - 1].size : 0;
    size_t size = n ? ctx->slab[n - 1].size : FIRST_SLAB;
    if (n == CUDA_MAX_SLABS) return cuda_fail_memory(err, ctx->device, bytes, "scratch memory");
    if (n && size < MAX_DOUBLED) size *= 2;
    if (size > MAX_DOUBLED) size = MAX_DOUBLED;
    if (size < bytes) size = bytes;
    syl_status status = cuda_memory_take(ctx->device, size, "scratch memory", &data, err);
    /* Doubling is a convenience: what is needed may still fit. */
    if (status == SYL_ENOMEM && size > bytes)
        status = cuda_memory_take(ctx->device, size = bytes, "scratch memory", &data, err);
    SYL_TRY(status);
    ctx->slab[n].data = data;
    ctx->slab[n].size = size;
    ctx->slab[n].begin = begin;
    ctx->num_slabs++;
    return SYL_OK;
}

syl_status cuda_take(cuda_ctx *ctx, size_t bytes, void **out, syl_error *err)
{
    if (bytes > SIZE_MAX / 4) return syl_fail_memory(err, bytes, "scratch memory");
    bytes = (bytes + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT;
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

syl_status cuda_op_ctx_mat(syl_ctx *base, syl_dtype dtype, int64_t rows, int64_t cols, syl_mat *out,
                           syl_error *err)
{
    void *data = NULL;
    size_t count = syl_mul_size((size_t)rows, (size_t)cols);
    SYL_TRY(cuda_take(cuda_own(base), syl_mul_size(count, syl_dtype_size(dtype)), &data, err));
    *out = syl_mat_of(data, dtype, rows, cols);
    return SYL_OK;
}
