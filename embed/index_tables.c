/* Multi-index hashing: Norouzi, Punjani & Fleet 2012, "Fast search in Hamming space with
 * multi-index hashing", algorithms 1 and 2.
 *
 * A code is cut into m substrings. If two codes are at a distance of m r + a at most, they are at r
 * at most in one of the first a + 1 substrings, or at r - 1 in one of the others. Buckets are
 * visited in rising order of that distance, so that after step m r + a everything within it has
 * been found. With one substring that is a table of the codes themselves: of all of up to 24 bits,
 * of the first 24 of longer ones. */
#include <stdlib.h>
#include <string.h>

#include "embed/index.h"
#include "lib/base/memory.h"

#define MOST_BITS 24 /* of a substring: 64 MB of bucket numbers */

void syl_index_tables_free(syl_index_tables *tables)
{
    free(tables->begin);
    free(tables->ids);
    *tables = (syl_index_tables){.parts = 0};
}

static inline uint32_t substring(const uint64_t *code, int part, int bits)
{
    int at = part * bits, word = at / 64, shift = at % 64;
    uint64_t value = code[word] >> shift;
    if (shift + bits > 64) value |= code[word + 1] << (64 - shift);
    return (uint32_t)(value & (((uint64_t)1 << bits) - 1));
}

/* ---- building ----------------------------------------------------------------------------- */

/* Substrings of about log2 n bits: a bucket then has about one code (section 4 of the paper). */
static int suitable_parts(int bits, int64_t n)
{
    int log = 1;
    while (log < MOST_BITS && (int64_t)1 << (log + 1) <= n)
        log++;
    int parts = (bits + log / 2) / log;
    return parts < 1 ? 1 : parts;
}

/* A counting sort of the codes' numbers. */
static void fill_table(const syl_codes *codes, const syl_index_tables *t, int part)
{
    size_t buckets = (size_t)1 << t->bits;
    uint32_t *begin = t->begin + (size_t)part * (buckets + 1), *ids = t->ids + part * t->n;
    for (int64_t i = 0; i < t->n; i++)
        begin[substring(syl_codes_at(codes, i), part, t->bits) + 1]++;
    for (size_t b = 0; b < buckets; b++)
        begin[b + 1] += begin[b];
    /* begin[b] runs from its bucket's beginning to its end, which is the next one's beginning. */
    for (int64_t i = 0; i < t->n; i++)
        ids[begin[substring(syl_codes_at(codes, i), part, t->bits)]++] = (uint32_t)i;
    memmove(begin + 1, begin, buckets * sizeof *begin);
    begin[0] = 0;
}

syl_status syl_index_build(syl_index *index, int tables, int threads, syl_error *err)
{
    int64_t n = index->in_file + index->added;
    if (tables < 0 || tables > index->bits)
        return syl_fail(err, SYL_EINVAL,
                        "%d tables for codes of %d bits; give 1 to %d, or 0 for what suits", tables,
                        index->bits, index->bits);
    syl_index_tables t = {.parts = tables ? tables : suitable_parts(index->bits, n), .n = n};
    t.bits = index->bits / t.parts < MOST_BITS ? index->bits / t.parts : MOST_BITS;
    size_t begins = (size_t)t.parts * (((size_t)1 << t.bits) + 1);
    size_t ids = syl_mul_size((size_t)t.parts, (size_t)n);
    t.begin = syl_calloc(begins, sizeof *t.begin);
    t.ids = syl_calloc(ids, sizeof *t.ids);
    if (!t.begin || !t.ids) {
        syl_index_tables_free(&t);
        return syl_fail_memory(err, (begins + ids) * sizeof *t.ids, "an index's tables");
    }
    syl_codes codes = syl_index_codes(index);
#pragma omp parallel for num_threads(threads < 1 ? 1 : threads) schedule(dynamic, 1)
    for (int p = 0; p < t.parts; p++)
        fill_table(&codes, &t, p);
    syl_index_tables_free(&index->tables);
    index->tables = t;
    return SYL_OK;
}

/* ---- search ------------------------------------------------------------------------------- */

typedef struct walk {
    const syl_index *index;
    syl_codes codes;
    const uint64_t *query;
    syl_code_list *list;
    int64_t cost, budget;
    int part, radius; /* the step */
} walk;

/* Whether an earlier step has come by the code: the first substrings have been searched to radius,
 * those from the step's own on to one less. */
static bool seen(const walk *w, const uint64_t *code)
{
    int bits = w->index->tables.bits;
    for (int p = 0; p < w->index->tables.parts; p++) {
        int d = __builtin_popcount(substring(code, p, bits) ^ substring(w->query, p, bits));
        if (d <= w->radius - (p >= w->part)) return true;
    }
    return false;
}

static void visit(walk *w, uint32_t bucket)
{
    const syl_index_tables *t = &w->index->tables;
    const uint32_t *begin = t->begin + (size_t)w->part * (((size_t)1 << t->bits) + 1);
    const uint32_t *ids = t->ids + w->part * t->n;
    w->cost += 1 + begin[bucket + 1] - begin[bucket];
    for (uint32_t i = begin[bucket]; i < begin[bucket + 1]; i++) {
        const uint64_t *code = syl_codes_at(&w->codes, ids[i]);
        int d = syl_code_distance(code, w->query, w->index->words);
        if (d < w->list->reach && !seen(w, code)) syl_code_list_offer(w->list, d, ids[i]);
    }
}

/* All buckets whose substring differs from the query's in exactly `radius` bits: Gosper's way to
 * the next number of as many bits (HAKMEM item 175). */
static bool step(walk *w)
{
    int bits = w->index->tables.bits;
    uint32_t own = substring(w->query, w->part, bits);
    if (w->radius > bits) return true;
    if (w->radius == 0) {
        visit(w, own);
        return true;
    }
    for (uint64_t flips = ((uint64_t)1 << w->radius) - 1; flips < (uint64_t)1 << bits;) {
        if (w->cost > w->budget) return false;
        visit(w, own ^ (uint32_t)flips);
        uint64_t lowest = flips & -flips, ripple = flips + lowest;
        flips = ripple | (flips ^ ripple) >> 2 >> __builtin_ctzll(lowest);
    }
    return true;
}

bool syl_index_tables_search(const syl_index *index, const uint64_t *query, int64_t budget,
                             syl_code_list *list)
{
    walk w = {.index = index,
              .codes = syl_index_codes(index),
              .query = query,
              .list = list,
              .budget = budget};
    int parts = index->tables.parts;
    /* Once k are found, what is beyond the k-th's distance is no longer wanted. */
    for (int distance = 0; distance < list->reach; distance++) {
        w.radius = distance / parts;
        w.part = distance % parts;
        if (w.radius > index->tables.bits) break; /* everything has been visited */
        if (!step(&w)) return false;
    }
    return true;
}
