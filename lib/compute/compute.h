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

/* ---- devices ------------------------------------------------------------------------ */

/* A device other than the CPU, which is NULL wherever a device is asked for. Memory that it gave
 * out may be followed by its own operations only. Shared by threads; closed after all contexts,
 * weights and memory on it. */
typedef struct syl_device syl_device;

/* "cpu" (gives NULL), "cuda", "cuda:N" or "auto": CUDA where it is there, else the CPU. With
 * "+tf32" behind it ("cuda+tf32", "cuda:1+tf32") products of float32 are made in TF32, with 10 bits
 * of each factor. */
syl_status syl_device_open(syl_device **out, const char *name, syl_error *err);
void syl_device_close(syl_device *device);
/* As "cpu" or "cuda:0 NVIDIA H100 (79 GiB, sm_90)". */
const char *syl_device_name(const syl_device *device);
/* How many devices of the kind "cuda" there are; why none can be used is an error. */
syl_status syl_device_count(const char *kind, int *count, syl_error *err);

/* Zeroed memory that stays until it is released. */
syl_status syl_device_alloc(syl_device *device, size_t bytes, void **out, syl_error *err);
void syl_device_release(syl_device *device, void *memory);
/* Copies that are done when they return. */
syl_status syl_device_put(syl_device *device, const void *host, void *to, size_t bytes,
                          syl_error *err);
syl_status syl_device_get(syl_device *device, const void *from, void *host, size_t bytes,
                          syl_error *err);

/* ---- context ------------------------------------------------------------------------ */

/* A device's queue of work with scratch memory, a cache of prepared primitives and a number of
 * threads: what one thread of execution needs. Used by one thread at a time; weights are shared
 * between contexts.
 *
 * On a device other than the CPU operations are put in a queue and return at once. An operation
 * without a status that failed leaves its error in the context: sums that are returned become NaN,
 * and every later operation with a status gives the error. */
typedef struct syl_ctx syl_ctx;

/* On the CPU. */
syl_status syl_ctx_create(syl_ctx **out, int threads, syl_error *err);
/* On any device (NULL: the CPU). */
syl_status syl_ctx_create_on(syl_ctx **out, syl_device *device, int threads, syl_error *err);
void syl_ctx_free(syl_ctx *ctx);
syl_device *syl_ctx_device(const syl_ctx *ctx);
/* Until all work is done; then the first error of it. */
syl_status syl_ctx_wait(syl_ctx *ctx, syl_error *err);
/* Floating-point operations of the products of matrices and of attention that the context was asked
 * for so far: a multiplication and an addition are two; in attention those of the keys that are
 * seen. Convolutions and what a recording replays are not counted. */
double syl_ctx_flops(const syl_ctx *ctx);

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

/* Copies between matrices of one shape in the host's memory, converting the dtype. For matrices of
 * a context: syl_convert. */
void syl_mat_copy(syl_mat src, syl_mat dst);

/* y = the rows that stand one behind the other at `host`, of y's dtype; host may be changed once
 * it returns. */
syl_status syl_upload(syl_ctx *ctx, const void *host, syl_mat y, syl_error *err);
/* The rows of x, one behind the other, to `host`; waits for what x depends on. */
syl_status syl_download(syl_ctx *ctx, syl_mat x, void *host, syl_error *err);

/* y = 0, of any dtype. */
void syl_zero(syl_ctx *ctx, syl_mat y);
/* y = x, of one shape and any dtypes; they must not overlap. */
void syl_convert(syl_ctx *ctx, syl_mat x, syl_mat y);

/* ---- recordings --------------------------------------------------------------------- */

/* Work of a fixed shape, recorded while it is described and done as a whole at each replay: a CUDA
 * graph. The scratch memory, weights and matrices that it uses must stay; uploads of it read their
 * host's memory again at every replay, from the same address, and so are ids and targets; nothing
 * in it may wait. Have the work done once before it is recorded: room is made then. Scratch memory
 * that it took and did not release counts as taken again after a replay. */
typedef struct syl_recording syl_recording;

bool syl_ctx_records(const syl_ctx *ctx); /* false on the CPU: the calls below then fail */
syl_status syl_ctx_record(syl_ctx *ctx, syl_error *err);
syl_status syl_ctx_recorded(syl_ctx *ctx, syl_recording **out, syl_error *err);
syl_status syl_ctx_replay(syl_ctx *ctx, syl_recording *recording, syl_error *err);
/* The sum that the index-th operation in it that returns one has had in the last replay (while it
 * is recorded, it returns 0); waits. */
syl_status syl_recording_sum(syl_ctx *ctx, syl_recording *recording, int index, double *sum,
                             syl_error *err);
void syl_recording_free(syl_ctx *ctx, syl_recording *recording);

/* ---- groups ------------------------------------------------------------------------- */

/* The devices of several processes, for sums between them without a way through the host (NCCL).
 * Rank 0 makes the id and sends it to the others. */
typedef struct syl_group syl_group;
#define SYL_GROUP_ID 128

