/* Products with weights of few bits: by the bytes of few rows, or unpacked for a product of many.
 */
#include "lib/compute/cpu/blocks.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bf16.h"
#include "lib/base/f16.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/compute/cpu/small_product.h"

#define MANY_ROWS 24      /* from here on the values are worth unpacking */
#define UNPACKED_ROWS 512 /* of the weights at a time, so that they stay in the cache */
#define UNPACKED_VALUES (8 * SYL_BLOCK_VALUES) /* of a panel's rows: in the nearest cache */

size_t syl_panel_block_bytes(syl_block_kind kind)
{
    size_t halves = kind == SYL_BLOCKS_Q4_1 ? 4 : 2, bytes = kind == SYL_BLOCKS_Q8_0 ? 32 : 16;
    return SYL_PANEL_ROWS * (halves + bytes);
}

static int64_t panels_of(const block_weight *w)
{
    return (w->n_out + SYL_PANEL_ROWS - 1) / SYL_PANEL_ROWS;
}

static size_t panel_bytes(const block_weight *w)
{
    return (size_t)(w->n_in / SYL_BLOCK_VALUES) * syl_panel_block_bytes(w->blocks);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* One block of one row into its panel. */
static void pack_block(syl_block_kind kind, const uint8_t *block, int row, uint8_t *panel)
{
    size_t halves = kind == SYL_BLOCKS_Q4_1 ? 2 : 1;
    uint8_t *q = panel + 2 * halves * SYL_PANEL_ROWS;
    for (size_t h = 0; h < halves; h++)
        memcpy(panel + 2 * (h * SYL_PANEL_ROWS + (size_t)row), block + 2 * h, 2);
    block += 2 * halves;
    for (int i = 0; i < (kind == SYL_BLOCKS_Q8_0 ? 32 : 16); i++)
        q[i / 4 * 64 + row * 4 + i % 4] = kind == SYL_BLOCKS_Q8_0 ? block[i] ^ 0x80 : block[i];
}

static bool is_finite(const uint8_t *half)
{
    return (half[1] & 0x7C) != 0x7C;
}

static syl_status pack(block_weight *w, const uint8_t *blocks, syl_error *err)
{
    size_t row = syl_block_row_bytes(w->blocks, w->n_in);
    size_t step = syl_block_row_bytes(w->blocks, SYL_BLOCK_VALUES);
    size_t to_step = syl_panel_block_bytes(w->blocks);
    for (int r = 0; r < w->n_out; r++) {
        const uint8_t *from = blocks + (size_t)r * row;
        uint8_t *to = w->panels + (size_t)(r / SYL_PANEL_ROWS) * panel_bytes(w);
        for (int b = 0; b < w->n_in / SYL_BLOCK_VALUES; b++, from += step, to += to_step) {
            if (!is_finite(from) || (w->blocks == SYL_BLOCKS_Q4_1 && !is_finite(from + 2)))
                return syl_fail(err, SYL_EFORMAT,
                                "a weight of %d x %d has a scale that is not finite in row %d",
                                w->n_out, w->n_in, r);
            pack_block(w->blocks, from, r % SYL_PANEL_ROWS, to);
        }
    }
    return SYL_OK;
}

syl_status syl_weight_blocks(syl_weight **out, syl_block_kind kind, const void *blocks, int n_out,
                             int n_in, syl_error *err)
{
    *out = NULL;
    if (n_out < 1 || n_in < 1 || n_in % SYL_BLOCK_VALUES)
        return syl_fail(err, SYL_EINVAL, "a weight of %d x %d in blocks of %d columns", n_out, n_in,
                        SYL_BLOCK_VALUES);
    block_weight *w = syl_calloc(1, sizeof *w);
    if (!w) return syl_fail_memory(err, sizeof *w, "a weight");
    *w = (block_weight){
        .base = {&syl_cpu_backend}, .kind = BLOCKS, .blocks = kind, .n_out = n_out, .n_in = n_in};
    w->panels = syl_calloc((size_t)panels_of(w), panel_bytes(w));
    syl_status status =
        w->panels ? pack(w, blocks, err) : syl_fail_memory(err, panel_bytes(w), "a weight");
    if (status != SYL_OK) {
        syl_blocks_free(w);
        return status;
    }
    *out = &w->base;
    return SYL_OK;
}

void syl_blocks_free(block_weight *w)
{
    free(w->panels);
    free(w);
}

/* ---- few rows -------------------------------------------------------------------------------- */

#define LEAST_TOP 1e-36f /* 127 divided by less is no float */

/* A block with a value that is not finite has no integers: what is made of it is not a number. */
SYL_CLONES static void quantise_block(const float *x, int8_t *q, float *scale, float *sum)
{
    float top = 0, zero = 0;
    int total = 0;
    for (int i = 0; i < SYL_BLOCK_VALUES; i++) {
        top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
        zero += x[i] * 0;
    }
    if (zero != 0) {
        memset(q, 0, SYL_BLOCK_VALUES);
        *scale = *sum = NAN;
        return;
    }
    float by = top > LEAST_TOP ? 127.0f / top : 0.0f;
    for (int i = 0; i < SYL_BLOCK_VALUES; i++) {
        int n = (int)(x[i] * by + (x[i] < 0 ? -0.5f : 0.5f));
        q[i] = (int8_t)n;
        total += n;
    }
    *scale = top / 127.0f;
    *sum = *scale * (float)total;
}

void syl_block_quantise(syl_mat x, int64_t begin, int64_t n, const syl_block_rows *out)
{
    for (int64_t t = begin; t < begin + n; t++) {
        const float *row = (const float *)x.data + t * x.stride;
        for (int64_t b = 0; b < out->blocks; b++) {
            int64_t at = t * out->blocks + b;
            quantise_block(row + b * SYL_BLOCK_VALUES, out->q + at * SYL_BLOCK_VALUES,
                           out->scale + at, out->sum + at);
        }
    }
}

static void put_tile(float (*tile)[SYL_PANEL_ROWS], int rows, int cols, bool accumulate, float *y,
                     int64_t stride)
{
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < cols; c++)
            y[i * stride + c] = tile[i][c] + (accumulate ? y[i * stride + c] : 0);
}

