/* Inside of a context: scratch memory and the cache of oneDNN primitives. */
#ifndef SYL_COMPUTE_CPU_CONTEXT_H
#define SYL_COMPUTE_CPU_CONTEXT_H

#include "lib/compute/compute.h"

typedef struct syl_onednn syl_onednn; /* lib/compute/cpu/onednn.c */

#define SYL_MAX_SLABS 1024

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
    syl_ctx **worker; /* [threads], made when first asked for */
};

/* A context for each of `threads` threads, all of one thread: worker[i]. With one thread that is
 * ctx itself. */
syl_status syl_ctx_workers(syl_ctx *ctx, syl_ctx ***workers, syl_error *err);

syl_status syl_onednn_create(syl_onednn **out, syl_error *err);
void syl_onednn_free(syl_onednn *onednn);

#endif
