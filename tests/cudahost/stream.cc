/* Streams, events, and graphs captured from streams. Work is done when it is put on a stream, so
 * the order of calls is the order of work; events have nothing to wait for.
 *
 * With CUDAHOST_LATE in the environment work is done late instead: when it is waited for, and then
 * only what has to come before, or at a moment chosen at random. What relies on an order that no
 * event and no wait gives it so goes wrong under some seeds. (Not for NCCL between threads: whoever
 * waits would have to do the work of others, which waits for him.) */
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tests/cudahost/internal.h"

using Work = std::vector<std::function<void()>>;
using Clock = std::chrono::steady_clock;

namespace {

/* A capture under way; streams that wait for an event of it join. */
struct Capture {
    cudaStream_t origin;
    cudaStreamCaptureMode mode;
    std::thread::id thread;
    bool invalid;
    Work work;
};

} // namespace

/* A place in a stream's work. */
struct Mark {
    cudaStream_t stream;
    std::atomic<bool> reached;
};

struct Task {
    std::function<void()> work;
    std::shared_ptr<Mark> before, reaches; /* either may be NULL */
};

struct CUstream_st {
    std::shared_ptr<Capture> capture;
    std::recursive_mutex busy; /* while its work is done */
    std::deque<Task> tasks;    /* late ones */
};

struct CUevent_st {
    std::shared_ptr<Capture> capture; /* recorded in one */
    unsigned flags;
    bool recorded;
    Clock::time_point time;
    std::shared_ptr<Mark> mark; /* of the latest record */
};

struct CUgraph_st {
    Work work;
};

struct CUgraphExec_st {
    Work work;
};

namespace {

std::mutex lock;
std::set<cudaStream_t> streams;
std::set<cudaEvent_t> events;
std::vector<std::shared_ptr<Capture>> captures;

/* With `lock` held. NULL, the default stream, is one that is never captured. */
bool valid(cudaStream_t stream)
{
    return !stream || streams.count(stream);
}

std::shared_ptr<Capture> capture_of(cudaStream_t stream)
{
    return stream ? stream->capture : nullptr;
}

/* ---- late work -------------------------------------------------------------------------- */

bool late()
{
    static const bool is = getenv("CUDAHOST_LATE") != nullptr;
    return is;
}

void reach(const std::shared_ptr<Mark> &mark);

/* The stream's next task, false: there is none. Nobody else does the stream's work meanwhile. */
bool do_next(cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> mine(stream->busy);
    Task task;
    {
        std::lock_guard<std::mutex> hold(lock);
        if (stream->tasks.empty()) return false;
        task = std::move(stream->tasks.front());
        stream->tasks.pop_front();
    }
    if (task.before) reach(task.before);
    if (task.work) task.work();
    if (task.reaches) task.reaches->reached = true;
    return true;
}

void reach(const std::shared_ptr<Mark> &mark)
{
    while (!mark->reached)
        do_next(mark->stream);
}

void do_all(cudaStream_t stream)
{
    while (stream && do_next(stream))
        ;
}

/* `lock` is not held. */
void put_off(cudaStream_t stream, Task task)
{
    cudaStream_t lucky = nullptr;
    {
        std::lock_guard<std::mutex> hold(lock);
        stream->tasks.push_back(std::move(task));
        uint64_t random = cudahost::next_random() >> 16, n = streams.size();
        if (random % 3 == 0) lucky = *std::next(streams.begin(), (long)(random / 3 % n));
    }
    if (lucky) do_next(lucky);
}

} // namespace

