/* Search among all codes: tiles of them that stay in the first-level cache while all queries go
 * over them, so that a batch of queries is bound by computation and not by memory. */
#include "lib/compute/hamming.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clones.h"
#include "lib/base/memory.h"
#include "lib/compute/cpu/context.h"

#define FIRST_TILE 64      /* codes; tiles grow from here, because at first every code is near */
#define FEW_QUERIES 4      /* below so many, codes are not worth to be rearranged */
#define QUERIES_A_THREAD 8 /* from so many on, threads share out the queries, else the codes */

SYL_INLINE void slice_words(const uint64_t *codes, int slices, int words, uint64_t *tile)
{
    for (int s = 0; s < slices; s++, codes += SYL_SLICE * words, tile += SYL_SLICE * words)
        for (int w = 0; w < words; w++)
            for (int i = 0; i < SYL_SLICE; i++)
                tile[w * SYL_SLICE + i] = codes[i * words + w];
}

SYL_CLONES static void slice_codes(const uint64_t *codes, int slices, int words, uint64_t *tile)
{
    if (words == 2)
        slice_words(codes, slices, 2, tile);
    else if (words == 4)
        slice_words(codes, slices, 4, tile);
    else
        slice_words(codes, slices, words, tile);
}

/* n codes to a tile; the last slice is filled up with zeros. */
static void to_slices(const uint64_t *codes, int n, int words, uint64_t *tile)
{
    int whole = n / SYL_SLICE * SYL_SLICE;
    slice_codes(codes, whole / SYL_SLICE, words, tile);
    if (n > whole) memset(tile + whole * words, 0, sizeof *tile * SYL_SLICE * (size_t)words);
    for (int i = whole; i < n; i++)
        for (int w = 0; w < words; w++)
            tile[whole * words + w * SYL_SLICE + i - whole] = codes[i * words + w];
}

typedef struct scan {
    const syl_codes *codes;
    const uint64_t *queries;
    const syl_hamming_kernel *kernel;
    int words;
} scan;

/* n codes at `codes`, number `first` on, for all queries. */
static void scan_tile(const scan *s, const uint64_t *codes, int n, int64_t first, int64_t begin,
                      int64_t end, syl_code_list *lists, uint64_t *tile)
{
    syl_near found[SYL_TILE_CODES];
    bool rows = end - begin < FEW_QUERIES && s->kernel->near_rows;
    const uint64_t *slices = tile;
    if (s->words == 1 && n % SYL_SLICE == 0)
        slices = codes;
    else if (!rows)
        to_slices(codes, n, s->words, tile);
    for (int64_t q = begin; q < end; q++) {
        const uint64_t *query = s->queries + q * s->words;
        syl_code_list *list = lists + q;
        int count = rows ? s->kernel->near_rows(codes, n, s->words, query, list->reach, found)
                         : s->kernel->near(slices, n, s->words, query, list->reach, found);
        for (int i = 0; i < count; i++)
            syl_code_list_offer(list, found[i].distance, (uint32_t)(first + found[i].place));
    }
}

/* Codes [from, to) for the queries [begin, end). */
static void scan_range(const scan *s, int64_t from, int64_t to, int64_t begin, int64_t end,
                       syl_code_list *lists)
{
    uint64_t tile[SYL_TILE_WORDS] __attribute__((aligned(64)));
    int64_t most = SYL_TILE_WORDS / s->words / SYL_SLICE * SYL_SLICE, size = FIRST_TILE;
    for (int64_t at = from; at < to;) {
        int64_t part_end = at < s->codes->n[0] ? s->codes->n[0] : to, n = size < most ? size : most;
        if (part_end > to) part_end = to;
        if (n > part_end - at) n = part_end - at;
        scan_tile(s, syl_codes_at(s->codes, at), (int)n, at, begin, end, lists, tile);
        at += n;
        size *= 2;
        if (size > most) size = most;
    }
}

/* ---- threads ------------------------------------------------------------------------------ */

static void free_lists(syl_code_list *lists, int64_t n)
{
    for (int64_t i = 0; lists && i < n; i++)
        syl_code_list_free(&lists[i]);
    free(lists);
}

