/* Philox4x32-10. Counter words, least significant first: position low, position high, stream
 * low, stream high; key words: seed low, seed high. syl_random.position counts 32-bit words:
 * word n of a stream is word n % 4 of the block at position n / 4. */
#include "lib/base/random.h"

#include <math.h>

#define ROUNDS 10
#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define WEYL_0 0x9E3779B9u /* golden ratio */
#define WEYL_1 0xBB67AE85u /* sqrt(3) - 1 */

void syl_philox(uint64_t seed, uint64_t stream, uint64_t position, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)position, c1 = (uint32_t)(position >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0;
        uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint32_t syl_random_u32(syl_random *r)
{
    uint32_t block[4];
    uint64_t n = r->position++;

    syl_philox(r->seed, r->stream, n / 4, block);
    return block[n % 4];
}

/* Lemire 2019, "Fast random integer generation in an interval": the high half of a product,
 * rejecting the few low halves that would make some results more likely. */
uint32_t syl_random_below(syl_random *r, uint32_t n)
{
    uint64_t product = (uint64_t)syl_random_u32(r) * n;

    if ((uint32_t)product < n) {
        uint32_t threshold = -n % n; /* 2^32 mod n */
        while ((uint32_t)product < threshold)
            product = (uint64_t)syl_random_u32(r) * n;
    }
    return (uint32_t)(product >> 32);
}

float syl_random_uniform(syl_random *r)
{
    return (float)(syl_random_u32(r) >> 8) * 0x1p-24f; /* 24 bits: never rounds up to 1 */
}

/* Two words a value, and the second value of the pair is not kept: no state but the position. */
float syl_random_normal(syl_random *r)
{
    double u = ((double)syl_random_u32(r) + 1.0) * 0x1p-32; /* (0, 1]: its log is finite */
    double v = (double)syl_random_u32(r) * 0x1p-32;

    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}
