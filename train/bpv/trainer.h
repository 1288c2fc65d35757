/* Training of paragraph vectors, real-valued and binary: AdaGrad over batches of chunks with shared
 * negatives (lib/compute/paragraph.h). For one seed and one number of ranks the result is the same
 * bits for any number of threads, and for a run that was stopped, or killed, and resumed.
 *
 * Several ranks (MPI) each have every n-th document and train a model of their own, which they
 * bring together now and then: a row of the shared arrays becomes the mean over the ranks that
 * have changed it since, AdaGrad's squares the sum of what was added. Documents' vectors stay with
 * their rank until the state is written. */
#ifndef SYL_TRAIN_BPV_TRAINER_H
#define SYL_TRAIN_BPV_TRAINER_H

#include "embed/bpv.h"
#include "lib/io/documents.h"
#include "train/course.h"

typedef struct syl_bpv_train_options {
    syl_bpv_shape shape; /* what the model is, and how it infers unless told otherwise */
    int epochs;
    double learning_rate, last_rate; /* at the beginning and, linearly, at the end */
    double dropout;
    double subsample; /* threshold of frequent items (lib/io/subsample.h); 0: none */
    int batch;        /* chunks */
    bool sigmoid;     /* binary kinds: train the sigmoid itself, not rounded */
    int threads;
    uint64_t seed;
    syl_device *device;     /* NULL: the CPU */
    int exchange_every;     /* rounds of 16 batches between two exchanges of ranks; 0: each epoch */
    const syl_ranks *ranks; /* NULL: one */
    const char *state;      /* as in train/course.h, with what follows */
    double state_seconds;
    bool resume;
    bool (*progress)(void *user, const syl_course_progress *p); /* may be NULL */
    void *user;
} syl_bpv_train_options;

/* Those that did best on a part of the 20 Newsgroups training set held out, for this kind and code
 * length. */
syl_bpv_train_options syl_bpv_train_defaults(syl_bpv_kind kind, int bits);

/* Documents' items are the vocabulary's. The vocabulary and what is in `text` become the model's
 * own, also when it fails. `documents` is only read; its names are copied. SYL_ECANCELLED when
 * `progress` stopped it. */
syl_status syl_bpv_train(syl_bpv **out, const syl_documents *documents, syl_vocabulary *vocabulary,
                         const syl_text_options *text, const syl_bpv_train_options *options,
                         syl_error *err);

#endif
