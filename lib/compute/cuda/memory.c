/* Device memory: segments from cudaMalloc are kept and cut into blocks, because cudaMalloc takes
 * long and cudaFree waits for the whole device. A request gets the smallest free block that holds
 * it; neighbours that are free become one again. */
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

#define SEGMENT ((size_t)2 << 20) /* cudaMalloc gives no less anyway */

struct cuda_block {
    uint8_t *data;
    size_t size;
    bool used, first; /* first: begins a segment */
    cuda_block *next; /* the block behind it, or the next segment's first */
};

static size_t rounded(size_t bytes, size_t to)
{
    return bytes > SIZE_MAX - to ? SIZE_MAX : (bytes + to - 1) / to * to;
}

static cuda_block *best_fit(cuda_device *device, size_t bytes)
{
    cuda_block *best = NULL;
    for (cuda_block *b = device->blocks; b; b = b->next)
        if (!b->used && b->size >= bytes && (!best || b->size < best->size)) best = b;
    return best;
}

/* The block keeps `bytes`; without memory for another record of the host's it keeps all. */
static void split(cuda_block *b, size_t bytes)
{
    if (b->size == bytes) return;
    cuda_block *rest = syl_calloc(1, sizeof *rest);
    if (!rest) return;
    *rest = (cuda_block){.data = b->data + bytes, .size = b->size - bytes, .next = b->next};
    b->size = bytes;
    b->next = rest;
}

static void join_next(cuda_block *b)
{
    cuda_block *next = b->next;
    if (!next || next->first || next->used || b->used) return;
    b->size += next->size;
    b->next = next->next;
    free(next);
}

static void trim(cuda_device *device)
{
    for (cuda_block **at = &device->blocks; *at;) {
        cuda_block *b = *at;
        bool whole = b->first && (!b->next || b->next->first);
        if (whole && !b->used) {
            (void)cudaFree(b->data); /* a failure of the device comes back at the next call */
            *at = b->next;
            free(b);
        } else {
            at = &b->next;
        }
    }
}

static cudaError_t allocate(cuda_device *device, size_t bytes, void **out)
{
    cudaError_t code = cudaMalloc(out, bytes);
    if (code != cudaErrorMemoryAllocation) return code;
    (void)cudaGetLastError();
    trim(device);
    return cudaMalloc(out, bytes);
}

static syl_status add_segment(cuda_device *device, size_t bytes, const char *what, cuda_block **out,
                              syl_error *err)
{
    void *data = NULL;
    size_t size = rounded(bytes, SEGMENT);
    cuda_block *b = syl_calloc(1, sizeof *b);
    if (!b) return syl_fail_memory(err, sizeof *b, "a record of device memory");
    cudaError_t code =
        size > SIZE_MAX / 2 ? cudaErrorMemoryAllocation : allocate(device, size, &data);
    if (code != cudaSuccess) {
        free(b);
        if (code != cudaErrorMemoryAllocation) return cuda_fail(err, code, what);
        return cuda_fail_memory(err, device, size, what);
    }
    *b = (cuda_block){.data = data, .size = size, .first = true, .next = device->blocks};
    device->blocks = b;
    *out = b;
    return SYL_OK;
}

static syl_status take(cuda_device *device, size_t bytes, const char *what, void **out,
                       syl_error *err)
{
    bytes = rounded(bytes ? bytes : 1, CUDA_ALIGNMENT);
    cuda_block *b = best_fit(device, bytes);
    /* What used the block may still wait in some context's queue. */
    if (b && device->dirty) {
        SYL_TRY(cuda_wait_contexts(device, err));
        device->dirty = false;
    }
    if (!b) SYL_TRY(add_segment(device, bytes, what, &b, err));
    split(b, bytes);
    b->used = true;
    *out = b->data;
    return SYL_OK;
}

syl_status cuda_memory_take(cuda_device *device, size_t bytes, const char *what, void **out,
                            syl_error *err)
{
    *out = NULL;
    SYL_TRY(cuda_use(device, err));
    pthread_mutex_lock(&device->lock);
    syl_status status = take(device, bytes, what, out, err);
    pthread_mutex_unlock(&device->lock);
    return status;
}

void cuda_memory_give(cuda_device *device, void *memory)
{
    if (!memory) return;
    pthread_mutex_lock(&device->lock);
    cuda_block *before = NULL, *b = device->blocks;
    for (; b && b->data != memory; b = b->next)
        before = b;
    if (b) {
        b->used = false;
        device->dirty = true;
        join_next(b);
        if (before && !b->first) join_next(before);
    }
    pthread_mutex_unlock(&device->lock);
}

/* Whatever is left, in use or not: the device closes. */
void cuda_memory_free(cuda_device *device)
{
    while (device->blocks) {
        cuda_block *b = device->blocks;
        if (b->first) (void)cudaFree(b->data);
        device->blocks = b->next;
        free(b);
    }
}
