/* The operations that training adds to compute.h: products of any orientation, and each layer's
 * forward that keeps what its backward needs. All matrices are float32 unless said otherwise.
 *
 * Matrices and arrays of floats are the device's memory; ids, targets, samples and what says where
 * sequences begin are the host's and may be changed once the call returns.
 *
 * A backward adds to the gradients of parameters. What it does to the gradient of an input is
 * said by `accumulate`: add, or overwrite. Results do not depend on the number of threads, but
 * those of products with few outputs and long sums, which oneDNN may split among threads. */
#ifndef SYL_COMPUTE_TRAINING_H
#define SYL_COMPUTE_TRAINING_H

#include "lib/compute/compute.h"

/* ---- products ----------------------------------------------------------------------- */

/* c = op(a) op(b), or c += op(a) op(b); op transposes its matrix when told to. a and b are of one
 * dtype, float32 or bf16. */
syl_status syl_product(syl_ctx *ctx, syl_mat a, bool transpose_a, syl_mat b, bool transpose_b,
                       bool accumulate, syl_mat c, syl_error *err);

/* The same, and every row of c += bias [cols of c] (or NULL). */
syl_status syl_product_bias(syl_ctx *ctx, syl_mat a, bool transpose_a, syl_mat b, bool transpose_b,
                            const float *bias, bool accumulate, syl_mat c, syl_error *err);

/* ---- elements and sums -------------------------------------------------------------- */

void syl_fill(syl_ctx *ctx, float value, syl_mat y);
/* y = scale x, or y += scale x. */
void syl_scale(syl_ctx *ctx, float scale, syl_mat x, bool accumulate, syl_mat y);
/* y = a + b. */
void syl_sum(syl_ctx *ctx, syl_mat a, syl_mat b, syl_mat y);
/* Every row of y += bias. */
void syl_add_bias(syl_ctx *ctx, const float *bias, syl_mat y);
/* sums [cols] += the sum of the rows of x. */
void syl_column_sums(syl_ctx *ctx, syl_mat x, float *sums);
/* The sum of the squares of n values, in double. */
double syl_sum_squares(syl_ctx *ctx, const float *x, int64_t n);

typedef enum syl_function { SYL_GELU_ERF, SYL_GELU_TANH, SYL_SILU, SYL_RELU } syl_function;
void syl_activation(syl_ctx *ctx, syl_function f, syl_mat x, syl_mat y);
/* dx = f'(x) dy. */
void syl_activation_backward(syl_ctx *ctx, syl_function f, syl_mat x, syl_mat dy, bool accumulate,
                             syl_mat dx);

/* y = f(a) b, as the feed-forward of Llama has it (SwiGLU: Shazeer 2020). */
void syl_gated(syl_ctx *ctx, syl_function f, syl_mat a, syl_mat b, syl_mat y);
/* da = f'(a) b dy, db = f(a) dy. */
void syl_gated_backward(syl_ctx *ctx, syl_function f, syl_mat a, syl_mat b, syl_mat dy,
                        bool accumulate, syl_mat da, syl_mat db);

/* y = x with each element kept with probability 1 - p and scaled by 1 / (1 - p), else 0. Which
 * ones is a pure function of (seed, stream, element), so the backward is the same call on dy. */
void syl_dropout(syl_ctx *ctx, uint64_t seed, uint64_t stream, float p, syl_mat x, bool accumulate,
                 syl_mat y);

/* y [n][cols] = the rows of table, of y's dtype (any), that ids name; a negative id gives zeros. */
void syl_gather(syl_ctx *ctx, syl_mat table, const int32_t *ids, syl_mat y);
/* The rows of dtable that ids name += dy. Repeated ids add up, in order. */
void syl_scatter_add(syl_ctx *ctx, const int32_t *ids, syl_mat dy, syl_mat dtable);

/* ---- normalisation ------------------------------------------------------------------ */

/* Layer norm (Ba et al. 2016) over each row, or RMS norm (Zhang & Sennrich 2019; beta NULL).
 * stats [rows][2] receives mean and 1/deviation; NULL where no backward follows. */
typedef enum syl_norm_kind { SYL_LAYER_NORM, SYL_RMS_NORM } syl_norm_kind;
void syl_norm_forward(syl_ctx *ctx, syl_norm_kind kind, const float *gamma, const float *beta,
                      float eps, syl_mat x, syl_mat y, float *stats);
