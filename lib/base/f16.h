/* IEEE half precision as float32, exactly. */
#ifndef SYL_BASE_F16_H
#define SYL_BASE_F16_H

#include "lib/base/bf16.h"

SYL_INLINE float syl_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;

    if (exponent == 31) return syl_bits_to_float(sign | 0x7f800000u | mantissa << 13);
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1p-24f; /* subnormal or zero, exact */
        return syl_bits_to_float(sign | syl_float_to_bits(magnitude));
    }
    return syl_bits_to_float(sign | (exponent + 112) << 23 | mantissa << 13);
}

#endif
