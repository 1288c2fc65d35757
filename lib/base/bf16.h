/* bf16, the upper half of a float32, and a float's bits. */
#ifndef SYL_BASE_BF16_H
#define SYL_BASE_BF16_H

#include <stdint.h>
#include <string.h>

#include "lib/base/clones.h"

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

#endif
