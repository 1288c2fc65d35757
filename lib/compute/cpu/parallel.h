/* How loops are cut for threads: rows where rows are independent, blocks of columns where sums
 * go down the rows, so that no result depends on the number of threads. */
#ifndef SYL_COMPUTE_CPU_PARALLEL_H
#define SYL_COMPUTE_CPU_PARALLEL_H

#include "lib/base/clones.h"
#include "lib/base/vector.h"
#include "lib/compute/cpu/context.h"

#define SYL_COLUMN_BLOCK 64
#define SYL_PARALLEL_FROM 65536 /* elements; below, threads cost more than they bring */

SYL_INLINE float *syl_row(syl_mat m, int64_t t)
{
    return (float *)m.data + t * m.stride;
}

SYL_INLINE bool syl_worth_threads(syl_mat m)
{
    return m.rows * m.cols > SYL_PARALLEL_FROM;
}

SYL_INLINE int64_t syl_column_blocks(int64_t cols)
{
    return (cols + SYL_COLUMN_BLOCK - 1) / SYL_COLUMN_BLOCK;
}

SYL_INLINE int64_t syl_block_width(int64_t cols, int64_t block)
{
    int64_t rest = cols - block * SYL_COLUMN_BLOCK;
    return rest < SYL_COLUMN_BLOCK ? rest : SYL_COLUMN_BLOCK;
}

/* y = scale x, or y += scale x, over one row (elements.c). */
void syl_scale_row(float scale, const float *x, bool accumulate, float *y, int64_t n);

/* Dropout of one row whose first element has number `at` (gather.c). y may be x. */
void syl_dropout_row(uint64_t seed, uint64_t stream, uint64_t at, float p, const float *x,
                     bool accumulate, float *y, int64_t n);

#endif
