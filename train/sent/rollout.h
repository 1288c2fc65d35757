/* How well a sentence model answers, while it is trained: greedy chains on the tape, without a
 * cache. (embed/sent has the inference that users run.) */
#ifndef SYL_TRAIN_SENT_ROLLOUT_H
#define SYL_TRAIN_SENT_ROLLOUT_H

#include "train/sent/model.h"
#include "train/sent/rows.h"

typedef struct syl_sent_rollout {
    const syl_sent_model *model;
    syl_tape *tape;
    syl_dtype compute;
    int32_t marker;    /* first token of an answer's sentence (SYL_SENT_HASHES), or of all others
                          (SYL_SENT_BARE) */
    int max_sentences; /* of a chain */
    int max_tokens;    /* of a sentence */
    int max_said;      /* tokens of all sentences that a language model says; 0: any */
} syl_sent_rollout;

/* The token that tells an answer's sentence from others, or -1 where the tokenizer has none. */
syl_status syl_sent_marker_token(const syl_sent_config *config, const syl_sent_tokenizer *tokenizer,
                                 int32_t *out, syl_error *err);

/* How many samples of the batch the model answers as they are answered, token by token: the last
 * sentence of its chain. Stage sem: how many sentences it restores. `of`: out of how many. */
syl_status syl_sent_rollout_run(const syl_sent_rollout *rollout, const syl_sent_batch *batch,
                                int64_t *right, int64_t *of, syl_error *err);

#endif
