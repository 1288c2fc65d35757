/* Sylber's greedy segmentation (Cho et al. 2025, `get_segment`), frame by frame.
 *
 * Phase 1 runs over the frames: a frame whose norm is under the threshold is silence; a voiced
 * frame joins the running mean of its piece or cuts a new one. Phase 2 settles the joint of two
 * neighbouring pieces, merging them or moving the cut, as soon as the second is complete, which
 * is the earliest moment at which the answer cannot change. */
#ifndef SYL_SYLBER_SEGMENTER_H
#define SYL_SYLBER_SEGMENTER_H

#include "lib/base/status.h"

typedef struct syl_segmenter syl_segmenter;

/* A final segment: frames [start, end), mean [dim] valid during the call. */
typedef syl_status (*syl_segment_sink)(void *user, int64_t start, int64_t end, const float *mean,
                                       syl_error *err);

typedef struct syl_segmenter_config {
    int dim;
    double norm_threshold, merge_threshold;
    int64_t max_frames; /* a voiced run longer than this since its last cut is closed as if
                           silence came: bounds memory and delay; 0: never (as published) */
    syl_segment_sink sink;
    syl_segment_sink provisional; /* NULL, or told of a piece whose end phase 1 has cut but phase 2
                                     has not settled; what comes next, here or in `sink`, has the
                                     same start and replaces it */
    void *user;
} syl_segmenter_config;

syl_status syl_segmenter_create(syl_segmenter **out, const syl_segmenter_config *config,
                                syl_error *err);
syl_status syl_segmenter_push(syl_segmenter *s, const float *frames, int64_t n, syl_error *err);
syl_status syl_segmenter_finish(syl_segmenter *s, syl_error *err);
void syl_segmenter_free(syl_segmenter *s);

#endif
