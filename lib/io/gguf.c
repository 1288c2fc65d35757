/* GGUF: "GGUF", version, numbers of tensors and keys; the keys; the tensors' descriptions; padding;
 * data. All integers little endian, strings a length of 64 bits and that many bytes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/gguf_inner.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are read in place, so sylkit needs a little-endian machine"
#endif

#define MAX_ENTRIES 100000
#define MAX_NAME 65535
#define MAX_NESTING 4
#define MAX_ALIGNMENT ((int64_t)1 << 20)
#define LEAST_KEY 13    /* bytes: length, type and a value of one byte */
#define LEAST_TENSOR 24 /* bytes: length, number of dimensions, type, offset */

/* What is left to read. `what` is said where it ends too soon. */
typedef struct cursor {
    const uint8_t *at;
    size_t left;
    const char *path, *what;
} cursor;

/* ---- pieces ------------------------------------------------------------------------------------
 */

static syl_status cut_off(const cursor *c, syl_error *err)
{
    return syl_fail(err, SYL_EFORMAT, "%s is cut off or damaged in %s; copy it again", c->path,
                    c->what);
}

static syl_status take(cursor *c, uint64_t bytes, const uint8_t **out, syl_error *err)
{
    if (bytes > c->left) return cut_off(c, err);
    *out = c->at;
    c->at += bytes;
    c->left -= (size_t)bytes;
    return SYL_OK;
}

static syl_status take_number(cursor *c, size_t bytes, uint64_t *out, syl_error *err)
{
    const uint8_t *p = NULL;
    SYL_TRY(take(c, bytes, &p, err));
    *out = syl_gguf_load(p, bytes);
    return SYL_OK;
}

/* A copy of `length` bytes with a NUL behind it; *out is owned by the caller. */
static syl_status copy_text(const uint8_t *text, size_t length, char **out, syl_error *err)
{
    *out = malloc(length + 1);
    if (!*out) return syl_fail_memory(err, length + 1, "a text of a model file");
    if (length > 0) memcpy(*out, text, length);
    (*out)[length] = '\0';
    return SYL_OK;
}

static syl_status take_name(cursor *c, char **out, syl_error *err)
{
    uint64_t length = 0;
    const uint8_t *text = NULL;
    SYL_TRY(take_number(c, 8, &length, err));
    if (length > MAX_NAME)
        return syl_fail(err, SYL_EFORMAT, "%s: a name of %" PRIu64 " bytes (at most %d) in %s",
                        c->path, length, MAX_NAME, c->what);
    SYL_TRY(take(c, length, &text, err));
    if (length > 0 && memchr(text, 0, (size_t)length))
        return syl_fail(err, SYL_EFORMAT, "%s: a name in %s holds a NUL", c->path, c->what);
    return copy_text(text, (size_t)length, out, err);
}

/* ---- reading keys ------------------------------------------------------------------------------
 */

static syl_status skip_array(cursor *c, int depth, uint32_t *item, uint64_t *count, syl_error *err);

/* Steps over `count` elements of an array; `depth` arrays are around them. */
static syl_status skip_items(cursor *c, uint32_t item, uint64_t count, int depth, syl_error *err)
{
    const uint8_t *p = NULL;
    uint32_t inner_item;
    uint64_t inner = 0;

    if (syl_gguf_value_size[item] > 0) {
        if (count > c->left / syl_gguf_value_size[item]) return cut_off(c, err);
        return take(c, count * syl_gguf_value_size[item], &p, err);
    }
    for (uint64_t i = 0; i < count; i++) {
        if (item == V_ARRAY) {
            SYL_TRY(skip_array(c, depth + 1, &inner_item, &inner, err));
            continue;
        }
        SYL_TRY(take_number(c, 8, &inner, err));
        SYL_TRY(take(c, inner, &p, err));
    }
    return SYL_OK;
}

static syl_status take_type(cursor *c, uint32_t *out, syl_error *err)
{
    uint64_t type = 0;
    SYL_TRY(take_number(c, 4, &type, err));
    if (type >= V_TYPES)
        return syl_fail(err, SYL_EFORMAT, "%s: unknown type %" PRIu64 " of a value in %s", c->path,
                        type, c->what);
    *out = (uint32_t)type;
    return SYL_OK;
}

