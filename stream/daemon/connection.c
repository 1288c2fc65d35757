#include "stream/daemon/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "stream/daemon/log.h"
#include "stream/daemon/protocol.h"

#define BUFFER_SIZE 16384
#define LINGER_SECONDS 1.0 /* for the client to close first, so that it reads our last words */

struct syl_connection {
    syl_service *service;
    syl_session *session;
    syl_framing *framing; /* NULL: bare samples */
    int fd;
    bool authorised, refused;
    bool eof;       /* the client sends no more */
    bool draining;  /* we read no more */
    bool told_idle; /* it was told; next time it is cut */
    bool lingering; /* all is said, the write side is shut */
    bool broken;    /* nothing can be sent */
    bool in_audio;  /* the payload that comes is audio */
    size_t payload_left;
    double last; /* sign of life, or when it began to linger */
    uint8_t in[BUFFER_SIZE];
    size_t in_head, in_end;
    char out[BUFFER_SIZE];
    size_t out_head, out_end;
    uint64_t received;
};

/* ---- life ------------------------------------------------------------------------------- */

static syl_status set_up(syl_connection *c, bool raw, void (*wake)(void *), void *user,
                         syl_error *err)
{
    const syl_daemon_options *o = &c->service->options;
    syl_framing_limits limits = {(size_t)o->max_header, (size_t)o->max_frame};
    syl_session_format format;
    SYL_TRY(syl_session_create(&c->session, c->service, wake, user, err));
    if (!raw) return syl_framing_create(&c->framing, &limits, err);
    SYL_TRY(syl_format_of_raw(&format, c->service, o->raw, err));
    return syl_session_begin(c->session, &format, err);
}

syl_status syl_connection_create(syl_connection **out, syl_service *service, int fd, bool raw,
                                 bool wants_token, void (*wake)(void *user), void *user,
                                 syl_error *err)
{
    *out = NULL;
    syl_connection *c = syl_calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        syl_service_leave(service);
        return syl_fail_memory(err, sizeof *c, "a connection");
    }
    int size = SYL_SEND_BUFFER, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* lines are short, and urgent */
    c->service = service;
    c->fd = fd;
    c->authorised = !wants_token;
    c->last = syl_clock_seconds();
    syl_status status = set_up(c, raw, wake, user, err);
    if (status != SYL_OK) {
        syl_connection_free(c);
        return status;
    }
    *out = c;
    return SYL_OK;
}

syl_status syl_connection_refuse(syl_connection **out, syl_service *service, int fd,
                                 void (*wake)(void *user), void *user, syl_error *err)
{
    char message[120];
    service->metrics.clients++; /* until it is known to be none */
    SYL_TRY(syl_connection_create(out, service, fd, false, true, wake, user, err));
    (*out)->refused = true;
    syl_service_leave(service);
    snprintf(message, sizeof message, "%d clients are connected; come back later",
             service->options.max_clients);
    service->metrics.drops[SYL_DROP_BUSY]--; /* counted when it came */
    syl_session_fail((*out)->session, SYL_DROP_BUSY, "busy", message);
    return SYL_OK;
}

void syl_connection_free(syl_connection *c)
{
    if (!c) return;
    char received[32];
    snprintf(received, sizeof received, "%llu", (unsigned long long)c->received);
    syl_log(SYL_LOG_DEBUG, "client left", "received", received, NULL);
    syl_session_abandon(c->session);
    syl_framing_free(c->framing);
    close(c->fd);
    if (!c->refused) syl_service_leave(c->service);
    free(c);
}

int syl_connection_fd(const syl_connection *c)
{
    return c->fd;
}

bool syl_connection_is_refused(const syl_connection *c)
{
    return c->refused;
}

static void fail(syl_connection *c, syl_drop drop, const char *code, const char *message)
{
    if (syl_session_is_over(c->session)) return;
    syl_log(SYL_LOG_WARN, "client dropped", "code", code, "reason", message, NULL);
    syl_session_fail(c->session, drop, code, message);
    c->in_head = c->in_end = 0;
}

/* ---- in --------------------------------------------------------------------------------- */

static bool authorise(syl_connection *c, const json_t *header)
{
    if (c->authorised) return true;
    const char *token = json_string_value(json_object_get(header, "token"));
    c->authorised = syl_service_token_is(c->service, token);
    if (!c->authorised)
        fail(c, SYL_DROP_AUTH, "auth",
             token ? "the token is wrong; give the one of the server's --token-file"
                   : "a token is wanted; send it as \"token\" in the first header");
    return c->authorised;
}

static void on_header(syl_connection *c, const syl_frame *frame)
{
    syl_error err;
    syl_status status = SYL_OK;
    if (!authorise(c, frame->header)) return;
    c->payload_left = frame->payload_length;
    c->in_audio = !strcmp(frame->type, "audio-chunk");
    if (!c->in_audio)
        status = syl_protocol_message(c->session, c->service, frame->type, frame->header, &err);
    else if (!syl_session_is_open(c->session) && !syl_session_is_ending(c->session))
        status = syl_fail(&err, SYL_EINVAL, "audio-chunk without a stream; send audio-start first");
    if (status != SYL_OK) fail(c, SYL_DROP_PROTOCOL, "protocol", err.message);
}

/* How much of what was read may be understood now. */
static size_t allowed(syl_connection *c)
{
    size_t n = c->in_end - c->in_head;
    if (c->framing && c->payload_left == 0)
        return syl_session_is_ending(c->session) || syl_session_is_full(c->session) ? 0 : n;
    if (c->framing && !c->in_audio) return n;
    size_t room = syl_session_room(c->session);
    return n < room ? n : room;
}

