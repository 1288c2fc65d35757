/* sylkit features: frame vectors, or the mean vectors of syllables, as .npy. */
#include <stdlib.h>

#include "lib/cli/batch_args.h"
#include "lib/cli/options.h"
#include "lib/io/npy.h"
#include "sylber/cmd.h"
#include "sylber/model_options.h"
#include "sylber/recording.h"

enum { OPT_SEGMENTS = 1 };

typedef struct job {
    syl_model_args model_args;
    syl_batch_args batch;
    const char *output; /* -o, or NULL */
    int segments;
    syl_model *model;
    syl_model_info info;
    syl_progress *progress;
} job;

static const char help[] =
    "Usage: sylkit features [OPTIONS] (-o FILE.npy INPUT | --out DIR INPUT...)\n"
    "Writes [frames][dim] float32, or one row a syllable.\n\n"
    "Output:\n"
    "  --segments               mean vectors of the syllables in place of all frames\n"
    "  -o, --output FILE.npy    the result of the one input\n\n";

static int take_option(job *j, int option, const char *value)
{
    int code;
    if (syl_batch_args_take(&j->batch, option, value, &code)) return code;
    if (option == OPT_SEGMENTS)
        j->segments = 1;
    else if (option == 'o')
        j->output = value;
    else
        return syl_model_args_take(&j->model_args, option, value);
    return SYL_EXIT_OK;
}

static int parse(job *j, int argc, char **argv)
{
    static const struct option table[] = {SYL_MODEL_LONG_OPTIONS,
                                          SYL_BATCH_LONG_OPTIONS,
                                          {"segments", no_argument, NULL, OPT_SEGMENTS},
                                          {"output", required_argument, NULL, 'o'},
                                          {0}};
    int option, code;
    while ((option = getopt_long(argc, argv, SYL_BATCH_SHORT_OPTIONS "o:", table, NULL)) != -1)
        if ((code = take_option(j, option, optarg)) != SYL_EXIT_OK) return code;
    if (j->batch.help) return SYL_EXIT_OK;
    code = syl_batch_args_finish(&j->batch, argc, argv, optind);
    if (code) return code;
    if (!j->output == !j->batch.out)
        return syl_usage(j->batch.command, "say where to: either -o FILE.npy or --out DIR");
    if (j->output && j->batch.inputs.count != 1)
        return syl_usage(j->batch.command, "-o takes one input, not %zu; use --out DIR",
                         j->batch.inputs.count);
    if (j->output && syl_same_file(j->output, j->batch.inputs.items[0].path))
        return syl_usage(j->batch.command, "-o %s would overwrite the input", j->output);
    return SYL_EXIT_OK;
}

static syl_status take_frames(void *writer, const float *frames, size_t n, syl_error *err)
{
    return syl_npy_writer_append(writer, frames, (int64_t)n, err);
}

static syl_status take_segment(void *writer, const syl_segment *segment, syl_error *err)
{
    return segment->feature ? syl_npy_writer_append(writer, segment->feature, 1, err) : SYL_OK;
}

static syl_status write_features(const job *j, const char *input, const char *output,
                                 syl_error *err)
{
    syl_npy_writer writer = {0};
    syl_recording recording = {.model = j->model,
                               .stream = j->model_args.stream,
                               .raw = j->model_args.raw,
                               .progress = j->progress,
                               .verbose = j->batch.verbose,
                               .sink = {.user = &writer}};
    if (j->segments)
        recording.sink.segment = take_segment;
    else
        recording.sink.frames = take_frames;
    syl_recording_totals totals;
    SYL_TRY(syl_npy_writer_open(&writer, output, j->info.dim, err));
    syl_status status = syl_recording_run(&recording, input, &totals, err);
    if (status)
        syl_npy_writer_discard(&writer);
    else
        status = syl_npy_writer_commit(&writer, err);
    return status;
}

static syl_status work(void *user, const syl_input *input, FILE *text, syl_error *err)
{
    job *j = user;
    (void)text;
    if (j->output) return write_features(j, input->path, j->output, err);
    char *output;
    SYL_TRY(syl_batch_args_output(&j->batch, input, "npy", &output, err));
    syl_status status = output ? write_features(j, input->path, output, err) : SYL_OK;
    free(output);
    return status;
}

static int run(job *j)
{
    syl_error err;
    if (syl_model_args_load(&j->model, &j->model_args, &err))
        return syl_report(j->model_args.path, &err);
    syl_model_get_info(j->model, &j->info);
    int code = syl_batch_args_run(&j->batch, work, j, &j->progress);
    syl_model_free(j->model);
    return code;
}

int syl_cmd_features(int argc, char **argv)
{
    job j = {.model_args = syl_model_args_defaults(argv[0]),
             .batch = syl_batch_args_defaults(argv[0])};
    int code = parse(&j, argc, argv);
    if (j.batch.help)
        printf("%s%s\n%s", help, syl_batch_help, syl_model_help);
    else if (code == SYL_EXIT_OK)
        code = run(&j);
    syl_batch_args_free(&j.batch);
    return code;
}
