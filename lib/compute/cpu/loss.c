/* Losses with their gradients in one pass. */
#include "lib/compute/cpu/parallel.h"
#include "lib/compute/cpu/vmath.h"
#include "lib/compute/training.h"

SYL_CLONES static float squared_error_row(const float *x, const float *target, float scale,
                                          float *dx, int64_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        float d = x[i] - target[i];
        sum += d * d;
        dx[i] = 2 * scale * d;
    }
    return sum;
}

double syl_cpu_squared_error(syl_ctx *ctx, syl_mat x, syl_mat target, float scale, syl_mat dx)
{
    double sum = 0;
    (void)ctx;
    for (int64_t t = 0; t < x.rows; t++)
        sum += squared_error_row(syl_row(x, t), syl_row(target, t), scale, syl_row(dx, t), x.cols);
    return sum;
}

/* -log softmax(s)[target]; d = scale (softmax - one at target). */
SYL_CLONES static float cross_entropy_row(const float *s, int32_t target, float scale, float *d,
                                          int64_t n)
{
    float top = s[0], sum = 0, at = s[target];
    for (int64_t j = 1; j < n; j++)
        top = s[j] > top ? s[j] : top;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++) {
        float e = syl_expf(s[j] - top);
        d[j] = e;
        sum += e;
    }
    float by = scale / sum;
    for (int64_t j = 0; j < n; j++)
        d[j] *= by;
    d[target] -= scale;
    return logf(sum) + top - at;
}

double syl_cpu_cross_entropy(syl_ctx *ctx, syl_mat logits, const int32_t *target, float scale,
                             syl_mat dlogits)
{
    double sum = 0;
    (void)ctx;
    for (int64_t t = 0; t < logits.rows; t++)
        if (target[t] >= 0)
            sum += cross_entropy_row(syl_row(logits, t), target[t], scale, syl_row(dlogits, t),
                                     logits.cols);
        else
            syl_fill(ctx, 0, syl_mat_rows(dlogits, t, 1));
    return sum;
}

/* d = scale d(1 - cos) / dx, where a norm below eps stands as eps and has no slope. */
SYL_CLONES static float cosine_row(const float *x, const float *y, float eps, float scale,
                                   float *dx, float *dy, int64_t n)
{
    float xx = 0, yy = 0, xy = 0;
#pragma omp simd reduction(+ : xx, yy, xy)
    for (int64_t i = 0; i < n; i++) {
        xx += x[i] * x[i];
        yy += y[i] * y[i];
        xy += x[i] * y[i];
    }
    float a = sqrtf(xx), b = sqrtf(yy);
    float inverse = 1.0f / ((a > eps ? a : eps) * (b > eps ? b : eps)), cosine = xy * inverse;
    float along_x = a > eps ? cosine / xx : 0, along_y = b > eps ? cosine / yy : 0;
    for (int64_t i = 0; i < n; i++) {
        dx[i] = -scale * (y[i] * inverse - along_x * x[i]);
        dy[i] = -scale * (x[i] * inverse - along_y * y[i]);
    }
    return 1.0f - cosine;
}

double syl_cpu_cosine_error(syl_ctx *ctx, syl_mat x, syl_mat target, float eps, float scale,
                            syl_mat dx, syl_mat dtarget)
{
    double sum = 0;
    (void)ctx;
    for (int64_t t = 0; t < x.rows; t++)
        sum += cosine_row(syl_row(x, t), syl_row(target, t), eps, scale, syl_row(dx, t),
                          syl_row(dtarget, t), x.cols);
    return sum;
}

void syl_cpu_sampled_correction(syl_ctx *ctx, const syl_sample *s, syl_mat logits)
{
    (void)ctx;
    for (int64_t i = 0; i < logits.rows; i++) {
        float *row = syl_row(logits, i);
        if (s->log_q_target) row[0] -= s->log_q_target[i];
        for (int64_t j = 0; j < s->num_sampled; j++) {
            if (s->log_q_sampled) row[1 + j] -= s->log_q_sampled[j];
            if (s->sampled[j] == s->target[i]) row[1 + j] = -1e30f;
        }
    }
}
