/* A corpus as batches of chunks for paragraph vectors (lib/compute/paragraph.h): each epoch all of
 * its chunks in another order, with negatives drawn, all as functions of the seed, the epoch and
 * the chunk. */
#ifndef SYL_TRAIN_BPV_BATCHES_H
#define SYL_TRAIN_BPV_BATCHES_H

#include "lib/compute/paragraph.h"
#include "lib/io/documents.h"
#include "lib/io/sampler.h"
#include "lib/io/subsample.h"

typedef struct syl_bpv_batch_options {
    int chunk;     /* items */
    int batch;     /* chunks */
    int round;     /* batches */
    int negatives; /* of a chunk */
    int context;   /* words before a target, the nearest first */
    uint64_t seed;
    int rank, ranks; /* a rank has every ranks-th document */
    int threads;
} syl_bpv_batch_options;

typedef struct syl_bpv_batches syl_bpv_batches;

/* What is given must outlive it. */
syl_status syl_bpv_batches_create(syl_bpv_batches **out, const syl_documents *documents,
                                  const syl_sampler *sampler, const syl_subsample *subsample,
                                  const syl_bpv_batch_options *options, syl_error *err);
void syl_bpv_batches_free(syl_bpv_batches *batches);

/* Makes an epoch ready; the number of its rounds, that of the rank which has the most. */
syl_status syl_bpv_batches_begin(syl_bpv_batches *batches, int epoch, int64_t *rounds,
                                 syl_error *err);
/* The batches of a round, none for a rank that is through with the epoch; valid until the next
 * call. */
const syl_paragraph_batch *syl_bpv_batches_round(syl_bpv_batches *batches, int64_t round,
                                                 int *count);
/* Documents in a batch, by the share of each that its chunks are. */
double syl_bpv_batches_documents(const syl_bpv_batches *batches, const syl_paragraph_batch *batch);

#endif
