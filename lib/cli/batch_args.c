#include "lib/cli/batch_args.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cli/options.h"

const char syl_batch_help[] =
    "Inputs and runs:\n"
    "  INPUT                    an audio file, a folder (all audio files below it), - for\n"
    "                           standard input\n"
    "  --list FILE              audio files named in FILE, one a line; - for standard input\n"
    "  --out DIR                one output file an input, below DIR\n"
    "  --resume                 skip inputs whose output below --out is there\n"
    "  --jobs N                 files at a time (1); the order of the output stays\n"
    "  -v, --verbose            say what is done to each recording\n"
    "  -q, --quiet              no progress bar, no summary\n"
    "  -h, --help\n";

syl_batch_args syl_batch_args_defaults(const char *command)
{
    syl_batch_args args = {.command = command, .jobs = 1};
    return args;
}

void syl_batch_args_free(syl_batch_args *args)
{
    syl_inputs_free(&args->inputs);
}

static int take_list(syl_batch_args *args, const char *path)
{
    syl_error err;
    args->listed = true;
    return syl_inputs_add_list(&args->inputs, path, &err) ? syl_report(path, &err) : SYL_EXIT_OK;
}

int syl_batch_args_take(syl_batch_args *args, int option, const char *value, int *code)
{
    *code = SYL_EXIT_OK;
    switch (option) {
    case SYL_OPT_JOBS:
        *code = syl_option_int(args->command, "--jobs", value, 1, 1024, &args->jobs);
        return 1;
    case SYL_OPT_OUT:
        args->out = value;
        if (!*value) *code = syl_usage(args->command, "--out needs the name of a folder");
        return 1;
    case SYL_OPT_LIST:
        *code = take_list(args, value);
        return 1;
    case SYL_OPT_RESUME:
        args->resume = true;
        return 1;
    case 'v':
        args->verbose = true;
        return 1;
    case 'q':
        args->quiet = true;
        return 1;
    case 'h':
    case SYL_OPT_HELP:
        args->help = true;
        return 1;
    default:
        return 0;
    }
}

int syl_batch_args_finish(syl_batch_args *args, int argc, char **argv, int first)
{
    syl_error err;
    for (int i = first; i < argc; i++)
        if (syl_inputs_add(&args->inputs, argv[i], &err)) return syl_report(argv[i], &err);
    if (!args->inputs.count && !args->listed)
        return syl_usage(args->command, "no input: name files or folders, or - for standard input");
    if (args->resume && !args->out)
        return syl_usage(args->command, "--resume needs --out DIR: it skips what is there already");
    size_t piped = 0;
    for (size_t i = 0; i < args->inputs.count; i++)
        piped += !strcmp(args->inputs.items[i].path, "-");
    if (piped > 1) return syl_usage(args->command, "standard input can be read only once");
    if (args->out && syl_inputs_check_outputs(&args->inputs, &err))
        return syl_usage(args->command, "%s", err.message);
    return SYL_EXIT_OK;
}

syl_status syl_batch_args_output(const syl_batch_args *args, const syl_input *input,
                                 const char *extension, char **path, syl_error *err)
{
    SYL_TRY(syl_output_path(path, args->out, input, extension, err));
    if (args->resume && !access(*path, F_OK)) {
        free(*path);
        *path = NULL;
    }
    return SYL_OK;
}

int syl_batch_args_run(const syl_batch_args *args, syl_batch_work work, void *user,
                       syl_progress **progress)
{
    *progress = syl_progress_create(args->inputs.count, args->quiet);
    syl_batch batch = {.inputs = &args->inputs,
                       .work = work,
                       .user = user,
                       .progress = *progress,
                       .jobs = args->jobs,
                       .quiet = args->quiet};
    int code = syl_batch_run(&batch);
    syl_progress_free(*progress);
    *progress = NULL;
    return code;
}
