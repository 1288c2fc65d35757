#include "train/ranks.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MODULE "libsylkit-mpi.so"

/* Set by the process managers of Open MPI, of MPICH and of Slurm. */
static bool launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return true;
    return false;
}

static void *open_module(syl_error *err)
{
    char path[4096];
    const char *folder = getenv("SYLKIT_MODULES");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : PKGLIBDIR, MODULE);
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        syl_fail(err, SYL_EUNSUPPORTED,
                 "several processes (mpirun) need the module %s: %s; build with MPI (on Debian: "
                 "apt-get install libopenmpi-dev, then configure again) or set SYLKIT_MODULES",
                 MODULE, dlerror());
    return library;
}

syl_status syl_ranks_start(syl_ranks *ranks, syl_error *err)
{
    *ranks = (syl_ranks){.rank = 0, .count = 1};
    if (!launched()) return SYL_OK;
    ranks->library = open_module(err);
    if (!ranks->library) return SYL_EUNSUPPORTED;
    ranks->module = dlsym(ranks->library, "sylkit_mpi");
    if (ranks->module && ranks->module->start(&ranks->rank, &ranks->count) == 0) return SYL_OK;
    *ranks = (syl_ranks){.rank = 0, .count = 1};
    return syl_fail(err, SYL_ECOMPUTE, "%s could not join the run", MODULE);
}

/* The library stays: MPI leaves threads and handlers behind. */
void syl_ranks_finish(syl_ranks *ranks, bool failed)
{
    if (ranks->module && failed) ranks->module->abort(1);
    if (ranks->module) ranks->module->finish();
    *ranks = (syl_ranks){.rank = 0, .count = 1};
}

int syl_ranks_local(const syl_ranks *ranks)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
                                        "SLURM_LOCALID"};
    if (ranks->count == 1) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return atoi(getenv(names[i]));
    return 0;
}

static syl_status check(int code, const char *what, syl_error *err)
{
    if (code == 0) return SYL_OK;
    return syl_fail(err, SYL_ECOMPUTE, "MPI: %s failed with code %d; has another rank stopped?",
                    what, code);
}

syl_status syl_ranks_sum(const syl_ranks *ranks, float *data, int64_t n, syl_error *err)
{
    if (!ranks->module) return SYL_OK;
    return check(ranks->module->sum_floats(data, n), "the exchange of gradients", err);
}

syl_status syl_ranks_sum_doubles(const syl_ranks *ranks, double *data, int64_t n, syl_error *err)
{
    if (!ranks->module) return SYL_OK;
    return check(ranks->module->sum_doubles(data, n), "the exchange of sums", err);
}

syl_status syl_ranks_broadcast(const syl_ranks *ranks, float *data, int64_t n, syl_error *err)
{
    if (!ranks->module) return SYL_OK;
    return check(ranks->module->broadcast(data, n), "the exchange of parameters", err);
}
