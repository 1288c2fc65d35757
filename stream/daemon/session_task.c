#include "stream/daemon/session_task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "stream/daemon/log.h"

void syl_task_close(syl_task *t)
{
    syl_stream_free(t->stream);
    syl_shared_model_let_go(t->shared);
    t->stream = NULL;
    t->shared = NULL;
}

static syl_status begin(syl_task *t, syl_error *err)
{
    syl_task_close(t);
    t->shared = syl_model_slot_take(&t->service->models);
    t->samples = 0;
    t->stats = (syl_stream_stats){0};
    t->next_stats = t->service->options.stats_seconds;
    syl_stream_options *options = &t->format.stream;
    options->hop_seconds = t->shared->hop_seconds;
    if (options->hop_seconds > 0) options->lookahead_seconds = t->shared->info.lookahead_seconds;
    SYL_TRY(syl_stream_create(&t->stream, t->shared->model, options, err));
    syl_text_ready(&t->said, &t->shared->info, t->format.is_float, options);
    return SYL_OK;
}

static size_t to_samples(const syl_task *t, syl_scratch *scratch)
{
    size_t n = t->bytes / (t->format.is_float ? 4 : 2);
    if (t->format.is_float) {
        memcpy(scratch->samples, scratch->bytes, n * 4); /* little-endian, as the machine */
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t u = (uint16_t)(scratch->bytes[2 * i] | scratch->bytes[2 * i + 1] << 8);
        scratch->samples[i] = (float)(int16_t)u / 32768.0f;
    }
    return n;
}

static void report(syl_task *t)
{
    syl_segment segment;
    double rate = t->format.stream.sample_rate, heard = (double)t->samples / rate;
    while (syl_stream_get(t->stream, &segment)) {
        syl_text_syllable(&t->said, &segment);
        if (segment.silence) continue;
        t->stats.syllables++;
        t->service->metrics.syllables++;
        syl_metrics_latency(&t->service->metrics,
                            heard - segment.end + (syl_clock_seconds() - t->arrived));
    }
}

static syl_status feed(syl_task *t, syl_scratch *scratch, syl_error *err)
{
    size_t n = to_samples(t, scratch) / (size_t)t->format.stream.channels;
    if (n > 0) SYL_TRY(syl_stream_feed(t->stream, scratch->samples, n, err));
    t->samples += (int64_t)n;
    report(t);
    if (!t->reason) return SYL_OK;
    SYL_TRY(syl_stream_finish(t->stream, err));
    report(t);
    if (t->left_over)
        return syl_fail(err, SYL_EFORMAT,
                        "the stream ended with %zu bytes of half a sample; send whole samples",
                        t->left_over);
    return SYL_OK;
}

/* Says how the stream goes, from time to time and at its end. */
static void tell(syl_task *t)
{
    const char *reason = t->reason;
    if (t->stats.audio >= t->next_stats) {
        t->next_stats += t->service->options.stats_seconds;
        syl_text_stats(&t->said, &t->stats);
    }
    if (!reason) return;
    if (!strcmp(reason, "limit")) {
        char message[160];
        snprintf(message, sizeof message,
                 "the stream is longer than %g seconds; begin another, or raise --max-seconds",
                 t->service->options.max_seconds);
        syl_text_error(&t->said, "limit", message);
    }
    syl_text_end(&t->said, reason, &t->stats);
    char audio[32], syllables[32];
    snprintf(audio, sizeof audio, "%.3f", t->stats.audio);
    snprintf(syllables, sizeof syllables, "%" PRId64, t->stats.syllables);
    syl_log(SYL_LOG_INFO, "stream ended", "reason", reason, "audio", audio, "syllables", syllables,
            NULL);
}

void syl_task_run(syl_task *t, syl_scratch *scratch)
{
    syl_error err;
    double before = syl_clock_seconds();
    syl_status status = t->begin ? begin(t, &err) : SYL_OK;
    if (status == SYL_OK) status = feed(t, scratch, &err);
    double took = syl_clock_seconds() - before;
    double audio = (double)t->samples / t->format.stream.sample_rate;
    t->service->metrics.audio_us += (uint64_t)(1e6 * (audio - t->stats.audio));
    t->service->metrics.compute_us += (uint64_t)(1e6 * took);
    t->stats.audio = audio;
    t->stats.compute += took;
    t->stats.queue = t->queue;
    if (status == SYL_OK) {
        tell(t);
        if (t->reason) syl_task_close(t); /* not kept while the client thinks */
        return;
    }
    bool internal = status == SYL_ENOMEM || status == SYL_ECOMPUTE || status == SYL_EIO;
    t->failed = true;
    t->failed_drop = internal ? SYL_DROP_INTERNAL : SYL_DROP_PROTOCOL;
    syl_text_error(&t->said, internal ? "internal" : "audio", err.message);
}
