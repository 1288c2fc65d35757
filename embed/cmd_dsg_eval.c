/* sylkit dsg eval: word sense induction, similarity of words, analogies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "embed/dsg_args.h"
#include "embed/dsg_eval.h"
#include "lib/cli/inputs.h"

#define COMMAND "dsg eval"

enum { WSI, ANSWERS, SCWS, WORDSIM, ANALOGIES };
static const char *const tasks[] = {"wsi", "answers", "scws", "wordsim", "analogies", NULL};
static const char *const rules[] = {"cosine", "network", NULL};

typedef struct arguments {
    syl_dsg_model_args model;
    int by, window, candidates;
    const char *labels;
    bool per_word, json;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_CHOICE(arguments, "by", by, rules,
                      "wsi, scws: cosine of a sense with its context; the network"),
    SYL_OPTION_INT(arguments, "window", window, 0, 1000000,
                   "wsi, scws: words of the context to either side; 0: all"),
    SYL_OPTION_FLAG(arguments, "per-word", per_word, "wsi, answers: a row for each word, too"),
    SYL_OPTION_TEXT(arguments, "labels", labels, "wsi: FILE of the senses, like the key"),
    SYL_OPTION_INT(arguments, "candidates", candidates, 0, INT32_MAX,
                   "analogies: so many of the most frequent words; 0: all"),
    SYL_OPTION_FLAG(arguments, "json", json, "one JSON object in place of a table"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    arguments args;
    int task;
    const char *path; /* of the model, or of answers */
    char **files;     /* [num_files] */
    int num_files;
    syl_dsg_model *model;
    syl_senses *senses;
} job;

static syl_status evaluate(const job *j, json_t *results, syl_error *err)
{
    const arguments *a = &j->args;
    syl_dsg_eval e = {.senses = j->senses,
                      .rule = (syl_sense_rule)a->by,
                      .window = a->window,
                      .per_word = a->per_word,
                      .labels = a->labels,
                      .candidates = a->candidates,
                      .threads = a->model.threads,
                      .table = a->json ? NULL : stdout};
    if (j->task == WSI) return syl_dsg_eval_wsi(&e, j->files[0], j->files[1], results, err);
    if (j->task == ANSWERS)
        return syl_dsg_eval_answers(&e, j->path, j->files[0], j->files[1], results, err);
    for (int i = 0; i < j->num_files; i++)
        if (j->task == ANALOGIES)
            SYL_TRY(syl_dsg_eval_analogies(&e, j->files[i], results, err));
        else
            SYL_TRY(syl_dsg_eval_pairs(&e, j->files[i], j->task == SCWS, results, err));
    return SYL_OK;
}

static syl_status open_model(job *j, syl_error *err)
{
    SYL_TRY(syl_dsg_model_args_open(&j->args.model, j->path, &j->model, &j->senses, err));
    if (j->args.by == SYL_RULE_NETWORK && !j->model->network)
        return syl_fail(err, SYL_EINVAL, "%s has no network to choose by; see --by cosine",
                        j->path);
    return SYL_OK;
}

static json_t *results_json(const job *j, json_t *results)
{
    if (j->task == ANSWERS)
        return json_pack("{s:s, s:o}", "task", tasks[j->task], "results", results);
    return json_pack("{s:s, s:s, s:o}", "task", tasks[j->task], "by", rules[j->args.by], "results",
                     results);
}

static syl_status run(job *j, syl_error *err)
{
    if (j->task != ANSWERS) SYL_TRY(open_model(j, err));
    json_t *results = json_array();
    syl_status status = evaluate(j, results, err);
    if (status == SYL_OK && j->args.json) return syl_print_json(results_json(j, results), err);
    json_decref(results);
    return status;
}

static int check(const job *j)
{
    const arguments *a = &j->args;
    bool induction = j->task == WSI || j->task == ANSWERS;
    if (j->num_files < 1 + induction || (induction && j->num_files > 2))
        return syl_usage(COMMAND, j->task == WSI ? "wsi: name a MODEL, CONTEXTS and their KEY"
                                  : j->task == ANSWERS
                                      ? "answers: name ANSWERS, CONTEXTS and their KEY"
                                      : "name a MODEL and a file");
    if (!induction && a->per_word) return syl_usage(COMMAND, "--per-word is for wsi and answers");
    if (j->task != WSI && a->labels) return syl_usage(COMMAND, "--labels is for wsi");
    if (j->task != WSI && j->task != SCWS && (a->by || a->window))
        return syl_usage(COMMAND, "--by and --window are for wsi and scws");
    if (j->task != ANALOGIES && a->candidates)
        return syl_usage(COMMAND, "--candidates is for analogies");
    if (a->labels && (syl_same_file(a->labels, j->path) || syl_same_file(a->labels, j->files[0]) ||
                      syl_same_file(a->labels, j->files[1])))
        return syl_usage(COMMAND, "%s would overwrite an input", a->labels);
    return SYL_EXIT_OK;
}

static int start(void *at, int argc, char **argv)
{
    job *j = at;
    syl_error err;
    if (argc < 2)
        return syl_usage(COMMAND,
                         "name a task (wsi, answers, scws, wordsim, analogies) and a MODEL");
    int code = syl_option_choice(COMMAND, "task", argv[0], tasks, &j->task);
    j->path = argv[1];
    j->files = argv + 2;
    j->num_files = argc - 2;
    if (code == SYL_EXIT_OK) code = check(j);
    if (code != SYL_EXIT_OK) return code;
    code = syl_exit_code(run(j, &err), &err);
    syl_senses_free(j->senses);
    syl_dsg_model_free(j->model);
    return code;
}

static const char usage[] =
    "Usage: sylkit dsg eval wsi [OPTIONS] MODEL CONTEXTS KEY\n"
    "       sylkit dsg eval answers [OPTIONS] ANSWERS CONTEXTS KEY\n"
    "       sylkit dsg eval scws|wordsim|analogies [OPTIONS] MODEL FILE...\n"
    "Word sense induction (ARI, V-measure, paired F), similarity of words (Spearman x 100),\n"
    "analogies.";

int syl_cmd_dsg_eval(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_DSG_MODEL_ARGS_MOST];
    syl_arg *end = syl_args_append(table, own, NUM_OWN, 0);
    end = syl_dsg_model_args_table(end, offsetof(arguments, model));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    job j = {.args = {.model = syl_dsg_model_args_defaults()}};
    return syl_args_run(&command, &j.args, &j, argc, argv);
}
