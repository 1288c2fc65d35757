/* Scores of the tokens of recordings against the labels of a reference, from their JSON. */
#ifndef SYL_SYLBER_EVAL_TOKENS_H
#define SYL_SYLBER_EVAL_TOKENS_H

#include <stdbool.h>

#include <jansson.h>

#include "lib/io/npy.h"
#include "sylber/clustering_metrics.h"

typedef struct syl_eval_tokens {
    syl_npy reducer; /* [tokens]: the unit of each; no data: tokens are units */
    const char *reducer_path;
    json_t *syllables; /* label to number */
    syl_token_pair *pairs;
    size_t count, capacity; /* pairs */
    size_t tokens;          /* segments with one */
    int32_t largest;        /* unit; -1: none */
    double seconds;         /* of audio */
    bool labelled, untimed; /* a label was seen; a recording's length is not known */
} syl_eval_tokens;

/* reducer_path may be NULL. */
syl_status syl_eval_tokens_open(syl_eval_tokens *t, const char *reducer_path, syl_error *err);
void syl_eval_tokens_close(syl_eval_tokens *t);

/* reference: {"syl": [[start, end, label], ...], "dur"}, hypothesis: a line of sylkit segment.
 * Its length is the hypothesis' num_samples / sample_rate, else the reference's dur. */
syl_status syl_eval_tokens_add(syl_eval_tokens *t, const json_t *reference,
                               const json_t *hypothesis, const char *key, syl_error *err);

/* Prints a table, or adds "tokens" to `object` when that is not NULL. Nothing where tokens or
 * labels are missing. vocabulary 0: the reducer's units, else the largest token and one. */
void syl_eval_tokens_show(syl_eval_tokens *t, int vocabulary, json_t *object);

#endif
