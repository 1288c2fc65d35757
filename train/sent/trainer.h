/* Training of sentence models on train/loop.h: one stage a run. */
#ifndef SYL_TRAIN_SENT_TRAINER_H
#define SYL_TRAIN_SENT_TRAINER_H

#include "train/loop.h"
#include "train/sent/corpus.h"
#include "train/sent/rollout.h"
#include "train/sent/stages.h"

typedef struct syl_sent_trainer {
    syl_sent_model *model;
    syl_sent_losses losses;
    syl_optimizer optimizer;
    const syl_sent_corpus *train, *valid; /* valid: or NULL */
    int64_t valid_count;                  /* of samples that are answered in a validation */
    int max_sentences, max_tokens;        /* of an answer; max_said: of all that is said */
    int max_said;
    syl_dtype compute;
    uint64_t seed;
    const syl_ranks *ranks;
    float lengths[3]; /* moving averages of |z| and |y|, and how many updates they have had */
    int32_t marker;
    syl_train_block blocks[1];
} syl_sent_trainer;

/* The model's values are in place. */
syl_status syl_sent_trainer_start(syl_sent_trainer *trainer, syl_error *err);
void syl_sent_trainer_free(syl_sent_trainer *trainer); /* with its model */

/* What the loop needs; `identity` (see syl_train_task) stays the caller's. */
syl_train_task syl_sent_task(syl_sent_trainer *trainer, char *identity);

#endif
