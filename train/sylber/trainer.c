#include "train/sylber/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/nn/losses.h"
#include "train/sylber/targets.h"

#define MERGE_STREAM ((uint64_t)1 << 63 | 0x4D45) /* of the random merge thresholds */

/* ---- the batch ------------------------------------------------------------------------------- */

/* Sequences of a batch: rows of input, frames of output. */
typedef struct batch {
    syl_mat rows, target;
    int64_t *row_begin, *frame_begin; /* [count + 1] */
    int count;
} batch;

static const float *rows_of(const syl_example *e, bool clean)
{
    return clean ? e->clean_rows : e->rows;
}

static syl_status lay_out(syl_sylber_trainer *t, syl_tape *tape, void **examples, int count,
                          batch *b, syl_error *err)
{
    int64_t cols = t->student->ops->input_cols(&t->student->config);
    int64_t dim = syl_config_dim(&t->student->config);
    size_t bytes = (size_t)(count + 1) * sizeof(int64_t);
    SYL_TRY(syl_tape_alloc(tape, bytes, &b->row_begin, err));
    SYL_TRY(syl_tape_alloc(tape, bytes, &b->frame_begin, err));
    for (int i = 0; i < count; i++) {
        const syl_example *e = examples[i];
        b->row_begin[i + 1] = b->row_begin[i] + e->num_rows;
        b->frame_begin[i + 1] = b->frame_begin[i] + e->frames;
    }
    b->count = count;
    int64_t rows = b->row_begin[count], frames = b->frame_begin[count];
    SYL_TRY(
        syl_grow((void **)&t->batch, &t->batch_room, (size_t)(rows * cols), sizeof *t->batch, err));
    SYL_TRY(syl_grow((void **)&t->target, &t->target_room, (size_t)(frames * dim),
                     sizeof *t->target, err));
    b->rows = syl_mat_of(t->batch, SYL_F32, rows, cols);
    b->target = syl_mat_of(t->target, SYL_F32, frames, dim);
    return SYL_OK;
}

static void fill_rows(const batch *b, void **examples, bool clean)
{
    for (int i = 0; i < b->count; i++) {
        const syl_example *e = examples[i];
        memcpy(syl_mat_rows(b->rows, b->row_begin[i], 0).data, rows_of(e, clean),
               (size_t)(e->num_rows * b->rows.cols) * sizeof(float));
    }
}

static syl_mat frames_of(const batch *b, syl_mat m, int i)
{
    return syl_mat_rows(m, b->frame_begin[i], b->frame_begin[i + 1] - b->frame_begin[i]);
}

/* A matrix of the host on the device of the tape. */
static syl_status on_device(syl_tape *tape, syl_mat host, syl_mat *out, syl_error *err)
{
    SYL_TRY(syl_ctx_mat(syl_tape_ctx(tape), host.dtype, host.rows, host.cols, out, err));
    return syl_upload(syl_tape_ctx(tape), host.data, *out, err);
}

/* And back, into room that grows. */
static syl_status on_host(syl_tape *tape, syl_mat m, float **room, size_t *size, syl_mat *out,
                          syl_error *err)
{
    void *data = *room;
    SYL_TRY(syl_grow(&data, size, (size_t)(m.rows * m.cols), sizeof **room, err));
    *room = data;
    *out = syl_mat_of(data, SYL_F32, m.rows, m.cols);
    return syl_download(syl_tape_ctx(tape), m, data, err);
}

static syl_status forward(const syl_network *n, syl_tape *tape, const batch *b, syl_var **frames,
                          syl_error *err)
{
    syl_var *x;
    syl_mat rows;
    syl_ragged out;
    SYL_TRY(on_device(tape, b->rows, &rows, err));
    SYL_TRY(syl_tape_input(tape, rows, false, &x, err));
    SYL_TRY(n->ops->forward(n, tape, x, (syl_ragged){b->count, b->row_begin}, frames, &out, err));
    if ((*frames)->value.rows == b->target.rows) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "the network gave %lld frames for %lld frames of targets",
                    (long long)(*frames)->value.rows, (long long)b->target.rows);
}

