/* The state of a run in one file, and the folder that it lies in. */
#ifndef SYL_TRAIN_CHECKPOINT_H
#define SYL_TRAIN_CHECKPOINT_H

#include "train/loop.h"

/* What changes in a run beside the trainer's own blocks. */
typedef struct syl_train_state {
    int64_t step;         /* updates done */
    double best_score;    /* of validation; -INFINITY before the first */
    syl_train_sums since; /* the last line of metrics */
} syl_train_state;

/* folder "/" name, owned by the caller; NULL when there is no memory. */
char *syl_train_path(const char *folder, const char *name);

syl_status syl_checkpoint_save(const char *folder, const syl_train_task *task,
                               const syl_train_state *state, syl_error *err);
/* SYL_EINVAL when the folder has one: a new run would destroy it. */
syl_status syl_checkpoint_refuse(const char *folder, syl_error *err);
/* SYL_OK with *found false when the folder has none. */
syl_status syl_checkpoint_load(const char *folder, const syl_train_task *task,
                               syl_train_state *state, bool *found, syl_error *err);

#endif
