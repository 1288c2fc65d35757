#include "sylber/model_options.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/status.h"
#include "lib/cli/options.h"

#define MODEL_NAME "sylber-small.safetensors"
#define PAPER_SILENCE_FRAMES 7 /* appendix A.2.3 */
#define HOP_SECONDS 0.32
#define LOOKAHEAD_SECONDS 0.64

const char syl_model_help[] =
    "Model:\n"
    "  --model PATH             safetensors file or Hugging Face HubertModel folder; default\n"
    "                           $SYLKIT_MODEL, else the model that sylkit ships\n"
    "  --precision f32|bf16     of the computation (f32)\n"
    "  --codebook X.npy         centroids [K][D] in place of the model's own\n"
    "  --residual-codebook X.npy  second centroids, for the rest m - c\n"
    "  --metric euclidean|norm6|spherical  how the nearest centroid is chosen\n"
    "  --norm X, --merge X      thresholds of the segmentation (the model's)\n"
    "  --shift-ms X             added to all times\n"
    "  --silence[=FRAMES]       report gaps longer than FRAMES (7) as silence segments\n"
    "  --device NAME            cpu, cuda, cuda:N, or auto: CUDA where it is there (cpu)\n"
    "  --threads N              for the computation within one file (1)\n"
    "  --raw ENC:RATE:CHANNELS  inputs have no header, e.g. s16le:16000:1\n";

syl_model_args syl_model_args_defaults(const char *command)
{
    syl_model_args args = {.command = command,
                           .model = syl_model_options_defaults(),
                           .stream = syl_stream_options_defaults(),
                           .hop = NAN,
                           .lookahead = NAN};
    return args;
}

static int take_precision(syl_model_args *args, const char *value)
{
    static const char *const names[] = {"f32", "bf16", NULL};
    int index = 0, code = syl_option_choice(args->command, "--precision", value, names, &index);
    args->model.precision = index ? SYL_PRECISION_BF16 : SYL_PRECISION_F32;
    return code;
}

static int take_metric(syl_model_args *args, const char *value)
{
    static const char *const names[] = {"euclidean", "norm6", "spherical", NULL};
    static const syl_metric metrics[] = {SYL_METRIC_EUCLIDEAN, SYL_METRIC_NORM6,
                                         SYL_METRIC_SPHERICAL};
    int index = 0, code = syl_option_choice(args->command, "--metric", value, names, &index);
    if (code == SYL_EXIT_OK) args->model.metric = metrics[index];
    return code;
}

static int take_shift(syl_model_args *args, const char *value)
{
    double ms = 0;
    int code = syl_option_double(args->command, "--shift-ms", value, -1e6, 1e6, &ms);
    args->stream.shift_seconds = ms / 1000;
    return code;
}

int syl_model_args_take(syl_model_args *args, int option, const char *value)
{
    const char *command = args->command;
    syl_stream_options *stream = &args->stream;
    switch (option) {
    case SYL_OPT_MODEL:
        args->path = value;
        return SYL_EXIT_OK;
    case SYL_OPT_PRECISION:
        return take_precision(args, value);
    case SYL_OPT_DEVICE:
        args->model.device = value;
        return SYL_EXIT_OK;
    case SYL_OPT_CODEBOOK:
        args->model.codebook = value;
        return SYL_EXIT_OK;
    case SYL_OPT_RESIDUAL:
        args->model.residual_codebook = value;
        return SYL_EXIT_OK;
    case SYL_OPT_METRIC:
        return take_metric(args, value);
    case SYL_OPT_NORM:
        return syl_option_double(command, "--norm", value, 0, 1e6, &stream->norm_threshold);
    case SYL_OPT_MERGE:
        return syl_option_double(command, "--merge", value, -1, 1, &stream->merge_threshold);
    case SYL_OPT_SHIFT:
        return take_shift(args, value);
    case SYL_OPT_SILENCE:
        stream->silence_frames = PAPER_SILENCE_FRAMES;
        if (!value) return SYL_EXIT_OK;
        return syl_option_int(command, "--silence", value, 1, 1000000, &stream->silence_frames);
    case SYL_OPT_THREADS:
        return syl_option_int(command, "--threads", value, 1, 1024, &stream->threads);
    case SYL_OPT_RAW:
        args->raw = value;
        return SYL_EXIT_OK;
    case SYL_OPT_HOP:
        return syl_option_double(command, "--hop", value, 0.02, 30, &args->hop);
    case SYL_OPT_LOOKAHEAD:
        return syl_option_double(command, "--lookahead", value, 0, 1e6, &args->lookahead);
    default:
        fprintf(stderr, "Try: sylkit %s --help\n", command);
        return SYL_EXIT_USAGE;
    }
}

syl_status syl_live_args_finish(syl_model_args *args, const syl_model_info *info, syl_error *err)
{
    bool hubert = !strcmp(info->encoder, "hubert");
    if (!hubert && !(isnan(args->hop) && isnan(args->lookahead)))
        return syl_fail(err, SYL_EINVAL,
                        "--hop and --lookahead are for hubert models; this one always looks %.2f s "
                        "ahead, leave them out",
                        info->lookahead_seconds);
    if (!hubert) return SYL_OK;
    args->stream.hop_seconds = isnan(args->hop) ? HOP_SECONDS : args->hop;
    args->stream.lookahead_seconds = isnan(args->lookahead) ? LOOKAHEAD_SECONDS : args->lookahead;
    return SYL_OK;
}

/* Not installed yet: the executable lies in the build tree (or in libtool's .libs below it),
 * which is the source tree or a folder inside it. */
static int find_in_source(char *path, size_t room)
{
    char folder[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (n <= 0) return 0;
    folder[n] = 0;
    for (int up = 0; up < 4; up++) {
        char *slash = strrchr(folder, '/');
        if (!slash) return 0;
        *slash = 0;
        int needed = snprintf(path, room, "%s/sylber/models/" MODEL_NAME, folder);
        if (needed > 0 && (size_t)needed < room && !access(path, R_OK)) return 1;
    }
    return 0;
}

syl_status syl_model_args_load(syl_model **out, const syl_model_args *args, syl_error *err)
{
    char path[PATH_MAX + 64];
    const char *chosen = args->path ? args->path : getenv("SYLKIT_MODEL");
    *out = NULL;
#ifdef DATADIR
    static const char installed[] = DATADIR "/sylkit/" MODEL_NAME;
    if (!chosen && !access(installed, R_OK)) chosen = installed;
#endif
    if (!chosen && find_in_source(path, sizeof path)) chosen = path;
    if (!chosen)
        return syl_fail(err, SYL_EIO,
                        "no model: " MODEL_NAME " is not installed; name one with --model or in "
                        "the environment variable SYLKIT_MODEL");
    return syl_model_load(out, chosen, &args->model, err);
}
