/* Element functions that compilers turn into vector code. */
#ifndef SYL_COMPUTE_CPU_VMATH_H
#define SYL_COMPUTE_CPU_VMATH_H

#include <math.h>
#include <string.h>

#include "lib/base/bf16.h"
#include "lib/base/clones.h"

#define SYL_EXP_LOWEST (-60.0f)

/* e^x to 2 ulp in [-60, 88], e^88 above, 0 below: what is smaller (1e-26) matters to no sum here,
 * and denormal numbers, which would come of multiplying it, make products a hundred times slower.
 */
SYL_INLINE float syl_expf(float x)
{
    float kept = x < SYL_EXP_LOWEST ? 0.0f : 1.0f;
    x = x > 88.0f ? 88.0f : x;
    x = x < SYL_EXP_LOWEST ? SYL_EXP_LOWEST : x;
    /* Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the low bits. */
    float t = x * 1.44269504f + 12582912.0f;
    float n = t - 12582912.0f;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    /* Minimax polynomial of Cephes' expf. */
    float p =
        1.0f + r * (1.0f + r * (5.0000001201e-1f +
                                r * (1.6666665459e-1f +
                                     r * (4.1665795894e-2f +
                                          r * (8.3334519073e-3f +
                                               r * (1.3981999507e-3f + r * 1.9875691500e-4f))))));
    return kept * p * syl_bits_to_float((syl_float_to_bits(t) << 23) + 0x3F800000);
}

/* The normal distribution Phi(x), given e^(-x^2/2): erf from Abramowitz and Stegun 7.1.26
 * (absolute error below 1.5e-7). */
SYL_INLINE float syl_phi(float x, float bell)
{
    float z = fabsf(x) * 0.70710678f;
    float t = 1.0f / (1.0f + 0.3275911f * z);
    float poly =
        t * (0.254829592f +
             t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    float tail = 0.5f * poly * bell; /* 1 - Phi(|x|) */
    return x >= 0 ? 1.0f - tail : tail;
}

SYL_INLINE float syl_gelu(float x)
{
    return x * syl_phi(x, syl_expf(-0.5f * x * x));
}

SYL_INLINE float syl_gelu_slope(float x)
{
    float bell = syl_expf(-0.5f * x * x);
    return syl_phi(x, bell) + x * 0.398942280f * bell;
}

#endif
