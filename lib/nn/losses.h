/* Losses: each adds its gradient to the variables that it is given and returns its value. `scale`
 * multiplies both, so that a mean is a sum with scale 1/n. */
#ifndef SYL_NN_LOSSES_H
#define SYL_NN_LOSSES_H

#include "lib/nn/tape.h"

/* scale * sum |x - target|^2: with target the mean of a segment and scale 1 / frames, Sylber's
 * loss (section 3 of the paper). */
syl_status syl_loss_squared(syl_tape *tape, syl_var *x, syl_mat target, float scale, double *loss,
                            syl_error *err);
/* scale * sum -log softmax(logits)[target]; rows with a negative target are left out. */
syl_status syl_loss_cross_entropy(syl_tape *tape, syl_var *logits, const int32_t *target,
                                  float scale, double *loss, syl_error *err);
/* Sampled softmax of x [n][D] against table [V][D]. */
syl_status syl_loss_sampled(syl_tape *tape, syl_var *x, syl_var *table, syl_sample sample,
                            float scale, double *loss, syl_error *err);
/* scale * sum (1 - cos(x, target)), row by row. */
syl_status syl_loss_cosine(syl_tape *tape, syl_var *x, syl_var *target, float scale, double *loss,
                           syl_error *err);
/* InfoNCE (van den Oord et al. 2018): row i of a belongs to row i of b, all others are negatives;
 * cosines are divided by the temperature. */
syl_status syl_loss_info_nce(syl_tape *tape, syl_var *a, syl_var *b, float temperature, float scale,
                             double *loss, syl_error *err);

#endif
