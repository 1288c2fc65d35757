/* sylkit convert: any supported checkpoint to one file of ours. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/cli/options.h"
#include "lib/io/npy.h"
#include "sylber/cmd.h"
#include "sylber/model.h"

#define COMMAND "convert"

static const char help[] =
    "Usage: sylkit convert [OPTIONS] INPUT OUTPUT.safetensors\n"
    "Makes one model file with weights, configuration, thresholds and codebook.\n"
    "INPUT is a sylkit file, a folder with model.safetensors and config.json of a\n"
    "HubertModel, or with --config any .safetensors of such weights (the released\n"
    "Sylber checkpoint after egs/sylber_import).\n\n"
    "  --config FILE            configuration, in place of the input's own\n"
    "  --dtype f32|f16|bf16     of the weights written (default f32)\n"
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

static const char *const dtypes[] = {"f32", "f16", "bf16", NULL};
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

/* ---- the tensors of the new file ------------------------------------------------------- */

typedef struct tensors {
    syl_st_tensor *list;
    size_t count, capacity;
} tensors;

static void tensors_free(tensors *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free((void *)(uintptr_t)t->list[i].data);
        free((void *)(uintptr_t)t->list[i].name);
    }
    free(t->list);
}

/* A value too large for the dtype became infinite. */
static syl_status check_range(const syl_st_tensor *t, const float *before, syl_error *err)
{
    float *after = syl_calloc(t->count, sizeof *after);
    syl_status status = SYL_OK;
    if (!after) return syl_fail_memory(err, t->count * sizeof *after, t->name);
    syl_st_to_f32(t, after);
    for (size_t i = 0; i < t->count && status == SYL_OK; i++)
        if (!isfinite(after[i]))
            status = syl_fail(err, SYL_EINVAL,
                              "value %zu of %s, %g, does not fit %s; use another --dtype", i,
                              t->name, (double)before[i], syl_dtype_name(t->dtype));
    free(after);
    return status;
}

/* Adds a converted copy of `like` under `name`. */
static syl_status add(tensors *t, const syl_st_tensor *like, const char *name, const float *values,
                      syl_dtype dtype, syl_error *err)
{
    void *list = t->list;
    SYL_TRY(syl_grow(&list, &t->capacity, t->count + 1, sizeof *t->list, err));
    t->list = list;
    syl_st_tensor *new = &t->list[t->count];
    void *data = syl_calloc(like->count, syl_dtype_size(dtype));
    char *copy = strdup(name);
    if (!data || !copy) {
        free(data);
        free(copy);
        return syl_fail_memory(err, like->count * syl_dtype_size(dtype), name);
    }
    *new = *like;
    new->name = copy;
    new->dtype = dtype;
    new->data = data;
    t->count++;
    syl_st_from_f32(values, like->count, dtype, data);
    return check_range(new, values, err);
}

/* The file's residuals belong to its own first codebook: a new one of either replaces them. */
static bool keeps_codebook(const char *name, const arguments *a)
{
    return !a->codebook && (strcmp(name, "codebook") == 0 || !a->residual);
}

static bool is_codebook(const char *name)
{
    return strcmp(name, "codebook") == 0 || strcmp(name, "residual_codebook") == 0;
}

static syl_status add_weights(tensors *t, const syl_safetensors *file, const char *prefix,
                              const arguments *a, syl_dtype dtype, syl_error *err)
{
    for (size_t i = 0; i < syl_safetensors_count(file); i++) {
        const syl_st_tensor *x = syl_safetensors_at(file, i);
        bool own = strncmp(x->name, prefix, strlen(prefix)) == 0;
        const char *name = own ? x->name + strlen(prefix) : x->name;
        bool kept = is_codebook(x->name) ? keeps_codebook(x->name, a) : own;
        if (!kept) continue;
        float *values = syl_calloc(x->count, sizeof *values);
        if (!values) return syl_fail_memory(err, x->count * sizeof *values, x->name);
        syl_st_to_f32(x, values);
        syl_status status = add(t, x, name, values, dtype, err);
        free(values);
        SYL_TRY(status);
    }
    return SYL_OK;
}

static syl_status add_codebook(tensors *t, const char *path, const char *name, syl_dtype dtype,
                               syl_error *err)
{
    syl_npy npy;
    if (!path) return SYL_OK;
    SYL_TRY(syl_npy_read(&npy, path, err));
    syl_st_tensor like = {.ndim = npy.ndim, .count = npy.count};
    memcpy(like.shape, npy.shape, sizeof like.shape);
    syl_status status = add(t, &like, name, npy.data, dtype, err);
    syl_npy_free(&npy);
    return status;
}

static syl_status write_out(const tensors *t, const syl_config *config, const char *path,
                            syl_error *err)
{
    char *text = syl_config_write(config);
    json_t *metadata =
        json_pack("{s:s, s:s}", "format", "sylkit", SYL_CONFIG_KEY, text ? text : "");
    syl_status status = text && metadata
                            ? syl_safetensors_write(path, t->list, t->count, metadata, err)
                            : syl_fail(err, SYL_ENOMEM, "no memory for the configuration");
    json_decref(metadata);
    free(text);
    return status;
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

static syl_status convert(const syl_safetensors *file, syl_config *config, const arguments *a,
                          syl_error *err)
{
    static const syl_dtype types[] = {SYL_F32, SYL_F16, SYL_BF16};
    syl_dtype dtype = types[a->dtype];
    tensors t = {0};
    apply(config, a);
    SYL_TRY(check(file, config, a, err));
    syl_status status = add_weights(&t, file, syl_model_prefix(file, config), a, dtype, err);
    if (status == SYL_OK) status = add_codebook(&t, a->codebook, "codebook", dtype, err);
    if (status == SYL_OK) status = add_codebook(&t, a->residual, "residual_codebook", dtype, err);
    if (status == SYL_OK) status = write_out(&t, config, a->output, err);
    tensors_free(&t);
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
