#include "stream/events.h"

#include <inttypes.h>
#include <string.h>

/* A JSON real: always with a point or an exponent, so that readers see the type. */
static void put_real(FILE *out, const char *name, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.10g", value);
    fprintf(out, ",\"%s\":%s%s", name, text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_token(FILE *out, const char *name, int32_t token)
{
    if (token < 0)
        fprintf(out, ",\"%s\":null", name);
    else
        fprintf(out, ",\"%s\":%" PRId32, name, token);
}

void syl_event_segment(FILE *out, const syl_segment *s)
{
    fprintf(out, "{\"type\":\"%s\"", s->silence ? "silence" : "syllable");
    put_real(out, "start", s->start);
    put_real(out, "end", s->end);
    if (!s->silence) put_token(out, "token", s->token);
    if (s->residual_token >= 0) put_token(out, "residual_token", s->residual_token);
    fprintf(out, ",\"final\":%s}\n", s->provisional ? "false" : "true");
}

void syl_event_overrun(FILE *out, double at, double seconds)
{
    fputs("{\"type\":\"overrun\"", out);
    put_real(out, "at", at);
    put_real(out, "seconds", seconds);
    fputs("}\n", out);
}

void syl_event_end(FILE *out, const syl_stream_totals *t)
{
    fprintf(out, "{\"type\":\"end\",\"ended\":\"%s\"", t->ended);
    put_real(out, "seconds", t->seconds);
    fprintf(out, ",\"samples\":%" PRId64 ",\"frames\":%" PRId64 ",\"syllables\":%" PRId64,
            t->samples, t->frames, t->syllables);
    fprintf(out, ",\"overruns\":%" PRId64, t->overruns);
    put_real(out, "overrun_seconds", t->overrun_seconds);
    put_real(out, "compute_seconds", t->compute_seconds);
    put_real(out, "real_time_factor", t->seconds > 0 ? t->compute_seconds / t->seconds : 0);
    put_real(out, "behind_seconds", t->behind_seconds);
    fputs("}\n", out);
}
