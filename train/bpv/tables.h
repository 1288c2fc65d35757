/* The arrays that a run learns, on the host and on its device. */
#ifndef SYL_TRAIN_BPV_TABLES_H
#define SYL_TRAIN_BPV_TABLES_H

#include "embed/bpv.h"
#include "train/course.h"

enum {
    SYL_BPV_DOCUMENTS,
    SYL_BPV_OUTPUT,
    SYL_BPV_BIAS,
    SYL_BPV_WORDS,
    SYL_BPV_PROJECTION,
    SYL_BPV_OFFSET,
    SYL_BPV_TABLES
};

typedef struct syl_bpv_table {
    int64_t rows, length; /* length: padded; rows 0: the model has no such table */
    syl_mirror value, square;
} syl_bpv_table;

typedef struct syl_bpv_tables {
    syl_bpv_table table[SYL_BPV_TABLES];
    syl_mirror log_q;
    syl_course_block blocks[2 * SYL_BPV_TABLES]; /* the state of a run */
    int num_blocks;
} syl_bpv_tables;

/* Tables of a new run of `model`, on the CPU: evenly drawn where it wants that, otherwise zero. */
syl_status syl_bpv_tables_create(syl_bpv_tables *t, const syl_bpv *model, int64_t documents,
                                 uint64_t seed, syl_error *err);
syl_status syl_bpv_tables_place(syl_bpv_tables *t, syl_device *device, syl_error *err);
void syl_bpv_tables_free(syl_bpv_tables *t);

/* As operations want them. */
syl_paragraph_model syl_bpv_tables_model(const syl_bpv_tables *t, const syl_bpv *model);
/* From the device, and into the model's arrays. */
syl_status syl_bpv_tables_pull(const syl_bpv_tables *t, syl_error *err);
void syl_bpv_tables_keep(const syl_bpv_tables *t, syl_bpv *model);

#endif
