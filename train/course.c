#include "train/course.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "train/course_state.h"

static const syl_ranks alone = {.count = 1};

typedef struct course {
    const syl_course_task *task;
    const syl_course_options *options;
    const syl_ranks *ranks;
    syl_course_state s;
    int64_t rounds;          /* of the epoch at hand */
    double began, saved;     /* clock */
    double words, documents; /* done by this process's run so far */
    double share_begun;      /* of the whole run, done before this process; below 0: not known yet */
    double loss;             /* mean of the last round; NaN before the first */
    bool met;                /* the ranks are alike: one, or after an exchange */
    bool asked, stopped;     /* to stop; it is done where the ranks are alike */
} course;

static double share_done(const course *c)
{
    double part = c->rounds ? (double)c->s.round / (double)c->rounds : 0;
    return (c->s.epoch + part) / c->options->epochs;
}

static float rate_now(const course *c)
{
    const syl_course_options *o = c->options;
    return (float)(o->learning_rate + (o->last_rate - o->learning_rate) * share_done(c));
}

/* Tells the caller, who may ask to stop. */
static void tell(course *c, const char *note)
{
    const syl_course_options *o = c->options;
    double seconds = syl_clock_seconds() - c->began, share = share_done(c);
    double done = share - c->share_begun;
    syl_course_progress p = {.epoch = c->s.epoch,
                             .epochs = o->epochs,
                             .round = c->s.round,
                             .rounds = c->rounds,
                             .loss = c->loss,
                             .learning_rate = rate_now(c),
                             .words = c->s.words,
                             .documents = c->s.documents,
                             .words_per_second = seconds > 0 ? c->words / seconds : 0,
                             .documents_per_second = seconds > 0 ? c->documents / seconds : 0,
                             .seconds = seconds,
                             .seconds_left = done > 0 ? seconds * (1 - share) / done : 0,
                             .note = note};
    if (c->ranks->rank == 0 && o->progress && !o->progress(o->user, &p)) c->asked = true;
}

static syl_status save(course *c, syl_error *err)
{
    const syl_course_task *task = c->task;
    if (!c->options->state) return SYL_OK;
    if (task->gather) SYL_TRY(task->gather(task->user, c->ranks, err));
    if (c->ranks->rank == 0) SYL_TRY(syl_course_save(c->options->state, task, &c->s, err));
    c->saved = syl_clock_seconds();
    return SYL_OK;
}

/* What rank 0 decides, told to all; a sum, since only it says anything. */
static syl_status agree(const course *c, bool *what, syl_error *err)
{
    double said = c->ranks->rank == 0 && *what;
    SYL_TRY(syl_ranks_sum_doubles(c->ranks, &said, 1, err));
    *what = said > 0;
    return SYL_OK;
}

static syl_status check_loss(const course *c, const syl_course_sums *sums, syl_error *err)
{
    char where[256] = "";
    if (isfinite(sums->loss)) return SYL_OK;
    if (c->task->blame) c->task->blame(c->task->user, where, sizeof where);
    return syl_fail(err, SYL_ECOMPUTE,
                    "epoch %d: the loss is %g%s%s. Nothing was written of it; try a smaller "
                    "learning rate, or leave that document out",
                    c->s.epoch + 1, sums->loss, *where ? " at " : "", where);
}

static syl_status one_round(course *c, syl_error *err)
{
    const syl_course_task *task = c->task;
    syl_course_sums own = {0};
    SYL_TRY(task->round(task->user, c->s.epoch, c->s.round, rate_now(c), &own, err));
    SYL_TRY(check_loss(c, &own, err));
    double all[4] = {own.loss, own.weight, own.words, own.documents};
    SYL_TRY(syl_ranks_sum_doubles(c->ranks, all, 4, err));
    c->loss = all[1] > 0 ? all[0] / all[1] : 0;
    c->s.words += all[2], c->s.documents += all[3];
    c->words += all[2], c->documents += all[3];
    c->s.round++;
    c->met = c->ranks->count == 1 || !task->exchange || c->s.round == c->rounds ||
             (c->options->exchange_every && c->s.round % c->options->exchange_every == 0);
    return c->met && c->ranks->count > 1 && task->exchange
               ? task->exchange(task->user, c->ranks, err)
               : SYL_OK;
}

