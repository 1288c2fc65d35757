/* Losses of many candidates of a window at once. */
#ifndef SYL_COMPUTE_CPU_WINDOW_LOSS_H
#define SYL_COMPUTE_CPU_WINDOW_LOSS_H

#include <math.h>

#include "lib/compute/cpu/vmath.h"

/* Factors of (1, 2] whose product a double surely holds. */
#define SYL_LOGISTIC_FACTORS 512

/* x [n] becomes sigmoid(-x), the slope of the loss -log sigmoid(x) but for its sign; returns the
 * sum of the losses, by one logarithm of a product for many of them. e [n] is scratch. */
SYL_INLINE double syl_logistic_losses(float *restrict x, int n, float *restrict e)
{
    float linear = 0;
#pragma omp simd reduction(+ : linear)
    for (int i = 0; i < n; i++) {
        float away = syl_expf(-fabsf(x[i]));
        linear += x[i] > 0 ? 0 : -x[i];
        x[i] = (x[i] > 0 ? away : 1.0f) / (1.0f + away);
        e[i] = away;
    }
    double loss = (double)linear;
    for (int begin = 0; begin < n; begin += SYL_LOGISTIC_FACTORS) {
        int end = n - begin > SYL_LOGISTIC_FACTORS ? begin + SYL_LOGISTIC_FACTORS : n;
        double product = 1;
        for (int i = begin; i < end; i++)
            product *= 1.0 + (double)e[i];
        loss += log(product);
    }
    return loss;
}

#endif
