/* How far a change of mind from one word to another is from a single step. */
#ifndef SYL_SYLBER_DISCRIMINABILITY_H
#define SYL_SYLBER_DISCRIMINABILITY_H

typedef struct syl_discriminability {
    double crossing; /* alpha where the preference first reaches 1/2 */
    double index;    /* 1/4 for a straight line, toward 0 for a step */
} syl_discriminability;

/* Of similarities to the first and the second end at n >= 2 even steps from alpha 0 to 1.
 * preference [n] receives 1/2 + (b - a) / (2 (1 - c)), c the similarity of the ends, cut to
 * [0, 1]: 0 at the first end, 1 at the second. The index is the area between the preference,
 * straight from each alpha to the next, and a step from 0 to 1 at the crossing: a sum over the
 * alphas alone would jump when the crossing passes one. Both are NaN when the ends are the same. */
syl_discriminability syl_discriminate(const double *to_a, const double *to_b, int n,
                                      double *preference);

#endif
