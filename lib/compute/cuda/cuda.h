/* The CUDA backend: what its files share. Kernels are behind kernels.h; this is the host's side. */
#ifndef SYL_COMPUTE_CUDA_CUDA_H
#define SYL_COMPUTE_CUDA_CUDA_H

#include <pthread.h>

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <cudnn.h>

#include "lib/compute/backend.h"
#include "lib/compute/cuda/kernels.h"

#define CUDA_ALIGNMENT ((size_t)256) /* what cuBLASLt's fastest algorithms want of an address */
#define CUDA_MAX_SLABS 64            /* of doubling size: no machine holds that much */

typedef struct cuda_ctx cuda_ctx;
typedef struct cuda_block cuda_block;

/* ---- device (device.c) and its memory (memory.c) ------------------------------------------ */

typedef struct cuda_device {
    syl_device base;
    bool tf32;            /* products of float32 in TF32: asked for as "cuda+tf32" */
    cudaStream_t stream;  /* of put, get and zeroing */
    pthread_mutex_t lock; /* of all that follows */
    cuda_block *blocks;   /* by address inside a segment */
    bool dirty;           /* blocks were given back since the contexts were last waited for */
    cuda_ctx *contexts;
} cuda_device;

syl_status cuda_device_open(syl_device **out, int number, const char *options, syl_error *err);
void cuda_device_close(syl_device *device);
syl_status cuda_device_count(int *count, syl_error *err);
syl_status cuda_device_alloc(syl_device *device, size_t bytes, void **out, syl_error *err);
void cuda_device_release(syl_device *device, void *memory);
syl_status cuda_device_put(syl_device *device, const void *host, void *to, size_t bytes,
                           syl_error *err);
syl_status cuda_device_get(syl_device *device, const void *from, void *host, size_t bytes,
                           syl_error *err);

/* CUDA's current device is each thread's own, so whatever may run on any thread says it first. */
syl_status cuda_use(const cuda_device *device, syl_error *err);
/* Until the work of all contexts is done. The lock is held. */
syl_status cuda_wait_contexts(cuda_device *device, syl_error *err);

/* Memory as it is (not zeroed), aligned to CUDA_ALIGNMENT; 0 bytes give a valid pointer. */
syl_status cuda_memory_take(cuda_device *device, size_t bytes, const char *what, void **out,
                            syl_error *err);
void cuda_memory_give(cuda_device *device, void *memory);
void cuda_memory_free(cuda_device *device);

/* ---- errors (errors.c) -------------------------------------------------------------------- */

syl_status cuda_fail(syl_error *err, cudaError_t code, const char *what);
syl_status cuda_fail_memory(syl_error *err, const cuda_device *device, size_t bytes,
                            const char *what);
syl_status cuda_fail_blas(syl_error *err, cublasStatus_t code, const char *what);
syl_status cuda_fail_dnn(syl_error *err, cudnnStatus_t code, const char *what);

#define CUDA_TRY(what, call)                                                    \
    do {                                                                        \
        cudaError_t cuda_code_ = (call);                                        \
        if (cuda_code_ != cudaSuccess) return cuda_fail(err, cuda_code_, what); \
    } while (0)
#define BLAS_TRY(what, call)                                                                   \
    do {                                                                                       \
        cublasStatus_t blas_code_ = (call);                                                    \
        if (blas_code_ != CUBLAS_STATUS_SUCCESS) return cuda_fail_blas(err, blas_code_, what); \
    } while (0)
#define DNN_TRY(what, call)                                                                \
    do {                                                                                   \
        cudnnStatus_t dnn_code_ = (call);                                                  \
        if (dnn_code_ != CUDNN_STATUS_SUCCESS) return cuda_fail_dnn(err, dnn_code_, what); \
    } while (0)

/* ---- contexts (context.c) ----------------------------------------------------------------- */

