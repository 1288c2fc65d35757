#include "lib/compute/cpu/row_math.h"

#include "lib/base/bf16.h"
#include "lib/compute/cpu/lanes.h"

/* Rows and the vectors with them from `at` on. */
SYL_INLINE int four_rows(const float *const *row, int64_t at, int64_t n, const float *out[4])
{
    int count = n < 4 ? (int)n : 4;
    for (int i = 0; i < count; i++)
        out[i] = row[i] + at;
    return count;
}

SYL_CLONES static void rows_dot(const float *const *row, int64_t at, int64_t n, const float *x,
                                int64_t length, float *out)
{
    for (int64_t i = 0; i < n; i += 4) {
        const float *four[4];
        float sums[4];
        int count = four_rows(row + i, at, n - i, four);
        for (int64_t next = i + 4; next < n && next < i + 8; next++)
            syl_lanes_prefetch(row[next] + at, length);
        syl_lanes_dots(x, four, count, length, sums);
        memcpy(out + i, sums, (size_t)count * sizeof *out);
    }
}

SYL_CLONES static void rows_sum(const float *const *row, int64_t at, const float *by, int64_t n,
                                int64_t length, float *y)
{
    for (int64_t i = 0; i < n; i += 4) {
        const float *four[4];
        int count = four_rows(row + i, at, n - i, four);
        syl_lanes_add(by + i, four, count, length, y);
    }
}

/* 1 / sqrt(x) for x > 0: a guess from the bits, of 3.5%, and three steps of Newton, which together
 * cost a third of a root and a division. */
SYL_INLINE float inverse_root(float x)
{
    float y = syl_bits_to_float(0x5F3759DF - (syl_float_to_bits(x) >> 1));
    y = y * (1.5f - 0.5f * x * y * y);
    y = y * (1.5f - 0.5f * x * y * y);
    return y * (1.5f - 0.5f * x * y * y);
}

SYL_CLONES static void adagrad_row(float *restrict x, float *restrict square,
                                   const float *restrict g, float lr, int64_t length)
{
#pragma omp simd
    for (int64_t k = 0; k < length; k++) {
        float q = square[k] + g[k] * g[k];
        square[k] = q;
        x[k] -= lr * g[k] * inverse_root(q);
    }
}

void syl_rows_dot(const float *const *row, int64_t at, int64_t n, const float *x, int64_t length,
                  float *out)
{
    rows_dot(row, at, n, x, length, out);
}

void syl_rows_sum(const float *const *row, int64_t at, const float *by, int64_t n, int64_t length,
                  float *y)
{
    rows_sum(row, at, by, n, length, y);
}

void syl_adagrad_row(float *x, float *square, const float *g, float lr, int64_t length)
{
    adagrad_row(x, square, g, lr, length);
}

void syl_adagrad_value(float *x, float *square, float g, float lr)
{
    float q = *square + g * g;
    *square = q;
    *x -= lr * g * inverse_root(q);
}
