/* Threads that run jobs in the order in which they became ready. */
#ifndef SYL_STREAM_POOL_H
#define SYL_STREAM_POOL_H

#include "lib/base/status.h"

typedef struct syl_job {
    struct syl_job *next; /* of the pool */
    /* Does a bounded piece of work. 1: there is more, put it at the end of the queue again; 0:
     * done, or freed. `scratch` is the thread's own. */
    int (*run)(struct syl_job *job, void *scratch);
} syl_job;

typedef struct syl_pool syl_pool;

syl_status syl_pool_create(syl_pool **out, int threads, size_t scratch_size, syl_error *err);
/* The job must not be in the queue, nor run, already. */
void syl_pool_submit(syl_pool *pool, syl_job *job);
/* Waits until the queue is empty and ends the threads. NULL is allowed. */
void syl_pool_free(syl_pool *pool);

#endif
