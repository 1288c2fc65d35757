/* Using a vocabulary. */
#include "lib/io/vocabulary.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/io/vocabulary_inner.h"

syl_status syl_vocabulary_allocate(syl_vocabulary **out, int64_t size, syl_error *err)
{
    syl_vocabulary *v = calloc(1, sizeof *v);
    *out = NULL;
    if (v) v->by_id = syl_calloc((size_t)size, sizeof *v->by_id);
    if (v) v->counts = syl_calloc((size_t)size, sizeof *v->counts);
    if (!v || !v->by_id || !v->counts) {
        if (v) syl_vocabulary_free(v);
        return syl_fail_memory(err, syl_mul_size((size_t)size, 16), "a vocabulary");
    }
    *out = v;
    return SYL_OK;
}

syl_status syl_vocabulary_append(syl_vocabulary *v, const char *text, size_t length, int64_t count,
                                 bool *known, syl_error *err)
{
    syl_record *r;
    SYL_TRY(syl_word_table_put(&v->table, text, length, &r, err));
    *known = r->id >= 0;
    if (*known) return SYL_OK;
    r->count = count;
    r->id = (int32_t)v->size;
    v->by_id[v->size] = r;
    v->counts[v->size++] = count;
    v->total += count;
    return SYL_OK;
}

int64_t syl_vocabulary_size(const syl_vocabulary *v)
{
    return v->size;
}

int64_t syl_vocabulary_total(const syl_vocabulary *v)
{
    return v->total;
}

const int64_t *syl_vocabulary_counts(const syl_vocabulary *v)
{
    return v->counts;
}

const char *syl_vocabulary_word(const syl_vocabulary *v, int64_t id)
{
    return v->by_id[id]->text;
}

int32_t syl_vocabulary_find(const syl_vocabulary *v, const char *word, size_t length)
{
    const syl_record *r = syl_word_table_find(&v->table, word, length);
    return r ? r->id : -1;
}

void syl_vocabulary_find_all(const syl_vocabulary *v, const syl_items *items, int32_t *ids)
{
    syl_word_table_ids(&v->table, items->letters, items->items, items->count, -1, ids);
}

void syl_vocabulary_free(syl_vocabulary *v)
{
    if (!v) return;
    syl_word_table_free(&v->table);
    free(v->by_id);
    free(v->counts);
    free(v);
}
