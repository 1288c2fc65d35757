/* Many questions, shared among threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "embed/sent/infer.h"
#include "lib/base/memory.h"

typedef struct job {
    const syl_reasoner *model;
    const syl_infer_options *by;
    const syl_sent_dataset *dataset;
    syl_infer_progress progress;
    void *user;
    syl_inference *results;
    atomic_size_t next; /* sample that nobody has taken */
    atomic_bool stop;
    int batch;
    pthread_mutex_t lock; /* of what follows, and of calls of progress */
    size_t done;
    syl_status status; /* of the first sample, by its number, that failed */
    size_t failed;
    syl_error error;
} job;

static void keep_error(job *j, size_t i, syl_status status, const syl_error *err)
{
    if (j->status && j->failed <= i) return;
    j->status = status;
    j->failed = i;
    j->error = *err;
    if (status == SYL_EINVAL) syl_sent_dataset_blame(j->dataset, i, &j->error);
    atomic_store(&j->stop, true);
}

/* One after the other until all are done; called by every thread. */
static void work(job *j, syl_team *team)
{
    syl_worker *w = NULL;
    syl_error err;
    int64_t room = j->by->regime == SYL_REGIME_TEXT ? 0 : (int64_t)j->by->max_tokens + 1;
    syl_status status = team ? syl_worker_create_in(&w, j->model, room, team, &err)
                             : syl_worker_create(&w, j->model, room, 1, &err);
    size_t i = 0;
    while (!atomic_load(&j->stop)) {
        if (!status) {
            i = atomic_fetch_add(&j->next, 1);
            if (i >= j->dataset->count) break;
            status = syl_infer(w, j->by, &j->dataset->samples[i], i, &j->results[i], &err);
        }
        pthread_mutex_lock(&j->lock);
        if (status)
            keep_error(j, i, status, &err);
        else if (j->progress && !j->progress(j->user, ++j->done))
            atomic_store(&j->stop, true);
        pthread_mutex_unlock(&j->lock);
        if (status) break;
    }
    if (team) syl_team_leave(team);
    syl_worker_free(w);
}

/* ---- several questions at a time ------------------------------------------------------------- */

typedef struct member {
    job *job;
    syl_team *team;
    pthread_t thread;
    bool started;
} member;

static void *work_in_team(void *of)
{
    member *m = of;
    work(m->job, m->team);
    return NULL;
}

/* The calling thread is a member itself; those that cannot be had are done without. */
static void work_together(job *j)
{
    syl_error err;
    syl_team *team = NULL;
    member *others = syl_calloc((size_t)j->batch, sizeof *others);
    syl_status status = others ? syl_team_create(&team, j->model, j->batch, 1, &err)
                               : syl_fail_memory(&err, (size_t)j->batch * sizeof *others, "a team");
    for (int i = 1; !status && i < j->batch; i++) {
        others[i] = (member){.job = j, .team = team};
        others[i].started = !pthread_create(&others[i].thread, NULL, work_in_team, &others[i]);
        if (!others[i].started) syl_team_leave(team);
    }
    if (status) {
        pthread_mutex_lock(&j->lock);
        keep_error(j, 0, status, &err);
        pthread_mutex_unlock(&j->lock);
    } else {
        work(j, team);
    }
    for (int i = 1; !status && i < j->batch; i++)
        if (others[i].started) pthread_join(others[i].thread, NULL);
    syl_team_free(team);
    free(others);
}

static void share(job *j, int threads)
{
#pragma omp parallel num_threads(threads)
    if (j->batch > 1)
        work_together(j);
    else
        work(j, NULL);
}

syl_status syl_infer_all(const syl_reasoner *model, const syl_infer_options *options,
                         const syl_sent_dataset *dataset, int threads, int batch,
                         syl_infer_progress progress, void *user, syl_inference *results,
                         syl_error *err)
{
    job j = {.model = model,
             .by = options,
             .dataset = dataset,
             .progress = progress,
             .user = user,
             .results = results,
             .lock = PTHREAD_MUTEX_INITIALIZER};
    if ((size_t)threads > dataset->count) threads = (int)dataset->count;
    size_t each = threads ? (dataset->count + (size_t)threads - 1) / (size_t)threads : 0;
    j.batch = (size_t)batch < each ? batch : (int)each;
    share(&j, threads);
    if (j.status && err) *err = j.error;
    if (j.status) return j.status;
    if (!atomic_load(&j.stop)) return SYL_OK;
    return syl_fail(err, SYL_ECANCELLED, "stopped after %zu of %zu questions", j.done,
                    dataset->count);
}
