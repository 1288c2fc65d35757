/* Hits of one batch of queries after the other. */
#include "embed/index_hits.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"

void syl_hits_free(syl_hits *hits)
{
    if (!hits) return;
    free(hits->offsets);
    free(hits->ids);
    free(hits->distances);
    free(hits->cosines);
    free(hits->candidates);
    *hits = (syl_hits){.num_queries = 0};
}

syl_status syl_hits_begin(syl_hits_builder *b, int64_t n, bool ranked, syl_error *err)
{
    *b = (syl_hits_builder){.hits = {.num_queries = 0}};
    b->hits.offsets = syl_calloc((size_t)n + 1, sizeof *b->hits.offsets);
    if (ranked) b->hits.candidates = syl_calloc((size_t)n, sizeof *b->hits.candidates);
    if (b->hits.offsets && (!ranked || b->hits.candidates)) return SYL_OK;
    syl_hits_free(&b->hits);
    return syl_fail_memory(err, ((size_t)n + 1) * sizeof *b->hits.offsets, "queries' hits");
}

static int64_t num_hits(const syl_hits_builder *b)
{
    return b->hits.offsets[b->hits.num_queries];
}

static syl_status make_room(syl_hits_builder *b, int64_t more, syl_error *err)
{
    size_t need = (size_t)(num_hits(b) + more);
    void *ids = b->hits.ids, *distances = b->hits.distances, *cosines = b->hits.cosines;
    syl_status status = syl_grow(&ids, &b->ids_room, need, sizeof *b->hits.ids, err);
    if (status == SYL_OK)
        status = syl_grow(&distances, &b->distances_room, need, sizeof *b->hits.distances, err);
    if (status == SYL_OK && b->hits.candidates)
        status = syl_grow(&cosines, &b->cosines_room, need, sizeof *b->hits.cosines, err);
    b->hits.ids = ids;
    b->hits.distances = distances;
    b->hits.cosines = cosines;
    return status;
}

syl_status syl_hits_append(syl_hits_builder *b, const syl_code_list *lists, int64_t n,
                           syl_error *err)
{
    for (int64_t q = 0; q < n; q++) {
        int64_t at = num_hits(b), count = (int64_t)lists[q].size;
        SYL_TRY(make_room(b, count, err));
        for (int64_t i = 0; i < count; i++) {
            b->hits.ids[at + i] = (uint32_t)lists[q].items[i];
            b->hits.distances[at + i] = (int32_t)(lists[q].items[i] >> 32);
        }
        b->hits.offsets[++b->hits.num_queries] = at + count;
    }
    return SYL_OK;
}

/* ---- the second stage --------------------------------------------------------------------- */

typedef struct ranked {
    float cosine;
    uint64_t item;
} ranked;

static int by_cosine(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->cosine != y->cosine) return x->cosine > y->cosine ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static float cosine(const float *a, float a_squared, const float *b, int dim)
{
    float scale = sqrtf(a_squared) * sqrtf(syl_dot(b, b, dim)), c = syl_dot(a, b, dim) / scale;
    return scale > 0 && isfinite(c) ? c : 0; /* a file's vectors may be anything */
}

static void rank(const syl_index *index, const syl_code_list *list, const float *vector,
                 ranked *out)
{
    float squared = syl_dot(vector, vector, index->dim);
    for (size_t i = 0; i < list->size; i++) {
        const float *own = syl_index_vector(index, (uint32_t)list->items[i]);
        out[i] = (ranked){cosine(vector, squared, own, index->dim), list->items[i]};
    }
    qsort(out, list->size, sizeof *out, by_cosine);
}

static syl_status append_ranked(syl_hits_builder *b, const ranked *r, int64_t count, syl_error *err)
{
    int64_t at = num_hits(b);
    SYL_TRY(make_room(b, count, err));
    for (int64_t i = 0; i < count; i++) {
        b->hits.ids[at + i] = (uint32_t)r[i].item;
        b->hits.distances[at + i] = (int32_t)(r[i].item >> 32);
        b->hits.cosines[at + i] = r[i].cosine;
    }
    b->hits.offsets[++b->hits.num_queries] = at + count;
    return SYL_OK;
}

syl_status syl_hits_rank(syl_hits_builder *b, const syl_index *index, const syl_code_list *lists,
                         const float *vectors, int64_t n, const syl_search_options *options,
                         syl_error *err)
{
    size_t total = 0;
    size_t *first = syl_calloc((size_t)n, sizeof *first);
    if (!first) return syl_fail_memory(err, (size_t)n * sizeof *first, "candidates");
    for (int64_t q = 0; q < n; total += lists[q].size, q++)
        first[q] = total;
    ranked *all = syl_calloc(total, sizeof *all);
    syl_status status = all ? SYL_OK : syl_fail_memory(err, total * sizeof *all, "candidates");
    if (all) {
#pragma omp parallel for num_threads(options->threads) schedule(dynamic, 1)
        for (int64_t q = 0; q < n; q++)
            rank(index, &lists[q], vectors + q * index->dim, all + first[q]);
    }
    for (int64_t q = 0; q < n && status == SYL_OK; q++) {
        int64_t count = (int64_t)lists[q].size;
        b->hits.candidates[b->hits.num_queries] = count;
        if (options->k && count > options->k) count = options->k;
        status = append_ranked(b, all + first[q], count, err);
    }
    free(all);
    free(first);
    return status;
}
