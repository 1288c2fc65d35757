/* The CPU's table, and the memory of a device that is the host itself. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cpu/context.h"

static syl_status alloc(syl_device *device, size_t bytes, void **out, syl_error *err)
{
    (void)device;
    *out = syl_calloc(bytes ? bytes : 1, 1);
    return *out ? SYL_OK : syl_fail_memory(err, bytes, "an array");
}

static void release(syl_device *device, void *memory)
{
    (void)device;
    free(memory);
}

static syl_status put(syl_device *device, const void *host, void *to, size_t bytes, syl_error *err)
{
    (void)device, (void)err;
    memmove(to, host, bytes);
    return SYL_OK;
}

static syl_status get(syl_device *device, const void *from, void *host, size_t bytes,
                      syl_error *err)
{
    (void)device, (void)err;
    memmove(host, from, bytes);
    return SYL_OK;
}

syl_status syl_cpu_ctx_wait(syl_ctx *ctx, syl_error *err)
{
    (void)ctx, (void)err;
    return SYL_OK;
}

syl_status syl_cpu_upload(syl_ctx *ctx, const void *host, syl_mat y, syl_error *err)
{
    (void)ctx, (void)err;
    syl_mat_copy(syl_mat_of((void *)(uintptr_t)host, y.dtype, y.rows, y.cols), y);
    return SYL_OK;
}

syl_status syl_cpu_download(syl_ctx *ctx, syl_mat x, void *host, syl_error *err)
{
    (void)ctx, (void)err;
    syl_mat_copy(x, syl_mat_of(host, x.dtype, x.rows, x.cols));
    return SYL_OK;
}

const syl_backend syl_cpu_backend = {.version = SYL_BACKEND_VERSION,
                                     .name = "cpu",
                                     .alloc = alloc,
                                     .release = release,
                                     .put = put,
                                     .get = get,
                                     .ctx_create = syl_cpu_ctx_create,
                                     .ctx_free = syl_cpu_ctx_free,
                                     .ctx_mark = syl_cpu_ctx_mark,
                                     .weight_linear = syl_cpu_weight_linear,
                                     .weight_conv = syl_cpu_weight_conv,
                                     .weight_free = syl_cpu_weight_free,
#define ENTRY(result, name, parameters, arguments) .name = syl_cpu_##name,
                                     SYL_OPERATIONS(ENTRY)
#undef ENTRY
};
