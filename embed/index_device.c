/* The scan on a device: it has a copy of the codes, and one search at a time. */
#include <pthread.h>
#include <stdlib.h>

#include "embed/index.h"
#include "lib/base/memory.h"
#include "lib/compute/training.h"

struct syl_index_device {
    pthread_mutex_t lock; /* of all that follows */
    syl_device *device;
    syl_ctx *ctx;
    void *codes; /* [count][words] */
    int64_t count;
};

void syl_index_device_free(syl_index_device *d)
{
    if (!d) return;
    syl_device_release(d->device, d->codes);
    syl_ctx_free(d->ctx);
    syl_device_close(d->device);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* Codes that it lacks: all of them, because its memory does not grow. */
static syl_status copy_codes(syl_index_device *d, const syl_index *index, syl_error *err)
{
    syl_codes codes = syl_index_codes(index);
    int64_t count = codes.n[0] + codes.n[1];
    size_t code = (size_t)codes.words * sizeof(uint64_t);
    if (d->count == count && d->codes) return SYL_OK;
    syl_device_release(d->device, d->codes);
    d->codes = NULL;
    SYL_TRY(syl_device_alloc(d->device, (size_t)count * code, &d->codes, err));
    syl_status status = SYL_OK;
    uint8_t *to = d->codes;
    for (int part = 0; part < 2 && status == SYL_OK; part++) {
        size_t bytes = (size_t)codes.n[part] * code;
        if (bytes) status = syl_device_put(d->device, codes.part[part], to, bytes, err);
        to += bytes;
    }
    d->count = count;
    if (status) {
        syl_device_release(d->device, d->codes);
        d->codes = NULL;
    }
    return status;
}

syl_status syl_index_set_device(syl_index *index, const char *name, syl_error *err)
{
    syl_device *device;
    SYL_TRY(syl_device_open(&device, name ? name : "cpu", err));
    syl_index_device_free(index->device);
    index->device = NULL;
    if (!device) return SYL_OK;
    syl_index_device *d = syl_calloc(1, sizeof *d);
    if (!d) {
        syl_device_close(device);
        return syl_fail_memory(err, sizeof *d, "an index's device");
    }
    d->device = device;
    pthread_mutex_init(&d->lock, NULL);
    syl_status status = syl_ctx_create_on(&d->ctx, device, 1, err);
    if (status == SYL_OK) status = copy_codes(d, index, err);
    if (status)
        syl_index_device_free(d);
    else
        index->device = d;
    return status;
}

bool syl_index_device_takes(const syl_index *index, int64_t k)
{
    return index->device && k > 0 && k <= SYL_HAMMING_K;
}

syl_status syl_index_device_scan(const syl_index *index, const uint64_t *queries, int64_t n,
                                 int64_t k, syl_code_list *lists, syl_error *err)
{
    syl_index_device *d = index->device;
    size_t hits = (size_t)n * (size_t)k;
    int32_t *distance = syl_calloc(2 * hits, sizeof *distance), *id = distance + hits;
    if (!distance) return syl_fail_memory(err, 2 * hits * sizeof *distance, "hits");
    pthread_mutex_lock(&d->lock);
    syl_status status = copy_codes(d, index, err);
    if (status == SYL_OK)
        status = syl_hamming(d->ctx, d->codes, d->count, index->words, queries, n, (int)k, distance,
                             id, err);
    pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; status == SYL_OK && i < hits; i++)
        if (id[i] >= 0) syl_code_list_offer(&lists[i / (size_t)k], distance[i], (uint32_t)id[i]);
    free(distance);
    return status;
}
