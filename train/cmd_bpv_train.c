/* sylkit bpv train: a model of paragraph vectors from texts. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/cli/text_args.h"
#include "train/bpv/trainer.h"
#include "train/cmd.h"
#include "train/texts.h"

#define COMMAND "bpv train"

static const char *const losses[] = {"softmax", "sigmoid", NULL};

typedef struct arguments {
    syl_text_args text;
    int model, bits, dim, context, loss, chunk, negatives, epochs, batch, infer_passes;
    int exchange_every, threads, seed;
    double negatives_weight, power, spread, accumulator;
    double lr, last_lr, dropout, subsample; /* last_lr NaN: as lr */
    double infer_lr, infer_dropout;         /* infer_dropout NaN: as dropout */
    bool sign, sigmoid, infer_sigmoid, no_documents, resume, quiet;
    const char *out, *state, *device;
    double state_seconds;
} arguments;

#define TEXT(name, field, help) SYL_OPTION_TEXT(arguments, name, field, help)
#define WHOLE(name, field, low, high, help) SYL_OPTION_INT(arguments, name, field, low, high, help)
#define REAL(name, field, low, high, help) SYL_OPTION_REAL(arguments, name, field, low, high, help)
#define FLAG(name, field, help) SYL_OPTION_FLAG(arguments, name, field, help)
#define CHOICE(name, field, names, help) SYL_OPTION_CHOICE(arguments, name, field, names, help)

static const syl_arg own[] = {
    SYL_OPTION_HEADING("Model (defaults below depend on --model and --bits):"),
    CHOICE("model", model, syl_bpv_kind_names, "of documents"),
    WHOLE("bits", bits, 1, SYL_BPV_MOST_BITS,
          "of a code; real-valued models: length of the vector"),
    WHOLE("dim", dim, 1, SYL_BPV_MOST_DIM, "length of the vector of real-binary"),
    WHOLE("context", context, 0, SYL_PARAGRAPH_MOST_CONTEXT,
          "words before each, of dm and binary-dm"),
    FLAG("sign", sign, "codes of -1 and 1 inside the model, in place of 0 and 1"),
    CHOICE("loss", loss, losses, "sampled softmax, or negative sampling"),
    WHOLE("chunk", chunk, 1, SYL_PARAGRAPH_MOST_TARGETS,
          "items of a document that share negatives"),
    WHOLE("negatives", negatives, 1, SYL_PARAGRAPH_MOST_NEGATIVES, "of a chunk"),
    REAL("negatives-weight", negatives_weight, 1e-6, 1e6,
         "--loss sigmoid: as many negatives an item"),
    REAL("power", power, 0, 10, "of the counts, which negatives are drawn by"),
    REAL("spread", spread, 0, 1e6, "documents begin evenly in (-X, X)"),
    REAL("accumulator", accumulator, 1e-12, 1e12, "AdaGrad's squares begin with it"),
    SYL_OPTION_HEADING("Optimisation:"),
    WHOLE("epochs", epochs, 1, 1000000, "over the texts"),
    REAL("lr", lr, 1e-9, 1e6, "learning rate"),
    REAL("last-lr", last_lr, 0, 1e6, "at the end, reached linearly; as --lr unless given"),
    REAL("dropout", dropout, 0, 0.99, "of a document's elements"),
    REAL("subsample", subsample, 0, 1, "threshold of frequent items, as in word2vec; 0: none"),
    WHOLE("batch", batch, 1, 65536, "chunks"),
    FLAG("sigmoid", sigmoid, "binary models: train the sigmoid itself, not rounded"),
    SYL_OPTION_HEADING("How the model infers unless told otherwise:"),
    WHOLE("infer-passes", infer_passes, 0, 100000, "over a document"),
    REAL("infer-lr", infer_lr, 1e-9, 1e6, "learning rate"),
    REAL("infer-dropout", infer_dropout, 0, 0.99, "as --dropout unless given"),
    FLAG("infer-sigmoid", infer_sigmoid, "the sigmoid itself leads to the output, not rounded"),
    SYL_OPTION_HEADING("The run:"),
    TEXT("out", out, "FILE of the model"),
    FLAG("no-documents", no_documents, "leave the training set's vectors and names out of it"),
    TEXT("state", state, "FILE where the run is kept, to be resumed"),
    REAL("state-seconds", state_seconds, 0, 1e9, "between two writings of it"),
    FLAG("resume", resume, "go on from --state where it is there"),
    WHOLE("exchange-every", exchange_every, 0, 1000000,
          "rounds of 16 batches between exchanges of processes; 0: an epoch"),
    WHOLE("threads", threads, 1, 1024, "the model is the same bits for any number"),
    WHOLE("seed", seed, 0, INT32_MAX, "of all that is random"),
    TEXT("device", device, "cpu, cuda, cuda:N, auto"),
    FLAG("quiet", quiet, "no progress"),
};
#define NUM_OWN (sizeof own / sizeof *own)