/* Each thread has lists of its own for its part of the codes. */
static syl_status share_codes(const scan *s, int64_t n, int64_t num_queries, syl_code_list *lists,
                              int threads, syl_error *err)
{
    int64_t more = (threads - 1) * num_queries, made = 0;
    syl_code_list *own = syl_calloc((size_t)more, sizeof *own);
    if (!own) return syl_fail_memory(err, (size_t)more * sizeof *own, "threads' nearest codes");
    syl_status status = SYL_OK;
    for (; made < more && status == SYL_OK; made++) {
        const syl_code_list *like = &lists[made % num_queries];
        int64_t k = like->k == INT64_MAX ? -1 : like->k;
        status = syl_code_list_create(&own[made], s->words, k, like->radius, true, err);
    }
    if (status == SYL_OK) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
        for (int t = 0; t < threads; t++)
            scan_range(s, n * t / threads, n * (t + 1) / threads, 0, num_queries,
                       t ? own + (t - 1) * num_queries : lists);
        for (int64_t i = 0; i < more; i++) {
            syl_code_list *to = &lists[i % num_queries];
            for (size_t j = 0; j < own[i].size; j++)
                syl_code_list_offer(to, (int)(own[i].items[j] >> 32), (uint32_t)own[i].items[j]);
            to->failed |= own[i].failed;
        }
    }
    free_lists(own, made);
    return status;
}

static void share_queries(const scan *s, int64_t n, int64_t num_queries, syl_code_list *lists,
                          int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++)
        scan_range(s, 0, n, num_queries * t / threads, num_queries * (t + 1) / threads, lists);
}

syl_status syl_hamming_scan(const syl_codes *codes, const uint64_t *queries, int64_t num_queries,
                            syl_code_list *lists, const syl_hamming_kernel *kernel, int threads,
                            syl_error *err)
{
    int count;
    int64_t n = codes->n[0] + codes->n[1];
    scan s = {codes, queries, kernel ? kernel : syl_hamming_kernels(&count)[0], codes->words};
    if (n == 0 || num_queries == 0) return SYL_OK;
    if (threads > 1 && num_queries < (int64_t)threads * QUERIES_A_THREAD &&
        n >= (int64_t)threads * SYL_TILE_CODES)
        return share_codes(&s, n, num_queries, lists, threads, err);
    share_queries(&s, n, num_queries, lists,
                  num_queries < threads ? (int)num_queries
                  : threads < 1         ? 1
                                        : threads);
    return SYL_OK;
}

/* ---- the operation ------------------------------------------------------------------------ */

static void put_hits(const syl_code_list *list, int k, int32_t *distance, int32_t *id)
{
    for (int i = 0; i < k; i++) {
        bool there = (size_t)i < list->size;
        distance[i] = there ? (int32_t)(list->items[i] >> 32) : -1;
        id[i] = there ? (int32_t)(uint32_t)list->items[i] : -1;
    }
}

syl_status syl_cpu_hamming(syl_ctx *ctx, const uint64_t *codes, int64_t n, int words,
                           const uint64_t *queries, int64_t num_queries, int k, int32_t *distance,
                           int32_t *id, syl_error *err)
{
    syl_codes all = {{codes, NULL}, {n, 0}, words};
    syl_code_list *lists = syl_calloc((size_t)num_queries, sizeof *lists);
    syl_status status = SYL_OK;
    if (!lists) return syl_fail_memory(err, (size_t)num_queries * sizeof *lists, "queries");
    for (int64_t q = 0; q < num_queries && status == SYL_OK; q++)
        status = syl_code_list_create(&lists[q], words, k, -1, true, err);
    if (status == SYL_OK)
        status = syl_hamming_scan(&all, queries, num_queries, lists, NULL, ctx->threads, err);
    for (int64_t q = 0; q < num_queries && status == SYL_OK; q++) {
        status = syl_code_list_finish(&lists[q], err);
        if (status == SYL_OK) put_hits(&lists[q], k, distance + q * k, id + q * k);
    }
    free_lists(lists, num_queries);
    return status;
}
