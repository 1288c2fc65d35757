#include "lib/audio/mix.h"

void syl_mix_down(const float *src, size_t n, int channels, float *dst)
{
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (int c = 0; c < channels; c++)
            sum += src[i * (size_t)channels + (size_t)c];
        dst[i] = sum / (float)channels;
    }
}
