/* The layers of the networks, each a forward that writes its backward on the tape. Sequences of a
 * batch lie one behind the other (syl_ragged), so there is no padding to mind. */
#ifndef SYL_NN_LAYERS_H
#define SYL_NN_LAYERS_H

#include "lib/nn/tape.h"

/* y [n][out] = x [n][in] w^T + bias; w [out][in], bias [1][out] or NULL. */
syl_status syl_nn_linear(syl_tape *tape, syl_var *x, syl_var *w, syl_var *bias, syl_var **y,
                         syl_error *err);

/* The same with w [in][out], as GPT-2's files have it. */
syl_status syl_nn_linear_in_first(syl_tape *tape, syl_var *x, syl_var *w, syl_var *bias,
                                  syl_var **y, syl_error *err);

/* Convolution over time of every sequence, one group: x [rows][c_in], w [c_out][kernel c_in] (taps
 * first), bias or NULL. *out, on the tape's memory, receives the sequences of y. Sequences that
 * are too short give no rows. */
syl_status syl_nn_conv(syl_tape *tape, syl_conv_shape shape, syl_var *x, syl_ragged in, syl_var *w,
                       syl_var *bias, syl_var **y, syl_ragged *out, syl_error *err);

/* The positional convolution of wav2vec 2.0 and HuBERT: groups, stride 1, weight norm over each
 * tap (g [taps], v [c_out][c_in/groups taps]), as many rows out as in. */
syl_status syl_nn_positional_conv(syl_tape *tape, syl_conv_shape shape, syl_var *x, syl_ragged in,
                                  syl_var *g, syl_var *v, syl_var *bias, syl_var **y,
                                  syl_error *err);

/* Layer norm, or RMS norm with beta NULL. */
syl_status syl_nn_norm(syl_tape *tape, syl_norm_kind kind, syl_var *x, syl_var *gamma,
                       syl_var *beta, float eps, syl_var **y, syl_error *err);
/* Group norm of each sequence by itself. */
syl_status syl_nn_group_norm(syl_tape *tape, int groups, syl_var *x, syl_ragged in, syl_var *gamma,
                             syl_var *beta, float eps, syl_var **y, syl_error *err);

syl_status syl_nn_activation(syl_tape *tape, syl_function f, syl_var *x, syl_var **y,
                             syl_error *err);
syl_status syl_nn_add(syl_tape *tape, syl_var *a, syl_var *b, syl_var **y, syl_error *err);
/* Nothing at p = 0 or outside training. */
syl_status syl_nn_dropout(syl_tape *tape, float p, syl_var *x, syl_var **y, syl_error *err);
/* y [n] = the rows of table that ids [n] name; ids stay the caller's until the tape is cleared. */
syl_status syl_nn_embedding(syl_tape *tape, syl_var *table, const int32_t *ids, int64_t n,
                            syl_var **y, syl_error *err);
syl_status syl_nn_unit_rows(syl_tape *tape, syl_var *x, syl_var **y, syl_error *err);

/* y [n][c] = f(a) b of x [n][2 c] = a beside b (SwiGLU: Shazeer 2020). */
syl_status syl_nn_gated(syl_tape *tape, syl_function f, syl_var *x, syl_var **y, syl_error *err);

/* A low-rank adapter of a product (LoRA: Hu et al. 2021) beside a frozen weight: columns from `at`
 * on of y += scale up down dropout(x), where y came out of the product of x and has no other use;
 * the sum stands where y stood, and y must not be read any more. */
typedef struct syl_low_rank {
    const syl_param *down, *up; /* [rank][in], [out][rank] */
    int64_t at;                 /* the first of the columns */
    float scale, dropout;       /* dropout works in training only */
} syl_low_rank;
syl_status syl_nn_low_rank(syl_tape *tape, const syl_low_rank *by, syl_var *x, syl_var **y,
                           syl_error *err);

/* y = x with heads in the first `cols` columns turned as of syl_rotate; table and positions stay
 * the caller's until the tape is cleared. */
typedef struct syl_rotation {
    syl_mat turns;           /* [positions][head_dim] */
    const int32_t *position; /* [rows] */
    bool adjacent;
    int64_t cols;
} syl_rotation;
syl_status syl_nn_rotate(syl_tape *tape, syl_rotation by, syl_var *x, syl_var **y, syl_error *err);

/* Self-attention inside each sequence: qkv [rows][(heads + 2 kv_heads) head_dim] holds queries,
 * keys and values; rel_bias [heads][left + right + 1] or NULL stands in for shape.rel_bias; the
 * tape gives seed and stream of shape.dropout, which works in training only. */
syl_status syl_nn_attention(syl_tape *tape, syl_attention_shape shape, int kv_heads,
                            syl_ragged sequences, syl_var *qkv, syl_var *rel_bias, syl_var **y,
                            syl_error *err);

#endif
