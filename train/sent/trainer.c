#include "train/sent/trainer.h"

#include <stdio.h>
#include <string.h>

#define VALIDATION_BATCH 128
#define LENGTH_DECAY 0.98f /* of the averages of |z| and |y| */
#define LOSS_SHARE 1e-4    /* of a score: of equal accuracies the lower loss wins */

typedef struct example {
    size_t sample; /* number in the corpus */
    const syl_sent_tokens *tokens;
} example;

/* ---- a step ---------------------------------------------------------------------------------- */

static syl_status batch_of(syl_tape *tape, void **examples, int count, syl_sent_batch *out,
                           syl_error *err)
{
    const syl_sent_tokens **samples;
    SYL_TRY(syl_tape_alloc(tape, (size_t)count * sizeof *samples, &samples, err));
    for (int i = 0; i < count; i++)
        samples[i] = ((const example *)examples[i])->tokens;
    *out = (syl_sent_batch){samples, count};
    return SYL_OK;
}

/* The ratio of |z| to |y|, as it is now. */
static void use_lengths(syl_sent_trainer *t)
{
    syl_sent_config *c = &t->model->config;
    if (c->latent_norm == SYL_LATENT_SCALE && t->lengths[1] > 0 && !t->model->training_stop)
        c->latent_scale = (double)t->lengths[0] / (double)t->lengths[1];
}

/* Means over all ranks, so that all go on with one scale. */
static syl_status follow_lengths(syl_sent_trainer *t, const syl_latent_figures *now, syl_error *err)
{
    double sums[2] = {now->z / t->ranks->count, now->y / t->ranks->count};
    SYL_TRY(syl_ranks_sum_doubles(t->ranks, sums, 2, err));
    float seen = t->lengths[2], decay = seen / (seen + 1);
    if (decay > LENGTH_DECAY) decay = LENGTH_DECAY;
    for (int i = 0; i < 2; i++)
        t->lengths[i] = decay * t->lengths[i] + (1 - decay) * (float)sums[i];
    t->lengths[2] = seen < 1e6f ? seen + 1 : seen;
    return SYL_OK;
}

static syl_status step(void *user, syl_tape *tape, void **examples, int count, uint64_t number,
                       syl_train_sums *sums, syl_error *err)
{
    syl_sent_trainer *t = user;
    syl_sent_batch batch;
    syl_sent_outcome out;
    SYL_TRY(batch_of(tape, examples, count, &batch, err));
    use_lengths(t);
    SYL_TRY(syl_sent_losses_of(t->model, &t->losses, tape, &batch, number, &out, err));
    SYL_TRY(syl_tape_backward(tape, err));
    sums->loss = out.loss;
    sums->weight = 1;
    sums->work = (double)out.tokens;
    return syl_sent_has_latent(&t->model->config) ? follow_lengths(t, &out.latents, err) : SYL_OK;
}

static syl_status place(void *user, syl_device *device, syl_error *err)
{
    return syl_param_set_place(&((syl_sent_trainer *)user)->model->fixed, device, err);
}

/* ---- validation ------------------------------------------------------------------------------ */

typedef struct figures {
    double loss, cross_entropy, contrast, right; /* sums over samples */
    syl_latent_figures latents;
    int64_t samples, correct, answered;
} figures;

static void add_losses(figures *f, const syl_sent_outcome *o, int n)
{
    f->samples += n;
    f->loss += o->loss * n;
    f->cross_entropy += o->cross_entropy * n;
    f->contrast += o->contrast * n;
    f->right += o->right * n;
    f->latents.z += o->latents.z * n;
    f->latents.y += o->latents.y * n;
    f->latents.cosine += o->latents.cosine * n;
}

static syl_status validate_some(const syl_sent_trainer *t, syl_tape *tape,
                                const syl_sent_batch *batch, figures *f, syl_error *err)
{
    syl_sent_outcome out;
    int64_t right, of;
    syl_sent_rollout rollout = {.model = t->model,
                                .tape = tape,
                                .compute = t->compute,
                                .marker = t->marker,
                                .max_sentences = t->max_sentences,
                                .max_tokens = t->max_tokens,
                                .max_said = t->max_said};
    syl_tape_clear(tape, (syl_tape_options){.compute = t->compute});
    SYL_TRY(syl_sent_losses_of(t->model, &t->losses, tape, batch, 0, &out, err));
    add_losses(f, &out, batch->count);
    if (t->model->training_stop) return SYL_OK;
    SYL_TRY(syl_sent_rollout_run(&rollout, batch, &right, &of, err));
    f->correct += right;
    f->answered += of;
    return SYL_OK;
}

