/* Singular values and vectors of a small square matrix. */
#ifndef SYL_EMBED_SVD_H
#define SYL_EMBED_SVD_H

#include "lib/base/status.h"

/* A = U S V^T of A [n][n], row-major: u and v are [n][n], orthogonal, with singular vectors in
 * their columns; s is [n], descending, at least 0. For a symmetric matrix without negative
 * eigenvalues, a covariance, s are these and v (and u, where s > 0) their vectors. Of a matrix of
 * lower rank the last columns of u are some orthonormal ones. One-sided Jacobi rotations (Hestenes
 * 1958; Golub and Van Loan, Matrix Computations, 8.6): some ten sweeps of n^3 each, so meant for
 * n up to about a thousand. SYL_EINVAL if a value is not finite. */
syl_status syl_svd(const double *a, int n, double *u, double *s, double *v, syl_error *err);

#endif
