/* Nearest senses: products of queries with blocks of unit sense vectors, each searched while it is
 * in the cache. */
#include <stdbool.h>
#include <string.h>

#include "embed/senses_inner.h"
#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/compute/training.h"

#define BLOCK 2048
#define QUERIES 256 /* at a time: 2 MB of scores */

typedef struct search {
    const syl_senses *senses;
    syl_ctx *ctx;
    syl_mat queries, block, scores; /* [QUERIES][D], [BLOCK][D], [QUERIES][BLOCK] */
    const int32_t *without;         /* of these queries, or NULL */
    int top;
    int64_t most;       /* of `top`: no more than there are senses */
    syl_neighbour *out; /* [queries.rows][top], the first `most` of each a heap */
} search;

static void gather(const search *s, int64_t begin)
{
    int dim = s->senses->model->dim;
#pragma omp parallel for num_threads(s->senses->threads) schedule(static)
    for (int64_t i = 0; i < s->block.rows; i++) {
        syl_sense sense = s->senses->kept[begin + i];
        float *to = (float *)s->block.data + i * dim;
        memcpy(to, syl_dsg_sense_vector(s->senses->model, sense.word, sense.sense),
               (size_t)dim * sizeof *to);
        syl_scale_to(to, dim, 1);
    }
}

/* Equal ones by word and sense; a place that is empty is farther than all. */
static bool is_farther(const syl_neighbour *a, const syl_neighbour *b)
{
    if (a->word < 0 || b->word < 0) return b->word >= 0;
    if (a->cosine != b->cosine) return a->cosine < b->cosine;
    return a->word != b->word ? a->word > b->word : a->sense > b->sense;
}

/* Into the heap [n] in the place of its root, which is the farthest. */
static void replace_root(syl_neighbour *heap, int64_t n, syl_neighbour item)
{
    int64_t at = 0, child;
    for (; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_farther(&heap[child + 1], &heap[child])) child++;
        if (!is_farther(&heap[child], &item)) break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

/* A heap with the nearest first. */
static void sort(syl_neighbour *heap, int64_t n)
{
    while (--n > 0) {
        syl_neighbour last = heap[n];
        heap[n] = heap[0];
        replace_root(heap, n, last);
    }
}

/* Senses come by word and sense: a later one that is equally near does not replace the root. */
static void search_scores(const search *s, int64_t query, int64_t begin)
{
    const float *score = (const float *)s->scores.data + query * s->scores.stride;
    syl_neighbour *root = s->out + query * s->top;
    int32_t unknown = s->senses->model->unknown;
    for (int64_t i = 0; i < s->block.rows; i++) {
        if (root->word >= 0 && !(score[i] > root->cosine)) continue;
        syl_sense sense = s->senses->kept[begin + i];
        if (sense.word == unknown || (s->without && sense.word == s->without[query])) continue;
        replace_root(root, s->most, (syl_neighbour){sense.word, sense.sense, score[i]});
    }
}

/* All senses for the queries that are there. */
static syl_status search_all(search *s, syl_error *err)
{
    int64_t count = s->senses->first[s->senses->model->words];
    syl_mat block = s->block, scores = s->scores;
    for (int64_t begin = 0; begin < count; begin += BLOCK) {
        s->block = syl_mat_rows(block, 0, count - begin < BLOCK ? count - begin : BLOCK);
        s->scores = syl_mat_cols(syl_mat_rows(scores, 0, s->queries.rows), 0, s->block.rows);
        gather(s, begin);
        SYL_TRY(syl_product(s->ctx, s->queries, false, s->block, true, false, s->scores, err));
#pragma omp parallel for num_threads(s->senses->threads) schedule(static)
        for (int64_t q = 0; q < s->queries.rows; q++)
            search_scores(s, q, begin);
    }
#pragma omp parallel for num_threads(s->senses->threads) schedule(static)
    for (int64_t q = 0; q < s->queries.rows; q++)
        sort(s->out + q * s->top, s->most);
    s->block = block;
    s->scores = scores;
    return SYL_OK;
}

static syl_status search_batches(search *s, const float *vectors, size_t n, const int32_t *without,
                                 syl_neighbour *out, syl_error *err)
{
    int dim = s->senses->model->dim;
    syl_mat queries;
    SYL_TRY(syl_ctx_mat(s->ctx, SYL_F32, QUERIES, dim, &queries, err));
    SYL_TRY(syl_ctx_mat(s->ctx, SYL_F32, BLOCK, dim, &s->block, err));
    SYL_TRY(syl_ctx_mat(s->ctx, SYL_F32, QUERIES, BLOCK, &s->scores, err));
    for (size_t begin = 0; begin < n; begin += QUERIES) {
        size_t count = n - begin < QUERIES ? n - begin : QUERIES;
        float *to = queries.data;
        memcpy(to, vectors + begin * (size_t)dim, count * (size_t)dim * sizeof *to);
        for (size_t q = 0; q < count; q++)
            syl_scale_to(to + q * (size_t)dim, dim, 1);
        s->queries = syl_mat_rows(queries, 0, (int64_t)count);
        s->without = without ? without + begin : NULL;
        s->out = out + begin * (size_t)s->top;
        SYL_TRY(search_all(s, err));
    }
    return SYL_OK;
}

syl_status syl_senses_nearest(const syl_senses *senses, const float *vectors, size_t n,
                              const int32_t *without, int top, syl_neighbour *out, syl_error *err)
{
    int64_t count = senses->first[senses->model->words];
    search s = {.senses = senses, .top = top, .most = top < count ? top : count};
    if (top < 1) return syl_fail(err, SYL_EINVAL, "the %d nearest senses; ask for 1 or more", top);
    for (size_t i = 0; i < n * (size_t)top; i++)
        out[i] = (syl_neighbour){-1, -1, 0};
    SYL_TRY(syl_ctx_create(&s.ctx, senses->threads, err));
    syl_status status = search_batches(&s, vectors, n, without, out, err);
    syl_ctx_free(s.ctx);
    return status;
}
