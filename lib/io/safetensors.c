/* safetensors: 8 bytes little-endian header length, a JSON header, the data. */
#include "lib/io/safetensors_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are read in place, so sylkit needs a little-endian machine"
#endif

#define MAX_HEADER 100000000u
#define MAX_TENSORS 100000
#define MAX_DIMS 8
#define MAX_DEPTH 3 /* header, tensor, shape */
/* Values of a header with the most tensors, twice over: JSON's values take far more memory
 * than their text, so they are counted before they are made. */
#define MAX_VALUES (2 * MAX_TENSORS * (3 + MAX_DIMS + 2))

typedef struct range {
    uint64_t begin, end;
    const char *name;
} range;

/* ---- dtypes ------------------------------------------------------------------------- */

static const struct dtype_entry {
    const char *name;
    size_t size;
    int kept; /* a syl_dtype in the same place; the others are checked and left out */
} dtypes[] = {{"F32", 4, 1}, {"BF16", 2, 1}, {"F16", 2, 1},     {"I8", 1, 1},      {"I32", 4, 1},
              {"F64", 8, 0}, {"I64", 8, 0},  {"U64", 8, 0},     {"U32", 4, 0},     {"I16", 2, 0},
              {"U16", 2, 0}, {"U8", 1, 0},   {"F8_E4M3", 1, 0}, {"F8_E5M2", 1, 0}, {"BOOL", 1, 0}};

const char *syl_dtype_name(syl_dtype dtype)
{
    return dtypes[dtype].name;
}

static int find_dtype(const char *name)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (!strcmp(dtypes[i].name, name)) return (int)i;
    return -1;
}

/* ---- reading ------------------------------------------------------------------------ */

syl_status syl_st_count_values(const char *text, size_t n, const char *name, syl_error *err)
{
    size_t values = 0;
    int depth = 0, quoted = 0;

    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\') i++;
            if (c == '"') quoted = 0;
            continue;
        }
        quoted = c == '"';
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        values += c == ',' || c == '{' || c == '[';
        if (depth > MAX_DEPTH || values > MAX_VALUES)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: its JSON has %s; it is no file of tensors (convert it again)",
                            name, depth > MAX_DEPTH ? "too many levels" : "too many values");
    }
    return SYL_OK;
}

static syl_status read_header(syl_safetensors *f, const uint8_t *data, size_t size, size_t *begin,
                              syl_error *err)
{
    uint64_t length = 0;
    json_error_t json;

    if (size < 8)
        return syl_fail(err, SYL_EFORMAT, "%s has %zu bytes and is no safetensors file", f->path,
                        size);
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)data[i] << (8 * i);
    if (length > MAX_HEADER)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: a header of %" PRIu64 " bytes (at most %u); it is no safetensors file",
                        f->path, length, MAX_HEADER);
    if (length > size - 8)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is cut off: a header of %" PRIu64 " bytes in a file of %zu; "
                        "copy it again",
                        f->path, length, size);
    SYL_TRY(syl_st_count_values((const char *)data + 8, (size_t)length, f->path, err));
    f->root = json_loadb((const char *)data + 8, (size_t)length, JSON_REJECT_DUPLICATES, &json);
    if (!f->root)
        return syl_fail(err, SYL_EFORMAT, "%s: its header is not valid JSON (byte %d: %s)", f->path,
                        json.position, json.text);
    if (!json_is_object(f->root))
        return syl_fail(err, SYL_EFORMAT, "%s: its header is not a JSON object", f->path);
    *begin = 8 + (size_t)length;
    return SYL_OK;
}

static syl_status check_metadata(const json_t *metadata, const char *path, syl_status status,
                                 syl_error *err)
{
    const char *key;
    json_t *value;

    if (!metadata) return SYL_OK;
    if (!json_is_object(metadata))
        return syl_fail(err, status, "%s: __metadata__ is not an object", path);
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value))
            return syl_fail(err, status, "%s: __metadata__ \"%.100s\" is not a string", path, key);
    }
    return SYL_OK;
}

