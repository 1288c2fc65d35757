#include "sylber/model_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "sylber/model.h"

#define LEAST_QUANTISED 4096 /* values of a matrix that is worth a scale a row */

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

static bool is_codebook(const char *name)
{
    return strcmp(name, "codebook") == 0 || strcmp(name, "residual_codebook") == 0;
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
                              "value %zu of %s, %g, does not fit %s; choose another dtype", i,
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

/* What to do with a tensor that is to become 8 bits: matrices do, with a scale for each row; the
 * little that is left becomes f16, codebooks too, since distances to them are compared. */
static syl_status add_small(tensors *t, const syl_st_tensor *like, const char *name,
                            const float *values, syl_error *err)
{
    if (like->ndim < 2 || like->count < LEAST_QUANTISED || is_codebook(name))
        return add(t, like, name, values, SYL_F16, err);
    size_t rows = (size_t)like->shape[0], cols = like->count / rows;
    char scale_name[512];
    syl_st_tensor scale = {.ndim = 1, .shape = {like->shape[0]}, .count = rows};
    float *whole = syl_calloc(like->count + rows, sizeof *whole), *by = whole + like->count;
    int8_t *small = syl_calloc(like->count, 1);
    syl_status status = SYL_OK;
    if (!whole || !small) status = syl_fail_memory(err, like->count * sizeof *whole, name);
    if (!status) {
        syl_st_quantise(values, rows, cols, small, by);
        for (size_t i = 0; i < like->count; i++)
            whole[i] = small[i];
        status = add(t, like, name, whole, SYL_S8, err);
    }
    snprintf(scale_name, sizeof scale_name, "%s.scale", name);
    if (!status) status = add(t, &scale, scale_name, by, SYL_F32, err);
    free(whole);
    free(small);
    return status;
}

/* Whether x is the scale of a tensor that is written as what it stands for. */
static bool is_used_up(const syl_safetensors *file, const syl_st_tensor *x)
{
    char name[512];
    size_t n = strlen(x->name);
    if (n < 7 || n >= sizeof name || strcmp(x->name + n - 6, ".scale")) return false;
    snprintf(name, sizeof name, "%.*s", (int)(n - 6), x->name);
    const syl_st_tensor *of = syl_safetensors_find(file, name);
    return of && syl_st_scale_of(file, of) == x;
}

/* The file's residuals belong to its own first codebook: a new one of either replaces them. */
static bool keeps_codebook(const char *name, const syl_model_edit *edit)
{
    return !edit->codebook && (strcmp(name, "codebook") == 0 || !edit->residual);
}

static syl_status add_weights(tensors *t, const syl_safetensors *file, const char *prefix,
                              const syl_model_edit *edit, syl_error *err)
{
    for (size_t i = 0; i < syl_safetensors_count(file); i++) {
        const syl_st_tensor *x = syl_safetensors_at(file, i);
        bool own = strncmp(x->name, prefix, strlen(prefix)) == 0;
        const char *name = own ? x->name + strlen(prefix) : x->name;
        bool kept = is_codebook(x->name) ? keeps_codebook(x->name, edit) : own;
        bool same = edit->dtype == SYL_DTYPE_KEPT;
        if (!kept || (!same && is_used_up(file, x))) continue;
        float *values = syl_calloc(x->count, sizeof *values);
        if (!values) return syl_fail_memory(err, x->count * sizeof *values, x->name);
        if (same)
            syl_st_to_f32(x, values);
        else
            syl_st_values(file, x, values);
        syl_status status =
            edit->dtype == SYL_S8
                ? add_small(t, x, name, values, err)
                : add(t, x, name, values, same ? x->dtype : (syl_dtype)edit->dtype, err);
        free(values);
        SYL_TRY(status);
    }
    return SYL_OK;
}

static syl_status add_codebook(tensors *t, const syl_npy *npy, const char *name, int dtype,
                               syl_error *err)
{
    if (!npy) return SYL_OK;
    syl_st_tensor like = {.ndim = npy->ndim, .count = npy->count};
    memcpy(like.shape, npy->shape, sizeof like.shape);
    syl_dtype as = dtype == SYL_DTYPE_KEPT ? SYL_F32 : dtype == SYL_S8 ? SYL_F16 : (syl_dtype)dtype;
    return add(t, &like, name, npy->data, as, err);
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

syl_status syl_model_write(const char *path, const syl_safetensors *file, const syl_config *config,
                           const syl_model_edit *edit, syl_error *err)
{
    tensors t = {0};
    syl_status status = add_weights(&t, file, syl_model_prefix(file, config), edit, err);
    if (!status) status = add_codebook(&t, edit->codebook, "codebook", edit->dtype, err);
    if (!status) status = add_codebook(&t, edit->residual, "residual_codebook", edit->dtype, err);
    if (!status) status = write_out(&t, config, path, err);
    tensors_free(&t);
    return status;
}
