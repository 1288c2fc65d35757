/* Views of matrices, copies in the host's memory, and weights laid out anew. */
#include <string.h>

#include "lib/base/bf16.h"
#include "lib/base/memory.h"
#include "lib/compute/backend.h"

syl_mat syl_mat_of(void *data, syl_dtype dtype, int64_t rows, int64_t cols)
{
    return (syl_mat){.data = data, .dtype = dtype, .rows = rows, .cols = cols, .stride = cols};
}

syl_mat syl_mat_rows(syl_mat m, int64_t begin, int64_t rows)
{
    m.data = (uint8_t *)m.data + (size_t)(begin * m.stride) * syl_dtype_size(m.dtype);
    m.rows = rows;
    return m;
}

syl_mat syl_mat_cols(syl_mat m, int64_t begin, int64_t cols)
{
    m.data = (uint8_t *)m.data + (size_t)begin * syl_dtype_size(m.dtype);
    m.cols = cols;
    return m;
}

SYL_CLONES static void row_to_bf16(const float *src, uint16_t *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = syl_f32_to_bf16(src[i]);
}

SYL_CLONES static void row_to_f32(const uint16_t *src, float *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = syl_bf16_to_f32(src[i]);
}

void syl_mat_copy(syl_mat src, syl_mat dst)
{
    for (int64_t t = 0; t < src.rows; t++) {
        const void *from = syl_mat_rows(src, t, 1).data;
        void *to = syl_mat_rows(dst, t, 1).data;
        if (src.dtype == dst.dtype)
            memmove(to, from, (size_t)src.cols * syl_dtype_size(src.dtype));
        else if (src.dtype == SYL_F32)
            row_to_bf16(from, to, src.cols);
        else
            row_to_f32(from, to, src.cols);
    }
}

float *syl_weights_by_tap(const float *w, syl_conv_shape c)
{
    size_t in = (size_t)c.c_in, taps = (size_t)c.kernel;
    float *out = syl_calloc((size_t)c.c_out, in * taps * sizeof *out);
    for (size_t o = 0; out && o < (size_t)c.c_out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t k = 0; k < taps; k++)
                out[(o * taps + k) * in + i] = w[(o * in + i) * taps + k];
    return out;
}
