/* Sums over the devices of several processes, by NCCL. A rank that dies leaves the others waiting
 * for it: whoever starts the processes must end them all (as mpirun does). */
#include <stdlib.h>
#include <string.h>

#include <config.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

#ifdef HAVE_NCCL
#include <nccl.h>

struct syl_group {
    cuda_device *device;
    ncclComm_t comm;
    bool failed;
};

static syl_status fail(syl_error *err, ncclResult_t code, const char *what)
{
    const char *advice = code == ncclRemoteError || code == ncclSystemError
                             ? "; another rank may have died, NCCL_DEBUG=WARN tells more"
                             : "; NCCL_DEBUG=WARN tells more";
    (void)cudaGetLastError();
    return syl_fail(err, SYL_ECOMPUTE, "%s: NCCL error %d, %s%s", what, (int)code,
                    ncclGetErrorString(code), advice);
}

#define NCCL_TRY(what, call)                                               \
    do {                                                                   \
        ncclResult_t nccl_code_ = (call);                                  \
        if (nccl_code_ != ncclSuccess) return fail(err, nccl_code_, what); \
    } while (0)

_Static_assert(sizeof(ncclUniqueId) == SYL_GROUP_ID, "an id of a group is NCCL's");

syl_status cuda_group_id(uint8_t id[SYL_GROUP_ID], syl_error *err)
{
    ncclUniqueId own;
    NCCL_TRY("making a group", ncclGetUniqueId(&own));
    memcpy(id, &own, sizeof own);
    return SYL_OK;
}

syl_status cuda_group_join(syl_group **out, syl_device *device, const uint8_t id[SYL_GROUP_ID],
                           int rank, int count, syl_error *err)
{
    ncclUniqueId own;
    *out = NULL;
    if (count < 1 || rank < 0 || rank >= count)
        return syl_fail(err, SYL_EINVAL, "rank %d of a group of %d", rank, count);
    syl_group *group = syl_calloc(1, sizeof *group);
    if (!group) return syl_fail_memory(err, sizeof *group, "a group");
    group->device = (cuda_device *)device;
    memcpy(&own, id, sizeof own);
    syl_status status = cuda_use(group->device, err);
    if (status == SYL_OK) {
        ncclResult_t code = ncclCommInitRank(&group->comm, count, own, rank);
        if (code != ncclSuccess) status = fail(err, code, "joining a group");
    }
    if (status != SYL_OK)
        free(group);
    else
        *out = group;
    return status;
}

static syl_status sum(syl_group *group, cuda_ctx *ctx, float *data, int64_t n, syl_error *err)
{
    ncclResult_t later = ncclSuccess;
    NCCL_TRY("a sum over the group",
             ncclAllReduce(data, data, (size_t)n, ncclFloat, ncclSum, group->comm, ctx->compute));
    /* What went wrong in an earlier sum shows only here. */
    NCCL_TRY("a sum over the group", ncclCommGetAsyncError(group->comm, &later));
    if (later != ncclInProgress) NCCL_TRY("a sum over the group", later);
    return SYL_OK;
}

syl_status cuda_group_sum(syl_group *group, syl_ctx *base, float *data, int64_t n, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (ctx->device != group->device)
        return syl_fail(err, SYL_EINVAL, "the group was joined with another device");
    syl_status status = sum(group, ctx, data, n, err);
    if (status != SYL_OK) group->failed = true;
    return status;
}

/* NCCL frees what ranks of one machine share only when all of them destroy or abort; alone, either
 * call hangs, and the process must end for mpirun to see that a rank failed. */
void cuda_group_leave(syl_group *group, bool together)
{
    (void)cuda_use(group->device, NULL);
    if (together && !group->failed) (void)ncclCommDestroy(group->comm);
    free(group);
}
#endif