/* The head of an array, and past its elements. */
static syl_status skip_array(cursor *c, int depth, uint32_t *item, uint64_t *count, syl_error *err)
{
    if (depth > MAX_NESTING)
        return syl_fail(err, SYL_EFORMAT, "%s: arrays more than %d deep in %s", c->path,
                        MAX_NESTING, c->what);
    SYL_TRY(take_type(c, item, err));
    SYL_TRY(take_number(c, 8, count, err));
    return skip_items(c, *item, *count, depth, err);
}

static syl_status read_value(cursor *c, syl_gguf_value *v, syl_error *err)
{
    SYL_TRY(take_name(c, &v->key, err));
    SYL_TRY(take_type(c, &v->type, err));
    if (v->type == V_ARRAY) {
        v->data = c->at + 12; /* inside: skip_array takes them */
        return skip_array(c, 1, &v->item, &v->count, err);
    }
    if (v->type != V_STRING) return take(c, syl_gguf_value_size[v->type], &v->data, err);
    SYL_TRY(take_number(c, 8, &v->count, err));
    SYL_TRY(take(c, v->count, &v->data, err));
    return copy_text(v->data, (size_t)v->count, &v->text, err);
}

static syl_status read_values(syl_gguf *f, cursor *c, uint64_t count, syl_error *err)
{
    c->what = "its metadata";
    if (count > MAX_ENTRIES)
        return syl_fail(err, SYL_EFORMAT, "%s has %" PRIu64 " keys (at most %d)", f->path, count,
                        MAX_ENTRIES);
    if (count > c->left / LEAST_KEY) return cut_off(c, err);
    f->values = syl_calloc((size_t)count, sizeof *f->values);
    if (!f->values)
        return syl_fail_memory(err, (size_t)count * sizeof *f->values, "a model file's keys");
    while (f->value_count < count) /* counted first: what a key owns is freed with the file */
        SYL_TRY(read_value(c, &f->values[f->value_count++], err));
    if (count > 0) qsort(f->values, (size_t)count, sizeof *f->values, syl_gguf_by_key);
    for (size_t i = 1; i < f->value_count; i++)
        if (syl_gguf_by_key(&f->values[i - 1], &f->values[i]) == 0)
            return syl_fail(err, SYL_EFORMAT, "%s has the key \"%.100s\" twice", f->path,
                            f->values[i].key);
    return SYL_OK;
}

/* ---- reading tensors ---------------------------------------------------------------------------
 */

typedef struct extent {
    uint64_t offset, bytes; /* from the beginning of the data */
    const char *name;
} extent;

/* Dimensions, in the file fastest first. A product (of those that are not 0) that would pass 63
 * bits is an error. */
static syl_status read_shape(cursor *c, syl_gguf_tensor *t, syl_error *err)
{
    uint64_t ndim = 0, dim = 0, rows = 1, size = 1;

    SYL_TRY(take_number(c, 4, &ndim, err));
    if (ndim > 4)
        return syl_fail(err, SYL_EFORMAT, "%s: \"%.100s\" has %" PRIu64 " dimensions (at most 4)",
                        c->path, t->name, ndim);
    t->ndim = (int)ndim;
    t->cols = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        SYL_TRY(take_number(c, 8, &dim, err));
        if (dim > INT64_MAX || (dim > 0 && size > (uint64_t)INT64_MAX / dim))
            return syl_fail(err, SYL_EFORMAT, "%s: \"%.100s\" is too large (dimension %d)", c->path,
                            t->name, t->ndim - 1 - i);
        t->shape[i] = (int64_t)dim;
        if (dim > 0) size *= dim;
        if (i == t->ndim - 1)
            t->cols = (int64_t)dim;
        else
            rows *= dim;
    }
    t->rows = (int64_t)rows;
    return SYL_OK;
}

