/* Inside syl_senses. */
#ifndef SYL_EMBED_SENSES_INNER_H
#define SYL_EMBED_SENSES_INNER_H

#include "embed/senses.h"

struct syl_senses {
    const syl_dsg_model *model;
    int threads;
    syl_sense *kept; /* [first[V]] */
    int64_t *first;  /* [V + 1]: word w has kept[first[w]] to kept[first[w + 1] - 1] */
    float *norms;    /* [V K] lengths of the sense vectors */
};

#endif
