/* Runs a kernel: its blocks one after another, a block's warps by turns, each CUDA thread a fiber
 * that runs until it waits for others.
 *
 * A thread without barriers and collectives runs through at once, and the next one takes its
 * fiber. */
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/cudahost/fiber.h"
#include "tests/cudahost/internal.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace cudahost {
namespace {

enum State { READY, AT_COLLECTIVE, AT_BARRIER, RETURNED };

struct Thread {
    uint3 index;
    int number; /* in its block */
    State state;
    Fiber *fiber; /* from its first step to its last */
    /* what it waits for */
    const char *file;
    int line;
    unsigned mask;
    cudahost_collective_kind kind;
    uint64_t value; /* given, then received */
    int source;
};

/* All of it belongs to the one thread that does device work (DeviceWork). */
Thread threads[1024];
int count; /* threads of a block */
Thread *current;
const std::function<void()> *kernel;
char *dynamic_shared;

std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Fiber *> free_fibers;

std::string place(uint3 p)
{
    return "(" + std::to_string(p.x) + "," + std::to_string(p.y) + "," + std::to_string(p.z) + ")";
}

[[noreturn]] void fault(const Thread &t, const std::string &what)
{
    die(what + " at " + (t.file ? t.file : "?") + ":" + std::to_string(t.line) + ", block " +
        place(blockIdx) + ", thread " + place(t.index));
}

std::string at(const Thread &t)
{
    if (t.state == RETURNED) return "thread " + place(t.index) + " has returned";
    return "thread " + place(t.index) + " waits at " + t.file + ":" + std::to_string(t.line);
}

/* ---- steps ---------------------------------------------------------------------------- */

void run_thread(void *)
{
    (*kernel)();
}

void step(Thread &t)
{
    current = &t;
    threadIdx = t.index;
    if (!t.fiber) {
        if (free_fibers.empty()) {
            fibers.emplace_back(new Fiber);
            free_fibers.push_back(fibers.back().get());
        }
        t.fiber = free_fibers.back();
        free_fibers.pop_back();
        t.fiber->start(run_thread, nullptr);
    }
    if (t.fiber->resume()) {
        free_fibers.push_back(t.fiber);
        t.fiber = nullptr;
        t.state = RETURNED;
    }
    current = nullptr;
}

/* ---- warps ---------------------------------------------------------------------------- */

bool same_call(const Thread &a, const Thread &b)
{
    return b.state == AT_COLLECTIVE && b.mask == a.mask && b.kind == a.kind && b.line == a.line &&
           strcmp(a.file, b.file) == 0;
}

/* The first lane of the mask that is not at the same call as t; -1: none. */
int missing_lane(const Thread *warp, int lanes, const Thread &t)
{
    for (int i = 0; i < 32; i++)
        if ((t.mask >> i & 1) && (i >= lanes || !same_call(t, warp[i]))) return i;
    return -1;
}

void complete(Thread *warp, const Thread &first)
{
    unsigned mask = first.mask, ballot = 0;
    uint64_t given[32] = {0};
    for (int i = 0; i < 32; i++) {
        if (!(mask >> i & 1)) continue;
        given[i] = warp[i].value;
        ballot |= (unsigned)(given[i] != 0) << i;
    }
    for (int i = 0; i < 32; i++) {
        if (!(mask >> i & 1)) continue;
        Thread &t = warp[i];
        if (t.kind == CUDAHOST_SHUFFLE && !(mask >> (t.source & 31) & 1))
            fault(t,
                  "shuffle from lane " + std::to_string(t.source) + ", which is not in the mask,");
        t.value = t.kind == CUDAHOST_BALLOT ? ballot : given[t.source & 31];
        t.state = READY;
    }
}

/* Completes the collectives that all of their lanes are at; whether there were any. */
bool complete_collectives(Thread *warp, int lanes)
{
    bool any = false;
    for (int i = 0; i < lanes; i++)
        if (warp[i].state == AT_COLLECTIVE && missing_lane(warp, lanes, warp[i]) < 0) {
            complete(warp, warp[i]);
            any = true;
        }
    return any;
}

/* No lane can go on: those at a collective wait for a lane that will never come. */
void check_stuck(const Thread *warp, int lanes)
{
    for (int i = 0; i < lanes; i++) {
        if (warp[i].state != AT_COLLECTIVE) continue;
        int missing = missing_lane(warp, lanes, warp[i]);
        std::string lane = "lane " + std::to_string(missing);
        fault(warp[i], "divergent warp collective (" + lane + ": " +
                           (missing >= lanes ? "not in the block" : at(warp[missing])) + ")");
    }
}

/* Until every lane has returned or waits at a barrier. */
void run_warp(Thread *warp, int lanes)
{
    do {
        Order order(32);
        for (int i = 0; i < 32; i++) {
            uint64_t lane = order[(uint64_t)i];
            if ((int)lane < lanes && warp[lane].state == READY) step(warp[lane]);
        }
    } while (complete_collectives(warp, lanes));
    check_stuck(warp, lanes);
}

/* ---- blocks --------------------------------------------------------------------------- */

/* All threads have returned or wait at a barrier; false: the block is done. */
bool pass_barrier()
{
    const Thread *waiting = nullptr, *other = nullptr;
    for (int i = 0; i < count; i++)
        if (threads[i].state == AT_BARRIER) waiting = &threads[i];
    if (!waiting) return false;
    for (int i = 0; i < count; i++) {
        const Thread &t = threads[i];
        if (t.state == RETURNED || t.line != waiting->line || strcmp(t.file, waiting->file) != 0)
            other = &t;
    }
    if (other) fault(*waiting, "divergent __syncthreads (" + at(*other) + ")");
    for (int i = 0; i < count; i++)
        threads[i].state = READY;
    return true;
}

void run_block(size_t shared_bytes)
{
    poison_static_shared();
    memset(dynamic_shared, 0xFF, shared_bytes);
    for (int i = 0; i < count; i++) {
        Thread &t = threads[i];
        t = Thread();
        t.number = i;
        t.index = {(unsigned)i % blockDim.x, (unsigned)i / blockDim.x % blockDim.y,
                   (unsigned)i / (blockDim.x * blockDim.y)};
    }
    int warps = (count + 31) / 32;
    do {
        Order order((uint64_t)warps);
        for (int i = 0; i < warps; i++) {
            int first = (int)order[(uint64_t)i] * 32;
            run_warp(threads + first, std::min(count - first, 32));
        }
    } while (pass_barrier());
}

/* Threads are waiting in here: no device work can begin. */
Thread &running(const char *what)
{
    if (!current) die(std::string(what) + " outside of a kernel");
    return *current;
}

/* A launch's dynamic shared memory that is above 48 KiB has to be asked for. */
std::map<const void *, int> &shared_limits()
{
    static std::map<const void *, int> limits;
    return limits;
}

constexpr int default_shared = 48 << 10, most_shared = 64 << 10;

cudaError_t check_launch(const void *function, dim3 grid, dim3 block, size_t shared_bytes)
{
    if (!grid.x || !grid.y || !grid.z || !block.x || !block.y || !block.z || grid.x > 0x7FFFFFFF ||
        grid.y > 65535 || grid.z > 65535 || block.x > 1024 || block.y > 1024 || block.z > 64 ||
        (uint64_t)block.x * block.y * block.z > 1024)
        return cudaErrorInvalidConfiguration;
    auto raised = shared_limits().find(function);
    int limit =
        raised == shared_limits().end() ? default_shared : std::max(default_shared, raised->second);
    return shared_bytes > (size_t)limit ? cudaErrorInvalidValue : cudaSuccess;
}

} // namespace

