/* Values of tensors from and to float32. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/f16.h"
#include "lib/io/safetensors.h"

static uint16_t float_to_half(float value)
{
    uint32_t bits = syl_float_to_bits(value), sign = bits >> 16 & 0x8000, m = bits & 0x7fffffff;

    if (m > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (m >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and up round to infinity */
    if (m < 0x38800000) {
        /* Below 2^-14: adding 0.5 leaves multiples of 2^-24, rounded to even by the adder. */
        float shifted = syl_bits_to_float(m) + 0.5f;
        return (uint16_t)(sign | (syl_float_to_bits(shifted) - 0x3f000000u));
    }
    m += 0xfff + (m >> 13 & 1);
    return (uint16_t)(sign | (m - 0x38000000u) >> 13);
}

/* Ties to even, saturated, NaN as 0. */
static int32_t float_to_int(float value, double low, double high)
{
    if (isnan(value)) return 0;
    if (value <= low) return (int32_t)low;
    if (value >= high) return (int32_t)high;
    return (int32_t)nearbyint(value);
}

static void load_i32(const uint8_t *src, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++) {
        int32_t value;
        memcpy(&value, src + 4 * i, 4);
        dst[i] = (float)value;
    }
}

void syl_st_to_f32(const syl_st_tensor *tensor, float *dst)
{
    const uint8_t *src = tensor->data;
    size_t n = tensor->count;

    switch (tensor->dtype) {
    case SYL_F32:
        if (n > 0) memcpy(dst, src, n * sizeof *dst);
        break;
    case SYL_BF16:
        for (size_t i = 0; i < n; i++)
            dst[i] = syl_bits_to_float((uint32_t)src[2 * i] << 16 | (uint32_t)src[2 * i + 1] << 24);
        break;
    case SYL_F16:
        for (size_t i = 0; i < n; i++)
            dst[i] = syl_f16_to_f32((uint16_t)(src[2 * i] | src[2 * i + 1] << 8));
        break;
    case SYL_S8:
        for (size_t i = 0; i < n; i++)
            dst[i] = (int8_t)src[i];
        break;
    case SYL_I32:
        load_i32(src, n, dst);
        break;
    }
}

void syl_st_from_f32(const float *src, size_t count, syl_dtype dtype, void *dst)
{
    uint8_t *to = dst;
    size_t size = syl_dtype_size(dtype);

    if (dtype == SYL_F32) {
        if (count > 0) memcpy(dst, src, count * sizeof *src);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = 0;
        if (dtype == SYL_BF16) bits = syl_f32_to_bf16(src[i]);
        if (dtype == SYL_F16) bits = float_to_half(src[i]);
        if (dtype == SYL_S8) bits = (uint32_t)float_to_int(src[i], -128, 127);
        if (dtype == SYL_I32) bits = (uint32_t)float_to_int(src[i], INT32_MIN, INT32_MAX);
        memcpy(to + size * i, &bits, size); /* little endian: the low bytes come first */
    }
}

/* ---- weights of 8 bits -------------------------------------------------------------------- */

#define NAME_SIZE 512

const syl_st_tensor *syl_st_scale_of(const syl_safetensors *file, const syl_st_tensor *t)
{
    char name[NAME_SIZE];
    if (t->dtype != SYL_S8 || t->ndim < 2 || t->shape[0] < 1) return NULL;
    if (snprintf(name, sizeof name, "%s.scale", t->name) >= (int)sizeof name) return NULL;
    const syl_st_tensor *scale = syl_safetensors_find(file, name);
    return scale && scale->count == (size_t)t->shape[0] ? scale : NULL;
}

void syl_st_values(const syl_safetensors *file, const syl_st_tensor *t, float *dst)
{
    const syl_st_tensor *scale = syl_st_scale_of(file, t);
    syl_st_to_f32(t, dst);
    if (!scale) return;
    size_t rows = scale->count, cols = t->count / rows, size = syl_dtype_size(scale->dtype);
    for (size_t r = 0; r < rows; r++) {
        syl_st_tensor one = {.dtype = scale->dtype, .count = 1};
        float by;
        one.data = (const uint8_t *)scale->data + r * size;
        syl_st_to_f32(&one, &by);
        for (size_t c = 0; c < cols; c++)
            dst[r * cols + c] *= by;
    }
}

void syl_st_quantise(const float *src, size_t rows, size_t cols, int8_t *dst, float *scale)
{
    for (size_t r = 0; r < rows; r++) {
        const float *row = src + r * cols;
        float top = 0;
        for (size_t c = 0; c < cols; c++)
            top = fabsf(row[c]) > top ? fabsf(row[c]) : top;
        scale[r] = top / 127;
        for (size_t c = 0; c < cols; c++)
            dst[r * cols + c] = (int8_t)(top > 0 ? lrintf(row[c] / scale[r]) : 0);
    }
}
