/* The processes of one data-parallel run. A run by itself is one rank and needs no MPI; under
 * mpirun the module libsylkit-mpi is loaded and speaks for it. */
#ifndef SYL_TRAIN_RANKS_H
#define SYL_TRAIN_RANKS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"

/* What the module offers, under the symbol "sylkit_mpi". Its functions return 0 or an MPI error
 * code. */
typedef struct syl_ranks_module {
    int (*start)(int *rank, int *count);
    int (*sum_floats)(float *data, int64_t n);
    int (*sum_doubles)(double *data, int64_t n);
    int (*broadcast)(float *data, int64_t n);
    int (*finish)(void);
    void (*abort)(int code);
} syl_ranks_module;

typedef struct syl_ranks {
    int rank, count;
    const syl_ranks_module *module; /* NULL: one rank */
    void *library;
} syl_ranks;

/* Joins the run that mpirun has started, if it has. */
syl_status syl_ranks_start(syl_ranks *ranks, syl_error *err);
/* Leaves the run. A rank that has failed alone ends the others too, which would wait for it for
 * ever. */
void syl_ranks_finish(syl_ranks *ranks, bool failed);

/* The number of this process among those on its machine. */
int syl_ranks_local(const syl_ranks *ranks);

/* Every rank's data become the sum over all ranks, or those of rank 0. */
syl_status syl_ranks_sum(const syl_ranks *ranks, float *data, int64_t n, syl_error *err);
syl_status syl_ranks_sum_doubles(const syl_ranks *ranks, double *data, int64_t n, syl_error *err);
syl_status syl_ranks_broadcast(const syl_ranks *ranks, float *data, int64_t n, syl_error *err);

#endif
