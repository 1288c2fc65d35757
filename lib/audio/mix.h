/* Several channels to one. */
#ifndef SYL_AUDIO_MIX_H
#define SYL_AUDIO_MIX_H

#include <stddef.h>

/* The mean of the channels: src [n][channels] to dst [n]. */
void syl_mix_down(const float *src, size_t n, int channels, float *dst);

#endif