typedef struct cuda_staging cuda_staging;   /* staging.c */
typedef struct cuda_products cuda_products; /* product.c */
typedef struct cuda_convs cuda_convs;       /* convolution.c */

struct cuda_ctx {
    syl_ctx base;
    cuda_device *device;
    cuda_ctx *next; /* in the device's list */
    cudaStream_t compute, copy;
    /* Scratch: a stack over slabs of doubling size, so growing never moves what was given out.
     * Memory may be taken anew while kernels that used it before still wait in the queue: all
     * that touch it are on the one compute stream, in order. */
    struct {
        uint8_t *data;
        size_t size, begin; /* begin: the position of its first byte in the whole stack */
    } slab[CUDA_MAX_SLABS];
    int num_slabs;
    size_t top;
    syl_error failed; /* the first error of an operation without a status; SYL_OK: none */
    cuda_staging *staging;
    cuda_products *products;
    cuda_convs *convs;
    syl_recording *recording; /* the one being made, or NULL */
};

static inline cuda_ctx *cuda_own(const syl_ctx *ctx)
{
    return (cuda_ctx *)(uintptr_t)ctx;
}

syl_status cuda_ctx_create(syl_ctx **out, syl_device *device, int threads, syl_error *err);
void cuda_ctx_free(syl_ctx *ctx);
size_t cuda_ctx_mark(const syl_ctx *ctx);

/* What every operation with a status begins with: the error of an earlier one without, and this
 * thread's device. */
syl_status cuda_ctx_check(cuda_ctx *ctx, syl_error *err);
/* The same for one without a status: false when there is nothing to be done any more. */
bool cuda_ctx_ready(cuda_ctx *ctx);
/* Keeps the first error. */
void cuda_ctx_note(cuda_ctx *ctx, syl_status status, const syl_error *err);
void cuda_ctx_note_launch(cuda_ctx *ctx, cudaError_t code, const char *what);
/* Fails while a recording is made, because what follows waits. */
syl_status cuda_ctx_may_wait(const cuda_ctx *ctx, const char *what, syl_error *err);
/* Scratch memory of so many bytes. */
syl_status cuda_take(cuda_ctx *ctx, size_t bytes, void **out, syl_error *err);

/* ---- copies (staging.c) ------------------------------------------------------------------- */

syl_status cuda_staging_create(cuda_ctx *ctx, syl_error *err);
void cuda_staging_free(cuda_ctx *ctx);
/* `bytes` of the host's memory in scratch memory of the device. */
syl_status cuda_send(cuda_ctx *ctx, const void *host, size_t bytes, void **out, syl_error *err);
/* The same, but a recording keeps what stands there now. */
syl_status cuda_send_fixed(cuda_ctx *ctx, const void *host, size_t bytes, void **out,
                           syl_error *err);
/* `bytes` of the device, waited for. */
syl_status cuda_fetch(cuda_ctx *ctx, const void *from, void *host, size_t bytes, syl_error *err);

/* ---- recordings (recording.c) ------------------------------------------------------------- */

/* Makes what is uploaded, at every replay, in the recording's own pinned memory. */
typedef void cuda_fill(const void *host, void *pinned, size_t bytes);

syl_status cuda_record(syl_ctx *ctx, syl_error *err);
syl_status cuda_recorded(syl_ctx *ctx, syl_recording **out, syl_error *err);
syl_status cuda_replay(syl_ctx *ctx, syl_recording *recording, syl_error *err);
void cuda_recording_free(syl_recording *recording);
syl_status cuda_recording_sum(syl_ctx *ctx, syl_recording *recording, int index, double *sum,
                              syl_error *err);
/* The next sum of the recording being made: *from (device) at that time of a replay. */
syl_status cuda_recording_keep(cuda_ctx *ctx, const double *from, syl_error *err);
/* Pinned memory that belongs to the recording being made, filled now and at every replay. */
syl_status cuda_recording_pin(cuda_ctx *ctx, const void *host, size_t bytes, cuda_fill *fill,
                              void **pinned, syl_error *err);

