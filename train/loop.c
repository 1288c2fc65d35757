#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "train/checkpoint.h"
#include "train/metrics.h"

/* One run at work. */
typedef struct run {
    const syl_train_task *task;
    const syl_train_options *options;
    const syl_ranks *ranks;
    const syl_train_watch *watch;
    syl_group *group; /* of the ranks' devices, or NULL */
    syl_ctx *ctx;
    syl_tape *tape;
    syl_loader *loader;
    syl_metrics *metrics; /* rank 0 only */
    syl_train_state state;
    double began, paused; /* clock at the start, time spent on validation and checkpoints */
    int64_t first_step;
    double work;            /* on all ranks since the start */
    double grad_norm, rate; /* of the last update */
} run;

static double next_rate(const run *r)
{
    const syl_optimizer *o = r->task->optimizer;
    return o->adamw.lr * syl_schedule_factor(&o->schedule, r->state.step);
}

static void report(run *r, double loss, const char *note)
{
    double elapsed = syl_clock_seconds() - r->began - r->paused;
    int64_t done = r->state.step - r->first_step;
    double rate = elapsed > 0 ? (double)done / elapsed : 0;
    syl_train_report now_at = {
        .step = r->state.step,
        .steps = r->options->steps,
        .loss = loss,
        .grad_norm = r->grad_norm,
        .learning_rate = r->rate,
        .steps_per_second = rate,
        .work_per_second = elapsed > 0 ? r->work / elapsed : 0,
        .unit = r->task->unit,
        .seconds_left = rate > 0 ? (double)(r->options->steps - r->state.step) / rate : 0,
        .note = note};
    if (r->ranks->rank == 0 && r->watch->report) r->watch->report(r->watch->user, &now_at);
}

/* ---- one step ------------------------------------------------------------------------------- */

static syl_status fail_batch(run *r, double loss, void **examples, syl_error *err)
{
    char names[400] = "";
    for (int i = 0; i < r->options->batch; i++) {
        size_t used = strlen(names);
        if (used) snprintf(names + used, sizeof names - used, "; ");
        used = strlen(names);
        r->task->describe(examples[i], names + used, sizeof names - used);
    }
    return syl_fail(err, SYL_ECOMPUTE,
                    "step %lld: the loss is %g; batch: %s. Nothing was saved of it; try a "
                    "smaller --lr, or leave these out",
                    (long long)(r->state.step + 1), loss, names);
}

static syl_status micro_batch(run *r, int number, syl_train_sums *sums, syl_error *err)
{
    const syl_train_options *o = r->options;
    syl_train_sums own = {0};
    void **examples;
    uint64_t step = (uint64_t)(r->state.step * o->accumulate + number);
    SYL_TRY(syl_loader_next(r->loader, &examples, err));
    syl_tape_clear(
        r->tape, (syl_tape_options){.compute = o->compute,
                                    .training = true,
                                    .seed = o->seed + (uint64_t)r->ranks->rank * 0x9E3779B97F4A7C15,
                                    .step = step});
    SYL_TRY(r->task->step(r->task->user, r->tape, examples, o->batch, step, &own, err));
    if (!isfinite(own.loss)) SYL_TRY(syl_ctx_wait(r->ctx, err)); /* a device's error comes first */
    if (!isfinite(own.loss)) return fail_batch(r, own.loss, examples, err);
    sums->loss += own.loss;
    sums->weight += own.weight;
    sums->work += own.work;
    return SYL_OK;
}

/* Between devices where they can, else by way of the host. */
static syl_status sum_gradients(run *r, syl_error *err)
{
    syl_mirror *grads = &r->task->set->grads;
    if (r->ranks->count == 1) return SYL_OK;
    if (r->group)
        return syl_group_sum(r->options->device, r->group, r->ctx, grads->data, grads->size, err);
    SYL_TRY(syl_ctx_wait(r->ctx, err));
    SYL_TRY(syl_mirror_pull(grads, err));
    SYL_TRY(syl_ranks_sum(r->ranks, grads->host, grads->size, err));
    return syl_mirror_push(grads, err);
}

