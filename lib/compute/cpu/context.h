/* Inside of a context: scratch memory and the cache of oneDNN primitives. */
#ifndef SYL_COMPUTE_CPU_CONTEXT_H
#define SYL_COMPUTE_CPU_CONTEXT_H

#include "lib/compute/compute.h"

typedef struct syl_onednn syl_onednn; /* lib/compute/cpu/onednn.c */

#define SYL_MAX_SLABS 32

struct syl_ctx {
    int threads;
    /* Slabs of doubling size: growing never moves what was given out. */
    struct {
        uint8_t *data;
        size_t size, begin; /* begin: the position of its first byte in the whole stack */
    } slab[SYL_MAX_SLABS];
    int num_slabs;
    size_t top;
    syl_onednn *onednn;
};

syl_status syl_onednn_create(syl_onednn **out, syl_error *err);
void syl_onednn_free(syl_onednn *onednn);

/* c [M][N] = a [M][K] b [K][N] with b given by its two strides: products inside attention. */
syl_status syl_onednn_product(syl_ctx *ctx, syl_mat a, syl_mat b, bool transpose_b, syl_mat c,
                              syl_error *err);

#endif
