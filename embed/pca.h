/* The first two principal components, for maps. */
#ifndef SYL_EMBED_PCA_H
#define SYL_EMBED_PCA_H

#include "lib/base/status.h"

/* y [n][2] = the rows of x [n][dim], less their mean, along the two directions of greatest
 * variance; a second direction that is not there (n < 3, dim 1, points on a line) gives 0. Each
 * direction points to where the largest of its coordinates in y (the first of equals) is positive,
 * so that the result is one. Found by subspace iteration in double; the same for one input. */
syl_status syl_pca_2d(double *y, const float *x, size_t n, int dim, syl_error *err);

#endif