static size_t understand_frames(syl_connection *c, size_t n)
{
    syl_frame frame;
    syl_error err;
    size_t used = 0;
    syl_status status = syl_framing_next(c->framing, c->in + c->in_head, n, &used, &frame, &err);
    if (status != SYL_OK) {
        bool limit = status == SYL_EUNSUPPORTED;
        fail(c, limit ? SYL_DROP_LIMIT : SYL_DROP_PROTOCOL, limit ? "limit" : "protocol",
             err.message);
        return 0;
    }
    if (frame.event != SYL_FRAME_MORE) c->last = syl_clock_seconds();
    if (frame.event == SYL_FRAME_HEADER) on_header(c, &frame);
    if (frame.event == SYL_FRAME_PAYLOAD) {
        c->payload_left = frame.left;
        if (c->in_audio) syl_session_push(c->session, frame.payload, frame.size);
    }
    return used;
}

static void understand(syl_connection *c)
{
    size_t n;
    while (c->in_head < c->in_end && !syl_session_is_over(c->session) && (n = allowed(c)) > 0) {
        if (c->framing) {
            size_t used = understand_frames(c, n);
            if (c->in_head < c->in_end) c->in_head += used; /* not after a failure */
        } else {
            syl_session_push(c->session, c->in + c->in_head, n);
            c->in_head += n;
            c->last = syl_clock_seconds();
        }
    }
    if (c->in_head == c->in_end) c->in_head = c->in_end = 0;
}

static void at_eof(syl_connection *c)
{
    if (c->framing && !syl_framing_between(c->framing) && !syl_session_is_over(c->session)) {
        fail(c, SYL_DROP_PROTOCOL, "protocol", "the connection ended inside a frame");
        return;
    }
    syl_session_finish(c->session, "eof");
}

static void receive(syl_connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_end, sizeof c->in - c->in_end, 0);
    if (n > 0) {
        c->in_end += (size_t)n;
        c->received += (uint64_t)n;
    } else if (n == 0) {
        c->eof = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        c->broken = true;
    }
}

static void throw_input_away(syl_connection *c)
{
    ssize_t n = recv(c->fd, c->in, sizeof c->in, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) c->eof = true;
    c->in_head = c->in_end = 0;
}

/* ---- out -------------------------------------------------------------------------------- */

static void send_output(syl_connection *c)
{
    for (;;) {
        if (c->out_head == c->out_end) {
            c->out_head = 0;
            c->out_end = syl_session_read(c->session, c->out, sizeof c->out, false);
            if (c->out_end == 0) return;
        }
        ssize_t n = send(c->fd, c->out + c->out_head, c->out_end - c->out_head, MSG_NOSIGNAL);
        if (n < 0) {
            c->broken = errno != EAGAIN && errno != EINTR;
            return;
        }
        c->out_head += (size_t)n;
        c->last = syl_clock_seconds();
    }
}

/* Answers make room for further questions: as long as that goes on without waiting. */
static void converse(syl_connection *c)
{
    size_t before, left;
    do {
        before = c->in_end - c->in_head;
        send_output(c);
        if (!c->draining) understand(c);
        left = c->in_end - c->in_head;
    } while (left > 0 && left < before && !c->broken);
    if (c->eof && left == 0 && !c->draining) at_eof(c);
    if (!c->broken) send_output(c);
}

/* Everything has been sent, and nothing more will be. */
static bool all_said(syl_connection *c)
{
    if (c->out_head < c->out_end) return false;
    if (syl_session_is_over(c->session)) return true;
    return (c->eof || c->draining) && c->in_head == c->in_end && !syl_session_is_open(c->session) &&
           !syl_session_is_ending(c->session) && !syl_session_has_output(c->session);
}

/* ---- time ------------------------------------------------------------------------------- */

static double patience(const syl_connection *c)
{
    return c->lingering ? LINGER_SECONDS : c->service->options.idle_seconds;
}

double syl_connection_deadline(const syl_connection *c)
{
    return c->last + patience(c);
}

/* false: it has been silent for too long, or does not take what it is told. */
static bool check_time(syl_connection *c, double now)
{
    char message[160];
    if (!c->lingering && syl_session_is_busy(c->session)) c->last = now;
    if (now - c->last < patience(c)) return true;
    if (c->lingering || c->told_idle) return false;
    bool deaf = c->out_head < c->out_end || syl_session_has_output(c->session);
    snprintf(message, sizeof message, "%s for %g seconds; the server's --idle-seconds says so",
             deaf ? "nothing was read" : "nothing was sent", c->service->options.idle_seconds);
    c->told_idle = true;
    c->last = now;
    fail(c, SYL_DROP_IDLE, "idle", message);
    return true;
}

/* ---- all of it -------------------------------------------------------------------------- */

short syl_connection_events(const syl_connection *c)
{
    bool reads = c->lingering || (!c->eof && !c->draining && c->in_head == c->in_end &&
                                  !syl_session_is_over(c->session));
    return (short)((reads ? POLLIN : 0) | (c->out_head < c->out_end ? POLLOUT : 0));
}

bool syl_connection_run(syl_connection *c, short events, double now)
{
    /* POLLHUP: it closed both ways and hears nothing any more. */
    if (events & (POLLERR | POLLNVAL | POLLHUP)) return false;
    if (c->lingering) {
        throw_input_away(c);
        return !c->eof && check_time(c, now);
    }
    if (events & POLLIN) receive(c);
    converse(c);
    if (c->broken) return false;
    if (all_said(c)) {
        if (c->eof) return false;
        shutdown(c->fd, SHUT_WR);
        c->lingering = true;
        c->last = now;
        return true;
    }
    return check_time(c, now);
}

void syl_connection_drain(syl_connection *c)
{
    c->draining = true;
    c->in_head = c->in_end = 0;
    syl_session_finish(c->session, "shutdown");
}