/* Fills t->ndim, shape and count. */
static syl_status read_shape(syl_st_tensor *t, const json_t *shape, const char *path,
                             syl_error *err)
{
    if (!json_is_array(shape) || json_array_size(shape) > MAX_DIMS)
        return syl_fail(err, SYL_EFORMAT, "%s: \"%.100s\" has no shape of at most %d dimensions",
                        path, t->name, MAX_DIMS);
    t->ndim = (int)json_array_size(shape);
    t->count = 1;
    for (int i = 0; i < t->ndim; i++) {
        json_t *n = json_array_get(shape, (size_t)i);
        if (!json_is_integer(n) || json_integer_value(n) < 0)
            return syl_fail(err, SYL_EFORMAT, "%s: \"%.100s\" dimension %d is not a size", path,
                            t->name, i);
        t->shape[i] = json_integer_value(n);
        t->count = syl_mul_size(t->count, (size_t)t->shape[i]);
    }
    return SYL_OK;
}

static syl_status read_offsets(range *r, const json_t *offsets, const char *path, syl_error *err)
{
    json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);

    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: \"%.100s\" data_offsets is not [begin, end] with begin <= end", path,
                        r->name);
    r->begin = (uint64_t)json_integer_value(begin);
    r->end = (uint64_t)json_integer_value(end);
    return SYL_OK;
}

/* Checks one entry; *keep tells whether its dtype is one that we hand out. */
static syl_status read_tensor(const syl_safetensors *f, const json_t *entry, syl_st_tensor *t,
                              range *r, int *keep, syl_error *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    int known = dtype ? find_dtype(dtype) : -1;

    r->name = t->name;
    if (!json_is_object(entry) || json_object_size(entry) != 3 || !dtype)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: \"%.100s\" is not made of dtype, shape and data_offsets", f->path,
                        t->name);
    if (known < 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: \"%.100s\" has unknown dtype \"%.20s\"; save it as F32", f->path,
                        t->name, dtype);
    SYL_TRY(read_shape(t, json_object_get(entry, "shape"), f->path, err));
    SYL_TRY(read_offsets(r, json_object_get(entry, "data_offsets"), f->path, err));
    if (syl_mul_size(t->count, dtypes[known].size) != r->end - r->begin)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: \"%.100s\" has %" PRIu64 " bytes, but its shape and dtype need %zu",
                        f->path, t->name, r->end - r->begin,
                        syl_mul_size(t->count, dtypes[known].size));
    *keep = dtypes[known].kept;
    if (*keep) t->dtype = (syl_dtype)known;
    return SYL_OK;
}

int syl_st_by_name(const void *a, const void *b)
{
    return strcmp(((const syl_st_tensor *)a)->name, ((const syl_st_tensor *)b)->name);
}

static int by_begin(const void *a, const void *b)
{
    const range *x = a, *y = b;

    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end); /* the empty ones first */
}

static syl_status check_overlap(range *ranges, size_t n, const char *path, syl_error *err)
{
    const range *last = NULL;

    if (n > 0) qsort(ranges, n, sizeof *ranges, by_begin);
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].begin == ranges[i].end) continue;
        if (last && ranges[i].begin < last->end)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: the data of \"%.100s\" and \"%.100s\" overlap; write it again",
                            path, last->name, ranges[i].name);
        last = &ranges[i];
    }
    return SYL_OK;
}

static syl_status read_tensors(syl_safetensors *f, const uint8_t *data, size_t room, range *ranges,
                               syl_error *err)
{
    size_t n = 0;
    const char *name;
    json_t *entry;

    json_object_foreach(f->root, name, entry)
    {
        syl_st_tensor t = {.name = name};
        int keep = 0;
        if (!strcmp(name, "__metadata__")) continue;
        SYL_TRY(read_tensor(f, entry, &t, &ranges[n], &keep, err));
        if (ranges[n].end > room)
            return syl_fail(err, SYL_EFORMAT,
                            "%s is cut off: \"%.100s\" ends at byte %" PRIu64
                            " of the data, of which %zu are there; copy it again",
                            f->path, name, ranges[n].end, room);
        t.data = data + ranges[n].begin;
        if (keep) f->tensors[f->count++] = t;
        n++;
    }
    if (f->count > 0) qsort(f->tensors, f->count, sizeof *f->tensors, syl_st_by_name);
    return check_overlap(ranges, n, f->path, err);
}