bool syl_device_has_groups(const syl_device *device);
syl_status syl_group_id(syl_device *device, uint8_t id[SYL_GROUP_ID], syl_error *err);
/* Returns once all ranks have joined. */
syl_status syl_group_join(syl_group **out, syl_device *device, const uint8_t id[SYL_GROUP_ID],
                          int rank, int count, syl_error *err);
/* data becomes the sum of all ranks'. */
syl_status syl_group_sum(syl_device *device, syl_group *group, syl_ctx *ctx, float *data, int64_t n,
                         syl_error *err);
/* All ranks together. Where this one failed alone (`together` false) the group is left as it is and
 * the process has to end: to part from it would wait for the others, which wait for this one. */
void syl_group_leave(syl_device *device, syl_group *group, bool together);

/* ---- weights ------------------------------------------------------------------------ */

typedef enum syl_act { SYL_ACT_NONE, SYL_ACT_GELU } syl_act; /* GELU: the exact, erf form */

/* Weights of a matrix product or convolution, rearranged once for the device. They are given in
 * the host's memory, as float32. */
typedef struct syl_weight syl_weight;

/* y = x W^T + b: w [out][in], bias [out] or NULL, computed in dtype. */
syl_status syl_weight_linear(syl_weight **out, syl_device *device, const float *w,
                             const float *bias, int n_out, int n_in, syl_dtype dtype,
                             syl_error *err);
typedef struct syl_conv_shape {
    int c_in, c_out, kernel, stride, pad, groups;
} syl_conv_shape;
/* w [c_out][c_in/groups][kernel], bias [c_out] or NULL. With groups > 1 the stride must be 1. */
syl_status syl_weight_conv(syl_weight **out, syl_device *device, const float *w, const float *bias,
                           syl_conv_shape shape, syl_dtype dtype, syl_error *err);
/* Weights of few bits in blocks of SYL_BLOCK_VALUES neighbours of a row, as GGUF has them (d and m
 * are of float16):
 *   Q4_0: d, 16 bytes of two nibbles n: d (n - 8)      18 bytes
 *   Q4_1: d, m, 16 bytes of two nibbles: d n + m       20 bytes
 *   Q8_0: d, 32 signed bytes: d n                      34 bytes
 * The low nibbles are values 0 to 15, the high ones 16 to 31. */
#define SYL_BLOCK_VALUES 32
typedef enum syl_block_kind { SYL_BLOCKS_Q4_0, SYL_BLOCKS_Q4_1, SYL_BLOCKS_Q8_0 } syl_block_kind;
size_t syl_block_row_bytes(syl_block_kind kind, int64_t cols);
/* The values of a row, cols a multiple of SYL_BLOCK_VALUES. */
void syl_block_values(syl_block_kind kind, const void *row, int64_t cols, float *values);

/* y = x W^T with W [n_out][n_in] in blocks, on the CPU; n_in is a multiple of SYL_BLOCK_VALUES. x
 * is float32. Few rows of x are rounded to 8 bits, in blocks with a scale of their own, and
 * multiplied as integers; for many, W is unpacked on the way into a product of bf16 or float32,
 * whichever the processor is fast at. */
syl_status syl_weight_blocks(syl_weight **out, syl_block_kind kind, const void *blocks, int n_out,
                             int n_in, syl_error *err);
void syl_weight_free(syl_weight *weight);

/* ---- operations --------------------------------------------------------------------- */

/* y = act(x W^T + b), or y += x W^T + b when accumulate (act must be NONE then). x is converted to
 * the weight's dtype where it has another; a float32 product gives float32. */
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
    int64_t left, right;   /* sees keys from position - left to position + right; -1: all on that
                              side. (-1, 0) is causal */
    int64_t offset;        /* key index of the first query */
    const float *rel_bias; /* [heads][left + right + 1] added to the scores, or NULL; it needs a
                              window bounded on both sides */
} syl_attention_mask;

/* Softmax attention of `heads` heads: q [Tq][D], y [Tq][D]; scores are scaled by 1/sqrt(D/heads). k
 * and v are [Tk][D], or of fewer columns: those of a number of heads that divides `heads`, each
 * shared by as many neighbouring heads of q (grouped queries: Ainslie et al. 2023). */
syl_status syl_attention(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q, syl_mat k,
                         syl_mat v, syl_mat y, syl_error *err);

/* Rotary positions (Su et al. 2021), in place: pair i of each head of x [n][heads head_dim],
 * float32, is turned by angle i of the row's position. turns [positions][head_dim], float32, has
 * the cosine of angle i in column 2i and its sine behind it; head_dim is even. position [n] is the
 * host's, each below the rows of turns. Pairs are neighbours (2i, 2i + 1) or (i, i + head_dim / 2).
 * `back` turns the other way, as gradients are. */
void syl_rotate(syl_ctx *ctx, syl_mat turns, const int32_t *position, bool adjacent, bool back,
                syl_mat x);

#endif
