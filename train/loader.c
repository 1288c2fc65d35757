#include "train/loader.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define BATCHES_AHEAD 3
#define ATTEMPTS 100 /* examples tried in one place before the data are called bad */
#define KEPT_ERRORS 8

typedef enum slot_state { SLOT_EMPTY, SLOT_TAKEN, SLOT_READY } slot_state;

typedef struct slot {
    slot_state state;
    void *example;
    syl_status status;
    syl_error skipped[KEPT_ERRORS]; /* of the attempts before */
    int num_skipped;
} slot;

struct syl_loader {
    syl_loader_source source;
    syl_loader_order order;
    int num_slots;
    slot *slot;              /* [num_slots], example k of this rank in slot k % num_slots */
    void **batch;            /* [order.batch] */
    uint64_t made, consumed; /* examples of this rank begun, given out */
    pthread_mutex_t lock;
    pthread_cond_t ready, room;
    pthread_t *thread;
    int num_threads;
    bool stop;
};

/* The number, in the whole run, of this rank's k-th example. */
static uint64_t number_of(const syl_loader *l, uint64_t k)
{
    uint64_t batch = (uint64_t)l->order.batch, ranks = (uint64_t)l->order.ranks;
    return (l->order.first + k / batch) * batch * ranks + (uint64_t)l->order.rank * batch +
           k % batch;
}

static void make_example(const syl_loader *l, slot *s, uint64_t k)
{
    s->num_skipped = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        syl_error err = {.status = SYL_OK};
        memset(s->example, 0, l->source.example_size);
        s->status = l->source.make(l->source.user, number_of(l, k), attempt, s->example, &err);
        if (s->status == SYL_OK) return;
        l->source.clear(s->example);
        s->skipped[s->num_skipped] = err;
        if (s->num_skipped < KEPT_ERRORS - 1) s->num_skipped++;
    }
}

static void *work(void *user)
{
    syl_loader *l = user;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        slot *s = &l->slot[l->made % (uint64_t)l->num_slots];
        if (l->made >= l->consumed + (uint64_t)l->num_slots || s->state != SLOT_EMPTY) {
            pthread_cond_wait(&l->room, &l->lock);
            continue;
        }
        uint64_t k = l->made++;
        s->state = SLOT_TAKEN;
        pthread_mutex_unlock(&l->lock);
        make_example(l, s, k);
        pthread_mutex_lock(&l->lock);
        s->state = SLOT_READY;
        pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static syl_status allocate(syl_loader *l, syl_error *err)
{
    l->num_slots = BATCHES_AHEAD * l->order.batch;
    l->slot = syl_calloc((size_t)l->num_slots, sizeof *l->slot);
    l->batch = syl_calloc((size_t)l->order.batch, sizeof *l->batch);
    bool good = l->slot && l->batch;
    for (int i = 0; good && i < l->num_slots; i++)
        good = (l->slot[i].example = syl_calloc(1, l->source.example_size)) != NULL;
    return good ? SYL_OK : syl_fail(err, SYL_ENOMEM, "no memory for the data loader");
}

syl_status syl_loader_create(syl_loader **out, const syl_loader_source *source,
                             syl_loader_order order, int threads, syl_error *err)
{
    syl_loader *l = *out = syl_calloc(1, sizeof *l);
    if (!l) return syl_fail_memory(err, sizeof *l, "the data loader");
    l->source = *source;
    l->order = order;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->ready, NULL);
    pthread_cond_init(&l->room, NULL);
    syl_status status = allocate(l, err);
    if (status == SYL_OK && threads > 0) {
        l->thread = syl_calloc((size_t)threads, sizeof *l->thread);
        if (!l->thread) status = syl_fail(err, SYL_ENOMEM, "no memory for the data loader");
    }
    for (int i = 0; status == SYL_OK && i < threads; i++) {
        if (pthread_create(&l->thread[i], NULL, work, l))
            status = syl_fail(err, SYL_ENOMEM, "the system gave no thread for the data loader");
        else
            l->num_threads++;
    }
    if (status == SYL_OK) return SYL_OK;
    syl_loader_free(l);
    *out = NULL;
    return status;
}

void syl_loader_free(syl_loader *l)
{
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->num_threads; i++)
        pthread_join(l->thread[i], NULL);
    for (int i = 0; l->slot && i < l->num_slots; i++) {
        if (l->slot[i].example && l->slot[i].state == SLOT_READY)
            l->source.clear(l->slot[i].example);
        free(l->slot[i].example);
    }
    free(l->slot);
    free(l->batch);
    free(l->thread);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->room);
    free(l);
}

/* The batch given out before is done with. */
static void give_back(syl_loader *l)
{
    if (l->consumed == 0) return;
    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < l->order.batch; i++) {
        uint64_t k = l->consumed - (uint64_t)(i + 1);
        slot *s = &l->slot[k % (uint64_t)l->num_slots];
        l->source.clear(s->example);
        s->state = SLOT_EMPTY;
    }
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
}

static slot *wait_for(syl_loader *l, uint64_t k)
{
    slot *s = &l->slot[k % (uint64_t)l->num_slots];
    if (l->num_threads == 0) {
        make_example(l, s, k);
        s->state = SLOT_READY;
        return s;
    }
    pthread_mutex_lock(&l->lock);
    while (s->state != SLOT_READY)
        pthread_cond_wait(&l->ready, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return s;
}

syl_status syl_loader_next(syl_loader *l, void ***examples, syl_error *err)
{
    give_back(l);
    for (int i = 0; i < l->order.batch; i++) {
        slot *s = wait_for(l, l->consumed + (uint64_t)i);
        for (int e = 0; e < s->num_skipped; e++)
            l->source.skipped(l->source.user, &s->skipped[e]);
        if (s->status != SYL_OK)
            return syl_fail(err, s->status, "%d examples in a row could not be made; the last: %s",
                            ATTEMPTS, s->skipped[s->num_skipped].message);
        l->batch[i] = s->example;
    }
    pthread_mutex_lock(&l->lock);
    l->consumed += (uint64_t)l->order.batch;
    pthread_mutex_unlock(&l->lock);
    *examples = l->batch;
    return SYL_OK;
}
