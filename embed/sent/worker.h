/* What one thread needs to run a sentence model, and the steps that inference is made of. Vectors
 * are the host's; dim is that of the model which they come from or go to. */
#ifndef SYL_EMBED_SENT_WORKER_H
#define SYL_EMBED_SENT_WORKER_H

#include "embed/sent/team.h"

typedef struct syl_worker {
    const syl_reasoner *model;
    syl_ctx *ctx;                             /* its own, or NULL: */
    syl_team *team;                           /* what it computes in */
    syl_lm_cache *decoder, *encoder, *latent; /* NULL where the model is not there */
    /* So far: */
    int64_t calls; /* of language models, one after the other */
    double flops;
    double idle; /* seconds: what steps of a team took beyond its share of them */
} syl_worker;

/* Room for `decoder_room` positions of the decoder (0: its whole context); of the others for all
 * that they have. `threads` is what one operation is shared among. */
syl_status syl_worker_create(syl_worker **out, const syl_reasoner *model, int64_t decoder_room,
                             int threads, syl_error *err);
/* A member of a team; it leaves the team itself (syl_team_leave). */
syl_status syl_worker_create_in(syl_worker **out, const syl_reasoner *model, int64_t decoder_room,
                                syl_team *team, syl_error *err);
void syl_worker_free(syl_worker *worker);

/* The next positions of a conversation: tokens, or one vector. hidden [dim] (or NULL): the last
 * one's output after the final norm. */
syl_status syl_worker_read(syl_worker *worker, const syl_lm *lm, syl_lm_cache *cache,
                           const int32_t *ids, int64_t count, float *hidden, syl_error *err);
syl_status syl_worker_feed(syl_worker *worker, const syl_lm *lm, syl_lm_cache *cache,
                           const float *x, float *hidden, syl_error *err);
/* The most probable token after `hidden`; of equals the first. */
syl_status syl_worker_choose(syl_worker *worker, const syl_lm *lm, const float *hidden, int32_t *id,
                             syl_error *err);
/* y [last width] of x [first width]. */
syl_status syl_worker_mlp(syl_worker *worker, const syl_reasoner_mlp *mlp, const float *x, float *y,
                          syl_error *err);

/* A sentence on its way out of the decoder. */
typedef struct syl_said {
    int32_t *ids; /* [room + 1], owned: the tokens without what ends them */
    int count, room;
    int chosen; /* tokens that were chosen: with what ended it */
    bool ended; /* by a newline or the end of the text, else it goes on */
} syl_said;
void syl_said_free(syl_said *said);

/* The first token out of a vector [dim of the decoder]; at most `room` there may be. */
syl_status syl_worker_begin(syl_worker *worker, const float *prefix, int room, syl_said *said,
                            syl_error *err);
/* The rest of a sentence that was begun, as long as nothing else was decoded. */
syl_status syl_worker_finish(syl_worker *worker, syl_said *said, syl_error *err);

#endif
