/* Element by element: fills, sums, activations. */
#include <string.h>

#include "lib/compute/cpu/parallel.h"
#include "lib/compute/cpu/vmath.h"
#include "lib/compute/training.h"

#define SQUARES_PARTS 64   /* shared out to threads, always the same */
#define SQUARES_BLOCK 4096 /* values summed in float32 before they go into the double */

static void fill(float value, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = value;
}

void syl_cpu_zero(syl_ctx *ctx, syl_mat y)
{
    size_t row = (size_t)y.cols * syl_dtype_size(y.dtype);
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(y))
    for (int64_t t = 0; t < y.rows; t++)
        memset(syl_mat_rows(y, t, 1).data, 0, row);
}

void syl_cpu_fill(syl_ctx *ctx, float value, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(y))
    for (int64_t t = 0; t < y.rows; t++)
        fill(value, syl_row(y, t), y.cols);
}

SYL_CLONES static void scale_row(float scale, const float *x, bool accumulate, float *y, int64_t n)
{
    if (accumulate)
        for (int64_t i = 0; i < n; i++)
            y[i] += scale * x[i];
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = scale * x[i];
}

/* GCC exports multi-versioned functions from a library that are not static. */
void syl_scale_row(float scale, const float *x, bool accumulate, float *y, int64_t n)
{
    scale_row(scale, x, accumulate, y, n);
}

void syl_cpu_scale(syl_ctx *ctx, float scale, syl_mat x, bool accumulate, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        syl_scale_row(scale, syl_row(x, t), accumulate, syl_row(y, t), x.cols);
}

SYL_CLONES static void sum_row(const float *a, const float *b, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void syl_cpu_sum(syl_ctx *ctx, syl_mat a, syl_mat b, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(y))
    for (int64_t t = 0; t < y.rows; t++)
        sum_row(syl_row(a, t), syl_row(b, t), syl_row(y, t), y.cols);
}

void syl_cpu_convert(syl_ctx *ctx, syl_mat x, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        syl_mat_copy(syl_mat_rows(x, t, 1), syl_mat_rows(y, t, 1));
}

void syl_cpu_add_bias(syl_ctx *ctx, const float *bias, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(y))
    for (int64_t t = 0; t < y.rows; t++)
        syl_scale_row(1, bias, true, syl_row(y, t), y.cols);
}

/* Columns [0, n) of x, at most SYL_COLUMN_BLOCK. */
SYL_CLONES static void sum_columns(syl_mat x, float *sums, int64_t n)
{
    float sum[SYL_COLUMN_BLOCK] = {0};
    for (int64_t t = 0; t < x.rows; t++) {
        const float *row = syl_row(x, t);
        for (int64_t c = 0; c < n; c++)
            sum[c] += row[c];
    }
    for (int64_t c = 0; c < n; c++)
        sums[c] += sum[c];
}

void syl_cpu_column_sums(syl_ctx *ctx, syl_mat x, float *sums)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t b = 0; b < syl_column_blocks(x.cols); b++) {
        int64_t from = b * SYL_COLUMN_BLOCK, n = syl_block_width(x.cols, b);
        sum_columns(syl_mat_cols(x, from, n), sums + from, n);
    }
}

double syl_cpu_sum_squares(syl_ctx *ctx, const float *x, int64_t n)
{
    double part[SQUARES_PARTS] = {0}, sum = 0;
    int64_t size = (n + SQUARES_PARTS - 1) / SQUARES_PARTS;
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (n > SYL_PARALLEL_FROM)
    for (int p = 0; p < SQUARES_PARTS; p++) {
        int64_t end = (p + 1) * size < n ? (p + 1) * size : n;
        for (int64_t i = p * size; i < end; i += SQUARES_BLOCK)
            part[p] += syl_dot(x + i, x + i, end - i < SQUARES_BLOCK ? end - i : SQUARES_BLOCK);
    }
    for (int p = 0; p < SQUARES_PARTS; p++)
        sum += part[p];
    return sum;
}

/* ---- activations ----------------------------------------------------------------------- */

#define SQRT_2_OVER_PI 0.797884561f
#define GELU_CUBIC 0.044715f

SYL_INLINE float sigmoid(float x)
{
    return 1.0f / (1.0f + syl_expf(-x));
}

/* tanh(x) = 2 sigmoid(2 x) - 1; the clamp of syl_expf makes the far ends exact. */
SYL_INLINE float hyperbolic_tangent(float x)
{
    return 2.0f * sigmoid(2.0f * x) - 1.0f;
}

SYL_INLINE float gelu_tanh(float x)
{
    return 0.5f * x * (1.0f + hyperbolic_tangent(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x)));
}

