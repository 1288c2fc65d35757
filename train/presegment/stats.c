#include "train/presegment/stats.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/nn/params.h"

/* ---- moments --------------------------------------------------------------------------- */

syl_status syl_moments_create(syl_moments *m, int size, syl_error *err)
{
    *m = (syl_moments){.size = size,
                       .mean = syl_calloc((size_t)size, sizeof *m->mean),
                       .m2 = syl_calloc((size_t)size, sizeof *m->m2)};
    if (m->mean && m->m2) return SYL_OK;
    syl_moments_free(m);
    return syl_fail_memory(err, (size_t)size * sizeof(double), "statistics");
}

void syl_moments_free(syl_moments *m)
{
    free(m->mean);
    free(m->m2);
    *m = (syl_moments){0};
}

void syl_moments_begin(syl_moments *m)
{
    m->count++;
}

void syl_moments_take(syl_moments *m, int first, const float *x, int n)
{
    double part = 1 / (double)m->count, *mean = m->mean + first, *m2 = m->m2 + first;
    for (int i = 0; i < n; i++) {
        double old = x[i] - mean[i];
        mean[i] += part * old;
        m2[i] += old * (x[i] - mean[i]);
    }
}

double syl_moments_deviation(const syl_moments *m, int i)
{
    double deviation = m->count > 0 ? sqrt(m->m2[i] / (double)m->count) : 0;
    return deviation > 0 ? deviation : 1;
}

/* ---- the object ------------------------------------------------------------------------ */

#define MAX_LEVELS 1000

syl_status syl_stats_create(syl_stats *s, int levels, int dim, syl_error *err)
{
    size_t count = (size_t)levels * (size_t)dim;
    *s = (syl_stats){.levels = levels,
                     .dim = dim,
                     .mean = syl_calloc(count, sizeof *s->mean),
                     .std = syl_calloc(count, sizeof *s->std)};
    if (s->mean && s->std) return SYL_OK;
    syl_stats_free(s);
    return syl_fail_memory(err, count * sizeof(float), "statistics");
}

void syl_stats_free(syl_stats *s)
{
    free(s->mean);
    free(s->std);
    free(s->probe);
    *s = (syl_stats){0};
}

void syl_stats_standardise(const syl_stats *s, syl_hidden *h)
{
    for (int level = 0; level < h->levels; level++) {
        const float *mean = s->mean + (size_t)level * (size_t)s->dim;
        const float *std = s->std + (size_t)level * (size_t)s->dim;
        float *x = syl_hidden_level(h, level);
        for (int64_t t = 0; t < h->frames; t++, x += h->dim)
            for (int d = 0; d < h->dim; d++)
                x[d] = (x[d] - mean[d]) / std[d];
    }
}

/* ---- the file -------------------------------------------------------------------------- */

static syl_st_tensor tensor(const char *name, float *data, int64_t rows, int64_t cols)
{
    return (syl_st_tensor){.name = name,
                           .dtype = SYL_F32,
                           .ndim = cols ? 2 : 1,
                           .shape = {rows, cols},
                           .data = data,
                           .count = (size_t)(cols ? rows * cols : rows)};
}

static void put_count(json_t *metadata, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    json_object_set_new(metadata, key, json_string(text));
}

syl_status syl_stats_write(const syl_stats *s, const char *path, syl_error *err)
{
    syl_stats v = *s;
    syl_st_tensor list[] = {
        tensor("mean", v.mean, v.levels, v.dim), tensor("std", v.std, v.levels, v.dim),
        tensor("curve_scale", v.scale, SYL_NUM_CURVES, 0),
        tensor("probe.weight", v.probe, SYL_PROBE_TAPS, v.dim), /* with labels only */
        tensor("probe.bias", &v.probe_bias, 1, 0)};
    json_t *metadata = json_object();
    put_count(metadata, "frames", v.frames);
    put_count(metadata, "recordings", v.recordings);
    put_count(metadata, "labelled_recordings", v.labelled);
    syl_status status = syl_safetensors_write(path, list, v.probe ? 5 : 3, metadata, err);
    json_decref(metadata);
    return status;
}

static syl_status take(syl_params *p, const char *name, int64_t rows, int64_t cols, float *out,
                       syl_error *err)
{
    int64_t shape[] = {rows, cols, 0};
    float *data;
    SYL_TRY(syl_params_take(p, name, shape, &data, err));
    for (int64_t i = 0; i < rows * (cols ? cols : 1); i++)
        out[i] = data[i];
    free(data);
    return SYL_OK;
}

static syl_status check_positive(const char *path, const char *name, const float *x, size_t n,
                                 syl_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!(x[i] > 0))
            return syl_fail(err, SYL_EFORMAT,
                            "%s: value %zu of %s is %g, not above 0; fit it again", path, i, name,
                            (double)x[i]);
    return SYL_OK;
}

static syl_status read_all(syl_stats *s, syl_params *p, const char *path, syl_error *err)
{
    int64_t shape[] = {SYL_PROBE_TAPS, s->dim, 0};
    SYL_TRY(take(p, "mean", s->levels, s->dim, s->mean, err));
    SYL_TRY(take(p, "std", s->levels, s->dim, s->std, err));
    SYL_TRY(take(p, "curve_scale", SYL_NUM_CURVES, 0, s->scale, err));
    SYL_TRY(check_positive(path, "std", s->std, (size_t)s->levels * (size_t)s->dim, err));
    SYL_TRY(check_positive(path, "curve_scale", s->scale, SYL_NUM_CURVES, err));
    if (!syl_params_find(p, "probe.weight")) return SYL_OK;
    SYL_TRY(syl_params_take(p, "probe.weight", shape, &s->probe, err));
    return take(p, "probe.bias", 1, 0, &s->probe_bias, err);
}

syl_status syl_stats_read(syl_stats *s, const char *path, int levels, int dim, syl_error *err)
{
    syl_safetensors *file;
    *s = (syl_stats){0};
    SYL_TRY(syl_safetensors_open(&file, path, err));
    syl_params params = {.file = file};
    const syl_st_tensor *mean = syl_safetensors_find(file, "mean");
    if (levels == 0 && mean && mean->ndim == 2 && mean->shape[0] <= MAX_LEVELS)
        levels = (int)mean->shape[0];
    syl_status status =
        levels > 0 ? syl_stats_create(s, levels, dim, err)
                   : syl_fail(err, SYL_EFORMAT, "%s: mean is not [levels][dim]; make it again with "
                                                "sylkit presegment fit", path);
    if (status == SYL_OK) status = read_all(s, &params, path, err);
    if (status != SYL_OK) syl_stats_free(s);
    syl_safetensors_free(file);
    return status;
}
