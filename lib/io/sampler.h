/* Drawing items from a fixed distribution Q in constant time (the alias method: Walker 1977, built
 * as Vose 1991): the negatives of a sampled softmax. */
#ifndef SYL_IO_SAMPLER_H
#define SYL_IO_SAMPLER_H

#include <stdint.h>

#include "lib/base/status.h"

typedef struct syl_alias {
    uint32_t threshold; /* the column's own item below it, out of 2^32 */
    int32_t other;      /* the item otherwise */
} syl_alias;

typedef struct syl_sampler {
    int64_t size;
    syl_alias *columns; /* [size] */
    float *log_q;       /* [size] log Q(item), natural; -infinity where Q is 0 */
} syl_sampler;

/* Q ~ count^power; word2vec's power is 0.75. Counts may not be negative nor all be 0. */
syl_status syl_sampler_power(syl_sampler *out, const int64_t *counts, int64_t size, double power,
                             syl_error *err);
/* Q(id) = log((id + 2) / (id + 1)) / log(size + 1): what Zipf's law makes of ids sorted by
 * decreasing count (TensorFlow's log-uniform candidate sampler). */
syl_status syl_sampler_log_uniform(syl_sampler *out, int64_t size, syl_error *err);
void syl_sampler_free(syl_sampler *sampler);

/* One item, from two random words of 32 bits. */
static inline int32_t syl_sampler_draw(const syl_sampler *s, uint32_t a, uint32_t b)
{
    uint32_t column = (uint32_t)(((uint64_t)a * (uint64_t)s->size) >> 32);
    return b < s->columns[column].threshold ? (int32_t)column : s->columns[column].other;
}

#endif