static syl_status parse(syl_safetensors *f, const uint8_t *data, size_t size, syl_error *err)
{
    size_t begin = 0, n;
    range *ranges;
    syl_status status;

    SYL_TRY(read_header(f, data, size, &begin, err));
    SYL_TRY(check_metadata(json_object_get(f->root, "__metadata__"), f->path, SYL_EFORMAT, err));
    n = json_object_size(f->root);
    if (n > MAX_TENSORS + 1)
        return syl_fail(err, SYL_EFORMAT, "%s has %zu tensors (at most %d)", f->path, n,
                        MAX_TENSORS);
    f->tensors = syl_calloc(n, sizeof *f->tensors);
    ranges = syl_calloc(n, sizeof *ranges);
    if (!f->tensors || !ranges) {
        free(ranges);
        return syl_fail_memory(err, n * (sizeof *ranges + sizeof *f->tensors), "a tensor list");
    }
    status = read_tensors(f, data + begin, size - begin, ranges, err);
    free(ranges);
    return status;
}

syl_status syl_safetensors_parse(syl_safetensors **out, const void *data, size_t size,
                                 const char *name, syl_error *err)
{
    syl_safetensors *f = syl_calloc(1, sizeof *f);
    syl_status status;

    *out = NULL;
    if (f) f->path = strdup(name);
    if (!f || !f->path) {
        free(f);
        return syl_fail_memory(err, sizeof *f + strlen(name) + 1, "a tensor file");
    }
    status = parse(f, data, size, err);
    if (status)
        syl_safetensors_free(f);
    else
        *out = f;
    return status;
}

syl_status syl_safetensors_open(syl_safetensors **out, const char *path, syl_error *err)
{
    syl_status status;
    syl_map map;

    *out = NULL;
    SYL_TRY(syl_map_open(&map, path, err));
    status = syl_safetensors_parse(out, map.data, map.size, path, err);
    if (status)
        syl_map_close(&map);
    else
        (*out)->map = map;
    return status;
}

void syl_safetensors_free(syl_safetensors *file)
{
    if (!file) return;
    for (size_t i = 0; i < file->num_shards; i++)
        syl_safetensors_free(file->shards[i]);
    free(file->shards);
    json_decref(file->root);
    free(file->tensors);
    free(file->path);
    syl_map_close(&file->map);
    free(file);
}

const char *syl_safetensors_path(const syl_safetensors *file)
{
    return file->path;
}

const char *syl_safetensors_path_of(const syl_safetensors *file, const syl_st_tensor *tensor)
{
    for (size_t i = 0; i < file->num_shards; i++) {
        const syl_st_tensor *there = syl_safetensors_find(file->shards[i], tensor->name);
        if (there && there->data == tensor->data) return file->shards[i]->path;
    }
    return file->path;
}

size_t syl_safetensors_count(const syl_safetensors *file)
{
    return file->count;
}

const syl_st_tensor *syl_safetensors_at(const syl_safetensors *file, size_t i)
{
    return i < file->count ? &file->tensors[i] : NULL;
}

const syl_st_tensor *syl_safetensors_find(const syl_safetensors *file, const char *name)
{
    syl_st_tensor key = {.name = name};

    if (file->count == 0) return NULL;
    return bsearch(&key, file->tensors, file->count, sizeof key, syl_st_by_name);
}

const char *syl_safetensors_metadata(const syl_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->root, "__metadata__"), key));
}

/* ---- writing ------------------------------------------------------------------------ */

static syl_status check_tensor(const syl_st_tensor *t, const char *path, syl_error *err)
{
    size_t count = 1;

    if (!t->name || !strcmp(t->name, "__metadata__"))
        return syl_fail(err, SYL_EINVAL, "%s: a tensor cannot be named \"%s\"", path,
                        t->name ? t->name : "");
    if ((unsigned)t->dtype > SYL_I32 || t->ndim < 0 || t->ndim > MAX_DIMS)
        return syl_fail(err, SYL_EINVAL, "%s: \"%.100s\" has dtype %d and %d dimensions", path,
                        t->name, (int)t->dtype, t->ndim);
    for (int i = 0; i < t->ndim; i++) {
        if (t->shape[i] < 0)
            return syl_fail(err, SYL_EINVAL, "%s: \"%.100s\" dimension %d is %" PRId64, path,
                            t->name, i, t->shape[i]);
        count = syl_mul_size(count, (size_t)t->shape[i]);
    }
    if (count != t->count)
        return syl_fail(err, SYL_EINVAL, "%s: \"%.100s\" has %zu elements, its shape %zu", path,
                        t->name, t->count, count);
    return SYL_OK;
}

