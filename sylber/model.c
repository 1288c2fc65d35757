#include "sylber/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/memory.h"

#define PATH_SIZE 4096

syl_model_options syl_model_options_defaults(void)
{
    return (syl_model_options){.precision = SYL_PRECISION_F32, .metric = SYL_METRIC_MODEL};
}

/* ---- finding the parts ----------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static syl_status join(char *out, const char *folder, const char *name, syl_error *err)
{
    int n = snprintf(out, PATH_SIZE, "%s/%s", folder, name);
    return n > 0 && n < PATH_SIZE ? SYL_OK
                                  : syl_fail(err, SYL_EINVAL, "%.100s...: path too long", folder);
}

static syl_status read_config_file(const char *path, syl_config *config, syl_error *err)
{
    syl_map map;
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_config_parse(config, (const char *)map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}

static syl_status own_config(const syl_safetensors *file, syl_config *config, syl_error *err)
{
    const char *text = syl_safetensors_metadata(file, SYL_CONFIG_KEY);
    const char *path = syl_safetensors_path(file);
    if (!text)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: no %s in its metadata; give a folder with config.json, or make the "
                        "file with sylkit convert --config",
                        path, SYL_CONFIG_KEY);
    return syl_config_parse(config, text, strlen(text), path, err);
}

syl_status syl_model_open(const char *path, const char *config_path, syl_safetensors **file,
                          syl_config *config, syl_error *err)
{
    char weights[PATH_SIZE], beside[PATH_SIZE];
    bool folder = is_folder(path);
    *file = NULL;
    if (folder) {
        SYL_TRY(join(weights, path, "model.safetensors", err));
        SYL_TRY(join(beside, path, "config.json", err));
    }
    SYL_TRY(syl_safetensors_open(file, folder ? weights : path, err));
    syl_status status;
    if (config_path || folder)
        status = read_config_file(config_path ? config_path : beside, config, err);
    else
        status = own_config(*file, config, err);
    if (status != SYL_OK) {
        syl_safetensors_free(*file);
        *file = NULL;
    }
    return status;
}

const char *syl_model_prefix(const syl_safetensors *file, const syl_config *config)
{
    static const char *const known[] = {
        "",       "hubert.", "speech_model.", "net.speech_model.",           "ema.", "net.ema.",
        "model.", "module.", "state_dict.",   "state_dict.net.speech_model."};
    const char *probe =
        config->kind == SYL_ENCODER_MEL ? "head.weight" : "feature_projection.projection.weight";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", known[i], probe);
        if (syl_safetensors_find(file, name)) return known[i];
    }
    return "";
}

/* ---- building -------------------------------------------------------------------------- */

static syl_status file_codebook(const syl_safetensors *file, const char *name, int dim,
                                syl_metric metric, syl_codebook **out, syl_error *err)
{
    const syl_st_tensor *t = syl_safetensors_find(file, name);
    if (!t) return SYL_OK;
    syl_params params = {.file = file};
    int64_t rows = t->ndim == 2 && t->shape[0] > 0 && t->shape[0] < INT32_MAX ? t->shape[0] : 1;
    int64_t shape[] = {rows, dim, 0};
    float *centroids;
    SYL_TRY(syl_params_take(&params, name, shape, &centroids, err));
    return syl_codebook_create(out, centroids, (int)rows, dim, metric, err);
}

static syl_status load_codebooks(syl_model *m, const syl_safetensors *file,
                                 const syl_model_options *o, syl_error *err)
{
    int dim = syl_config_dim(&m->config);
    syl_metric metric = o->metric == SYL_METRIC_MODEL ? m->config.metric : o->metric;
    if (o->codebook)
        SYL_TRY(syl_codebook_read(&m->codebook, o->codebook, dim, metric, err));
    else
        SYL_TRY(file_codebook(file, "codebook", dim, metric, &m->codebook, err));
    if (o->residual_codebook)
        return syl_codebook_read(&m->residual, o->residual_codebook, dim, SYL_METRIC_EUCLIDEAN,
                                 err);
    if (o->codebook) return SYL_OK; /* the file's residuals belong to the file's own codebook */
    return file_codebook(file, "residual_codebook", dim, SYL_METRIC_EUCLIDEAN, &m->residual, err);
}

