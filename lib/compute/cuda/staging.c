/* Copies between the host's memory and the device's. Uploads go through a ring of pinned memory
 * and a ring of device memory of the same size: the copy stream fills the second from the first
 * while the compute stream works, and the compute stream then moves it to its place. It could not
 * be copied there at once, because work that is still in the queue may use that place. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

#define RING ((size_t)16 << 20)
#define PIECE ((size_t)2 << 20) /* bytes that go at once: several fit into the ring */
#define MAX_USES 256

struct cuda_staging {
    uint8_t *pinned;     /* [RING], and [PIECE] for downloads behind it */
    uint8_t *mirror;     /* [RING], device */
    size_t head;         /* where the next piece goes */
    cudaEvent_t arrived; /* on the copy stream; each wait is for the latest record */
    struct {
        size_t begin, end;
        cudaEvent_t done; /* on the compute stream: this part of the ring is free again */
    } use[MAX_USES];      /* in order of time, the oldest at `first` */
    int first, count;
};

static syl_status make(cuda_ctx *ctx, cuda_staging *s, syl_error *err)
{
    void *pinned, *mirror;
    cudaError_t code = cudaMallocHost(&pinned, RING + PIECE);
    if (code == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError();
        return syl_fail_memory(err, RING + PIECE, "pinned memory");
    }
    CUDA_TRY("pinned memory", code);
    s->pinned = pinned;
    SYL_TRY(cuda_memory_take(ctx->device, RING, "copies", &mirror, err));
    s->mirror = mirror;
    CUDA_TRY("an event", cudaEventCreateWithFlags(&s->arrived, cudaEventDisableTiming));
    for (int i = 0; i < MAX_USES; i++)
        CUDA_TRY("an event", cudaEventCreateWithFlags(&s->use[i].done, cudaEventDisableTiming));
    return SYL_OK;
}

syl_status cuda_staging_create(cuda_ctx *ctx, syl_error *err)
{
    ctx->staging = syl_calloc(1, sizeof *ctx->staging);
    if (!ctx->staging) return syl_fail_memory(err, sizeof *ctx->staging, "copies");
    return make(ctx, ctx->staging, err);
}

void cuda_staging_free(cuda_ctx *ctx)
{
    cuda_staging *s = ctx->staging;
    if (!s) return;
    if (s->pinned) (void)cudaFreeHost(s->pinned);
    cuda_memory_give(ctx->device, s->mirror);
    if (s->arrived) (void)cudaEventDestroy(s->arrived);
    for (int i = 0; i < MAX_USES; i++)
        if (s->use[i].done) (void)cudaEventDestroy(s->use[i].done);
    free(s);
}

/* ---- the ring ----------------------------------------------------------------------------- */

static bool is_used(const cuda_staging *s, size_t begin, size_t end)
{
    for (int i = 0; i < s->count; i++) {
        int at = (s->first + i) % MAX_USES;
        if (s->use[at].begin < end && begin < s->use[at].end) return true;
    }
    return false;
}

/* Room for `bytes` (at most PIECE) that nothing under way uses. */
static syl_status reserve(cuda_staging *s, size_t bytes, int *use, syl_error *err)
{
    bytes = (bytes + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT;
    if (s->head + bytes > RING) s->head = 0;
    while (s->count == MAX_USES || is_used(s, s->head, s->head + bytes)) {
        CUDA_TRY("an upload", cudaEventSynchronize(s->use[s->first].done));
        s->first = (s->first + 1) % MAX_USES;
        s->count--;
    }
    *use = (s->first + s->count) % MAX_USES;
    s->use[*use].begin = s->head;
    s->use[*use].end = s->head + bytes;
    s->head += bytes;
    return SYL_OK;
}

/* ---- pieces ------------------------------------------------------------------------------- */

/* n rows of `width` bytes, on the host one behind the other, on the device `pitch` bytes apart. */
typedef struct piece {
    uint8_t *host, *device;
    size_t pitch, width, n;
} piece;

static cudaError_t copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                             size_t width, size_t n, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    if (n == 1 || (to_pitch == width && from_pitch == width))
        return cudaMemcpyAsync(to, from, n * width, kind, stream);
    return cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, n, kind, stream);
}

static syl_status upload_piece(cuda_ctx *ctx, const piece *p, syl_error *err)
{
    cuda_staging *s = ctx->staging;
    size_t bytes = p->width * p->n;
    int use = 0;
    SYL_TRY(reserve(s, bytes, &use, err));
    uint8_t *pinned = s->pinned + s->use[use].begin, *mirror = s->mirror + s->use[use].begin;
    memcpy(pinned, p->host, bytes);
    CUDA_TRY("an upload",
             cudaMemcpyAsync(mirror, pinned, bytes, cudaMemcpyHostToDevice, ctx->copy));
    CUDA_TRY("an upload", cudaEventRecord(s->arrived, ctx->copy));
    CUDA_TRY("an upload", cudaStreamWaitEvent(ctx->compute, s->arrived, 0));
    CUDA_TRY("an upload", copy_rows(p->device, p->pitch, mirror, p->width, p->width, p->n,
                                    cudaMemcpyDeviceToDevice, ctx->compute));
    CUDA_TRY("an upload", cudaEventRecord(s->use[use].done, ctx->compute));
    s->count++;
    return SYL_OK;
}

