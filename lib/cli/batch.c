#include "lib/cli/batch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/cli/options.h"

/* How far the fastest job may run ahead of the output, a job: bounds the texts held back. */
#define AHEAD 4

typedef struct slot {
    char *text; /* what to print, owned; NULL: nothing */
    size_t size;
    bool done;
} slot;

typedef struct run {
    const syl_batch *batch;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* `printed` grew, or `broken` was set */
    slot *slots;          /* [count] */
    size_t taken, printed, failed;
    bool broken; /* standard output takes no more */
} run;

static void report(const syl_batch *b, const syl_input *input, const syl_error *err)
{
    if (strstr(err->message, input->path))
        syl_progress_message(b->progress, "sylkit: %s", err->message);
    else
        syl_progress_message(b->progress, "sylkit: %s: %s", input->path, err->message);
}

/* 0 when input i failed. */
static int do_one(run *r, size_t i)
{
    const syl_batch *b = r->batch;
    const syl_input *input = &b->inputs->items[i];
    slot *s = &r->slots[i];
    syl_error err = {0};
    syl_status status;
    FILE *text = NULL;
    if (input->error)
        status = syl_fail(&err, SYL_EIO, "%s", input->error);
    else if (!(text = open_memstream(&s->text, &s->size)))
        status = syl_fail(&err, SYL_ENOMEM, "no memory for the output");
    else
        status = b->work(b->user, input, text, &err);
    if (text && fclose(text) && !status) status = syl_fail_memory(&err, s->size, "the output");
    if (status) {
        report(b, input, &err);
        free(s->text);
        *s = (slot){0};
    }
    syl_progress_file_done(b->progress);
    return status == SYL_OK;
}

/* Prints all texts whose turn has come; the lock is held. */
static void print_ready(run *r)
{
    size_t before = r->printed;
    while (r->printed < r->batch->inputs->count && r->slots[r->printed].done && !r->broken) {
        slot *s = &r->slots[r->printed++];
        if (s->size && (fwrite(s->text, 1, s->size, stdout) != s->size || fflush(stdout))) {
            syl_note_stdout_failure();
            r->broken = true;
        }
        free(s->text);
        s->text = NULL;
    }
    if (r->printed != before || r->broken) pthread_cond_broadcast(&r->moved);
}

static void *worker(void *arg)
{
    run *r = arg;
    size_t ahead = (size_t)r->batch->jobs * AHEAD;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->broken && r->taken < r->batch->inputs->count && r->taken >= r->printed + ahead)
            pthread_cond_wait(&r->moved, &r->lock);
        if (r->broken || r->taken >= r->batch->inputs->count) break;
        size_t i = r->taken++;
        pthread_mutex_unlock(&r->lock);
        int good = do_one(r, i);
        pthread_mutex_lock(&r->lock);
        r->slots[i].done = true;
        r->failed += !good;
        print_ready(r);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void run_threads(run *r)
{
    int more = r->batch->jobs - 1, started = 0;
    pthread_t *threads = syl_calloc((size_t)more, sizeof *threads);
    while (threads && started < more && !pthread_create(&threads[started], NULL, worker, r))
        started++;
    worker(r); /* whatever could not be started, this thread does */
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

int syl_batch_run(const syl_batch *batch)
{
    run r = {.batch = batch, .slots = syl_calloc(batch->inputs->count, sizeof(slot))};
    if (!r.slots) {
        syl_error err;
        syl_fail_memory(&err, batch->inputs->count * sizeof(slot), "the inputs");
        return syl_report(NULL, &err);
    }
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.moved, NULL);
    run_threads(&r);
    pthread_cond_destroy(&r.moved);
    pthread_mutex_destroy(&r.lock);
    for (size_t i = 0; i < batch->inputs->count; i++)
        free(r.slots[i].text);
    free(r.slots);
    if (r.failed && batch->inputs->count > 1 && !batch->quiet)
        syl_progress_message(batch->progress, "sylkit: %zu of %zu files failed", r.failed,
                             batch->inputs->count);
    return r.failed || r.broken ? SYL_EXIT_FAILED : SYL_EXIT_OK;
}
