#include "embed/lm/turns.h"

#include <math.h>
#include <stdint.h>

#include "lib/base/memory.h"

syl_status syl_lm_turns(const syl_lm_shape *s, const float *by, float **out, syl_error *err)
{
    int64_t dim = syl_lm_head_dim(s);
    float *turns = *out = syl_calloc((size_t)s->context, (size_t)dim * sizeof *turns);
    if (!turns)
        return syl_fail_memory(err, (size_t)s->context * (size_t)dim * sizeof *turns,
                               "rotary positions");
    for (int64_t i = 0; i < dim / 2; i++) {
        double turn = pow(s->rope_base, -2.0 * (double)i / (double)dim) / (by ? by[i] : 1.0f);
        for (int64_t p = 0; p < s->context; p++) {
            turns[p * dim + 2 * i] = (float)cos((double)p * turn);
            turns[p * dim + 2 * i + 1] = (float)sin((double)p * turn);
        }
    }
    return SYL_OK;
}
