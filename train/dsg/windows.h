/* Sentences to windows, a block of them at a time. What a block has is a pure function of seed,
 * epoch and its number. */
#ifndef SYL_TRAIN_DSG_WINDOWS_H
#define SYL_TRAIN_DSG_WINDOWS_H

#include "lib/io/sampler.h"
#include "lib/io/subsample.h"
#include "train/dsg/trainer.h"

typedef struct syl_dsg_windows {
    const syl_dsg_corpus *corpus;
    const syl_dsg_options *options;
    syl_sampler sampler;
    syl_subsample subsample;
    int slots;    /* of a window: 2 options->window */
    int64_t most; /* words of a block */
    /* the epoch: */
    int64_t *order; /* [sentences] in which they come */
    int64_t blocks;
    int64_t *begin; /* [blocks + 1] places in `order` of their first sentences */
    size_t room;    /* of `begin` */
    /* the block: */
    int64_t count;     /* windows */
    int32_t *centre;   /* [count] */
    int32_t *words;    /* [count][slots]: targets, then UNKNOWN with options->pad, then -1 */
    int32_t *targets;  /* [count]: how many */
    int64_t *sentence; /* [count] */
    int64_t batches;
    int64_t *batch;    /* [batches + 1] their first windows */
    int32_t *negative; /* [count, or batches when they are shared][options->negative] */
    /* room */
    int32_t *kept;  /* [most] of each sentence at its place */
    int64_t *place; /* [most + 1] of each sentence of the block, before words are left out */
    int64_t *first; /* [most + 1] windows of each sentence of the block */
} syl_dsg_windows;

/* Words of a block of sentences, of which the longest has so many. */
int64_t syl_dsg_block_words(int64_t longest);
int64_t syl_dsg_windows_bytes(const syl_dsg_options *options, int64_t words, int64_t sentences,
                              int64_t longest);

/* Corpus and options must stay. */
syl_status syl_dsg_windows_create(syl_dsg_windows *w, const syl_dsg_corpus *corpus,
                                  const syl_dsg_options *options, syl_error *err);
void syl_dsg_windows_free(syl_dsg_windows *w);

/* The negatives of a batch. */
static inline const int32_t *syl_dsg_negatives(const syl_dsg_windows *w, int64_t batch)
{
    return w->negative + (w->options->share ? batch : w->batch[batch]) * w->options->negative;
}

/* An epoch's order of sentences and its blocks. stream: of the epoch, as below. */
syl_status syl_dsg_windows_begin(syl_dsg_windows *w, uint64_t stream, syl_error *err);
/* Words of a block, before any are left out. */
int64_t syl_dsg_windows_words(const syl_dsg_windows *w, int64_t block);
/* Makes a block. stream: of the epoch and the block; the two lowest bits are 0. */
void syl_dsg_windows_make(syl_dsg_windows *w, int64_t block, int epoch, uint64_t stream);

#endif