SYL_INLINE float gelu_tanh_slope(float x)
{
    float t = hyperbolic_tangent(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x));
    float inner = SQRT_2_OVER_PI * (1.0f + 3.0f * GELU_CUBIC * x * x);
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
}

SYL_INLINE float silu_slope(float x)
{
    float s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

#define DEFINE_ACTIVATION(name, value_of, slope_of)                                              \
    SYL_CLONES static void name##_row(const float *x, float *y, int64_t n)                       \
    {                                                                                            \
        for (int64_t i = 0; i < n; i++)                                                          \
            y[i] = value_of(x[i]);                                                               \
    }                                                                                            \
    SYL_CLONES static void name##_backward_row(const float *x, const float *dy, bool accumulate, \
                                               float *dx, int64_t n)                             \
    {                                                                                            \
        if (accumulate)                                                                          \
            for (int64_t i = 0; i < n; i++)                                                      \
                dx[i] += dy[i] * slope_of(x[i]);                                                 \
        else                                                                                     \
            for (int64_t i = 0; i < n; i++)                                                      \
                dx[i] = dy[i] * slope_of(x[i]);                                                  \
    }                                                                                            \
    SYL_CLONES static void name##_gated_row(const float *a, const float *b, float *y, int64_t n) \
    {                                                                                            \
        for (int64_t i = 0; i < n; i++)                                                          \
            y[i] = value_of(a[i]) * b[i];                                                        \
    }                                                                                            \
    SYL_CLONES static void name##_gated_backward_row(const float *a, const float *b,             \
                                                     const float *dy, bool add, float *da,       \
                                                     float *db, int64_t n)                       \
    {                                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                        \
            float by_b = value_of(a[i]) * dy[i];                                                 \
            da[i] = (add ? da[i] : 0) + slope_of(a[i]) * b[i] * dy[i];                           \
            db[i] = (add ? db[i] : 0) + by_b;                                                    \
        }                                                                                        \
    }

SYL_INLINE float relu(float x)
{
    return x > 0 ? x : 0;
}

SYL_INLINE float relu_slope(float x)
{
    return x > 0 ? 1.0f : 0.0f;
}

SYL_INLINE float silu(float x)
{
    return x * sigmoid(x);
}

DEFINE_ACTIVATION(gelu_erf, syl_gelu, syl_gelu_slope)
DEFINE_ACTIVATION(gelu_tanh, gelu_tanh, gelu_tanh_slope)
DEFINE_ACTIVATION(silu, silu, silu_slope)
DEFINE_ACTIVATION(relu, relu, relu_slope)

#define FUNCTION(name)                                                               \
    {                                                                                \
        name##_row, name##_backward_row, name##_gated_row, name##_gated_backward_row \
    }

static const struct {
    void (*forward)(const float *x, float *y, int64_t n);
    void (*backward)(const float *x, const float *dy, bool accumulate, float *dx, int64_t n);
    void (*gated)(const float *a, const float *b, float *y, int64_t n);
    void (*gated_backward)(const float *a, const float *b, const float *dy, bool add, float *da,
                           float *db, int64_t n);
} functions[] = {
    [SYL_GELU_ERF] = FUNCTION(gelu_erf),
    [SYL_GELU_TANH] = FUNCTION(gelu_tanh),
    [SYL_SILU] = FUNCTION(silu),
    [SYL_RELU] = FUNCTION(relu),
};

void syl_cpu_activation(syl_ctx *ctx, syl_function f, syl_mat x, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        functions[f].forward(syl_row(x, t), syl_row(y, t), x.cols);
}

void syl_cpu_activation_backward(syl_ctx *ctx, syl_function f, syl_mat x, syl_mat dy,
                                 bool accumulate, syl_mat dx)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        functions[f].backward(syl_row(x, t), syl_row(dy, t), accumulate, syl_row(dx, t), x.cols);
}

void syl_cpu_gated(syl_ctx *ctx, syl_function f, syl_mat a, syl_mat b, syl_mat y)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(a))
    for (int64_t t = 0; t < a.rows; t++)
        functions[f].gated(syl_row(a, t), syl_row(b, t), syl_row(y, t), a.cols);
}

void syl_cpu_gated_backward(syl_ctx *ctx, syl_function f, syl_mat a, syl_mat b, syl_mat dy,
                            bool accumulate, syl_mat da, syl_mat db)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(a))
    for (int64_t t = 0; t < a.rows; t++)
        functions[f].gated_backward(syl_row(a, t), syl_row(b, t), syl_row(dy, t), accumulate,
                                    syl_row(da, t), syl_row(db, t), a.cols);
}
