/* The course of trainers that go over a corpus in epochs (paragraph vectors, word senses): epochs
 * of rounds, the learning rate, a state on the disk, exchange between ranks, progress.
 *
 * A round is as much work as a trainer does at a time, a fraction of a second. What a round does
 * must be a function of the state, the epoch and the round's number alone; then a run that was
 * stopped, or killed, and resumed ends with the very bits of one that was not. */
#ifndef SYL_TRAIN_COURSE_H
#define SYL_TRAIN_COURSE_H

#include <stdbool.h>

#include "lib/compute/mirror.h"
#include "train/ranks.h"

/* What rounds add up to. */
typedef struct syl_course_sums {
    double loss, weight;     /* the mean loss is loss / weight */
    double words, documents; /* work done; documents may be a fraction of one */
} syl_course_sums;

typedef struct syl_course_progress {
    int epoch, epochs;     /* epochs done */
    int64_t round, rounds; /* of this epoch */
    double loss;           /* mean of the last round; NaN before this process's first */
    double learning_rate;
    double words, documents;                       /* since the run's beginning, resumed or not */
    double words_per_second, documents_per_second; /* since this process began */
    double seconds, seconds_left; /* of this process; until the end, at this speed */
    const char *note;             /* "state written", "resumed", or NULL */
} syl_course_progress;

/* Of the state: an array, and the device's copy of it or NULL. */
typedef struct syl_course_block {
    const char *name;
    float *data;
    int64_t size;
    const syl_mirror *mirror;
} syl_course_block;

/* What a trainer is to the course. */
typedef struct syl_course_task {
    void *user;
    const syl_course_block *blocks;
    int num_blocks;
    const char *identity; /* JSON object of strings: what a resumed run must share */
    /* Makes an epoch ready; *rounds, the same on all ranks, at least 1. */
    syl_status (*begin)(void *user, int epoch, int64_t *rounds, syl_error *err);
    /* Adds to *sums. A loss that is not finite ends the run, after `blame` has said where. */
    syl_status (*round)(void *user, int epoch, int64_t round, float learning_rate,
                        syl_course_sums *sums, syl_error *err);
    /* Which document (of the round just done) the loss was lost at. */
    void (*blame)(void *user, char *text, size_t size);
    /* Makes the ranks' shared state alike, device and all; NULL: it always is. */
    syl_status (*exchange)(void *user, const syl_ranks *ranks, syl_error *err);
    /* Makes the state whole on rank 0 before it is written, on the host, and at the end on every
     * rank; or NULL. */
    syl_status (*gather)(void *user, const syl_ranks *ranks, syl_error *err);
} syl_course_task;

typedef struct syl_course_options {
    int epochs;
    double learning_rate, last_rate; /* at the beginning and, linearly, at the end */
    int exchange_every;              /* rounds; 0: at the end of an epoch only */
    const char *state;               /* file that the run can be resumed from, or NULL */
    double state_seconds;            /* between its writings; it is written after each epoch, too */
    bool resume;                     /* go on from `state` where it is there */
    const syl_ranks *ranks;          /* NULL: one */
    /* Called after each round on rank 0; false stops the run with its state written. May be NULL.
     */
    bool (*progress)(void *user, const syl_course_progress *p);
    void *user;
} syl_course_options;

/* SYL_ECANCELLED when `progress` stopped it, SYL_ECOMPUTE when the loss was not finite (the state
 * on the disk is then the last one before it). */
syl_status syl_course_run(const syl_course_task *task, const syl_course_options *options,
                          syl_error *err);

#endif
