/* sylkit sent predict: what a sentence model says to questions. */
#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "embed/sent_run.h"

#define COMMAND "sent predict"

typedef struct arguments {
    syl_sent_run_args run;
    const char *question;
} arguments;

static const syl_arg own[] = {
    SYL_OPTION_TEXT(arguments, "question", question, "one, in place of a file of them"),
};
#define NUM_OWN (sizeof own / sizeof *own)

static json_t *answer_json(syl_sent_marker marker, const syl_inference *r)
{
    size_t length;
    const char *last = r->num_sentences ? r->sentences[r->num_sentences - 1] : "";
    if (!r->score.answered) return json_null();
    const char *answer = syl_sent_answer_of(marker, last, &length);
    return json_stringn(answer, length);
}

static json_t *sentences_json(const syl_inference *r)
{
    json_t *list = json_array();
    for (int i = 0; i < r->num_sentences; i++)
        json_array_append_new(list, json_string(r->sentences[i]));
    return list;
}

static syl_status print(const syl_sent_run *run, size_t i, bool scored, syl_error *err)
{
    const syl_sent_sample *sample = &run->dataset.samples[i];
    const syl_inference *r = &run->results[i];
    json_t *line = json_object();
    json_object_set_new(line, "question", json_string(sample->question));
    json_object_set_new(line, "sentences", sentences_json(r));
    json_object_set_new(line, "answer", answer_json(run->model->config.marker, r));
    if (scored) {
        json_object_set_new(line, "expected", json_string(sample->answer));
        json_object_set_new(line, "right", json_boolean(r->score.right));
    }
    if (r->score.is_plan)
        json_object_set_new(line, "plan_valid", json_boolean(r->score.plan_valid));
    if (r->trace.num_sentences)
        json_object_set_new(line, "latents", json_integer(r->trace.num_sentences));
    json_object_set_new(line, "calls", json_integer(r->calls));
    json_object_set_new(line, "mflops", json_real(r->flops / 1e6));
    json_object_set_new(line, "ms", json_real(r->seconds * 1e3));
    return syl_print_json(line, err);
}

/* The questions: a file's, or the one of the command line, whose answer nobody knows. */
static syl_status gather(syl_sent_run *run, const arguments *a, const char *path, syl_error *err)
{
    if (path) return syl_sent_run_args_read(&a->run, path, &run->dataset, err);
    return syl_sent_dataset_ask(&run->dataset, a->question, err);
}

static int check(const arguments *a, int names)
{
    if (names < 1 || names > 2) return syl_usage(COMMAND, "name a MODEL and a file of questions");
    if ((names == 2) == (a->question != NULL))
        return syl_usage(COMMAND, "give either a file of questions or --question TEXT");
    return SYL_EXIT_OK;
}

static int start(void *args, int argc, char **argv)
{
    const arguments *a = args;
    syl_error err;
    syl_sent_run run = {0};
    int code = check(a, argc);
    if (code != SYL_EXIT_OK) return code;
    syl_status status = gather(&run, a, argc == 2 ? argv[1] : NULL, &err);
    if (!status) status = syl_sent_run_all(&run, &a->run, argv[0], &err);
    for (size_t i = 0; !status && i < run.dataset.count; i++)
        status = print(&run, i, argc == 2, &err);
    syl_sent_run_free(&run);
    return syl_exit_code(status, &err);
}

static const char usage[] =
    "Usage: sylkit sent predict [OPTIONS] MODEL DATA.json\n"
    "       sylkit sent predict [OPTIONS] MODEL --question TEXT\n"
    "What a model says to questions, with all latents decoded: a JSON object a line.\n";

int syl_cmd_sent_predict(int argc, char **argv)
{
    syl_arg table[NUM_OWN + SYL_SENT_ARGS_MOST], *end = syl_args_append(table, own, NUM_OWN, 0);
    unsigned parts = SYL_SENT_ARGS_MODEL | SYL_SENT_ARGS_RUN | SYL_SENT_ARGS_REGIME;
    end = syl_sent_run_args_table(end, parts, offsetof(arguments, run));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    arguments a = {.run = syl_sent_run_args_defaults()};
    a.run.verbalise = true;
    return syl_args_run(&command, &a, &a, argc, argv);
}
