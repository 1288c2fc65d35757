#include "embed/sent_run.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

static bool show(void *user, size_t done)
{
    syl_sent_run *run = user;
    syl_progress_steps(run->progress, done, "questions", "");
    return true;
}

syl_status syl_sent_run_all(syl_sent_run *run, const syl_sent_run_args *args, const char *model,
                            syl_error *err)
{
    size_t count = run->dataset.count;
    SYL_TRY(syl_sent_run_args_open(args, model, &run->device, &run->model, err));
    run->options = syl_sent_run_args_infer(args);
    SYL_TRY(syl_infer_check(run->model, &run->options, err));
    if (run->options.regime == SYL_REGIME_RESTORE && !run->dataset.name)
        return syl_fail(err, SYL_EINVAL,
                        "%s restores sentences, of which a question alone has none; name a file "
                        "of questions with steps",
                        model);
    run->results = syl_calloc(count, sizeof *run->results);
    if (!run->results) return syl_fail_memory(err, count * sizeof *run->results, "results");
    run->progress = syl_progress_create(count, args->quiet);
    double began = syl_clock_seconds();
    syl_status status = syl_infer_all(run->model, &run->options, &run->dataset, args->threads,
                                      args->batch, show, run, run->results, err);
    run->seconds = syl_clock_seconds() - began;
    syl_progress_free(run->progress);
    run->progress = NULL;
    return status;
}

void syl_sent_run_free(syl_sent_run *run)
{
    for (size_t i = 0; run->results && i < run->dataset.count; i++)
        syl_inference_free(&run->results[i]);
    free(run->results);
    syl_sent_dataset_free(&run->dataset);
    syl_reasoner_free(run->model);
    syl_device_close(run->device);
    *run = (syl_sent_run){0};
}
