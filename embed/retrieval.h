/* How well codes or vectors retrieve relevant documents: each query ranks the documents of a set.
 * The protocol is that of the Binary Paragraph Vector paper (Grzegorczyk and Kurdziel, 2016): mean
 * average precision and NDCG@10, Hamming distance for codes, cosine for vectors.
 */
#ifndef SYL_EMBED_RETRIEVAL_H
#define SYL_EMBED_RETRIEVAL_H

#include <stdbool.h>

#include "embed/label_sets.h"
#include "embed/ranking.h"

/* Documents with what represents them and with their labels; nothing is owned. */
typedef struct syl_labelled {
    syl_representations by;
    const syl_label_sets *labels; /* of by.count documents */
} syl_labelled;

typedef struct syl_retrieval_options {
    syl_relevance relevance; /* default SYL_RELEVANCE_SHARED */
    bool expected_ties; /* MAP and NDCG as their means over all orders of tied documents; default
                           false: in one order drawn from the seed. The curve is always so */
    uint64_t seed;      /* default 1 */
    int depth;          /* of NDCG; default 10 */
    int points;         /* of the curve, at least 2; default 11 */
    int threads;        /* default 1; the result is the same for any number */
} syl_retrieval_options;

syl_retrieval_options syl_retrieval_defaults(void);

typedef struct syl_retrieval_score {
    int64_t queries;   /* that are in the means */
    int64_t left_out;  /* for which nothing in the ranked set is relevant; in no mean */
    double map;        /* mean average precision; graded relevance counts with its value
                          (embed/rank_scores.h), so that 0/1 relevance gives the usual MAP */
    double map_any;    /* the same with relevance above 0 as 1 */
    double ndcg;       /* at options.depth, by the relevance as it is */
    int points;        /* of the curve */
    double *precision; /* [points] interpolated, at recalls 0, 1 / (points - 1), ..., 1, mean over
                          the queries; by the relevance as it is; owned */
} syl_retrieval_score;

/* Every query ranks all of `database`; average precision is over all its relevant documents there.
 * queries NULL: the documents of the database are the queries, and each is left out of its own
 * ranking. The labels of both must have the same names. No query at all, or none with a relevant
 * document, is no error: the means are 0 then. */
syl_status syl_retrieval_evaluate(syl_retrieval_score *score, syl_ranking_by by,
                                  const syl_labelled *queries, const syl_labelled *database,
                                  const syl_retrieval_options *options, syl_error *err);
void syl_retrieval_score_free(syl_retrieval_score *score);

typedef struct syl_radius_score {
    int64_t queries, left_out; /* as above */
    double candidates;         /* documents within the radius, mean over the queries */
    double empty;              /* share of the queries without any */
    double ndcg;               /* at options.depth; a query without candidates counts as 0 */
} syl_radius_score;

/* Two stages (Real-Binary Paragraph Vector): documents whose code is within a Hamming radius of the
 * query's are ranked by the cosine of the vectors, the rest is not shown. scores[r] is for radius
 * r = 0 ... max_radius. NDCG is against the best order of the whole set, over all queries that have
 * a relevant document; one without candidates counts as 0, or a filter that shows nothing would
 * gain by it. Both sides need codes and vectors. expected_ties and points are
 * not used. */
syl_status syl_radius_evaluate(syl_radius_score *scores, int max_radius,
                               const syl_labelled *queries, const syl_labelled *database,
                               const syl_retrieval_options *options, syl_error *err);

#endif
