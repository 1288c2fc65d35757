#include "embed/wsi_dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/number.h"

#define MAX_NAME 200

/* A line of the key: a context and the name of its sense. */
typedef struct label {
    size_t target, context;
    syl_span sense;
} label;

typedef struct reader {
    syl_wsi_dataset *out;
    size_t room_contexts, room_targets;
    char *names_at;                /* where the next name goes, in out->text behind the contexts */
    const syl_wsi_target **sorted; /* [num_targets] by name */
    label *labels;
    size_t num_labels, room_labels;
    const char *file;
    syl_lines lines;
} reader;

static syl_status bad_line(const reader *r, const char *why, syl_error *err)
{
    return syl_fail(err, SYL_EFORMAT, "%s, line %" PRId64 ": %s", r->file, r->lines.number, why);
}

/* ---- contexts --------------------------------------------------------------------------- */

/* The name twice, whole and up to its last dot. */
static syl_status add_target(reader *r, syl_span name, syl_error *err)
{
    void *targets = r->out->targets;
    SYL_TRY(syl_grow(&targets, &r->room_targets, r->out->num_targets + 1, sizeof *r->out->targets,
                     err));
    r->out->targets = targets;
    char *whole = r->names_at, *word = whole + name.size + 1;
    for (int i = 0; i < 2; i++, r->names_at += name.size + 1) {
        memcpy(r->names_at, name.data, name.size);
        r->names_at[name.size] = '\0';
    }
    char *dot = strrchr(word, '.');
    if (dot && dot > word) *dot = '\0';
    r->out->targets[r->out->num_targets++] =
        (syl_wsi_target){.name = whole, .word = word, .first = r->out->num_contexts};
    return SYL_OK;
}

static syl_status add_context(reader *r, syl_span line, syl_error *err)
{
    syl_wsi_context c = {.sense = SYL_WSI_NO_KEY};
    void *contexts = r->out->contexts;
    if (!syl_next_field(&line, '\t', &c.left) || !syl_next_field(&line, '\t', &c.right) ||
        line.data)
        return bad_line(r, "not a context, \"left<TAB>right\"", err);
    if (r->out->num_contexts == INT32_MAX) return bad_line(r, "too many contexts", err);
    SYL_TRY(syl_grow(&contexts, &r->room_contexts, r->out->num_contexts + 1,
                     sizeof *r->out->contexts, err));
    r->out->contexts = contexts;
    r->out->contexts[r->out->num_contexts++] = c;
    return SYL_OK;
}

/* "word.pos COUNT" and the contexts behind it. */
static syl_status read_target(reader *r, syl_span line, syl_error *err)
{
    syl_span name = {0}, number = {0}, more;
    int64_t count;
    if (!syl_next_word(&line, &name) || !syl_next_word(&line, &number) ||
        syl_next_word(&line, &more) || !syl_parse_count(number, &count) ||
        memchr(name.data, 0, name.size))
        return bad_line(r, "not the beginning of a target, \"word.pos COUNT\"", err);
    if (name.size > MAX_NAME) return bad_line(r, "the target's name has more than 200 bytes", err);
    SYL_TRY(add_target(r, name, err));
    syl_wsi_target *t = &r->out->targets[r->out->num_targets - 1];
    for (int64_t i = 0; i < count; i++) {
        if (!syl_next_line(&r->lines, &line))
            return bad_line(r, "the file ends before the last target's contexts", err);
        SYL_TRY(add_context(r, line, err));
    }
    t->count = r->out->num_contexts - t->first;
    return SYL_OK;
}

static syl_status read_contexts(reader *r, syl_error *err)
{
    syl_span line;
    while (syl_next_line(&r->lines, &line))
        if (syl_trim(line).size) SYL_TRY(read_target(r, line, err));
    return SYL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const syl_wsi_target *const *)a)->name,
                  (*(const syl_wsi_target *const *)b)->name);
}

static syl_status sort_targets(reader *r, syl_error *err)
{
    size_t n = r->out->num_targets;
    r->sorted = syl_calloc(n, sizeof *r->sorted);
    if (!r->sorted) return syl_fail_memory(err, n * sizeof *r->sorted, "targets");
    for (size_t i = 0; i < n; i++)
        r->sorted[i] = &r->out->targets[i];
    if (n) qsort(r->sorted, n, sizeof *r->sorted, by_name);
    for (size_t i = 1; i < n; i++)
        if (!by_name(&r->sorted[i - 1], &r->sorted[i]))
            return syl_fail(err, SYL_EFORMAT, "%s: target \"%s\" is there twice", r->file,
                            r->sorted[i]->name);
    return SYL_OK;
}

/* ---- key -------------------------------------------------------------------------------- */

static const syl_wsi_target *find_target(const reader *r, syl_span name)
{
    char text[MAX_NAME + 1];
    syl_wsi_target key = {.name = text};
    const syl_wsi_target *at = &key;
    if (!r->out->num_targets || name.size > MAX_NAME) return NULL;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    const syl_wsi_target **found =
        bsearch(&at, r->sorted, r->out->num_targets, sizeof *r->sorted, by_name);
    return found ? *found : NULL;
}