static void by_panel(const block_weight *w, const syl_block_kernel *kernel,
                     const syl_block_rows *rows, int64_t panel, bool accumulate, syl_mat y)
{
    int64_t col = panel * SYL_PANEL_ROWS;
    int cols = w->n_out - col < SYL_PANEL_ROWS ? (int)(w->n_out - col) : SYL_PANEL_ROWS;
    for (int64_t t = 0; t < y.rows; t += SYL_BLOCK_TILE) {
        float tile[SYL_BLOCK_TILE][SYL_PANEL_ROWS];
        int n = y.rows - t < SYL_BLOCK_TILE ? (int)(y.rows - t) : SYL_BLOCK_TILE;
        kernel->tile(w->blocks, w->panels + (size_t)panel * panel_bytes(w), rows, t, n, tile);
        put_tile(tile, n, cols, accumulate, (float *)y.data + t * y.stride + col, y.stride);
    }
}

syl_status syl_blocks_by_kernel(syl_ctx *ctx, const block_weight *w, const syl_block_kernel *kernel,
                                syl_mat x, bool accumulate, syl_mat y, syl_error *err)
{
    const syl_block_kernel *all[4];
    syl_block_rows rows = {.blocks = w->n_in / SYL_BLOCK_VALUES};
    size_t mark = syl_ctx_mark(ctx), blocks = (size_t)x.rows * (size_t)rows.blocks;
    SYL_TRY(syl_cpu_take(ctx, blocks, SYL_BLOCK_VALUES, &rows.q, err));
    SYL_TRY(syl_cpu_take(ctx, blocks, sizeof(float), &rows.scale, err));
    SYL_TRY(syl_cpu_take(ctx, blocks, sizeof(float), &rows.sum, err));
    syl_block_kernels(all);
    if (!kernel) kernel = all[0];
    syl_block_quantise(x, 0, x.rows, &rows);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t p = 0; p < panels_of(w); p++)
        by_panel(w, kernel, &rows, p, accumulate, y);
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* ---- many rows ------------------------------------------------------------------------------- */

/* Values of a panel's block, [32][16]: d u + m. */
SYL_CLONES static void unpack_block(syl_block_kind kind, const uint8_t *block,
                                    float (*out)[SYL_PANEL_ROWS])
{
    float d[SYL_PANEL_ROWS], m[SYL_PANEL_ROWS];
    const uint16_t *half = (const uint16_t *)(const void *)block;
    for (int r = 0; r < SYL_PANEL_ROWS; r++)
        d[r] = syl_f16_to_f32(half[r]);
    for (int r = 0; r < SYL_PANEL_ROWS; r++)
        m[r] = kind == SYL_BLOCKS_Q4_1 ? syl_f16_to_f32(half[SYL_PANEL_ROWS + r])
                                       : (kind == SYL_BLOCKS_Q4_0 ? -8.0f : -128.0f) * d[r];
    const uint32_t *q =
        (const uint32_t *)(const void *)(half + (kind == SYL_BLOCKS_Q4_1 ? 32 : 16));
    if (kind == SYL_BLOCKS_Q8_0)
        for (int k = 0; k < 32; k++)
            for (int r = 0; r < SYL_PANEL_ROWS; r++)
                out[k][r] = d[r] * (float)(int)(q[k / 4 * 16 + r] >> k % 4 * 8 & 255) + m[r];
    else
        for (int k = 0; k < 32; k++)
            for (int r = 0; r < SYL_PANEL_ROWS; r++)
                out[k][r] =
                    d[r] * (float)(int)(q[k / 4 % 4 * 16 + r] >> (k % 4 * 8 + k / 16 * 4) & 15) +
                    m[r];
}

