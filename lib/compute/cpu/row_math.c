#include "lib/compute/cpu/row_math.h"

#include "lib/base/bf16.h"
#include "lib/base/clones.h"

#define LANES 16

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float half_lanes __attribute__((vector_size(2 * LANES)));
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

SYL_INLINE void fold(const lanes *v, four *out)
{
    half_lanes h = __builtin_shufflevector(*v, *v, 0, 1, 2, 3, 4, 5, 6, 7) +
                   __builtin_shufflevector(*v, *v, 8, 9, 10, 11, 12, 13, 14, 15);
    *out = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
}

/* The sums of four vectors' elements, together: one by one they would cost more than the products
 * of short rows. */
SYL_INLINE void four_sums(const lanes v[4], float out[4])
{
    four a, b, c, d;
    fold(&v[0], &a);
    fold(&v[1], &b);
    fold(&v[2], &c);
    fold(&v[3], &d);
    four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
    four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)out =
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

SYL_INLINE void prefetch(const float *row, int64_t length)
{
    for (int64_t k = 0; k < length; k += 16)
        __builtin_prefetch(row + k);
}

SYL_CLONES static void rows_dot(const float *const *row, int64_t at, int64_t n, const float *x,
                                int64_t length, float *out)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        lanes sum[4] = {{0}, {0}, {0}, {0}};
        const float *a = row[i] + at, *b = row[i + 1] + at, *c = row[i + 2] + at,
                    *d = row[i + 3] + at;
        for (int64_t next = i + 4; next < n && next < i + 8; next++)
            prefetch(row[next] + at, length);
        for (int64_t k = 0; k < length; k += LANES) {
            lanes by = *(const lanes *)(x + k);
            sum[0] += *(const lanes *)(a + k) * by;
            sum[1] += *(const lanes *)(b + k) * by;
            sum[2] += *(const lanes *)(c + k) * by;
            sum[3] += *(const lanes *)(d + k) * by;
        }
        four_sums(sum, out + i);
    }
    for (; i < n; i++) {
        lanes sum[4] = {{0}, {0}, {0}, {0}};
        float all[4];
        for (int64_t k = 0; k < length; k += LANES)
            sum[0] += *(const lanes *)(row[i] + at + k) * *(const lanes *)(x + k);
        four_sums(sum, all);
        out[i] = all[0];
    }
}

SYL_CLONES static void rows_sum(const float *const *row, int64_t at, const float *by, int64_t n,
                                int64_t length, float *y)
{
    int64_t k = 0;
    for (; k + 4 * LANES <= length; k += 4 * LANES) {
        lanes *to = (lanes *)(y + k);
        lanes a = to[0], b = to[1], c = to[2], d = to[3];
        for (int64_t i = 0; i < n; i++) {
            const lanes *from = (const lanes *)(row[i] + at + k);
            a += by[i] * from[0];
            b += by[i] * from[1];
            c += by[i] * from[2];
            d += by[i] * from[3];
        }
        to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    }
    for (; k < length; k += LANES) {
        lanes sum = *(lanes *)(y + k);
        for (int64_t i = 0; i < n; i++)
            sum += by[i] * *(const lanes *)(row[i] + at + k);
        *(lanes *)(y + k) = sum;
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
