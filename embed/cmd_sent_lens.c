/* sylkit sent lens: what a latent model has in mind, layer by layer (SentenceLens). */
#include <stdio.h>
#include <string.h>

#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "embed/sent/lens.h"
#include "embed/sent_args.h"
#include "lib/cli/inputs.h"
#include "lib/cli/progress.h"

#define COMMAND "sent lens"

typedef struct arguments {
    syl_sent_run_args run;
    const char *question, *html;
    bool final_norm;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_TEXT(arguments, "question", question, "one, in place of a file of them"),
    SYL_OPTION_TEXT(arguments, "html", html, "FILE.html of tables, beside the JSON lines"),
    SYL_OPTION_FLAG(arguments, "final-norm", final_norm,
                    "the final norm before inner layers are decoded, too"),
};
#define NUM_OWN (sizeof own / sizeof *own)

typedef struct job {
    const arguments *args;
    syl_device *device;
    syl_reasoner *model;
    syl_worker *worker;
    syl_sent_dataset dataset;
    syl_lens_options options;
    syl_progress *progress;
    syl_atomic page;
} job;

static syl_status print(const syl_sent_sample *sample, const syl_lens *lens, syl_error *err)
{
    json_t *all = syl_lens_to_json(lens);
    if (!all) return syl_fail_memory(err, 0, "a lens");
    json_t *line = json_pack("{s:s, s:o}", "question", sample->question, "lens", all);
    if (*sample->answer) json_object_set_new(line, "answer", json_string(sample->answer));
    return syl_print_json(line, err);
}

static syl_status look_at(job *j, size_t i, syl_error *err)
{
    const syl_sent_sample *sample = &j->dataset.samples[i];
    syl_lens lens;
    syl_status status = syl_lens_look(j->worker, &j->options, sample, &lens, err);
    if (status == SYL_EINVAL) syl_sent_dataset_blame(&j->dataset, i, err);
    SYL_TRY(status);
    if (j->args->html) syl_lens_page_add(j->page.stream, sample, &lens);
    status = print(sample, &lens, err);
    syl_lens_free(&lens);
    syl_progress_steps(j->progress, i + 1, "questions", "");
    return status;
}

static syl_status look_at_all(job *j, syl_error *err)
{
    const arguments *a = j->args;
    syl_status status = SYL_OK;
    if (a->html) SYL_TRY(syl_atomic_open(&j->page, a->html, err));
    if (a->html) syl_lens_page_begin(j->page.stream, "SentenceLens");
    for (size_t i = 0; !status && i < j->dataset.count; i++)
        status = look_at(j, i, err);
    if (!a->html) return status;
    syl_lens_page_end(j->page.stream);
    if (!status) return syl_atomic_commit(&j->page, err);
    syl_atomic_discard(&j->page);
    return status;
}

static syl_status run(job *j, const char *model, const char *path, syl_error *err)
{
    const arguments *a = j->args;
    if (path)
        SYL_TRY(syl_sent_run_args_read(&a->run, path, &j->dataset, err));
    else
        SYL_TRY(syl_sent_dataset_ask(&j->dataset, a->question, err));
    SYL_TRY(syl_sent_run_args_open(&a->run, model, &j->device, &j->model, err));
    j->options = (syl_lens_options){syl_sent_run_args_infer(&a->run), a->final_norm};
    j->options.infer.regime = SYL_REGIME_CONTINUOUS;
    SYL_TRY(syl_infer_check(j->model, &j->options.infer, err));
    SYL_TRY(syl_worker_create(&j->worker, j->model, (int64_t)a->run.max_tokens + 1, a->run.threads,
                              err));
    j->progress = syl_progress_create(j->dataset.count, a->run.quiet);
    syl_status status = look_at_all(j, err);
    syl_progress_free(j->progress);
    return status;
}

static int check(const arguments *a, int names, char **argv)
{
    if (names < 1 || names > 2) return syl_usage(COMMAND, "name a MODEL and a file of questions");
    if ((names == 2) == (a->question != NULL))
        return syl_usage(COMMAND, "give either a file of questions or --question TEXT");
    for (int i = 0; a->html && i < names; i++)
        if (i == 0 ? syl_output_is_of_model(a->html, argv[i]) : syl_same_file(a->html, argv[i]))
            return syl_usage(COMMAND, "%s would overwrite the input", a->html);
    return SYL_EXIT_OK;
}

static int start(void *args, int argc, char **argv)
{
    syl_error err;
    job j = {.args = args};
    int code = check(j.args, argc, argv);
    if (code != SYL_EXIT_OK) return code;
    syl_status status = run(&j, argv[0], argc == 2 ? argv[1] : NULL, &err);
    syl_worker_free(j.worker);
    syl_sent_dataset_free(&j.dataset);
    syl_reasoner_free(j.model);
    syl_device_close(j.device);
    return syl_exit_code(status, &err);
}

static const char usage[] =
    "Usage: sylkit sent lens [OPTIONS] MODEL DATA.json\n"
    "       sylkit sent lens [OPTIONS] MODEL --question TEXT\n"
    "What a latent model has in mind: each latent, layer by layer, decoded to a sentence;\n"
    "a JSON object a line.\n";

int syl_cmd_sent_lens(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_SENT_ARGS_MOST], *end = syl_args_append(table, own, NUM_OWN, 0);
    unsigned parts = SYL_SENT_ARGS_MODEL | SYL_SENT_ARGS_RUN;
    end = syl_sent_run_args_table(end, parts, offsetof(arguments, run));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    arguments a = {.run = syl_sent_run_args_defaults()};
    a.run.max_tokens = syl_lens_defaults().infer.max_tokens;
    return syl_args_run(&command, &a, &a, argc, argv);
}
