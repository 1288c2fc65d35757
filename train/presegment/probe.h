/* A supervised probe for boundaries: ridge regression from 5 frames of features to a curve that
 * is high at boundaries. */
#ifndef SYL_TRAIN_PROBE_H
#define SYL_TRAIN_PROBE_H

#include "lib/compute/compute.h"

#define SYL_PROBE_REACH 2 /* frames seen on either side */
#define SYL_PROBE_TAPS (2 * SYL_PROBE_REACH + 1)

/* What to regress to: target [n] is the highest of the Gaussians of 15 ms around `boundaries`
 * [count] (seconds) at the frames' times t / frame_rate. */
void syl_probe_target(const double *boundaries, size_t count, double frame_rate, int64_t n,
                      double *target);

/* Sums over labelled recordings, of which the solution is made. */
typedef struct syl_probe_fit {
    int dim;
    int64_t frames;
    float *gram;   /* [TAPS dim][TAPS dim] */
    double *cross; /* [TAPS dim] inputs times targets */
    double *total; /* [TAPS dim] inputs */
    double target;
} syl_probe_fit;

syl_status syl_probe_fit_create(syl_probe_fit *fit, int dim, syl_error *err);
void syl_probe_fit_free(syl_probe_fit *fit);

/* frames [n][dim], target [n]. */
syl_status syl_probe_fit_add(syl_probe_fit *fit, syl_ctx *ctx, const float *frames, int64_t n,
                             const double *target, syl_error *err);

/* weight [TAPS][dim] minimises |X w + bias - y|^2 + 3000 |w|^2, with the targets' mean as bias;
 * by conjugate gradients. The penalty is the best of a cross-validation over 70 prompts. */
syl_status syl_probe_fit_solve(const syl_probe_fit *fit, float *weight, float *bias,
                               syl_error *err);

/* curve [n]: the probe's answer at each of frames [n][dim]; beyond the ends they are repeated.
 * Boundaries are its peaks of height 0.3, prominence 0.1 and distance 3. */
void syl_probe_curve(const float *weight, float bias, const float *frames, int64_t n, int dim,
                     double *curve);

#endif
