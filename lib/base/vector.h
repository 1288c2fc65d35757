/* Vectors of float32, summed in float32 by as many lanes as the processor has. */
#ifndef SYL_BASE_VECTOR_H
#define SYL_BASE_VECTOR_H

#include <math.h>
#include <stdint.h>

#include "lib/base/clones.h"

/* -infinity of nothing. In lanes, because compilers may not reorder comparisons of floats
 * themselves. */
SYL_INLINE float syl_maximum(const float *s, int64_t n)
{
    float lane[16], top = -INFINITY;
    int64_t j = 0;
    for (int c = 0; c < 16; c++)
        lane[c] = -INFINITY;
    for (; j + 16 <= n; j += 16)
        for (int c = 0; c < 16; c++)
            lane[c] = s[j + c] > lane[c] ? s[j + c] : lane[c];
    for (; j < n; j++)
        top = s[j] > top ? s[j] : top;
    for (int c = 0; c < 16; c++)
        top = lane[c] > top ? lane[c] : top;
    return top;
}

float syl_dot(const float *a, const float *b, int64_t n);
float syl_distance2(const float *a, const float *b, int64_t n); /* |a - b|^2 */

/* Scales x to a norm; a vector of zeros stays one. */
void syl_scale_to(float *x, int64_t n, float norm);

#endif
