/* Products and sums of rows whose stride is a multiple of SYL_VECTOR_LANES (skipgram.h), in plain
 * loops: each clone of a function has vectors of its processor's width. (GCC keeps a vector type
 * wider than a register in memory, at a tenth of the speed.) Included by files whose functions are
 * cloned. */
#ifndef SYL_COMPUTE_CPU_LANES_H
#define SYL_COMPUTE_CPU_LANES_H

#include <stdbool.h>
#include <string.h>

#include "lib/base/clones.h"
#include "lib/compute/skipgram.h"

/* n, where the compiler can see that no rest is left of it. */
SYL_INLINE int64_t syl_lanes_whole(int64_t n)
{
    return n / SYL_VECTOR_LANES * SYL_VECTOR_LANES;
}

/* out [count rounded up to four] = v . each row; four at once, since one sum would wait for each of
 * its additions. */
SYL_INLINE void syl_lanes_dots(const float *v, const float *const *row, int count, int64_t n,
                               float *out)
{
    int last = count - 1;
    n = syl_lanes_whole(n);
    for (int i = 0; i < count; i += 4) {
        const float *r0 = row[i], *r1 = row[i + 1 < last ? i + 1 : last];
        const float *r2 = row[i + 2 < last ? i + 2 : last], *r3 = row[i + 3 < last ? i + 3 : last];
        float a = 0, b = 0, c = 0, d = 0;
#pragma omp simd reduction(+ : a, b, c, d)
        for (int64_t j = 0; j < n; j++) {
            a += v[j] * r0[j];
            b += v[j] * r1[j];
            c += v[j] * r2[j];
            d += v[j] * r3[j];
        }
        out[i] = a, out[i + 1] = b, out[i + 2] = c, out[i + 3] = d;
    }
}

/* y = or += by[0..3] times four rows. */
SYL_INLINE void syl_lanes_four(const float *by, const float *const *row, bool add, int64_t n,
                               float *restrict y)
{
    const float *r0 = row[0], *r1 = row[1], *r2 = row[2], *r3 = row[3];
    float b0 = by[0], b1 = by[1], b2 = by[2], b3 = by[3];
    n = syl_lanes_whole(n);
#pragma omp simd
    for (int64_t j = 0; j < n; j++)
        y[j] = (add ? y[j] : 0) + b0 * r0[j] + b1 * r1[j] + b2 * r2[j] + b3 * r3[j];
}

/* y += sum of by[i] times row i, in the order of the rows. */
SYL_INLINE void syl_lanes_add(const float *by, const float *const *row, int count, int64_t n,
                              float *restrict y)
{
    int i = 0;
    n = syl_lanes_whole(n);
    for (; i + 4 <= count; i += 4)
        syl_lanes_four(by + i, row + i, true, n, y);
    for (; i < count; i++) {
        const float *r = row[i];
        float b = by[i];
#pragma omp simd
        for (int64_t j = 0; j < n; j++)
            y[j] += b * r[j];
    }
}

/* y = that sum. */
SYL_INLINE void syl_lanes_combine(const float *by, const float *const *row, int count, int64_t n,
                                  float *restrict y)
{
    int first = count < 4 ? 0 : 4;
    if (first)
        syl_lanes_four(by, row, false, n, y);
    else
        memset(y, 0, (size_t)n * sizeof *y);
    syl_lanes_add(by + first, row + first, count - first, n, y);
}

/* Brings a row near before it is wanted. */
SYL_INLINE void syl_lanes_prefetch(const float *row, int64_t n)
{
    for (int64_t j = 0; j < n; j += SYL_VECTOR_LANES)
        __builtin_prefetch(row + j);
}

#endif
