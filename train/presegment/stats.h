/* What presegmentation knows of a corpus: by how much to standardise the teacher's features, and
 * the probe where there were labels. One small safetensors file: mean, std [levels][dim],
 * curve_scale [SYL_NUM_CURVES], probe.weight [SYL_PROBE_TAPS][dim], probe.bias [1]. */
#ifndef SYL_TRAIN_STATS_H
#define SYL_TRAIN_STATS_H

#include "train/presegment/probe.h"
#include "train/presegment/sonority.h"

typedef struct syl_stats {
    int levels, dim;
    float *mean, *std;           /* [levels][dim], std above 0 */
    float scale[SYL_NUM_CURVES]; /* see syl_sonority_curve */
    float *probe;                /* [SYL_PROBE_TAPS][dim], NULL: none */
    float probe_bias;
    int64_t frames, recordings, labelled; /* that it was fitted on */
} syl_stats;

/* Everything 0 but `mean` and `std`, which are there to be filled. */
syl_status syl_stats_create(syl_stats *stats, int levels, int dim, syl_error *err);
void syl_stats_free(syl_stats *stats);

/* Atomic. */
syl_status syl_stats_write(const syl_stats *stats, const char *path, syl_error *err);

/* Of a teacher with `levels` levels (0: as many as there are) of `dim` channels; others are
 * refused. */
syl_status syl_stats_read(syl_stats *stats, const char *path, int levels, int dim, syl_error *err);

/* Hidden states become (h - mean) / std. */
void syl_stats_standardise(const syl_stats *stats, syl_hidden *hidden);

/* Means and variances as values arrive (Welford 1962), of `size` quantities at once. */
typedef struct syl_moments {
    int size;
    int64_t count;
    double *mean, *m2; /* [size] */
} syl_moments;

syl_status syl_moments_create(syl_moments *moments, int size, syl_error *err);
void syl_moments_free(syl_moments *moments);
void syl_moments_begin(syl_moments *moments); /* one more observation of every quantity */
/* Quantities [first, first + n) of the observation begun last. */
void syl_moments_take(syl_moments *moments, int first, const float *x, int n);
/* Standard deviation of quantity i; 1 where it never varied. */
double syl_moments_deviation(const syl_moments *moments, int i);

#endif
