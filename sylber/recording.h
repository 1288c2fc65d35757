/* One recording through a stream, in bounded memory however long it is. */
#ifndef SYL_SYLBER_RECORDING_H
#define SYL_SYLBER_RECORDING_H

#include "lib/base/status.h"
#include "lib/cli/progress.h"

/* Receives what the stream gives, in order. Any of the functions may be NULL. A status other
 * than SYL_OK ends the run. */
typedef struct syl_sink {
    syl_status (*segment)(void *user, const syl_segment *segment, syl_error *err);
    syl_status (*frames)(void *user, const float *frames, size_t n, syl_error *err); /* [n][dim] */
    void *user;
} syl_sink;

typedef struct syl_recording {
    const syl_model *model;
    syl_stream_options stream; /* rate and channels are set from the file */
    const char *raw;           /* see syl_audio_open */
    syl_progress *progress;    /* NULL: none */
    int verbose;               /* 1: says what is done to the audio */
    syl_sink sink;
} syl_recording;

typedef struct syl_recording_totals {
    int64_t num_samples, num_frames; /* at the model's rate; of the model */
} syl_recording_totals;

/* A "hubert" model's normalisation needs the whole recording: one that is longer than a window
 * is read twice where that is possible (not from a pipe). */
syl_status syl_recording_run(const syl_recording *recording, const char *path,
                             syl_recording_totals *totals, syl_error *err);

/* Segments collected in memory; their features are not kept. */
typedef struct syl_segment_list {
    syl_segment *items;
    size_t count, capacity;
} syl_segment_list;

/* A syl_sink.segment whose user is a syl_segment_list; freed with free(list.items). */
syl_status syl_segment_list_take(void *list, const syl_segment *segment, syl_error *err);

#endif
