/* Launchers of our kernels, each beside its kernel in a .cu file. All pointers and matrices are
 * device memory; everything is put on `stream` and nothing waits. Each returns what the launch
 * returned (cudaErrorInvalidConfiguration, ...), cudaSuccess for empty work. No result depends on
 * the order in which blocks run: sums go over blocks in a fixed order, without atomics. */
#ifndef SYL_COMPUTE_CUDA_KERNELS_H
#define SYL_COMPUTE_CUDA_KERNELS_H

#include <cuda_runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "lib/compute/paragraph.h"
#include "lib/compute/skipgram.h"
#include "lib/compute/training.h"

/* ---- elements.cu ---------------------------------------------------------------------- */

cudaError_t syl_cuda_fill(cudaStream_t stream, float value, syl_mat y);
cudaError_t syl_cuda_scale(cudaStream_t stream, float scale, syl_mat x, bool accumulate, syl_mat y);
cudaError_t syl_cuda_sum(cudaStream_t stream, syl_mat a, syl_mat b, syl_mat y);
/* y += x; both f32 or both bf16. */
cudaError_t syl_cuda_add(cudaStream_t stream, syl_mat x, syl_mat y);
/* Any of f32 and bf16 to any. */
cudaError_t syl_cuda_convert(cudaStream_t stream, syl_mat x, syl_mat y);
cudaError_t syl_cuda_add_bias(cudaStream_t stream, const float *bias, syl_mat y);
cudaError_t syl_cuda_activation(cudaStream_t stream, syl_function f, syl_mat x, syl_mat y);
cudaError_t syl_cuda_activation_backward(cudaStream_t stream, syl_function f, syl_mat x, syl_mat dy,
                                         bool accumulate, syl_mat dx);
/* y = f(a) b. */
cudaError_t syl_cuda_gated(cudaStream_t stream, syl_function f, syl_mat a, syl_mat b, syl_mat y);
/* y = f(y + bias), bias NULL for none: the end of a product whose exact GELU cuBLASLt lacks; y f32
 * or bf16. */
cudaError_t syl_cuda_bias_activation(cudaStream_t stream, syl_function f, const float *bias,
                                     syl_mat y);
cudaError_t syl_cuda_dropout(cudaStream_t stream, uint64_t seed, uint64_t s, float p, syl_mat x,
                             bool accumulate, syl_mat y);
/* y [cols][rows] = x [rows][cols] transposed, of one dtype; by tiles of shared memory. */
cudaError_t syl_cuda_transpose(cudaStream_t stream, syl_mat x, syl_mat y);

/* ---- sums.cu -------------------------------------------------------------------------- */

/* Bytes of `work` that a sum over so many rows and columns wants. */
size_t syl_cuda_sum_work(int64_t rows, int64_t cols);
cudaError_t syl_cuda_column_sums(cudaStream_t stream, syl_mat x, float *sums, void *work);
/* *sum (device) = the sum of the squares, in double. */
cudaError_t syl_cuda_sum_squares(cudaStream_t stream, const float *x, int64_t n, double *sum,
                                 void *work);
/* *sum (device) = sum of n doubles in order. */
cudaError_t syl_cuda_sum_doubles(cudaStream_t stream, const double *x, int64_t n, double *sum);

/* ---- gather.cu ------------------------------------------------------------------------ */

cudaError_t syl_cuda_gather(cudaStream_t stream, syl_mat table, const int32_t *ids, syl_mat y);
/* Sorted segments in place of atomics: row segment_row[i] of dtable gains the rows
 * order[segment_begin[i]] ... order[segment_begin[i + 1] - 1] of dy, in that order. Of an empty
 * segment no row is touched, whatever its segment_row is. */
cudaError_t syl_cuda_scatter_segments(cudaStream_t stream, const int32_t *order,
                                      const int32_t *segment_row, const int32_t *segment_begin,
                                      int64_t segments, syl_mat dy, syl_mat dtable);
cudaError_t syl_cuda_row_dots(cudaStream_t stream, syl_mat x, syl_mat w, syl_mat y);
cudaError_t syl_cuda_add_scaled_rows(cudaStream_t stream, syl_mat by, syl_mat x, bool accumulate,
                                     syl_mat y);

/* ---- norm.cu -------------------------------------------------------------------------- */