namespace cudahost {

/* As cudaFree does. */
void finish_all()
{
    std::set<cudaStream_t> all;
    {
        std::lock_guard<std::mutex> hold(lock);
        all = streams;
    }
    for (cudaStream_t stream : all)
        do_all(stream);
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work)
{
    {
        std::lock_guard<std::mutex> hold(lock);
        if (!valid(stream)) return cudaErrorInvalidResourceHandle;
        if (std::shared_ptr<Capture> capture = capture_of(stream)) {
            if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
            capture->work.push_back(std::move(work));
            return cudaSuccess;
        }
    }
    if (stream && late())
        put_off(stream, {std::move(work), nullptr, nullptr});
    else
        work();
    return cudaSuccess;
}

/* By the capture's mode it forbids them to all threads, its own or none. */
cudaError_t forbid_in_capture()
{
    std::lock_guard<std::mutex> hold(lock);
    cudaError_t error = cudaSuccess;
    for (const auto &c : captures) {
        bool mine = c->thread == std::this_thread::get_id();
        if (c->mode == cudaStreamCaptureModeRelaxed) continue;
        if (c->mode == cudaStreamCaptureModeThreadLocal && !mine) continue;
        c->invalid = true;
        error = cudaErrorStreamCaptureUnsupported;
    }
    return error;
}

} // namespace cudahost

using namespace cudahost;

/* ---- streams -------------------------------------------------------------------------- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags)
{
    CUDAHOST_RUNTIME_CALL();
    if (!stream || flags > cudaStreamNonBlocking) return result(cudaErrorInvalidValue);
    std::lock_guard<std::mutex> hold(lock);
    *stream = new CUstream_st;
    streams.insert(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    finish_all();
    std::lock_guard<std::mutex> hold(lock);
    if (!stream || !streams.erase(stream)) return result(cudaErrorInvalidResourceHandle);
    captures.erase(std::remove(captures.begin(), captures.end(), stream->capture), captures.end());
    delete stream;
    return cudaSuccess;
}

/* A stream under capture cannot be waited for in any mode. */
static cudaError_t wait_for(cudaStream_t stream)
{
    {
        std::lock_guard<std::mutex> hold(lock);
        if (!valid(stream)) return cudaErrorInvalidResourceHandle;
        std::shared_ptr<Capture> capture = capture_of(stream);
        if (capture) capture->invalid = true;
        if (capture) return cudaErrorStreamCaptureUnsupported;
    }
    do_all(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    return result(wait_for(stream));
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    return result(wait_for(stream));
}

/* ---- events --------------------------------------------------------------------------- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags)
{
    CUDAHOST_RUNTIME_CALL();
    if (!event || flags > 3) return result(cudaErrorInvalidValue);
    std::lock_guard<std::mutex> hold(lock);
    *event = new CUevent_st{nullptr, flags, false, Clock::now(), nullptr};
    events.insert(*event);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    CUDAHOST_RUNTIME_CALL();
    std::lock_guard<std::mutex> hold(lock);
    if (!events.erase(event)) return result(cudaErrorInvalidResourceHandle);
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    std::unique_lock<std::mutex> hold(lock);
    if (!valid(stream) || !events.count(event)) return result(cudaErrorInvalidResourceHandle);
    event->capture = capture_of(stream);
    event->recorded = true;
    event->time = Clock::now();
    event->mark = nullptr;
    if (!stream || !late() || event->capture) return cudaSuccess;
    std::shared_ptr<Mark> mark = event->mark = std::make_shared<Mark>();
    mark->stream = stream;
    mark->reached = false;
    hold.unlock();
    put_off(stream, {nullptr, nullptr, mark});
    return cudaSuccess;
}

/* An event of a capture takes the waiting stream into it. */
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    CUDAHOST_RUNTIME_CALL();
    if (flags) return result(cudaErrorInvalidValue);
    std::unique_lock<std::mutex> hold(lock);
    if (!valid(stream) || !events.count(event)) return result(cudaErrorInvalidResourceHandle);
    if (!event->capture) {
        std::shared_ptr<Mark> mark = event->mark;
        hold.unlock();
        if (mark && stream) put_off(stream, {nullptr, mark, nullptr});
        return cudaSuccess;
    }
    if (!stream) return result(cudaErrorStreamCaptureUnsupported);
    if (stream->capture && stream->capture != event->capture)
        return result(cudaErrorStreamCaptureMerge);
    stream->capture = event->capture;
    return cudaSuccess;
}

