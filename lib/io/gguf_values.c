/* Values of GGUF's tensors: the sizes of its types and float32 from its blocks.
 * In each type the products are exact and only the last sum or product rounds, so that fused and
 * separate operations give the same bits. */
#include <inttypes.h>

#include "lib/base/clones.h"
#include "lib/base/f16.h"
#include "lib/io/gguf.h"

/* ---- types -------------------------------------------------------------------------------------
 */

static const struct type_entry {
    const char *name;
    int values, bytes; /* of a block */
    int read;          /* 1: syl_gguf_row knows it */
} types[] = {
    [0] = {"F32", 1, 4, 1},         [1] = {"F16", 1, 2, 1},         [2] = {"Q4_0", 32, 18, 1},
    [3] = {"Q4_1", 32, 20, 1},      [6] = {"Q5_0", 32, 22, 0},      [7] = {"Q5_1", 32, 24, 0},
    [8] = {"Q8_0", 32, 34, 1},      [9] = {"Q8_1", 32, 40, 0},      [10] = {"Q2_K", 256, 84, 0},
    [11] = {"Q3_K", 256, 110, 0},   [12] = {"Q4_K", 256, 144, 1},   [13] = {"Q5_K", 256, 176, 0},
    [14] = {"Q6_K", 256, 210, 1},   [15] = {"Q8_K", 256, 292, 0},   [16] = {"IQ2_XXS", 256, 66, 0},
    [17] = {"IQ2_XS", 256, 74, 0},  [18] = {"IQ3_XXS", 256, 98, 0}, [19] = {"IQ1_S", 256, 50, 0},
    [20] = {"IQ4_NL", 32, 18, 0},   [21] = {"IQ3_S", 256, 110, 0},  [22] = {"IQ2_S", 256, 82, 0},
    [23] = {"IQ4_XS", 256, 136, 0}, [24] = {"I8", 1, 1, 0},         [25] = {"I16", 1, 2, 0},
    [26] = {"I32", 1, 4, 0},        [27] = {"I64", 1, 8, 0},        [28] = {"F64", 1, 8, 0},
    [29] = {"IQ1_M", 256, 56, 0},   [30] = {"BF16", 1, 2, 1},       [34] = {"TQ1_0", 256, 54, 0},
    [35] = {"TQ2_0", 256, 66, 0},   [39] = {"MXFP4", 32, 17, 0},    [40] = {"NVFP4", 64, 36, 0},
    [41] = {"Q1_0", 128, 18, 0},
};

static const struct type_entry *find_type(uint32_t type)
{
    return type < sizeof types / sizeof types[0] && types[type].name ? &types[type] : NULL;
}

const char *syl_gguf_type_name(uint32_t type)
{
    const struct type_entry *t = find_type(type);
    return t ? t->name : "unknown";
}

bool syl_gguf_type_block(uint32_t type, int *values, int *bytes)
{
    const struct type_entry *t = find_type(type);
    if (!t) return false;
    *values = t->values;
    *bytes = t->bytes;
    return true;
}

syl_status syl_gguf_check(const syl_gguf *file, const syl_gguf_tensor *tensor, syl_error *err)
{
    const struct type_entry *t = find_type(tensor->type);
    if (t && t->read) return SYL_OK;
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "%s: tensor \"%.100s\" has type %" PRIu32 " (%s), which is not read; convert "
                    "the model to F16, BF16, Q8_0, Q6_K, Q4_K, Q4_1 or Q4_0",
                    syl_gguf_path(file), tensor->name, tensor->type,
                    syl_gguf_type_name(tensor->type));
}

/* ---- blocks ------------------------------------------------------------------------------------
 */

SYL_INLINE uint16_t load_16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

SYL_INLINE float load_half(const uint8_t *p)
{
    return syl_f16_to_f32(load_16(p));
}

SYL_CLONES static void gguf_f16(const uint8_t *src, int64_t n, float *dst)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = load_half(src + 2 * i);
}

SYL_CLONES static void gguf_bf16(const uint8_t *src, int64_t n, float *dst)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = syl_bf16_to_f32(load_16(src + 2 * i));
}

/* Of a byte, the low nibble is value j and the high one value j + 16. */
SYL_CLONES static void gguf_q4_0(const uint8_t *src, int64_t n, float *dst)
{
    for (int64_t i = 0; i < n; i += 32, src += 18) {
        const float d = load_half(src);
        for (int j = 0; j < 16; j++) {
            dst[i + j] = d * (float)((src[2 + j] & 15) - 8);
            dst[i + j + 16] = d * (float)((src[2 + j] >> 4) - 8);
        }
    }
}

SYL_CLONES static void gguf_q4_1(const uint8_t *src, int64_t n, float *dst)
{
    for (int64_t i = 0; i < n; i += 32, src += 20) {
        const float d = load_half(src), m = load_half(src + 2);
        for (int j = 0; j < 16; j++) {
            dst[i + j] = d * (float)(src[4 + j] & 15) + m;
            dst[i + j + 16] = d * (float)(src[4 + j] >> 4) + m;
        }
    }
}