/* x and y f32 or bf16 each; stats may be NULL; act is applied afterwards (SYL_ACT_GELU: erf). */
cudaError_t syl_cuda_norm_forward(cudaStream_t stream, syl_norm_kind kind, const float *gamma,
                                  const float *beta, float eps, syl_mat x, syl_act act, syl_mat y,
                                  float *stats);
/* work: syl_cuda_norm_work bytes, for dgamma and dbeta. */
size_t syl_cuda_norm_work(int64_t rows, int64_t cols);
cudaError_t syl_cuda_norm_backward(cudaStream_t stream, syl_norm_kind kind, const float *gamma,
                                   syl_mat x, const float *stats, syl_mat dy, bool accumulate,
                                   syl_mat dx, float *dgamma, float *dbeta, void *work);

/* ---- group_norm.cu -------------------------------------------------------------------- */

size_t syl_cuda_group_norm_work(int groups, int64_t rows, int64_t cols);
cudaError_t syl_cuda_group_norm_forward(cudaStream_t stream, int groups, const float *gamma,
                                        const float *beta, float eps, syl_mat x, syl_mat y,
                                        float *stats, void *work);
cudaError_t syl_cuda_group_norm_backward(cudaStream_t stream, int groups, const float *gamma,
                                         syl_mat x, const float *stats, syl_mat dy, bool accumulate,
                                         syl_mat dx, float *dgamma, float *dbeta, void *work);

/* ---- rows.cu -------------------------------------------------------------------------- */

cudaError_t syl_cuda_unit_rows(cudaStream_t stream, syl_mat x, syl_mat y, float *norms);
cudaError_t syl_cuda_unit_rows_backward(cudaStream_t stream, syl_mat y, const float *norms,
                                        syl_mat dy, bool accumulate, syl_mat dx);
/* work: syl_cuda_sum_work(rows, taps) bytes each. */
cudaError_t syl_cuda_weight_norm(cudaStream_t stream, const float *g, syl_mat v, syl_mat w,
                                 float *norms, void *work);
cudaError_t syl_cuda_weight_norm_backward(cudaStream_t stream, const float *g, syl_mat v,
                                          const float *norms, syl_mat dw, float *dg, syl_mat dv,
                                          void *work);

/* ---- loss.cu -------------------------------------------------------------------------- */

/* Each writes one double a row into row_loss [rows]; syl_cuda_sum_doubles adds them up. */
cudaError_t syl_cuda_squared_error(cudaStream_t stream, syl_mat x, syl_mat target, float scale,
                                   syl_mat dx, double *row_loss);
cudaError_t syl_cuda_cross_entropy(cudaStream_t stream, syl_mat logits, const int32_t *target,
                                   float scale, syl_mat dlogits, double *row_loss);
cudaError_t syl_cuda_cosine_error(cudaStream_t stream, syl_mat x, syl_mat target, float eps,
                                  float scale, syl_mat dx, syl_mat dtarget, double *row_loss);
/* The correction of sampled softmax (lib/nn/losses.c): logits [n][1 + m]; column 0 -=
 * log_q_target, column 1 + j -= log_q_sampled[j] (either NULL: left), -1e30 where sampled[j] is
 * the row's target. */
cudaError_t syl_cuda_sampled_correction(cudaStream_t stream, const int32_t *target,
                                        const int32_t *sampled, const float *log_q_target,
                                        const float *log_q_sampled, syl_mat logits);

/* ---- optimizer.cu --------------------------------------------------------------------- */

/* Each in one fused pass. */
cudaError_t syl_cuda_adamw(cudaStream_t stream, const syl_adamw *by, float grad_scale,
                           const float *grad, float *first, float *second, float *value, int64_t n);
cudaError_t syl_cuda_moving_average(cudaStream_t stream, float decay, const float *value,
                                    float *average, int64_t n);

/* ---- conv.cu -------------------------------------------------------------------------- */

/* As syl_conv1d_mono; y f32 or bf16. */
cudaError_t syl_cuda_conv1d_mono(cudaStream_t stream, const float *w, const float *bias, int kernel,
                                 int stride, const float *x, syl_act act, syl_mat y);
/* y [out rows][kernel cols_of_x] = the rows of x under the kernel side by side, zeros outside;
 * row t begins at x row t stride - pad. One dtype. */
cudaError_t syl_cuda_gather_windows(cudaStream_t stream, int kernel, int stride, int pad, syl_mat x,
                                    syl_mat y);

/* ---- attention.cu, attention_backward.cu ---------------------------------------------- */

#define SYL_CUDA_QUERIES 64 /* queries of a tile */