static size_t make_table(syl_arg table[NUM_OWN + SYL_TEXT_ARGS_MOST])
{
    syl_arg *end = syl_text_args_table(table,
                                       SYL_TEXT_ARGS_READER | SYL_TEXT_ARGS_WORDS |
                                           SYL_TEXT_ARGS_VOCABULARY | SYL_TEXT_ARGS_BIGRAMS,
                                       offsetof(arguments, text));
    return (size_t)(syl_args_append(end, own, NUM_OWN, 0) - table);
}

static arguments defaults(int model, int bits)
{
    syl_bpv_train_options o = syl_bpv_train_defaults((syl_bpv_kind)model, bits);
    syl_text_options words = syl_text_defaults();
    const syl_bpv_shape *s = &o.shape;
    return (arguments){.text = syl_text_args_defaults(&words),
                       .model = model,
                       .bits = bits,
                       .dim = s->dim,
                       .context = s->context,
                       .loss = (int)s->loss,
                       .chunk = s->chunk,
                       .negatives = s->negatives,
                       .negatives_weight = s->negatives_weight,
                       .power = s->power,
                       .spread = s->spread,
                       .accumulator = s->accumulator,
                       .sign = s->sign,
                       .epochs = o.epochs,
                       .lr = o.learning_rate,
                       .last_lr = o.last_rate < o.learning_rate ? o.last_rate : NAN,
                       .dropout = o.dropout,
                       .subsample = o.subsample,
                       .batch = o.batch,
                       .sigmoid = o.sigmoid,
                       .infer_passes = s->infer.passes,
                       .infer_lr = s->infer.learning_rate,
                       .infer_dropout = s->infer.dropout < o.dropout ? s->infer.dropout : NAN,
                       .infer_sigmoid = s->infer.sigmoid,
                       .exchange_every = o.exchange_every,
                       .threads = 1,
                       .seed = (int)o.seed,
                       .state_seconds = o.state_seconds,
                       .device = "cpu"};
}

static syl_bpv_train_options options_of(const arguments *a)
{
    syl_bpv_train_options o = syl_bpv_train_defaults((syl_bpv_kind)a->model, a->bits);
    syl_bpv_shape *s = &o.shape;
    s->dim = a->dim;
    s->context = a->context;
    s->sign = a->sign;
    s->loss = (syl_sampled_loss)a->loss;
    s->chunk = a->chunk;
    s->negatives = a->negatives;
    s->negatives_weight = a->negatives_weight;
    s->power = a->power;
    s->spread = a->spread;
    s->accumulator = a->accumulator;
    s->infer.passes = a->infer_passes;
    s->infer.learning_rate = a->infer_lr;
    s->infer.dropout = isnan(a->infer_dropout) ? a->dropout : a->infer_dropout;
    s->infer.sigmoid = a->infer_sigmoid || a->sigmoid;
    s->infer.seed = (uint64_t)a->seed;
    o.epochs = a->epochs;
    o.learning_rate = a->lr;
    o.last_rate = isnan(a->last_lr) ? a->lr : a->last_lr;
    o.dropout = a->dropout;
    o.subsample = a->subsample;
    o.batch = a->batch;
    o.sigmoid = a->sigmoid;
    o.threads = a->threads;
    o.seed = (uint64_t)a->seed;
    o.exchange_every = a->exchange_every;
    o.state = a->state;
    o.state_seconds = a->state_seconds;
    o.resume = a->resume;
    return o;
}

/* ---- the run ------------------------------------------------------------------------- */

typedef struct job {
    arguments args;
    syl_bpv_train_options options;
    syl_ranks ranks;
    syl_device *device;
    syl_terminal terminal;
    syl_train_texts texts;
    int64_t items; /* in the vocabulary */
    double loss, seconds;
} job;

