#include "embed/retrieval.h"

#include <stdlib.h>

#include "embed/rank_scores.h"
#include "embed/retrieval_task.h"
#include "lib/base/memory.h"

enum { RELEVANT, AP, AP_ANY, NDCG, CURVE }; /* of a query's scores; the curve's points follow */

typedef struct evaluation {
    const syl_retrieval_task *task;
    const syl_ranking *ranking;
} evaluation;

/* Ends of the runs of equal keys; returns how many. */
static int64_t find_ties(const syl_ranked *ranked, int64_t n, int64_t *ends)
{
    int64_t count = 0;
    for (int64_t i = 1; i <= n; i++)
        if (i == n || ranked[i].key != ranked[i - 1].key) ends[count++] = i;
    return count;
}

static double precision_of(const evaluation *e, const syl_retrieval_room *room, int64_t n,
                           int64_t ties)
{
    if (e->task->options->expected_ties)
        return syl_expected_precision(room->gains, room->ends, ties);
    return syl_average_precision(room->gains, n);
}

/* Scores of the ranking in `room`; its gains become 0 and 1. */
static void score_list(const evaluation *e, syl_retrieval_room *room, int64_t n, double ideal,
                       double *scores)
{
    const syl_retrieval_options *o = e->task->options;
    int64_t ties = o->expected_ties ? find_ties(room->ranked, n, room->ends) : 0;
    scores[RELEVANT] = 1;
    scores[AP] = precision_of(e, room, n, ties);
    scores[NDCG] = (o->expected_ties ? syl_expected_dcg(room->gains, room->ends, ties, o->depth)
                                     : syl_dcg(room->gains, n, o->depth)) /
                   ideal;
    syl_interpolated_precision(room->gains, n, o->points, scores + CURVE);
    for (int64_t i = 0; i < n; i++)
        room->gains[i] = room->gains[i] > 0;
    scores[AP_ANY] = precision_of(e, room, n, ties);
}

static void score_query(const void *context, int64_t q, syl_retrieval_room *room, double *scores)
{
    const evaluation *e = context;
    const syl_retrieval_task *task = e->task;
    double ideal = syl_retrieval_relevance(task, q, room);
    if (ideal <= 0) return;
    const void *query = syl_retrieval_query(task, e->ranking->by, q, room);
    int64_t n = syl_rank(e->ranking, query, task->own ? q : -1, room->ranked, room->ranked_again);
    for (int64_t i = 0; i < n; i++)
        room->gains[i] = room->relevance[room->ranked[i].document];
    score_list(e, room, n, ideal, scores);
}

static void take_means(syl_retrieval_score *score, const double *sums, int64_t count)
{
    double n = sums[RELEVANT] > 0 ? sums[RELEVANT] : 1;
    score->queries = (int64_t)sums[RELEVANT];
    score->left_out = count - score->queries;
    score->map = sums[AP] / n;
    score->map_any = sums[AP_ANY] / n;
    score->ndcg = sums[NDCG] / n;
    for (int p = 0; p < score->points; p++)
        score->precision[p] = sums[CURVE + p] / n;
}

static syl_status evaluate(syl_retrieval_score *score, const evaluation *e, syl_error *err)
{
    int width = CURVE + e->task->options->points;
    double *sums = syl_calloc((size_t)width, sizeof *sums);
    *score = (syl_retrieval_score){.points = e->task->options->points};
    score->precision = syl_calloc((size_t)score->points, sizeof *score->precision);
    syl_status status = SYL_OK;
    if (!sums || !score->precision)
        status = syl_fail_memory(err, (size_t)width * sizeof *sums, "scores");
    if (status == SYL_OK) status = syl_retrieval_sum(e->task, score_query, e, width, sums, err);
    if (status == SYL_OK) take_means(score, sums, e->task->queries->by.count);
    free(sums);
    if (status != SYL_OK) syl_retrieval_score_free(score);
    return status;
}

syl_status syl_retrieval_evaluate(syl_retrieval_score *score, syl_ranking_by by,
                                  const syl_labelled *queries, const syl_labelled *database,
                                  const syl_retrieval_options *options, syl_error *err)
{
    syl_retrieval_task task;
    syl_ranking ranking;
    *score = (syl_retrieval_score){0};
    SYL_TRY(syl_retrieval_prepare(&task, queries, database, options, err));
    SYL_TRY(syl_retrieval_match(&task, by, err));
    SYL_TRY(syl_ranking_create(&ranking, by, &database->by, options->seed, err));
    evaluation e = {.task = &task, .ranking = &ranking};
    syl_status status = evaluate(score, &e, err);
    syl_ranking_free(&ranking);
    return status;
}

void syl_retrieval_score_free(syl_retrieval_score *score)
{
    free(score->precision);
    *score = (syl_retrieval_score){0};
}
