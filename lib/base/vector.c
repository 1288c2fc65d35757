#include "lib/base/vector.h"

#include <math.h>

#include "lib/base/clones.h"

SYL_CLONES float syl_dot(const float *a, const float *b, int n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

SYL_CLONES float syl_distance2(const float *a, const float *b, int n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

void syl_scale_to(float *x, int n, float norm)
{
    float length = sqrtf(syl_dot(x, x, n));
    for (int i = 0; length > 0 && i < n; i++)
        x[i] *= norm / length;
}
