/* Rotary positions (RoPE: Su et al. 2021): the cosines and sines of the positions that a pass has,
 * made anew in each, so that a model's context costs nothing before it is used. */
#ifndef SYL_EMBED_LM_TURNS_H
#define SYL_EMBED_LM_TURNS_H

#include <stdint.h>

#include "embed/lm/shape.h"

/* angle [head_dim / 2]: base^(-2i / head_dim), divided by by[i] where `by` is not NULL. */
void syl_lm_angles(const syl_lm_shape *shape, const float *by, double *angle);

/* turns [n][head_dim], of syl_rotate: row t turns by position[t] (NULL: t) times the angles. */
void syl_lm_turns(const double *angle, int head_dim, const int32_t *position, int64_t n,
                  float *turns);

#endif
