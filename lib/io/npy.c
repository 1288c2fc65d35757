/* NumPy's .npy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "lib/io/npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define MAX_DIMS 8
#define MAX_HEADER 65536  /* NumPy itself refuses to trust more than 10,000 */
#define WRITER_HEADER 128 /* room for any two 64-bit numbers */

/* ---- header: a Python dictionary, read without Python -------------------------------- */

typedef struct cursor {
    const char *at, *end;
} cursor;

typedef struct header {
    char descr[16];
    int fortran, ndim;
    int64_t shape[MAX_DIMS];
    int seen; /* bits: 1 descr, 2 fortran_order, 4 shape */
} header;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

/* 1 and past it when the next character is `what`. */
static int accept(cursor *c, char what)
{
    skip_space(c);
    if (c->at >= c->end || *c->at != what) return 0;
    c->at++;
    return 1;
}

/* A quoted string without escapes into text; 0 when there is none or it is too long. */
static int read_string(cursor *c, char *text, size_t room)
{
    const char *begin, *quote;
    char mark;

    skip_space(c);
    if (c->at >= c->end || (*c->at != '\'' && *c->at != '"')) return 0;
    mark = *c->at;
    begin = c->at + 1;
    quote = memchr(begin, mark, (size_t)(c->end - begin));
    if (!quote || (size_t)(quote - begin) >= room) return 0;
    memcpy(text, begin, (size_t)(quote - begin));
    text[quote - begin] = '\0';
    c->at = quote + 1;
    return 1;
}

static int accept_word(cursor *c, const char *word)
{
    size_t n = strlen(word);

    skip_space(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return 0;
    c->at += n;
    return 1;
}

static int read_number(cursor *c, int64_t *value)
{
    int digits = 0;

    *value = 0;
    skip_space(c);
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, digits++) {
        int digit = *c->at - '0';
        if (*value > (INT64_MAX - digit) / 10) return 0;
        *value = *value * 10 + digit;
    }
    return digits > 0;
}

/* (), (n,), (n, m) ... */
static int read_shape(cursor *c, header *h)
{
    if (!accept(c, '(')) return 0;
    while (!accept(c, ')')) {
        if (h->ndim == MAX_DIMS || !read_number(c, &h->shape[h->ndim])) return 0;
        h->ndim++;
        if (accept(c, ',')) continue;
        return h->ndim > 1 && accept(c, ')'); /* "(n)" is no tuple */
    }
    return 1;
}

/* One "key: value" of the dictionary. */
static int read_entry(cursor *c, header *h)
{
    char key[16];
    int bit;

    if (!read_string(c, key, sizeof key) || !accept(c, ':')) return 0;
    bit = !strcmp(key, "descr") ? 1 : !strcmp(key, "fortran_order") ? 2 : 4;
    if (h->seen & bit) return 0;
    h->seen |= bit;
    if (bit == 1) return read_string(c, h->descr, sizeof h->descr);
    if (bit == 4) return !strcmp(key, "shape") && read_shape(c, h);
    h->fortran = accept_word(c, "True");
    return h->fortran || accept_word(c, "False");
}

static int read_header(cursor *c, header *h)
{
    memset(h, 0, sizeof *h);
    if (!accept(c, '{')) return 0;
    while (!accept(c, '}')) {
        if (!read_entry(c, h)) return 0;
        if (accept(c, ',')) continue;
        if (!accept(c, '}')) return 0;
        break;
    }
    skip_space(c);
    return c->at == c->end && h->seen == 7;
}

/* ---- data --------------------------------------------------------------------------- */

static void convert_f8(const uint8_t *src, float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        memcpy(&value, src + 8 * i, 8);
        dst[i] = (float)value;
    }
}

static void convert_i8(const uint8_t *src, float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t value;
        memcpy(&value, src + 8 * i, 8);
        dst[i] = (float)value;
    }
}

