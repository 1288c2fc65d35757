#include "stream/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define MAX_OVERRUNS 64 /* gaps that wait for the reader; more flow together */

/* Counters only grow; a slot is counter % size. The writer publishes a counter with `release` after
 * it filled the slots below it, the reader gives slots back in the same way. */
struct syl_ring {
    size_t size, channels; /* size: a power of two */
    float *samples;        /* [size][channels] */
    syl_overrun overrun[MAX_OVERRUNS];
    _Alignas(64) atomic_uint_fast64_t written; /* sample frames */
    atomic_uint_fast64_t told;                 /* gaps */
    atomic_uint_fast64_t losing;               /* frames of the gap that is open */
    bool full;                              /* the writer's: nothing fits until a quarter is free */
    _Alignas(64) atomic_uint_fast64_t read; /* sample frames */
    atomic_uint_fast64_t heard;             /* gaps */
};

syl_status syl_ring_create(syl_ring **out, size_t frames, int channels, syl_error *err)
{
    syl_ring *r = syl_calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return syl_fail_memory(err, sizeof *r, "a ring");
    r->size = 1;
    while (r->size < frames && r->size <= SIZE_MAX / 4)
        r->size *= 2;
    r->channels = (size_t)channels;
    size_t values = syl_mul_size(r->size, r->channels);
    r->samples = syl_calloc(values, sizeof *r->samples);
    if (!r->samples) {
        free(r);
        return syl_fail_memory(err, syl_mul_size(values, sizeof(float)), "a ring");
    }
    *out = r;
    return SYL_OK;
}

void syl_ring_free(syl_ring *r)
{
    if (!r) return;
    free(r->samples);
    free(r);
}

/* ---- the writer ------------------------------------------------------------------------ */

/* The open gap becomes one that the reader sees, before any sample that follows it. When too many
 * wait already it stays open and the next one adds to it: its length is right, its place late. */
static void close_gap(syl_ring *r, uint64_t written)
{
    uint64_t lost = atomic_load_explicit(&r->losing, memory_order_relaxed);
    uint64_t told = atomic_load_explicit(&r->told, memory_order_relaxed);
    if (!lost || told - atomic_load_explicit(&r->heard, memory_order_acquire) == MAX_OVERRUNS)
        return;
    r->overrun[told % MAX_OVERRUNS] = (syl_overrun){.at = written, .frames = lost};
    atomic_store_explicit(&r->losing, 0, memory_order_relaxed);
    atomic_store_explicit(&r->told, told + 1, memory_order_release);
}

static void put(syl_ring *r, uint64_t at, const float *samples, size_t n)
{
    size_t slot = (size_t)(at & (r->size - 1));
    size_t first = n < r->size - slot ? n : r->size - slot;
    memcpy(r->samples + slot * r->channels, samples, first * r->channels * sizeof(float));
    memcpy(r->samples, samples + first * r->channels, (n - first) * r->channels * sizeof(float));
}

void syl_ring_write(syl_ring *r, const float *samples, size_t n)
{
    uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&r->read, memory_order_acquire);
    size_t room = r->size - (size_t)(written - taken);
    /* One long gap is better to hear past, and to tell of, than many in shreds of sound. */
    if (r->full && room < r->size / 4) room = 0;
    size_t some = n < room ? n : room;
    r->full = some < n;
    if (some) {
        close_gap(r, written);
        put(r, written, samples, some);
        atomic_store_explicit(&r->written, written + some, memory_order_release);
    }
    if (n > some) syl_ring_lost(r, n - some);
}

void syl_ring_lost(syl_ring *r, uint64_t n)
{
    uint64_t before = atomic_load_explicit(&r->losing, memory_order_relaxed);
    atomic_store_explicit(&r->losing, before + n, memory_order_relaxed);
}

/* ---- the reader ------------------------------------------------------------------------ */

size_t syl_ring_read(syl_ring *r, float *samples, size_t max)
{
    uint64_t taken = atomic_load_explicit(&r->read, memory_order_relaxed);
    uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);
    size_t n = written - taken < max ? (size_t)(written - taken) : max;
    size_t slot = (size_t)(taken & (r->size - 1));
    size_t first = n < r->size - slot ? n : r->size - slot;
    memcpy(samples, r->samples + slot * r->channels, first * r->channels * sizeof(float));
    memcpy(samples + first * r->channels, r->samples, (n - first) * r->channels * sizeof(float));
    atomic_store_explicit(&r->read, taken + n, memory_order_release);
    return n;
}

bool syl_ring_overrun(syl_ring *r, syl_overrun *out)
{
    uint64_t heard = atomic_load_explicit(&r->heard, memory_order_relaxed);
    if (heard == atomic_load_explicit(&r->told, memory_order_acquire)) return false;
    syl_overrun next = r->overrun[heard % MAX_OVERRUNS];
    if (next.at > atomic_load_explicit(&r->read, memory_order_relaxed)) return false;
    *out = next;
    atomic_store_explicit(&r->heard, heard + 1, memory_order_release);
    return true;
}

void syl_ring_end(syl_ring *r)
{
    close_gap(r, atomic_load_explicit(&r->written, memory_order_acquire));
}

uint64_t syl_ring_pending(const syl_ring *r)
{
    return atomic_load_explicit(&r->losing, memory_order_relaxed);
}
