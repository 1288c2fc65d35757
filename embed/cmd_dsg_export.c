/* sylkit dsg export: vectors in word2vec's formats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/cmd.h"
#include "embed/dsg_args.h"
#include "embed/sense_vectors.h"
#include "lib/base/memory.h"
#include "lib/cli/inputs.h"

#define COMMAND "dsg export"

enum { SENSES, WORDS, OUTPUT };
static const char *const kinds[] = {"senses", "words", "output", NULL};
static const char *const formats[] = {"text", "binary", NULL};

typedef struct arguments {
    syl_dsg_model_args model;
    const char *out, *vocabulary;
    int format, vectors;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_TEXT(arguments, "out", out, "FILE of the vectors"),
    SYL_OPTION_CHOICE(arguments, "output-format", format, formats, "word2vec's"),
    SYL_OPTION_CHOICE(arguments, "vectors", vectors, kinds,
                      "word#1, word#2, ...; the mean of each word's senses; what embeds contexts"),
    SYL_OPTION_TEXT(arguments, "vocabulary", vocabulary, "FILE of words and counts"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *path;
    syl_dsg_model *model;
    syl_senses *senses;
} job;

static syl_status add_words(const job *j, syl_vector_writer *w, float *mean, syl_error *err)
{
    const syl_dsg_model *m = j->model;
    for (int64_t i = 0; i < m->words; i++) {
        const float *vector = m->output_vectors + i * m->dim;
        if (j->args.vectors == WORDS)
            syl_senses_global_vector(j->senses, (int32_t)i, mean), vector = mean;
        SYL_TRY(syl_vector_writer_add(w, syl_vocabulary_word(m->vocabulary, i), vector, err));
    }
    return syl_vector_writer_commit(w, err);
}

/* One vector for each word. */
static syl_status write_words(const job *j, syl_vector_format format, syl_error *err)
{
    const syl_dsg_model *m = j->model;
    syl_vector_writer w;
    float *mean = syl_calloc((size_t)m->dim, sizeof *mean);
    if (!mean) return syl_fail_memory(err, (size_t)m->dim * 4, "a vector");
    syl_status status = syl_vector_writer_open(&w, j->args.out, format, m->words, m->dim, err);
    if (status == SYL_OK) {
        status = add_words(j, &w, mean, err);
        if (status != SYL_OK) syl_vector_writer_discard(&w);
    }
    free(mean);
    return status;
}

static syl_status run(job *j, syl_error *err)
{
    const arguments *a = &j->args;
    syl_vector_format format = a->format ? SYL_VECTORS_BINARY : SYL_VECTORS_TEXT;
    SYL_TRY(syl_dsg_model_args_open(&a->model, j->path, &j->model, &j->senses, err));
    if (a->vocabulary) SYL_TRY(syl_vocabulary_save(j->model->vocabulary, a->vocabulary, err));
    if (!a->out) return SYL_OK;
    return a->vectors == SENSES ? syl_sense_vectors_write(j->senses, a->out, format, err)
                                : write_words(j, format, err);
}

static int check(const job *j)
{
    const arguments *a = &j->args;
    const char *outputs[] = {a->out, a->vocabulary};
    if (!a->out && !a->vocabulary)
        return syl_usage(COMMAND, "say what to: --out FILE, --vocabulary FILE");
    if (a->vectors == OUTPUT && a->model.format)
        return syl_usage(COMMAND, "--vectors output: files of word2vec have none");
    if (a->out && a->vocabulary && syl_same_output(a->out, a->vocabulary))
        return syl_usage(COMMAND, "%s would be written twice", a->out);
    for (int i = 0; i < 2; i++)
        if (outputs[i] && syl_same_file(outputs[i], j->path))
            return syl_usage(COMMAND, "%s would overwrite what is exported", outputs[i]);
    return SYL_EXIT_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc != 1) return syl_usage(COMMAND, "name one MODEL");
    j->path = argv[0];
    int code = check(j);
    if (code != SYL_EXIT_OK) return code;
    code = syl_exit_code(run(j, &err), &err);
    syl_senses_free(j->senses);
    syl_dsg_model_free(j->model);
    return code;
}

static const char usage[] = "Usage: sylkit dsg export [OPTIONS] --out FILE MODEL\n"
                            "Vectors in the formats of word2vec.";

int syl_cmd_dsg_export(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_DSG_MODEL_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_dsg_model_args_table(end, offsetof(arguments, model));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    job j = {.args = {.model = syl_dsg_model_args_defaults()}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
