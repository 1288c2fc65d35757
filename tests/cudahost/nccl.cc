/* NCCL between threads of this process, one a rank, that meet in a table of groups. A call waits
 * for all ranks with no lock of the device held; one that waits for a minute gives up. Sums are
 * taken in the ranks' order, so that all get the same bits. */
#include <nccl.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/cudahost/internal.h"

namespace {

struct Group {
    std::mutex lock;
    std::condition_variable change;
    int ranks = 0, arrived = 0;
    long round = 0;
    bool aborted = false;
    std::vector<std::vector<char>> sent; /* [ranks] */

    /* Until all are here; false when one gave up. */
    bool meet()
    {
        std::unique_lock<std::mutex> hold(lock);
        if (++arrived == ranks) {
            arrived = 0;
            round++;
            change.notify_all();
            return !aborted;
        }
        long here = round;
        if (!change.wait_for(hold, std::chrono::minutes(1),
                             [&] { return aborted || round != here; }))
            aborted = true;
        return !aborted;
    }

    void abort()
    {
        std::lock_guard<std::mutex> hold(lock);
        aborted = true;
        change.notify_all();
    }
};

std::mutex table_lock;
std::map<std::string, std::weak_ptr<Group>> table;
int next_id = 1;

} // namespace

struct ncclComm {
    std::shared_ptr<Group> group;
    int rank;
    ncclResult_t error;
};

namespace {

size_t type_bytes(ncclDataType_t type)
{
    switch (type) {
    case ncclInt8:
    case ncclUint8:
        return 1;
    case ncclFloat16:
    case ncclBfloat16:
        return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32:
        return 4;
    default:
        return 8;
    }
}

template <class T> void sum(const std::vector<std::vector<char>> &sent, void *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        T total = 0;
        for (const auto &s : sent)
            total += ((const T *)s.data())[i];
        ((T *)to)[i] = total;
    }
}

bool summed(ncclDataType_t type)
{
    return type == ncclFloat32 || type == ncclFloat64 || type == ncclInt32 || type == ncclInt64;
}

void sum_of_type(const Group &g, ncclDataType_t type, void *to, size_t count)
{
    if (type == ncclFloat32) sum<float>(g.sent, to, count);
    if (type == ncclFloat64) sum<double>(g.sent, to, count);
    if (type == ncclInt32) sum<int32_t>(g.sent, to, count);
    if (type == ncclInt64) sum<int64_t>(g.sent, to, count);
}

/* Everyone shows `send` (NULL: nothing), meets, and takes what it wants. */
void exchange(ncclComm *comm, const void *send, size_t bytes,
              const std::function<void(const Group &)> &take)
{
    Group &g = *comm->group;
    {
        cudahost::DeviceWork work;
        g.sent[(size_t)comm->rank].assign((const char *)send,
                                          (const char *)send + (send ? bytes : 0));
    }
    bool ok = g.meet();
    if (ok) {
        cudahost::DeviceWork work;
        for (const auto &s : g.sent)
            ok = ok && (s.empty() || s.size() == bytes);
        if (ok) take(g);
    }
    /* Nobody shows the next until all have taken this. */
    if (!g.meet() || !ok) comm->error = ncclRemoteError;
}

ncclResult_t put(ncclComm *comm, cudaStream_t stream, std::function<void()> work)
{
    if (comm->error != ncclSuccess) return comm->error;
    if (cudahost::result(cudahost::enqueue(stream, std::move(work))) != cudaSuccess)
        return ncclUnhandledCudaError;
    return comm->error;
}

} // namespace

