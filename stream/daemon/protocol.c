#include "stream/daemon/protocol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/pcm_stream.h"

#define MIN_RATE 1000
#define MAX_RATE 192000
#define MAX_CHANNELS 8

/* ---- what the audio is ------------------------------------------------------------------ */

syl_session_format syl_default_format(const syl_service *service)
{
    const syl_daemon_options *o = &service->options;
    syl_session_format format = {.stream = syl_stream_options_defaults()};
    format.stream.norm_threshold = o->norm;
    format.stream.merge_threshold = o->merge;
    format.stream.silence_frames = o->silence;
    return format;
}

static syl_status take_int(const json_t *fields, const char *name, int min, int max, int *out,
                           syl_error *err)
{
    json_t *value = json_object_get(fields, name);
    if (!value || json_is_null(value)) return SYL_OK;
    double n = json_number_value(value);
    if (!json_is_number(value) || n != floor(n))
        return syl_fail(err, SYL_EINVAL, "%s wants a whole number from %d to %d", name, min, max);
    if (n < min || n > max)
        return syl_fail(err, SYL_EINVAL, "%s is %.10g; it must be from %d to %d", name, n, min,
                        max);
    *out = (int)n;
    return SYL_OK;
}

static syl_status take_real(const json_t *fields, const char *name, double min, double max,
                            double *out, syl_error *err)
{
    json_t *value = json_object_get(fields, name);
    if (!value || json_is_null(value)) return SYL_OK;
    if (!json_is_number(value))
        return syl_fail(err, SYL_EINVAL, "%s wants a number from %g to %g", name, min, max);
    *out = json_number_value(value);
    if (*out >= min && *out <= max) return SYL_OK;
    return syl_fail(err, SYL_EINVAL, "%s is %g; it must be from %g to %g", name, *out, min, max);
}

static syl_status take_encoding(const json_t *fields, syl_session_format *format, syl_error *err)
{
    json_t *value = json_object_get(fields, "encoding");
    const char *name = json_is_string(value) ? json_string_value(value) : "";
    int width = 0;
    if (value && strcmp(name, "s16le") && strcmp(name, "f32le"))
        return syl_fail(err, SYL_EINVAL, "encoding '%.40s' is not known; send s16le or f32le",
                        name);
    format->is_float = !strcmp(name, "f32le");
    SYL_TRY(take_int(fields, "width", 1, 8, &width, err));
    if (width && width != (format->is_float ? 4 : 2))
        return syl_fail(err, SYL_EINVAL,
                        "width is %d bytes; 2 (s16le) is taken, and 4 with encoding f32le", width);
    return SYL_OK;
}

syl_status syl_format_of(syl_session_format *format, const syl_service *service,
                         const json_t *fields, syl_error *err)
{
    *format = syl_default_format(service);
    syl_stream_options *s = &format->stream;
    SYL_TRY(take_int(fields, "sample_rate", MIN_RATE, MAX_RATE, &s->sample_rate, err));
    SYL_TRY(take_int(fields, "rate", MIN_RATE, MAX_RATE, &s->sample_rate, err));
    SYL_TRY(take_int(fields, "channels", 1, MAX_CHANNELS, &s->channels, err));
    SYL_TRY(take_int(fields, "silence", 0, 1000000, &s->silence_frames, err));
    SYL_TRY(take_real(fields, "norm", 0, 1e6, &s->norm_threshold, err));
    SYL_TRY(take_real(fields, "merge", -1, 1, &s->merge_threshold, err));
    SYL_TRY(take_real(fields, "shift", -1e6, 1e6, &s->shift_seconds, err));
    return take_encoding(fields, format, err);
}

syl_status syl_format_of_raw(syl_session_format *format, const syl_service *service,
                             const char *text, syl_error *err)
{
    syl_pcm_format pcm;
    *format = syl_default_format(service);
    SYL_TRY(syl_pcm_parse(&pcm, text, err));
    if (pcm.encoding != SYL_PCM_S16 && pcm.encoding != SYL_PCM_F32)
        return syl_fail(err, SYL_EINVAL, "raw format \"%.60s\": clients send s16le or f32le", text);
    if (pcm.sample_rate < MIN_RATE || pcm.sample_rate > MAX_RATE || pcm.channels > MAX_CHANNELS)
        return syl_fail(err, SYL_EINVAL,
                        "raw format \"%.60s\": %d to %d Hz and 1 to %d channels are taken", text,
                        MIN_RATE, MAX_RATE, MAX_CHANNELS);
    format->is_float = pcm.encoding == SYL_PCM_F32;
    format->stream.sample_rate = pcm.sample_rate;
    format->stream.channels = pcm.channels;
    return SYL_OK;
}