static syl_status read_tensor(cursor *c, syl_gguf_tensor *t, extent *e, syl_error *err)
{
    uint64_t type = 0;
    int values = 1, bytes = 0;

    SYL_TRY(read_shape(c, t, err));
    SYL_TRY(take_number(c, 4, &type, err));
    SYL_TRY(take_number(c, 8, &e->offset, err));
    t->type = (uint32_t)type;
    e->name = t->name;
    if (!syl_gguf_type_block(t->type, &values, &bytes)) return SYL_OK; /* of unknown size */
    if (t->cols % values != 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: \"%.100s\" has rows of %" PRId64 " values, which are no blocks of %d "
                        "(%s)",
                        c->path, t->name, t->cols, values, syl_gguf_type_name(t->type));
    t->row_bytes = syl_mul_size((size_t)(t->cols / values), (size_t)bytes);
    e->bytes = syl_mul_size(t->row_bytes, (size_t)t->rows);
    return SYL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const syl_gguf_tensor *)a)->name, ((const syl_gguf_tensor *)b)->name);
}

static int by_offset(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static syl_status check_extents(extent *e, size_t n, const char *path, syl_error *err)
{
    const extent *last = NULL;
    if (n > 0) qsort(e, n, sizeof *e, by_offset);
    for (size_t i = 0; i < n; i++) {
        if (e[i].bytes == 0) continue;
        if (last && e[i].offset - last->offset < last->bytes)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: the data of \"%.100s\" and \"%.100s\" overlap; write it again",
                            path, last->name, e[i].name);
        last = &e[i];
    }
    return SYL_OK;
}

/* The data's beginning, given where the descriptions end. */
static syl_status find_data(const syl_gguf *f, cursor *c, size_t size, int64_t *alignment,
                            syl_error *err)
{
    const uint8_t *p = NULL;
    size_t over;

    *alignment = 32;
    if (syl_gguf_has(f, "general.alignment"))
        SYL_TRY(syl_gguf_get_int(f, "general.alignment", 8, MAX_ALIGNMENT, alignment, err));
    if ((*alignment & (*alignment - 1)) != 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: general.alignment is %" PRId64 ", which is no power of two", f->path,
                        *alignment);
    c->what = "the padding before its data";
    over = (size - c->left) % (size_t)*alignment;
    /* A file without tensors may end without padding. */
    if (over == 0 || (f->tensor_count == 0 && c->left == 0)) return SYL_OK;
    return take(c, (uint64_t)*alignment - over, &p, err);
}

static syl_status place_tensors(syl_gguf *f, cursor *c, size_t size, extent *extents,
                                syl_error *err)
{
    int64_t alignment = 0;
    int values, bytes;

    SYL_TRY(find_data(f, c, size, &alignment, err));
    for (size_t i = 0; i < f->tensor_count; i++) {
        syl_gguf_tensor *t = &f->tensors[i];
        const extent *e = &extents[i];
        if (e->offset % (uint64_t)alignment != 0)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: \"%.100s\" begins at %" PRIu64
                            ", no multiple of the alignment %" PRId64,
                            f->path, t->name, e->offset, alignment);
        if (e->offset > c->left || e->bytes > c->left - e->offset)
            return syl_fail(err, SYL_EFORMAT,
                            "%s is cut off: \"%.100s\" has %" PRIu64 " bytes at %" PRIu64
                            " of the data, of which %zu are there; copy it again",
                            f->path, t->name, e->bytes, e->offset, c->left);
        if (syl_gguf_type_block(t->type, &values, &bytes)) t->data = c->at + e->offset;
    }
    return check_extents(extents, f->tensor_count, f->path, err);
}

static syl_status read_tensors(syl_gguf *f, cursor *c, uint64_t count, extent *extents,
                               syl_error *err)
{
    for (size_t i = 0; i < count; i++) {
        char *name = NULL;
        SYL_TRY(take_name(c, &name, err));
        f->tensors[i].name = name; /* counted first: freed with the file */
        f->tensor_count++;
        SYL_TRY(read_tensor(c, &f->tensors[i], &extents[i], err));
    }
    return SYL_OK;
}