/* The sums of all ranks, and their gradients. */
static syl_status exchange(run *r, syl_train_sums *sums, syl_error *err)
{
    double figures[3] = {sums->loss, sums->weight, sums->work};
    SYL_TRY(syl_ranks_sum_doubles(r->ranks, figures, 3, err));
    SYL_TRY(sum_gradients(r, err));
    *sums = (syl_train_sums){figures[0], figures[1], figures[2]};
    return SYL_OK;
}

static syl_status one_step(run *r, syl_error *err)
{
    const syl_train_task *task = r->task;
    syl_train_sums sums = {0};
    syl_param_set_zero_grads(r->ctx, task->set);
    for (int i = 0; i < r->options->accumulate; i++)
        SYL_TRY(micro_batch(r, i, &sums, err));
    SYL_TRY(exchange(r, &sums, err));
    double weight = sums.weight > 0 ? 1 / sums.weight : 0;
    r->rate = next_rate(r);
    syl_optimizer_update(r->ctx, task->optimizer, task->set, weight, &r->grad_norm);
    if (!isfinite(r->grad_norm)) SYL_TRY(syl_ctx_wait(r->ctx, err));
    if (!isfinite(r->grad_norm))
        return syl_fail(err, SYL_ECOMPUTE,
                        "step %lld: the gradient is not finite though the loss is %g; nothing was "
                        "saved of it; try a smaller --lr",
                        (long long)(r->state.step + 1), sums.loss * weight);
    if (task->updated) SYL_TRY(task->updated(task->user, r->ctx, err));
    r->state.step++;
    r->state.since.loss += sums.loss;
    r->state.since.weight += sums.weight;
    r->work += sums.work;
    return SYL_OK;
}

/* ---- what is done now and then --------------------------------------------------------------- */

static bool is_due(const run *r, int64_t every)
{
    return every > 0 && (r->state.step % every == 0 || r->state.step == r->options->steps);
}

static double mean_loss(const run *r)
{
    return r->state.since.weight > 0 ? r->state.since.loss / r->state.since.weight : 0;
}

static syl_status log_line(run *r, syl_error *err)
{
    double loss = mean_loss(r);
    char rate[64];
    report(r, loss, NULL);
    r->state.since = (syl_train_sums){0};
    if (!r->metrics) return SYL_OK;
    snprintf(rate, sizeof rate, "%s_per_second", r->task->unit);
    return syl_metrics_add(r->metrics,
                           json_pack("{s:I, s:f, s:f, s:f, s:f}", "step", (json_int_t)r->state.step,
                                     "loss", loss, "grad_norm", r->grad_norm, "learning_rate",
                                     r->rate, rate,
                                     r->work / (syl_clock_seconds() - r->began - r->paused + 1e-9)),
                           err);
}

static syl_status save_model(run *r, const char *name, syl_error *err)
{
    SYL_TRY(syl_ctx_wait(r->ctx, err));
    SYL_TRY(syl_mirror_pull(&r->task->set->values, err));
    char *path = syl_train_path(r->options->folder, name);
    if (!path) return syl_fail(err, SYL_ENOMEM, "no memory for a path");
    syl_status status = r->task->save_model(r->task->user, path, err);
    free(path);
    return status;
}

static syl_status checkpoint(run *r, syl_error *err)
{
    const syl_param_set *set = r->task->set;
    if (r->ranks->rank > 0) return SYL_OK;
    SYL_TRY(syl_ctx_wait(r->ctx, err));
    if (!isfinite(syl_sum_squares(r->ctx, set->values.data, set->size)))
        return syl_fail(
            err, SYL_ECOMPUTE,
            "step %lld: parameters are not finite; nothing was saved; try a smaller --lr",
            (long long)r->state.step);
    SYL_TRY(syl_checkpoint_save(r->options->folder, r->task, &r->state, err));
    SYL_TRY(save_model(r, "model.safetensors", err));
    SYL_TRY(syl_metrics_draw(r->metrics, err));
    report(r, mean_loss(r), "checkpoint written");
    return SYL_OK;
}

