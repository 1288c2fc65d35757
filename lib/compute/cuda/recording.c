/* Recordings: CUDA graphs, captured from the compute stream.
 *
 * - Do the work once before it is recorded: slabs of scratch memory, cuDNN's and cuBLASLt's
 *   choices are then made, and nothing has to be allocated during the capture.
 * - Uploads, and the host's arrays of an operation (ids, targets), are read again from the same
 *   addresses at every replay; what says where sequences begin is part of the recording.
 * - Scratch memory that was taken inside stays where it is (slabs are never given back before the
 *   context is freed) but is not kept for the recording: other work may use it between replays, in
 *   the stream's order. What must last from one replay to the next has to be memory of the device,
 *   or scratch that was taken before and is not released. What a recording took and did not release
 *   counts as taken again after each replay.
 * - Sums that an operation would return are copied to pinned memory and read there afterwards.
 * - A replay waits for the one before it if it has something to upload, because that reads the
 *   same pinned memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

typedef struct recorded_upload {
    const void *host;
    void *pinned;
    size_t bytes;
    cuda_fill *fill; /* NULL: a copy */
} recorded_upload;

struct syl_recording {
    cuda_device *device;
    cudaGraphExec_t exec;
    cudaEvent_t done; /* of the latest replay */
    bool replayed;
    recorded_upload *uploads;
    size_t num_uploads, capacity;
    double **sums; /* pinned, each on its own */
    size_t num_sums, sum_capacity;
    size_t top; /* of the scratch memory when it ended */
};

/* Others that wait for all contexts leave out the one that records. */
static void set_recording(cuda_ctx *ctx, syl_recording *recording)
{
    pthread_mutex_lock(&ctx->device->lock);
    ctx->recording = recording;
    pthread_mutex_unlock(&ctx->device->lock);
}

static syl_status begin(cuda_ctx *ctx, syl_recording *r, syl_error *err)
{
    CUDA_TRY("an event", cudaEventCreateWithFlags(&r->done, cudaEventDisableTiming));
    CUDA_TRY("work on the CUDA device", cudaStreamSynchronize(ctx->compute));
    set_recording(ctx, r);
    /* Relaxed: other threads may allocate meanwhile, and so may this one. */
    cudaError_t code = cudaStreamBeginCapture(ctx->compute, cudaStreamCaptureModeRelaxed);
    if (code != cudaSuccess) set_recording(ctx, NULL);
    CUDA_TRY("beginning a recording", code);
    return SYL_OK;
}

syl_status cuda_record(syl_ctx *base, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (ctx->recording)
        return syl_fail(err, SYL_EINVAL, "a recording is being made already in this context");
    syl_recording *r = syl_calloc(1, sizeof *r);
    if (!r) return syl_fail_memory(err, sizeof *r, "a recording");
    r->device = ctx->device;
    syl_status status = begin(ctx, r, err);
    if (status != SYL_OK) cuda_recording_free(r);
    return status;
}

static syl_status finish(cuda_ctx *ctx, syl_recording *r, syl_error *err)
{
    cudaGraph_t graph = NULL;
    /* The capture ends whatever happened during it. */
    cudaError_t code = cudaStreamEndCapture(ctx->compute, &graph);
    if (code != cudaSuccess) (void)cudaGetLastError(); /* or the next launch would report it */
    syl_status status = cuda_ctx_check(ctx, err);
    if (status == SYL_OK && code != cudaSuccess) status = cuda_fail(err, code, "a recording");
    if (status == SYL_OK) {
        code = cudaGraphInstantiate(&r->exec, graph, 0);
        if (code != cudaSuccess) status = cuda_fail(err, code, "a recording");
    }
    if (graph) (void)cudaGraphDestroy(graph);
    return status;
}

syl_status cuda_recorded(syl_ctx *base, syl_recording **out, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    syl_recording *r = ctx->recording;
    *out = NULL;
    if (!r) return syl_fail(err, SYL_EINVAL, "no recording was begun in this context");
    syl_status status = cuda_use(ctx->device, err);
    if (status == SYL_OK) status = finish(ctx, r, err);
    set_recording(ctx, NULL);
    r->top = ctx->top;
    if (status == SYL_OK)
        *out = r;
    else
        cuda_recording_free(r);
    return status;
}

