/* Scores of syllable boundaries: hits within a tolerance, precision, recall, F1,
 * over-segmentation and R-value (Rasanen, Laine and Altosaar 2009). */
#ifndef SYL_SYLBER_BOUNDARIES_H
#define SYL_SYLBER_BOUNDARIES_H

#include <stdbool.h>

#include "lib/base/status.h"

/* Sorted, different times in whole milliseconds. */
typedef struct syl_boundaries {
    int64_t *ms;
    size_t count;
} syl_boundaries;

/* spans [n][2]: start and end in seconds; the ends are left out with starts_only. */
syl_status syl_boundaries_create(syl_boundaries *out, const double (*spans)[2], size_t n,
                                 bool starts_only, syl_error *err);
void syl_boundaries_free(syl_boundaries *boundaries);

/* How many of `hyp`, moved by shift_ms, meet one of `ref` within tolerance_ms, one to one. */
size_t syl_boundaries_match(const syl_boundaries *hyp, const syl_boundaries *ref, int shift_ms,
                            double tolerance_ms);

typedef struct syl_boundary_score {
    size_t hits, hyp, ref;
    double precision, recall, f1;
    double os;      /* over-segmentation, recall / precision - 1 */
    double r_value; /* 1 is perfect */
} syl_boundary_score;

/* Pooled over `count` recordings, hyp[i] against ref[i]. */
syl_boundary_score syl_boundaries_score(const syl_boundaries *hyp, const syl_boundaries *ref,
                                        size_t count, int shift_ms, double tolerance_ms);

/* The shift of [-50, 50) ms in steps of 5 with the highest R-value (SD-HuBERT's protocol; the
 * first of equals), with its score. */
int syl_boundaries_best_shift(const syl_boundaries *hyp, const syl_boundaries *ref, size_t count,
                              double tolerance_ms, syl_boundary_score *score);

#endif
