/* Rows of a table that several windows of a batch change. Each row belongs to one thread, which
 * goes through all changes in order: no locks, and no result that depends on the number of
 * threads. */
#ifndef SYL_COMPUTE_CPU_ROW_UPDATE_H
#define SYL_COMPUTE_CPU_ROW_UPDATE_H

#include "lib/compute/skipgram.h"

/* The gradient of a row: by * vector; that of its bias: by. */
typedef struct syl_row_change {
    const float *vector; /* [stride of the table] */
    float by;
    int32_t row;
} syl_row_change;

/* Which of `threads` threads owns a row. Frequent words have neighbouring numbers, which go to
 * different threads. */
static inline int syl_row_owner(int32_t row, int threads)
{
    return threads == 1 ? 0 : (int)(((uint32_t)row * 2654435769u >> 8) % (uint32_t)threads);
}

void syl_row_changes(const syl_vector_table *table, const syl_row_update *update,
                     const syl_row_change *change, int64_t count);

#endif
