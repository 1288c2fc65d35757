/* The loop of every trainer: batches from a loader, gradients summed over micro-batches and ranks,
 * AdamW, metrics, validation, checkpoints.
 *
 * Written to the run's folder: checkpoint.safetensors (everything that a resumed run needs),
 * model.safetensors (the model, at each checkpoint), best.safetensors (the model at the best
 * validation), metrics.jsonl, curves.png. Each appears only when complete. A resumed run with one
 * thread ends with the very bits of one that was never interrupted. */
#ifndef SYL_TRAIN_LOOP_H
#define SYL_TRAIN_LOOP_H

#include <jansson.h>

#include "lib/nn/optimizer.h"
#include "lib/nn/tape.h"
#include "train/loader.h"
#include "train/ranks.h"

typedef struct syl_train_options {
    const char *folder; /* of the run; made when missing */
    bool resume;
    int64_t steps, checkpoint_every, validate_every, log_every; /* 0: never */
    int batch, accumulate; /* examples of a micro-batch, micro-batches of a step */
    int threads, loaders;  /* of computation, of the data loader */
    syl_device *device;    /* NULL: the CPU */
    syl_dtype compute;     /* SYL_F32 or SYL_BF16 */
    uint64_t seed;
} syl_train_options;

/* What a micro-batch adds up to. The loss of a step is loss / weight over all of them. */
typedef struct syl_train_sums {
    double loss, weight;
    double work; /* in the task's unit */
} syl_train_sums;

/* More state of a trainer, kept in checkpoints. */
typedef struct syl_train_block {
    const char *name;
    float *data; /* on the host */
    int64_t size;
    syl_mirror *mirror; /* what it is the copy of, or NULL */
} syl_train_block;

/* What a trainer is to the loop. Functions marked "or NULL" may be missing. */
typedef struct syl_train_task {
    void *user;
    syl_param_set *set;
    syl_optimizer *optimizer;
    syl_loader_source source;
    const syl_train_block *blocks;
    int num_blocks;
    char *identity;   /* JSON of the options that a resumed run must share */
    const char *unit; /* of work: metrics have UNIT_per_second ("audio", in seconds; "tokens") */
    /* Adds the gradients of the summed loss of these examples. */
    syl_status (*step)(void *user, syl_tape *tape, void **examples, int count, uint64_t step,
                       syl_train_sums *sums, syl_error *err);
    /* More parameters to a device before the first step; or NULL. */
    syl_status (*place)(void *user, syl_device *device, syl_error *err);
    syl_status (*updated)(void *user, syl_ctx *ctx, syl_error *err); /* or NULL */
    void (*finished)(void *user, syl_ctx *ctx); /* before the context goes; or NULL */
    /* Adds figures to `metrics`; *score: higher is better. Or NULL. */
    syl_status (*validate)(void *user, syl_tape *tape, json_t *metrics, double *score,
                           syl_error *err);
    syl_status (*save_model)(void *user, const char *path, syl_error *err);
    /* What an example is made of, for messages. */
    void (*describe)(const void *example, char *text, size_t size);
} syl_train_task;

typedef struct syl_train_report {
    int64_t step, steps;
    double loss, grad_norm, learning_rate;
    double steps_per_second, work_per_second, seconds_left;
    const char *unit; /* of work */
    const char *note; /* what else happened ("checkpoint", "validation ..."), or NULL */
} syl_train_report;

typedef struct syl_train_watch {
    void *user;
    void (*report)(void *user, const syl_train_report *report);
    bool (*stop)(void *user); /* true: write a checkpoint and return SYL_ECANCELLED */
} syl_train_watch;

/* As syl_device_open; under mpirun "cuda" is a device for each process of a machine. */
syl_status syl_train_device(syl_device **out, const char *name, const syl_ranks *ranks,
                            syl_error *err);

/* Parameters and moments are moved to the device, which must outlive them. */
syl_status syl_train_run(const syl_train_task *task, const syl_train_options *options,
                         const syl_ranks *ranks, const syl_train_watch *watch, syl_error *err);

#endif
