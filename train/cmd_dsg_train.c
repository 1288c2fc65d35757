/* sylkit dsg train: a model of senses, or of skip-gram, from texts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/sense_vectors.h"
#include "lib/base/clock.h"
#include "train/cmd.h"
#include "train/dsg/args.h"
#include "train/texts.h"

#define COMMAND "dsg train"

enum { OUTPUT_MODEL, OUTPUT_TEXT, OUTPUT_BINARY };
static const char *const output_formats[] = {"model", "text", "binary", NULL};

typedef struct arguments {
    syl_dsg_args training;
    int preparation;
    syl_text_args text;
    int output_format;
    const char *out, *device;
    bool quiet;
} arguments;

#define TEXT(name, field, help) SYL_OPTION_TEXT(arguments, name, field, help)
#define CHOICE(name, field, names, help) SYL_OPTION_CHOICE(arguments, name, field, names, help)

static const syl_arg preparation[] = {
    SYL_OPTION_HEADING("How texts are prepared (sets the defaults of the options below):"),
    CHOICE("preparation", preparation, syl_preparation_names,
           "as published for Disambiguated Skip-gram; as sylkit bpv;\n"
           "        what stands between blanks, as word2vec"),
};

static const syl_arg output[] = {
    SYL_OPTION_HEADING("Results:"),
    TEXT("out", out, "FILE of the model"),
    CHOICE("output-format", output_format, output_formats,
           "or of the vectors alone, in word2vec's formats"),
    TEXT("device", device, "cpu, cuda, cuda:N, auto"),
    SYL_OPTION_FLAG(arguments, "quiet", quiet, "no progress"),
};
#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define MOST_OPTIONS (SYL_DSG_ARGS_MOST + SYL_TEXT_ARGS_MOST + LENGTH(preparation) + LENGTH(output))

static size_t make_table(syl_arg table[MOST_OPTIONS])
{
    unsigned parts = SYL_TEXT_ARGS_READER | SYL_TEXT_ARGS_WORDS | SYL_TEXT_ARGS_SENTENCES |
                     SYL_TEXT_ARGS_VOCABULARY;
    syl_arg *end = syl_dsg_args_table(table, offsetof(arguments, training));
    end = syl_args_append(end, preparation, LENGTH(preparation), 0);
    end = syl_text_args_table(end, parts, offsetof(arguments, text));
    return (size_t)(syl_args_append(end, output, LENGTH(output), 0) - table);
}

static arguments defaults(int senses, int schedule, int prepared)
{
    syl_text_options words = syl_prepare_text((syl_preparation)prepared);
    arguments a = {.training = syl_dsg_args_defaults(senses, (syl_dsg_schedule)schedule),
                   .preparation = prepared,
                   .text = syl_text_args_defaults(&words),
                   .device = "cpu"};
    a.text.min_count = 5; /* as word2vec's */
    return a;
}

/* ---- the run ------------------------------------------------------------------------- */

typedef struct job {
    arguments args;
    syl_dsg_options options;
    syl_ranks ranks;
    syl_device *device;
    syl_terminal terminal;
    syl_train_texts texts;
    int64_t *senses; /* [K + 1] words with so many that are left */
    int64_t words;   /* in the vocabulary */
    double loss, entropy, seconds;
} job;

static int check(job *j)
{
    const arguments *a = &j->args;
    const char *outputs[] = {a->out, a->training.state, a->text.save_vocabulary};
    int code = syl_dsg_args_options(&a->training, COMMAND, &j->options);
    if (code != SYL_EXIT_OK) return code;
    if (!a->out || !*a->out) return syl_usage(COMMAND, "say where to: --out FILE");
    return syl_train_texts_check(&j->texts, COMMAND, outputs, 3);
}

static bool show(void *user, const syl_dsg_report *r)
{
    job *j = user;
    j->loss = r->course->loss;
    j->entropy = r->entropy;
    return syl_terminal_course(&j->terminal, r->course);
}

static int64_t longest_sentence(const syl_documents *d)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < d->count; i++)
        if (d->begin[i + 1] - d->begin[i] > longest) longest = d->begin[i + 1] - d->begin[i];
    return longest;
}

static void print_memory(const job *j)
{
    const syl_documents *d = &j->texts.documents;
    double corpus = (double)d->begin[d->count] * 4 + (double)(d->count + 1) * 8;
    double training = (double)syl_dsg_bytes(&j->options, j->words, d->count, longest_sentence(d));
    if (j->args.quiet || j->ranks.rank) return;
    fprintf(stderr,
            "%" PRId64 " sentences, %" PRId64 " words, vocabulary of %" PRId64 "\n"
            "memory: corpus %.1f MB, training %.1f MB\n",
            d->count, d->begin[d->count], j->words, corpus / 1e6, training / 1e6);
}

static syl_status make_trainer(job *j, syl_dsg_corpus *corpus, syl_dsg_trainer **out,
                               syl_error *err)
{
    const syl_documents *d = &j->texts.documents;
    const syl_vocabulary *v = j->texts.vocabulary;
    j->words = syl_vocabulary_size(v);
    *corpus = (syl_dsg_corpus){.items = d->items,
                               .begin = d->begin,
                               .sentences = d->count,
                               .counts = syl_vocabulary_counts(v),
                               .words = j->words,
                               .unknown = -1};
    if (j->texts.corpus.text.unknown)
        corpus->unknown = syl_vocabulary_find(v, SYL_WORD_UNKNOWN, strlen(SYL_WORD_UNKNOWN));
    j->options.device = j->device;
    print_memory(j);
    return syl_dsg_trainer_create(out, corpus, &j->options, &j->ranks, err);
}

