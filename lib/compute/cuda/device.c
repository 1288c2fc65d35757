/* Devices: which there are, what they must be able to do, and copies that are waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

#define OLDEST 75 /* compute capability the kernels are built for, and CUDA 13's own oldest */

/* Asked first: without a driver other calls may seem to succeed. */
syl_status cuda_device_count(int *count, syl_error *err)
{
    *count = 0;
    CUDA_TRY("counting the CUDA devices", cudaGetDeviceCount(count));
    if (*count < 1) return cuda_fail(err, cudaErrorNoDevice, "counting the CUDA devices");
    return SYL_OK;
}

static syl_status check_number(int number, syl_error *err)
{
    int count;
    SYL_TRY(cuda_device_count(&count, err));
    if (number >= 0 && number < count) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "there is no device cuda:%d; there %s (0 to %d)", number,
                    count == 1 ? "is one" : "are fewer", count - 1);
}

static syl_status describe(cuda_device *device, syl_error *err)
{
    struct cudaDeviceProp about;
    syl_device *base = &device->base;
    CUDA_TRY("asking about the CUDA device", cudaGetDeviceProperties(&about, base->number));
    snprintf(base->name, sizeof base->name, "cuda:%d %.80s (%.0f GiB, sm_%d%d%s)", base->number,
             about.name, (double)about.totalGlobalMem / 1073741824.0, about.major, about.minor,
             device->tf32 ? ", TF32" : "");
    if (10 * about.major + about.minor >= OLDEST) return SYL_OK;
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "%s has compute capability %d.%d and %d.%d is needed; give --device cpu",
                    base->name, about.major, about.minor, OLDEST / 10, OLDEST % 10);
}

static syl_status set_up(cuda_device *device, const char *options, syl_error *err)
{
    if (options && !strcmp(options, "tf32"))
        device->tf32 = true;
    else if (options && *options)
        return syl_fail(err, SYL_EINVAL, "device cuda has no option '%s'; there is tf32", options);
    SYL_TRY(check_number(device->base.number, err));
    SYL_TRY(describe(device, err));
    SYL_TRY(cuda_use(device, err));
    CUDA_TRY("opening the CUDA device",
             cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking));
    return SYL_OK;
}

syl_status cuda_device_open(syl_device **out, int number, const char *options, syl_error *err)
{
    *out = NULL;
    cuda_device *device = syl_calloc(1, sizeof *device);
    if (!device) return syl_fail_memory(err, sizeof *device, "a device");
    device->base.backend = sylkit_backend();
    device->base.number = number;
    pthread_mutex_init(&device->lock, NULL);
    syl_status status = set_up(device, options, err);
    if (status != SYL_OK) {
        cuda_device_close(&device->base);
        return status;
    }
    *out = &device->base;
    return SYL_OK;
}

void cuda_device_close(syl_device *base)
{
    cuda_device *device = (cuda_device *)base;
    /* In CUDA's worst states these fail too; the memory of the host is freed all the same. */
    (void)cuda_use(device, NULL);
    if (device->stream) {
        (void)cudaStreamSynchronize(device->stream);
        (void)cudaStreamDestroy(device->stream);
    }
    cuda_memory_free(device);
    pthread_mutex_destroy(&device->lock);
    free(device);
}

syl_status cuda_use(const cuda_device *device, syl_error *err)
{
    CUDA_TRY("choosing the CUDA device", cudaSetDevice(device->base.number));
    return SYL_OK;
}

/* A context that makes a recording has nothing under way and must not be waited for. */
syl_status cuda_wait_contexts(cuda_device *device, syl_error *err)
{
    for (cuda_ctx *ctx = device->contexts; ctx; ctx = ctx->next)
        if (!ctx->recording)
            CUDA_TRY("work on the CUDA device", cudaStreamSynchronize(ctx->compute));
    return SYL_OK;
}

/* Copies come after all that contexts have been told to do. */
static syl_status settle(cuda_device *device, syl_error *err)
{
    SYL_TRY(cuda_use(device, err));
    pthread_mutex_lock(&device->lock);
    syl_status status = cuda_wait_contexts(device, err);
    pthread_mutex_unlock(&device->lock);
    return status;
}

static syl_status zeroed(cuda_device *device, void *memory, size_t bytes, syl_error *err)
{
    CUDA_TRY("zeroing device memory", cudaMemsetAsync(memory, 0, bytes, device->stream));
    CUDA_TRY("zeroing device memory", cudaStreamSynchronize(device->stream));
    return SYL_OK;
}

syl_status cuda_device_alloc(syl_device *base, size_t bytes, void **out, syl_error *err)
{
    cuda_device *device = (cuda_device *)base;
    SYL_TRY(cuda_memory_take(device, bytes, "an array", out, err));
    syl_status status = bytes ? zeroed(device, *out, bytes, err) : SYL_OK;
    if (status == SYL_OK) return SYL_OK;
    cuda_memory_give(device, *out);
    *out = NULL;
    return status;
}

void cuda_device_release(syl_device *device, void *memory)
{
    cuda_memory_give((cuda_device *)device, memory);
}

static syl_status copy(syl_device *base, const void *from, void *to, size_t bytes,
                       enum cudaMemcpyKind kind, syl_error *err)
{
    cuda_device *device = (cuda_device *)base;
    SYL_TRY(settle(device, err));
    if (bytes == 0) return SYL_OK;
    CUDA_TRY("copying", cudaMemcpyAsync(to, from, bytes, kind, device->stream));
    CUDA_TRY("copying", cudaStreamSynchronize(device->stream));
    return SYL_OK;
}

syl_status cuda_device_put(syl_device *device, const void *host, void *to, size_t bytes,
                           syl_error *err)
{
    return copy(device, host, to, bytes, cudaMemcpyHostToDevice, err);
}

syl_status cuda_device_get(syl_device *device, const void *from, void *host, size_t bytes,
                           syl_error *err)
{
    return copy(device, from, host, bytes, cudaMemcpyDeviceToHost, err);
}