/* ---- targets --------------------------------------------------------------------------------- */

static double norm_threshold(const syl_sylber_trainer *t)
{
    return t->options.norm > 0 ? t->options.norm : syl_thresholder_value(&t->options.thresholder);
}

static syl_status targets_of(syl_sylber_trainer *t, const batch *b, void **examples,
                             syl_mat teacher, uint64_t step, syl_error *err)
{
    syl_random random = {t->seed, MERGE_STREAM, step};
    double merge = syl_range_draw(t->options.merge, &random);
    for (int i = 0; i < b->count; i++) {
        const syl_example *e = examples[i];
        syl_mat said = frames_of(b, teacher, i), target = frames_of(b, b->target, i);
        if (t->options.targets == SYL_TARGET_ONLINE)
            SYL_TRY(syl_target_from_teacher(said, norm_threshold(t), merge, target, err));
        else
            syl_target_from_segments(said, (const int32_t(*)[2])e->segments, e->num_segments,
                                     target);
    }
    return SYL_OK;
}

static double norm_of(syl_mat m, int64_t row)
{
    const float *x = (const float *)m.data + row * m.stride;
    double squares = 0;
    for (int64_t c = 0; c < m.cols; c++)
        squares += (double)x[c] * x[c];
    return sqrt(squares);
}

/* Signal from the teacher's voiced frames, noise from the student's where the teacher is silent; of
 * all ranks, so that all go on with one threshold. */