static syl_status write_vectors(const job *j, const syl_senses *senses, syl_error *err)
{
    return syl_sense_vectors_write(
        senses, j->args.out,
        j->args.output_format == OUTPUT_TEXT ? SYL_VECTORS_TEXT : SYL_VECTORS_BINARY, err);
}

static syl_status write_model(job *j, syl_dsg_model *model, syl_error *err)
{
    syl_senses *senses = NULL;
    model->training = syl_dsg_args_record(&j->args.training);
    if (!model->training) return syl_fail(err, SYL_ENOMEM, "no memory for the options");
    SYL_TRY(syl_senses_create(&senses, model, (double)j->options.prune, j->options.threads, err));
    syl_senses_histogram(senses, j->senses);
    syl_status status = j->args.output_format == OUTPUT_MODEL
                            ? syl_dsg_model_save(model, j->args.out, err)
                            : write_vectors(j, senses, err);
    syl_senses_free(senses);
    return status;
}

/* Gives up the vocabulary, which becomes the model's, and the trainer's tables. */
static syl_status finish(job *j, syl_dsg_trainer *trainer, syl_error *err)
{
    syl_vocabulary *vocabulary = j->texts.vocabulary;
    syl_dsg_model *model = NULL;
    j->senses = calloc((size_t)j->options.senses + 1, sizeof *j->senses);
    if (!j->senses) return syl_fail_memory(err, (size_t)j->options.senses * 8, "a report");
    j->texts.vocabulary = NULL;
    SYL_TRY(syl_dsg_trainer_take(trainer, vocabulary, &j->texts.corpus.text, &model, err));
    syl_status status = write_model(j, model, err);
    syl_dsg_model_free(model);
    return status;
}

static syl_status run(job *j, syl_error *err)
{
    syl_dsg_corpus corpus;
    syl_dsg_trainer *trainer = NULL;
    syl_dsg_watch watch = {.user = j, .report = show};
    double began = syl_clock_seconds();
    SYL_TRY(syl_train_check_output(j->args.out, &j->ranks, err));
    SYL_TRY(syl_train_check_output(j->args.training.state, &j->ranks, err));
    SYL_TRY(syl_train_device(&j->device, j->args.device, &j->ranks, err));
    SYL_TRY(syl_train_texts_read(&j->texts, err));
    SYL_TRY(make_trainer(j, &corpus, &trainer, err));
    syl_status status = syl_dsg_trainer_run(trainer, &watch, err);
    if (status == SYL_OK && j->ranks.rank == 0) status = finish(j, trainer, err);
    syl_dsg_trainer_free(trainer);
    j->seconds = syl_clock_seconds() - began;
    return status;
}

static void print_report(const job *j)
{
    const syl_documents *d = &j->texts.documents;
    int64_t words = 0, senses = 0;
    char loss[32];
    for (int k = 1; k <= j->options.senses; k++) {
        words += j->senses[k];
        senses += k * j->senses[k];
    }
    printf("{\"sentences\": %" PRId64 ", \"words\": %" PRId64 ", \"vocabulary\": %" PRId64
           ", \"dim\": %d, \"senses\": %d, \"epochs\": %d, \"loss\": %s, \"entropy\": %.6g, "
           "\"senses_left\": %.6g, \"seconds\": %.3f}\n",
           d->count, d->begin[d->count], j->words, j->options.dim, j->options.senses,
           j->options.pretrain_epochs + j->options.epochs, syl_json_loss(j->loss, loss), j->entropy,
           words ? (double)senses / (double)words : 0, j->seconds);
}

static void job_free(job *j)
{
    syl_train_texts_free(&j->texts);
    syl_device_close(j->device);
    free(j->senses);
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    j->texts = (syl_train_texts){.paths = (const char *const *)argv,
                                 .num_paths = (size_t)argc,
                                 .args = &j->args.text,
                                 .ranks = &j->ranks,
                                 .terminal = &j->terminal};
    int code = check(j);
    if (code != SYL_EXIT_OK) return code;
    syl_status status = syl_training_begin(&j->terminal, &j->ranks, j->args.quiet, &err);
    j->terminal.units = "sentences";
    if (status == SYL_OK) status = run(j, &err);
    bool done = status == SYL_OK && j->ranks.rank == 0;
    code = syl_training_end(&j->terminal, &j->ranks, status, &err);
    if (done) print_report(j);
    job_free(j);
    return code;
}

static const char usage[] =
    "Usage: sylkit dsg train [OPTIONS] --out MODEL TEXT...\n"
    "Learns a vector for each sense of each word (Disambiguated Skip-gram); with --senses 1\n"
    "one for each word (skip-gram). TEXT is a file, a folder, or - for standard input.";

/* The defaults of what was asked for. */
static void refine(void *args)
{
    arguments *a = args;
    *a = defaults(a->training.senses, a->training.schedule, a->preparation);
}

int syl_cmd_dsg_train(int argc, char **argv)
{
    syl_arg table[MOST_OPTIONS];
    syl_arg_command command = {.name = COMMAND,
                               .usage = usage,
                               .table = table,
                               .count = make_table(table),
                               .start = start,
                               .footer = SYL_TRAINING_FOOTER,
                               .refine = refine};
    job j = {.args = defaults(5, SYL_DSG_SCHEDULE_OWN, SYL_PREPARE_DISAMBIGUATED)};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
