#include "stream/daemon/framing.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

typedef enum place { IN_LINE, IN_DATA, IN_PAYLOAD } place;

struct syl_framing {
    syl_framing_limits limits;
    place place;
    char *text; /* [max_header], the line or the further JSON */
    size_t filled;
    size_t data_length, payload_length; /* of the current frame */
    size_t payload_left;
    json_t *header;
};

syl_status syl_framing_create(syl_framing **out, const syl_framing_limits *limits, syl_error *err)
{
    *out = NULL;
    syl_framing *f = syl_calloc(1, sizeof *f);
    if (!f) return syl_fail_memory(err, sizeof *f, "a connection");
    f->limits = *limits;
    f->text = syl_calloc(limits->max_header, 1);
    if (!f->text) {
        free(f);
        return syl_fail_memory(err, limits->max_header, "a connection");
    }
    *out = f;
    return SYL_OK;
}

void syl_framing_free(syl_framing *f)
{
    if (!f) return;
    json_decref(f->header);
    free(f->text);
    free(f);
}

int syl_framing_between(const syl_framing *f)
{
    return f->place == IN_LINE && f->filled == 0;
}

/* ---- headers --------------------------------------------------------------------------- */

static syl_status parse(json_t **out, const char *text, size_t n, const char *what, syl_error *err)
{
    json_error_t error;
    *out = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!*out)
        return syl_fail(err, SYL_EFORMAT, "%s is not JSON (%s, byte %d); send one object a line",
                        what, error.text, error.position);
    if (json_is_object(*out)) return SYL_OK;
    json_decref(*out);
    *out = NULL;
    return syl_fail(err, SYL_EFORMAT, "%s is JSON but no object; send {\"type\": ...}", what);
}

/* A length of the header: absent and null are 0. */
static syl_status take_length(const json_t *header, const char *name, size_t max, size_t *out,
                              syl_error *err)
{
    json_t *value = json_object_get(header, name);
    *out = 0;
    if (!value || json_is_null(value)) return SYL_OK;
    if (!json_is_integer(value))
        return syl_fail(err, SYL_EFORMAT, "%s of a header is not a whole number; give bytes", name);
    json_int_t n = json_integer_value(value);
    if (n < 0)
        return syl_fail(err, SYL_EFORMAT, "%s is %lld; it must not be negative", name,
                        (long long)n);
    if ((unsigned long long)n > max)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s is %lld bytes; this server takes up to %zu, send smaller frames", name,
                        (long long)n, max);
    *out = (size_t)n;
    return SYL_OK;
}

static syl_status take_line(syl_framing *f, syl_error *err)
{
    json_decref(f->header);
    f->header = NULL;
    SYL_TRY(parse(&f->header, f->text, f->filled, "a header", err));
    f->filled = 0;
    if (!json_string_value(json_object_get(f->header, "type")))
        return syl_fail(err, SYL_EFORMAT, "a header without a \"type\"; send {\"type\": ...}");
    SYL_TRY(take_length(f->header, "data_length", f->limits.max_header, &f->data_length, err));
    SYL_TRY(
        take_length(f->header, "payload_length", f->limits.max_payload, &f->payload_length, err));
    json_t *data = json_object_get(f->header, "data");
    if (json_is_object(data)) {
        json_incref(data);
        int merged = json_object_update_existing(f->header, data) ||
                     json_object_update_missing(f->header, data);
        json_decref(data);
        if (merged) return syl_fail_memory(err, f->limits.max_header, "a header");
    }
    return SYL_OK;
}

static syl_status take_data(syl_framing *f, syl_error *err)
{
    json_t *data;
    SYL_TRY(parse(&data, f->text, f->filled, "the data of a header", err));
    f->filled = 0;
    int failed = json_object_update(f->header, data);
    json_decref(data);
    return failed ? syl_fail_memory(err, f->limits.max_header, "a header") : SYL_OK;
}

/* The header is complete; the type may have been replaced by the data, so it is checked again. */
static syl_status complete(syl_framing *f, syl_frame *frame, syl_error *err)
{
    const char *type = json_string_value(json_object_get(f->header, "type"));
    if (!type) return syl_fail(err, SYL_EFORMAT, "the data of a header takes its \"type\" away");
    f->place = f->payload_length ? IN_PAYLOAD : IN_LINE;
    f->payload_left = f->payload_length;
    frame->event = SYL_FRAME_HEADER;
    frame->type = type;
    frame->header = f->header;
    frame->payload_length = f->payload_length;
    return SYL_OK;
}

/* ---- bytes ------------------------------------------------------------------------------ */

static syl_status in_line(syl_framing *f, const uint8_t *bytes, size_t n, size_t *used,
                          syl_frame *frame, syl_error *err)
{
    const uint8_t *end = memchr(bytes, '\n', n);
    size_t length = end ? (size_t)(end - bytes) : n;
    if (length > f->limits.max_header - f->filled)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "a header is longer than %zu bytes; put what is long into the payload",
                        f->limits.max_header);
    memcpy(f->text + f->filled, bytes, length);
    f->filled += length;
    *used = length + (end ? 1 : 0);
    if (!end) return SYL_OK;
    SYL_TRY(take_line(f, err));
    f->place = IN_DATA;
    return f->data_length ? SYL_OK : complete(f, frame, err);
}

static syl_status in_data(syl_framing *f, const uint8_t *bytes, size_t n, size_t *used,
                          syl_frame *frame, syl_error *err)
{
    size_t wanted = f->data_length - f->filled, length = n < wanted ? n : wanted;
    memcpy(f->text + f->filled, bytes, length);
    f->filled += length;
    *used = length;
    if (f->filled < f->data_length) return SYL_OK;
    SYL_TRY(take_data(f, err));
    return complete(f, frame, err);
}

static void in_payload(syl_framing *f, const uint8_t *bytes, size_t n, size_t *used,
                       syl_frame *frame)
{
    *used = n < f->payload_left ? n : f->payload_left;
    f->payload_left -= *used;
    frame->event = SYL_FRAME_PAYLOAD;
    frame->payload = bytes;
    frame->size = *used;
    frame->left = f->payload_left;
    if (f->payload_left == 0) f->place = IN_LINE;
}

syl_status syl_framing_next(syl_framing *f, const uint8_t *bytes, size_t n, size_t *used,
                            syl_frame *frame, syl_error *err)
{
    *used = 0;
    *frame = (syl_frame){.event = SYL_FRAME_MORE};
    while (*used < n && frame->event == SYL_FRAME_MORE) {
        const uint8_t *at = bytes + *used;
        size_t taken = 0, left = n - *used;
        if (f->place == IN_LINE)
            SYL_TRY(in_line(f, at, left, &taken, frame, err));
        else if (f->place == IN_DATA)
            SYL_TRY(in_data(f, at, left, &taken, frame, err));
        else
            in_payload(f, at, left, &taken, frame);
        *used += taken;
    }
    return SYL_OK;
}