/* ---- messages --------------------------------------------------------------------------- */

static syl_status say_json(syl_session *session, json_t *message, syl_error *err)
{
    char *line = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    if (!line) return syl_fail_memory(err, SYL_SESSION_LINE, "an answer");
    syl_session_say(session, line);
    free(line);
    return SYL_OK;
}

static syl_status describe(syl_session *session, syl_service *service, syl_error *err)
{
    syl_shared_model *shared = syl_model_slot_take(&service->models);
    const syl_model_info *i = &shared->info;
    json_t *info = json_pack("{s:s, s:s, s:s, s:s, s:i, s:f, s:i, s:i, s:f}", "type", "info",
                             "name", "sylkitd", "version", syl_version(), "encoder", i->encoder,
                             "sample_rate", i->sample_rate, "frame_rate", i->frame_rate, "tokens",
                             i->tokens, "dim", i->dim, "lookahead", i->lookahead_seconds);
    if (shared->hop_seconds > 0) json_object_set_new(info, "hop", json_real(shared->hop_seconds));
    syl_shared_model_let_go(shared);
    return say_json(session, info, err);
}

static syl_status tell_metrics(syl_session *session, syl_service *service, syl_error *err)
{
    char *text = syl_metrics_text(&service->metrics);
    json_t *message = text ? json_pack("{s:s, s:s}", "type", "metrics", "text", text) : NULL;
    free(text);
    return say_json(session, message, err);
}

syl_status syl_protocol_message(syl_session *session, syl_service *service, const char *type,
                                const json_t *fields, syl_error *err)
{
    syl_session_format format;
    if (!strcmp(type, "audio-start")) {
        SYL_TRY(syl_format_of(&format, service, fields, err));
        return syl_session_begin(session, &format, err);
    }
    if (!strcmp(type, "audio-stop")) {
        if (!syl_session_is_open(session))
            return syl_fail(err, SYL_EINVAL, "audio-stop without a stream; send audio-start first");
        syl_session_finish(session, "eof");
        return SYL_OK;
    }
    if (!strcmp(type, "auth")) return SYL_OK; /* the token is looked at with every message */
    if (!strcmp(type, "describe")) return describe(session, service, err);
    if (!strcmp(type, "metrics")) return tell_metrics(session, service, err);
    if (!strcmp(type, "ping")) return say_json(session, json_pack("{s:s}", "type", "pong"), err);
    return syl_fail(err, SYL_EINVAL,
                    "there is no message '%.40s'; send audio-start, audio-chunk, audio-stop, "
                    "describe, metrics, ping or auth",
                    type);
}

static syl_status end_of_words(syl_session *session)
{
    syl_session_finish(session, "eof"); /* without a stream: nothing to end */
    return SYL_OK;
}

static syl_status message_of(syl_session *session, syl_service *service, const json_t *message,
                             syl_error *err)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    const json_t *config = json_object_get(message, "config");
    if (type) return syl_protocol_message(session, service, type, message, err);
    if (json_is_object(config))
        return syl_protocol_message(session, service, "audio-start", config, err);
    if (json_object_get(message, "eof")) return end_of_words(session);
    return syl_fail(err, SYL_EINVAL, "a message without a \"type\"; send {\"type\": ...}");
}

syl_status syl_protocol_text(syl_session *session, syl_service *service, const char *text, size_t n,
                             syl_error *err)
{
    json_error_t error;
    if (n == 4 && !memcmp(text, "Done", 4)) return end_of_words(session);
    json_t *message = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(message)) {
        json_decref(message);
        return syl_fail(err, SYL_EFORMAT,
                        "a text message is no JSON object; audio goes into "
                        "binary messages");
    }
    syl_status status = message_of(session, service, message, err);
    json_decref(message);
    return status;
}
