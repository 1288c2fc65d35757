/* Sylber's training: self-segmentation distillation (Cho et al. 2025, section 3 and appendix A.1)
 * for both encoders. */
#ifndef SYL_TRAIN_SYLBER_TRAINER_H
#define SYL_TRAIN_SYLBER_TRAINER_H

#include "train/loop.h"
#include "train/sylber/example.h"
#include "train/sylber/thresholder.h"
#include "train/sylber/validation.h"

/* Where the targets come from. */
typedef enum syl_target_kind {
    SYL_TARGET_MEANS,    /* segments and their means from files (the small model's stage 1) */
    SYL_TARGET_SEGMENTS, /* segments from files, means from the teacher (stage 1) */
    SYL_TARGET_ONLINE    /* both from the teacher (stage 2) */
} syl_target_kind;

typedef struct syl_sylber_options {
    syl_target_kind targets;
    double ema_decay;            /* of the teacher; 1: frozen, as in the released configuration */
    syl_range merge;             /* threshold of online segments, drawn anew for each batch */
    double norm;                 /* threshold of online segments; 0: the adaptive one */
    syl_thresholder thresholder; /* its start */
    syl_dtype compute;
} syl_sylber_options;

/* The student's part of a step whose shape was the same twice, where the device records work. */
typedef struct syl_recorded_step {
    int64_t *shape; /* [length] what it depends on */
    size_t length, room;
    syl_recording *recording; /* NULL: not yet */
    syl_mat frames;
} syl_recorded_step;

typedef struct syl_sylber_trainer {
    syl_sylber_options options;
    syl_network *student, *teacher; /* teacher NULL for SYL_TARGET_MEANS */
    syl_optimizer optimizer;
    syl_example_source *source;
    const syl_validation *validation; /* or NULL */
    float thresholds[2];              /* norm and merge, for the model file */
    float *batch, *target;            /* rows of a batch, and what it should give (host) */
    float *said, *heard;              /* frames of the teacher and of the student (host) */
    size_t batch_room, target_room, said_room, heard_room;
    syl_recorded_step recorded;
    uint64_t seed;
    const syl_ranks *ranks;
    void *user; /* for skipped */
    void (*skipped)(void *user, const syl_error *why);
    syl_train_block blocks[3];
} syl_sylber_trainer;

/* The student's values are in place; makes the teacher its copy where one is needed, and the
 * optimizer's state. */
syl_status syl_sylber_trainer_start(syl_sylber_trainer *trainer, syl_error *err);
void syl_sylber_trainer_free(syl_sylber_trainer *trainer);

/* What the loop needs; `identity` (see syl_train_task) stays the caller's. */
syl_train_task syl_sylber_task(syl_sylber_trainer *trainer, char *identity);

#endif
