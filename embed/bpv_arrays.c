#include "embed/bpv_arrays.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/cli/options.h"
#include "lib/io/lines.h"
#include "lib/io/npy.h"
#include "lib/io/utf8.h"

/* ---- names --------------------------------------------------------------------------- */

static syl_status add_span(syl_names *n, const char *name, size_t length, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&n->items, &n->room, (size_t)n->count + 1, sizeof *n->items, err));
    char *own = malloc(length + 1);
    if (!own) return syl_fail_memory(err, length + 1, "a document's name");
    memcpy(own, name, length);
    own[length] = '\0';
    n->items[n->count++] = own;
    return SYL_OK;
}

syl_status syl_names_add(syl_names *names, const char *name, syl_error *err)
{
    return add_span(names, name, strlen(name), err);
}

syl_status syl_names_read(syl_names *names, const char *path, syl_error *err)
{
    syl_map map;
    syl_span line;
    syl_status status = SYL_OK;
    SYL_TRY(syl_map_open(&map, path, err));
    if (map.size && memchr(map.data, 0, map.size))
        status =
            syl_fail(err, SYL_EFORMAT, "%s: has NUL bytes; names of documents are lines", path);
    syl_lines lines = syl_lines_of(map.data, map.size);
    while (status == SYL_OK && syl_next_line(&lines, &line))
        status = add_span(names, line.data, line.size, err);
    syl_map_close(&map);
    return status;
}

syl_status syl_names_write(const syl_names *names, const char *path, syl_error *err)
{
    syl_atomic file;
    for (int64_t i = 0; i < names->count; i++)
        if (strpbrk(names->items[i], "\r\n"))
            return syl_fail(err, SYL_EINVAL,
                            "%s: the name of document %" PRId64 " has a line break in it; rename "
                            "the file",
                            path, i + 1);
    SYL_TRY(syl_atomic_open(&file, path, err));
    for (int64_t i = 0; i < names->count; i++)
        fprintf(file.stream, "%s\n", names->items[i]);
    return syl_atomic_commit(&file, err);
}

void syl_names_free(syl_names *names)
{
    for (int64_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (syl_names){0};
}

/* ---- arrays -------------------------------------------------------------------------- */

static syl_status check_shape(const syl_npy_map *map, const char *path, const char *what,
                              syl_error *err)
{
    if (map->ndim == 2 && map->shape[1] >= 1 && map->shape[1] <= 1 << 20) return SYL_OK;
    return syl_fail(err, SYL_EFORMAT, "%s: %s are an array [documents][%s]", path, what,
                    what[0] == 'c' ? "bytes of a code" : "dimensions");
}

static syl_status same_count(const syl_arrays *a, bool first, int64_t count, const char *path,
                             syl_error *err)
{
    if (first || a->count == count) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s is of %" PRId64 " documents, the codes are of %" PRId64,
                    path, count, a->count);
}

/* Bits behind the last would count as differences. */
static syl_status check_last_bits(const syl_arrays *a, const char *path, syl_error *err)
{
    int bytes = (a->bits + 7) / 8;
    if (a->bits % 8 == 0) return SYL_OK;
    for (int64_t i = 0; i < a->count; i++)
        if (a->codes[(i + 1) * bytes - 1] >> a->bits % 8)
            return syl_fail(err, SYL_EINVAL,
                            "%s: code %" PRId64 " has bits behind the last of %d; is it packed "
                            "with the first bit lowest (numpy.packbits(bitorder=\"little\"))?",
                            path, i, a->bits);
    return SYL_OK;
}

static syl_status take_codes(syl_arrays *a, const syl_npy_map *map, const char *path, int bits,
                             syl_error *err)
{
    SYL_TRY(check_shape(map, path, "codes", err));
    int64_t count = map->shape[0], bytes = map->shape[1];
    if (map->bytes != 1 || !strstr(map->descr, "u1"))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: codes are packed bytes, uint8 [documents][bytes], not %s; see "
                        "numpy.packbits",
                        path, map->descr);
    if (bits && (bits + 7) / 8 != bytes)
        return syl_fail(err, SYL_EINVAL,
                        "%s: codes of %d bits are %d bytes each, these are %" PRId64
                        "; --bits %" PRId64 " to %" PRId64 " would fit",
                        path, bits, (bits + 7) / 8, bytes, bytes * 8 - 7, bytes * 8);
    a->bits = bits ? bits : (int)bytes * 8;
    a->count = count;
    a->codes_room = map->count;
    a->codes = syl_calloc(map->count, 1);
    if (!a->codes) return syl_fail_memory(err, map->count, "codes");
    if (map->count) memcpy(a->codes, map->data, map->count);
    return check_last_bits(a, path, err);
}

