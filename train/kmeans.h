/* k-means over rows on the disk: k-means++ or k-means|| to begin with, then Lloyd's iterations or
 * mini-batches. For one seed the result is the same bits for any number of threads, and for a
 * run that was stopped and resumed. */
#ifndef SYL_TRAIN_KMEANS_H
#define SYL_TRAIN_KMEANS_H

#include <stdbool.h>

#include "lib/compute/compute.h"
#include "train/rows.h"

typedef enum syl_kmeans_init {
    SYL_KMEANS_PLUSPLUS, /* Arthur and Vassilvitskii 2007, greedy, on a sample of the rows */
    SYL_KMEANS_PARALLEL, /* k-means||, Bahmani et al. 2012, on all rows */
    SYL_KMEANS_RANDOM    /* different rows, evenly drawn */
} syl_kmeans_init;

typedef struct syl_kmeans_progress {
    int restart, iteration; /* from 0; iterations done. Iteration 0: being initialised */
    int initialised;        /* centroids chosen so far, while being initialised */
    double inertia;         /* sum of squared distances before the last update (of the batch) */
    int reseeded;           /* empty clusters that got a new centroid */
} syl_kmeans_progress;

typedef struct syl_kmeans_options {
    int clusters;
    syl_kmeans_init init;
    int64_t sample;   /* rows for k-means++; 0: 4 a cluster, at least 16,384 */
    int64_t batch;    /* rows a mini-batch; 0: all rows, Lloyd's algorithm */
    int iterations;   /* at most; of mini-batches exactly */
    double tolerance; /* Lloyd stops when the inertia falls by no more than this part of it */
    int restarts;     /* runs from different beginnings; the least inertia is kept */
    int threads;
    syl_device *device; /* where rows are assigned; NULL: the CPU */
    uint64_t seed;
    const char *state;    /* file that the run can be resumed from, or NULL */
    double state_seconds; /* between its writings; 0: after each iteration */
    bool resume;          /* continue from `state` where it is there */
    /* Called after each iteration and now and then before the first; false stops the run, with
     * its state written. May be NULL. */
    bool (*progress)(void *user, const syl_kmeans_progress *p);
    void *user;
} syl_kmeans_options;

/* 1,000 clusters, k-means||, Lloyd's with at most 100 iterations, 1 restart, 1 thread. */
syl_kmeans_options syl_kmeans_defaults(void);

typedef struct syl_kmeans_result {
    float *centroids; /* [clusters][dim], owned; unit vectors for the spherical metric */
    int clusters, dim;
    double inertia;          /* over all rows, of these centroids */
    int iterations, restart; /* of the run that was kept */
    bool converged;          /* it stopped by the tolerance */
    bool stopped;            /* `progress` said so; nothing else is set then */
} syl_kmeans_result;

/* Fewer different rows than clusters are SYL_EINVAL. */
syl_status syl_kmeans(syl_kmeans_result *out, const syl_rows *rows,
                      const syl_kmeans_options *options, syl_error *err);
void syl_kmeans_result_free(syl_kmeans_result *result);

#endif
