#include "lib/base/vector.h"

/* GCC exports every version of a function that is not static, whatever the visibility. */
SYL_CLONES static float dot(const float *a, const float *b, int64_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

#define LANES 16

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

SYL_INLINE void add_square(lanes *sum, const float *a, const float *b)
{
    lanes d = *(const lanes *)a - *(const lanes *)b;
    *sum += d * d;
}

/* Two sums at a time, since one would wait for each of its additions; then halved again and again,
 * where a reduction in order would take longer than a short vector itself. */
SYL_CLONES static float distance2(const float *a, const float *b, int64_t n)
{
    lanes even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        add_square(&even, a + i, b + i);
        add_square(&odd, a + i + LANES, b + i + LANES);
    }
    if (i + LANES <= n) {
        add_square(&even, a + i, b + i);
        i += LANES;
    }
    even += odd;
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            even[k] += even[k + half];
    float sum = even[0];
    for (; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

float syl_dot(const float *a, const float *b, int64_t n)
{
    return dot(a, b, n);
}

float syl_distance2(const float *a, const float *b, int64_t n)
{
    return distance2(a, b, n);
}

void syl_scale_to(float *x, int64_t n, float norm)
{
    float length = sqrtf(dot(x, x, n));
    for (int64_t i = 0; length > 0 && i < n; i++)
        x[i] *= norm / length;
}