/* Bytes an element of "<f4" and its like, 0 when we cannot read it. */
static size_t element_size(const char *descr)
{
    static const char *const known[] = {"<f4", "<f8", "<f2", "<i4", "<i8", "|i1", "|u1"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(descr, known[i])) return (size_t)(descr[2] - '0');
    return 0;
}

static void convert(const char *descr, const uint8_t *src, float *dst, size_t n)
{
    syl_st_tensor t = {.data = src, .count = n};

    if (!strcmp(descr, "<f8")) {
        convert_f8(src, dst, n);
    } else if (!strcmp(descr, "<i8")) {
        convert_i8(src, dst, n);
    } else if (!strcmp(descr, "|u1")) {
        for (size_t i = 0; i < n; i++)
            dst[i] = src[i];
    } else {
        t.dtype = !strcmp(descr, "<f4")   ? SYL_F32
                  : !strcmp(descr, "<f2") ? SYL_F16
                  : !strcmp(descr, "<i4") ? SYL_I32
                                          : SYL_S8;
        syl_st_to_f32(&t, dst);
    }
}

/* Finds the header's text inside the file. */
static syl_status locate_header(cursor *c, const uint8_t *data, size_t size, const char *name,
                                syl_error *err)
{
    size_t length, begin;

    if (size < 10 || memcmp(data, "\x93NUMPY", 6) != 0)
        return syl_fail(err, SYL_EFORMAT, "%s is not a .npy file; write it with numpy.save", name);
    if (data[6] < 1 || data[6] > 3 || data[7] != 0)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: .npy version %d.%d is unknown (1.0 to 3.0 are read)", name, data[6],
                        data[7]);
    begin = data[6] == 1 ? 10 : 12;
    length = data[8] | (size_t)data[9] << 8;
    if (size < begin)
        return syl_fail(err, SYL_EFORMAT, "%s is cut off in its header; copy it again", name);
    if (begin == 12) length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > MAX_HEADER)
        return syl_fail(err, SYL_EFORMAT, "%s: a header of %zu bytes (at most %d are accepted)",
                        name, length, MAX_HEADER);
    if (length > size - begin)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is cut off: a header of %zu bytes in a file of %zu; copy it again",
                        name, length, size);
    c->at = (const char *)data + begin;
    c->end = c->at + length;
    return SYL_OK;
}

/* What we can read of the dtype and order; *bytes is one element's size. */
static syl_status check_kind(const header *h, const char *name, size_t *bytes, syl_error *err)
{
    if (h->descr[0] == '>')
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s is big endian (%s); save array.astype('<f4') instead", name, h->descr);
    *bytes = element_size(h->descr);
    if (*bytes == 0)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: dtype %s is not read (f4 f8 f2 i4 i8 i1 u1 are); save "
                        "array.astype('<f4') instead",
                        name, h->descr);
    if (h->fortran)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s is in Fortran order; save numpy.ascontiguousarray(array) instead",
                        name);
    return SYL_OK;
}

/* Everything of `map` but its file, out of the bytes of one. */
static syl_status locate(syl_npy_map *map, const void *data, size_t size, const char *name,
                         syl_error *err)
{
    header h;
    cursor c = {NULL, NULL};

    SYL_TRY(locate_header(&c, data, size, name, err));
    if (!read_header(&c, &h))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: its header is not that of a plain array of at most %d dimensions; "
                        "write it with numpy.save",
                        name, MAX_DIMS);
    SYL_TRY(check_kind(&h, name, &map->bytes, err));
    map->count = 1;
    for (int i = 0; i < h.ndim; i++)
        map->count = syl_mul_size(map->count, (size_t)h.shape[i]);
    size_t room = (size_t)((const char *)data + size - c.end);
    if (syl_mul_size(map->count, map->bytes) != room)
        return syl_fail(err, SYL_EFORMAT,
                        "%s holds %zu bytes of data where its shape needs %zu; copy it again", name,
                        room, syl_mul_size(map->count, map->bytes));
    map->data = (const uint8_t *)c.end;
    map->ndim = h.ndim;
    memcpy(map->shape, h.shape, sizeof map->shape);
    memcpy(map->descr, h.descr, sizeof map->descr);
    return SYL_OK;
}

