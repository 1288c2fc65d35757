/* sylkit dsg disambiguate: which sense a word has in a text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "embed/context.h"
#include "embed/dsg_args.h"
#include "embed/marked_text.h"
#include "lib/base/memory.h"
#include "lib/cli/text_args.h"
#include "lib/io/utf8.h"

#define COMMAND "dsg disambiguate"

static const char *const rules[] = {"cosine", "network", NULL};

typedef struct arguments {
    syl_dsg_model_args model;
    syl_text_args text; /* only its part about bytes */
    int by, window;
    bool table;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_CHOICE(arguments, "by", by, rules,
                      "cosine of a sense with its context; the network that was trained"),
    SYL_OPTION_INT(arguments, "window", window, 0, 1000000,
                   "words of the context to either side; 0: all"),
    SYL_OPTION_FLAG(arguments, "table", table, "text in place of JSON lines"),
};
#define NUM_OWN (sizeof own / sizeof *own)
#define MOST_OPTIONS (NUM_OWN + SYL_DSG_MODEL_ARGS_MOST + SYL_TEXT_ARGS_MOST)

typedef struct job {
    arguments args;
    const char *path;
    syl_dsg_model *model;
    syl_senses *senses;
    syl_context *context;
    bool missing; /* a word was not in the vocabulary */
} job;

/* ---- answers ------------------------------------------------------------------------- */

static void print_choice(const job *j, int32_t word, const syl_sense_choice *c)
{
    int count;
    char name[SYL_SENSE_NAME];
    const syl_sense *s = syl_senses_of(j->senses, word, &count);
    syl_sense_name(j->senses, word, c->best, name);
    printf("%s%s\n", name, c->informed ? "" : " (by its prior: no word of the context is known)");
    for (int i = 0; i < count; i++) {
        syl_sense_name(j->senses, word, s[i].sense, name);
        printf("    %-24s %.4f %.4f\n", name, (double)c->score[s[i].sense],
               (double)c->weight[s[i].sense]);
    }
    fflush(stdout);
}

static json_t *choice_json(const job *j, int32_t word, const syl_sense_choice *c)
{
    int count;
    const syl_sense *s = syl_senses_of(j->senses, word, &count);
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:o, s:f, s:f}", "name",
                                              syl_sense_name_json(j->senses, word, s[i].sense),
                                              "score", (double)c->score[s[i].sense], "weight",
                                              (double)c->weight[s[i].sense]));
    return json_pack("{s:s, s:o, s:i, s:b, s:o}", "word",
                     syl_vocabulary_word(j->model->vocabulary, word), "name",
                     syl_sense_name_json(j->senses, word, c->best), "sense", c->best + 1,
                     "informed", c->informed, "senses", list);
}

static syl_status answer_unknown(job *j, const char *word, syl_error *err)
{
    j->missing = true;
    if (j->args.table) {
        printf("%s: not in the vocabulary\n", word);
        fflush(stdout);
        return SYL_OK;
    }
    return syl_print_json(json_pack("{s:o, s:b}", "word", syl_name_json(word), "unknown", true),
                          err);
}

static syl_status answer(job *j, const char *word, const char *text, size_t length, syl_error *err)
{
    syl_span left, right;
    syl_context_ids ids;
    syl_sense_choice choice;
    int32_t id = syl_dsg_find_word(j->model, word, strlen(word));
    if (id < 0) return answer_unknown(j, word, err);
    syl_find_marked((syl_span){text, length}, (syl_span){word, strlen(word)}, &left, &right);
    SYL_TRY(syl_context_encode(j->context, left, right, j->args.window, &ids, err));
    SYL_TRY(syl_senses_choose(j->senses, id, ids.ids, ids.count, (syl_sense_rule)j->args.by,
                              &choice, err));
    if (!j->args.table) return syl_print_json(choice_json(j, id, &choice), err);
    print_choice(j, id, &choice);
    return SYL_OK;
}

/* ---- texts --------------------------------------------------------------------------- */

static syl_status answer_lines(job *j, syl_error *err)
{
    static const char *const standard_input[] = {"-"};
    syl_text_reader_options o = syl_text_args_reader(&j->args.text);
    syl_text_reader *reader;
    syl_text_document d;
    o.format = SYL_TEXT_LINES;
    o.named = true;
    SYL_TRY(syl_text_reader_open(&reader, standard_input, 1, &o, err));
    syl_status status;
    while (!(status = syl_text_reader_next(reader, &d, err)) && d.text)
        if ((status = answer(j, d.name, d.text, d.length, err))) break;
    syl_text_reader_close(reader);
    return status;
}

/* The words of a command line with blanks between are the text. */
static syl_status answer_arguments(job *j, char **words, int count, syl_error *err)
{
    size_t length = 1, at = 0;
    for (int i = 1; i < count; i++)
        length += strlen(words[i]) + 1;
    char *text = syl_calloc(length, 1);
    if (!text) return syl_fail_memory(err, length, "a text");
    for (int i = 1; i < count; i++)
        at += (size_t)snprintf(text + at, length - at, "%s%s", i > 1 ? " " : "", words[i]);
    syl_status status = syl_utf8_valid(text, at) == at
                            ? answer(j, words[0], text, at, err)
                            : syl_fail(err, SYL_EINVAL, "'%s' is not UTF-8", text);
    free(text);
    return status;
}

static syl_status run(job *j, char **words, int count, syl_error *err)
{
    SYL_TRY(syl_dsg_model_args_open(&j->args.model, j->path, &j->model, &j->senses, err));
    if (j->args.by == SYL_RULE_NETWORK && !j->model->network)
        return syl_fail(err, SYL_EINVAL, "%s has no network to choose by; see --by cosine",
                        j->path);
    SYL_TRY(syl_context_create(&j->context, j->model, err));
    return count ? answer_arguments(j, words, count, err) : answer_lines(j, err);
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (!argc) return syl_usage(COMMAND, "name a MODEL");
    if (argc == 2)
        return syl_usage(COMMAND, "name the word and a text, or neither for standard input");
    j->path = argv[0];
    int code = syl_exit_code(run(j, argv + 1, argc - 1, &err), &err);
    if (j->missing) code = SYL_EXIT_FAILED; /* told already */
    syl_context_free(j->context);
    syl_senses_free(j->senses);
    syl_dsg_model_free(j->model);
    return code;
}

static const char usage[] =
    "Usage: sylkit dsg disambiguate [OPTIONS] MODEL [WORD TEXT]\n"
    "The sense of a word in a text. Without them lines WORD, a tab, TEXT are read from\n"
    "standard input. <b> and </b> may mark the word in the text.";

int syl_cmd_dsg_disambiguate(int argc, char **argv)
{
    syl_arg table[MOST_OPTIONS];
    syl_text_options words = syl_text_defaults();
    job j = {
        .args = {.model = syl_dsg_model_args_defaults(), .text = syl_text_args_defaults(&words)}};
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_dsg_model_args_table(end, offsetof(arguments, model));
    end = syl_text_args_table(end, SYL_TEXT_ARGS_BYTES, offsetof(arguments, text));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
