/* How well a network in training finds the syllables of recordings that somebody aligned. */
#ifndef SYL_TRAIN_SYLBER_VALIDATION_H
#define SYL_TRAIN_SYLBER_VALIDATION_H

#include "sylber/boundaries.h"
#include "train/sylber/network.h"
#include "train/sylber/utterances.h"

typedef struct syl_validation {
    syl_utterances *speech;
    syl_boundaries *reference; /* [count of speech] */
} syl_validation;

typedef struct syl_validation_result {
    double norm_threshold, merge_threshold; /* with which the score is best */
    syl_boundary_score score;               /* at 50 ms, without a shift */
    double count_ratio;                     /* boundaries found to those of the reference */
    double silence;                         /* mean norm of quiet frames / norm_threshold */
} syl_validation_result;

/* Runs the network over all recordings and searches the thresholds: the norm as a share of the
 * median norm of speech frames, the merge threshold from .3 to .9. */
syl_status syl_validate(const syl_validation *validation, const syl_network *network,
                        syl_tape *tape, syl_dtype compute, syl_validation_result *out,
                        syl_error *err);

#endif
