/* Keys and values of a conversation. */
#include <stdlib.h>

#include "embed/lm/model.h"
#include "lib/base/memory.h"

syl_status syl_lm_cache_create(syl_lm_cache **out, const syl_lm *lm, int64_t capacity,
                               syl_error *err)
{
    const syl_lm_shape *s = &lm->shape;
    *out = NULL;
    if (capacity == 0) capacity = s->context;
    if (capacity < 1 || capacity > s->context)
        return syl_fail(err, SYL_EINVAL,
                        "a cache of %lld positions was asked for; the model has 1 to %d",
                        (long long)capacity, s->context);
    syl_lm_cache *cache = syl_calloc(1, sizeof *cache);
    if (!cache) return syl_fail_memory(err, sizeof *cache, "a cache");
    cache->lm = lm;
    cache->capacity = capacity;
    void *data = NULL;
    size_t row = 2 * (size_t)syl_lm_key_cols(s) * sizeof(float);
    size_t bytes = syl_mul_size(syl_mul_size((size_t)s->layers, (size_t)capacity), row);
    syl_status status = syl_device_alloc(lm->device, bytes, &data, err);
    cache->data = data;
    if (status != SYL_OK) {
        syl_lm_cache_free(cache);
        return status;
    }
    *out = cache;
    return SYL_OK;
}

void syl_lm_cache_free(syl_lm_cache *cache)
{
    if (!cache) return;
    syl_device_release(cache->lm->device, cache->data);
    free(cache);
}

int64_t syl_lm_cache_length(const syl_lm_cache *cache)
{
    return cache->length;
}

int64_t syl_lm_cache_capacity(const syl_lm_cache *cache)
{
    return cache->capacity;
}

double syl_lm_cache_flops(const syl_lm_cache *cache)
{
    return cache->flops;
}

void syl_lm_cache_clear(syl_lm_cache *cache)
{
    cache->length = 0;
}

void syl_lm_cache_truncate(syl_lm_cache *cache, int64_t length)
{
    if (length < 0) length = 0;
    if (length < cache->length) cache->length = length;
}