static syl_status follow_thresholds(syl_sylber_trainer *t, syl_mat teacher, syl_mat student,
                                    syl_error *err)
{
    double threshold = norm_threshold(t);
    syl_norm_sums sums[2] = {0}; /* signal, noise */
    for (int64_t i = 0; i < teacher.rows; i++) {
        double said = norm_of(teacher, i);
        if (said >= threshold)
            syl_norm_sums_add(&sums[0], said);
        else
            syl_norm_sums_add(&sums[1], norm_of(student, i));
    }
    SYL_TRY(syl_ranks_sum_doubles(t->ranks, &sums[0].count, 6, err));
    syl_thresholder_update_signal(&t->options.thresholder, &sums[0]);
    syl_thresholder_update_noise(&t->options.thresholder, &sums[1]);
    return SYL_OK;
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* The teacher hears the clean input and draws nothing at random. */
static syl_status ask_teacher(syl_sylber_trainer *t, syl_tape *tape, const batch *b,
                              void **examples, uint64_t step, syl_mat *said, syl_error *err)
{
    syl_var *frames;
    fill_rows(b, examples, true);
    syl_tape_train(tape, false);
    SYL_TRY(forward(t->teacher, tape, b, &frames, err));
    syl_tape_train(tape, true);
    SYL_TRY(on_host(tape, frames->value, &t->said, &t->said_room, said, err));
    return targets_of(t, b, examples, *said, step, err);
}

/* The student hears the batch and learns. */
static syl_status learn(const syl_sylber_trainer *t, syl_tape *tape, const batch *b, double *loss,
                        syl_mat *heard, syl_error *err)
{
    syl_mat target;
    syl_var *frames;
    SYL_TRY(forward(t->student, tape, b, &frames, err));
    SYL_TRY(on_device(tape, b->target, &target, err));
    SYL_TRY(syl_loss_squared(tape, frames, target, 1, loss, err));
    *heard = frames->value;
    return syl_tape_backward(tape, err);
}

/* ---- a step that is the same work every time ------------------------------------------------- */

/* Nothing is drawn at random inside it: the numbers of a recording are fixed. */
static bool can_record(const syl_sylber_trainer *t, const syl_ctx *ctx)
{
    const syl_network_dropout *d = &t->student->dropout;
    return syl_ctx_records(ctx) && d->hidden == 0 && d->activation == 0 && d->attention == 0 &&
           d->feature == 0 && d->layer == 0;
}

/* Whether this step has the shape of the one before, which is then forgotten or kept. */
static syl_status same_shape(syl_recorded_step *r, syl_ctx *ctx, const batch *b, bool *same,
                             syl_error *err)
{
    size_t n = (size_t)b->count + 1, length = 2 * n + 3;
    void *shape = NULL;
    size_t room = 0;
    SYL_TRY(syl_grow(&shape, &room, length, sizeof *r->shape, err));
    int64_t *now = shape;
    memcpy(now, b->row_begin, n * sizeof *now);
    memcpy(now + n, b->frame_begin, n * sizeof *now);
    now[2 * n] = (int64_t)(uintptr_t)b->rows.data;
    now[2 * n + 1] = (int64_t)(uintptr_t)b->target.data;
    now[2 * n + 2] = (int64_t)syl_ctx_mark(ctx);
    *same = r->length == length && !memcmp(r->shape, now, length * sizeof *now);
    if (!*same) {
        syl_recording_free(ctx, r->recording);
        r->recording = NULL;
    }
    free(r->shape);
    r->shape = now;
    r->length = length;
    return SYL_OK;
}

static syl_status record(syl_sylber_trainer *t, syl_tape *tape, const batch *b, syl_error *err)
{
    syl_recorded_step *r = &t->recorded;
    double none;
    syl_ctx *ctx = syl_tape_ctx(tape);
    SYL_TRY(syl_ctx_record(ctx, err));
    syl_status status = learn(t, tape, b, &none, &r->frames, err);
    syl_status ended = syl_ctx_recorded(ctx, &r->recording, status == SYL_OK ? err : NULL);
    return status == SYL_OK ? ended : status;
}

static syl_status learn_again(syl_sylber_trainer *t, syl_tape *tape, const batch *b, double *loss,
                              syl_mat *heard, syl_error *err)
{
    syl_recorded_step *r = &t->recorded;
    syl_ctx *ctx = syl_tape_ctx(tape);
    bool same;
    if (!can_record(t, ctx)) return learn(t, tape, b, loss, heard, err);
    SYL_TRY(same_shape(r, ctx, b, &same, err));
    if (!same) return learn(t, tape, b, loss, heard, err);
    if (!r->recording) SYL_TRY(record(t, tape, b, err));
    SYL_TRY(syl_ctx_replay(ctx, r->recording, err));
    *heard = r->frames;
    return syl_recording_sum(ctx, r->recording, 0, loss, err);
}

static syl_status step(void *user, syl_tape *tape, void **examples, int count, uint64_t number,
                       syl_train_sums *sums, syl_error *err)
{
    syl_sylber_trainer *t = user;
    batch b = {0};
    syl_mat said = {0}, frames, heard;
    SYL_TRY(lay_out(t, tape, examples, count, &b, err));
    for (int i = 0; i < count; i++) {
        const syl_example *e = examples[i];
        sums->work += e->seconds;
        if (!t->teacher)
            syl_mat_copy(syl_mat_of(e->target, SYL_F32, e->frames, b.target.cols),
                         frames_of(&b, b.target, i));
    }
    if (t->teacher) SYL_TRY(ask_teacher(t, tape, &b, examples, number, &said, err));
    fill_rows(&b, examples, false);
    SYL_TRY(learn_again(t, tape, &b, &sums->loss, &frames, err));
    sums->weight = (double)b.target.rows;
    if (t->options.targets != SYL_TARGET_ONLINE) return SYL_OK;
    SYL_TRY(on_host(tape, frames, &t->heard, &t->heard_room, &heard, err));
    return follow_thresholds(t, said, heard, err);
}

static syl_status place(void *user, syl_device *device, syl_error *err)
{
    syl_sylber_trainer *t = user;
    return t->teacher ? syl_param_set_place(&t->teacher->set, device, err) : SYL_OK;
}

static void finished(void *user, syl_ctx *ctx)
{
    syl_recorded_step *r = &((syl_sylber_trainer *)user)->recorded;
    syl_recording_free(ctx, r->recording);
    r->recording = NULL;
}

static syl_status updated(void *user, syl_ctx *ctx, syl_error *err)
{
    syl_sylber_trainer *t = user;
    (void)err;
    if (t->teacher && t->options.ema_decay < 1)
        syl_moving_average(ctx, (float)t->options.ema_decay, t->student->set.values.data,
                           t->teacher->set.values.data, t->student->set.size);
    return SYL_OK;
}

/* ---- validation and model files ----------------------------------------------------------------
 */

static syl_status validate(void *user, syl_tape *tape, json_t *metrics, double *score,
                           syl_error *err)
{
    syl_sylber_trainer *t = user;
    syl_validation_result r;
    SYL_TRY(syl_validate(t->validation, t->student, tape, t->options.compute, &r, err));
    t->thresholds[0] = (float)r.norm_threshold;
    t->thresholds[1] = (float)r.merge_threshold;
    *score = r.score.f1;
    json_t *figures =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "f1", r.score.f1, "r_value", r.score.r_value,
                  "norm_threshold", r.norm_threshold, "merge_threshold", r.merge_threshold,
                  "count_ratio", r.count_ratio, "silence", r.silence);
    int failed = !figures || json_object_update(metrics, figures);
    json_decref(figures);
    return failed ? syl_fail(err, SYL_ENOMEM, "no memory for the metrics") : SYL_OK;
}

