/* Leaving out occurrences of frequent words (Mikolov et al. 2013, section 2.3; the formula is that
 * of word2vec's program): an occurrence of a word of relative frequency f is kept with probability
 * (sqrt(f / t) + 1) t / f, always where that is above 1. */
#ifndef SYL_IO_SUBSAMPLE_H
#define SYL_IO_SUBSAMPLE_H

#include <stdint.h>

#include "lib/base/status.h"

typedef struct syl_subsample {
    int64_t size;
    uint32_t *keep; /* [size] kept when a random word of 32 bits is no greater */
} syl_subsample;

/* counts [size], as of a vocabulary; threshold t in (0, 1], 0: everything is kept. */
syl_status syl_subsample_create(syl_subsample *out, const int64_t *counts, int64_t size,
                                double threshold, syl_error *err);
void syl_subsample_free(syl_subsample *s);

/* Probability that an occurrence of the item is kept. */
double syl_subsample_probability(const syl_subsample *s, int32_t item);

/* Copies to `out` (which may be `items`) those of n items that are kept and returns how many. Each
 * decision is a pure function of (seed, epoch < 2^24, document < 2^40, position in the document),
 * whatever the thread or the process; the random numbers are not those of any other use of the
 * seed (lib/base/random.h) that leaves bit 63 of the position clear. */
int64_t syl_subsample_items(const syl_subsample *s, const int32_t *items, int64_t n, uint64_t seed,
                            uint32_t epoch, int64_t document, int32_t *out);

#endif
