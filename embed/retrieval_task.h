/* What evaluations over queries share (retrieval.c, radius_retrieval.c). */
#ifndef SYL_EMBED_RETRIEVAL_TASK_H
#define SYL_EMBED_RETRIEVAL_TASK_H

#include "embed/retrieval.h"

typedef struct syl_retrieval_task {
    const syl_labelled *queries, *database;
    bool own; /* queries are the database's own documents */
    const syl_retrieval_options *options;
    int threads; /* no more than there are queries */
} syl_retrieval_task;

/* Checks that the two sides fit each other and the options. queries may be NULL. */
syl_status syl_retrieval_prepare(syl_retrieval_task *task, const syl_labelled *queries,
                                 const syl_labelled *database, const syl_retrieval_options *options,
                                 syl_error *err);
/* Checks that the queries can be ranked by that, and have the documents' length. */
syl_status syl_retrieval_match(const syl_retrieval_task *task, syl_ranking_by by, syl_error *err);

/* A thread's room, [count] of the database each where nothing else is said. */
typedef struct syl_retrieval_room {
    float *relevance;                  /* by document */
    float *gains;                      /* in the order of the ranking */
    syl_ranked *ranked, *ranked_again; /* the second is room for sorting */
    int64_t *ends;                     /* of runs of ties */
    uint8_t *marks;                    /* of labels */
    float *top;                        /* [options.depth] */
    uint64_t *code;                    /* the query's, packed in words */
    float *unit;                       /* [dim] the query's vector at length 1 */
    uint32_t *keys;
} syl_retrieval_room;

/* Puts query q's code or vector into room->code or room->unit, as a ranking wants it; returns it.
 */
const void *syl_retrieval_query(const syl_retrieval_task *task, syl_ranking_by by, int64_t q,
                                syl_retrieval_room *room);

/* Fills room->relevance for query q, its own 0 where it ranks its own set. Returns the ideal DCG,
 * 0 if nothing is relevant. */
double syl_retrieval_relevance(const syl_retrieval_task *task, int64_t q, syl_retrieval_room *room);

/* Scores of query q, all 0 at first; called from several threads, each with its own room. */
typedef void syl_score_query(const void *context, int64_t q, syl_retrieval_room *room,
                             double *scores);

/* sums[k] = sum over the queries of scores[k]; [width], the same for any number of threads. */
syl_status syl_retrieval_sum(const syl_retrieval_task *task, syl_score_query *score,
                             const void *context, int width, double *sums, syl_error *err);

#endif
