/* Codes of real vectors: the baselines that codes learnt end to end are compared with. Every kind
 * is bit j = (plane_j . x > threshold_j), fitted to one set of vectors and applied to any. */
#ifndef SYL_EMBED_HASHING_H
#define SYL_EMBED_HASHING_H

#include "lib/base/status.h"

typedef enum syl_hash_kind {
    SYL_HASH_SIGN,   /* bit j = (x_j > 0); bits = dim */
    SYL_HASH_MEDIAN, /* bit j = (x_j > the median of x_j); bits = dim */
    SYL_HASH_PLANES, /* random hyperplanes through the origin, any number of them (Charikar 2002) */
    SYL_HASH_ITQ     /* principal directions, rotated (embed/itq.h); bits <= dim */
} syl_hash_kind;

typedef struct syl_hash_options {
    syl_hash_kind kind; /* default SYL_HASH_MEDIAN */
    int bits;           /* 0: as many as dimensions; default 0 */
    int iterations;     /* of ITQ; default 50, as in its paper */
    uint64_t seed;      /* of the planes, or of ITQ's first rotation; default 1 */
    int threads;        /* default 1; the result is the same for any number */
} syl_hash_options;

syl_hash_options syl_hash_defaults(void);

/* Read-only once fitted, for any number of threads. */
typedef struct syl_hash {
    int dim, bits;
    float *planes;    /* [bits][dim], NULL: the axes */
    float *threshold; /* [bits] */
} syl_hash;

/* vectors [n][dim], finite, n at least 1; what they are needed for is the median and ITQ. */
syl_status syl_hash_fit(syl_hash *hash, const float *vectors, int64_t n, int dim,
                        const syl_hash_options *options, syl_error *err);
void syl_hash_free(syl_hash *hash);

/* codes [n][(bits + 7) / 8], bit j is bit j % 8 of byte j / 8, bits behind the last are 0. */
void syl_hash_codes(const syl_hash *hash, const float *vectors, int64_t n, int threads,
                    uint8_t *codes);

#endif
