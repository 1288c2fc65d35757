/* sylkit dsg plot: a map of words' senses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/cmd.h"
#include "embed/dsg_args.h"
#include "embed/sense_map.h"
#include "lib/base/memory.h"
#include "lib/cli/inputs.h"
#include "lib/io/utf8.h"

#define COMMAND "dsg plot"

static const char *const methods[] = {"pca", "tsne", NULL};

typedef struct arguments {
    syl_dsg_model_args model;
    const char *out, *title;
    int method, k, iterations, seed, width, height;
    double perplexity;
} arguments;

#define WHOLE(name, field, low, high, help) SYL_OPTION_INT(arguments, name, field, low, high, help)

static const syl_arg own[] = {
    SYL_OPTION_TEXT(arguments, "out", out, "FILE.png or FILE.svg"),
    SYL_OPTION_CHOICE(arguments, "method", method, methods, "how dimensions become two"),
    WHOLE("k", k, 0, 10000, "neighbours of each sense"),
    SYL_OPTION_REAL(arguments, "perplexity", perplexity, 1, 10000, "of t-SNE"),
    WHOLE("iterations", iterations, 1, 1000000, "of t-SNE"),
    WHOLE("seed", seed, 0, INT32_MAX, "of t-SNE"),
    WHOLE("width", width, 200, 16384, "of the picture"),
    WHOLE("height", height, 200, 16384, "of the picture"),
    SYL_OPTION_TEXT(arguments, "title", title, "of the picture"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    const char *path;
    char **words; /* [num_words] */
    int num_words;
    syl_dsg_model *model;
    syl_senses *senses;
    syl_sense_map map;
} job;

/* Ids of the words, each once. */
static syl_status look_up(const job *j, int32_t *ids, size_t *count, syl_error *err)
{
    *count = 0;
    for (int i = 0; i < j->num_words; i++) {
        int32_t id = syl_dsg_find_word(j->model, j->words[i], strlen(j->words[i]));
        bool again = false;
        if (id < 0)
            return syl_fail(err, SYL_EINVAL, "'%s' is not in the vocabulary of %s", j->words[i],
                            j->path);
        for (size_t k = 0; k < *count; k++)
            again = again || ids[k] == id;
        if (!again) ids[(*count)++] = id;
    }
    return SYL_OK;
}

static syl_status draw(job *j, const int32_t *ids, size_t count, syl_error *err)
{
    const arguments *a = &j->args;
    syl_sense_map_options o = syl_sense_map_defaults();
    o.method = (syl_map_method)a->method;
    o.neighbours = a->k;
    o.tsne.perplexity = a->perplexity;
    o.tsne.iterations = a->iterations;
    o.tsne.seed = (uint64_t)a->seed;
    o.tsne.threads = a->model.threads;
    SYL_TRY(syl_sense_map_make(&j->map, j->senses, ids, count, &o, err));
    return syl_sense_map_draw(&j->map, j->senses, a->out, a->width, a->height, a->title, err);
}

static syl_status run(job *j, syl_error *err)
{
    size_t count;
    SYL_TRY(syl_dsg_model_args_open(&j->args.model, j->path, &j->model, &j->senses, err));
    int32_t *ids = syl_calloc((size_t)j->num_words, sizeof *ids);
    if (!ids) return syl_fail_memory(err, (size_t)j->num_words * sizeof *ids, "words");
    syl_status status = look_up(j, ids, &count, err);
    if (status == SYL_OK) status = draw(j, ids, count, err);
    free(ids);
    return status;
}

static int check(const job *j)
{
    const char *title = j->args.title;
    if (!j->args.out) return syl_usage(COMMAND, "say where to: --out FILE.png or FILE.svg");
    if (syl_same_file(j->args.out, j->path))
        return syl_usage(COMMAND, "%s would overwrite the model", j->args.out);
    if (title && syl_utf8_valid(title, strlen(title)) < strlen(title))
        return syl_usage(COMMAND, "--title is not UTF-8");
    return SYL_EXIT_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc < 2) return syl_usage(COMMAND, "name a MODEL and a word");
    j->path = argv[0];
    j->words = argv + 1;
    j->num_words = argc - 1;
    int code = check(j);
    if (code != SYL_EXIT_OK) return code;
    code = syl_exit_code(run(j, &err), &err);
    syl_sense_map_free(&j->map);
    syl_senses_free(j->senses);
    syl_dsg_model_free(j->model);
    return code;
}

static const char usage[] = "Usage: sylkit dsg plot [OPTIONS] --out FILE MODEL WORD...\n"
                            "A map of the words' senses and their neighbours in two dimensions.";

int syl_cmd_dsg_plot(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_DSG_MODEL_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_dsg_model_args_table(end, offsetof(arguments, model));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    syl_sense_map_options o = syl_sense_map_defaults();
    job j = {.args = {.model = syl_dsg_model_args_defaults(),
                      .k = o.neighbours,
                      .perplexity = o.tsne.perplexity,
                      .iterations = o.tsne.iterations,
                      .seed = (int)o.tsne.seed,
                      .width = 1200,
                      .height = 900}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