static int add_figures(const syl_sent_trainer *t, const figures *f, json_t *to, double *score)
{
    const syl_sent_config *c = &t->model->config;
    double n = (double)f->samples, loss = f->loss / n;
    double accuracy =
        t->model->training_stop ? f->right / n : (double)f->correct / (double)f->answered;
    int failed = json_object_set_new(to, "valid_loss", json_real(loss)) |
                 json_object_set_new(to, "accuracy", json_real(accuracy));
    *score = accuracy - LOSS_SHARE * loss / (1 + loss);
    if (f->contrast > 0)
        failed |= json_object_set_new(to, "valid_ce", json_real(f->cross_entropy / n)) |
                  json_object_set_new(to, "valid_nce", json_real(f->contrast / n));
    if (syl_sent_has_latent(c))
        failed |= json_object_set_new(to, "z_norm", json_real(f->latents.z / n)) |
                  json_object_set_new(to, "y_norm", json_real(f->latents.y / n)) |
                  json_object_set_new(to, "cosine", json_real(f->latents.cosine / n)) |
                  json_object_set_new(to, "latent_scale", json_real(c->latent_scale));
    return failed;
}

static syl_status validate(void *user, syl_tape *tape, json_t *metrics, double *score,
                           syl_error *err)
{
    syl_sent_trainer *t = user;
    figures f = {0};
    int64_t count = (int64_t)t->valid->count;
    if (count > t->valid_count) count = t->valid_count;
    use_lengths(t);
    for (int64_t i = 0; i < count; i += VALIDATION_BATCH) {
        const syl_sent_tokens *samples[VALIDATION_BATCH];
        syl_sent_batch batch = {samples, 0};
        for (; batch.count < VALIDATION_BATCH && i + batch.count < count; batch.count++)
            samples[batch.count] = &t->valid->items[i + batch.count];
        SYL_TRY(validate_some(t, tape, &batch, &f, err));
    }
    if (add_figures(t, &f, metrics, score))
        return syl_fail(err, SYL_ENOMEM, "no memory for the metrics");
    return SYL_OK;
}

static syl_status save_model(void *user, const char *path, syl_error *err)
{
    syl_sent_trainer *t = user;
    use_lengths(t);
    return syl_sent_model_save(t->model, path, err);
}

/* ---- examples -------------------------------------------------------------------------------- */

static syl_status make(void *user, uint64_t number, int attempt, void *out, syl_error *err)
{
    const syl_sent_trainer *t = user;
    example *e = out;
    (void)attempt;
    (void)err;
    e->sample = syl_sent_order(t->seed, number, t->train->count);
    e->tokens = &t->train->items[e->sample];
    return SYL_OK;
}

static void clear(void *out)
{
    (void)out;
}

static void skipped(void *user, const syl_error *why)
{
    (void)user;
    (void)why;
}

static void describe(const void *of, char *text, size_t size)
{
    snprintf(text, size, "sample %zu", ((const example *)of)->sample);
}

/* ---- the task -------------------------------------------------------------------------------- */

syl_status syl_sent_trainer_start(syl_sent_trainer *t, syl_error *err)
{
    SYL_TRY(syl_sent_marker_token(&t->model->config, t->model->tokenizer, &t->marker, err));
    return syl_optimizer_start(&t->optimizer, &t->model->trained, err);
}

void syl_sent_trainer_free(syl_sent_trainer *t)
{
    syl_optimizer_free(&t->optimizer);
    syl_sent_model_free(t->model);
}

syl_train_task syl_sent_task(syl_sent_trainer *t, char *identity)
{
    t->blocks[0] = (syl_train_block){"latent lengths", t->lengths, 3, NULL};
    return (syl_train_task){.user = t,
                            .set = &t->model->trained,
                            .optimizer = &t->optimizer,
                            .source = {.user = t,
                                       .example_size = sizeof(example),
                                       .make = make,
                                       .clear = clear,
                                       .skipped = skipped},
                            .blocks = t->blocks,
                            .num_blocks = 1,
                            .identity = identity,
                            .unit = "tokens",
                            .step = step,
                            .place = place,
                            .validate = t->valid ? validate : NULL,
                            .save_model = save_model,
                            .describe = describe};
}
