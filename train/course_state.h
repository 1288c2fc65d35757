/* The state of a course on the disk. */
#ifndef SYL_TRAIN_COURSE_STATE_H
#define SYL_TRAIN_COURSE_STATE_H

#include "train/course.h"

typedef struct syl_course_state {
    int epoch;     /* done */
    int64_t round; /* done, of the next */
    double words, documents;
} syl_course_state;

/* Mirrored blocks have been pulled already. */
syl_status syl_course_save(const char *path, const syl_course_task *task,
                           const syl_course_state *state, syl_error *err);
/* *found false, and nothing changed, where there is no such file. */
syl_status syl_course_load(const char *path, const syl_course_task *task, syl_course_state *state,
                           bool *found, syl_error *err);

#endif