ncclResult_t ncclGetVersion(int *version)
{
    if (!version) return ncclInvalidArgument;
    *version = NCCL_VERSION_CODE;
    return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    if (int code = cudahost::begin_call(__func__)) return (ncclResult_t)code;
    if (!id) return ncclInvalidArgument;
    std::lock_guard<std::mutex> hold(table_lock);
    memset(id, 0, sizeof *id);
    memcpy(id->internal, &next_id, sizeof next_id);
    next_id++;
    return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int nranks, ncclUniqueId id, int rank)
{
    if (int code = cudahost::begin_call(__func__)) return (ncclResult_t)code;
    if (!cudahost::device_usable()) return ncclUnhandledCudaError;
    if (!comm || nranks < 1 || rank < 0 || rank >= nranks) return ncclInvalidArgument;
    std::shared_ptr<Group> group;
    {
        std::lock_guard<std::mutex> hold(table_lock);
        std::weak_ptr<Group> &entry = table[std::string(id.internal, sizeof id.internal)];
        group = entry.lock();
        if (!group) {
            group = std::make_shared<Group>();
            group->ranks = nranks;
            group->sent.resize((size_t)nranks);
            entry = group;
        }
    }
    if (group->ranks != nranks) return ncclInvalidArgument;
    if (!group->meet()) return ncclRemoteError;
    *comm = new ncclComm{group, rank, ncclSuccess};
    return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    if (int code = cudahost::begin_call(__func__)) return (ncclResult_t)code;
    if (!comm) return ncclInvalidArgument;
    delete comm;
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    if (int code = cudahost::begin_call(__func__)) return (ncclResult_t)code;
    if (!comm) return ncclInvalidArgument;
    comm->group->abort();
    delete comm;
    return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error)
{
    if (int code = cudahost::begin_call(__func__)) return (ncclResult_t)code;
    if (!comm || !error) return ncclInvalidArgument;
    *error = comm->error;
    return ncclSuccess;
}

ncclResult_t ncclCommCount(const ncclComm_t comm, int *count)
{
    if (!comm || !count) return ncclInvalidArgument;
    *count = comm->group->ranks;
    return ncclSuccess;
}

ncclResult_t ncclCommUserRank(const ncclComm_t comm, int *rank)
{
    if (!comm || !rank) return ncclInvalidArgument;
    *rank = comm->rank;
    return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result)
{
    switch (result) {
    case ncclSuccess:
        return "no error";
    case ncclUnhandledCudaError:
        return "unhandled cuda error (run with NCCL_DEBUG=INFO for details)";
    case ncclSystemError:
        return "unhandled system error (run with NCCL_DEBUG=INFO for details)";
    case ncclInvalidArgument:
        return "invalid argument (run with NCCL_DEBUG=WARN for details)";
    case ncclInvalidUsage:
        return "invalid usage (run with NCCL_DEBUG=WARN for details)";
    case ncclRemoteError:
        return "remote process exited or there was a network error";
    default:
        return "internal error";
    }
}

const char *ncclGetLastError(ncclComm_t)
{
    return "";
}

ncclResult_t ncclAllReduce(const void *send, void *receive, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream)
{
    if (int code = cudahost::begin_call(__func__)) return (ncclResult_t)code;
    size_t bytes = count * type_bytes(type);
    if (!comm || op != ncclSum || !summed(type)) return ncclInvalidArgument;
    if (bytes && (!cudahost::on_device(send, bytes) || !cudahost::on_device(receive, bytes)))
        return ncclInvalidArgument;
    return put(comm, stream, [=] {
        exchange(comm, send, bytes, [=](const Group &g) { sum_of_type(g, type, receive, count); });
    });
}

ncclResult_t ncclBroadcast(const void *send, void *receive, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream)
{
    if (int code = cudahost::begin_call(__func__)) return (ncclResult_t)code;
    size_t bytes = count * type_bytes(type);
    if (!comm || root < 0 || root >= comm->group->ranks) return ncclInvalidArgument;
    bool from_here = comm->rank == root;
    if (bytes &&
        ((from_here && !cudahost::on_device(send, bytes)) || !cudahost::on_device(receive, bytes)))
        return ncclInvalidArgument;
    return put(comm, stream, [=] {
        exchange(comm, from_here ? send : nullptr, bytes, [=](const Group &g) {
            if (bytes) memcpy(receive, g.sent[(size_t)root].data(), bytes);
        });
    });
}

/* Calls of one thread for several ranks, which groups are for, would wait for ever. */
ncclResult_t ncclGroupStart(void)
{
    return ncclSuccess;
}

ncclResult_t ncclGroupEnd(void)
{
    return ncclSuccess;
}
