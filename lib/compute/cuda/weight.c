/* Weights in the device's memory, in the dtype that they are multiplied in. */
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

/* n floats of the host, as dtype, in new memory of the device. */
static syl_status place(cuda_device *device, const float *host, size_t n, syl_dtype dtype,
                        const char *what, void **out, syl_error *err)
{
    size_t bytes = syl_mul_size(n, syl_dtype_size(dtype));
    const void *data = host;
    void *half = NULL;
    if (dtype == SYL_BF16) {
        data = half = syl_calloc(n, sizeof(uint16_t));
        if (!half) return syl_fail_memory(err, bytes, what);
        syl_mat_copy(syl_mat_of((float *)(uintptr_t)host, SYL_F32, 1, (int64_t)n),
                     syl_mat_of(half, SYL_BF16, 1, (int64_t)n));
    }
    syl_status status = cuda_memory_take(device, bytes, what, out, err);
    if (status == SYL_OK) status = cuda_device_put(&device->base, data, *out, bytes, err);
    free(half);
    return status;
}

static syl_status fill(cuda_weight *w, const float *data, size_t n, const float *bias,
                       syl_error *err)
{
    void *placed;
    size_t n_out = (size_t)w->n_out;
    SYL_TRY(place(w->device, data, n, w->dtype, "a weight", &w->data, err));
    if (!bias) return SYL_OK;
    SYL_TRY(place(w->device, bias, n_out, SYL_F32, "a bias", &placed, err));
    w->bias = placed;
    return place(w->device, bias, n_out, SYL_BF16, "a bias", &w->bias_half, err);
}

/* n: how many values there are. */
static syl_status make(syl_weight **out, cuda_weight like, const float *data, size_t n,
                       const float *bias, syl_error *err)
{
    *out = NULL;
    if (like.dtype != SYL_F32 && like.dtype != SYL_BF16)
        return syl_fail(err, SYL_EINVAL, "weights are float32 or bf16");
    cuda_weight *w = syl_calloc(1, sizeof *w);
    if (!w) return syl_fail_memory(err, sizeof *w, "a weight");
    *w = like;
    w->base.backend = sylkit_backend();
    syl_status status = fill(w, data, n, bias, err);
    if (status != SYL_OK) {
        cuda_weight_free(&w->base);
        return status;
    }
    *out = &w->base;
    return SYL_OK;
}

syl_status cuda_weight_linear(syl_weight **out, syl_device *device, const float *w,
                              const float *bias, int n_out, int n_in, syl_dtype dtype,
                              syl_error *err)
{
    cuda_weight like = {
        .device = (cuda_device *)device, .dtype = dtype, .n_out = n_out, .n_in = n_in};
    return make(out, like, w, (size_t)n_out * (size_t)n_in, bias, err);
}

syl_status cuda_weight_conv(syl_weight **out, syl_device *device, const float *w, const float *bias,
                            syl_conv_shape conv, syl_dtype dtype, syl_error *err)
{
    cuda_weight like = {.device = (cuda_device *)device,
                        .dtype = dtype,
                        .n_out = conv.c_out,
                        .n_in = conv.c_in * conv.kernel,
                        .conv = conv};
    size_t n = (size_t)conv.c_out * (size_t)(conv.c_in / conv.groups) * (size_t)conv.kernel;
    *out = NULL;
    if (conv.groups > 1 && conv.stride != 1)
        return syl_fail(err, SYL_EUNSUPPORTED, "a grouped convolution of stride %d", conv.stride);
    if (conv.groups > 1) return make(out, like, w, n, bias, err);
    float *taps = syl_weights_by_tap(w, conv);
    if (!taps) return syl_fail_memory(err, n * sizeof *taps, "a weight");
    syl_status status = make(out, like, taps, n, bias, err);
    free(taps);
    return status;
}

void cuda_weight_free(syl_weight *base)
{
    cuda_weight *w = (cuda_weight *)base;
    cuda_memory_give(w->device, w->data);
    cuda_memory_give(w->device, w->bias);
    cuda_memory_give(w->device, w->bias_half);
    free(w);
}