static cudaError_t check_event(cudaEvent_t event)
{
    std::shared_ptr<Mark> mark;
    {
        std::lock_guard<std::mutex> hold(lock);
        if (!events.count(event)) return cudaErrorInvalidResourceHandle;
        if (event->capture) event->capture->invalid = true;
        if (event->capture) return cudaErrorCapturedEvent;
        mark = event->mark;
    }
    if (mark) reach(mark);
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    CUDAHOST_RUNTIME_CALL();
    return result(check_event(event));
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    CUDAHOST_RUNTIME_CALL();
    return result(check_event(event));
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end)
{
    CUDAHOST_RUNTIME_CALL();
    std::lock_guard<std::mutex> hold(lock);
    if (!milliseconds || !events.count(start) || !events.count(end) || !start->recorded ||
        !end->recorded || ((start->flags | end->flags) & cudaEventDisableTiming))
        return result(cudaErrorInvalidResourceHandle);
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return cudaSuccess;
}

/* ---- graphs --------------------------------------------------------------------------- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    CUDAHOST_RUNTIME_CALL();
    std::lock_guard<std::mutex> hold(lock);
    if (!stream) return result(cudaErrorStreamCaptureUnsupported);
    if (!valid(stream)) return result(cudaErrorInvalidResourceHandle);
    if (stream->capture) return result(cudaErrorInvalidValue);
    stream->capture =
        std::make_shared<Capture>(Capture{stream, mode, std::this_thread::get_id(), false, Work()});
    captures.push_back(stream->capture);
    return cudaSuccess;
}

/* Streams that joined leave with it; whether they had been joined again is not checked. */
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    if (graph) *graph = nullptr;
    CUDAHOST_RUNTIME_CALL();
    std::lock_guard<std::mutex> hold(lock);
    if (!graph) return result(cudaErrorInvalidValue);
    if (!valid(stream)) return result(cudaErrorInvalidResourceHandle);
    std::shared_ptr<Capture> capture = capture_of(stream);
    if (!capture) return result(cudaErrorInvalidValue);
    if (capture->origin != stream) return result(cudaErrorStreamCaptureUnmatched);
    for (cudaStream_t s : streams)
        if (s->capture == capture) s->capture = nullptr;
    for (cudaEvent_t e : events)
        if (e->capture == capture) e->capture = nullptr;
    captures.erase(std::remove(captures.begin(), captures.end(), capture), captures.end());
    if (capture->invalid) return result(cudaErrorStreamCaptureInvalidated);
    *graph = new CUgraph_st{std::move(capture->work)};
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status)
{
    CUDAHOST_RUNTIME_CALL();
    std::lock_guard<std::mutex> hold(lock);
    if (!status) return result(cudaErrorInvalidValue);
    if (!valid(stream)) return result(cudaErrorInvalidResourceHandle);
    std::shared_ptr<Capture> capture = capture_of(stream);
    *status = !capture           ? cudaStreamCaptureStatusNone
              : capture->invalid ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    CUDAHOST_RUNTIME_CALL();
    if (!exec || !graph) return result(cudaErrorInvalidValue);
    *exec = new CUgraphExec_st{graph->work};
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    if (!exec) return result(cudaErrorInvalidValue);
    return result(enqueue(stream, [work = exec->work] {
        for (const auto &w : work)
            w();
    }));
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    CUDAHOST_RUNTIME_CALL();
    if (!exec) return result(cudaErrorInvalidValue);
    delete exec;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    CUDAHOST_RUNTIME_CALL();
    if (!graph) return result(cudaErrorInvalidValue);
    delete graph;
    return cudaSuccess;
}