syl_status syl_npy_parse(syl_npy *out, const void *data, size_t size, const char *name,
                         syl_error *err)
{
    syl_npy_map map = {.file = {NULL, 0}};

    memset(out, 0, sizeof *out);
    SYL_TRY(locate(&map, data, size, name, err));
    out->data = syl_calloc(map.count, sizeof(float));
    if (!out->data) return syl_fail_memory(err, syl_mul_size(map.count, sizeof(float)), name);
    convert(map.descr, map.data, out->data, map.count);
    out->ndim = map.ndim;
    out->count = map.count;
    memcpy(out->shape, map.shape, sizeof out->shape);
    return SYL_OK;
}

syl_status syl_npy_read(syl_npy *out, const char *path, syl_error *err)
{
    syl_status status;
    syl_map map;

    memset(out, 0, sizeof *out);
    SYL_TRY(syl_map_open(&map, path, err));
    status = syl_npy_parse(out, map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}

syl_status syl_npy_map_open(syl_npy_map *map, const char *path, syl_error *err)
{
    memset(map, 0, sizeof *map);
    SYL_TRY(syl_map_open(&map->file, path, err));
    syl_status status = locate(map, map->file.data, map->file.size, path, err);
    if (status) syl_npy_map_close(map);
    return status;
}

void syl_npy_map_read(const syl_npy_map *map, size_t first, size_t n, float *dst)
{
    convert(map->descr, map->data + first * map->bytes, dst, n);
}

void syl_npy_map_close(syl_npy_map *map)
{
    syl_map_close(&map->file);
    memset(map, 0, sizeof *map);
}

void syl_npy_free(syl_npy *npy)
{
    if (!npy) return;
    free(npy->data);
    memset(npy, 0, sizeof *npy);
}

/* ---- writing ------------------------------------------------------------------------ */

/* A version 1.0 header of a multiple of 64 bytes, at least `least`; returns its length. */
static size_t format_header(char *text, size_t room, size_t least, const char *descr, int ndim,
                            const int64_t *shape)
{
    size_t n = 10, total;

    n += (size_t)snprintf(text + n, room - n, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          descr);
    for (int i = 0; i < ndim; i++)
        n += (size_t)snprintf(text + n, room - n, "%s%" PRId64 "%s", i ? ", " : "", shape[i],
                              ndim == 1 ? "," : "");
    n += (size_t)snprintf(text + n, room - n, "), }");
    total = (n + 1 + 63) / 64 * 64;
    if (total < least) total = least;
    memcpy(text, "\x93NUMPY\x01\x00", 8);
    text[8] = (char)((total - 10) & 0xff);
    text[9] = (char)((total - 10) >> 8);
    memset(text + n, ' ', total - n);
    text[total - 1] = '\n';
    return total;
}

/* Gives the file up and says why when a write fails. */
static syl_status put(syl_atomic *file, const void *data, size_t size, syl_error *err)
{
    if (size == 0 || fwrite(data, 1, size, file->stream) == size) return SYL_OK;
    syl_fail(err, SYL_EIO, "%s could not be written: %s; is the disk full?", file->path,
             strerror(errno));
    syl_atomic_discard(file);
    return SYL_EIO;
}

syl_status syl_npy_write(const char *path, const void *data, syl_dtype dtype, int ndim,
                         const int64_t *shape, syl_error *err)
{
    char text[320]; /* 10 + 60 + 8 numbers of at most 21 characters, padded */
    syl_atomic file;
    size_t bytes = 4, n;

    if (dtype != SYL_F32 && dtype != SYL_I32)
        return syl_fail(err, SYL_EINVAL, "%s: .npy is written as F32 or I32, not %s", path,
                        syl_dtype_name(dtype));
    if (ndim < 0 || ndim > MAX_DIMS)
        return syl_fail(err, SYL_EINVAL, "%s: %d dimensions (0..%d)", path, ndim, MAX_DIMS);
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0)
            return syl_fail(err, SYL_EINVAL, "%s: dimension %d is %" PRId64, path, i, shape[i]);
        bytes = syl_mul_size(bytes, (size_t)shape[i]);
    }
    if (bytes == SIZE_MAX) return syl_fail(err, SYL_EINVAL, "%s: its shape is too large", path);
    SYL_TRY(syl_atomic_open(&file, path, err));
    n = format_header(text, sizeof text, 0, dtype == SYL_F32 ? "<f4" : "<i4", ndim, shape);
    SYL_TRY(put(&file, text, n, err));
    SYL_TRY(put(&file, data, bytes, err));
    return syl_atomic_commit(&file, err);
}

