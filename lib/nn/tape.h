/* Reverse-mode differentiation: layers write what they did on a tape, which is then played back.
 * A network is described once, as its forward pass; layers.h and losses.h have the pieces.
 *
 * Values and gradients live in the context's scratch memory until the tape is cleared; a warm
 * tape allocates nothing. Used by one thread. */
#ifndef SYL_NN_TAPE_H
#define SYL_NN_TAPE_H

#include "lib/compute/training.h"
#include "lib/nn/param_set.h"

typedef struct syl_var {
    syl_mat value; /* float32 */
    syl_mat grad;  /* once has_grad */
    syl_mat half;  /* value in bf16, once a product has needed it (data NULL before) */
    bool needs_grad, has_grad;
} syl_var;

typedef struct syl_tape syl_tape;

/* What a layer leaves on the tape; the first member of the layer's own struct. */
typedef struct syl_node {
    syl_status (*backward)(syl_tape *tape, struct syl_node *node, syl_error *err);
    struct syl_node *previous;
    syl_var out;
} syl_node;

typedef struct syl_tape_options {
    syl_dtype compute;   /* of products: SYL_F32 or SYL_BF16; sums and all else stay float32 */
    bool training;       /* dropout works */
    uint64_t seed, step; /* what dropout's random numbers are drawn from */
} syl_tape_options;

syl_status syl_tape_create(syl_tape **out, syl_ctx *ctx, syl_error *err);
void syl_tape_free(syl_tape *tape);

/* Forgets everything on it and gives the scratch memory back. */
void syl_tape_clear(syl_tape *tape, syl_tape_options options);
/* Whether layers from here on are in training. */
void syl_tape_train(syl_tape *tape, bool training);
syl_ctx *syl_tape_ctx(const syl_tape *tape);
const syl_tape_options *syl_tape_settings(const syl_tape *tape);

/* A matrix that the network takes in; it stays the caller's. */
syl_status syl_tape_input(syl_tape *tape, syl_mat value, bool needs_grad, syl_var **out,
                          syl_error *err);
/* A parameter; its gradient is added to the parameter's own. */
syl_status syl_tape_param(syl_tape *tape, const syl_param *param, syl_var **out, syl_error *err);
/* `count` parameters of the same number of columns, declared one after the other, as one. */
syl_status syl_tape_joined(syl_tape *tape, syl_param *const *params, int count, syl_var **out,
                           syl_error *err);

/* Plays back. Losses have put the first gradients in place. */
syl_status syl_tape_backward(syl_tape *tape, syl_error *err);

/* ---- for layers ------------------------------------------------------------------------- */

/* Zeroed host memory that lives as long as what is on the tape. */
syl_status syl_tape_alloc(syl_tape *tape, size_t bytes, void *out, syl_error *err);
/* A node of `bytes` whose output is [rows][cols], not filled; it is played back only when
 * needs_grad. */
syl_status syl_tape_node(syl_tape *tape, size_t bytes,
                         syl_status (*backward)(syl_tape *, syl_node *, syl_error *), int64_t rows,
                         int64_t cols, bool needs_grad, void *out, syl_error *err);
/* Where to put a variable's gradient, and whether to add to what is there. */
syl_status syl_var_grad(syl_tape *tape, syl_var *var, syl_mat *grad, bool *accumulate,
                        syl_error *err);
/* The value as products take it. */
syl_status syl_var_operand(syl_tape *tape, syl_var *var, syl_mat *out, syl_error *err);
/* The same for any matrix, in scratch memory. */
syl_status syl_operand(syl_tape *tape, syl_mat m, syl_mat *out, syl_error *err);
/* The variable's gradient gains `grad`; nothing for a frozen one. */
syl_status syl_var_add_grad(syl_tape *tape, syl_var *var, syl_mat grad, syl_error *err);
/* bias [1][cols] gains the sum of the rows of dy; nothing for NULL or a frozen one. */
syl_status syl_bias_gradient(syl_tape *tape, syl_var *bias, syl_mat dy, syl_error *err);
/* A number for each layer that draws at random. */
uint64_t syl_tape_next_stream(syl_tape *tape);

#endif
