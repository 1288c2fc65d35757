/* Products without oneDNN, to which handing a matrix over takes as long as a small product itself,
 * each shape being prepared anew, and which would pack again what lies in the cache as it should. */
#ifndef SYL_COMPUTE_CPU_SMALL_PRODUCT_H
#define SYL_COMPUTE_CPU_SMALL_PRODUCT_H

#include "lib/compute/compute.h"

#define SYL_SMALL_LANES 8

/* c [m][n] := (or +=) a [m][k] b [k][n], all f32; transposed: a is [k][m]. Each row of b can be
 * read up to the next multiple of SYL_SMALL_LANES of its columns, whatever stands there. */
void syl_small_product(syl_mat a, bool transposed, syl_mat b, bool accumulate, syl_mat c);

/* y := x transposed, f32; y's columns beyond x's rows become 0. */
void syl_small_transpose(syl_mat x, syl_mat y);

#endif
