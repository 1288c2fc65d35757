/* sylkit sent train: one stage of a model that reasons in embeddings of sentences. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "train/cmd.h"
#include "train/sent/args.h"
#include "train/sent/begin.h"
#include "train/sent/pretrained.h"
#include "train/sent/trainer.h"
#include "train/watch.h"

#define COMMAND "sent train"
#define SPARE_SENTENCES 2 /* a chain may be so much longer than any that was learnt */
#define SPARE_TOKENS 4
#define ROPE_BASE 1e4                     /* of Llama */
#define BYTES_TRAINED (4 * sizeof(float)) /* a value, its gradient, two moments */

typedef struct job {
    syl_sent_args args;
    bool given[SYL_ARGS_MOST]; /* on the command line itself */
    syl_ranks ranks;
    syl_device *device;
    syl_sent_dataset data, valid_data;
    syl_sent_sources sources;
    syl_sent_corpus train, valid;
    syl_sent_trainer trainer;
    syl_terminal terminal;
    double seconds;
} job;

/* ---- data ------------------------------------------------------------------------------------ */

/* Of a new language model. Llama's feed-forward has three matrices, each by a third narrower, so
 * that both kinds have as many parameters. */
static syl_lm_shape new_shape(const syl_sent_args *a)
{
    bool llama = a->architecture == SYL_LM_LLAMA;
    return (syl_lm_shape){.kind = (syl_lm_kind)a->architecture,
                          .dim = a->dim,
                          .layers = a->layers,
                          .heads = a->heads,
                          .kv_heads = llama && a->kv_heads ? a->kv_heads : a->heads,
                          .ff = llama ? (8 * a->dim / 3 + 7) / 8 * 8 : 4 * a->dim,
                          .context = a->context,
                          .eps = 1e-5f,
                          .rope_base = llama ? ROPE_BASE : 0,
                          .tied = true};
}

static syl_sent_beginning beginning_of(const job *j)
{
    const syl_sent_args *a = &j->args;
    bool stop = a->stage == SYL_SENT_ARGS_STOP;
    return (syl_sent_beginning){
        .stage = stop ? SYL_SENT_LATENT : (syl_sent_stage)a->stage,
        .stop = stop,
        .from = a->from,
        .semantic = a->semantic,
        .encoder = a->encoder_from,
        .latent = a->latent_from,
        .shape = new_shape(a),
        .marker = j->data.marker,
        .latent_norm = (syl_latent_norm)a->latent_norm,
        .dropout = (float)a->dropout,
        .lora = {.rank = a->lora,
                 .alpha = (float)(a->lora_alpha > 0 ? a->lora_alpha : 4.0 * a->lora),
                 .dropout = (float)a->lora_dropout,
                 .targets = a->lora_targets},
        .seed = (uint64_t)a->seed};
}

static void tell_left_out(const job *j, const char *name, const syl_sent_corpus *c)
{
    size_t n = c->long_sentences + c->many_sentences + c->long_samples;
    if (!n || j->args.quiet || j->ranks.rank) return;
    fprintf(stderr,
            "sylkit: %s: %zu samples are left out: %zu with a sentence of more than %d tokens, %zu "
            "of more than %d sentences, %zu that do not fit the context\n",
            name, n, c->long_sentences, j->args.sentence_tokens, c->many_sentences,
            j->args.sentences, c->long_samples);
}

static syl_status make_corpus(job *j, const syl_sent_dataset *data, const char *name,
                              syl_sent_corpus *out, syl_error *err)
{
    const syl_sent_model *m = j->trainer.model;
    syl_sent_limits limits = {.sentence_tokens = j->args.sentence_tokens,
                              .sentences = j->args.sentences,
                              .context = m->config.decoder.context};
    if (syl_sent_has_latent(&m->config) && m->config.latent.context < limits.context)
        limits.context = m->config.latent.context;
    if (syl_sent_has_encoder(&m->config) && m->config.encoder.context < limits.context)
        limits.context = m->config.encoder.context; /* --encoder-from's may be shorter */
    SYL_TRY(syl_sent_corpus_make(out, data, name, m->tokenizer, &limits, err));
    tell_left_out(j, name, out);
    return SYL_OK;
}