void run_kernel(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()> &thread)
{
    DeviceWork work;
    watch_faults();
    if (current) die("a launch inside of a kernel");
    gridDim = grid;
    blockDim = block;
    count = (int)(block.x * block.y * block.z);
    kernel = &thread;
    /* Of the exact size, so that ASan sees the byte after it. */
    dynamic_shared = (char *)malloc(shared_bytes);
    if (!dynamic_shared && shared_bytes) die("out of the host's memory");
    uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    Order order(blocks);
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t b = order[i];
        blockIdx = {(unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y),
                    (unsigned)(b / grid.x / grid.y)};
        run_block(shared_bytes);
    }
    free(dynamic_shared);
    dynamic_shared = nullptr;
}

bool in_fiber_guard(const void *address)
{
    for (const auto &fiber : fibers)
        if (fiber->overflowed(address)) return true;
    return false;
}

} // namespace cudahost

using namespace cudahost;

/* ---- called by kernels ---------------------------------------------------------------- */

void *cudahost_dynamic_shared(void)
{
    return dynamic_shared;
}

int cudahost_lane(void)
{
    return running("a warp collective").number & 31;
}

void cudahost_barrier(const char *file, int line)
{
    Thread &t = running("__syncthreads");
    t.state = AT_BARRIER;
    t.file = file;
    t.line = line;
    t.fiber->pause();
}

uint64_t cudahost_collective(unsigned mask, cudahost_collective_kind kind, uint64_t value,
                             int source, const char *file, int line)
{
    Thread &t = running("a warp collective");
    t.file = file;
    t.line = line;
    if (!(mask >> (t.number & 31) & 1)) fault(t, "lane outside of its own mask");
    t.state = AT_COLLECTIVE;
    t.mask = mask;
    t.kind = kind;
    t.value = value;
    t.source = source;
    t.fiber->pause();
    return t.value;
}

/* ---- launches ------------------------------------------------------------------------- */

cudaError_t cudahost_launch(const void *function, dim3 grid, dim3 block, size_t shared_bytes,
                            cudaStream_t stream, std::function<void()> thread)
{
    cudaError_t code = begin_runtime_call("kernel");
    if (code == cudaSuccess) code = check_launch(function, grid, block, shared_bytes);
    if (code != cudaSuccess) return result(code);
    return result(enqueue(stream, [grid, block, shared_bytes, thread] {
        run_kernel(grid, block, shared_bytes, thread);
    }));
}

cudaError_t cudaFuncSetAttribute(const void *function, enum cudaFuncAttribute attr, int value)
{
    CUDAHOST_RUNTIME_CALL();
    if (attr == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
    if (attr != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > most_shared)
        return result(cudaErrorInvalidValue);
    DeviceWork alone;
    shared_limits()[function] = value;
    return cudaSuccess;
}