static syl_status writer_open(syl_npy_writer *w, const char *path, int64_t cols, const char *descr,
                              syl_error *err)
{
    char text[320];
    int64_t shape[2] = {0, cols};

    memset(w, 0, sizeof *w);
    if (cols < 1 || cols > INT32_MAX)
        return syl_fail(err, SYL_EINVAL, "%s: %" PRId64 " columns (1..%d)", path, cols, INT32_MAX);
    SYL_TRY(syl_atomic_open(&w->file, path, err));
    w->cols = cols;
    w->descr = descr;
    return put(&w->file, text, format_header(text, sizeof text, WRITER_HEADER, descr, 2, shape),
               err);
}

syl_status syl_npy_writer_open(syl_npy_writer *w, const char *path, int64_t cols, syl_error *err)
{
    return writer_open(w, path, cols, "<f4", err);
}

syl_status syl_npy_writer_open_bytes(syl_npy_writer *w, const char *path, int64_t cols,
                                     syl_error *err)
{
    return writer_open(w, path, cols, "|u1", err);
}

static syl_status writer_append(syl_npy_writer *w, const void *rows, int64_t n, syl_error *err)
{
    size_t bytes;

    if (!w->file.stream) return syl_fail(err, SYL_EINVAL, "rows for a .npy that is not open");
    if (n < 0 || n > INT64_MAX - w->rows)
        return syl_fail(err, SYL_EINVAL, "%s: %" PRId64 " rows", w->file.path, n);
    bytes = syl_mul_size(syl_mul_size((size_t)n, (size_t)w->cols), element_size(w->descr));
    if (bytes == SIZE_MAX)
        return syl_fail(err, SYL_EINVAL, "%s: %" PRId64 " rows at once", w->file.path, n);
    SYL_TRY(put(&w->file, rows, bytes, err));
    w->rows += n;
    return SYL_OK;
}

syl_status syl_npy_writer_append(syl_npy_writer *w, const float *rows, int64_t n, syl_error *err)
{
    return writer_append(w, rows, n, err);
}

syl_status syl_npy_writer_append_bytes(syl_npy_writer *w, const uint8_t *rows, int64_t n,
                                       syl_error *err)
{
    return writer_append(w, rows, n, err);
}

syl_status syl_npy_writer_commit(syl_npy_writer *w, syl_error *err)
{
    char text[320];
    int64_t shape[2] = {w->rows, w->cols};
    size_t n;

    if (!w->file.stream) return syl_fail(err, SYL_EINVAL, "a .npy is committed that is not open");
    if (fseek(w->file.stream, 0, SEEK_SET)) {
        syl_fail(err, SYL_EIO, "%s could not be written: %s; is the disk full?", w->file.path,
                 strerror(errno));
        syl_atomic_discard(&w->file);
        return SYL_EIO;
    }
    n = format_header(text, sizeof text, WRITER_HEADER, w->descr, 2, shape);
    SYL_TRY(put(&w->file, text, n, err));
    return syl_atomic_commit(&w->file, err);
}

void syl_npy_writer_discard(syl_npy_writer *w)
{
    syl_atomic_discard(&w->file);
}
