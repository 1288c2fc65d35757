/* SD-HuBERT's MinCut (arXiv 2310.10803): a region is cut where its self-similarity matrix has
 * the least normalised cut. */
#ifndef SYL_TRAIN_MINCUT_H
#define SYL_TRAIN_MINCUT_H

#include "train/presegment/spans.h"

typedef struct syl_mincut_rule {
    int shortest, longest; /* frames of a segment, before merging */
    int frames_a_segment;  /* a region of n frames is first cut into ceil(n / this) */
    double merge;          /* neighbours with at least this cosine become one */
} syl_mincut_rule;

syl_mincut_rule syl_mincut_defaults(void);

/* Appends the segments of frames [region.start, region.end) of frames [..][dim]. The most
 * similar neighbours are merged first. Regions above 1,500 frames are first cut into equal
 * parts: time and memory grow with the square. */
syl_status syl_mincut(const float *frames, int dim, syl_span region, syl_mincut_rule rule,
                      syl_spans *segments, syl_error *err);

#endif
