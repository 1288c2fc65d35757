/* k-means tokens: the nearest centroid of a segment's mean vector, and of what is left over. */
#ifndef SYL_SYLBER_TOKENIZER_H
#define SYL_SYLBER_TOKENIZER_H

#include "lib/base/status.h"

/* K centroids of D dimensions; read-only after creation. */
typedef struct syl_codebook {
    int size, dim;
    syl_metric metric;
    float *centroids; /* [size][dim]; spherical: scaled to norm 1 */
    float *half_norm; /* [size] |c|^2 / 2; spherical: 0 */
} syl_codebook;

/* Takes over `centroids` (free), also on failure. */
syl_status syl_codebook_create(syl_codebook **out, float *centroids, int size, int dim,
                               syl_metric metric, syl_error *err);
syl_status syl_codebook_read(syl_codebook **out, const char *npy_path, int dim, syl_metric metric,
                             syl_error *err);
void syl_codebook_free(syl_codebook *codebook);

/* Index of the nearest centroid to x [dim]. scratch [dim] receives x as it was compared: scaled
 * to norm 6 for SYL_METRIC_NORM6, to 1 for SYL_METRIC_SPHERICAL. */
int syl_codebook_nearest(const syl_codebook *codebook, const float *x, float *scratch);

#endif
