/* sylkit convert: any supported checkpoint to one file of ours. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/cli/options.h"
#include "sylber/cmd.h"
#include "sylber/model.h"
#include "sylber/model_writer.h"

#define COMMAND "convert"

static const char help[] =
    "Usage: sylkit convert [OPTIONS] INPUT OUTPUT.safetensors\n"
    "Makes one model file with weights, configuration, thresholds and codebook.\n"
    "INPUT is a sylkit file, a folder with model.safetensors and config.json of a\n"
    "HubertModel, or with --config any .safetensors of such weights (the released\n"
    "Sylber checkpoint after egs/sylber_import).\n\n"
    "  --config FILE            configuration, in place of the input's own\n"
    "  --dtype f32|f16|bf16|s8  of the weights written (default f32); s8: matrices in 8 bits\n"
    "                           with a scale a row, the rest in f16\n"
    "  --codebook FILE.npy      centroids [K][D] to put inside\n"
    "  --residual-codebook FILE.npy\n"
    "                           centroids for what the first leave over\n"
    "  --metric euclidean|norm6|spherical\n"
    "                           how the nearest centroid is found\n"
    "  --norm X, --merge X      thresholds to put inside\n"
    "  -h, --help\n";

enum { CONFIG = 1000, DTYPE, CODEBOOK, RESIDUAL, METRIC, NORM, MERGE };

typedef struct arguments {
    const char *input, *output, *config, *codebook, *residual;
    int dtype, metric; /* -1: not given */
    double norm, merge;
    bool has_norm, has_merge, help;
} arguments;

static const char *const dtypes[] = {"f32", "f16", "bf16", "s8", NULL};
static const char *const metrics[] = {"euclidean", "norm6", "spherical", NULL};

static int take_option(arguments *a, int option)
{
    switch (option) {
    case CONFIG:
        a->config = optarg;
        return SYL_EXIT_OK;
    case CODEBOOK:
        a->codebook = optarg;
        return SYL_EXIT_OK;
    case RESIDUAL:
        a->residual = optarg;
        return SYL_EXIT_OK;
    case DTYPE:
        return syl_option_choice(COMMAND, "--dtype", optarg, dtypes, &a->dtype);
    case METRIC:
        return syl_option_choice(COMMAND, "--metric", optarg, metrics, &a->metric);
    case NORM:
        a->has_norm = true;
        return syl_option_double(COMMAND, "--norm", optarg, 0, 1e9, &a->norm);
    case MERGE:
        a->has_merge = true;
        return syl_option_double(COMMAND, "--merge", optarg, -2, 2, &a->merge);
    case 'h':
        a->help = true;
        return SYL_EXIT_OK;
    default:
        return SYL_EXIT_USAGE;
    }
}

static int parse(arguments *a, int argc, char **argv)
{
    static const struct option table[] = {{"config", required_argument, NULL, CONFIG},
                                          {"dtype", required_argument, NULL, DTYPE},
                                          {"codebook", required_argument, NULL, CODEBOOK},
                                          {"residual-codebook", required_argument, NULL, RESIDUAL},
                                          {"metric", required_argument, NULL, METRIC},
                                          {"norm", required_argument, NULL, NORM},
                                          {"merge", required_argument, NULL, MERGE},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option;
    *a = (arguments){.metric = -1};
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        int code = take_option(a, option);
        if (code != SYL_EXIT_OK) return code;
    }
    if (a->help) return SYL_EXIT_OK;
    if (argc - optind != 2)
        return syl_usage(COMMAND, "give INPUT and OUTPUT, not %d names", argc - optind);
    a->input = argv[optind];
    a->output = argv[optind + 1];
    return SYL_EXIT_OK;
}

/* ---- the work -------------------------------------------------------------------------- */

/* Loads the model as a user would, so that nothing that cannot be loaded is written. */
static syl_status check(const syl_safetensors *file, const syl_config *config, const arguments *a,
                        syl_error *err)
{
    syl_model_options options = syl_model_options_defaults();
    options.codebook = a->codebook;
    options.residual_codebook = a->residual;
    syl_model *model;
    SYL_TRY(syl_model_build(&model, file, config, &options, err));
    syl_model_free(model);
    return SYL_OK;
}

static void apply(syl_config *config, const arguments *a)
{
    if (a->has_norm) config->norm_threshold = a->norm;
    if (a->has_merge) config->merge_threshold = a->merge;
    if (a->metric >= 0) config->metric = (syl_metric)a->metric;
}

static syl_status read_codebook(syl_npy *npy, const char *path, const syl_npy **out, syl_error *err)
{
    if (!path) return SYL_OK;
    SYL_TRY(syl_npy_read(npy, path, err));
    *out = npy;
    return SYL_OK;
}

static syl_status convert(const syl_safetensors *file, syl_config *config, const arguments *a,
                          syl_error *err)
{
    static const syl_dtype types[] = {SYL_F32, SYL_F16, SYL_BF16, SYL_S8};
    syl_model_edit edit = {.dtype = (int)types[a->dtype]};
    syl_npy codebook = {0}, residual = {0};
    apply(config, a);
    SYL_TRY(check(file, config, a, err));
    syl_status status = read_codebook(&codebook, a->codebook, &edit.codebook, err);
    if (!status) status = read_codebook(&residual, a->residual, &edit.residual, err);
    if (!status) status = syl_model_write(a->output, file, config, &edit, err);
    syl_npy_free(&codebook);
    syl_npy_free(&residual);
    return status;
}

int syl_cmd_convert(int argc, char **argv)
{
    arguments a;
    syl_error err;
    syl_safetensors *file;
    syl_config config;
    int code = parse(&a, argc, argv);
    if (code != SYL_EXIT_OK || a.help) {
        if (a.help) fputs(help, stdout);
        return code;
    }
    if (syl_model_open(a.input, a.config, &file, &config, &err) != SYL_OK)
        return syl_report(a.input, &err);
    syl_status status = convert(file, &config, &a, &err);
    syl_safetensors_free(file);
    return status == SYL_OK ? SYL_EXIT_OK : syl_report(a.input, &err);
}
