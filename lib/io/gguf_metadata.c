/* GGUF's metadata by key. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/gguf_inner.h"

const uint8_t syl_gguf_value_size[V_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
static const char *const value_names[V_TYPES] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                                 "int32",  "float32", "bool",   "string", "array",
                                                 "uint64", "int64",   "float64"};

uint64_t syl_gguf_load(const uint8_t *p, size_t bytes)
{
    uint64_t x = 0;
    memcpy(&x, p, bytes);
    return x;
}

int syl_gguf_by_key(const void *a, const void *b)
{
    return strcmp(((const syl_gguf_value *)a)->key, ((const syl_gguf_value *)b)->key);
}

static const syl_gguf_value *find_value(const syl_gguf *f, const char *key)
{
    syl_gguf_value wanted = {.key = (char *)key};
    if (f->value_count == 0) return NULL;
    return bsearch(&wanted, f->values, f->value_count, sizeof wanted, syl_gguf_by_key);
}

bool syl_gguf_has(const syl_gguf *file, const char *key)
{
    return find_value(file, key) != NULL;
}

static syl_status missing(const syl_gguf *f, const char *key, syl_error *err)
{
    return syl_fail(err, SYL_EFORMAT, "%s has no key \"%s\"; convert the model again", f->path,
                    key);
}

static syl_status wrong_type(const syl_gguf *f, const syl_gguf_value *v, const char *wanted,
                             syl_error *err)
{
    return syl_fail(err, SYL_EFORMAT, "%s: \"%s\" is %s%s, not %s", f->path, v->key,
                    v->type == V_ARRAY ? "an array of " : "a value of type ",
                    value_names[v->type == V_ARRAY ? v->item : v->type], wanted);
}

/* The integer at p; false: the type is none, or it needs more than 63 bits. */
static bool integer_at(uint32_t type, const uint8_t *p, int64_t *out)
{
    uint64_t x;
    if (type == V_F32 || type == V_F64 || type == V_STRING || type == V_ARRAY) return false;
    x = syl_gguf_load(p, syl_gguf_value_size[type]);
    switch (type) {
    case V_I8:
        *out = (int8_t)x;
        return true;
    case V_I16:
        *out = (int16_t)x;
        return true;
    case V_I32:
        *out = (int32_t)x;
        return true;
    case V_U64:
        if (x > INT64_MAX) return false;
        break;
    default:
        break;
    }
    *out = (int64_t)x;
    return true;
}

static bool float_at(uint32_t type, const uint8_t *p, double *out)
{
    float narrow;
    if (type == V_F64) {
        memcpy(out, p, sizeof *out);
        return true;
    }
    if (type != V_F32) return false;
    memcpy(&narrow, p, sizeof narrow);
    *out = narrow;
    return true;
}

syl_status syl_gguf_get_int(const syl_gguf *file, const char *key, int64_t low, int64_t high,
                            int64_t *out, syl_error *err)
{
    const syl_gguf_value *v = find_value(file, key);
    int64_t x = 0;

    if (!v) return missing(file, key, err);
    if (v->type == V_BOOL || !integer_at(v->type, v->data, &x))
        return wrong_type(file, v, "an integer of at most 63 bits", err);
    if (x < low || x > high)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: \"%s\" is %" PRId64 "; it should be %" PRId64 " to %" PRId64,
                        file->path, key, x, low, high);
    *out = x;
    return SYL_OK;
}

syl_status syl_gguf_get_number(const syl_gguf *file, const char *key, double *out, syl_error *err)
{
    const syl_gguf_value *v = find_value(file, key);
    double x = 0;
    int64_t whole = 0;

    if (!v) return missing(file, key, err);
    if (!float_at(v->type, v->data, &x)) {
        if (v->type == V_BOOL || !integer_at(v->type, v->data, &whole))
            return wrong_type(file, v, "a number", err);
        x = (double)whole;
    }
    if (!isfinite(x))
        return syl_fail(err, SYL_EFORMAT, "%s: \"%s\" is not finite", file->path, key);
    *out = x;
    return SYL_OK;
}

syl_status syl_gguf_get_bool(const syl_gguf *file, const char *key, bool *out, syl_error *err)
{
    const syl_gguf_value *v = find_value(file, key);
    if (!v) return missing(file, key, err);
    if (v->type != V_BOOL) return wrong_type(file, v, "a bool", err);
    *out = v->data[0] != 0;
    return SYL_OK;
}

syl_status syl_gguf_get_string(const syl_gguf *file, const char *key, const char **out,
                               syl_error *err)
{
    const syl_gguf_value *v = find_value(file, key);
    if (!v) return missing(file, key, err);
    if (v->type != V_STRING) return wrong_type(file, v, "a string", err);
    if (strlen(v->text) != v->count)
        return syl_fail(err, SYL_EFORMAT, "%s: \"%s\" holds a NUL", file->path, key);
    *out = v->text;
    return SYL_OK;
}

/* The array of a key and memory for one `size` an element. */
static syl_status start_array(const syl_gguf *f, const char *key, size_t size,
                              const syl_gguf_value **v, void **out, syl_error *err)
{
    *out = NULL;
    *v = find_value(f, key);
    if (!*v) return missing(f, key, err);
    if ((*v)->type != V_ARRAY) return wrong_type(f, *v, "an array", err);
    *out = syl_calloc((size_t)(*v)->count, size); /* elements take a byte or more of the file */
    if (!*out)
        return syl_fail_memory(err, syl_mul_size((size_t)(*v)->count, size),
                               "a model file's array");
    return SYL_OK;
}

syl_status syl_gguf_get_strings(const syl_gguf *file, const char *key, syl_span **out,
                                size_t *count, syl_error *err)
{
    const syl_gguf_value *v = find_value(file, key);
    const uint8_t *p;

    *out = NULL;
    if (v && v->type == V_ARRAY && v->item != V_STRING)
        return wrong_type(file, v, "an array of strings", err);
    SYL_TRY(start_array(file, key, sizeof **out, &v, (void **)out, err));
    *count = (size_t)v->count;
    p = v->data;
    for (size_t i = 0; i < *count; i++) { /* lengths were checked when the file was opened */
        (*out)[i] = (syl_span){(const char *)p + 8, (size_t)syl_gguf_load(p, 8)};
        p += 8 + (*out)[i].size;
    }
    return SYL_OK;
}

syl_status syl_gguf_get_ints(const syl_gguf *file, const char *key, int64_t **out, size_t *count,
                             syl_error *err)
{
    const syl_gguf_value *v = NULL;

    SYL_TRY(start_array(file, key, sizeof **out, &v, (void **)out, err));
    *count = (size_t)v->count;
    for (size_t i = 0; i < *count; i++) {
        if (integer_at(v->item, v->data + i * syl_gguf_value_size[v->item], &(*out)[i])) continue;
        free(*out);
        *out = NULL;
        return wrong_type(file, v, "an array of integers of at most 63 bits", err);
    }
    return SYL_OK;
}

syl_status syl_gguf_get_floats(const syl_gguf *file, const char *key, float **out, size_t *count,
                               syl_error *err)
{
    const syl_gguf_value *v = NULL;

    SYL_TRY(start_array(file, key, sizeof **out, &v, (void **)out, err));
    *count = (size_t)v->count;
    for (size_t i = 0; i < *count; i++) {
        double x = 0;
        if (float_at(v->item, v->data + i * syl_gguf_value_size[v->item], &x)) {
            (*out)[i] = (float)x;
            continue;
        }
        free(*out);
        *out = NULL;
        return wrong_type(file, v, "an array of floats", err);
    }
    return SYL_OK;
}
