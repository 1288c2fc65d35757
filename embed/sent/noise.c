#include "embed/sent/noise.h"

#include <math.h>
#include <stddef.h>

#include "lib/base/vector.h"

const char *const syl_noise_place_names[] = {"none", "latent", "input", "output", NULL};

void syl_noise_add(const syl_noise *noise, syl_noise_place place, syl_random *random, float *v,
                   int dim)
{
    if (noise->place != place || place == SYL_NOISE_NONE) return;
    if (syl_random_uniform(random) >= (float)noise->probability) return;
    float deviation = (float)noise->sigma * sqrtf(syl_dot(v, v, dim) / (float)dim);
    for (int i = 0; i < dim; i++)
        v[i] += deviation * syl_random_normal(random);
}
