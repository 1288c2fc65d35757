/* Scores of one ranked list. A list is given by its documents' relevance, gain[i] >= 0 of the
 * document at rank i + 1, and by its ties. With gains of 0 and 1 these are the usual measures.
 * Graded gains count with their value in place of 1:
 *   precision(k) = (gain of the first k) / k, recall(k) = (gain of the first k) / (gain of all),
 *   average precision = sum_k gain_k precision(k) / sum_k gain_k. */
#ifndef SYL_EMBED_RANK_SCORES_H
#define SYL_EMBED_RANK_SCORES_H

#include <stdint.h>

/* As they stand. Over all relevant documents of the list; 0 if there are none. */
double syl_average_precision(const float *gains, int64_t n);

/* Its mean over all orders of tied documents. ends[t] is the number of documents up to the end of
 * the t-th run of ties, ends[num_ends - 1] = n. (In a run of m documents with gain T and sum of
 * squares Q behind k documents with gain S, a document stands at each of the m places equally
 * often, and each other one before it as often as places are before it, which gives
 * 1/m sum_p (S T + Q + (p - 1) / (m - 1) (T^2 - Q)) / (k + p).) */
double syl_expected_precision(const float *gains, const int64_t *ends, int64_t num_ends);

/* DCG = sum of gain_i / log2(i + 1) over the ranks i = 1 ... depth. */
double syl_dcg(const float *gains, int64_t n, int depth);
/* Its mean over all orders of tied documents. */
double syl_expected_dcg(const float *gains, const int64_t *ends, int64_t num_ends, int depth);
/* The largest DCG that an order of these gains can have. `top` is room for depth values. */
double syl_ideal_dcg(const float *gains, int64_t n, int depth, float *top);

/* Interpolated precision at `points` recalls 0, 1 / (points - 1), ..., 1: the highest precision at
 * this recall or a higher one, among the ranks of relevant documents (with 11 points, TREC's curve;
 * Manning et al., Introduction to Information Retrieval, 8.4). Zeros if nothing is relevant. */
void syl_interpolated_precision(const float *gains, int64_t n, int points, double *precision);

#endif
