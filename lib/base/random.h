/* Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): the n-th value of a
 * stream is a pure function of (seed, stream, n), so work can be split and resumed freely. */
#ifndef SYL_BASE_RANDOM_H
#define SYL_BASE_RANDOM_H

#include <stdint.h>

typedef struct syl_random {
    uint64_t seed, stream, position;
} syl_random;

/* Four 32-bit words for counter (stream, position) under key seed. */
void syl_philox(uint64_t seed, uint64_t stream, uint64_t position, uint32_t out[4]);

uint32_t syl_random_u32(syl_random *r);               /* uniform over 32 bits */
uint32_t syl_random_below(syl_random *r, uint32_t n); /* uniform in [0, n), unbiased, n > 0 */
float syl_random_uniform(syl_random *r);              /* [0, 1) */
float syl_random_normal(syl_random *r);               /* mean 0, variance 1 (Box-Muller) */

#endif