/* What an answer may have: a little more than those that are learnt. */
static void bound_answers(job *j)
{
    syl_sent_trainer *t = &j->trainer;
    for (size_t i = 0; i < j->train.count; i++) {
        const syl_sent_tokens *s = &j->train.items[i];
        if (s->num_sentences > t->max_sentences) t->max_sentences = s->num_sentences;
        for (int k = 0; k < s->num_sentences; k++)
            if (s->starts[k + 1] - s->starts[k] > t->max_tokens)
                t->max_tokens = s->starts[k + 1] - s->starts[k];
    }
    t->max_sentences += SPARE_SENTENCES;
    t->max_tokens += SPARE_TOKENS;
    if (t->max_tokens > t->model->config.decoder.context) /* its prefix is a position, too */
        t->max_tokens = t->model->config.decoder.context;
}

static syl_status set_up(job *j, syl_error *err)
{
    const syl_sent_args *a = &j->args;
    const syl_sent_dataset *both[] = {&j->data, &j->valid_data};
    SYL_TRY(syl_train_device(&j->device, a->device, &j->ranks, err));
    SYL_TRY(syl_sent_dataset_read(&j->data, a->data, err));
    if (a->valid) SYL_TRY(syl_sent_dataset_read(&j->valid_data, a->valid, err));
    syl_sent_beginning by = beginning_of(j);
    SYL_TRY(syl_sent_sources_open(&j->sources, &by, err));
    if (!a->from) SYL_TRY(syl_sent_sources_vocabulary(&j->sources, both, 2, err));
    SYL_TRY(syl_sent_begin(&j->trainer.model, &by, &j->sources, err));
    if (a->from && j->ranks.rank == 0)
        SYL_TRY(syl_sent_copy_tokenizer(&j->sources.from, a->out, err));
    SYL_TRY(make_corpus(j, &j->data, a->data, &j->train, err));
    if (a->valid) SYL_TRY(make_corpus(j, &j->valid_data, a->valid, &j->valid, err));
    bound_answers(j);
    return SYL_OK;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void describe_trainer(job *j)
{
    const syl_sent_args *a = &j->args;
    syl_sent_trainer *t = &j->trainer;
    t->losses = (syl_sent_losses){.loss_on_all = a->loss_on == 1,
                                  .prefix_dropout = (float)a->prefix_dropout,
                                  .latent_dropout = (float)a->latent_dropout,
                                  .contrast = (float)a->contrast,
                                  .lambda = (float)a->lambda,
                                  .temperature = (float)a->temperature,
                                  .self_feed = a->self_feed,
                                  .self_feed_ramp = a->self_feed_ramp};
    t->optimizer = (syl_optimizer){
        .adamw = {.lr = (float)a->lr,
                  .beta1 = (float)a->beta1,
                  .beta2 = (float)a->beta2,
                  .eps = (float)a->eps,
                  .weight_decay = (float)a->weight_decay},
        .clip = a->clip,
        .schedule = {(syl_schedule_kind)a->schedule, a->warmup, a->steps, a->min_factor}};
    t->train = &j->train;
    t->valid = a->valid ? &j->valid : NULL;
    t->valid_count = a->valid_count;
    t->compute = a->precision ? SYL_BF16 : SYL_F32;
    t->seed = (uint64_t)a->seed;
    t->ranks = &j->ranks;
    t->adapter_base = a->lora && j->sources.pretrained ? a->from : NULL;
}

/* The tokens of a corpus as a number, so that a resumed run has the same. */
static uint64_t hash_of(const syl_sent_corpus *c)
{
    uint64_t hash = SYL_HASH_START;
    char id[16];
    for (size_t i = 0; i < c->count; i++)
        for (int t = 0; t < c->items[i].starts[c->items[i].num_sentences]; t++) {
            snprintf(id, sizeof id, "%d ", (int)c->items[i].ids[t]);
            hash = syl_hash_text(hash, id);
        }
    return hash;
}

static void set_number(json_t *to, const char *key, const char *format, unsigned long long n)
{
    char text[32];
    snprintf(text, sizeof text, format, n);
    json_object_set_new(to, key, json_string(text));
}

/* What a resumed run must share; owned by the caller, NULL: no memory. */
static char *identity_of(const job *j)
{
    char *text = syl_args_record(syl_sent_args_table, syl_sent_args_count, &j->args);
    json_t *all = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (!all) return NULL;
    set_number(all, "samples", "%016llx", (unsigned long long)hash_of(&j->train));
    set_number(all, "processes", "%llu", (unsigned long long)j->ranks.count);
    if (j->args.schedule != SYL_CONSTANT)
        set_number(all, "steps", "%llu", (unsigned long long)j->args.steps);
    text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(all);
    return text;
}

static void tell_model(const job *j)
{
    const syl_sent_model *m = j->trainer.model;
    if (j->args.quiet || j->ranks.rank) return;
    fprintf(stderr,
            "%zu samples, %d tokens in the vocabulary, %lld parameters in training (with gradients "
            "and moments %.1f MB), %lld fixed (%.1f MB)\n",
            j->train.count, m->tokenizer->vocab, (long long)m->trained.size,
            (double)m->trained.size * BYTES_TRAINED * 1e-6, (long long)m->fixed.size,
            (double)m->fixed.size * sizeof(float) * 1e-6);
}

static syl_status run(job *j, syl_error *err)
{
    const syl_sent_args *a = &j->args;
    double began = syl_clock_seconds();
    SYL_TRY(set_up(j, err));
    describe_trainer(j);
    SYL_TRY(syl_sent_trainer_start(&j->trainer, err));
    tell_model(j);
    char *identity = identity_of(j);
    if (!identity) return syl_fail(err, SYL_ENOMEM, "no memory for the options");
    syl_train_task task = syl_sent_task(&j->trainer, identity);
    syl_train_options options = {.folder = a->out,
                                 .resume = a->resume,
                                 .steps = a->steps,
                                 .checkpoint_every = a->checkpoint_every,
                                 .validate_every = a->validate_every,
                                 .log_every = a->log_every,
                                 .batch = a->batch,
                                 .accumulate = a->accumulate,
                                 .device = j->device,
                                 .threads = a->threads,
                                 .compute = j->trainer.compute,
                                 .seed = (uint64_t)a->seed};
    syl_train_watch watch = syl_terminal_watch(&j->terminal);
    syl_status status = syl_train_run(&task, &options, &j->ranks, &watch, err);
    free(identity);
    j->seconds = syl_clock_seconds() - began;
    return status;
}

static void job_free(job *j)
{
    syl_sent_trainer_free(&j->trainer);
    syl_sent_corpus_free(&j->train);
    syl_sent_corpus_free(&j->valid);
    syl_sent_sources_close(&j->sources);
    syl_sent_dataset_free(&j->data);
    syl_sent_dataset_free(&j->valid_data);
    syl_device_close(j->device);
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc) return syl_usage(COMMAND, "'%s' is no option", argv[0]);
    int code = syl_sent_args_check(&j->args, j->given);
    if (code != SYL_EXIT_OK) return code;
    syl_status status = syl_training_begin(&j->terminal, &j->ranks, j->args.quiet, &err);
    if (status == SYL_OK) status = run(j, &err);
    code = syl_training_end(&j->terminal, &j->ranks, status, &err);
    job_free(j);
    return code;
}

static const char usage[] =
    "Usage: sylkit sent train --stage STAGE --data FILE --out FOLDER [OPTIONS]\n"
    "Trains one stage of a language model that reasons in embeddings of sentences: cot, then\n"
    "sem, ctx-b or ctx-c, then latent, then stop. A run that was stopped goes on with\n"
    "--resume.";

/* The defaults of the stage that was asked for. */
static void refine(void *args)
{
    syl_sent_args *a = args;
    *a = syl_sent_args_defaults(a->stage);
}

int syl_cmd_sent_train(int argc, char **argv)
{
    job j = {.args = syl_sent_args_defaults(0)};
    syl_arg_command command = {.name = COMMAND,
                               .usage = usage,
                               .table = syl_sent_args_table,
                               .count = syl_sent_args_count,
                               .start = start,
                               .footer = SYL_TRAINING_FOOTER,
                               .refine = refine,
                               .given = j.given};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
