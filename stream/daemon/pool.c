#include "stream/daemon/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

typedef struct worker {
    pthread_t thread;
    syl_pool *pool;
    void *scratch;
} worker;

struct syl_pool {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    syl_job *first, **last;
    bool closing;
    int num_threads;
    worker workers[];
};

static void append(syl_pool *pool, syl_job *job)
{
    job->next = NULL;
    *pool->last = job;
    pool->last = &job->next;
}

static syl_job *next_job(syl_pool *pool)
{
    while (!pool->first && !pool->closing)
        pthread_cond_wait(&pool->ready, &pool->lock);
    syl_job *job = pool->first;
    if (!job) return NULL;
    pool->first = job->next;
    if (!pool->first) pool->last = &pool->first;
    return job;
}

static void *work(void *user)
{
    worker *w = user;
    syl_pool *pool = w->pool;
    pthread_mutex_lock(&pool->lock);
    for (syl_job *job; (job = next_job(pool));) {
        pthread_mutex_unlock(&pool->lock);
        int more = job->run(job, w->scratch);
        pthread_mutex_lock(&pool->lock);
        if (more) append(pool, job);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

syl_status syl_pool_create(syl_pool **out, int threads, size_t scratch_size, syl_error *err)
{
    *out = NULL;
    syl_pool *pool = syl_calloc(1, sizeof *pool + (size_t)threads * sizeof *pool->workers);
    if (!pool) return syl_fail_memory(err, sizeof *pool, "worker threads");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->ready, NULL);
    pool->last = &pool->first;
    for (; pool->num_threads < threads; pool->num_threads++) {
        worker *w = &pool->workers[pool->num_threads];
        *w = (worker){.pool = pool, .scratch = syl_calloc(1, scratch_size)};
        int code = w->scratch ? pthread_create(&w->thread, NULL, work, w) : ENOMEM;
        if (!code) continue;
        int had = pool->num_threads;
        free(w->scratch);
        syl_pool_free(pool);
        return syl_fail(err, SYL_ENOMEM, "thread %d of %d could not be started (%s); use fewer",
                        had + 1, threads, strerror(code));
    }
    *out = pool;
    return SYL_OK;
}

void syl_pool_submit(syl_pool *pool, syl_job *job)
{
    pthread_mutex_lock(&pool->lock);
    append(pool, job);
    pthread_cond_signal(&pool->ready);
    pthread_mutex_unlock(&pool->lock);
}

void syl_pool_free(syl_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->ready);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->num_threads; i++)
        pthread_join(pool->workers[i].thread, NULL);
    for (int i = 0; i < pool->num_threads; i++)
        free(pool->workers[i].scratch);
    pthread_cond_destroy(&pool->ready);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
