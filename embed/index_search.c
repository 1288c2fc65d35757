/* Searching an index: batches of queries, by tables or by the scan, to lists of hits. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/index.h"
#include "embed/index_hits.h"
#include "lib/base/memory.h"

#define MOST_THREADS 1024
#define MOST_QUERIES 1024                /* of a batch */
#define BATCH_BYTES ((int64_t)256 << 20) /* of its lists */
/* A look at a random place costs as much as the scan of so many codes. */
#define CODES_A_LOOK 250

syl_search_options syl_search_options_defaults(void)
{
    return (syl_search_options){.k = 10, .radius = -1, .threads = 1};
}

static syl_status check_options(const syl_index *index, const syl_search_options *o, syl_error *err)
{
    if (o->k < 0)
        return syl_fail(err, SYL_EINVAL, "k is %" PRId64 "; give 0 (no bound) or more", o->k);
    if (o->candidates < 0)
        return syl_fail(err, SYL_EINVAL, "candidates is %" PRId64 "; give 0 (all) or more",
                        o->candidates);
    if (o->threads < 1 || o->threads > MOST_THREADS)
        return syl_fail(err, SYL_EINVAL, "%d threads; give 1 to %d", o->threads, MOST_THREADS);
    if ((unsigned)o->method > SYL_INDEX_TABLES)
        return syl_fail(err, SYL_EINVAL, "search method %d is unknown", (int)o->method);
    if (o->method == SYL_INDEX_TABLES && !index->tables.parts)
        return syl_fail(
            err, SYL_EINVAL,
            "the index has no tables; call syl_index_build after the last code is added");
    return SYL_OK;
}

/* ---- a batch ------------------------------------------------------------------------------ */

typedef struct batch {
    const syl_index *index;
    const syl_search_options *options;
    int64_t k;         /* of the lists, -1: no bound */
    int64_t n;         /* queries */
    uint64_t *queries; /* [n][words] */
    syl_code_list *lists;
} batch;

static void free_lists(syl_code_list *lists, int64_t n)
{
    for (int64_t i = 0; lists && i < n; i++)
        syl_code_list_free(&lists[i]);
    free(lists);
}

static syl_status make_lists(const batch *b, int64_t n, bool ordered, syl_code_list **out,
                             syl_error *err)
{
    syl_code_list *lists = syl_calloc((size_t)n, sizeof *lists);
    syl_status status = SYL_OK;
    if (!lists) return syl_fail_memory(err, (size_t)n * sizeof *lists, "queries' hits");
    for (int64_t i = 0; i < n && status == SYL_OK; i++)
        status = syl_code_list_create(&lists[i], b->index->words, b->k, b->options->radius, ordered,
                                      err);
    if (status)
        free_lists(lists, n);
    else
        *out = lists;
    return status;
}

static syl_status scan(const batch *b, const uint64_t *queries, int64_t n, syl_code_list **lists,
                       syl_error *err)
{
    syl_codes codes = syl_index_codes(b->index);
    SYL_TRY(make_lists(b, n, true, lists, err));
    if (syl_index_device_takes(b->index, b->k))
        return syl_index_device_scan(b->index, queries, n, b->k, *lists, err);
    return syl_hamming_scan(&codes, queries, n, *lists, NULL, b->options->threads, err);
}

/* Those whose search by tables became too dear. */
static syl_status scan_rest(const batch *b, const bool *done, syl_error *err)
{
    int words = b->index->words;
    uint64_t *queries = syl_calloc((size_t)(b->n * words), sizeof *queries);
    syl_code_list *lists = NULL;
    int64_t n = 0;
    if (!queries) return syl_fail_memory(err, (size_t)(b->n * words) * 8, "queries");
    for (int64_t q = 0; q < b->n; q++)
        if (!done[q])
            memcpy(queries + words * n++, b->queries + words * q, sizeof *queries * (size_t)words);
    syl_status status = n ? scan(b, queries, n, &lists, err) : SYL_OK;
    for (int64_t q = b->n - 1, i = n; status == SYL_OK && q >= 0; q--)
        if (!done[q]) {
            syl_code_list_free(&b->lists[q]);
            b->lists[q] = lists[--i];
            lists[i] = (syl_code_list){.items = NULL};
        }
    free_lists(lists, n);
    free(queries);
    return status;
}

