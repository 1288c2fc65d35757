/* Counting items, and the vocabulary out of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/vocabulary_inner.h"

struct syl_counter {
    syl_vocabulary_options options;
    syl_word_table table;
    int64_t words;     /* occurrences, bigrams not among them */
    int64_t forgotten; /* items counted at most so often are forgotten */
};

syl_vocabulary_options syl_vocabulary_defaults(void)
{
    return (syl_vocabulary_options){.min_count = 1, .max_counted = 20000000};
}

static bool is_bigram(const char *text, size_t length)
{
    return memchr(text, ' ', length) != NULL; /* no word has a space in it */
}

syl_status syl_counter_create(syl_counter **out, const syl_vocabulary_options *o, syl_error *err)
{
    *out = NULL;
    if (o->min_count < 1 || o->min_bigram_count < 0)
        return syl_fail(err, SYL_EINVAL,
                        "the least count of an item is %" PRId64 "; needs 1 or more",
                        o->min_count < 1 ? o->min_count : o->min_bigram_count);
    if (o->max_size < 0 || o->max_size > INT32_MAX)
        return syl_fail(err, SYL_EINVAL,
                        "the vocabulary's size is %" PRId64 "; needs 0 (all) to %d", o->max_size,
                        INT32_MAX);
    if (o->max_counted < 1000 || o->max_counted > INT32_MAX)
        return syl_fail(err, SYL_EINVAL, "%" PRId64 " items to count at a time; needs 1000 to %d",
                        o->max_counted, INT32_MAX);
    syl_counter *c = calloc(1, sizeof *c);
    if (!c) return syl_fail_memory(err, sizeof *c, "a counter");
    c->options = *o;
    *out = c;
    return SYL_OK;
}

void syl_counter_free(syl_counter *c)
{
    if (!c) return;
    syl_word_table_free(&c->table);
    free(c);
}

/* Forgets rare items until at most 3/4 of max_counted are left. */
static syl_status forget_rare(syl_counter *c, syl_error *err)
{
    size_t goal = (size_t)c->options.max_counted / 4 * 3;
    while (c->table.used > goal) {
        syl_word_table left = {0};
        syl_status status = SYL_OK;
        size_t chunk = 0, at = 0;
        c->forgotten++;
        for (syl_record *r, *to; !status && (r = syl_word_table_next(&c->table, &chunk, &at));) {
            if (r->count <= c->forgotten) continue;
            status = syl_word_table_put(&left, r->text, r->length, &to, err);
            if (!status) to->count = r->count;
        }
        if (status) {
            syl_word_table_free(&left);
            return status;
        }
        syl_word_table_free(&c->table);
        c->table = left;
    }
    return SYL_OK;
}

syl_status syl_counter_add(syl_counter *c, const syl_items *items, syl_error *err)
{
    /* In pieces, so that one text of only new items does not pass the limit by much. */
    size_t piece = (size_t)c->options.max_counted / 4;
    for (size_t first = 0; first < items->count; first += piece) {
        size_t n = items->count - first < piece ? items->count - first : piece;
        if (c->table.used + n > (size_t)c->options.max_counted &&
            c->table.used > (size_t)c->options.max_counted / 4 * 3)
            SYL_TRY(forget_rare(c, err));
        SYL_TRY(syl_word_table_count(&c->table, items->letters, items->items + first, n, err));
    }
    c->words += (int64_t)items->words;
    return SYL_OK;
}

/* ---- sorting -------------------------------------------------------------------------- */

/* An item with what decides most comparisons: its count and its first bytes. */
typedef struct ranked {
    int64_t count;
    uint64_t prefix; /* big endian, zeros behind a short item */
    const syl_record *record;
} ranked;

static int by_rank(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    if (x->prefix != y->prefix) return x->prefix < y->prefix ? -1 : 1;
    return strcmp(x->record->text, y->record->text); /* no NUL inside: as bytes */
}

static uint64_t prefix_of(const syl_record *r)
{
    uint64_t prefix = 0;
    for (uint32_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (i < r->length ? (unsigned char)r->text[i] : 0);
    return prefix;
}

static bool is_unknown(const syl_counter *c, const syl_record *r)
{
    return c->options.unknown && !strcmp(r->text, SYL_WORD_UNKNOWN);
}

/* The items that stay, by rank, into list [at most the table's]; UNKNOWN is not among them. */
static size_t rank(const syl_counter *c, ranked *list)
{
    const syl_vocabulary_options *o = &c->options;
    int64_t bigrams = o->min_bigram_count ? o->min_bigram_count : o->min_count;
    size_t n = 0, chunk = 0, at = 0;
    for (syl_record *r; (r = syl_word_table_next(&c->table, &chunk, &at));) {
        if (r->count < (is_bigram(r->text, r->length) ? bigrams : o->min_count)) continue;
        if (!is_unknown(c, r)) list[n++] = (ranked){r->count, prefix_of(r), r};
    }
    qsort(list, n, sizeof *list, by_rank);
    size_t most = o->max_size ? (size_t)o->max_size : INT32_MAX;
    most -= o->unknown;
    return n < most ? n : most;
}

static syl_status build(const syl_counter *c, const ranked *list, size_t n, syl_vocabulary *v,
                        syl_error *err)
{
    int64_t left_out = c->words;
    bool known;
    for (size_t i = 0; i < n; i++)
        if (!is_bigram(list[i].record->text, list[i].record->length)) left_out -= list[i].count;
    if (c->options.unknown)
        SYL_TRY(syl_vocabulary_append(v, SYL_WORD_UNKNOWN, strlen(SYL_WORD_UNKNOWN), left_out,
                                      &known, err));
    for (size_t i = 0; i < n; i++)
        SYL_TRY(syl_vocabulary_append(v, list[i].record->text, list[i].record->length,
                                      list[i].count, &known, err));
    return SYL_OK;
}

syl_status syl_counter_finish(syl_counter *c, syl_vocabulary **out, syl_error *err)
{
    *out = NULL;
    ranked *list = syl_calloc(c->table.used, sizeof *list);
    if (!list) return syl_fail_memory(err, c->table.used * sizeof *list, "sorting a vocabulary");
    size_t n = rank(c, list);
    syl_status status = SYL_OK;
    if (n == 0)
        status = syl_fail(err, SYL_EINVAL,
                          "the vocabulary would be empty: of %" PRId64 " words none comes %" PRId64
                          " times; lower the least count, or see whether the text has words",
                          c->words, c->options.min_count);
    if (!status) status = syl_vocabulary_allocate(out, (int64_t)n + c->options.unknown, err);
    if (!status) status = build(c, list, n, *out, err);
    free(list);
    if (status) {
        syl_vocabulary_free(*out);
        *out = NULL;
    }
    return status;
}
