/* AdamW and moving averages. */
#include <math.h>

#include "lib/compute/cpu/parallel.h"
#include "lib/compute/training.h"

#define BLOCK 65536

typedef struct step {
    float decay, beta1, beta2, eps, rate, root_correction, grad_scale;
} step;

SYL_CLONES static void update(const step *s, const float *grad, float *first, float *second,
                              float *value, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float g = grad[i] * s->grad_scale;
        first[i] += (g - first[i]) * (1.0f - s->beta1);
        second[i] = second[i] * s->beta2 + g * g * (1.0f - s->beta2);
        float root = sqrtf(second[i]) / s->root_correction + s->eps;
        value[i] = value[i] * s->decay - s->rate * (first[i] / root);
    }
}

void syl_cpu_adamw_update(syl_ctx *ctx, const syl_adamw *by, float grad_scale, const float *grad,
                          float *first, float *second, float *value, int64_t n)
{
    double steps = (double)by->step;
    step s = {.decay = 1.0f - by->lr * by->weight_decay,
              .beta1 = by->beta1,
              .beta2 = by->beta2,
              .eps = by->eps,
              .rate = (float)(by->lr / (1.0 - pow(by->beta1, steps))),
              .root_correction = (float)sqrt(1.0 - pow(by->beta2, steps)),
              .grad_scale = grad_scale};
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (n > BLOCK)
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t some = n - i < BLOCK ? n - i : BLOCK;
        update(&s, grad + i, first + i, second + i, value + i, some);
    }
}

SYL_CLONES static void average_block(float decay, const float *value, float *average, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        average[i] = decay * average[i] + (1.0f - decay) * value[i];
}

void syl_cpu_moving_average(syl_ctx *ctx, float decay, const float *value, float *average,
                            int64_t n)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (n > BLOCK)
    for (int64_t i = 0; i < n; i += BLOCK)
        average_block(decay, value + i, average + i, n - i < BLOCK ? n - i : BLOCK);
}