static syl_status look_up(batch *b, syl_error *err)
{
    bool always = b->options->method == SYL_INDEX_TABLES;
    int64_t budget = always ? INT64_MAX : b->index->tables.n / CODES_A_LOOK;
    bool *done = syl_calloc((size_t)b->n, sizeof *done);
    if (!done) return syl_fail_memory(err, (size_t)b->n, "queries");
    syl_status status = make_lists(b, b->n, false, &b->lists, err);
    if (status == SYL_OK) {
#pragma omp parallel for num_threads(b->options->threads) schedule(dynamic, 4)
        for (int64_t q = 0; q < b->n; q++)
            done[q] = syl_index_tables_search(b->index, b->queries + q * b->index->words, budget,
                                              &b->lists[q]);
        status = scan_rest(b, done, err);
    }
    free(done);
    return status;
}

static syl_status search_batch(batch *b, syl_error *err)
{
    bool tables = b->options->method != SYL_INDEX_SCAN && b->index->tables.parts;
    SYL_TRY(tables ? look_up(b, err) : scan(b, b->queries, b->n, &b->lists, err));
    for (int64_t q = 0; q < b->n; q++)
        SYL_TRY(syl_code_list_finish(&b->lists[q], err));
    return SYL_OK;
}

/* ---- all queries -------------------------------------------------------------------------- */

/* So that the lists of a batch have room; a radius lets few codes through, as a rule. */
static int64_t batch_size(const syl_index *index, int64_t k, int radius)
{
    int64_t n = index->in_file + index->added, least = radius >= 0 ? 64 : 1;
    int64_t hits = k < 0 || k > n ? n : k, size = BATCH_BYTES / 16 / (hits + 1);
    return size > MOST_QUERIES ? MOST_QUERIES : size < least ? least : size;
}

static syl_status search(const syl_index *index, const uint8_t *queries, const float *vectors,
                         int64_t n, const syl_search_options *o, int64_t k, syl_hits *out,
                         syl_error *err)
{
    int64_t most = batch_size(index, k, o->radius);
    syl_hits_builder hits;
    SYL_TRY(syl_hits_begin(&hits, n, vectors != NULL, err));
    uint64_t *words = syl_calloc((size_t)most * (size_t)index->words, sizeof *words);
    syl_status status =
        words ? syl_index_check(index, "query", queries, n, err)
              : syl_fail_memory(err, (size_t)(most * index->words) * sizeof *words, "queries");
    for (int64_t q = 0; q < n && status == SYL_OK; q += most) {
        batch b = {index, o, k, n - q < most ? n - q : most, words, NULL};
        syl_index_unpack(index, queries + q * index->bytes, b.n, words);
        status = search_batch(&b, err);
        if (status == SYL_OK)
            status = vectors ? syl_hits_rank(&hits, index, b.lists, vectors + q * index->dim, b.n,
                                             o, err)
                             : syl_hits_append(&hits, b.lists, b.n, err);
        free_lists(b.lists, b.n);
    }
    free(words);
    if (status)
        syl_hits_free(&hits.hits);
    else
        *out = hits.hits;
    return status;
}

static syl_status check_queries(int64_t n, syl_error *err)
{
    if (n < 0 || n > INT32_MAX)
        return syl_fail(err, SYL_EINVAL, "%" PRId64 " queries; give 0 to %d at a time", n,
                        INT32_MAX);
    return SYL_OK;
}

syl_status syl_index_search(const syl_index *index, const uint8_t *queries, int64_t n,
                            const syl_search_options *options, syl_hits *out, syl_error *err)
{
    syl_search_options o = options ? *options : syl_search_options_defaults();
    *out = (syl_hits){.num_queries = 0};
    SYL_TRY(check_queries(n, err));
    SYL_TRY(check_options(index, &o, err));
    return search(index, queries, NULL, n, &o, o.k ? o.k : -1, out, err);
}

syl_status syl_index_rank(const syl_index *index, const uint8_t *queries, const float *vectors,
                          int64_t n, const syl_search_options *options, syl_hits *out,
                          syl_error *err)
{
    syl_search_options o = options ? *options : syl_search_options_defaults();
    *out = (syl_hits){.num_queries = 0};
    SYL_TRY(check_queries(n, err));
    SYL_TRY(check_options(index, &o, err));
    if (!index->dim)
        return syl_fail(err, SYL_EINVAL,
                        "this index has no vectors to rank by; make one with them, or search by "
                        "codes alone");
    SYL_TRY(syl_index_check_finite(index, "query vector", vectors, n, err));
    return search(index, queries, vectors, n, &o, o.candidates ? o.candidates : -1, out, err);
}
