/* How well a clustering agrees with classes, as word sense induction is scored. */
#ifndef SYL_EMBED_PARTITION_SCORES_H
#define SYL_EMBED_PARTITION_SCORES_H

#include "lib/base/status.h"

typedef struct syl_partition_score {
    int classes, clusters; /* different ones */
    /* Adjusted Rand index (Hubert and Arabie 1985): 1 for equal partitions, 0 expected by chance.
     */
    double ari;
    /* Rosenberg and Hirschberg 2007: 1 - H(class | cluster) / H(class), 1 - H(cluster | class) /
     * H(cluster), each 1 where its divisor is 0, and their harmonic mean. */
    double homogeneity, completeness, v_measure;
    /* Artiles et al. 2009, SemEval-2010 task 14: of the pairs of items that share a cluster, the
     * part that share a class; the reverse; their harmonic mean. Both are 1 where there are no such
     * pairs in either partition, 0 where there are none in one of them. */
    double precision, recall, f_score;
} syl_partition_score;

/* classes and clusters [n], any numbers. n may be 0: equal partitions. Only SYL_ENOMEM can fail. */
syl_status syl_partition_scores(syl_partition_score *out, const int32_t *classes,
                                const int32_t *clusters, size_t n, syl_error *err);

#endif
