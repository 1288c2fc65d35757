/* AdamW (Loshchilov & Hutter 2019) and moving averages: one pass over four arrays, bound by
 * memory. */
#include "lib/compute/cuda/device.cuh"

typedef struct step {
    float decay, beta1, beta2, eps, rate, root_correction, grad_scale;
} step;

SYL_DEVICE void step_value(const step &s, float grad, float *first, float *second, float *value)
{
    float g = grad * s.grad_scale;
    *first += (g - *first) * (1.0f - s.beta1);
    *second = *second * s.beta2 + g * g * (1.0f - s.beta2);
    float root = sqrtf(*second) / s.root_correction + s.eps;
    *value = *value * s.decay - s.rate * (*first / root);
}

/* n counts vectors of V. */
template <int V>
__global__ void adamw_kernel(step s, const float *grad, float *first, float *second, float *value,
                             int64_t n)
{
    SYL_COVER_COLS (i, n) {
        float g[V], a[V], b[V], v[V];
        syl_load_some<V>(grad + i * V, g);
        syl_load_some<V>(first + i * V, a);
        syl_load_some<V>(second + i * V, b);
        syl_load_some<V>(value + i * V, v);
        for (int k = 0; k < V; k++)
            step_value(s, g[k], &a[k], &b[k], &v[k]);
        syl_store_some<V>(first + i * V, a);
        syl_store_some<V>(second + i * V, b);
        syl_store_some<V>(value + i * V, v);
    }
}

cudaError_t syl_cuda_adamw(cudaStream_t stream, const syl_adamw *by, float grad_scale,
                           const float *grad, float *first, float *second, float *value, int64_t n)
{
    if (n <= 0) return cudaSuccess;
    double steps = (double)by->step;
    step s = {1.0f - by->lr * by->weight_decay,
              by->beta1,
              by->beta2,
              by->eps,
              (float)(by->lr / (1.0 - pow((double)by->beta1, steps))),
              (float)sqrt(1.0 - pow((double)by->beta2, steps)),
              grad_scale};
    bool aligned = syl_aligned(grad, 16) && syl_aligned(first, 16) && syl_aligned(second, 16) &&
                   syl_aligned(value, 16);
    int64_t fours = aligned ? n / 4 : 0, rest = n - 4 * fours, at = 4 * fours;
    if (fours) {
        cudaError_t e = SYL_LAUNCH(adamw_kernel<4>, syl_blocks_for(fours), SYL_BLOCK, 0, stream, s,
                                   grad, first, second, value, fours);
        if (e != cudaSuccess || rest == 0) return e;
    }
    return SYL_LAUNCH(adamw_kernel<1>, syl_blocks_for(rest), SYL_BLOCK, 0, stream, s, grad + at,
                      first + at, second + at, value + at, rest);
}

template <int V>
__global__ void moving_average_kernel(float decay, const float *value, float *average, int64_t n)
{
    SYL_COVER_COLS (i, n) {
        float v[V], a[V];
        syl_load_some<V>(value + i * V, v);
        syl_load_some<V>(average + i * V, a);
        for (int k = 0; k < V; k++)
            a[k] = decay * a[k] + (1.0f - decay) * v[k];
        syl_store_some<V>(average + i * V, a);
    }
}

cudaError_t syl_cuda_moving_average(cudaStream_t stream, float decay, const float *value,
                                    float *average, int64_t n)
{
    if (n <= 0) return cudaSuccess;
    bool aligned = syl_aligned(value, 16) && syl_aligned(average, 16);
    int64_t fours = aligned ? n / 4 : 0, rest = n - 4 * fours, at = 4 * fours;
    if (fours) {
        cudaError_t e = SYL_LAUNCH(moving_average_kernel<4>, syl_blocks_for(fours), SYL_BLOCK, 0,
                                   stream, decay, value, average, fours);
        if (e != cudaSuccess || rest == 0) return e;
    }
    return SYL_LAUNCH(moving_average_kernel<1>, syl_blocks_for(rest), SYL_BLOCK, 0, stream, decay,
                      value + at, average + at, rest);
}
