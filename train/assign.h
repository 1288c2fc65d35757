/* The nearest centroids of many rows: products of blocks of rows with tiles of centroids, each
 * reduced while it is in the cache. */
#ifndef SYL_TRAIN_ASSIGN_H
#define SYL_TRAIN_ASSIGN_H

#include "lib/compute/compute.h"
#include "train/rows.h"

typedef struct syl_assigner syl_assigner;

/* rows and device (NULL: the CPU) must outlive it. The results do not depend on the number of
 * threads: each block is one thread's, and is the same block for any number of them. */
syl_status syl_assigner_create(syl_assigner **out, const syl_rows *rows, syl_device *device,
                               int threads, syl_error *err);
void syl_assigner_free(syl_assigner *a);

/* centroids [size][dim], which must stay in place until the next call. */
syl_status syl_assigner_set(syl_assigner *a, const float *centroids, int size, syl_error *err);

/* Rows that are read and assigned in one call at most, for callers that go through all. */
#define SYL_ASSIGN_ROWS 8192

/* Reads rows index[0..n-1], or rows [begin, begin + n) when index is NULL, into x [n][dim];
 * labels [n] receive the nearest centroid (the first of equals), distances [n] the square of how
 * far it is, computed as a difference, so that it is 0 only for equal vectors. */
syl_status syl_assign(syl_assigner *a, const int64_t *index, int64_t begin, int64_t n, float *x,
                      int32_t *labels, float *distances, syl_error *err);

#endif