static syl_status sort_tensors(syl_gguf *f, syl_error *err)
{
    if (f->tensor_count > 0) qsort(f->tensors, f->tensor_count, sizeof *f->tensors, by_name);
    for (size_t i = 1; i < f->tensor_count; i++)
        if (by_name(&f->tensors[i - 1], &f->tensors[i]) == 0)
            return syl_fail(err, SYL_EFORMAT, "%s has the tensor \"%.100s\" twice", f->path,
                            f->tensors[i].name);
    return SYL_OK;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static syl_status read_head(cursor *c, uint64_t *tensors, uint64_t *keys, syl_error *err)
{
    const uint8_t *magic = NULL;
    uint64_t version = 0;

    c->what = "its first bytes";
    if (c->left < 4 || memcmp(c->at, "GGUF", 4) != 0)
        return syl_fail(err, SYL_EFORMAT, "%s is no GGUF file", c->path);
    SYL_TRY(take(c, 4, &magic, err));
    SYL_TRY(take_number(c, 4, &version, err));
    if ((version & 0xffff) == 0 && version != 0)
        return syl_fail(err, SYL_EUNSUPPORTED, "%s is big endian; convert it to little endian",
                        c->path);
    if (version != 2 && version != 3)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s is GGUF version %" PRIu64 "; versions 2 and 3 are read: convert it",
                        c->path, version);
    SYL_TRY(take_number(c, 8, tensors, err));
    return take_number(c, 8, keys, err);
}

static syl_status parse(syl_gguf *f, const uint8_t *data, size_t size, syl_error *err)
{
    cursor c = {data, size, f->path, NULL};
    uint64_t tensors = 0, keys = 0;
    extent *extents;
    syl_status status;

    SYL_TRY(read_head(&c, &tensors, &keys, err));
    if (tensors > MAX_ENTRIES)
        return syl_fail(err, SYL_EFORMAT, "%s has %" PRIu64 " tensors (at most %d)", f->path,
                        tensors, MAX_ENTRIES);
    SYL_TRY(read_values(f, &c, keys, err));
    c.what = "the descriptions of its tensors";
    if (tensors > c.left / LEAST_TENSOR) return cut_off(&c, err);
    f->tensors = syl_calloc((size_t)tensors, sizeof *f->tensors);
    extents = syl_calloc((size_t)tensors, sizeof *extents);
    if (!f->tensors || !extents) {
        free(extents);
        return syl_fail_memory(err, (size_t)tensors * (sizeof *f->tensors + sizeof *extents),
                               "a tensor list");
    }
    status = read_tensors(f, &c, tensors, extents, err);
    if (!status) status = place_tensors(f, &c, size, extents, err);
    free(extents);
    return status ? status : sort_tensors(f, err);
}

syl_status syl_gguf_parse(syl_gguf **out, const void *data, size_t size, const char *name,
                          syl_error *err)
{
    syl_gguf *f = syl_calloc(1, sizeof *f);
    syl_status status;

    *out = NULL;
    if (f) f->path = strdup(name);
    if (!f || !f->path) {
        free(f);
        return syl_fail_memory(err, sizeof *f + strlen(name) + 1, "a model file");
    }
    status = parse(f, data, size, err);
    if (status)
        syl_gguf_free(f);
    else
        *out = f;
    return status;
}

syl_status syl_gguf_open(syl_gguf **out, const char *path, syl_error *err)
{
    syl_status status;
    syl_map map;

    *out = NULL;
    SYL_TRY(syl_map_open(&map, path, err));
    status = syl_gguf_parse(out, map.data, map.size, path, err);
    if (status)
        syl_map_close(&map);
    else
        (*out)->map = map;
    return status;
}

void syl_gguf_free(syl_gguf *file)
{
    if (!file) return;
    for (size_t i = 0; i < file->value_count; i++) {
        free(file->values[i].key);
        free(file->values[i].text);
    }
    for (size_t i = 0; i < file->tensor_count; i++)
        free((char *)file->tensors[i].name);
    free(file->values);
    free(file->tensors);
    free(file->path);
    syl_map_close(&file->map);
    free(file);
}

const char *syl_gguf_path(const syl_gguf *file)
{
    return file->path;
}

size_t syl_gguf_count(const syl_gguf *file)
{
    return file->tensor_count;
}

const syl_gguf_tensor *syl_gguf_at(const syl_gguf *file, size_t i)
{
    return i < file->tensor_count ? &file->tensors[i] : NULL;
}

const syl_gguf_tensor *syl_gguf_find(const syl_gguf *file, const char *name)
{
    syl_gguf_tensor key = {.name = name};
    if (file->tensor_count == 0) return NULL;
    return bsearch(&key, file->tensors, file->tensor_count, sizeof key, by_name);
}