/* One figure of a validation as text, for the report. */
static void validation_note(const json_t *figures, char *text, size_t size)
{
    const char *key;
    json_t *value;
    size_t used = (size_t)snprintf(text, size, "validation");
    json_object_foreach((json_t *)(uintptr_t)figures, key, value)
    {
        if (json_is_real(value) && used < size)
            used +=
                (size_t)snprintf(text + used, size - used, " %s %.4g", key, json_real_value(value));
    }
}

static syl_status validate(run *r, syl_error *err)
{
    double score = -INFINITY;
    char note[512];
    if (r->ranks->rank > 0) return SYL_OK;
    json_t *figures = json_pack("{s:I}", "step", (json_int_t)r->state.step);
    if (!figures) return syl_fail(err, SYL_ENOMEM, "no memory for the metrics");
    syl_status status = r->task->validate(r->task->user, r->tape, figures, &score, err);
    if (status != SYL_OK) {
        json_decref(figures);
        return status;
    }
    validation_note(figures, note, sizeof note);
    report(r, mean_loss(r), note);
    SYL_TRY(syl_metrics_add(r->metrics, figures, err));
    if (!(score > r->state.best_score)) return SYL_OK;
    r->state.best_score = score;
    return save_model(r, "best.safetensors", err);
}

static syl_status between_steps(run *r, syl_error *err)
{
    double from = syl_clock_seconds();
    if (is_due(r, r->options->log_every)) SYL_TRY(log_line(r, err));
    if (r->task->validate && is_due(r, r->options->validate_every)) SYL_TRY(validate(r, err));
    if (is_due(r, r->options->checkpoint_every)) SYL_TRY(checkpoint(r, err));
    r->paused += syl_clock_seconds() - from;
    return SYL_OK;
}

/* One rank that was told to stop stops all. */
static syl_status wants_stop(const run *r, bool *stop, syl_error *err)
{
    double asked = r->watch->stop && r->watch->stop(r->watch->user);
    SYL_TRY(syl_ranks_sum_doubles(r->ranks, &asked, 1, err));
    *stop = asked > 0;
    return SYL_OK;
}

static syl_status all_steps(run *r, syl_error *err)
{
    while (r->state.step < r->options->steps) {
        bool stop;
        SYL_TRY(wants_stop(r, &stop, err));
        if (stop) {
            SYL_TRY(checkpoint(r, err));
            return syl_fail(err, SYL_ECANCELLED, "stopped after step %lld; go on with --resume",
                            (long long)r->state.step);
        }
        SYL_TRY(one_step(r, err));
        SYL_TRY(between_steps(r, err));
    }
    return SYL_OK;
}

/* ---- beginning and end ------------------------------------------------------------------------
 */

/* Rank 0 has read the checkpoint; the others get all of it from there. */
static syl_status share_state(run *r, syl_error *err)
{
    const syl_train_task *task = r->task;
    int64_t n = task->set->size;
    double step = r->ranks->rank == 0 ? (double)r->state.step : 0;
    SYL_TRY(syl_ranks_sum_doubles(r->ranks, &step, 1, err));
    r->state.step = (int64_t)step;
    task->optimizer->adamw.step = r->state.step;
    SYL_TRY(syl_ranks_broadcast(r->ranks, task->set->values.host, n, err));
    SYL_TRY(syl_ranks_broadcast(r->ranks, task->optimizer->first.host, n, err));
    SYL_TRY(syl_ranks_broadcast(r->ranks, task->optimizer->second.host, n, err));
    for (int i = 0; i < task->num_blocks; i++)
        SYL_TRY(syl_ranks_broadcast(r->ranks, task->blocks[i].data, task->blocks[i].size, err));
    return SYL_OK;
}

