/* The sequences of a batch, laid out one behind the other as a network takes them. */
#ifndef SYL_TRAIN_SENT_ROWS_H
#define SYL_TRAIN_SENT_ROWS_H

#include "embed/lm/net.h"
#include "embed/sent/dataset.h"

/* Lives on the tape's memory. Row i is token ids[i] or vector vector[i], the other one is
 * negative. Of the outputs those at `pick` are used, and targets are what they should say. */
typedef struct syl_sent_rows {
    syl_tape *tape;
    int count;                             /* sequences */
    int64_t rows, picked, targets;         /* targets: of those picked, how many have one */
    int64_t *begin;                        /* [count + 1] */
    int32_t *ids, *vector, *pick, *target; /* [rows], [rows], [picked], [picked] */
} syl_sent_rows;

/* The samples that a step works on. */
typedef struct syl_sent_batch {
    const syl_sent_tokens *const *samples;
    int count;
} syl_sent_batch;

/* Sentences in all: as many latents there are. */
int64_t syl_sent_batch_sentences(const syl_sent_batch *batch);

/* Room for so many sequences and rows, and for rounding. */
syl_status syl_sent_rows_create(syl_sent_rows *out, syl_tape *tape, int64_t sequences, int64_t rows,
                                syl_error *err);
void syl_sent_rows_token(syl_sent_rows *r, int32_t id);
void syl_sent_rows_vector(syl_sent_rows *r, int64_t vector);
/* The output of the last row is used; target may be -1. */
void syl_sent_rows_pick(syl_sent_rows *r, int32_t target);
void syl_sent_rows_end(syl_sent_rows *r); /* of a sequence */
/* Empty sequences, no longer than those there are, round the rows up to a multiple of
 * SYL_SENT_ROWS_STEP, and with `picks` rows without a target those picked: so that products have
 * few different sizes, for each of which oneDNN compiles code. */
#define SYL_SENT_ROWS_STEP 64
void syl_sent_rows_round(syl_sent_rows *r, bool picks);

/* Language model: question, sentences (the last alone without `steps`), end; each token from the
 * first of the sentences on, or with `all` from the second of the question on, is a target. */
syl_status syl_sent_rows_lm(syl_sent_rows *out, syl_tape *tape, const syl_sent_batch *batch,
                            bool steps, bool all, int32_t eos, syl_error *err);
/* Encoder of contexts: question and all sentences but the last; every newline is picked. */
syl_status syl_sent_rows_contexts(syl_sent_rows *out, syl_tape *tape, const syl_sent_batch *batch,
                                  syl_error *err);
/* Encoder of sentences, each by itself; its newline is picked. */
syl_status syl_sent_rows_sentences(syl_sent_rows *out, syl_tape *tape, const syl_sent_batch *batch,
                                   syl_error *err);
/* Decoder: latent n, then the n-th sentence of the batch, with its newline or without; each row
 * says the next token, the last one eos. */
syl_status syl_sent_rows_decoder(syl_sent_rows *out, syl_tape *tape, const syl_sent_batch *batch,
                                 bool newline, int32_t eos, syl_error *err);
/* Latent model: question, then a sample's latents but the last, behind which nothing is predicted;
 * picked are the rows before each latent. */
syl_status syl_sent_rows_latent(syl_sent_rows *out, syl_tape *tape, const syl_sent_batch *batch,
                                syl_error *err);

/* Outputs [picked][dim] of the network. vectors: NULL where there are none. */
syl_status syl_sent_rows_run(const syl_sent_rows *rows, const syl_lm_net *net, syl_var *vectors,
                             syl_var **out, syl_error *err);

#endif