/* One tile of queries of one sequence: rows of q, and the rows of k and v of its sequence. */
typedef struct syl_cuda_tile {
    int32_t query_begin, query_end; /* rows of q */
    int32_t key_begin, key_end;     /* rows of k of the whole sequence */
    int32_t offset;      /* query row query_begin stands at key position key_begin + offset */
    int32_t first_query; /* first row of q of the sequence (dropout counts from there) */
} syl_cuda_tile;

/* Online softmax by tiles of keys: nothing of time by time is ever in memory. q, k, v of one
 * dtype, f32 or bf16; y f32 or bf16. head_dim <= 256, or cudaErrorInvalidValue. */
typedef struct syl_cuda_attention {
    int heads, head_dim, num_tiles, num_key_tiles;
    int group;                      /* heads of q that share one of k and v; divides heads */
    const syl_cuda_tile *tiles;     /* [num_tiles], device */
    const syl_cuda_tile *key_tiles; /* [num_key_tiles], device, backward only: key_begin..key_end
                                       is a tile of SYL_CUDA_QUERIES keys, query_begin..query_end
                                       the queries of its whole sequence; offset: key row key_begin
                                       stands at position offset of its sequence; first_query as
                                       above */
    int64_t left, right;            /* as syl_attention_shape */
    const float *rel_bias;
    float scale, dropout;
    uint64_t seed, stream;
    syl_mat q, k, v, y;
    float *lse; /* [heads][rows of q], or NULL */
    /* backward only; f32 */
    syl_mat dy, dq, dk, dv;
    float *delta;        /* [heads][rows] scratch: dy . y */
    float *drel_bias;    /* += ; or NULL */
    float *partial_bias; /* [num_tiles][heads][left + right + 1] scratch when drel_bias */
} syl_cuda_attention;

cudaError_t syl_cuda_attention_forward(cudaStream_t stream, const syl_cuda_attention *a);
cudaError_t syl_cuda_attention_backward(cudaStream_t stream, const syl_cuda_attention *a);

/* ---- gated.cu ------------------------------------------------------------------------- */

/* As syl_rotate; position is the device's. */
cudaError_t syl_cuda_rotate(cudaStream_t stream, syl_mat turns, const int32_t *position,
                            bool adjacent, bool back, syl_mat x);
/* da (+)= f'(a) b dy, db (+)= f(a) dy. */
cudaError_t syl_cuda_gated_backward(cudaStream_t stream, syl_function f, syl_mat a, syl_mat b,
                                    syl_mat dy, bool accumulate, syl_mat da, syl_mat db);

/* ---- nearest.cu, hamming.cu ----------------------------------------------------------- */

/* id[i] = the centre nearest to x row i (the lowest number of equals), distance[i] its squared
 * distance; centre_squares [centres.rows] are |c|^2. */
cudaError_t syl_cuda_nearest(cudaStream_t stream, syl_mat x, syl_mat centres,
                             const float *centre_squares, int32_t *id, float *distance);

/* Codes are [n][words] of 64 bits. The k (<= SYL_HAMMING_K) nearest of `codes` for every
 * query, ordered by distance, then number: distance, id [queries][k]; -1 where there are fewer. */
size_t syl_cuda_hamming_work(int64_t queries, int64_t n, int k);
cudaError_t syl_cuda_hamming_search(cudaStream_t stream, const uint64_t *codes, int64_t n,
                                    const uint64_t *queries, int64_t num_queries, int words, int k,
                                    int32_t *distance, int32_t *id, void *work);

/* ---- skipgram.cu ---------------------------------------------------------------------- */

/* Skip-gram with negative sampling, a warp a window (FULL-W2V, Randall et al. 2021): a window's
 * contexts share its negatives. The centre and they are in shared memory, (1 + negatives) dim +
 * context (8 + negatives) floats at most: 64 KiB are there on sm_75, 227 on sm_90, and more is an
 * error. A negative that is the centre is left out. All gradients are those of the window's
 * beginning. */
typedef struct syl_cuda_skipgram {
    int64_t windows;
    int context, negatives, dim; /* at most; dim <= 1024 */
    const int32_t *centre;       /* [windows] rows of `output`: the word predicted */
    const int32_t *contexts;     /* [windows][context] rows of `input`, -1: none */
    const int32_t *negative;     /* [windows][negatives] rows of `output` */
    float lr;
    syl_mat input, output; /* [words][dim] f32 */
    /* Deterministic: gradients (already times lr) go here instead of into the tables:
     * d_input [windows][context][dim], d_output [windows][1 + negatives][dim]; both NULL for
     * atomic updates in place. */
    float *d_input, *d_output;
    double *loss; /* [windows], or NULL */
} syl_cuda_skipgram;