static void refresh(const recorded_upload *u)
{
    if (u->fill)
        u->fill(u->host, u->pinned, u->bytes);
    else
        memcpy(u->pinned, u->host, u->bytes);
}

syl_status cuda_recording_pin(cuda_ctx *ctx, const void *host, size_t bytes, cuda_fill *fill,
                              void **pinned, syl_error *err)
{
    syl_recording *r = ctx->recording;
    void *uploads = r->uploads;
    syl_status status =
        syl_grow(&uploads, &r->capacity, r->num_uploads + 1, sizeof *r->uploads, err);
    r->uploads = uploads;
    SYL_TRY(status);
    CUDA_TRY("pinned memory of a recording", cudaMallocHost(pinned, bytes));
    recorded_upload *u = &r->uploads[r->num_uploads++];
    *u = (recorded_upload){.host = host, .pinned = *pinned, .bytes = bytes, .fill = fill};
    refresh(u);
    return SYL_OK;
}

syl_status cuda_replay(syl_ctx *base, syl_recording *r, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (ctx->recording)
        return syl_fail(err, SYL_EINVAL, "a recording cannot be part of another one");
    if (ctx->device != r->device)
        return syl_fail(err, SYL_EINVAL, "the recording was made on another device");
    if (r->num_uploads > 0 && r->replayed) CUDA_TRY("a recording", cudaEventSynchronize(r->done));
    for (size_t i = 0; i < r->num_uploads; i++)
        refresh(&r->uploads[i]);
    CUDA_TRY("a recording", cudaGraphLaunch(r->exec, ctx->compute));
    CUDA_TRY("a recording", cudaEventRecord(r->done, ctx->compute));
    r->replayed = true;
    if (ctx->top < r->top) ctx->top = r->top;
    return SYL_OK;
}

syl_status cuda_recording_keep(cuda_ctx *ctx, const double *from, syl_error *err)
{
    syl_recording *r = ctx->recording;
    void *sums = r->sums, *pinned;
    syl_status status = syl_grow(&sums, &r->sum_capacity, r->num_sums + 1, sizeof *r->sums, err);
    r->sums = sums;
    SYL_TRY(status);
    CUDA_TRY("pinned memory of a recording", cudaMallocHost(&pinned, sizeof *from));
    r->sums[r->num_sums++] = pinned;
    CUDA_TRY("a sum of a recording",
             cudaMemcpyAsync(pinned, from, sizeof *from, cudaMemcpyDeviceToHost, ctx->compute));
    return SYL_OK;
}

syl_status cuda_recording_sum(syl_ctx *base, syl_recording *r, int index, double *sum,
                              syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    *sum = (double)NAN;
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_ctx_may_wait(ctx, "a sum of a recording", err));
    if (index < 0 || (size_t)index >= r->num_sums || !r->replayed)
        return syl_fail(err, SYL_EINVAL, "sum %d of a recording with %zu that was %s", index,
                        r->num_sums, r->replayed ? "replayed" : "not replayed yet");
    CUDA_TRY("a recording", cudaEventSynchronize(r->done));
    *sum = *r->sums[index];
    return SYL_OK;
}

void cuda_recording_free(syl_recording *r)
{
    (void)cuda_use(r->device, NULL);
    if (r->replayed) (void)cudaEventSynchronize(r->done);
    if (r->exec) (void)cudaGraphExecDestroy(r->exec);
    if (r->done) (void)cudaEventDestroy(r->done);
    for (size_t i = 0; i < r->num_uploads; i++)
        (void)cudaFreeHost(r->uploads[i].pinned);
    for (size_t i = 0; i < r->num_sums; i++)
        (void)cudaFreeHost(r->sums[i]);
    free(r->uploads);
    free(r->sums);
    free(r);
}
