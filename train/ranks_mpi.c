/* The module libsylkit-mpi: train/ranks.h over MPI. */
#include <mpi.h>

#include "train/ranks.h"

#define PIECE ((int64_t)1 << 24) /* elements a call: MPI counts in int */

static int start(int *rank, int *count)
{
    int code = MPI_Init(NULL, NULL);
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(MPI_COMM_WORLD, rank);
    return code == MPI_SUCCESS ? MPI_Comm_size(MPI_COMM_WORLD, count) : code;
}

static int piece_of(int64_t left)
{
    return (int)(left < PIECE ? left : PIECE);
}

static int sum_floats(float *data, int64_t n)
{
    int code = MPI_SUCCESS;
    for (int64_t i = 0; i < n && code == MPI_SUCCESS; i += PIECE)
        code = MPI_Allreduce(MPI_IN_PLACE, data + i, piece_of(n - i), MPI_FLOAT, MPI_SUM,
                             MPI_COMM_WORLD);
    return code;
}

static int sum_doubles(double *data, int64_t n)
{
    return MPI_Allreduce(MPI_IN_PLACE, data, piece_of(n), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

static int broadcast(float *data, int64_t n)
{
    int code = MPI_SUCCESS;
    for (int64_t i = 0; i < n && code == MPI_SUCCESS; i += PIECE)
        code = MPI_Bcast(data + i, piece_of(n - i), MPI_FLOAT, 0, MPI_COMM_WORLD);
    return code;
}

static void abort_all(int code)
{
    MPI_Abort(MPI_COMM_WORLD, code);
}

__attribute__((visibility("default"))) const syl_ranks_module sylkit_mpi = {
    start, sum_floats, sum_doubles, broadcast, MPI_Finalize, abort_all};
