/* Where a recording holds speech, by its energy. */
#ifndef SYL_TRAIN_SPEECH_REGIONS_H
#define SYL_TRAIN_SPEECH_REGIONS_H

#include "train/presegment/spans.h"

/* Appends the stretches of frames [0, samples / hop) that are loud: a frame's energy is the mean
 * square over 1.5 hops around it, loud is within 35 dB of the recording's 98th percentile and
 * above -60 dB. Gaps below 4 frames are closed, then stretches below 3 frames dropped. */
syl_status syl_speech_regions(const float *samples, size_t n, int hop, syl_spans *regions,
                              syl_error *err);

#endif
