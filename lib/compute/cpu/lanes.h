/* Vectors of sixteen floats for rows whose stride is a multiple of sixteen (skipgram.h). Compilers
 * make one, two or four registers of them. Included by files whose functions are cloned. */
#ifndef SYL_COMPUTE_CPU_LANES_H
#define SYL_COMPUTE_CPU_LANES_H

#include "lib/base/clones.h"
#include "lib/compute/skipgram.h"

typedef float syl_lanes __attribute__((vector_size(4 * SYL_VECTOR_LANES), aligned(4), may_alias));

/* Sums of four vectors at once, where one by one would take longer than short rows themselves. (By
 * address: vectors as arguments would be of another ABI in each clone.) */
SYL_INLINE void syl_sum_lanes(const syl_lanes *v, float *out)
{
#define HALVES(x, y)                                                                         \
    (__builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) + \
     __builtin_shufflevector(x, y, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define QUARTERS(x, y)                                                                         \
    (__builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) + \
     __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
    syl_lanes ab = HALVES(v[0], v[1]), cd = HALVES(v[2], v[3]), all = QUARTERS(ab, cd);
#undef HALVES
#undef QUARTERS
    all += __builtin_shufflevector(all, all, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    all += __builtin_shufflevector(all, all, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    out[0] = all[0], out[1] = all[4], out[2] = all[8], out[3] = all[12];
}

/* out [count rounded up to four] = v . each row; n a multiple of SYL_VECTOR_LANES. */
SYL_INLINE void syl_lanes_dots(const float *v, const float *const *row, int count, int64_t n,
                               float *out)
{
    for (int i = 0; i < count; i += 4) {
        int last = count - 1;
        const float *r0 = row[i], *r1 = row[i + 1 < last ? i + 1 : last];
        const float *r2 = row[i + 2 < last ? i + 2 : last], *r3 = row[i + 3 < last ? i + 3 : last];
        syl_lanes a = {0}, b = {0}, c = {0}, d = {0};
        for (int64_t j = 0; j < n; j += SYL_VECTOR_LANES) {
            syl_lanes x = *(const syl_lanes *)(v + j);
            a += x * *(const syl_lanes *)(r0 + j);
            b += x * *(const syl_lanes *)(r1 + j);
            c += x * *(const syl_lanes *)(r2 + j);
            d += x * *(const syl_lanes *)(r3 + j);
        }
        syl_lanes sums[4] = {a, b, c, d};
        syl_sum_lanes(sums, out + i);
    }
}

/* y = sum of by[i] times row i; n a multiple of SYL_VECTOR_LANES. */
SYL_INLINE void syl_lanes_combine(const float *by, const float *const *row, int count, int64_t n,
                                  float *y)
{
    int64_t j = 0;
    for (; j + 4 * SYL_VECTOR_LANES <= n; j += 4 * SYL_VECTOR_LANES) {
        syl_lanes a = {0}, b = {0}, c = {0}, d = {0};
        for (int i = 0; i < count; i++) {
            const syl_lanes *r = (const syl_lanes *)(row[i] + j);
            a += by[i] * r[0];
            b += by[i] * r[1];
            c += by[i] * r[2];
            d += by[i] * r[3];
        }
        syl_lanes *to = (syl_lanes *)(y + j);
        to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    }
    for (; j < n; j += SYL_VECTOR_LANES) {
        syl_lanes a = {0};
        for (int i = 0; i < count; i++)
            a += by[i] * *(const syl_lanes *)(row[i] + j);
        *(syl_lanes *)(y + j) = a;
    }
}

/* Brings a row near before it is wanted. */
SYL_INLINE void syl_lanes_prefetch(const float *row, int64_t n)
{
    for (int64_t j = 0; j < n; j += SYL_VECTOR_LANES)
        __builtin_prefetch(row + j);
}

#endif