/* As cuda_send, of what `fill` makes of the host's memory; it must fill the bytes whatever stands
 * there. `host` must stay for the replays when a recording is made. */
syl_status cuda_send_made(cuda_ctx *ctx, const void *host, size_t bytes, cuda_fill *fill,
                          void **out, syl_error *err);

/* ---- rows by number (gather.c) ------------------------------------------------------------- */

/* Ids sorted: segment i has row[i] and the places order[begin[i]] ... of ids, in order; ids below 0
 * are left out. As many segments as ids, the last ones empty. */
typedef struct cuda_segments {
    const int32_t *order, *row, *begin; /* the device's */
    int64_t count;
} cuda_segments;

syl_status cuda_send_segments(cuda_ctx *ctx, const int32_t *ids, int64_t n, cuda_segments *out,
                              syl_error *err);

/* ---- weights (weight.c) ------------------------------------------------------------------- */

typedef struct cuda_weight {
    syl_weight base;
    cuda_device *device;
    syl_dtype dtype;
    int n_out, n_in;     /* as a product; of a convolution n_in = kernel c_in */
    syl_conv_shape conv; /* kernel 0: not one */
    void *data;  /* [n_out][n_in], a convolution's inputs by tap; with groups > 1 as it was given */
    float *bias; /* [n_out], or NULL */
    void *bias_half; /* the same in bf16, for products that give bf16 */
} cuda_weight;

syl_status cuda_weight_linear(syl_weight **out, syl_device *device, const float *w,
                              const float *bias, int n_out, int n_in, syl_dtype dtype,
                              syl_error *err);
syl_status cuda_weight_conv(syl_weight **out, syl_device *device, const float *w, const float *bias,
                            syl_conv_shape shape, syl_dtype dtype, syl_error *err);
void cuda_weight_free(syl_weight *weight);

/* ---- products (product.c) ----------------------------------------------------------------- */

/* c = op(a) op(b) + bias, or c += that. */
typedef struct cuda_product {
    syl_mat a, b, c;
    bool transpose_a, transpose_b, accumulate;
    const float *bias;     /* [cols of c], or NULL */
    const void *bias_half; /* the same in bf16, or NULL where there is none yet */
} cuda_product;

syl_status cuda_products_create(cuda_ctx *ctx, syl_error *err);
void cuda_products_free(cuda_ctx *ctx);
syl_status cuda_multiply(cuda_ctx *ctx, const cuda_product *p, syl_error *err);
/* m in `dtype`: itself, or a copy in scratch memory. */
syl_status cuda_as_dtype(cuda_ctx *ctx, syl_dtype dtype, syl_mat *m, syl_error *err);

/* ---- grouped convolutions (convolution.c) ------------------------------------------------- */

void cuda_convs_free(cuda_ctx *ctx);
/* Of inference: y may be of any dtype, w of w's; bias or NULL. */
syl_status cuda_conv_grouped(cuda_ctx *ctx, const cuda_weight *w, syl_mat x, syl_act act, syl_mat y,
                             syl_error *err);

/* ---- groups (group.c) --------------------------------------------------------------------- */

syl_status cuda_group_id(uint8_t id[SYL_GROUP_ID], syl_error *err);
syl_status cuda_group_join(syl_group **out, syl_device *device, const uint8_t id[SYL_GROUP_ID],
                           int rank, int count, syl_error *err);
syl_status cuda_group_sum(syl_group *group, syl_ctx *ctx, float *data, int64_t n, syl_error *err);
void cuda_group_leave(syl_group *group, bool together);

/* ---- the table (backend.c) ---------------------------------------------------------------- */

#define SYL_PROTOTYPE(result, name, parameters, arguments) result cuda_op_##name parameters;
SYL_OPERATIONS(SYL_PROTOTYPE)
#undef SYL_PROTOTYPE

const syl_backend *sylkit_backend(void);

#endif
