/* Frames of a byte stream, as the Wyoming protocol has them: a line of JSON, then as many bytes of
 * further JSON as its "data_length" says, then as many bytes of payload as "payload_length" says.
 * Both lengths may be left out. What arrives may be cut anywhere, and comes from anybody. */
#ifndef SYL_STREAM_FRAMING_H
#define SYL_STREAM_FRAMING_H

#include <jansson.h>

#include "lib/base/status.h"

typedef struct syl_framing_limits {
    size_t max_header;  /* bytes of the line, and of the further JSON */
    size_t max_payload; /* bytes of one frame's payload */
} syl_framing_limits;

typedef enum syl_frame_event {
    SYL_FRAME_MORE,   /* all bytes were taken, nothing is complete */
    SYL_FRAME_HEADER, /* a header is complete: type, header, payload_length */
    SYL_FRAME_PAYLOAD /* a piece of the payload of the last header: payload, size */
} syl_frame_event;

typedef struct syl_frame {
    syl_frame_event event;
    const char *type;       /* of the header; it and `header` live until the next header */
    json_t *header;         /* members of the further JSON, of "data" and of the line, merged: what
                               comes first in this list wins */
    size_t payload_length;  /* that follows the header */
    const uint8_t *payload; /* [size], within the bytes given */
    size_t size;
    size_t left; /* payload still to come behind this piece */
} syl_frame;

typedef struct syl_framing syl_framing;

syl_status syl_framing_create(syl_framing **out, const syl_framing_limits *limits, syl_error *err);
/* NULL is allowed. */
void syl_framing_free(syl_framing *f);

/* Takes bytes up to the next event; *used receives how many. After an error (SYL_EFORMAT,
 * or SYL_EUNSUPPORTED for what is beyond the limits) the place of the next frame is unknown: the
 * connection is of no further use. */
syl_status syl_framing_next(syl_framing *f, const uint8_t *bytes, size_t n, size_t *used,
                            syl_frame *frame, syl_error *err);

/* Whether the bytes so far end between two frames. */
int syl_framing_between(const syl_framing *f);

#endif
