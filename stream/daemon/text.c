#include "stream/daemon/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

void syl_text_put(syl_text *t, const char *bytes, size_t n)
{
    if (n == 0) return; /* bytes may be NULL then, which memcpy must not get */
    if (t->head == t->end) t->head = t->end = 0;
    if (t->head > 0 && t->end + n > t->capacity) {
        memmove(t->data, t->data + t->head, t->end - t->head);
        t->end -= t->head;
        t->head = 0;
    }
    void *data = t->data;
    if (syl_grow(&data, &t->capacity, t->end + n, 1, NULL) != SYL_OK) {
        t->failed = true;
        return;
    }
    t->data = data;
    memcpy(t->data + t->end, bytes, n);
    t->end += n;
}

void syl_text_format(syl_text *t, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof line)
        t->failed = true;
    else
        syl_text_put(t, line, (size_t)n);
}

void syl_text_free(syl_text *t)
{
    free(t->data);
    *t = (syl_text){0};
}

void syl_text_ready(syl_text *t, const syl_model_info *info, bool is_float,
                    const syl_stream_options *stream)
{
    syl_text_format(t,
                    "{\"type\":\"ready\",\"version\":\"%s\",\"encoding\":\"%s\",\"rate\":%d,"
                    "\"channels\":%d,\"frame_rate\":%.10g,\"tokens\":%d,\"lookahead\":%.10g",
                    syl_version(), is_float ? "f32le" : "s16le", stream->sample_rate,
                    stream->channels, info->frame_rate, info->tokens, info->lookahead_seconds);
    if (stream->hop_seconds > 0) syl_text_format(t, ",\"hop\":%.10g", stream->hop_seconds);
    syl_text_format(t, "}\n");
}

void syl_text_syllable(syl_text *t, const syl_segment *s)
{
    syl_text_format(t, "{\"type\":\"syllable\",\"start\":%.10g,\"end\":%.10g,\"token\":", s->start,
                    s->end);
    if (s->token >= 0)
        syl_text_format(t, "%" PRId32, s->token);
    else
        syl_text_format(t, "null");
    if (s->residual_token >= 0)
        syl_text_format(t, ",\"residual_token\":%" PRId32, s->residual_token);
    if (s->silence) syl_text_format(t, ",\"silence\":true");
    syl_text_format(t, ",\"final\":true}\n");
}

static void put_stats(syl_text *t, const syl_stream_stats *s)
{
    syl_text_format(t,
                    "\"audio\":%.6f,\"compute\":%.6f,\"real_time_factor\":%.6f,\"queue\":%.6f,"
                    "\"syllables\":%" PRId64 "}\n",
                    s->audio, s->compute, s->audio > 0 ? s->compute / s->audio : 0, s->queue,
                    s->syllables);
}

void syl_text_stats(syl_text *t, const syl_stream_stats *stats)
{
    syl_text_format(t, "{\"type\":\"stats\",");
    put_stats(t, stats);
}

void syl_text_end(syl_text *t, const char *reason, const syl_stream_stats *stats)
{
    syl_text_format(t, "{\"type\":\"end\",\"reason\":\"%s\",", reason);
    put_stats(t, stats);
}

void syl_text_error(syl_text *t, const char *code, const char *message)
{
    json_t *text = json_string(message); /* NULL where the client's bytes in it are no UTF-8 */
    char *literal = text ? json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    syl_text_format(t, "{\"type\":\"error\",\"code\":\"%s\",\"message\":", code);
    if (literal)
        syl_text_put(t, literal, strlen(literal));
    else
        syl_text_format(t, "\"what was sent is not the protocol\"");
    syl_text_format(t, "}\n");
    free(literal);
    json_decref(text);
}
