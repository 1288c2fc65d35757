#include "train/kmeans.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "train/kmeans_run.h"

syl_kmeans_options syl_kmeans_defaults(void)
{
    return (syl_kmeans_options){.clusters = 1000,
                                .init = SYL_KMEANS_PARALLEL,
                                .iterations = 100,
                                .tolerance = 1e-4,
                                .restarts = 1,
                                .threads = 1,
                                .state_seconds = 60};
}

syl_random syl_kmeans_random(const syl_kmeans_run *run, int use, int turn)
{
    uint64_t stream = (uint64_t)run->s.restart << 40 | (uint64_t)use << 32 | (uint32_t)turn;
    return (syl_random){.seed = run->options->seed, .stream = stream};
}

double syl_random_double(syl_random *r)
{
    uint64_t high = syl_random_u32(r), low = syl_random_u32(r);
    return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

bool syl_kmeans_tell(syl_kmeans_run *run, int initialised)
{
    syl_kmeans_progress p = {.restart = run->s.restart,
                             .iteration = run->s.iteration,
                             .initialised = initialised,
                             .inertia = run->s.inertia,
                             .reseeded = run->reseeded};
    if (run->options->progress && !run->options->progress(run->options->user, &p))
        run->stopped = true;
    return run->stopped;
}

static syl_status check(const syl_kmeans_options *o, const syl_rows *rows, syl_error *err)
{
    if (o->clusters < 1 || o->iterations < 1 || o->restarts < 1 || o->threads < 1 || o->batch < 0 ||
        o->sample < 0 || !(o->tolerance >= 0))
        return syl_fail(err, SYL_EINVAL,
                        "k-means wants at least 1 cluster, iteration, restart and thread, and no "
                        "negative batch, sample or tolerance");
    if (o->clusters > syl_rows_count(rows))
        return syl_fail(err, SYL_EINVAL, "%lld rows are too few for %d clusters; ask for fewer",
                        (long long)syl_rows_count(rows), o->clusters);
    if (o->sample && o->sample < o->clusters)
        return syl_fail(err, SYL_EINVAL, "a sample of %lld rows is too small for %d clusters",
                        (long long)o->sample, o->clusters);
    return SYL_OK;
}

static void run_free(syl_kmeans_run *run)
{
    syl_assigner_free(run->assigner);
    free(run->block);
    free(run->labels);
    free(run->distances);
    free(run->sums);
    free(run->members);
    free(run->s.centroids);
    free(run->s.counts);
    free(run->s.best);
}

static syl_status run_create(syl_kmeans_run *run, syl_error *err)
{
    size_t size = (size_t)run->options->clusters;
    size_t values = syl_mul_size(size, (size_t)run->dim);
    int64_t batch = run->options->batch;
    size_t labelled = (size_t)(batch > run->count ? batch : run->count);
    run->block_rows = batch > SYL_ASSIGN_ROWS ? batch : SYL_ASSIGN_ROWS;
    run->block = syl_calloc(syl_mul_size((size_t)run->block_rows, (size_t)run->dim), sizeof(float));
    run->labels = syl_calloc(labelled, sizeof *run->labels);
    run->distances = syl_calloc(labelled, sizeof *run->distances);
    run->sums = syl_calloc(values, sizeof *run->sums);
    run->members = syl_calloc(size, sizeof *run->members);
    run->s.centroids = syl_calloc(values, sizeof(float));
    run->s.best = syl_calloc(values, sizeof(float));
    run->s.counts = syl_calloc(size, sizeof *run->s.counts);
    run->s.best_inertia = -1;
    if (!run->block || !run->labels || !run->distances || !run->sums || !run->members ||
        !run->s.centroids || !run->s.best || !run->s.counts)
        return syl_fail_memory(err, syl_mul_size(values, 16), "k-means");
    return syl_assigner_create(&run->assigner, run->rows, run->options->device,
                               run->options->threads, err);
}

static syl_status save(syl_kmeans_run *run, syl_error *err)
{
    run->saved = syl_clock_seconds();
    return run->options->state ? syl_kmeans_save(run, err) : SYL_OK;
}

/* Iterations to the end of this restart, or until the caller stops it. */
static syl_status iterate(syl_kmeans_run *run, syl_error *err)
{
    const syl_kmeans_options *o = run->options;
    syl_kmeans_state *s = &run->s;
    if (s->iteration == 0) SYL_TRY(syl_kmeans_begin(run, err));
    while (!run->stopped && !s->converged && s->iteration < o->iterations) {
        SYL_TRY(o->batch ? syl_kmeans_minibatch(run, err) : syl_kmeans_lloyd(run, err));
        if (syl_kmeans_tell(run, o->clusters) ||
            syl_clock_seconds() - run->saved >= o->state_seconds)
            SYL_TRY(save(run, err));
    }
    return SYL_OK;
}

/* Keeps the restart's centroids when they are the best yet, and makes ready for the next. */
static syl_status close_restart(syl_kmeans_run *run, syl_error *err)
{
    syl_kmeans_state *s = &run->s;
    size_t size = (size_t)run->options->clusters;
    double inertia;
    SYL_TRY(syl_kmeans_pass(run, false, &inertia, err));
    if (s->best_inertia < 0 || inertia < s->best_inertia) {
        memcpy(s->best, s->centroids, size * (size_t)run->dim * sizeof *s->best);
        s->best_inertia = inertia;
        s->best_restart = s->restart;
        s->best_iterations = s->iteration;
        s->best_converged = s->converged;
    }
    memset(s->counts, 0, size * sizeof *s->counts);
    s->restart++;
    s->iteration = 0;
    s->converged = false;
    return save(run, err);
}

static syl_status run_all(syl_kmeans_run *run, syl_error *err)
{
    if (run->options->resume && run->options->state) SYL_TRY(syl_kmeans_load(run, err));
    while (!run->stopped && run->s.restart < run->options->restarts) {
        SYL_TRY(iterate(run, err));
        if (!run->stopped) SYL_TRY(close_restart(run, err));
    }
    return SYL_OK;
}

syl_status syl_kmeans(syl_kmeans_result *out, const syl_rows *rows,
                      const syl_kmeans_options *options, syl_error *err)
{
    syl_kmeans_run run = {.rows = rows, .options = options, .saved = syl_clock_seconds()};
    *out = (syl_kmeans_result){0};
    SYL_TRY(check(options, rows, err));
    run.dim = syl_rows_dim(rows);
    run.count = syl_rows_count(rows);
    syl_status status = run_create(&run, err);
    if (!status) status = run_all(&run, err);
    if (!status && run.stopped) out->stopped = true;
    if (!status && !run.stopped) {
        *out = (syl_kmeans_result){.centroids = run.s.best,
                                   .clusters = options->clusters,
                                   .dim = run.dim,
                                   .inertia = run.s.best_inertia,
                                   .iterations = run.s.best_iterations,
                                   .restart = run.s.best_restart,
                                   .converged = run.s.best_converged};
        run.s.best = NULL;
    }
    run_free(&run);
    return status;
}

void syl_kmeans_result_free(syl_kmeans_result *result)
{
    free(result->centroids);
    *result = (syl_kmeans_result){0};
}