static syl_status download_piece(cuda_ctx *ctx, const piece *p, syl_error *err)
{
    uint8_t *pinned = ctx->staging->pinned + RING;
    CUDA_TRY("a download", copy_rows(pinned, p->width, p->device, p->pitch, p->width, p->n,
                                     cudaMemcpyDeviceToHost, ctx->compute));
    CUDA_TRY("a download", cudaStreamSynchronize(ctx->compute));
    memcpy(p->host, pinned, p->width * p->n);
    return SYL_OK;
}

/* The whole of it; the columns of a row only where not even one fits. */
static syl_status by_pieces(cuda_ctx *ctx, const piece *all,
                            syl_status (*run)(cuda_ctx *, const piece *, syl_error *),
                            syl_error *err)
{
    piece p = *all;
    if (p.pitch == p.width && p.n > 0) {
        p.width = p.pitch = p.width * p.n;
        p.n = 1;
    }
    if (p.width == 0) return SYL_OK;
    size_t rows = p.width < PIECE ? PIECE / p.width : 1, bytes = p.width < PIECE ? p.width : PIECE;
    for (size_t t = 0; t < p.n; t += rows)
        for (size_t c = 0; c < p.width; c += bytes) {
            piece some = {.host = p.host + t * p.width + c,
                          .device = p.device + t * p.pitch + c,
                          .pitch = p.pitch,
                          .width = p.width - c < bytes ? p.width - c : bytes,
                          .n = p.n - t < rows ? p.n - t : rows};
            SYL_TRY(run(ctx, &some, err));
        }
    return SYL_OK;
}

/* ---- uploads and downloads ---------------------------------------------------------------- */

static piece piece_of(syl_mat m, const void *host)
{
    size_t size = syl_dtype_size(m.dtype);
    return (piece){.host = (uint8_t *)(uintptr_t)host,
                   .device = m.data,
                   .pitch = (size_t)m.stride * size,
                   .width = (size_t)m.cols * size,
                   .n = (size_t)m.rows};
}

/* In a recording the copy is from pinned memory of its own, filled anew at every replay. */
static syl_status upload_recorded(cuda_ctx *ctx, const piece *p, cuda_fill *fill, syl_error *err)
{
    void *pinned;
    if (p->width * p->n == 0) return SYL_OK;
    SYL_TRY(cuda_recording_pin(ctx, p->host, p->width * p->n, fill, &pinned, err));
    CUDA_TRY("an upload", copy_rows(p->device, p->pitch, pinned, p->width, p->width, p->n,
                                    cudaMemcpyHostToDevice, ctx->compute));
    return SYL_OK;
}

static syl_status upload(cuda_ctx *ctx, const piece *p, syl_error *err)
{
    return ctx->recording ? upload_recorded(ctx, p, NULL, err)
                          : by_pieces(ctx, p, upload_piece, err);
}

syl_status cuda_op_upload(syl_ctx *base, const void *host, syl_mat y, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    piece p = piece_of(y, host);
    SYL_TRY(cuda_ctx_check(ctx, err));
    return upload(ctx, &p, err);
}

syl_status cuda_op_download(syl_ctx *base, syl_mat x, void *host, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    piece p = piece_of(x, host);
    SYL_TRY(cuda_ctx_check(ctx, err));
    SYL_TRY(cuda_ctx_may_wait(ctx, "a download", err));
    return by_pieces(ctx, &p, download_piece, err);
}

static piece run_of(const void *host, void *device, size_t bytes)
{
    return (piece){(uint8_t *)(uintptr_t)host, device, bytes, bytes, 1};
}

syl_status cuda_send(cuda_ctx *ctx, const void *host, size_t bytes, void **out, syl_error *err)
{
    SYL_TRY(cuda_take(ctx, bytes, out, err));
    piece p = run_of(host, *out, bytes);
    return upload(ctx, &p, err);
}

static void keep(const void *host, void *pinned, size_t bytes)
{
    (void)host, (void)pinned, (void)bytes;
}

syl_status cuda_send_fixed(cuda_ctx *ctx, const void *host, size_t bytes, void **out,
                           syl_error *err)
{
    void *pinned;
    if (!ctx->recording || bytes == 0) return cuda_send(ctx, host, bytes, out, err);
    SYL_TRY(cuda_take(ctx, bytes, out, err));
    SYL_TRY(cuda_recording_pin(ctx, NULL, bytes, keep, &pinned, err));
    memcpy(pinned, host, bytes);
    CUDA_TRY("an upload",
             cudaMemcpyAsync(*out, pinned, bytes, cudaMemcpyHostToDevice, ctx->compute));
    return SYL_OK;
}

syl_status cuda_send_made(cuda_ctx *ctx, const void *host, size_t bytes, cuda_fill *fill,
                          void **out, syl_error *err)
{
    SYL_TRY(cuda_take(ctx, bytes, out, err));
    if (ctx->recording) {
        piece p = run_of(host, *out, bytes);
        return upload_recorded(ctx, &p, fill, err);
    }
    void *made = syl_calloc(bytes, 1);
    if (!made) return syl_fail_memory(err, bytes, "an upload");
    fill(host, made, bytes);
    piece p = run_of(made, *out, bytes);
    syl_status status = upload(ctx, &p, err);
    free(made);
    return status;
}

syl_status cuda_fetch(cuda_ctx *ctx, const void *from, void *host, size_t bytes, syl_error *err)
{
    piece p = run_of(host, (void *)(uintptr_t)from, bytes);
    SYL_TRY(cuda_ctx_may_wait(ctx, "a result that is returned", err));
    return by_pieces(ctx, &p, download_piece, err);
}
