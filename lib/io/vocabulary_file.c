/* Vocabularies as text: a line ITEM<TAB>COUNT for each id. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/io/utf8.h"
#include "lib/io/vocabulary_inner.h"

#define NUMBER_BYTES 24 /* a TAB, 19 digits, a newline and the NUL of snprintf */

/* Bytes of the line, which `out` has room for. */
static size_t write_line(const syl_record *r, char *out)
{
    memcpy(out, r->text, r->length);
    int n = snprintf(out + r->length, NUMBER_BYTES, "\t%" PRId64 "\n", r->count);
    return r->length + (size_t)n;
}

syl_status syl_vocabulary_save(const syl_vocabulary *v, const char *path, syl_error *err)
{
    char line[SYL_ITEM_MAX + NUMBER_BYTES];
    syl_atomic file;
    SYL_TRY(syl_atomic_open(&file, path, err));
    for (int64_t i = 0; i < v->size; i++)
        fwrite(line, 1, write_line(v->by_id[i], line), file.stream);
    return syl_atomic_commit(&file, err); /* which sees failures of fwrite */
}

syl_status syl_vocabulary_write(const syl_vocabulary *v, char **data, size_t *size, syl_error *err)
{
    size_t room = 1;
    for (int64_t i = 0; i < v->size; i++)
        room += v->by_id[i]->length + NUMBER_BYTES;
    *size = 0;
    *data = malloc(room);
    if (!*data) return syl_fail_memory(err, room, "a vocabulary's text");
    for (int64_t i = 0; i < v->size; i++)
        *size += write_line(v->by_id[i], *data + *size);
    return SYL_OK;
}

/* A decimal number of at most 18 digits; -1: it is none. */
static int64_t read_count(const char *p, size_t n)
{
    int64_t count = 0;
    if (n < 1 || n > 18) return -1;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return -1;
        count = count * 10 + (p[i] - '0');
    }
    return count;
}

typedef struct parser {
    const char *at, *end, *name;
    int64_t line;
    syl_error *err;
} parser;

static syl_status bad(const parser *p, const char *what)
{
    return syl_fail(p->err, SYL_EFORMAT,
                    "%s: line %" PRId64 " %s; a vocabulary has lines of a word, a TAB and a count",
                    p->name, p->line, what);
}

static syl_status read_line(parser *p, syl_vocabulary *v)
{
    size_t left = (size_t)(p->end - p->at);
    const char *newline = memchr(p->at, '\n', left);
    p->line++;
    if (!newline) return bad(p, "does not end, the file is cut off");
    const char *tab = memchr(p->at, '\t', (size_t)(newline - p->at));
    if (!tab || tab == p->at) return bad(p, tab ? "has no word" : "has no TAB");
    size_t length = (size_t)(tab - p->at);
    if (length > SYL_ITEM_MAX) return bad(p, "has too long a word");
    if (memchr(p->at, 0, length) || syl_utf8_valid(p->at, length) != length)
        return bad(p, "is not UTF-8");
    int64_t count = read_count(tab + 1, (size_t)(newline - tab - 1));
    if (count < 0) return bad(p, "has no count after its TAB");
    if (count > INT64_MAX - v->total) return bad(p, "makes the sum of counts too large");
    bool known;
    SYL_TRY(syl_vocabulary_append(v, p->at, length, count, &known, p->err));
    if (known) return bad(p, "has a word that an earlier line has");
    p->at = newline + 1;
    return SYL_OK;
}

syl_status syl_vocabulary_parse(syl_vocabulary **out, const char *data, size_t size,
                                const char *name, syl_error *err)
{
    int64_t lines = 0;
    *out = NULL;
    for (const char *p = data; size && (p = memchr(p, '\n', size - (size_t)(p - data))); p++)
        lines++;
    if (size && data[size - 1] != '\n') lines++;
    if (lines == 0) return syl_fail(err, SYL_EFORMAT, "%s: the vocabulary is empty", name);
    if (lines > INT32_MAX)
        return syl_fail(err, SYL_EFORMAT, "%s: a vocabulary of %" PRId64 " items is too large",
                        name, lines);
    syl_vocabulary *v;
    SYL_TRY(syl_vocabulary_allocate(&v, lines, err));
    parser p = {.at = data, .end = data + size, .name = name, .err = err};
    syl_status status = SYL_OK;
    while (!status && p.at < p.end)
        status = read_line(&p, v);
    if (status)
        syl_vocabulary_free(v);
    else
        *out = v;
    return status;
}

syl_status syl_vocabulary_load(syl_vocabulary **out, const char *path, syl_error *err)
{
    syl_map map;
    *out = NULL;
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_vocabulary_parse(out, (const char *)map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}
