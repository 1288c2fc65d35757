/* What the parts of k-means share: kmeans.c drives, kmeans_init.c begins, kmeans_update.c moves
 * the centroids, kmeans_state.c keeps a run on the disk. */
#ifndef SYL_TRAIN_KMEANS_RUN_H
#define SYL_TRAIN_KMEANS_RUN_H

#include "lib/base/random.h"
#include "train/assign.h"
#include "train/kmeans.h"

/* All that a resumed run needs; random numbers are functions of restart and iteration. */
typedef struct syl_kmeans_state {
    float *centroids;    /* [clusters][dim] */
    int64_t *counts;     /* [clusters]: rows seen by a mini-batch centroid */
    float *best;         /* [clusters][dim]: of the best restart that is over */
    double best_inertia; /* negative: none is over */
    int best_restart, best_iterations;
    bool best_converged;
    int restart, iteration;
    bool converged;
    double inertia; /* of the last iteration */
} syl_kmeans_state;

typedef struct syl_kmeans_run {
    const syl_rows *rows;
    const syl_kmeans_options *options;
    int dim;
    int64_t count; /* rows */
    syl_assigner *assigner;
    float *block;       /* [block_rows][dim] */
    int64_t block_rows; /* SYL_ASSIGN_ROWS, or a mini-batch where that is more */
    int32_t *labels;    /* [count] */
    float *distances;   /* [count] */
    double *sums;       /* [clusters][dim] */
    int64_t *members;   /* [clusters] */
    int reseeded;       /* clusters that the last iteration found empty */
    bool stopped;
    double saved; /* when the state was last written */
    syl_kmeans_state s;
} syl_kmeans_run;

/* An independent stream of random numbers for each use. */
enum {
    SYL_KMEANS_DRAW_SAMPLE = 1,
    SYL_KMEANS_DRAW_SEEDS,
    SYL_KMEANS_DRAW_ROUND,
    SYL_KMEANS_DRAW_BATCH
};
syl_random syl_kmeans_random(const syl_kmeans_run *run, int use, int turn);
double syl_random_double(syl_random *r); /* [0, 1), 53 bits */

/* Tells the caller; true when the run shall stop. */
bool syl_kmeans_tell(syl_kmeans_run *run, int initialised);

/* kmeans_init.c: the first centroids of a restart into s.centroids. */
syl_status syl_kmeans_begin(syl_kmeans_run *run, syl_error *err);

/* kmeans_plusplus.c: greedy k-means++ among points [n][dim] with weights [n] (NULL: 1 each);
 * indices of the chosen, different points into chosen [size]. *found < size when there are no
 * more different points, or when the run was stopped. */
syl_status syl_kmeans_plusplus(syl_kmeans_run *run, const float *points, const double *weights,
                               int64_t n, int64_t *chosen, int size, int *found, syl_error *err);

/* kmeans_update.c: labels and distances of all rows; sums and members too with `sum`. */
syl_status syl_kmeans_pass(syl_kmeans_run *run, bool sum, double *inertia, syl_error *err);
syl_status syl_kmeans_lloyd(syl_kmeans_run *run, syl_error *err);
syl_status syl_kmeans_minibatch(syl_kmeans_run *run, syl_error *err);

/* kmeans_state.c */
syl_status syl_kmeans_save(const syl_kmeans_run *run, syl_error *err);
/* Nothing changes where the file is missing. */
syl_status syl_kmeans_load(syl_kmeans_run *run, syl_error *err);

#endif
