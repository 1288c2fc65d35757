/* The one door to computation: a device, an execution context on it, matrices, and a closed
 * list of operations. nn/ and everything above know nothing else, so a backend is one folder.
 *
 * Matrices are row-major views [rows][cols] with a row stride; a sequence is [time][channels].
 * bf16 operations keep sums, softmax and normalisation in float32. */
#ifndef SYL_COMPUTE_COMPUTE_H
#define SYL_COMPUTE_COMPUTE_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "lib/io/safetensors.h"

/* ---- context ------------------------------------------------------------------------ */

/* Scratch memory, a cache of prepared primitives and a number of threads: what one thread of
 * execution needs. Used by one thread at a time; weights are shared between contexts. */
typedef struct syl_ctx syl_ctx;

syl_status syl_ctx_create(syl_ctx **out, int threads, syl_error *err);
void syl_ctx_free(syl_ctx *ctx);

/* Scratch memory with stack discipline: what was taken after `mark` goes back at `release`.
 * It is kept for the next time, so a warm context allocates nothing. */
size_t syl_ctx_mark(const syl_ctx *ctx);
void syl_ctx_release(syl_ctx *ctx, size_t mark);

typedef struct syl_mat {
    void *data;
    syl_dtype dtype;            /* SYL_F32 or SYL_BF16 */
    int64_t rows, cols, stride; /* stride: elements from one row to the next */
} syl_mat;

/* A contiguous matrix of scratch memory, not initialised. */
syl_status syl_ctx_mat(syl_ctx *ctx, syl_dtype dtype, int64_t rows, int64_t cols, syl_mat *out,
                       syl_error *err);

syl_mat syl_mat_of(void *data, syl_dtype dtype, int64_t rows, int64_t cols);
syl_mat syl_mat_rows(syl_mat m, int64_t begin, int64_t rows);
syl_mat syl_mat_cols(syl_mat m, int64_t begin, int64_t cols);

/* Copies between matrices of one shape, converting the dtype. */
void syl_mat_copy(syl_mat src, syl_mat dst);

/* ---- weights ------------------------------------------------------------------------ */

typedef enum syl_act { SYL_ACT_NONE, SYL_ACT_GELU } syl_act; /* GELU: the exact, erf form */

/* Weights of a matrix product or convolution, rearranged once for the device. */
typedef struct syl_weight syl_weight;

/* y = x W^T + b: w [out][in], bias [out] or NULL, computed in dtype. */
syl_status syl_weight_linear(syl_weight **out, const float *w, const float *bias, int n_out,
                             int n_in, syl_dtype dtype, syl_error *err);
typedef struct syl_conv_shape {
    int c_in, c_out, kernel, stride, pad, groups;
} syl_conv_shape;
/* w [c_out][c_in/groups][kernel], bias [c_out] or NULL. With groups > 1 the stride must be 1. */
syl_status syl_weight_conv(syl_weight **out, const float *w, const float *bias,
                           syl_conv_shape shape, syl_dtype dtype, syl_error *err);
void syl_weight_free(syl_weight *weight);

/* ---- operations --------------------------------------------------------------------- */

/* y = act(x W^T + b), or y += x W^T + b when accumulate (act must be NONE then). */
syl_status syl_linear(syl_ctx *ctx, const syl_weight *w, syl_mat x, syl_act act, bool accumulate,
                      syl_mat y, syl_error *err);

/* y [T'][c_out] = act(conv(x [T][c_in]) + b), T' = (T + 2 pad - kernel) / stride + 1 or fewer:
 * y.rows may be less, the last outputs are then not computed. */
syl_status syl_conv1d(syl_ctx *ctx, const syl_weight *w, syl_mat x, syl_act act, syl_mat y,
                      syl_error *err);

#define SYL_MONO_MAX_KERNEL 64
/* One input channel, several output channels, kernel <= SYL_MONO_MAX_KERNEL: y [T'][c_out] =
 * act(sum_k w[k][c] x[t stride + k]
 * + bias[c]); w is [kernel][c_out]. In float32 whatever y's dtype is. */
void syl_conv1d_mono(syl_ctx *ctx, const float *w, const float *bias, int kernel, int stride,
                     const float *x, syl_act act, syl_mat y);

/* y = (x - mean) / sqrt(var + eps) * gamma + beta over each row; act afterwards. y may be x. */
syl_status syl_layer_norm(syl_ctx *ctx, const float *gamma, const float *beta, float eps, syl_mat x,
                          syl_act act, syl_mat y, syl_error *err);

/* y += x, of one dtype. */
void syl_add(syl_ctx *ctx, syl_mat x, syl_mat y);

/* Which keys a query sees. Query i stands at key position i + offset. */
typedef struct syl_attention_mask {
    int64_t left, right;   /* sees keys from position - left to position + right; -1: all */
    int64_t offset;        /* key index of the first query */
    const float *rel_bias; /* [heads][left + right + 1] added to the scores, or NULL */
} syl_attention_mask;

/* Softmax attention of `heads` heads: q [Tq][D], k and v [Tk][D], y [Tq][D]; scores are scaled
 * by 1/sqrt(D/heads). */
syl_status syl_attention(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q, syl_mat k,
                         syl_mat v, syl_mat y, syl_error *err);

#endif