cudaError_t syl_cuda_skipgram_step(cudaStream_t stream, const syl_cuda_skipgram *s);

/* ---- senses.cu ------------------------------------------------------------------------ */

/* One batch of syl_sense_steps, up to the rows' changes; or, with p, of
 * syl_sense_probabilities. dim <= 1024; candidates <= 12288. */
typedef struct syl_cuda_senses {
    int64_t items;
    int senses, slots, negatives, dim;
    int candidates; /* of an item, at most: targets and negatives */
    const int32_t *centre, *words;
    const syl_window_span *contexts, *targets;
    /* [items][candidates] rows of `output`: targets, then negatives; -1: none, or left out */
    const int32_t *ids;
    syl_window_loss loss_kind;
    syl_vector_table sense, output, choice;
    bool choice_shared, gumbel;
    float temperature, entropy;
    uint64_t seed, stream, first;
    float *context, *vector, *gradient; /* [items][dim]: c, v, dL/dv; context NULL: not wanted */
    float *y, *dlogit;                  /* [items][senses] */
    float *by;                          /* as ids: dL/da */
    double *loss;                       /* [2][items]: losses, entropies */
    float *p;                           /* [items][senses]: all that is wanted; or NULL */
} syl_cuda_senses;

cudaError_t syl_cuda_senses_step(cudaStream_t stream, const syl_cuda_senses *s);

/* Changes of a table's rows by its rule. Entry e has gradient by[e] * vectors row
 * e / per_item. Segments as of syl_cuda_scatter_segments. */
typedef struct syl_cuda_row_changes {
    const int32_t *order, *segment_row, *segment_begin;
    int64_t segments;
    int per_item;
    const float *by, *vectors; /* vectors [][dim of the table] */
    syl_vector_table table;
    syl_row_update update;
} syl_cuda_row_changes;

cudaError_t syl_cuda_row_change(cudaStream_t stream, const syl_cuda_row_changes *c);

/* ---- paragraph.cu --------------------------------------------------------------------- */

/* A batch of lib/compute/paragraph.h, all of it the device's. With P the padded length of a code, D
 * that of a document's vector. */
typedef struct syl_cuda_paragraph {
    syl_paragraph_model model;
    int32_t chunks;
    const int32_t *document, *begin, *target, *negative, *around;
    const uint64_t *stream;
    syl_row_groups of_output, of_documents, of_words;
    /* Room. */
    float *h;        /* [chunks][P] */
    float *d_logit;  /* of each chunk its targets, then its negatives */
    float *d_z;      /* [chunks][P] */
    float *vector;   /* [chunks][D], with a projection: documents' vectors as they were, */
    float *d_vector; /* and their gradients */
    float *h_around, *d_around; /* [targets][context P] */
    float *d_each;              /* [targets][negatives], with context */
    float *loss;                /* [chunks] */
} syl_cuda_paragraph;

/* Gradients, a block a chunk, of at most `most` targets; then updates, a block a row that has any.
 * Sums are in the entries' order, so that nothing depends on how blocks run. */
cudaError_t syl_cuda_paragraph_gradients(cudaStream_t stream, const syl_cuda_paragraph *p,
                                         int most);
cudaError_t syl_cuda_paragraph_updates(cudaStream_t stream, const syl_cuda_paragraph *p);

/* Inference, a block a document. `p.model`'s documents are sought; of p only the room is used,
 * that of one chunk for each document: d_logit [documents][chunk + negatives], negative
 * [documents][negatives], targets of a document from its number times chunk on. */
typedef struct syl_cuda_paragraph_inference {
    syl_cuda_paragraph p;
    int32_t count;
    const int64_t *begin;
    const int32_t *items;
    const uint64_t *key;
    int passes, chunk;
    const syl_alias *columns;
    int64_t num_columns;
    int32_t *negative, *around; /* room: [count][negatives], [count][chunk][context] */
} syl_cuda_paragraph_inference;
cudaError_t syl_cuda_paragraph_infer(cudaStream_t stream, const syl_cuda_paragraph_inference *q);

#ifdef __cplusplus
}
#endif

#endif
