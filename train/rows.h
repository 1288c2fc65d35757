/* The rows that are clustered: one matrix [count][dim] over any number of .npy files, which stay
 * on the disk. */
#ifndef SYL_TRAIN_ROWS_H
#define SYL_TRAIN_ROWS_H

#include "lib/base/status.h"

typedef struct syl_rows syl_rows;

/* Files [N][dim] of one dim, mapped, not read. metric: rows are scaled as syl_codebook_nearest
 * compares them, to norm 6 (NORM6) or 1 (SPHERICAL). */
syl_status syl_rows_open(syl_rows **out, const char *const *paths, size_t num_paths,
                         syl_metric metric, syl_error *err);
void syl_rows_close(syl_rows *rows);

int64_t syl_rows_count(const syl_rows *rows);
int syl_rows_dim(const syl_rows *rows);
syl_metric syl_rows_metric(const syl_rows *rows);

/* Rows [begin, begin + n) into dst [n][dim]. A row that is not finite, is too large to be squared
 * or has no direction where the metric wants one is SYL_EFORMAT, naming its file and place. Safe
 * from several threads. */
syl_status syl_rows_read(const syl_rows *rows, int64_t begin, int64_t n, float *dst,
                         syl_error *err);
/* Rows index[0..n-1]. */
syl_status syl_rows_gather(const syl_rows *rows, const int64_t *index, int64_t n, float *dst,
                           syl_error *err);

#endif
