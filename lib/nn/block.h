/* A transformer block, pre-norm or post-norm (Vaswani et al. 2017; Xiong et al. 2020), cut in
 * the two halves that an incremental encoder needs: what is done for a frame when it arrives
 * (queries, keys, values) and what is done once its attention is known. */
#ifndef SYL_NN_BLOCK_H
#define SYL_NN_BLOCK_H

#include "lib/nn/params.h"

typedef struct syl_block {
    bool pre_norm;
    int dim, heads, ff;
    float eps;
    syl_norm norm1, norm2;
    syl_weight *qkv; /* dim -> 3 dim: queries, keys, values */
    syl_weight *out, *ff1, *ff2;
    float *rel_bias;    /* [heads][left + right + 1], or NULL */
    syl_device *device; /* where rel_bias is */
} syl_block;

void syl_block_free(syl_block *block);

/* qkv [n][3 dim] of x [n][dim]. */
syl_status syl_block_qkv(syl_ctx *ctx, const syl_block *block, syl_mat x, syl_mat qkv,
                         syl_error *err);

/* x becomes the block's output, given its attention. att and x [n][dim]. */
syl_status syl_block_finish(syl_ctx *ctx, const syl_block *block, syl_mat att, syl_mat x,
                            syl_error *err);

/* The whole block over a whole sequence, every frame seeing every frame; x [n][dim]. */
syl_status syl_block_forward(syl_ctx *ctx, const syl_block *block, syl_mat x, syl_error *err);

#endif