static int check(const job *j)
{
    const arguments *a = &j->args;
    syl_error err;
    if (!a->out || !*a->out) return syl_usage(COMMAND, "say where to: --out FILE");
    if (a->resume && !a->state)
        return syl_usage(COMMAND, "--resume needs --state FILE: the run that it goes on with");
    if (syl_bpv_check_shape(&j->options.shape, &err)) return syl_usage(COMMAND, "%s", err.message);
    if (a->sigmoid && !syl_bpv_is_binary((syl_bpv_kind)a->model))
        return syl_usage(COMMAND, "--sigmoid: a real-valued model has none");
    const char *outputs[] = {a->out, a->state, a->text.save_vocabulary};
    return syl_train_texts_check(&j->texts, COMMAND, outputs, 3);
}

static bool show(void *user, const syl_course_progress *p)
{
    job *j = user;
    j->loss = p->loss;
    return syl_terminal_course(&j->terminal, p);
}

static void print_report(const job *j)
{
    const syl_documents *d = &j->texts.documents;
    int64_t empty = 0;
    char loss[32];
    for (int64_t i = 0; i < d->count; i++)
        empty += d->begin[i] == d->begin[i + 1];
    printf("{\"documents\": %" PRId64 ", \"without_words\": %" PRId64 ", \"words\": %" PRId64
           ", \"vocabulary\": %" PRId64 ", \"model\": \"%s\", \"bits\": %d, \"dim\": %d, "
           "\"epochs\": %d, \"loss\": %s, \"seconds\": %.3f}\n",
           d->count, empty, d->begin[d->count], j->items, syl_bpv_kind_names[j->args.model],
           j->args.bits, j->args.dim, j->args.epochs, syl_json_loss(j->loss, loss), j->seconds);
}

static syl_status run(job *j, syl_error *err)
{
    syl_text_options words;
    syl_bpv *model = NULL;
    double began = syl_clock_seconds();
    SYL_TRY(syl_train_check_output(j->args.out, &j->ranks, err));
    SYL_TRY(syl_train_check_output(j->args.state, &j->ranks, err));
    SYL_TRY(syl_train_device(&j->device, j->args.device, &j->ranks, err));
    SYL_TRY(syl_train_texts_read(&j->texts, err));
    j->items = syl_vocabulary_size(j->texts.vocabulary);
    SYL_TRY(syl_text_options_copy(&words, &j->texts.corpus.text, err));
    j->options.device = j->device;
    j->options.ranks = &j->ranks;
    j->options.progress = show;
    j->options.user = j;
    syl_vocabulary *own_vocabulary = j->texts.vocabulary;
    j->texts.vocabulary = NULL; /* the model's from here on */
    syl_status status =
        syl_bpv_train(&model, &j->texts.documents, own_vocabulary, &words, &j->options, err);
    if (status == SYL_OK && j->ranks.rank == 0)
        status = syl_bpv_save(model, j->args.out, !j->args.no_documents, err);
    j->seconds = syl_clock_seconds() - began;
    syl_bpv_free(model);
    return status;
}

static void job_free(job *j)
{
    syl_train_texts_free(&j->texts);
    syl_device_close(j->device);
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    j->options = options_of(&j->args);
    j->texts = (syl_train_texts){.paths = (const char *const *)argv,
                                 .num_paths = (size_t)argc,
                                 .args = &j->args.text,
                                 .ranks = &j->ranks,
                                 .terminal = &j->terminal};
    int code = check(j);
    if (code != SYL_EXIT_OK) return code;
    syl_status status = syl_training_begin(&j->terminal, &j->ranks, j->args.quiet, &err);
    if (status == SYL_OK) status = run(j, &err);
    bool done = status == SYL_OK && j->ranks.rank == 0;
    code = syl_training_end(&j->terminal, &j->ranks, status, &err);
    if (done) print_report(j);
    job_free(j);
    return code;
}

static const char usage[] =
    "Usage: sylkit bpv train [OPTIONS] --out MODEL TEXT...\n"
    "Learns codes of documents from their words (Binary Paragraph Vector), or real vectors\n"
    "(paragraph vectors). TEXT is a file, a folder, or - for standard input.";

/* The defaults of the model that was asked for. */
static void refine(void *args)
{
    arguments *a = args;
    *a = defaults(a->model, a->bits);
}

int syl_cmd_bpv_train(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_TEXT_ARGS_MOST];
    syl_arg_command command = {.name = COMMAND,
                               .usage = usage,
                               .table = table,
                               .count = make_table(table),
                               .start = start,
                               .footer = SYL_TRAINING_FOOTER,
                               .refine = refine};
    job j = {.args = defaults(SYL_BPV_BINARY_DBOW, 128)};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
