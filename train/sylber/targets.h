/* What a student is to say, out of what its teacher says: the mean of each segment, 0 outside
 * (Cho et al. 2025, section 3). */
#ifndef SYL_TRAIN_SYLBER_TARGETS_H
#define SYL_TRAIN_SYLBER_TARGETS_H

#include "lib/compute/compute.h"

/* target [frames][dim] from the teacher's frames of one sequence and segments [n]. */
void syl_target_from_segments(syl_mat teacher, const int32_t (*segments)[2], int n, syl_mat target);

/* The same with the teacher's own segments (sylber/segmenter.h). */
syl_status syl_target_from_teacher(syl_mat teacher, double norm_threshold, double merge_threshold,
                                   syl_mat target, syl_error *err);

#endif