static syl_status take_vectors(syl_arrays *a, const syl_npy_map *map, const char *path, bool first,
                               syl_error *err)
{
    SYL_TRY(check_shape(map, path, "vectors", err));
    SYL_TRY(same_count(a, first, map->shape[0], path, err));
    a->count = map->shape[0];
    a->dim = (int)map->shape[1];
    a->vectors_room = map->count;
    a->vectors = syl_calloc(map->count, sizeof *a->vectors);
    if (!a->vectors) return syl_fail_memory(err, map->count * sizeof *a->vectors, "vectors");
    syl_npy_map_read(map, 0, map->count, a->vectors);
    for (size_t i = 0; i < map->count; i++)
        if (!isfinite(a->vectors[i]))
            return syl_fail(err, SYL_EINVAL, "%s: vector %zu has a value that is not finite", path,
                            i / (size_t)a->dim);
    return SYL_OK;
}

syl_status syl_arrays_read(syl_arrays *a, const char *codes, int bits, const char *vectors,
                           syl_error *err)
{
    syl_npy_map map;
    syl_status status = SYL_OK;
    if (codes) {
        SYL_TRY(syl_npy_map_open(&map, codes, err));
        status = take_codes(a, &map, codes, bits, err);
        syl_npy_map_close(&map);
    }
    if (status == SYL_OK && vectors) {
        SYL_TRY(syl_npy_map_open(&map, vectors, err));
        status = take_vectors(a, &map, vectors, !codes, err);
        syl_npy_map_close(&map);
    }
    return status;
}

syl_status syl_arrays_add(syl_arrays *a, const uint8_t *codes, const float *vectors, int64_t n,
                          syl_error *err)
{
    size_t bytes = (size_t)(a->bits + 7) / 8, dim = (size_t)a->dim, all = (size_t)(a->count + n);
    size_t was = (size_t)a->count, more = (size_t)n;
    if (bytes) {
        SYL_TRY(syl_grow((void **)&a->codes, &a->codes_room, all * bytes, 1, err));
        memcpy(a->codes + was * bytes, codes, more * bytes);
    }
    if (dim) {
        SYL_TRY(syl_grow((void **)&a->vectors, &a->vectors_room, all * dim, sizeof(float), err));
        memcpy(a->vectors + was * dim, vectors, more * dim * sizeof(float));
    }
    a->count += n;
    return SYL_OK;
}

void syl_arrays_free(syl_arrays *a)
{
    free(a->codes);
    free(a->vectors);
    syl_names_free(&a->names);
    *a = (syl_arrays){0};
}

syl_status syl_codes_write(const char *path, const uint8_t *codes, int64_t count, int bits,
                           syl_error *err)
{
    syl_npy_writer w;
    SYL_TRY(syl_npy_writer_open_bytes(&w, path, (bits + 7) / 8, err));
    syl_status status = syl_npy_writer_append_bytes(&w, codes, count, err);
    if (status == SYL_OK) return syl_npy_writer_commit(&w, err);
    syl_npy_writer_discard(&w);
    return status;
}

syl_status syl_vectors_write(const char *path, const float *vectors, int64_t count, int dim,
                             syl_error *err)
{
    syl_npy_writer w;
    SYL_TRY(syl_npy_writer_open(&w, path, dim, err));
    syl_status status = syl_npy_writer_append(&w, vectors, count, err);
    if (status == SYL_OK) return syl_npy_writer_commit(&w, err);
    syl_npy_writer_discard(&w);
    return status;
}

/* ---- JSON ---------------------------------------------------------------------------- */

json_t *syl_code_json(const uint8_t *code, int bits)
{
    static const char digits[] = "0123456789abcdef";
    size_t bytes = (size_t)(bits + 7) / 8;
    char *text = malloc(2 * bytes + 1);
    if (!text) return NULL;
    for (size_t i = 0; i < bytes; i++) {
        text[2 * i] = digits[code[i] >> 4];
        text[2 * i + 1] = digits[code[i] & 15];
    }
    json_t *own = json_stringn(text, 2 * bytes);
    free(text);
    return own;
}

json_t *syl_vector_json(const float *vector, int dim)
{
    json_t *all = json_array();
    for (int i = 0; i < dim; i++)
        json_array_append_new(all, json_real((double)vector[i]));
    return all;
}

json_t *syl_name_json(const char *name)
{
    char *clean = syl_utf8_clean(name);
    json_t *own = clean ? json_string(clean) : NULL;
    free(clean);
    return own;
}

syl_status syl_print_json(json_t *object, syl_error *err)
{
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    if (!line) return syl_fail(err, SYL_ENOMEM, "no memory for a line of JSON");
    bool failed = puts(line) == EOF || fflush(stdout);
    free(line);
    if (!failed) return SYL_OK;
    syl_note_stdout_failure();
    return syl_fail(err, SYL_ECANCELLED, "standard output cannot be written");
}
