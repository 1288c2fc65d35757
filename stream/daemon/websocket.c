/* Streams over WebSocket: binary PCM in, a JSON text message a line out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "stream/daemon/http_client.h"
#include "stream/daemon/log.h"
#include "stream/daemon/protocol.h"

static void wake(void *user)
{
    lws_cancel_service(user); /* may be called from any thread */
}

/* Reads only as much as there is room for, and nothing behind an end until that is told. */
static void set_flow(syl_http_client *c)
{
    bool open = syl_session_is_open(c->session), ending = syl_session_is_ending(c->session);
    bool full = syl_session_is_full(c->session);
    bool reads = !ending && !full && (!open || syl_session_room(c->session) >= 2 * SYL_WS_CHUNK);
    lws_rx_flow_control(c->wsi, reads);
}

static void show(syl_http_client *c)
{
    set_flow(c);
    if (syl_session_has_output(c->session) || syl_session_is_over(c->session))
        lws_callback_on_writable(c->wsi);
}

static void fail(syl_http_client *c, syl_drop drop, const char *code, const char *message)
{
    if (!c->failed) syl_log(SYL_LOG_WARN, "client dropped", "code", code, "reason", message, NULL);
    c->failed = true;
    syl_session_fail(c->session, drop, code, message);
}

static void arm(const syl_ws_list *list, syl_http_client *c, double now)
{
    double left = c->last + list->service->options.idle_seconds - now;
    lws_set_timer_usecs(c->wsi, (lws_usec_t)(1e6 * (left > 0.001 ? left : 0.001)));
}

/* ---- life ------------------------------------------------------------------------------- */

int syl_ws_established(syl_ws_list *list, syl_http_client *c, struct lws *wsi)
{
    syl_service *service = list->service;
    char message[80];
    int size = SYL_SEND_BUFFER;
    c->wsi = wsi;
    setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    c->last = syl_clock_seconds();
    c->entered = syl_service_enter(service);
    c->text = syl_calloc((size_t)service->options.max_header, 1);
    if (!c->text || syl_session_create(&c->session, service, wake, list->context, NULL)) return -1;
    c->next = list->first;
    if (c->next) c->next->previous = c;
    list->first = c;
    arm(list, c, c->last);
    if (c->entered) return 0;
    snprintf(message, sizeof message, "%d clients are connected; come back later",
             service->options.max_clients);
    service->metrics.drops[SYL_DROP_BUSY]--; /* counted when it came */
    fail(c, SYL_DROP_BUSY, "busy", message);
    show(c);
    return 0;
}

void syl_ws_closed(syl_ws_list *list, syl_http_client *c)
{
    if (c->session) { /* it is in the list */
        if (c->next) c->next->previous = c->previous;
        if (c->previous)
            c->previous->next = c->next;
        else
            list->first = c->next;
    }
    syl_session_abandon(c->session);
    free(c->text);
    if (c->entered) syl_service_leave(list->service);
    c->session = NULL;
    c->text = NULL;
    c->entered = false;
}

void syl_ws_woken(syl_ws_list *list, bool drain)
{
    for (syl_http_client *c = list->first; c; c = c->next) {
        if (drain) syl_session_finish(c->session, "shutdown");
        show(c);
    }
}

/* ---- in --------------------------------------------------------------------------------- */

static syl_status take_audio(syl_ws_list *list, syl_http_client *c, const uint8_t *bytes, size_t n,
                             syl_error *err)
{
    if (!syl_session_is_open(c->session)) {
        syl_session_format format = syl_default_format(list->service);
        SYL_TRY(syl_session_begin(c->session, &format, err));
    }
    if (n > syl_session_room(c->session) && syl_session_is_open(c->session))
        return syl_fail(err, SYL_ENOMEM, "%zu bytes did not fit the queue", n);
    syl_session_push(c->session, bytes, n);
    return SYL_OK;
}

static syl_status take_text(syl_ws_list *list, syl_http_client *c, const uint8_t *bytes, size_t n,
                            bool last, syl_error *err)
{
    size_t max = (size_t)list->service->options.max_header, before = c->message - n;
    if (c->message > max)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "a text message is longer than %zu bytes; audio "
                        "goes into binary messages",
                        max);
    memcpy(c->text + before, bytes, n);
    if (!last) return SYL_OK;
    return syl_protocol_text(c->session, list->service, c->text, c->message, err);
}

int syl_ws_receive(syl_ws_list *list, syl_http_client *c, const uint8_t *bytes, size_t n)
{
    size_t remaining = lws_remaining_packet_payload(c->wsi);
    size_t max = (size_t)list->service->options.max_frame;
    bool last = lws_is_final_fragment(c->wsi) && remaining == 0;
    syl_error err;
    syl_status status = SYL_OK;
    if (c->failed) return 0;
    c->last = syl_clock_seconds();
    c->message += n;
    if (c->message > max || remaining > max - c->message)
        status = syl_fail(&err, SYL_EUNSUPPORTED,
                          "a message is longer than %zu bytes; send smaller ones", max);
    else if (lws_frame_is_binary(c->wsi))
        status = n > 0 ? take_audio(list, c, bytes, n, &err) : SYL_OK;
    else
        status = take_text(list, c, bytes, n, last, &err);
    if (last) c->message = 0;
    if (status != SYL_OK) {
        bool limit = status == SYL_EUNSUPPORTED, internal = status == SYL_ENOMEM;
        fail(c,
             internal ? SYL_DROP_INTERNAL
             : limit  ? SYL_DROP_LIMIT
                      : SYL_DROP_PROTOCOL,
             internal ? "internal"
             : limit  ? "limit"
                      : "protocol",
             err.message);
    }
    show(c);
    return 0;
}

/* ---- out and time ----------------------------------------------------------------------- */

int syl_ws_writable(syl_ws_list *list, syl_http_client *c)
{
    unsigned char buffer[LWS_PRE + SYL_SESSION_LINE];
    (void)list;
    size_t n = syl_session_read(c->session, (char *)buffer + LWS_PRE, SYL_SESSION_LINE, true);
    if (n > 0) {
        c->last = syl_clock_seconds();
        n--; /* without the newline */
        if (lws_write(c->wsi, buffer + LWS_PRE, n, LWS_WRITE_TEXT) < (int)n) return -1;
    }
    if (syl_session_is_over(c->session)) {
        lws_close_reason(c->wsi,
                         c->failed ? LWS_CLOSE_STATUS_POLICY_VIOLATION : LWS_CLOSE_STATUS_NORMAL,
                         NULL, 0);
        return -1;
    }
    show(c);
    return 0;
}

int syl_ws_timer(syl_ws_list *list, syl_http_client *c)
{
    double now = syl_clock_seconds(), patience = list->service->options.idle_seconds;
    char message[120];
    if (syl_session_is_busy(c->session)) c->last = now;
    if (now - c->last >= patience) {
        if (c->told_idle) return -1;
        c->told_idle = true;
        c->last = now;
        snprintf(message, sizeof message,
                 "nothing was sent or read for %g seconds; the server's --idle-seconds says so",
                 patience);
        fail(c, SYL_DROP_IDLE, "idle", message);
        show(c);
    }
    arm(list, c, now);
    return 0;
}
