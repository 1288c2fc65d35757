/* Two-stage retrieval: filter by code, rank by vector. */
#include <stdlib.h>

#include "embed/rank_scores.h"
#include "embed/retrieval_task.h"
#include "lib/base/memory.h"

/* Of a query, for each radius, behind one that says whether anything is relevant. */
enum { CANDIDATES, EMPTY, NDCG, PER_RADIUS };
#define RELEVANT 0
#define FIRST 1

typedef struct evaluation {
    const syl_retrieval_task *task;
    const syl_ranking *codes, *vectors; /* in the same order of documents */
    int max_radius;
} evaluation;

/* The documents within the largest radius, nearest by cosine first; room->ranked[].document is a
 * place in the rankings' order, room->keys the distance of each place. Returns how many. */
static int64_t find_candidates(const evaluation *e, int64_t q, syl_retrieval_room *room)
{
    const syl_retrieval_task *task = e->task;
    const void *vector = syl_retrieval_query(task, SYL_RANK_COSINE, q, room);
    int64_t n = 0;
    syl_rank_keys(e->codes, syl_retrieval_query(task, SYL_RANK_HAMMING, q, room), 0,
                  e->codes->count, room->keys);
    for (int64_t i = 0; i < e->codes->count; i++) {
        if (room->keys[i] > (uint32_t)e->max_radius) continue;
        if (task->own && e->codes->document[i] == q) continue;
        room->ranked[n].document = (int32_t)i;
        syl_rank_keys(e->vectors, vector, i, 1, &room->ranked[n++].key);
    }
    syl_sort_ranked(room->ranked, n, 32, room->ranked_again);
    return n;
}

static void score_query(const void *context, int64_t q, syl_retrieval_room *room, double *scores)
{
    const evaluation *e = context;
    int depth = e->task->options->depth;
    double ideal = syl_retrieval_relevance(e->task, q, room);
    if (ideal <= 0) return;
    scores[RELEVANT] = 1;
    int64_t n = find_candidates(e, q, room);
    for (int radius = 0; radius <= e->max_radius; radius++) {
        double *at = scores + FIRST + radius * PER_RADIUS;
        int64_t within = 0;
        for (int64_t i = 0; i < n; i++) {
            int32_t place = room->ranked[i].document;
            if (room->keys[place] <= (uint32_t)radius)
                room->gains[within++] = room->relevance[e->codes->document[place]];
        }
        at[CANDIDATES] = (double)within;
        at[EMPTY] = within == 0;
        at[NDCG] = syl_dcg(room->gains, within, depth) / ideal;
    }
}

static syl_status evaluate(syl_radius_score *scores, const evaluation *e, syl_error *err)
{
    int width = FIRST + (e->max_radius + 1) * PER_RADIUS;
    int64_t count = e->task->queries->by.count;
    double *sums = syl_calloc((size_t)width, sizeof *sums);
    if (!sums) return syl_fail_memory(err, (size_t)width * sizeof *sums, "scores");
    syl_status status = syl_retrieval_sum(e->task, score_query, e, width, sums, err);
    double n = sums[RELEVANT] > 0 ? sums[RELEVANT] : 1;
    for (int radius = 0; status == SYL_OK && radius <= e->max_radius; radius++) {
        const double *at = sums + FIRST + radius * PER_RADIUS;
        scores[radius] = (syl_radius_score){.queries = (int64_t)sums[RELEVANT],
                                            .left_out = count - (int64_t)sums[RELEVANT],
                                            .candidates = at[CANDIDATES] / n,
                                            .empty = at[EMPTY] / n,
                                            .ndcg = at[NDCG] / n};
    }
    free(sums);
    return status;
}

syl_status syl_radius_evaluate(syl_radius_score *scores, int max_radius,
                               const syl_labelled *queries, const syl_labelled *database,
                               const syl_retrieval_options *options, syl_error *err)
{
    syl_retrieval_task task;
    syl_ranking codes, vectors;
    SYL_TRY(syl_retrieval_prepare(&task, queries, database, options, err));
    SYL_TRY(syl_retrieval_match(&task, SYL_RANK_HAMMING, err));
    SYL_TRY(syl_retrieval_match(&task, SYL_RANK_COSINE, err));
    if (max_radius < 0 || max_radius > database->by.bits)
        return syl_fail(err, SYL_EINVAL, "radius %d; 0 to %d (bits) is possible", max_radius,
                        database->by.bits);
    SYL_TRY(syl_ranking_create(&codes, SYL_RANK_HAMMING, &database->by, options->seed, err));
    syl_status status =
        syl_ranking_create(&vectors, SYL_RANK_COSINE, &database->by, options->seed, err);
    evaluation e = {.task = &task, .codes = &codes, .vectors = &vectors, .max_radius = max_radius};
    if (status == SYL_OK) status = evaluate(scores, &e, err);
    syl_ranking_free(&codes);
    syl_ranking_free(&vectors);
    return status;
}