/* y's columns of one panel, all rows of x. */
static void values_by_panel(const block_weight *w, syl_mat x, int64_t panel, bool accumulate,
                            syl_mat y)
{
    float values[UNPACKED_VALUES][SYL_PANEL_ROWS];
    const uint8_t *block = w->panels + (size_t)panel * panel_bytes(w);
    int64_t col = panel * SYL_PANEL_ROWS, left = w->n_out - col;
    syl_mat to = syl_mat_cols(y, col, left < SYL_PANEL_ROWS ? left : SYL_PANEL_ROWS);
    for (int64_t k = 0, n; k < w->n_in; k += n) {
        n = w->n_in - k < UNPACKED_VALUES ? w->n_in - k : UNPACKED_VALUES;
        for (int64_t i = 0; i < n; i += SYL_BLOCK_VALUES) {
            unpack_block(w->blocks, block, values + i);
            block += syl_panel_block_bytes(w->blocks);
        }
        syl_small_product(syl_mat_cols(x, k, n), false,
                          syl_mat_of(values, SYL_F32, n, SYL_PANEL_ROWS), accumulate || k > 0, to);
    }
}

void syl_blocks_by_values(syl_ctx *ctx, const block_weight *w, syl_mat x, bool accumulate,
                          syl_mat y)
{
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t p = 0; p < panels_of(w); p++)
        values_by_panel(w, x, p, accumulate, y);
}

/* A panel into columns of `to` [n_in][16 panels]. */
SYL_CLONES static void panel_as_bf16(const block_weight *w, int64_t panel, syl_mat to, int64_t col)
{
    const uint8_t *block = w->panels + (size_t)panel * panel_bytes(w);
    float values[SYL_BLOCK_VALUES][SYL_PANEL_ROWS];
    for (int64_t k = 0; k < w->n_in; k += SYL_BLOCK_VALUES) {
        unpack_block(w->blocks, block, values);
        for (int i = 0; i < SYL_BLOCK_VALUES; i++)
            for (int r = 0; r < SYL_PANEL_ROWS; r++)
                ((uint16_t *)to.data)[(k + i) * to.stride + col + r] =
                    syl_f32_to_bf16(values[i][r]);
        block += syl_panel_block_bytes(w->blocks);
    }
}

syl_status syl_blocks_by_bf16(syl_ctx *ctx, const block_weight *w, syl_mat x, bool accumulate,
                              syl_mat y, syl_error *err)
{
    syl_mat same, all;
    size_t mark = syl_ctx_mark(ctx);
    int64_t cols = panels_of(w) * SYL_PANEL_ROWS;
    if (cols > UNPACKED_ROWS) cols = UNPACKED_ROWS;
    SYL_TRY(syl_ctx_mat(ctx, SYL_BF16, x.rows, x.cols, &same, err));
    syl_convert(ctx, x, same);
    SYL_TRY(syl_ctx_mat(ctx, SYL_BF16, w->n_in, cols, &all, err));
    for (int64_t col = 0; col < w->n_out; col += cols) {
        int64_t n = w->n_out - col < cols ? w->n_out - col : cols;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
        for (int64_t p = 0; p < (n + SYL_PANEL_ROWS - 1) / SYL_PANEL_ROWS; p++)
            panel_as_bf16(w, col / SYL_PANEL_ROWS + p, all, p * SYL_PANEL_ROWS);
        SYL_TRY(syl_product(ctx, same, false, syl_mat_cols(all, 0, n), false, accumulate,
                            syl_mat_cols(y, col, n), err));
    }
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* Whether bf16 products go through the processor's matrix unit. */
static bool has_matrix_unit(void)
{
    return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) ==
           dnnl_cpu_isa_avx512_core_amx;
}

syl_status syl_blocks_linear(syl_ctx *ctx, const block_weight *w, syl_mat x, syl_act act,
                             bool accumulate, syl_mat y, syl_error *err)
{
    const syl_block_kernel *all[4];
    if (x.dtype != SYL_F32 || y.dtype != SYL_F32)
        return syl_fail(err, SYL_EUNSUPPORTED, "weights in blocks multiply float32");
    syl_block_kernels(all);
    if (x.rows >= MANY_ROWS && has_matrix_unit())
        SYL_TRY(syl_blocks_by_bf16(ctx, w, x, accumulate, y, err));
    else if (x.rows >= MANY_ROWS && !all[0]->many)
        syl_blocks_by_values(ctx, w, x, accumulate, y);
    else
        SYL_TRY(syl_blocks_by_kernel(ctx, w, all[0], x, accumulate, y, err));
    if (act == SYL_ACT_GELU) syl_activation(ctx, SYL_GELU_ERF, y, y);
    return SYL_OK;
}
