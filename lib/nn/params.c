#include "lib/nn/params.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define NAME_SIZE 256

const syl_st_tensor *syl_params_find(const syl_params *p, const char *name)
{
    char full[NAME_SIZE + sizeof p->prefix];
    snprintf(full, sizeof full, "%s%s", p->prefix, name);
    return syl_safetensors_find(p->file, full);
}

static void shape_text(const int64_t *shape, int n, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, i ? ", %lld" : "%lld", (long long)shape[i]);
}

static syl_status check_shape(const syl_params *p, const syl_st_tensor *t, const int64_t *shape,
                              syl_error *err)
{
    int n = 0;
    while (shape[n])
        n++;
    bool same = t->ndim == n;
    for (int i = 0; same && i < n; i++)
        same = t->shape[i] == shape[i];
    if (same) return SYL_OK;
    char is[128], want[128];
    shape_text(t->shape, t->ndim, is, sizeof is);
    shape_text(shape, n, want, sizeof want);
    return syl_fail(err, SYL_EFORMAT, "%s: tensor %s has shape [%s], the configuration needs [%s]",
                    syl_safetensors_path_of(p->file, t), t->name, is, want);
}

syl_status syl_params_take(syl_params *p, const char *name, const int64_t *shape, float **out,
                           syl_error *err)
{
    const syl_st_tensor *t = syl_params_find(p, name);
    *out = NULL;
    if (!t)
        return syl_fail(err, SYL_EFORMAT, "%s: tensor %s%s is missing; is this the right model?",
                        syl_safetensors_path(p->file), p->prefix, name);
    SYL_TRY(check_shape(p, t, shape, err));
    float *data = syl_calloc(t->count, sizeof *data);
    if (!data) return syl_fail_memory(err, t->count * sizeof *data, t->name);
    syl_st_values(p->file, t, data);
    for (size_t i = 0; i < t->count; i++) {
        if (isfinite(data[i])) continue;
        free(data);
        return syl_fail(err, SYL_EFORMAT, "%s: tensor %s has a value that is not finite at %zu",
                        syl_safetensors_path_of(p->file, t), t->name, i);
    }
    p->count += (int64_t)t->count;
    *out = data;
    return SYL_OK;
}

syl_status syl_params_vector(syl_params *p, const char *base, const char *leaf, int64_t n,
                             float **out, syl_error *err)
{
    char name[NAME_SIZE];
    int64_t shape[] = {n, 0};
    snprintf(name, sizeof name, "%s.%s", base, leaf);
    return syl_params_take(p, name, shape, out, err);
}

static syl_status take_weight(syl_params *p, const char *base, const int64_t *shape, float **out,
                              syl_error *err)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s.weight", base);
    return syl_params_take(p, name, shape, out, err);
}

syl_status syl_params_linear(syl_params *p, const char *base, int n_out, int n_in, syl_weight **out,
                             syl_error *err)
{
    float *w = NULL, *b = NULL;
    int64_t shape[] = {n_out, n_in, 0};
    syl_status status = take_weight(p, base, shape, &w, err);
    if (status == SYL_OK) status = syl_params_vector(p, base, "bias", n_out, &b, err);
    if (status == SYL_OK)
        status = syl_weight_linear(out, p->device, w, b, n_out, n_in, p->compute, err);
    free(w);
    free(b);
    return status;
}

syl_status syl_params_conv(syl_params *p, const char *base, syl_conv_shape c, bool bias,
                           syl_weight **out, syl_error *err)
{
    float *w = NULL, *b = NULL;
    int64_t shape[] = {c.c_out, c.c_in / c.groups, c.kernel, 0};
    syl_status status = take_weight(p, base, shape, &w, err);
    if (status == SYL_OK && bias) status = syl_params_vector(p, base, "bias", c.c_out, &b, err);
    if (status == SYL_OK) status = syl_weight_conv(out, p->device, w, b, c, p->compute, err);
    free(w);
    free(b);
    return status;
}

/* On failure *data is NULL and nothing is left behind. */
syl_status syl_params_place(const syl_params *p, float **data, int64_t n, syl_error *err)
{
    float *host = *data;
    void *placed = NULL;
    size_t bytes = (size_t)n * sizeof *host;
    if (!p->device) return SYL_OK;
    *data = NULL;
    syl_status status = syl_device_alloc(p->device, bytes, &placed, err);
    if (status == SYL_OK) status = syl_device_put(p->device, host, placed, bytes, err);
    free(host);
    if (status == SYL_OK)
        *data = placed;
    else
        syl_device_release(p->device, placed);
    return status;
}

syl_status syl_params_norm(syl_params *p, const char *base, int64_t n, syl_norm *out,
                           syl_error *err)
{
    out->device = p->device;
    SYL_TRY(syl_params_vector(p, base, "weight", n, &out->gamma, err));
    SYL_TRY(syl_params_place(p, &out->gamma, n, err));
    SYL_TRY(syl_params_vector(p, base, "bias", n, &out->beta, err));
    return syl_params_place(p, &out->beta, n, err);
}

void syl_norm_free(syl_norm *norm)
{
    syl_device_release(norm->device, norm->gamma);
    syl_device_release(norm->device, norm->beta);
}