/* dgamma and dbeta may be NULL (frozen). */
void syl_norm_backward(syl_ctx *ctx, syl_norm_kind kind, const float *gamma, syl_mat x,
                       const float *stats, syl_mat dy, bool accumulate, syl_mat dx, float *dgamma,
                       float *dbeta);

/* Group norm (Wu & He 2018) of one sequence x [time][channels]: statistics over all time and the
 * channels of a group. stats [channels][2]: each channel has its group's. */
syl_status syl_group_norm_forward(syl_ctx *ctx, int groups, const float *gamma, const float *beta,
                                  float eps, syl_mat x, syl_mat y, float *stats, syl_error *err);
syl_status syl_group_norm_backward(syl_ctx *ctx, int groups, const float *gamma, syl_mat x,
                                   const float *stats, syl_mat dy, bool accumulate, syl_mat dx,
                                   float *dgamma, float *dbeta, syl_error *err);

/* y = x / |x| row by row; a row of zeros stays one. norms [rows]. */
void syl_unit_rows(syl_ctx *ctx, syl_mat x, syl_mat y, float *norms);
void syl_unit_rows_backward(syl_ctx *ctx, syl_mat y, const float *norms, syl_mat dy,
                            bool accumulate, syl_mat dx);

/* Weight norm (Salimans & Kingma 2016) over all but the last dimension, as HuBERT's positional
 * convolution has it: w [rows][taps] = g [taps] v [rows][taps] / |v of that tap|. norms [taps]. */
void syl_weight_norm(syl_ctx *ctx, const float *g, syl_mat v, syl_mat w, float *norms);
/* dg [taps] += and dv [rows][taps] +=. */
void syl_weight_norm_backward(syl_ctx *ctx, const float *g, syl_mat v, const float *norms,
                              syl_mat dw, float *dg, syl_mat dv);

/* ---- grouped convolution ------------------------------------------------------------- */

/* Of one sequence, stride 1: y [T'][c_out] from x [T][c_in] with w [c_out][c_in/groups kernel],
 * taps last as files have them; y.rows may be fewer than there could be. Products in dtype
 * `compute`. */
syl_status syl_grouped_conv(syl_ctx *ctx, syl_conv_shape shape, syl_dtype compute, syl_mat x,
                            syl_mat w, syl_mat y, syl_error *err);
syl_status syl_grouped_conv_input_gradient(syl_ctx *ctx, syl_conv_shape shape, syl_dtype compute,
                                           syl_mat dy, syl_mat w, bool accumulate, syl_mat dx,
                                           syl_error *err);
/* dw +=. */
syl_status syl_grouped_conv_weight_gradient(syl_ctx *ctx, syl_conv_shape shape, syl_dtype compute,
                                            syl_mat x, syl_mat dy, syl_mat dw, syl_error *err);

/* ---- attention ---------------------------------------------------------------------- */

/* Sequences of different length one behind the other: i has rows begin[i] to begin[i + 1]. */
typedef struct syl_ragged {
    int count;
    const int64_t *begin; /* [count + 1] */
} syl_ragged;

/* The rows of sequence i. */
static inline syl_mat syl_sequence(syl_mat m, syl_ragged r, int i)
{
    return syl_mat_rows(m, r.begin[i], r.begin[i + 1] - r.begin[i]);
}

typedef struct syl_attention_shape {
    int heads;
    int64_t left, right;   /* a query sees keys from -left to +right of it; -1: all on that side.
                              (-1, -1) is full attention, (-1, 0) is causal */
    const float *rel_bias; /* [heads][left + right + 1] added to the scores, or NULL; it needs a
                              window bounded on both sides */
    float dropout;         /* of the probabilities; which ones depends on (seed, stream) alone */
    uint64_t seed, stream;
} syl_attention_shape;

/* Inside each sequence. q, k, v [rows][D] of one dtype, y [rows][D]; k and v may have fewer heads,
 * as of syl_attention. lse [heads][rows] receives each query's log of the sum of its exponentials.
 * No matrix of time by time is kept. */
syl_status syl_attention_forward(syl_ctx *ctx, syl_attention_shape shape, syl_ragged sequences,
                                 syl_mat q, syl_mat k, syl_mat v, syl_mat y, float *lse,
                                 syl_error *err);