static syl_status save_model(void *user, const char *path, syl_error *err)
{
    const syl_sylber_trainer *t = user;
    syl_config config = t->student->config;
    if (t->thresholds[0] > 0) {
        config.norm_threshold = t->thresholds[0];
        config.merge_threshold = t->thresholds[1];
    }
    return syl_network_save(t->student, &config, path, err);
}

/* ---- the task ----------------------------------------------------------------------------------
 */

static syl_status make(void *user, uint64_t number, int attempt, void *example, syl_error *err)
{
    return syl_example_make(((syl_sylber_trainer *)user)->source, number, attempt, example, err);
}

static void clear(void *example)
{
    syl_example_clear(example);
}

static void skipped(void *user, const syl_error *why)
{
    syl_sylber_trainer *t = user;
    if (t->skipped) t->skipped(t->user, why);
}

static void describe(const void *example, char *text, size_t size)
{
    const syl_example *e = example;
    snprintf(text, size, "%s (%.2f s)", e->path ? e->path : "?", e->seconds);
}

syl_status syl_sylber_trainer_start(syl_sylber_trainer *t, syl_error *err)
{
    SYL_TRY(syl_optimizer_start(&t->optimizer, &t->student->set, err));
    if (t->options.targets == SYL_TARGET_MEANS) return SYL_OK;
    SYL_TRY(syl_network_create(&t->teacher, &t->student->config, err));
    syl_param_set *set = &t->teacher->set;
    memcpy(set->values.host, t->student->set.values.host, (size_t)set->size * sizeof(float));
    for (int i = 0; i < set->count; i++)
        set->item[i]->frozen = true;
    return SYL_OK;
}

void syl_sylber_trainer_free(syl_sylber_trainer *t)
{
    free(t->recorded.shape);
    syl_optimizer_free(&t->optimizer);
    syl_network_free(t->student);
    syl_network_free(t->teacher);
    free(t->batch);
    free(t->target);
    free(t->said);
    free(t->heard);
}

syl_train_task syl_sylber_task(syl_sylber_trainer *t, char *identity)
{
    int n = 0;
    t->blocks[n++] = (syl_train_block){"thresholds", t->thresholds, 2, NULL};
    t->blocks[n++] = (syl_train_block){"thresholder", &t->options.thresholder.signal_mean, 4, NULL};
    if (t->teacher)
        t->blocks[n++] = (syl_train_block){"teacher", t->teacher->set.values.host,
                                           t->teacher->set.size, &t->teacher->set.values};
    return (syl_train_task){.user = t,
                            .set = &t->student->set,
                            .optimizer = &t->optimizer,
                            .source = {.user = t,
                                       .example_size = sizeof(syl_example),
                                       .make = make,
                                       .clear = clear,
                                       .skipped = skipped},
                            .blocks = t->blocks,
                            .num_blocks = n,
                            .identity = identity,
                            .unit = "audio",
                            .step = step,
                            .place = place,
                            .updated = updated,
                            .finished = finished,
                            .validate = t->validation ? validate : NULL,
                            .save_model = save_model,
                            .describe = describe};
}