static syl_status restore(run *r, syl_error *err)
{
    bool found = false;
    r->state.best_score = -INFINITY;
    if (!r->options->resume && r->ranks->rank == 0)
        SYL_TRY(syl_checkpoint_refuse(r->options->folder, err));
    if (r->options->resume && r->ranks->rank == 0)
        SYL_TRY(syl_checkpoint_load(r->options->folder, r->task, &r->state, &found, err));
    SYL_TRY(share_state(r, err));
    r->first_step = r->state.step;
    if (found) report(r, 0, "resumed");
    return SYL_OK;
}

/* The id of the group goes from rank 0 to all as if it were floats; not a bit of it changes. */
static syl_status join_group(run *r, syl_error *err)
{
    float id[SYL_GROUP_ID / sizeof(float)] = {0};
    if (r->ranks->count == 1 || !syl_device_has_groups(r->options->device)) return SYL_OK;
    if (r->ranks->rank == 0) SYL_TRY(syl_group_id(r->options->device, (uint8_t *)id, err));
    SYL_TRY(syl_ranks_broadcast(r->ranks, id, SYL_GROUP_ID / sizeof(float), err));
    return syl_group_join(&r->group, r->options->device, (const uint8_t *)id, r->ranks->rank,
                          r->ranks->count, err);
}

/* What has been read on the host goes to the device. */
static syl_status place(run *r, syl_error *err)
{
    const syl_train_task *task = r->task;
    SYL_TRY(syl_param_set_place(task->set, r->options->device, err));
    SYL_TRY(syl_optimizer_place(task->optimizer, r->options->device, err));
    if (task->place) SYL_TRY(task->place(task->user, r->options->device, err));
    return join_group(r, err);
}

static syl_status start(run *r, syl_error *err)
{
    const syl_train_options *o = r->options;
    SYL_TRY(syl_make_folder(o->folder, err));
    SYL_TRY(syl_ctx_create_on(&r->ctx, o->device, o->threads, err));
    SYL_TRY(syl_tape_create(&r->tape, r->ctx, err));
    SYL_TRY(restore(r, err));
    SYL_TRY(place(r, err));
    if (r->ranks->rank == 0) {
        syl_remove_temporaries(o->folder);
        SYL_TRY(syl_metrics_open(&r->metrics, o->folder, r->state.step, err));
    }
    syl_loader_order order = {.first = (uint64_t)(r->state.step * o->accumulate),
                              .batch = o->batch,
                              .rank = r->ranks->rank,
                              .ranks = r->ranks->count};
    return syl_loader_create(&r->loader, &r->task->source, order, o->loaders, err);
}

syl_status syl_train_device(syl_device **out, const char *name, const syl_ranks *ranks,
                            syl_error *err)
{
    char own[32];
    int local = syl_ranks_local(ranks);
    snprintf(own, sizeof own, "cuda:%d", local);
    return syl_device_open(out, local > 0 && !strcmp(name, "cuda") ? own : name, err);
}

syl_status syl_train_run(const syl_train_task *task, const syl_train_options *options,
                         const syl_ranks *ranks, const syl_train_watch *watch, syl_error *err)
{
    run r = {.task = task, .options = options, .ranks = ranks, .watch = watch};
    r.began = syl_clock_seconds();
    syl_status status = start(&r, err);
    r.began = syl_clock_seconds();
    if (status == SYL_OK) status = all_steps(&r, err);
    syl_loader_free(r.loader);
    syl_metrics_close(r.metrics);
    if (task->finished && r.ctx) task->finished(task->user, r.ctx);
    syl_tape_free(r.tape);
    syl_ctx_free(r.ctx);
    /* Told to stop are all ranks, but one may fail alone. */
    syl_group_leave(options->device, r.group, status == SYL_OK || status == SYL_ECANCELLED);
    return status;
}