/* dq, dk, dv are overwritten; drel_bias (or NULL) is added to. */
syl_status syl_attention_backward(syl_ctx *ctx, syl_attention_shape shape, syl_ragged sequences,
                                  syl_mat q, syl_mat k, syl_mat v, syl_mat y, const float *lse,
                                  syl_mat dy, syl_mat dq, syl_mat dk, syl_mat dv, float *drel_bias,
                                  syl_error *err);

/* ---- losses ------------------------------------------------------------------------- */

/* Each returns a sum in double; the caller chooses the divisor as `scale`, by which the gradients
 * (overwritten) are multiplied. */

/* sum of |x - target|^2; dx = 2 scale (x - target). */
double syl_squared_error(syl_ctx *ctx, syl_mat x, syl_mat target, float scale, syl_mat dx);
/* sum of -log softmax(logits)[target]; a negative target is left out. dlogits may be logits. */
double syl_cross_entropy(syl_ctx *ctx, syl_mat logits, const int32_t *target, float scale,
                         syl_mat dlogits);
/* sum of 1 - cos(x, target) row by row; gradients of both. Cosine as torch's cosine_similarity:
 * norms are at least eps. */
double syl_cosine_error(syl_ctx *ctx, syl_mat x, syl_mat target, float eps, float scale, syl_mat dx,
                        syl_mat dtarget);
/* Sampled softmax (Jean et al. 2015) with shared negatives: targets [rows] and samples of a table.
 * Each logit is lessened by log_q (the log of the expected count of that class in the sample;
 * log_q_target [rows], log_q_sampled [num_sampled]; NULL: none). The arrays are the host's. */
typedef struct syl_sample {
    const int32_t *target, *sampled;
    int64_t num_sampled;
    const float *log_q_target, *log_q_sampled;
} syl_sample;
/* logits [rows][1 + num_sampled], the row's own target first: less log_q; a sample that is the
 * row's own target becomes -1e30. */
void syl_sampled_correction(syl_ctx *ctx, const syl_sample *sample, syl_mat logits);
/* y [rows] = x . w row by row, stride between the values of y. */
void syl_row_dots(syl_ctx *ctx, syl_mat x, syl_mat w, syl_mat y);
/* y += x with row t multiplied by by[t][0]. */
void syl_add_scaled_rows(syl_ctx *ctx, syl_mat by, syl_mat x, bool accumulate, syl_mat y);

/* ---- search --------------------------------------------------------------------------- */

/* id [rows of x] (the host's) receives the row of centres [n][d] nearest to each row of x: the one
 * of largest x . c + bias[c], the first of equals. With bias = -|c|^2 / 2 that is the one of least
 * distance, with NULL that of the largest product. */
syl_status syl_nearest(syl_ctx *ctx, syl_mat x, syl_mat centres, const float *bias, int32_t *id,
                       syl_error *err);

#define SYL_HAMMING_K 128 /* at most */
/* Of n (below 2^31) codes [n][words] of 64 bits, words at most SYL_CODE_WORDS (hamming.h), the k
 * nearest by Hamming distance to each query [num_queries][words], by distance, then number:
 * distance and id [num_queries][k], -1 where there are fewer. The codes are the device's, all else
 * is the host's. */
syl_status syl_hamming(syl_ctx *ctx, const uint64_t *codes, int64_t n, int words,
                       const uint64_t *queries, int64_t num_queries, int k, int32_t *distance,
                       int32_t *id, syl_error *err);

/* ---- optimisation ------------------------------------------------------------------- */

typedef struct syl_adamw {
    float lr, beta1, beta2, eps, weight_decay;
    int64_t step; /* 1 at the first update */
} syl_adamw;

/* AdamW (Loshchilov & Hutter 2019) in the order of PyTorch's torch.optim.AdamW; gradients are
 * first multiplied by grad_scale (clipping). */
void syl_adamw_update(syl_ctx *ctx, const syl_adamw *by, float grad_scale, const float *grad,
                      float *first, float *second, float *value, int64_t n);
/* average = decay average + (1 - decay) value. */
void syl_moving_average(syl_ctx *ctx, float decay, const float *value, float *average, int64_t n);

#endif
