#include "embed/lm/turns.h"

#include <math.h>

void syl_lm_angles(const syl_lm_shape *s, const float *by, double *angle)
{
    int dim = syl_lm_head_dim(s);
    for (int i = 0; i < dim / 2; i++)
        angle[i] = pow(s->rope_base, -2.0 * i / dim) / (by ? (double)by[i] : 1);
}

void syl_lm_turns(const double *angle, int head_dim, const int32_t *position, int64_t n,
                  float *turns)
{
    for (int64_t t = 0; t < n; t++, turns += head_dim)
        for (int i = 0; i < head_dim / 2; i++) {
            double at = (double)(position ? position[t] : t) * angle[i];
            turns[2 * i] = (float)cos(at);
            turns[2 * i + 1] = (float)sin(at);
        }
}
