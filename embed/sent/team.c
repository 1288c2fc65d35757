#include "embed/sent/team.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct syl_team {
    const syl_reasoner *model;
    syl_ctx *ctx;
    pthread_mutex_t lock;
    pthread_cond_t made;
    int members, waiting; /* those that are there; those that have come to a step */
    uint64_t round;       /* of steps that were made */
    syl_step **steps;     /* [members] */
};

syl_status syl_team_create(syl_team **out, const syl_reasoner *model, int members, int threads,
                           syl_error *err)
{
    syl_team *t = syl_calloc(1, sizeof *t);
    *out = NULL;
    if (!t) return syl_fail_memory(err, sizeof *t, "inference");
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->made, NULL);
    t->model = model;
    t->members = members;
    t->steps = syl_calloc((size_t)members, sizeof *t->steps);
    syl_status status = t->steps ? syl_ctx_create_on(&t->ctx, model->device, threads, err)
                                 : syl_fail_memory(err, (size_t)members * 8, "inference");
    if (status)
        syl_team_free(t);
    else
        *out = t;
    return status;
}

void syl_team_free(syl_team *t)
{
    if (!t) return;
    syl_ctx_free(t->ctx);
    pthread_cond_destroy(&t->made);
    pthread_mutex_destroy(&t->lock);
    free(t->steps);
    free(t);
}

/* Holds the lock: the others are asleep. */
static void make_steps(syl_team *t)
{
    syl_steps_run(t->ctx, t->model, t->steps, t->waiting);
    t->waiting = 0;
    t->round++;
    pthread_cond_broadcast(&t->made);
}

void syl_team_step(syl_team *t, syl_step *step)
{
    pthread_mutex_lock(&t->lock);
    uint64_t round = t->round;
    t->steps[t->waiting++] = step;
    if (t->waiting == t->members)
        make_steps(t);
    else
        while (t->round == round)
            pthread_cond_wait(&t->made, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

void syl_team_leave(syl_team *t)
{
    pthread_mutex_lock(&t->lock);
    t->members--;
    if (t->waiting && t->waiting == t->members) make_steps(t);
    pthread_mutex_unlock(&t->lock);
}
