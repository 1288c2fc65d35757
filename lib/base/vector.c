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

/* Of both halves at a time, since one sum would wait for each of its additions. */
SYL_CLONES static float distance2(const float *a, const float *b, int64_t n)
{
    int64_t half = n / 2;
    const float *c = a + half, *d = b + half;
    float first = 0, second = 0;
#pragma omp simd reduction(+ : first, second)
    for (int64_t i = 0; i < half; i++) {
        first += (a[i] - b[i]) * (a[i] - b[i]);
        second += (c[i] - d[i]) * (c[i] - d[i]);
    }
    float last = n % 2 ? a[n - 1] - b[n - 1] : 0;
    return first + second + last * last;
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