SYL_CLONES static void gguf_q8_0(const uint8_t *src, int64_t n, float *dst)
{
    for (int64_t i = 0; i < n; i += 32, src += 34) {
        const float d = load_half(src);
        for (int j = 0; j < 32; j++)
            dst[i + j] = d * (float)(int8_t)src[2 + j];
    }
}

/* Scale and minimum of part j (0 to 7) from the 12 bytes: those of parts 0 to 3 are the low 6 bits
 * of bytes j and j + 4; those of 4 to 7 have their low 4 bits in byte j + 4 and their high 2 bits
 * where the former leave room. */
SYL_INLINE void q4_k_scale(const uint8_t *packed, int j, int *scale, int *minimum)
{
    if (j < 4) {
        *scale = packed[j] & 63;
        *minimum = packed[j + 4] & 63;
    } else {
        *scale = (packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4;
        *minimum = (packed[j + 4] >> 4) | (packed[j] >> 6) << 4;
    }
}

/* 4 times 32 bytes: the low nibbles are part 2c of 32 values, the high ones part 2c + 1. */
SYL_CLONES static void gguf_q4_k(const uint8_t *src, int64_t n, float *dst)
{
    for (int64_t i = 0; i < n; i += 256, src += 144) {
        const float d = load_half(src), m = load_half(src + 2);
        for (int part = 0; part < 8; part++) {
            const uint8_t *q = src + 16 + 32 * (part / 2);
            const int shift = 4 * (part % 2);
            int scale, minimum;
            q4_k_scale(src + 4, part, &scale, &minimum);
            const float by = d * (float)scale, less = m * (float)minimum;
            float *to = dst + i + 32 * part;
            for (int j = 0; j < 32; j++)
                to[j] = by * (float)((q[j] >> shift) & 15) - less;
        }
    }
}

/* Two halves of 128 values: 64 bytes of low nibbles (the low ones for the first 64 values), 32
 * bytes with 2 high bits for each of the 4 runs of 32, and a scale for each 16 values. */
SYL_CLONES static void gguf_q6_k(const uint8_t *src, int64_t n, float *dst)
{
    for (int64_t i = 0; i < n; i += 256, src += 210) {
        const float d = load_half(src + 208);
        for (int part = 0; part < 16; part++) {
            const int half = part / 8, run = part / 2 % 4, within = 16 * (part % 2);
            const uint8_t *low = src + 64 * half + 32 * (run % 2) + within;
            const uint8_t *high = src + 128 + 32 * half + within;
            const int nibble = 4 * (run / 2), pair = 2 * run;
            const float by = d * (float)(int8_t)src[192 + part];
            float *to = dst + i + 16 * part;
            for (int j = 0; j < 16; j++)
                to[j] = by * (float)(((low[j] >> nibble & 15) | (high[j] >> pair & 3) << 4) - 32);
        }
    }
}

void syl_gguf_row(uint32_t type, const uint8_t *row, int64_t cols, float *dst)
{
    switch ((syl_gguf_type)type) {
    case SYL_GGUF_F32:
        if (cols > 0) memcpy(dst, row, (size_t)cols * sizeof *dst);
        break;
    case SYL_GGUF_F16:
        gguf_f16(row, cols, dst);
        break;
    case SYL_GGUF_BF16:
        gguf_bf16(row, cols, dst);
        break;
    case SYL_GGUF_Q4_0:
        gguf_q4_0(row, cols, dst);
        break;
    case SYL_GGUF_Q4_1:
        gguf_q4_1(row, cols, dst);
        break;
    case SYL_GGUF_Q8_0:
        gguf_q8_0(row, cols, dst);
        break;
    case SYL_GGUF_Q4_K:
        gguf_q4_k(row, cols, dst);
        break;
    case SYL_GGUF_Q6_K:
        gguf_q6_k(row, cols, dst);
        break;
    }
}

syl_status syl_gguf_rows(const syl_gguf *file, const syl_gguf_tensor *tensor, int64_t first,
                         int64_t n, float *dst, syl_error *err)
{
    SYL_TRY(syl_gguf_check(file, tensor, err));
    if (first < 0 || n < 0 || first > tensor->rows || n > tensor->rows - first)
        return syl_fail(err, SYL_EINVAL,
                        "%s: \"%.100s\" has %" PRId64 " rows; %" PRId64 " from row %" PRId64
                        " on were asked for",
                        syl_gguf_path(file), tensor->name, tensor->rows, n, first);
    for (int64_t r = 0; r < n; r++)
        syl_gguf_row(tensor->type, tensor->data + (size_t)(first + r) * tensor->row_bytes,
                     tensor->cols, dst + r * tensor->cols);
    return SYL_OK;
}
