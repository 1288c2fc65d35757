/* How well tokens and syllables know each other. */
#ifndef SYL_SYLBER_CLUSTERING_METRICS_H
#define SYL_SYLBER_CLUSTERING_METRICS_H

#include "lib/base/status.h"

/* One segment: the syllable that it is taken for, and its token; both at least 0. */
typedef struct syl_token_pair {
    int32_t syllable, token;
} syl_token_pair;

typedef struct syl_clustering_score {
    size_t syllables, tokens;  /* different ones */
    double syllable_purity;    /* part of the segments whose syllable is their token's commonest */
    double cluster_purity;     /* part of the segments whose token is their syllable's commonest */
    double mutual_information; /* bits */
    double normalised;         /* that over the mean of both entropies; 1 when these are 0 */
} syl_clustering_score;

/* Sorts the pairs. n may be 0: all scores are 0 then. */
void syl_clustering_score_pairs(syl_clustering_score *out, syl_token_pair *pairs, size_t n);

/* Index of the span that [start, end) overlaps longest (the first of equals); -1: none. */
ptrdiff_t syl_longest_overlap(double start, double end, const double (*spans)[2], size_t n);

#endif
