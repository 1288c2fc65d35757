/* One client's streams: a bounded queue of audio in, computed by the workers, and lines of JSON
 * out. The transports (sockets, WebSocket) own sessions and call these functions from one thread
 * each; a worker computes at the same time.
 *
 * Bounded everywhere: when the client does not read, the output fills and the session is no longer
 * computed; then the queue fills, and the transport stops reading. */
#ifndef SYL_STREAM_SESSION_H
#define SYL_STREAM_SESSION_H

#include <stdbool.h>

#include "stream/daemon/service.h"

#define SYL_SEND_BUFFER 65536 /* bytes that the system may keep for a client that does not read */
#define SYL_SESSION_LINE 8192 /* no line is longer */

typedef struct syl_session syl_session;

typedef struct syl_session_format {
    bool is_float;             /* f32le, else s16le */
    syl_stream_options stream; /* rate, channels, thresholds */
} syl_session_format;

/* `wake` is called by a worker when there is output, room or an end; it must not block, nor call
 * the session. */
syl_status syl_session_create(syl_session **out, syl_service *service, void (*wake)(void *user),
                              void *user, syl_error *err);
/* The client is gone: wake is called no more, audio that waits is thrown away. NULL is allowed. */
void syl_session_abandon(syl_session *s);

/* Begins a stream; the client gets `ready`. */
syl_status syl_session_begin(syl_session *s, const syl_session_format *format, syl_error *err);
/* Whether a stream takes audio: it has begun and not been ended. */
bool syl_session_is_open(syl_session *s);
/* Whether a stream is being ended: hold back what the client sends next. */
bool syl_session_is_ending(syl_session *s);
/* How many bytes may be pushed now. */
size_t syl_session_room(syl_session *s);
/* At most that many. What goes beyond the greatest length of a stream ends it. */
void syl_session_push(syl_session *s, const uint8_t *bytes, size_t n);
/* No more audio comes. `reason` (a constant) is given in `end`; another than "eof" closes the
 * session. */
void syl_session_finish(syl_session *s, const char *reason);

/* Tells the client of an error (`code` a constant), throws away what waits, and closes the session.
 */
void syl_session_fail(syl_session *s, syl_drop drop, const char *code, const char *message);
/* A further line for the client, without newline. Not while it is full, so that the lines of a
 * client that asks and does not read are bounded. */
void syl_session_say(syl_session *s, const char *line);

/* Takes output, up to `room` bytes; whole_line: one line at most, with its newline, and none when
 * it does not fit. */
size_t syl_session_read(syl_session *s, char *out, size_t room, bool whole_line);
bool syl_session_has_output(syl_session *s);
/* So much waits to be read that nothing more is to be asked: hold messages back. */
bool syl_session_is_full(syl_session *s);
/* Nothing more comes, all output has been read: close the connection. */
bool syl_session_is_over(syl_session *s);
/* A worker has or will have something to do for it: it is not idle. */
bool syl_session_is_busy(syl_session *s);

#endif
