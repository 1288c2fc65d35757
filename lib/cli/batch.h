/* Runs one function over many inputs on several threads. Whatever the number of threads,
 * texts come out on standard output in the order of the inputs, one bad input is reported and
 * counted and does not stop the rest. */
#ifndef SYL_CLI_BATCH_H
#define SYL_CLI_BATCH_H

#include <stdio.h>

#include "lib/cli/inputs.h"
#include "lib/cli/progress.h"

/* Handles one input; what it prints into `text` appears on standard output if it succeeds.
 * Called from several threads at a time. */
typedef syl_status (*syl_batch_work)(void *user, const syl_input *input, FILE *text,
                                     syl_error *err);

typedef struct syl_batch {
    const syl_inputs *inputs;
    syl_batch_work work;
    void *user;
    syl_progress *progress;
    int jobs;   /* threads, at least 1 */
    bool quiet; /* no summary line */
} syl_batch;

/* Returns an exit status. A standard output that fails ends the run early. */
int syl_batch_run(const syl_batch *batch);

#endif
