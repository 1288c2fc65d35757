/* What each stage of a sentence model does with a batch: the losses of arXiv 2505.22202, section
 * 3, on a tape. */
#ifndef SYL_TRAIN_SENT_STAGES_H
#define SYL_TRAIN_SENT_STAGES_H

#include "train/sent/model.h"
#include "train/sent/rows.h"

typedef struct syl_sent_losses {
    bool loss_on_all;       /* language model: tokens of the question are targets too */
    float prefix_dropout;   /* stages ctx-b, ctx-c: of the vector before a sentence */
    float latent_dropout;   /* stage latent: of what is fed, and of what is decoded */
    float contrast;         /* weight of InfoNCE in stage ctx-c */
    float lambda;           /* the same in stage latent */
    float temperature;      /* of InfoNCE */
    double self_feed;       /* stage latent: probability that a latent fed is the model's own */
    int64_t self_feed_ramp; /* steps in which that rises from 0 */
} syl_sent_losses;
syl_sent_losses syl_sent_losses_defaults(void);

/* Of the latents of a batch (stage latent): means of the lengths of what encoder_to_latent gives
 * and of what the latent model gives, and of the cosine between them. */
typedef struct syl_latent_figures {
    double z, y, cosine;
} syl_latent_figures;

typedef struct syl_sent_outcome {
    double loss;          /* what is trained on: a mean over the batch */
    double cross_entropy; /* of tokens, or of the classifier */
    double contrast;      /* InfoNCE, not weighted; 0 where there is none */
    double right;         /* of the classifier's decisions, a share */
    int64_t tokens;       /* that were read or predicted */
    syl_latent_figures latents;
    syl_var *y; /* stage latent: [sentences][dim] of the latent model, before any norm */
} syl_sent_outcome;

/* Forward and losses; the caller plays the tape back. `step` decides what is fed of its own. */
syl_status syl_sent_losses_of(const syl_sent_model *model, const syl_sent_losses *by,
                              syl_tape *tape, const syl_sent_batch *batch, uint64_t step,
                              syl_sent_outcome *out, syl_error *err);

/* ---- parts, also for rollouts --------------------------------------------------------------- */

/* A constant of the host, [rows][cols], on the tape's device. */
syl_status syl_sent_constant(syl_tape *tape, const float *host, int64_t rows, int64_t cols,
                             syl_var **out, syl_error *err);
/* What the latent model reads for latents x: z of the encoder, or its own (fed true). */
syl_status syl_sent_latent_norm(const syl_sent_model *model, syl_tape *tape, syl_var *x, bool fed,
                                syl_var **y, syl_error *err);
/* The classifier's logits of latents y, [n][2]: 0, and that of "the answer". */
syl_status syl_sent_stop_logits(const syl_sent_model *model, syl_tape *tape, syl_var *y,
                                syl_var **logits, syl_error *err);

#endif
