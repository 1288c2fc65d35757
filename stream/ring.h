/* Samples from one thread to another without locks: one writer (the sound card's callback, which
 * must never wait) and one reader. What finds no room is dropped, counted, and reported with the
 * place where it is missing. */
#ifndef SYL_STREAM_RING_H
#define SYL_STREAM_RING_H

#include <stdbool.h>

#include "lib/base/status.h"

typedef struct syl_ring syl_ring;

/* A gap in what was heard. */
typedef struct syl_overrun {
    uint64_t at;     /* sample frames accepted before it */
    uint64_t frames; /* sample frames that are missing */
} syl_overrun;

/* Room for at least `frames` sample frames of `channels` values. */
syl_status syl_ring_create(syl_ring **out, size_t frames, int channels, syl_error *err);
void syl_ring_free(syl_ring *ring); /* NULL is allowed; neither thread may use it any more */

/* The writer's. samples [n][channels]; what does not fit is dropped. Never waits, never allocates.
 */
void syl_ring_write(syl_ring *ring, const float *samples, size_t n);
/* n sample frames were lost before they came here. */
void syl_ring_lost(syl_ring *ring, uint64_t n);

/* The reader's. Up to max sample frames into samples [max][channels]; returns how many. */
size_t syl_ring_read(syl_ring *ring, float *samples, size_t max);
/* The next gap that lies before what is still to be read: true, or false when there is none. One
 * that comes about between this call and a read lies inside of what was read, and is told of after
 * it. */
bool syl_ring_overrun(syl_ring *ring, syl_overrun *out);
/* The writer has ended for good: a gap that is still open is told of as well, at the end of what it
 * wrote. The reader's. */
void syl_ring_end(syl_ring *ring);
/* Of the reader or, after the writer's end, of anyone: frames lost that no gap told of yet, since
 * the gap has not ended. */
uint64_t syl_ring_pending(const syl_ring *ring);

#endif
