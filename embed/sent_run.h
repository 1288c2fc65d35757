/* Running a sentence model over questions, for the commands that do: opening, progress, results. */
#ifndef SYL_EMBED_SENT_RUN_H
#define SYL_EMBED_SENT_RUN_H

#include "embed/sent_args.h"
#include "lib/cli/progress.h"

typedef struct syl_sent_run {
    syl_device *device;
    syl_reasoner *model;
    syl_infer_options options; /* checked */
    syl_sent_dataset dataset;
    syl_inference *results; /* [dataset.count] */
    double seconds;         /* that all of them took together */
    syl_progress *progress;
} syl_sent_run;

/* Opens the model and runs it over run->dataset, which is filled already. */
syl_status syl_sent_run_all(syl_sent_run *run, const syl_sent_run_args *args, const char *model,
                            syl_error *err);
void syl_sent_run_free(syl_sent_run *run); /* zeros are fine */

#endif
