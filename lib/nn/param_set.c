#include "lib/nn/param_set.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/nn/params.h"

syl_status syl_param_add(syl_param_set *set, const char *name, const int64_t *dims, bool taps_first,
                         syl_param **out, syl_error *err)
{
    size_t capacity = (size_t)set->capacity;
    SYL_TRY(
        syl_grow((void **)&set->item, &capacity, (size_t)set->count + 1, sizeof *set->item, err));
    set->capacity = (int)capacity;
    syl_param *p = syl_calloc(1, sizeof *p);
    if (!p) return syl_fail_memory(err, sizeof *p, "a parameter");
    set->item[set->count++] = p;
    size_t size = 1;
    for (int d = 0; d < SYL_PARAM_DIMS && dims[d]; d++) {
        p->dims[d] = dims[d];
        size = syl_mul_size(size, (size_t)dims[d]);
    }
    if (strlen(name) >= sizeof p->name || size > INT64_MAX / 64)
        return syl_fail(err, SYL_EINVAL, "parameter '%s': its name or size is beyond the limits",
                        name);
    strcpy(p->name, name);
    p->taps_first = taps_first;
    p->offset = set->size;
    p->size = (int64_t)size;
    set->size += p->size;
    *out = p;
    return SYL_OK;
}

/* Each parameter's piece of the blocks. */
static void cut(syl_param_set *set)
{
    for (int i = 0; i < set->count; i++) {
        syl_param *p = set->item[i];
        int64_t rows = p->dims[0], cols = p->size / rows;
        p->value = syl_mat_of(set->values.data + p->offset, SYL_F32, rows, cols);
        if (set->grads.data) p->grad = syl_mat_of(set->grads.data + p->offset, SYL_F32, rows, cols);
    }
}

syl_status syl_param_set_finish(syl_param_set *set, syl_error *err)
{
    SYL_TRY(syl_mirror_create(&set->values, set->size, "parameters", err));
    SYL_TRY(syl_mirror_create(&set->grads, set->size, "gradients", err));
    cut(set);
    return SYL_OK;
}

syl_status syl_param_set_finish_fixed(syl_param_set *set, syl_error *err)
{
    SYL_TRY(syl_mirror_create(&set->values, set->size, "parameters", err));
    for (int i = 0; i < set->count; i++)
        set->item[i]->frozen = true;
    cut(set);
    return SYL_OK;
}

syl_status syl_param_set_place(syl_param_set *set, syl_device *device, syl_error *err)
{
    SYL_TRY(syl_mirror_place(&set->values, device, err));
    if (set->grads.data) SYL_TRY(syl_mirror_place(&set->grads, device, err));
    cut(set);
    return SYL_OK;
}

void syl_param_set_free(syl_param_set *set)
{
    for (int i = 0; i < set->count; i++)
        free(set->item[i]);
    free(set->item);
    syl_mirror_free(&set->values);
    syl_mirror_free(&set->grads);
    memset(set, 0, sizeof *set);
}

/* [rows][a][b] to [rows][b][a]. */
static void swap_last(const float *from, float *to, int64_t rows, int64_t a, int64_t b)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < a; i++)
            for (int64_t j = 0; j < b; j++)
                to[(r * b + j) * a + i] = from[(r * a + i) * b + j];
}

syl_status syl_param_load(syl_param *p, const syl_safetensors *file, const char *prefix,
                          const char *name, syl_error *err)
{
    syl_params from = {.file = file, .compute = SYL_F32};
    float *data;
    if (strlen(prefix) >= sizeof from.prefix)
        return syl_fail(err, SYL_EINVAL, "prefix '%s' is too long", prefix);
    strcpy(from.prefix, prefix);
    SYL_TRY(syl_params_take(&from, name, p->dims, &data, err));
    if (p->taps_first)
        swap_last(data, p->value.data, p->dims[0], p->dims[1], p->dims[2]);
    else
        memcpy(p->value.data, data, (size_t)p->size * sizeof *data);
    free(data);
    return SYL_OK;
}

syl_status syl_param_set_load(syl_param_set *set, const syl_safetensors *file, const char *prefix,
                              syl_error *err)
{
    for (int i = 0; i < set->count; i++)
        SYL_TRY(syl_param_load(set->item[i], file, prefix, set->item[i]->name, err));
    return SYL_OK;
}

float *syl_param_export(const syl_param *p, const float *from)
{
    float *out = syl_calloc((size_t)p->size, sizeof *out);
    if (!out) return NULL;
    if (p->taps_first)
        swap_last(from + p->offset, out, p->dims[0], p->dims[2], p->dims[1]);
    else
        memcpy(out, from + p->offset, (size_t)p->size * sizeof *out);
    return out;
}

void syl_param_set_zero_grads(syl_ctx *ctx, syl_param_set *set)
{
    syl_zero(ctx, syl_mat_of(set->grads.data, SYL_F32, 1, set->size));
}
