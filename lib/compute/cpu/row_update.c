/* Gradients into rows. */
#include "lib/compute/cpu/row_update.h"

#include <math.h>

#include "lib/compute/cpu/lanes.h"

#define AHEAD 4 /* changes whose rows are on their way */

SYL_INLINE void change_sgd(float lr, const syl_row_change *c, float *restrict row, int64_t n)
{
    float by = lr * c->by;
    const float *g = c->vector;
#pragma omp simd
    for (int64_t j = 0; j < n; j++)
        row[j] -= by * g[j];
}

SYL_INLINE void change_momentum(const syl_row_update *u, const syl_row_change *c,
                                float *restrict row, float *restrict slot, int64_t n)
{
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
        slot[j] = u->momentum * slot[j] + c->by * c->vector[j];
        row[j] -= u->lr * slot[j];
    }
}

SYL_INLINE void change_adagrad(const syl_row_update *u, const syl_row_change *c,
                               float *restrict row, float *restrict slot, int64_t n)
{
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
        float g = c->by * c->vector[j];
        slot[j] += g * g;
        row[j] -= u->lr * g / sqrtf(slot[j]);
    }
}

SYL_INLINE void change_bias(const syl_row_update *u, float g, float *bias, float *slot)
{
    if (u->rule == SYL_ROW_MOMENTUM) {
        *slot = u->momentum * *slot + g;
        g = *slot;
    } else if (u->rule == SYL_ROW_ADAGRAD) {
        *slot += g * g;
        g /= sqrtf(*slot);
    }
    *bias -= u->bias_lr * g;
}

SYL_CLONES static void row_changes(const syl_vector_table *t, const syl_row_update *u,
                                   const syl_row_change *change, int64_t count)
{
    int64_t n = t->value.stride / SYL_VECTOR_LANES * SYL_VECTOR_LANES;
    float *value = t->value.data;
    for (int64_t i = 0; i < count; i++) {
        const syl_row_change *c = &change[i];
        float *row = value + c->row * n, *slot = t->slot ? t->slot + c->row * n : NULL;
        if (i + AHEAD < count) syl_lanes_prefetch(value + change[i + AHEAD].row * n, n);
        if (u->rule == SYL_ROW_SGD)
            change_sgd(u->lr, c, row, n);
        else if (u->rule == SYL_ROW_MOMENTUM)
            change_momentum(u, c, row, slot, n);
        else
            change_adagrad(u, c, row, slot, n);
        if (t->bias)
            change_bias(u, c->by, t->bias + c->row, t->bias_slot ? t->bias_slot + c->row : NULL);
    }
}

void syl_row_changes(const syl_vector_table *table, const syl_row_update *update,
                     const syl_row_change *change, int64_t count)
{
    row_changes(table, update, change, count);
}
