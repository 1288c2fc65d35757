/* sylkit dsg senses, neighbours: what a model knows of words. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "embed/dsg_args.h"
#include "lib/base/memory.h"

typedef struct arguments {
    syl_dsg_model_args model;
    int k;
    bool table;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_FLAG(arguments, "table", table, "text in place of JSON lines"),
    SYL_OPTION_INT(arguments, "k", k, 1, 1000000, "neighbours of a sense"),
};
#define MOST_OPTIONS (sizeof own / sizeof *own + SYL_DSG_MODEL_ARGS_MOST)

typedef struct job job;
struct job {
    const char *command;
    syl_status (*of_word)(const job *j, int32_t word, syl_error *err); /* what is told of each */
    arguments args;
    const char *path;
    char **words; /* [num_words] */
    int num_words;
    syl_dsg_model *model;
    syl_senses *senses;
    bool missing; /* a word is not in the vocabulary */
};

/* ---- senses -------------------------------------------------------------------------- */

static json_t *senses_json(const job *j, int32_t word)
{
    int count;
    const syl_sense *s = syl_senses_of(j->senses, word, &count);
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:o, s:f}", "name",
                                              syl_sense_name_json(j->senses, word, s[i].sense),
                                              "prior", (double)s[i].prior));
    return list;
}

static void print_senses(const job *j, int32_t word)
{
    int count;
    char name[SYL_SENSE_NAME];
    const syl_sense *s = syl_senses_of(j->senses, word, &count);
    for (int i = 0; i < count; i++) {
        syl_sense_name(j->senses, word, s[i].sense, name);
        printf("%-24s %.4f\n", name, (double)s[i].prior);
    }
}

static syl_status tell_senses(const job *j, int32_t word, syl_error *err)
{
    const syl_vocabulary *v = j->model->vocabulary;
    if (j->args.table) {
        print_senses(j, word);
        return SYL_OK;
    }
    return syl_print_json(json_pack("{s:s, s:I, s:o}", "word", syl_vocabulary_word(v, word),
                                    "count", (json_int_t)syl_vocabulary_counts(v)[word], "senses",
                                    senses_json(j, word)),
                          err);
}

/* How many words have so many senses. */
static syl_status tell_histogram(const job *j, syl_error *err)
{
    int64_t words[SYL_DSG_MAX_SENSES + 1];
    json_t *list = json_array();
    syl_senses_histogram(j->senses, words);
    for (int k = 1; k <= j->model->senses; k++) {
        if (j->args.table) printf("%3d senses: %" PRId64 " words\n", k, words[k]);
        json_array_append_new(list, json_integer(words[k]));
    }
    if (j->args.table) {
        json_decref(list);
        return SYL_OK;
    }
    return syl_print_json(json_pack("{s:I, s:i, s:i, s:o}", "vocabulary",
                                    (json_int_t)j->model->words, "senses", j->model->senses, "dim",
                                    j->model->dim, "words_with_senses", list),
                          err);
}

/* ---- neighbours ---------------------------------------------------------------------- */

static syl_status tell_neighbours_of(const job *j, const syl_sense *s, const syl_neighbour *n,
                                     syl_error *err)
{
    char name[SYL_SENSE_NAME];
    json_t *list = j->args.table ? NULL : json_array();
    if (j->args.table) {
        syl_sense_name(j->senses, s->word, s->sense, name);
        printf("%s (%.4f)\n", name, (double)s->prior);
    }
    for (int i = 0; i < j->args.k && n[i].word >= 0; i++) {
        syl_sense_name(j->senses, n[i].word, n[i].sense, name);
        if (j->args.table) printf("    %-24s %.4f\n", name, (double)n[i].cosine);
        if (list)
            json_array_append_new(
                list, json_pack("{s:s, s:f}", "name", name, "cosine", (double)n[i].cosine));
    }
    if (!list) return SYL_OK;
    return syl_print_json(json_pack("{s:o, s:s, s:f, s:o}", "name",
                                    syl_sense_name_json(j->senses, s->word, s->sense), "word",
                                    syl_vocabulary_word(j->model->vocabulary, s->word), "prior",
                                    (double)s->prior, "neighbours", list),
                          err);
}

static syl_status tell_neighbours(const job *j, int32_t word, syl_error *err)
{
    int count, k = j->args.k;
    const syl_sense *s = syl_senses_of(j->senses, word, &count);
    syl_neighbour *n = syl_calloc((size_t)k, sizeof *n);
    syl_status status = n ? SYL_OK : syl_fail_memory(err, (size_t)k * sizeof *n, "neighbours");
    for (int i = 0; status == SYL_OK && i < count; i++) {
        status = syl_senses_nearest(j->senses, syl_dsg_sense_vector(j->model, word, s[i].sense), 1,
                                    &word, k, n, err);
        if (status == SYL_OK) status = tell_neighbours_of(j, &s[i], n, err);
    }
    free(n);
    return status;
}

/* ---- both ---------------------------------------------------------------------------- */

static syl_status run(job *j, syl_error *err)
{
    SYL_TRY(syl_dsg_model_args_open(&j->args.model, j->path, &j->model, &j->senses, err));
    if (!j->num_words) return tell_histogram(j, err);
    for (int i = 0; i < j->num_words; i++) {
        int32_t word = syl_dsg_look_up(j->command, j->senses, j->words[i]);
        if (word < 0)
            j->missing = true;
        else
            SYL_TRY(j->of_word(j, word, err));
    }
    return SYL_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (!argc) return syl_usage(j->command, "name a MODEL");
    if (argc == 1 && j->of_word == tell_neighbours) return syl_usage(j->command, "name a word");
    j->path = argv[0];
    j->words = argv + 1;
    j->num_words = argc - 1;
    int code = syl_exit_code(run(j, &err), &err);
    if (j->missing) code = SYL_EXIT_FAILED; /* told already */
    syl_senses_free(j->senses);
    syl_dsg_model_free(j->model);
    return code;
}

static int command(job *j, const char *usage, size_t num_own, int argc, char **argv)
{
    syl_arg table[MOST_OPTIONS];
    syl_arg *end = syl_args_append(table, own, num_own, 0);
    end = syl_dsg_model_args_table(end, offsetof(arguments, model));
    syl_arg_command c = {j->command, usage, .table = table, .count = (size_t)(end - table),
                         .start = start};
    return syl_args_run(&c, &j->args, j, argc, argv);
}

int syl_cmd_dsg_senses(int argc, char **argv)
{
    job j = {.command = "dsg senses",
             .of_word = tell_senses,
             .args = {.model = syl_dsg_model_args_defaults()}};
    return command(&j,
                   "Usage: sylkit dsg senses [OPTIONS] MODEL [WORD...]\n"
                   "The senses of words with their priors; without words, how many words have how "
                   "many.\n",
                   1, argc, argv);
}

int syl_cmd_dsg_neighbours(int argc, char **argv)
{
    job j = {.command = "dsg neighbours",
             .of_word = tell_neighbours,
             .args = {.model = syl_dsg_model_args_defaults(), .k = 10}};
    return command(&j,
                   "Usage: sylkit dsg neighbours [OPTIONS] MODEL WORD...\n"
                   "The nearest senses of other words for each sense, by cosine.\n",
                   2, argc, argv);
}
