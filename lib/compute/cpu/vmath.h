/* Element functions that compilers turn into vector code, and multi-versioning. */
#ifndef SYL_COMPUTE_CPU_VMATH_H
#define SYL_COMPUTE_CPU_VMATH_H

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <math.h>
#include <stdint.h>
#include <string.h>

/* One binary, fast everywhere: the loader picks the version for the processor. Not under
 * sanitizers, whose runtime is not ready when the loader asks. */
#if defined(__x86_64__) && defined(__linux__) && !defined(SYL_NO_CLONES)
#define SYL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SYL_CLONES
#endif
#define SYL_INLINE static inline __attribute__((always_inline))

SYL_INLINE float syl_bits_to_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

SYL_INLINE uint32_t syl_float_to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

SYL_INLINE float syl_bf16_to_f32(uint16_t b)
{
    return syl_bits_to_float((uint32_t)b << 16);
}

/* Round to nearest even; a NaN stays one. */
SYL_INLINE uint16_t syl_f32_to_bf16(float f)
{
    uint32_t u = syl_float_to_bits(f);
    uint32_t rounded = (u + 0x7FFF + ((u >> 16) & 1)) >> 16;
    uint32_t quiet = (u >> 16) | 0x40;
    return (uint16_t)((u & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
}

/* e^x to 2 ulp in [-87, 88], clamped outside. */
SYL_INLINE float syl_expf(float x)
{
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
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
    return p * syl_bits_to_float((syl_float_to_bits(t) << 23) + 0x3F800000);
}

/* x Phi(x) with erf from Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7). */
SYL_INLINE float syl_gelu(float x)
{
    float z = fabsf(x) * 0.70710678f;
    float t = 1.0f / (1.0f + 0.3275911f * z);
    float poly =
        t * (0.254829592f +
             t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    float tail = 0.5f * poly * syl_expf(-z * z); /* 1 - Phi(|x|) */
    return x * (x >= 0 ? 1.0f - tail : tail);
}

#endif