static json_t *describe(const syl_st_tensor *t, uint64_t begin, uint64_t end)
{
    json_t *shape = json_array();

    for (int i = 0; i < t->ndim; i++)
        json_array_append_new(shape, json_integer(t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", syl_dtype_name(t->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)end);
}

/* The order of the data: wide elements first, so that each is aligned to its own size without
 * gaps, which other readers of the format refuse. */
static const size_t widths[] = {4, 2, 1};

static syl_status build_header(json_t *root, const char *path, const syl_st_tensor *tensors,
                               size_t count, syl_error *err)
{
    uint64_t begin = 0;

    for (size_t w = 0; w < 3; w++) {
        for (size_t i = 0; i < count; i++) {
            const syl_st_tensor *t = &tensors[i];
            size_t bytes = syl_mul_size(t->count, widths[w]);
            if (syl_dtype_size(t->dtype) != widths[w]) continue;
            if (bytes > INT64_MAX - begin)
                return syl_fail(err, SYL_EINVAL, "%s: \"%.100s\" is too large", path, t->name);
            if (json_object_get(root, t->name))
                return syl_fail(err, SYL_EINVAL, "%s: two tensors are named \"%.100s\"", path,
                                t->name);
            if (json_object_set_new(root, t->name, describe(t, begin, begin + bytes)))
                return syl_fail(err, SYL_EINVAL, "%s: \"%.100s\" is not UTF-8, or no memory", path,
                                t->name);
            begin += bytes;
        }
    }
    return SYL_OK;
}

static int put(FILE *stream, const void *data, size_t size)
{
    return size == 0 || fwrite(data, 1, size, stream) == size;
}

static int write_all(FILE *stream, const char *header, const syl_st_tensor *tensors, size_t count)
{
    size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    uint64_t prefix = padded;

    if (!put(stream, &prefix, 8) || !put(stream, header, length)) return 0;
    if (!put(stream, "       ", padded - length)) return 0;
    for (size_t w = 0; w < 3; w++)
        for (size_t i = 0; i < count; i++)
            if (syl_dtype_size(tensors[i].dtype) == widths[w] &&
                !put(stream, tensors[i].data, tensors[i].count * widths[w]))
                return 0;
    return 1;
}

static syl_status save(const char *path, const json_t *root, const syl_st_tensor *tensors,
                       size_t count, syl_error *err)
{
    char *header = json_dumps(root, JSON_COMPACT);
    syl_status status;
    syl_atomic file;

    if (!header) return syl_fail(err, SYL_ENOMEM, "%s: no memory for its header", path);
    if (strlen(header) > MAX_HEADER - 8) {
        free(header);
        return syl_fail(err, SYL_EINVAL, "%s: its header would be above %u bytes", path,
                        MAX_HEADER);
    }
    status = syl_atomic_open(&file, path, err);
    if (!status && !write_all(file.stream, header, tensors, count)) {
        status = syl_fail(err, SYL_EIO, "%s could not be written: %s; is the disk full?", path,
                          strerror(errno));
        syl_atomic_discard(&file);
    }
    free(header);
    return status ? status : syl_atomic_commit(&file, err);
}

syl_status syl_safetensors_write(const char *path, const syl_st_tensor *tensors, size_t count,
                                 const json_t *metadata, syl_error *err)
{
    json_t *root;
    syl_status status;

    if (count > MAX_TENSORS)
        return syl_fail(err, SYL_EINVAL, "%s: %zu tensors (at most %d)", path, count, MAX_TENSORS);
    SYL_TRY(check_metadata(metadata, path, SYL_EINVAL, err));
    for (size_t i = 0; i < count; i++)
        SYL_TRY(check_tensor(&tensors[i], path, err));
    root = json_object();
    if (!root) return syl_fail(err, SYL_ENOMEM, "%s: no memory for its header", path);
    if (metadata) json_object_set(root, "__metadata__", (json_t *)metadata);
    status = build_header(root, path, tensors, count, err);
    if (!status) status = save(path, root, tensors, count, err);
    json_decref(root);
    return status;
}
