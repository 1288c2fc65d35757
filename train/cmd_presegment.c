/* sylkit presegment: segments to begin the training of a small model with. */
#include <stdio.h>
#include <string.h>

#include "lib/audio/load.h"
#include "lib/cli/options.h"
#include "train/cmd.h"
#include "train/presegment_args.h"

static const char help[] =
    "Usage: sylkit presegment fit --teacher T -o STATS [OPTIONS] INPUT...\n"
    "       sylkit presegment run --teacher T --stats STATS -o DIR [OPTIONS] INPUT...\n"
    "Segments for the first stage of a small model's training, and the mean of the teacher's\n"
    "features in each, which the model is to learn.\n\n"
    "  fit    how to standardise the teacher's features over a corpus, and a probe where there\n"
    "         are labels\n"
    "  run    one safetensors file a recording\n\n"
    "  sylkit presegment fit --help, sylkit presegment run --help: their options\n";

syl_presegment_args syl_presegment_args_defaults(const char *command)
{
    return (syl_presegment_args){.command = command, .threads = 1};
}

int syl_presegment_args_take(syl_presegment_args *args, int option, const char *value)
{
    switch (option) {
    case SYL_OPT_TEACHER:
        args->teacher = value;
        return SYL_EXIT_OK;
    case SYL_OPT_PRESEGMENT_RAW:
        args->raw = value;
        return SYL_EXIT_OK;
    case SYL_OPT_PRESEGMENT_THREADS:
        return syl_option_int(args->command, "--threads", value, 1, 1024, &args->threads);
    default:
        return SYL_EXIT_USAGE;
    }
}

syl_status syl_presegment_args_load(const syl_presegment_args *args, const syl_teacher *teacher,
                                    const char *path, float **samples, size_t *n, syl_error *err)
{
    return syl_audio_load_at(path, args->raw, teacher->config.sample_rate, samples, n, err);
}

int syl_presegment_args_protect(const syl_presegment_args *args, const syl_inputs *inputs,
                                const char *const *kept, size_t count, const char *option,
                                const char *output)
{
    for (size_t i = 0; output && i < inputs->count + count; i++) {
        const char *path = i < count ? kept[i] : inputs->items[i - count].path;
        if (path && syl_same_file(path, output))
            return syl_usage(args->command, "%s %s would overwrite what is read", option, output);
    }
    return SYL_EXIT_OK;
}

int syl_cmd_presegment(int argc, char **argv)
{
    if (argc < 2) return syl_usage(argv[0], "say what to do: fit or run");
    if (!strcmp(argv[1], "fit")) return syl_cmd_presegment_fit(argc - 1, argv + 1);
    if (!strcmp(argv[1], "run")) return syl_cmd_presegment_run(argc - 1, argv + 1);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        fputs(help, stdout);
        return SYL_EXIT_OK;
    }
    return syl_usage(argv[0], "'%s' is neither fit nor run", argv[1]);
}
