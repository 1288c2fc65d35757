/* Iterative quantisation (Gong and Lazebnik, "Iterative Quantization: A Procrustean Approach to
 * Learning Binary Codes", 2011): centred vectors are projected on their principal directions, and
 * rotated there so that they lie near the corners of the cube {-1, 1}^bits. */
#ifndef SYL_EMBED_ITQ_H
#define SYL_EMBED_ITQ_H

#include "lib/base/status.h"

/* Fits planes [bits][dim] and threshold [bits] of embed/hashing.h to vectors [n][dim], bits <= dim,
 * all finite. The same result for any number of threads. */
syl_status syl_itq_fit(float *planes, float *threshold, const float *vectors, int64_t n, int dim,
                       int bits, int iterations, uint64_t seed, int threads, syl_error *err);

/* The rotation alone: from a random one it alternates between B = sign(V R) and the R
 * that brings V nearest to B. v is [n][bits]; rotation [bits][bits] is orthogonal. errors
 * [iterations + 1], may be NULL: |B - V R|^2 before each iteration and after the last, which never
 * grows but by rounding. */
syl_status syl_itq_rotate(double *rotation, double *errors, const float *v, int64_t n, int bits,
                          int iterations, uint64_t seed, int threads, syl_error *err);

#endif
