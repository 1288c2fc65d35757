#include "embed/label_sets.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/io/lines.h"

/* ---- names ---------------------------------------------------------------------------------- */

struct syl_label_names {
    char **name; /* [count], owned */
    size_t count, room;
    int32_t *slots; /* [num_slots] numbers of labels by hash, -1: free; a power of two */
    size_t num_slots;
};

#define FIRST_SLOTS 64

syl_status syl_label_names_create(syl_label_names **out, syl_error *err)
{
    syl_label_names *names = calloc(1, sizeof *names);
    *out = names;
    if (names) names->slots = malloc(FIRST_SLOTS * sizeof *names->slots);
    if (!names || !names->slots) {
        free(names);
        *out = NULL;
        return syl_fail_memory(err, sizeof *names, "names of labels");
    }
    names->num_slots = FIRST_SLOTS;
    memset(names->slots, -1, FIRST_SLOTS * sizeof *names->slots);
    return SYL_OK;
}

void syl_label_names_free(syl_label_names *names)
{
    if (!names) return;
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    free(names->slots);
    free(names);
}

int32_t syl_label_names_count(const syl_label_names *names)
{
    return (int32_t)names->count;
}

const char *syl_label_name(const syl_label_names *names, int32_t label)
{
    return names->name[label];
}

/* The slot of a name, or the free one where it belongs. */
static size_t find_slot(const syl_label_names *names, const char *name)
{
    size_t at = (size_t)syl_hash_text(SYL_HASH_START, name);
    for (;; at++) {
        at &= names->num_slots - 1;
        if (names->slots[at] < 0 || !strcmp(names->name[names->slots[at]], name)) return at;
    }
}

static syl_status double_slots(syl_label_names *names, syl_error *err)
{
    size_t num = 2 * names->num_slots, bytes = syl_mul_size(num, sizeof *names->slots);
    int32_t *slots = malloc(bytes);
    if (!slots) return syl_fail_memory(err, bytes, "names of labels");
    free(names->slots);
    names->slots = slots;
    names->num_slots = num;
    memset(slots, -1, bytes);
    for (size_t i = 0; i < names->count; i++)
        slots[find_slot(names, names->name[i])] = (int32_t)i;
    return SYL_OK;
}

static syl_status number_of(syl_label_names *names, const char *name, int32_t *number,
                            syl_error *err)
{
    size_t at = find_slot(names, name);
    *number = names->slots[at];
    if (*number >= 0) return SYL_OK;
    if (names->count >= INT32_MAX / 4)
        return syl_fail(err, SYL_EFORMAT, "more than %d different labels", INT32_MAX / 4);
    SYL_TRY(
        syl_grow((void **)&names->name, &names->room, names->count + 1, sizeof *names->name, err));
    char *copy = strdup(name);
    if (!copy) return syl_fail_memory(err, strlen(name) + 1, "a label");
    *number = (int32_t)names->count;
    names->name[names->count++] = copy;
    names->slots[at] = *number;
    return 2 * names->count > names->num_slots ? double_slots(names, err) : SYL_OK;
}

/* ---- sets ----------------------------------------------------------------------------------- */

/* Sets that grow. */
typedef struct builder {
    syl_label_sets *sets;
    size_t begin_room, label_room;
} builder;

static syl_status start(builder *b, syl_label_sets *sets, syl_label_names *names, syl_error *err)
{
    *b = (builder){.sets = sets};
    *sets = (syl_label_sets){.names = names};
    SYL_TRY(syl_grow((void **)&sets->begin, &b->begin_room, 1, sizeof *sets->begin, err));
    sets->begin[0] = 0;
    return SYL_OK;
}

static int ascending(const void *x, const void *y)
{
    int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;
    return (a > b) - (a < b);
}

/* The document's labels lie from begin[count] up to `end`, in any order and with doubles. */
static syl_status add_document(builder *b, int64_t end, syl_error *err)
{
    syl_label_sets *sets = b->sets;
    int64_t from = sets->begin[sets->count], kept = from;
    SYL_TRY(syl_grow((void **)&sets->begin, &b->begin_room, (size_t)sets->count + 2,
                     sizeof *sets->begin, err));
    if (end - from > 1)
        qsort(sets->labels + from, (size_t)(end - from), sizeof *sets->labels, ascending);
    for (int64_t i = from; i < end; i++)
        if (i == from || sets->labels[i] != sets->labels[kept - 1])
            sets->labels[kept++] = sets->labels[i];
    sets->begin[++sets->count] = kept;
    return SYL_OK;
}

static syl_status add_label(builder *b, const char *name, int64_t *end, syl_error *err)
{
    syl_label_sets *sets = b->sets;
    SYL_TRY(syl_grow((void **)&sets->labels, &b->label_room, (size_t)*end + 1, sizeof *sets->labels,
                     err));
    return number_of(sets->names, name, &sets->labels[(*end)++], err);
}

