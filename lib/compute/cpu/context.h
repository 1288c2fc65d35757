/* The CPU as a backend: what its files share. */
#ifndef SYL_COMPUTE_CPU_CONTEXT_H
#define SYL_COMPUTE_CPU_CONTEXT_H

#include "lib/compute/backend.h"

typedef struct syl_onednn syl_onednn; /* lib/compute/cpu/onednn.c */

/* A context for each of `threads` threads, all of one thread: worker[i]. With one thread that is
 * ctx itself. */
syl_status syl_ctx_workers(syl_ctx *ctx, syl_ctx ***workers, syl_error *err);
/* Scratch memory of count * size bytes; out: where the pointer to it goes. */
syl_status syl_cpu_take(syl_ctx *ctx, size_t count, size_t size, void *out, syl_error *err);
syl_onednn *syl_ctx_onednn(syl_ctx *ctx);

syl_status syl_onednn_create(syl_onednn **out, syl_error *err);
void syl_onednn_free(syl_onednn *onednn);

/* ---- the functions of the table (backend.c) --------------------------------------------- */

syl_status syl_cpu_ctx_create(syl_ctx **out, syl_device *device, int threads, syl_error *err);
void syl_cpu_ctx_free(syl_ctx *ctx);
size_t syl_cpu_ctx_mark(const syl_ctx *ctx);
syl_status syl_cpu_weight_linear(syl_weight **out, syl_device *device, const float *w,
                                 const float *bias, int n_out, int n_in, syl_dtype dtype,
                                 syl_error *err);
syl_status syl_cpu_weight_conv(syl_weight **out, syl_device *device, const float *w,
                               const float *bias, syl_conv_shape shape, syl_dtype dtype,
                               syl_error *err);
void syl_cpu_weight_free(syl_weight *weight);

#define SYL_PROTOTYPE(result, name, parameters, arguments) result syl_cpu_##name parameters;
SYL_OPERATIONS(SYL_PROTOTYPE)
#undef SYL_PROTOTYPE

#endif
