/* The table of rotary positions (Su et al. 2021), which inference and training share. */
#ifndef SYL_EMBED_LM_TURNS_H
#define SYL_EMBED_LM_TURNS_H

#include "embed/lm/shape.h"

/* *out [context][head_dim], freed by the caller: cosine and sine of position p times
 * base^(-2 i / head_dim) / by[i], as syl_rotate reads them; by [head_dim / 2], or NULL. */
syl_status syl_lm_turns(const syl_lm_shape *shape, const float *by, float **out, syl_error *err);

#endif
