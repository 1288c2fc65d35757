/* A training run on the terminal: progress, messages, and the signals that stop it. */
#ifndef SYL_TRAIN_WATCH_H
#define SYL_TRAIN_WATCH_H

#include <stdbool.h>

#include "train/course.h"
#include "train/loop.h"

typedef struct syl_terminal {
    bool quiet, bar;   /* bar: standard error is a terminal */
    const char *units; /* what a course counts ("documents") */
    uint64_t *told;    /* [skipped] hashes of what was said of recordings that were left out */
    size_t skipped, told_room;
    double shown; /* syl_clock_seconds() of the last line about a course or a text */
    int epoch;    /* of a course, that was last told as done */
} syl_terminal;

/* From here on SIGINT and SIGTERM ask the run to write a checkpoint and stop; a second one kills.
 */
void syl_terminal_start(syl_terminal *terminal, bool quiet);
syl_train_watch syl_terminal_watch(syl_terminal *terminal);
/* A recording that is left out: said once for each. */
void syl_terminal_skipped(void *terminal, const syl_error *why);
/* For syl_course_options.progress: units/s, words/s, loss and the time left; on a terminal
 * several times a second, otherwise after each epoch and each minute. False once a signal has come.
 */
bool syl_terminal_course(void *terminal, const syl_course_progress *p);
/* A course's last loss for JSON: null of a run that was over when it was resumed. Returns text. */
const char *syl_json_loss(double loss, char text[32]);
/* For syl_corpus.progress: what was read so far, on a terminal. False once a signal has come. */
bool syl_terminal_text(void *terminal, int64_t documents, int64_t bytes);
/* Ends the line of the bar. */
void syl_terminal_finish(syl_terminal *terminal);

/* What a training command does before and after its work: it takes the terminal and joins the run
 * that mpirun has started, where rank 0 alone tells of progress; and gives back both, with a
 * message if it failed. An exit status. */
syl_status syl_training_begin(syl_terminal *terminal, syl_ranks *ranks, bool quiet, syl_error *err);
int syl_training_end(syl_terminal *terminal, syl_ranks *ranks, syl_status status,
                     const syl_error *err);
/* The end of its help. */
#define SYL_TRAINING_FOOTER \
    "\nExit status: 0 done, 1 failed or stopped (go on with --resume), 2 wrong usage."

#endif
