/* Noise on vectors between models, to see what they bear (arXiv 2505.22202, section 5.3). */
#ifndef SYL_EMBED_SENT_NOISE_H
#define SYL_EMBED_SENT_NOISE_H

#include "lib/base/random.h"

typedef enum syl_noise_place {
    SYL_NOISE_NONE,
    SYL_NOISE_LATENT, /* what the latent model gives, before it is decoded and fed back */
    SYL_NOISE_INPUT,  /* the encoder's vectors on their way in */
    SYL_NOISE_OUTPUT  /* vectors on their way to the decoder */
} syl_noise_place;
extern const char *const syl_noise_place_names[]; /* "none", "latent", ...; ended by NULL */

typedef struct syl_noise {
    syl_noise_place place;
    double sigma;       /* times |v| / sqrt(dim) is the deviation of each value */
    double probability; /* of a step to have noise (0.5) */
    uint64_t seed;
} syl_noise;

/* Noise for v [dim], if this is the place and the step has any. */
void syl_noise_add(const syl_noise *noise, syl_noise_place place, syl_random *random, float *v,
                   int dim);

#endif
