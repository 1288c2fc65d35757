/* sylkit segment, sylkit tokenize: recordings to syllables. */
#include <stdlib.h>

#include "lib/base/file.h"
#include "lib/cli/batch_args.h"
#include "lib/cli/options.h"
#include "lib/io/segment_writer.h"
#include "sylber/cmd.h"
#include "sylber/model_options.h"
#include "sylber/recording.h"

enum { OPT_FORMAT = 1, OPT_FRAMES };

typedef struct job {
    syl_model_args model_args;
    syl_batch_args batch;
    int format, frames;
    syl_model *model;
    syl_model_info info;
    syl_progress *progress;
} job;

static void print_help(const char *name)
{
    printf("Usage: sylkit %s [OPTIONS] INPUT...\n"
           "Finds the syllables of recordings: times, and a token for each.\n\n"
           "Output:\n"
           "  --format jsonl|textgrid|csv|audacity  (jsonl; standard output unless --out)\n"
           "  --frames                 csv, audacity: frame numbers in place of seconds\n\n%s\n%s",
           name, syl_batch_help, syl_model_help);
}

static int take_option(job *j, int option, const char *value)
{
    int code;
    if (syl_batch_args_take(&j->batch, option, value, &code)) return code;
    if (option == OPT_FORMAT)
        return syl_option_choice(j->batch.command, "--format", value, syl_segment_format_names,
                                 &j->format);
    if (option != OPT_FRAMES) return syl_model_args_take(&j->model_args, option, value);
    j->frames = 1;
    return SYL_EXIT_OK;
}

static int parse(job *j, int argc, char **argv)
{
    static const struct option table[] = {SYL_MODEL_LONG_OPTIONS,
                                          SYL_BATCH_LONG_OPTIONS,
                                          {"format", required_argument, NULL, OPT_FORMAT},
                                          {"frames", no_argument, NULL, OPT_FRAMES},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, SYL_BATCH_SHORT_OPTIONS, table, NULL)) != -1)
        if ((code = take_option(j, option, optarg)) != SYL_EXIT_OK) return code;
    if (j->batch.help) return SYL_EXIT_OK;
    code = syl_batch_args_finish(&j->batch, argc, argv, optind);
    if (code) return code;
    bool one_file = j->format == SYL_FORMAT_TEXTGRID || j->format == SYL_FORMAT_AUDACITY;
    if (one_file && !j->batch.out && j->batch.inputs.count > 1)
        return syl_usage(j->batch.command, "--format %s with several inputs needs --out DIR",
                         syl_segment_format_names[j->format]);
    return SYL_EXIT_OK;
}

static double or_model(double chosen, double model)
{
    return chosen == chosen ? chosen : model; /* NaN: not chosen */
}

static syl_status tokenize(job *j, const char *path, syl_segment_list *list,
                           syl_segment_record *record, syl_error *err)
{
    syl_recording recording = {.model = j->model,
                               .stream = j->model_args.stream,
                               .raw = j->model_args.raw,
                               .progress = j->progress,
                               .verbose = j->batch.verbose,
                               .sink = {.segment = syl_segment_list_take, .user = list}};
    syl_recording_totals totals;
    SYL_TRY(syl_recording_run(&recording, path, &totals, err));
    *record = (syl_segment_record){
        .file = path,
        .sample_rate = j->info.sample_rate,
        .num_samples = totals.num_samples,
        .frame_rate = j->info.frame_rate,
        .num_frames = totals.num_frames,
        .norm_threshold = or_model(recording.stream.norm_threshold, j->info.norm_threshold),
        .merge_threshold = or_model(recording.stream.merge_threshold, j->info.merge_threshold),
        .segments = list->items,
        .num_segments = list->count,
        .frames = j->frames};
    return SYL_OK;
}

static syl_status write_file(const job *j, const char *path, const syl_segment_record *record,
                             syl_error *err)
{
    syl_atomic file = {0};
    SYL_TRY(syl_atomic_open(&file, path, err));
    syl_segments_write_header(file.stream, j->format);
    syl_status status = syl_segments_write(file.stream, j->format, record, err);
    if (status)
        syl_atomic_discard(&file);
    else
        status = syl_atomic_commit(&file, err);
    return status;
}

static syl_status do_input(job *j, const syl_input *input, const char *output, FILE *text,
                           syl_error *err)
{
    syl_segment_list list = {0};
    syl_segment_record record;
    syl_status status = tokenize(j, input->path, &list, &record, err);
    if (!status && output) status = write_file(j, output, &record, err);
    if (!status && !output) status = syl_segments_write(text, j->format, &record, err);
    free(list.items);
    return status;
}

static syl_status work(void *user, const syl_input *input, FILE *text, syl_error *err)
{
    job *j = user;
    char *output = NULL;
    if (j->batch.out) {
        const char *extension = syl_segment_extension(j->format);
        SYL_TRY(syl_batch_args_output(&j->batch, input, extension, &output, err));
        if (!output) return SYL_OK;
    }
    syl_status status = do_input(j, input, output, text, err);
    free(output);
    return status;
}

static int run(job *j)
{
    syl_error err;
    if (syl_model_args_load(&j->model, &j->model_args, &err))
        return syl_report(j->model_args.path, &err);
    syl_model_get_info(j->model, &j->info);
    if (!j->batch.out) syl_segments_write_header(stdout, j->format);
    int code = syl_batch_args_run(&j->batch, work, j, &j->progress);
    syl_model_free(j->model);
    return code;
}

int syl_cmd_tokenize(int argc, char **argv)
{
    job j = {.model_args = syl_model_args_defaults(argv[0]),
             .batch = syl_batch_args_defaults(argv[0])};
    int code = parse(&j, argc, argv);
    if (j.batch.help)
        print_help(argv[0]);
    else if (code == SYL_EXIT_OK)
        code = run(&j);
    syl_batch_args_free(&j.batch);
    return code;
}
