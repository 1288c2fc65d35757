/* Ward's agglomeration: clusters are joined two by two, each time those whose union adds the
 * least squared error (Ward 1963), by chains of nearest neighbours (Murtagh 1983). */
#ifndef SYL_TRAIN_WARD_H
#define SYL_TRAIN_WARD_H

#include "lib/base/status.h"

/* points [n][dim] of these weights (NULL: 1 each, as scikit-learn does; all above 0) into groups:
 * labels [n] are 0..groups-1 in the order in which the groups appear. n^2 / 2 floats of memory,
 * n^2 time. The labels do not depend on the number of threads. */
syl_status syl_ward(const float *points, const double *weights, int n, int dim, int groups,
                    int threads, int32_t *labels, syl_error *err);

#endif
