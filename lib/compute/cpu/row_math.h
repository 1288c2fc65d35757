/* Sums over rows that lie anywhere: products with a vector, weighted sums, AdaGrad. Rows and
 * vectors are whole pieces of 16 floats long. */
#ifndef SYL_COMPUTE_CPU_ROW_MATH_H
#define SYL_COMPUTE_CPU_ROW_MATH_H

#include <stdbool.h>
#include <stdint.h>

/* out[i] = row[i][at ...] . x, of n rows. */
void syl_rows_dot(const float *const *row, int64_t at, int64_t n, const float *x, int64_t length,
                  float *out);
/* y += the sum of by[i] row[i][at ...]; the order of additions is that of the rows. */
void syl_rows_sum(const float *const *row, int64_t at, const float *by, int64_t n, int64_t length,
                  float *y);
/* square += g^2, x -= lr g / sqrt(square), to about an ulp; square > 0. */
void syl_adagrad_row(float *x, float *square, const float *g, float lr, int64_t length);
/* The same for one value. */
void syl_adagrad_value(float *x, float *square, float g, float lr);

#endif
