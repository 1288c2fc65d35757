/* What attention of inference and of training share on the CPU. */
#ifndef SYL_COMPUTE_CPU_ATTENTION_H
#define SYL_COMPUTE_CPU_ATTENTION_H

#include "lib/compute/cpu/context.h"

/* Whether heads divide the columns of q, and those of k and v are as many heads or a divisor of
 * them. */
syl_status syl_attention_check(int heads, syl_mat q, syl_mat k, syl_mat v, syl_error *err);

/* As syl_attention, by tiles of queries (attention_training.c): for many queries of which each sees
 * another number of keys. mask.rel_bias must be NULL. */
syl_status syl_attention_cached(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q,
                                syl_mat k, syl_mat v, syl_mat y, syl_error *err);

#endif
