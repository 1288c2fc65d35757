/* The figures of a run: one JSON line for each, and a picture of their curves. */
#ifndef SYL_TRAIN_METRICS_H
#define SYL_TRAIN_METRICS_H

#include <jansson.h>

#include "lib/base/status.h"

typedef struct syl_metrics syl_metrics;

/* Opens folder/metrics.jsonl; lines that belong to steps after `step` are forgotten, for a resumed
 * run makes them again. */
syl_status syl_metrics_open(syl_metrics **out, const char *folder, int64_t step, syl_error *err);
/* Appends one line; takes over the reference to `line`, an object with an integer "step". */
syl_status syl_metrics_add(syl_metrics *metrics, json_t *line, syl_error *err);
/* Draws folder/curves.png: each numeric figure over the steps. Nothing without cairo. */
syl_status syl_metrics_draw(const syl_metrics *metrics, syl_error *err);
void syl_metrics_close(syl_metrics *metrics);

/* ---- for the picture (train/curves.c) ------------------------------------------------------- */

/* Draws `lines`, an array of objects with "step", as a PNG. */
syl_status syl_curves_draw(const char *path, const json_t *lines, syl_error *err);

#endif
