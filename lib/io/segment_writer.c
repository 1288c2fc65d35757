#include "lib/io/segment_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/utf8.h"

#define SHORTEST 0.001 /* Praat takes no tier of no length */

const char *const syl_segment_format_names[] = {"jsonl", "textgrid", "csv", "audacity", NULL};

const char *syl_segment_extension(syl_segment_format format)
{
    static const char *const extensions[] = {"jsonl", "TextGrid", "csv", "txt"};
    return extensions[format];
}

/* ---- JSON --------------------------------------------------------------------------- */

/* The string as a JSON literal, owned by the caller; NULL: no memory. */
static char *json_literal(const char *text)
{
    char *clean = syl_utf8_clean(text);
    json_t *string = clean ? json_string(clean) : NULL;
    char *literal = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    free(clean);
    return literal;
}

/* A JSON real: always with a point or an exponent, so that readers see the type. */
static void put_real(FILE *out, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.10g", value);
    fprintf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_member(FILE *out, const char *name, double value)
{
    fprintf(out, "\"%s\": ", name);
    put_real(out, value);
    fputs(", ", out);
}

static void put_json_segment(FILE *out, const syl_segment *s)
{
    fputc('{', out);
    put_member(out, "start", s->start);
    put_member(out, "end", s->end);
    fprintf(out,
            "\"start_frame\": %" PRId64 ", \"end_frame\": %" PRId64 ", \"token\": ", s->start_frame,
            s->end_frame);
    if (s->token >= 0)
        fprintf(out, "%" PRId32, s->token);
    else
        fputs("null", out);
    if (s->residual_token >= 0) fprintf(out, ", \"residual_token\": %" PRId32, s->residual_token);
    if (s->silence) fputs(", \"silence\": true", out);
    fputc('}', out);
}

static syl_status write_jsonl(FILE *out, const syl_segment_record *r, syl_error *err)
{
    char *name = json_literal(r->file);
    if (!name) return syl_fail_memory(err, strlen(r->file), "a file name");
    fprintf(out, "{\"file\": %s, \"sample_rate\": %d, \"num_samples\": %" PRId64 ", ", name,
            r->sample_rate, r->num_samples);
    free(name);
    put_member(out, "frame_rate", r->frame_rate);
    fprintf(out, "\"num_frames\": %" PRId64 ", ", r->num_frames);
    put_member(out, "norm_threshold", r->norm_threshold);
    put_member(out, "merge_threshold", r->merge_threshold);
    fputs("\"segments\": [", out);
    for (size_t i = 0; i < r->num_segments; i++) {
        if (i) fputs(", ", out);
        put_json_segment(out, &r->segments[i]);
    }
    fputs("]}\n", out);
    return SYL_OK;
}

/* ---- TextGrid ----------------------------------------------------------------------- */

static void label_of(const syl_segment *s, int residual, char *text, size_t room)
{
    int32_t token = residual ? s->residual_token : s->token;
    if (s->silence)
        snprintf(text, room, "sil");
    else if (token >= 0)
        snprintf(text, room, "%" PRId32, token);
    else
        snprintf(text, room, "syl");
}

typedef struct tier {
    FILE *out; /* NULL: count only */
    size_t count;
    double at; /* where the next interval begins */
} tier;

static void put_interval(tier *t, double end, const char *text)
{
    if (end <= t->at) return;
    t->count++;
    if (t->out)
        fprintf(t->out,
                "        intervals [%zu]:\n            xmin = %.10g\n            xmax = %.10g\n"
                "            text = \"%s\"\n",
                t->count, t->at, end, text);
    t->at = end;
}

static size_t put_intervals(FILE *out, const syl_segment_record *r, double end, int residual)
{
    tier t = {.out = out};
    for (size_t i = 0; i < r->num_segments; i++) {
        char text[16];
        label_of(&r->segments[i], residual, text, sizeof text);
        put_interval(&t, fmin(r->segments[i].start, end), "");
        put_interval(&t, fmin(r->segments[i].end, end), text);
    }
    put_interval(&t, end, "");
    return t.count;
}

static void put_tier(FILE *out, const syl_segment_record *r, double end, int residual)
{
    fprintf(out,
            "    item [%d]:\n        class = \"IntervalTier\"\n        name = \"%s\"\n"
            "        xmin = 0\n        xmax = %.10g\n        intervals: size = %zu\n",
            residual + 1, residual ? "residual" : "syllables", end,
            put_intervals(NULL, r, end, residual));
    put_intervals(out, r, end, residual);
}

static void write_textgrid(FILE *out, const syl_segment_record *r)
{
    double end = fmax((double)r->num_samples / r->sample_rate, SHORTEST);
    int tiers = 1;
    for (size_t i = 0; i < r->num_segments; i++)
        if (r->segments[i].residual_token >= 0) tiers = 2;
    fprintf(out,
            "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0\nxmax = %.10g\n"
            "tiers? <exists>\nsize = %d\nitem []:\n",
            end, tiers);
    for (int i = 0; i < tiers; i++)
        put_tier(out, r, end, i);
}

/* ---- CSV and Audacity --------------------------------------------------------------- */

static void put_times(FILE *out, const syl_segment_record *r, const syl_segment *s, char between)
{
    if (r->frames)
        fprintf(out, "%" PRId64 "%c%" PRId64, s->start_frame, between, s->end_frame);
    else
        fprintf(out, "%.10g%c%.10g", s->start, between, s->end);
}

/* RFC 4180: quoted where needed, quotes doubled. */
static void put_field(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void write_csv(FILE *out, const syl_segment_record *r)
{
    for (size_t i = 0; i < r->num_segments; i++) {
        const syl_segment *s = &r->segments[i];
        put_field(out, r->file);
        fputc(',', out);
        put_times(out, r, s, ',');
        fputc(',', out);
        if (s->token >= 0) fprintf(out, "%" PRId32, s->token);
        fputc(',', out);
        if (s->residual_token >= 0) fprintf(out, "%" PRId32, s->residual_token);
        fprintf(out, ",%d\n", s->silence != 0);
    }
}

static void write_audacity(FILE *out, const syl_segment_record *r)
{
    for (size_t i = 0; i < r->num_segments; i++) {
        char text[16];
        label_of(&r->segments[i], 0, text, sizeof text);
        put_times(out, r, &r->segments[i], '\t');
        fprintf(out, "\t%s\n", text);
    }
}

/* ---- any ---------------------------------------------------------------------------- */

void syl_segments_write_header(FILE *out, syl_segment_format format)
{
    if (format == SYL_FORMAT_CSV) fputs("file,start,end,token,residual_token,silence\n", out);
}

syl_status syl_segments_write(FILE *out, syl_segment_format format,
                              const syl_segment_record *record, syl_error *err)
{
    switch (format) {
    case SYL_FORMAT_JSONL:
        SYL_TRY(write_jsonl(out, record, err));
        break;
    case SYL_FORMAT_TEXTGRID:
        write_textgrid(out, record);
        break;
    case SYL_FORMAT_CSV:
        write_csv(out, record);
        break;
    case SYL_FORMAT_AUDACITY:
        write_audacity(out, record);
        break;
    }
    if (ferror(out)) return syl_fail(err, SYL_EIO, "cannot write segments: %s", strerror(errno));
    return SYL_OK;
}
