#include "sylber/recording.h"

#include <stdlib.h>
#include <string.h>

#include "lib/audio/audio_file.h"
#include "lib/base/memory.h"

#define BLOCK 65536           /* sample frames a read */
#define FRAME_BLOCK 256       /* model frames a take */
#define ONE_WINDOW_SECONDS 30 /* syl_stream_feed encodes up to this in one piece */

typedef struct state {
    const syl_recording *recording;
    const char *path;
    syl_audio_file *audio;
    syl_audio_info info;
    syl_stream *stream;
    float *samples; /* [BLOCK][channels] */
    float *frames;  /* [FRAME_BLOCK][dim], NULL when nobody wants them */
} state;

static syl_status drain(state *s, syl_error *err)
{
    const syl_sink *sink = &s->recording->sink;
    syl_segment segment;
    while (syl_stream_get(s->stream, &segment))
        if (sink->segment) SYL_TRY(sink->segment(sink->user, &segment, err));
    size_t n;
    while (s->frames && (n = syl_stream_get_frames(s->stream, s->frames, FRAME_BLOCK)) > 0)
        SYL_TRY(sink->frames(sink->user, s->frames, n, err));
    return SYL_OK;
}

typedef syl_status (*consume)(syl_stream *stream, const float *samples, size_t n, syl_error *err);

static syl_status read_all(state *s, consume take, syl_error *err)
{
    size_t got = 0;
    for (;;) {
        SYL_TRY(syl_audio_read(s->audio, s->samples, BLOCK, &got, err));
        if (!got) return SYL_OK;
        SYL_TRY(take(s->stream, s->samples, got, err));
        if (take != syl_stream_feed) continue;
        SYL_TRY(drain(s, err));
        syl_progress_add_seconds(s->recording->progress, (double)got / s->info.sample_rate);
    }
}

static int wants_scan(const state *s)
{
    syl_model_info model;
    syl_model_get_info(s->recording->model, &model);
    int64_t window = (int64_t)ONE_WINDOW_SECONDS * s->info.sample_rate;
    return !strcmp(model.encoder, "hubert") && (s->info.frames < 0 || s->info.frames > window);
}

static syl_status scan(state *s, syl_error *err)
{
    if (!wants_scan(s)) return SYL_OK;
    /* Asked before anything is read, so that a pipe loses nothing by it. */
    if (syl_audio_rewind(s->audio, NULL)) return SYL_OK;
    SYL_TRY(read_all(s, syl_stream_scan, err));
    return syl_audio_rewind(s->audio, err);
}

static syl_status prepare(state *s, syl_error *err)
{
    const syl_recording *r = s->recording;
    SYL_TRY(syl_audio_open(&s->audio, s->path, r->raw, err));
    syl_audio_get_info(s->audio, &s->info);
    syl_stream_options options = r->stream;
    options.sample_rate = s->info.sample_rate;
    options.channels = s->info.channels;
    options.keep_frames = r->sink.frames != NULL;
    SYL_TRY(syl_stream_create(&s->stream, r->model, &options, err));
    syl_model_info model;
    syl_model_get_info(r->model, &model);
    s->samples = syl_calloc(syl_mul_size(BLOCK, (size_t)s->info.channels), sizeof *s->samples);
    if (r->sink.frames)
        s->frames = syl_calloc(syl_mul_size(FRAME_BLOCK, (size_t)model.dim), sizeof *s->frames);
    if (!s->samples || (r->sink.frames && !s->frames))
        return syl_fail_memory(err, BLOCK * sizeof(float) * (size_t)s->info.channels, "a block");
    if (!r->verbose) return SYL_OK;
    syl_progress_message(r->progress, "sylkit: %s: %s, %d Hz, %d channel%s", s->path,
                         s->info.format, s->info.sample_rate, s->info.channels,
                         s->info.channels > 1 ? "s, averaged to one" : "");
    if (s->info.sample_rate != model.sample_rate)
        syl_progress_message(r->progress, "sylkit: %s: resampled to %d Hz", s->path,
                             model.sample_rate);
    return SYL_OK;
}

static syl_status run(state *s, syl_recording_totals *totals, syl_error *err)
{
    SYL_TRY(prepare(s, err));
    SYL_TRY(scan(s, err));
    SYL_TRY(read_all(s, syl_stream_feed, err));
    SYL_TRY(syl_stream_finish(s->stream, err));
    SYL_TRY(drain(s, err));
    totals->num_samples = syl_stream_num_samples(s->stream);
    totals->num_frames = syl_stream_num_frames(s->stream);
    return SYL_OK;
}

syl_status syl_recording_run(const syl_recording *recording, const char *path,
                             syl_recording_totals *totals, syl_error *err)
{
    state s = {.recording = recording, .path = path};
    syl_status status = run(&s, totals, err);
    free(s.frames);
    free(s.samples);
    syl_stream_free(s.stream);
    if (s.audio) syl_audio_close(s.audio);
    return status;
}

syl_status syl_segment_list_take(void *user, const syl_segment *segment, syl_error *err)
{
    syl_segment_list *list = user;
    SYL_TRY(syl_grow((void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items,
                     err));
    list->items[list->count] = *segment;
    list->items[list->count++].feature = NULL; /* the stream will reuse its memory */
    return SYL_OK;
}
