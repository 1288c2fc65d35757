/* Weights of few bits on the CPU: how they lie in memory, and the kernels that multiply by them. */
#ifndef SYL_COMPUTE_CPU_BLOCKS_H
#define SYL_COMPUTE_CPU_BLOCKS_H

#include "lib/compute/cpu/onednn_api.h"

/* A panel is 16 rows of the weights, block by block, so that a register has a value of each row:
 *   d [16] of float16; Q4_1: m [16] of float16;
 *   nibbles [4][16][4]: byte (g, r, c) has values 4g + c and 16 + 4g + c of row r, or
 *   bytes [8][16][4]: byte (g, r, c) is value 4g + c of row r, and 128.
 * A value is d u + m with u >= 0: m is -8 d for Q4_0, -128 d for Q8_0. Rows beyond the last have d
 * and m of 0. */
#define SYL_PANEL_ROWS 16
size_t syl_panel_block_bytes(syl_block_kind kind);

typedef struct block_weight {
    syl_weight base;
    enum kind kind; /* BLOCKS; in the place of packed_weight's */
    syl_block_kind blocks;
    int n_out, n_in;
    uint8_t *panels; /* [(n_out + 15) / 16][n_in / 32] */
} block_weight;

/* Rows of x as bytes: x = scale q, of each block; sum = scale times the sum of q. */
typedef struct syl_block_rows {
    int64_t blocks;
    int8_t *q;          /* [rows][32 blocks] */
    float *scale, *sum; /* [rows][blocks] */
} syl_block_rows;

/* out [rows][16] = rows [first, first + rows) of x by one panel; 1 <= rows <= SYL_BLOCK_TILE. */
#define SYL_BLOCK_TILE 8
typedef void syl_block_tile(syl_block_kind kind, const uint8_t *panel, const syl_block_rows *x,
                            int64_t first, int rows, float (*out)[SYL_PANEL_ROWS]);
typedef struct syl_block_kernel {
    const char *name;
    syl_block_tile *tile;
    bool many; /* faster than a product of float32 for many rows too */
} syl_block_kernel;

/* Those that this processor can run, the fastest first, `plain` last; up to 4. */
int syl_block_kernels(const syl_block_kernel *out[4]);

/* Rows [begin, begin + n) of x as bytes. */
void syl_block_quantise(syl_mat x, int64_t begin, int64_t n, const syl_block_rows *out);
/* y (+)= x W^T by a kernel (NULL: the fastest). */
syl_status syl_blocks_by_kernel(syl_ctx *ctx, const block_weight *w, const syl_block_kernel *kernel,
                                syl_mat x, bool accumulate, syl_mat y, syl_error *err);
/* The same by the values of the weights, a panel at a time. */
void syl_blocks_by_values(syl_ctx *ctx, const block_weight *w, syl_mat x, bool accumulate,
                          syl_mat y);
/* The same by oneDNN's product in bf16. */
syl_status syl_blocks_by_bf16(syl_ctx *ctx, const block_weight *w, syl_mat x, bool accumulate,
                              syl_mat y, syl_error *err);
/* syl_linear of such a weight. */
syl_status syl_blocks_linear(syl_ctx *ctx, const block_weight *w, syl_mat x, syl_act act,
                             bool accumulate, syl_mat y, syl_error *err);
void syl_blocks_free(block_weight *w);

#endif
