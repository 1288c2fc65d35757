/* Vectors of float32, summed in float32 by as many lanes as the processor has. */
#ifndef SYL_BASE_VECTOR_H
#define SYL_BASE_VECTOR_H

#include <stdint.h>

float syl_dot(const float *a, const float *b, int64_t n);
float syl_distance2(const float *a, const float *b, int64_t n); /* |a - b|^2 */

/* Scales x to a norm; a vector of zeros stays one. */
void syl_scale_to(float *x, int64_t n, float norm);

#endif
