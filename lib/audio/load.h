/* A whole recording at the rate that somebody wants. */
#ifndef SYL_AUDIO_LOAD_H
#define SYL_AUDIO_LOAD_H

#include "lib/base/status.h"

/* Everything of a recording (see syl_audio_load), one channel, resampled to `rate` Hz. *samples
 * [*n] is owned by the caller (free). */
syl_status syl_audio_load_at(const char *path, const char *raw, int rate, float **samples,
                             size_t *n, syl_error *err);

#endif