void syl_label_sets_free(syl_label_sets *sets)
{
    free(sets->begin);
    free(sets->labels);
    *sets = (syl_label_sets){0};
}

/* ---- a text file ---------------------------------------------------------------------------- */

static syl_status copy_label(char name[SYL_LABEL_MAX + 1], syl_span label, syl_error *err)
{
    if (label.size > SYL_LABEL_MAX)
        return syl_fail(err, SYL_EFORMAT,
                        "a label of %zu bytes, more than %d; labels need blanks or commas between "
                        "them",
                        label.size, SYL_LABEL_MAX);
    for (size_t i = 0; i < label.size; i++)
        if ((unsigned char)label.data[i] < ' ' || label.data[i] == 0x7f)
            return syl_fail(err, SYL_EFORMAT, "byte 0x%02x in a label; a text file is expected",
                            (unsigned char)label.data[i]);
    memcpy(name, label.data, label.size);
    name[label.size] = '\0';
    return SYL_OK;
}

static syl_status add_line(builder *b, syl_span line, syl_error *err)
{
    int64_t end = b->sets->begin[b->sets->count];
    syl_span word, label, rest = line;
    char name[SYL_LABEL_MAX + 1];
    bool none = syl_span_is(syl_trim(line), "-");
    while (!none && syl_next_word(&rest, &word))
        while (syl_next_field(&word, ',', &label)) {
            if (label.size == 0) continue;
            SYL_TRY(copy_label(name, label, err));
            SYL_TRY(add_label(b, name, &end, err));
        }
    return add_document(b, end, err);
}

syl_status syl_label_sets_parse(syl_label_sets *sets, syl_label_names *names, const void *text,
                                size_t size, const char *name, syl_error *err)
{
    builder b;
    syl_span line;
    syl_error inner = {.status = SYL_OK};
    syl_lines lines = syl_lines_of(text, size);
    syl_status status = start(&b, sets, names, &inner);
    while (status == SYL_OK && syl_next_line(&lines, &line))
        status = add_line(&b, line, &inner);
    if (status == SYL_OK) return SYL_OK;
    syl_label_sets_free(sets);
    return syl_fail(err, status, "%.200s: line %lld: %s", name, (long long)lines.number,
                    inner.message);
}

syl_status syl_label_sets_read(syl_label_sets *sets, syl_label_names *names, const char *path,
                               syl_error *err)
{
    syl_map map;
    *sets = (syl_label_sets){0};
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_label_sets_parse(sets, names, map.data, map.size, path, err);
    syl_map_close(&map);
    return status;
}

/* ---- names of documents --------------------------------------------------------------------- */

static syl_status add_path(builder *b, const char *path, syl_error *err)
{
    int64_t end = b->sets->begin[b->sets->count];
    const char *slash = strrchr(path, '/'), *from = slash;
    char name[SYL_LABEL_MAX + 1];
    while (from && from > path && from[-1] != '/')
        from--;
    if (slash && slash > from) {
        SYL_TRY(copy_label(name, (syl_span){from, (size_t)(slash - from)}, err));
        SYL_TRY(add_label(b, name, &end, err));
    }
    return add_document(b, end, err);
}

syl_status syl_label_sets_from_paths(syl_label_sets *sets, syl_label_names *names,
                                     const char *const *paths, int64_t count, syl_error *err)
{
    builder b;
    syl_error inner = {.status = SYL_OK};
    int64_t i = 0;
    syl_status status = start(&b, sets, names, &inner);
    for (; status == SYL_OK && i < count; i++)
        status = add_path(&b, paths[i], &inner);
    if (status == SYL_OK) return SYL_OK;
    syl_label_sets_free(sets);
    return syl_fail(err, status, "document %lld: its folder's name: %s", (long long)i,
                    inner.message);
}

/* ---- relevance ------------------------------------------------------------------------------ */

static float relevance_by(syl_relevance kind, int64_t shared, int64_t query, int64_t document)
{
    if (shared == 0) return 0;
    if (kind == SYL_RELEVANCE_GRADED) return (float)shared / (float)(query + document - shared);
    return kind == SYL_RELEVANCE_FRACTION ? (float)shared / (float)query : 1;
}

void syl_relevance_of(syl_relevance kind, const syl_label_sets *queries, int64_t q,
                      const syl_label_sets *documents, uint8_t *marks, float *relevance)
{
    int64_t from = queries->begin[q], to = queries->begin[q + 1];
    for (int64_t k = from; k < to; k++)
        marks[queries->labels[k]] = 1;
    for (int64_t j = 0; j < documents->count; j++) {
        int64_t first = documents->begin[j], end = documents->begin[j + 1], shared = 0;
        for (int64_t k = first; k < end; k++)
            shared += marks[documents->labels[k]];
        relevance[j] = relevance_by(kind, shared, to - from, end - first);
    }
    for (int64_t k = from; k < to; k++)
        marks[queries->labels[k]] = 0;
}
