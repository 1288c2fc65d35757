/* Recordings with syllables that somebody aligned. */
#ifndef SYL_TRAIN_LABELS_H
#define SYL_TRAIN_LABELS_H

#include <jansson.h>

#include "lib/cli/inputs.h"

typedef struct syl_labels {
    json_t *list;      /* [{"key", "syl": [[start, end, ...], ...]}, ...] */
    syl_inputs inputs; /* the recordings, in the order of the list */
} syl_labels;

/* Reads `path` and finds each key's recording in `folder`: KEY.wav or, where that is not there,
 * the same with __ for every / of the key. A recording that is missing shows when it is opened. */
syl_status syl_labels_read(syl_labels *labels, const char *path, const char *folder,
                           syl_error *err);
void syl_labels_free(syl_labels *labels);

/* The starts and ends of recording i, seconds, in no order and with doubles; *out is owned by
 * the caller. */
syl_status syl_labels_boundaries(const syl_labels *labels, size_t i, double **out, size_t *count,
                                 syl_error *err);

#endif
