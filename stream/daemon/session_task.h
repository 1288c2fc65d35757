/* What a worker does for a session in one go, with no lock held. */
#ifndef SYL_STREAM_SESSION_TASK_H
#define SYL_STREAM_SESSION_TASK_H

#include "stream/daemon/session.h"
#include "stream/daemon/text.h"

#define SYL_TASK_BYTES 16384 /* half a second of 16 kHz s16le: then it is another client's turn */

typedef struct syl_scratch { /* a worker's */
    uint8_t bytes[SYL_TASK_BYTES];
    float samples[SYL_TASK_BYTES / 2];
} syl_scratch;

typedef struct syl_task {
    syl_service *service;
    /* given */
    bool begin; /* a new stream */
    syl_session_format format;
    size_t bytes;       /* of audio, in the scratch: whole frames */
    double arrived;     /* when the last of them came, syl_clock_seconds */
    double queue;       /* seconds of audio that wait behind them */
    const char *reason; /* not NULL: this is the end of the stream */
    size_t left_over;   /* bytes of half a sample behind the end */
    /* found */
    syl_text said;
    bool failed; /* an error was said: the session is over */
    syl_drop failed_drop;
    /* kept from one go to the next */
    syl_shared_model *shared;
    syl_stream *stream;
    int64_t samples; /* fed, of a channel */
    double next_stats;
    syl_stream_stats stats;
} syl_task;

void syl_task_run(syl_task *t, syl_scratch *scratch);
void syl_task_close(syl_task *t);

#endif
