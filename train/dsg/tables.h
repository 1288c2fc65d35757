/* The tables of a model in training, on the host and on a device. */
#ifndef SYL_TRAIN_DSG_TABLES_H
#define SYL_TRAIN_DSG_TABLES_H

#include "lib/compute/mirror.h"
#include "train/dsg/trainer.h"

typedef struct syl_dsg_table {
    int64_t rows, stride;
    int dim;
    syl_mirror value, slot, bias, bias_slot; /* size 0: not there */
} syl_dsg_table;

typedef struct syl_dsg_tables {
    syl_dsg_table sense, output, choice, shared; /* shared: the sense network of pretraining */
} syl_dsg_tables;

/* Bytes of all of them. */
int64_t syl_dsg_tables_bytes(const syl_dsg_options *options, int64_t words);
/* sense: uniform in +-0.5 / dim / senses; all else 0; on options->device. */
syl_status syl_dsg_tables_create(syl_dsg_tables *t, const syl_dsg_options *options, int64_t words,
                                 syl_error *err);
void syl_dsg_tables_free(syl_dsg_tables *t);
syl_vector_table syl_dsg_table_view(const syl_dsg_table *t);

#define SYL_DSG_MAX_ARRAYS 16
/* Every array of the tables that there is, for files and ranks: the i-th, or NULL after the last.
 * *name is its name in files. */
syl_mirror *syl_dsg_tables_array(syl_dsg_tables *t, int i, const char **name);
syl_status syl_dsg_tables_pull(syl_dsg_tables *t, syl_error *err);
syl_status syl_dsg_tables_push(syl_dsg_tables *t, syl_error *err);
/* Pretraining ends: each word's sense network begins as the shared one; slots begin anew. */
syl_status syl_dsg_tables_spread(syl_dsg_tables *t, const syl_dsg_options *options, syl_error *err);

#endif
