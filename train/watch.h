/* A training run on the terminal: progress, messages, and the signals that stop it. */
#ifndef SYL_TRAIN_WATCH_H
#define SYL_TRAIN_WATCH_H

#include <stdbool.h>

#include "train/loop.h"

typedef struct syl_terminal {
    bool quiet, bar; /* bar: standard error is a terminal */
    uint64_t *told;  /* [skipped] hashes of what was said of recordings that were left out */
    size_t skipped, told_room;
} syl_terminal;

/* From here on SIGINT and SIGTERM ask the run to write a checkpoint and stop; a second one kills.
 */
void syl_terminal_start(syl_terminal *terminal, bool quiet);
syl_train_watch syl_terminal_watch(syl_terminal *terminal);
/* A recording that is left out: said once for each. */
void syl_terminal_skipped(void *terminal, const syl_error *why);
/* Ends the line of the bar. */
void syl_terminal_finish(syl_terminal *terminal);

#endif