/* What is behind "name." or, where the text begins otherwise, all of it. */
static syl_span without_name(syl_span text, syl_span name)
{
    if (text.size <= name.size + 1 || memcmp(text.data, name.data, name.size) ||
        text.data[name.size] != '.')
        return text;
    return (syl_span){text.data + name.size + 1, text.size - name.size - 1};
}

static syl_status add_label(reader *r, label l, syl_error *err)
{
    void *labels = r->labels;
    SYL_TRY(syl_grow(&labels, &r->room_labels, r->num_labels + 1, sizeof *r->labels, err));
    r->labels = labels;
    r->labels[r->num_labels++] = l;
    return SYL_OK;
}

static syl_status read_key_line(reader *r, syl_span line, syl_error *err)
{
    syl_span name = {0}, instance = {0}, sense = {0}, more;
    int64_t number;
    if (!syl_next_word(&line, &name) || !syl_next_word(&line, &instance) ||
        !syl_next_word(&line, &sense))
        return bad_line(r, "not \"word.pos word.pos.N word.pos.SENSE\"", err);
    bool several = syl_next_word(&line, &more) || memmem(sense.data, sense.size, "&&", 2);
    const syl_wsi_target *t = find_target(r, name);
    if (!t) return bad_line(r, "a target that the contexts do not have; is it their key?", err);
    if (!syl_parse_count(without_name(instance, name), &number) || number < 1 ||
        (uint64_t)number > t->count)
        return bad_line(r, "no context has this number; is it their key?", err);
    size_t at = t->first + (size_t)number - 1;
    if (r->out->contexts[at].sense != SYL_WSI_NO_KEY)
        return bad_line(r, "this context had a sense before", err);
    r->out->contexts[at].sense = several ? SYL_WSI_SEVERAL : 0;
    r->out->several += several;
    if (several) return SYL_OK;
    return add_label(r, (label){(size_t)(t - r->out->targets), at, without_name(sense, name)}, err);
}

static int by_sense(const void *a, const void *b)
{
    const label *x = a, *y = b;
    if (x->target != y->target) return x->target < y->target ? -1 : 1;
    size_t least = x->sense.size < y->sense.size ? x->sense.size : y->sense.size;
    int order = memcmp(x->sense.data, y->sense.data, least);
    return order ? order : (x->sense.size > y->sense.size) - (x->sense.size < y->sense.size);
}

static void number_senses(reader *r)
{
    if (r->num_labels) qsort(r->labels, r->num_labels, sizeof *r->labels, by_sense);
    for (size_t i = 0; i < r->num_labels; i++) {
        syl_wsi_target *t = &r->out->targets[r->labels[i].target];
        if (i == 0 || by_sense(&r->labels[i - 1], &r->labels[i])) t->senses++;
        r->out->contexts[r->labels[i].context].sense = t->senses - 1;
    }
    r->out->labelled = r->num_labels;
    r->out->unlabelled = r->out->num_contexts - r->num_labels - r->out->several;
}

static syl_status read_key(reader *r, syl_error *err)
{
    syl_span line;
    while (syl_next_line(&r->lines, &line))
        if (syl_trim(line).size) SYL_TRY(read_key_line(r, line, err));
    number_senses(r);
    return SYL_OK;
}

/* ---- both ------------------------------------------------------------------------------- */

/* The contexts' text, and behind it room for the names: twice as long with their ends as a
 * target's line at most. */
static syl_status copy_text(reader *r, syl_span contexts, syl_error *err)
{
    size_t room = syl_mul_size(contexts.size + 1, 3);
    r->out->text = syl_calloc(room, 1);
    if (!r->out->text) return syl_fail_memory(err, room, "a text of contexts");
    if (contexts.size) memcpy(r->out->text, contexts.data, contexts.size);
    r->names_at = r->out->text + contexts.size;
    r->lines = syl_lines_of(r->out->text, contexts.size);
    return SYL_OK;
}

syl_status syl_wsi_parse(syl_wsi_dataset *out, syl_span contexts, const char *contexts_name,
                         syl_span key, const char *key_name, syl_error *err)
{
    reader r = {.out = out, .file = contexts_name};
    *out = (syl_wsi_dataset){0};
    syl_status status = copy_text(&r, contexts, err);
    if (!status) status = read_contexts(&r, err);
    if (!status) status = sort_targets(&r, err);
    r.file = key_name;
    r.lines = syl_lines_of(key.data, key.size);
    if (!status) status = read_key(&r, err);
    free(r.sorted);
    free(r.labels);
    if (status) syl_wsi_free(out);
    return status;
}

syl_status syl_wsi_read(syl_wsi_dataset *out, const char *contexts_path, const char *key_path,
                        syl_error *err)
{
    syl_map contexts = {0}, key = {0};
    *out = (syl_wsi_dataset){0};
    SYL_TRY(syl_map_open(&contexts, contexts_path, err));
    syl_status status = syl_map_open(&key, key_path, err);
    if (!status) {
        status = syl_wsi_parse(out, (syl_span){(const char *)contexts.data, contexts.size},
                               contexts_path, (syl_span){(const char *)key.data, key.size},
                               key_path, err);
        syl_map_close(&key);
    }
    syl_map_close(&contexts);
    return status;
}

void syl_wsi_free(syl_wsi_dataset *dataset)
{
    free(dataset->contexts);
    free(dataset->targets);
    free(dataset->text);
    *dataset = (syl_wsi_dataset){0};
}