static syl_status load_parts(syl_model *m, const syl_safetensors *file, const syl_model_options *o,
                             syl_error *err)
{
    syl_params params = {.file = file,
                         .compute = o->precision == SYL_PRECISION_BF16 ? SYL_BF16 : SYL_F32};
    if (o->device) SYL_TRY(syl_device_open(&m->device, o->device, err));
    params.device = m->device;
    snprintf(params.prefix, sizeof params.prefix, "%s", syl_model_prefix(file, &m->config));
    SYL_TRY(syl_encoder_load(&m->encoder, &m->config, &params, err));
    m->parameters = params.count;
    SYL_TRY(load_codebooks(m, file, o, err));
    if (m->residual && !m->codebook)
        return syl_fail(err, SYL_EINVAL, "a residual codebook needs a first codebook");
    return SYL_OK;
}

syl_status syl_model_build(syl_model **out, const syl_safetensors *file, const syl_config *config,
                           const syl_model_options *options, syl_error *err)
{
    *out = NULL;
    if (options->precision != SYL_PRECISION_F32 && options->precision != SYL_PRECISION_BF16)
        return syl_fail(err, SYL_EINVAL, "precision %d is unknown", (int)options->precision);
    if (options->metric < SYL_METRIC_MODEL || options->metric > SYL_METRIC_SPHERICAL)
        return syl_fail(err, SYL_EINVAL, "metric %d is unknown", (int)options->metric);
    syl_model *m = syl_calloc(1, sizeof *m);
    if (!m) return syl_fail_memory(err, sizeof *m, "a model");
    m->config = *config;
    m->precision = options->precision;
    syl_status status = load_parts(m, file, options, err);
    if (status != SYL_OK) {
        syl_model_free(m);
        return status;
    }
    *out = m;
    return SYL_OK;
}

syl_status syl_model_load(syl_model **out, const char *path, const syl_model_options *options,
                          syl_error *err)
{
    syl_model_options defaults = syl_model_options_defaults();
    syl_safetensors *file;
    syl_config config;
    *out = NULL;
    SYL_TRY(syl_model_open(path, NULL, &file, &config, err));
    syl_status status = syl_model_build(out, file, &config, options ? options : &defaults, err);
    syl_safetensors_free(file);
    return status;
}

void syl_model_free(syl_model *model)
{
    if (!model) return;
    syl_encoder_free(model->encoder);
    syl_codebook_free(model->codebook);
    syl_codebook_free(model->residual);
    syl_device_close(model->device);
    free(model);
}

static double lookahead_seconds(const syl_config *c)
{
    if (c->kind == SYL_ENCODER_HUBERT) return -1;
    /* layers, one row of log-mel for each convolution of the stem, half an analysis window */
    double samples =
        (double)c->layers * c->mel.right * syl_config_hop(c) + 2 * c->mel.hop + c->mel.n_fft / 2;
    return samples / c->sample_rate;
}

void syl_model_get_info(const syl_model *m, syl_model_info *info)
{
    const syl_config *c = &m->config;
    *info = (syl_model_info){.encoder = c->kind == SYL_ENCODER_MEL ? "mel" : "hubert",
                             .sample_rate = c->sample_rate,
                             .frame_rate = syl_config_frame_rate(c),
                             .dim = syl_config_dim(c),
                             .layers = c->layers,
                             .parameters = m->parameters,
                             .tokens = m->codebook ? m->codebook->size : 0,
                             .residual_tokens = m->residual ? m->residual->size : 0,
                             .metric = m->codebook ? m->codebook->metric : c->metric,
                             .precision = m->precision,
                             .norm_threshold = c->norm_threshold,
                             .merge_threshold = c->merge_threshold,
                             .lookahead_seconds = lookahead_seconds(c)};
}
