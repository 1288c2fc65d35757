/* Many questions, shared among threads. */
#include <stdatomic.h>
#include <stdlib.h>

#include "embed/sent/infer.h"

typedef struct job {
    const syl_reasoner *model;
    const syl_infer_options *by;
    const syl_sent_dataset *dataset;
    syl_infer_progress progress;
    void *user;
    syl_inference *results;
    atomic_size_t next; /* sample that nobody has taken */
    atomic_bool stop;
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
    if (status == SYL_EINVAL)
        syl_fail(&j->error, status, "sample %zu: %s", i, err->message);
    else
        j->error = *err;
    atomic_store(&j->stop, true);
}

/* One after the other until all are done; called by every thread. */
static void work(job *j)
{
    syl_worker *w = NULL;
    syl_error err;
    bool text = j->by->regime == SYL_REGIME_TEXT;
    syl_status status =
        syl_worker_create(&w, j->model, text ? 0 : (int64_t)j->by->max_tokens + 1, 1, &err);
    size_t i = 0;
    while (!atomic_load(&j->stop)) {
        if (!status) {
            i = atomic_fetch_add(&j->next, 1);
            if (i >= j->dataset->count) break;
            status = syl_infer(w, j->by, &j->dataset->samples[i], i, &j->results[i], &err);
        }
#pragma omp critical
        {
            if (status)
                keep_error(j, i, status, &err);
            else if (j->progress && !j->progress(j->user, ++j->done))
                atomic_store(&j->stop, true);
        }
        if (status) break;
    }
    syl_worker_free(w);
}

syl_status syl_infer_all(const syl_reasoner *model, const syl_infer_options *options,
                         const syl_sent_dataset *dataset, int threads, syl_infer_progress progress,
                         void *user, syl_inference *results, syl_error *err)
{
    job j = {.model = model,
             .by = options,
             .dataset = dataset,
             .progress = progress,
             .user = user,
             .results = results};
    if ((size_t)threads > dataset->count) threads = (int)dataset->count;
#pragma omp parallel num_threads(threads)
    work(&j);
    if (j.status && err) *err = j.error;
    if (j.status) return j.status;
    if (!atomic_load(&j.stop)) return SYL_OK;
    return syl_fail(err, SYL_ECANCELLED, "stopped after %zu of %zu questions", j.done,
                    dataset->count);
}
