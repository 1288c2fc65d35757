/* A trainer from the inside. */
#ifndef SYL_TRAIN_DSG_RUN_H
#define SYL_TRAIN_DSG_RUN_H

#include "train/dsg/tables.h"
#include "train/dsg/windows.h"

#define SYL_DSG_GROUP 128 /* batches that the operations get at once */

/* Arrays of a group of batches, as the operations want them. */
typedef struct syl_dsg_batch {
    int32_t *centre;                     /* [group][items] */
    syl_window_span *contexts, *targets; /* [group][items] */
    float *p;                            /* [items][senses], of the pass for priors */
} syl_dsg_batch;

/* What holds for one batch. */
typedef struct syl_dsg_rates {
    float alpha, choice_alpha, momentum, temperature, entropy;
    bool gumbel, pretraining;
} syl_dsg_rates;

struct syl_dsg_trainer {
    const syl_dsg_corpus *corpus;
    syl_dsg_options options;
    const syl_ranks *ranks;
    syl_ctx *ctx;
    syl_dsg_tables tables;
    syl_dsg_windows windows;
    syl_dsg_batch batch;
    int epoch;            /* at hand, pretraining first */
    int64_t items;        /* of the block so far */
    double loss, entropy; /* sums of the block so far */
    int64_t pairs, entropies;
    int64_t bad;         /* sentence whose loss was not finite */
    syl_dsg_rates rates; /* of the last batch */
    const syl_dsg_watch *watch;
    double *prior_sums; /* [words][senses] */
    float *priors;      /* the same, and */
    float *output_bias; /* [words]: results */
};

/* Skip-gram with negative sampling has an operation of its own. */
static inline bool syl_dsg_is_plain(const syl_dsg_options *o)
{
    return o->senses == 1 && o->loss == SYL_WINDOW_NEGATIVES;
}

syl_status syl_dsg_check(const syl_dsg_corpus *corpus, const syl_dsg_options *options,
                         syl_error *err);
/* JSON of what a resumed run must share; freed by the caller. NULL: no memory. */
char *syl_dsg_identity(const syl_dsg_corpus *corpus, const syl_dsg_options *options, int ranks);

/* ---- batches (step.c) ---------------------------------------------------------------------------
 */

int64_t syl_dsg_batch_bytes(const syl_dsg_options *options);
syl_status syl_dsg_batch_create(syl_dsg_batch *b, const syl_dsg_options *options, syl_error *err);
void syl_dsg_batch_free(syl_dsg_batch *b);

/* `count` batches of the block from `first` on; rates [count]. stream: as the block's.
 * Adds to the block's sums, and sets `bad` where the loss is not finite. */
syl_status syl_dsg_steps(syl_dsg_trainer *t, int64_t first, int count, const syl_dsg_rates *rates,
                         uint64_t stream, syl_error *err);
/* p of a batch's windows into the prior sums. */
syl_status syl_dsg_count_senses(syl_dsg_trainer *t, int64_t batch, syl_error *err);

#endif