/* The end of a round: progress, and the state when it is time; only while the ranks are alike, so
 * that the run goes on as if nothing had been written. */
static syl_status between_rounds(course *c, syl_error *err)
{
    const syl_course_options *o = c->options;
    tell(c, NULL);
    bool over = c->s.round == c->rounds;
    if (over) c->s.epoch++, c->s.round = 0;
    if (!c->met) return SYL_OK;
    SYL_TRY(agree(c, &c->asked, err));
    c->stopped = c->asked;
    bool due = over || c->stopped || syl_clock_seconds() - c->saved >= o->state_seconds;
    SYL_TRY(agree(c, &due, err));
    return due ? save(c, err) : SYL_OK;
}

static syl_status one_epoch(course *c, syl_error *err)
{
    int epoch = c->s.epoch;
    SYL_TRY(c->task->begin(c->task->user, epoch, &c->rounds, err));
    if (c->s.round >= c->rounds)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: it tells of %" PRId64 " rounds done in epoch %d, which has %" PRId64
                        "; remove it",
                        c->options->state, c->s.round, epoch + 1, c->rounds);
    if (c->share_begun < 0) c->share_begun = share_done(c);
    while (!c->stopped && c->s.epoch == epoch) {
        SYL_TRY(one_round(c, err));
        SYL_TRY(between_rounds(c, err));
    }
    return SYL_OK;
}

/* Rank 0 has read the state; the others get it from there. */
static syl_status share_state(course *c, syl_error *err)
{
    const syl_course_task *task = c->task;
    double all[4] = {c->s.epoch, (double)c->s.round, c->s.words, c->s.documents};
    if (c->ranks->count == 1) return SYL_OK;
    SYL_TRY(syl_ranks_sum_doubles(c->ranks, all, 4, err));
    c->s.epoch = (int)all[0], c->s.round = (int64_t)all[1];
    c->s.words = all[2], c->s.documents = all[3];
    for (int i = 0; i < task->num_blocks; i++)
        SYL_TRY(syl_ranks_broadcast(c->ranks, task->blocks[i].data, task->blocks[i].size, err));
    return SYL_OK;
}

static syl_status restore(course *c, syl_error *err)
{
    const syl_course_options *o = c->options;
    bool found = false;
    if (o->resume && o->state && c->ranks->rank == 0)
        SYL_TRY(syl_course_load(o->state, c->task, &c->s, &found, err));
    SYL_TRY(share_state(c, err));
    for (int i = 0; i < c->task->num_blocks; i++)
        if (c->task->blocks[i].mirror) SYL_TRY(syl_mirror_push(c->task->blocks[i].mirror, err));
    if (found) tell(c, "resumed");
    return SYL_OK;
}

static syl_status check(const syl_course_options *o, syl_error *err)
{
    if (o->epochs < 1 || !(o->learning_rate > 0) || !(o->last_rate >= 0) || o->exchange_every < 0 ||
        !(o->state_seconds >= 0))
        return syl_fail(err, SYL_EINVAL,
                        "a run wants at least 1 epoch, a learning rate above 0, and nothing "
                        "negative for the last rate, the exchange or the state's seconds");
    return SYL_OK;
}

syl_status syl_course_run(const syl_course_task *task, const syl_course_options *options,
                          syl_error *err)
{
    course c = {.task = task, .options = options, .share_begun = -1, .loss = NAN};
    c.ranks = options->ranks ? options->ranks : &alone;
    SYL_TRY(check(options, err));
    c.began = c.saved = syl_clock_seconds();
    SYL_TRY(restore(&c, err));
    while (!c.stopped && c.s.epoch < options->epochs)
        SYL_TRY(one_epoch(&c, err));
    if (c.stopped && c.s.epoch < options->epochs)
        return syl_fail(err, SYL_ECANCELLED, "stopped in epoch %d of %d%s", c.s.epoch + 1,
                        options->epochs,
                        options->state ? "; resume to go on" : "; nothing was kept of it");
    if (task->gather) SYL_TRY(task->gather(task->user, c.ranks, err));
    return SYL_OK;
}
