/* What http.c and websocket.c share. */
#ifndef SYL_STREAM_HTTP_CLIENT_H
#define SYL_STREAM_HTTP_CLIENT_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "stream/daemon/session.h"

#define SYL_WS_CHUNK 4096 /* bytes that libwebsockets hands over at a time, at most */

typedef struct syl_http_client { /* libwebsockets' per connection, zeroed by it */
    struct lws *wsi;
    struct syl_http_client *next, *previous; /* of the WebSocket clients */
    /* an HTTP request's answer */
    const char *body;
    size_t left;
    char *owned; /* freed when it is sent; NULL: the body is the server's */
    /* a WebSocket's */
    syl_session *session;
    bool entered;   /* counted as a client */
    bool told_idle; /* it was told; next time it is cut */
    bool failed;    /* closed for what it did */
    char *text;     /* [max_header], a text message in the making */
    size_t message; /* bytes of the current message so far */
    double last;    /* sign of life */
} syl_http_client;

typedef struct syl_ws_list {
    syl_service *service;
    struct lws_context *context;
    syl_http_client *first;
} syl_ws_list;

/* What libwebsockets says of a WebSocket; its return value: not 0 closes the connection. */
int syl_ws_established(syl_ws_list *list, syl_http_client *c, struct lws *wsi);
int syl_ws_receive(syl_ws_list *list, syl_http_client *c, const uint8_t *bytes, size_t n);
int syl_ws_writable(syl_ws_list *list, syl_http_client *c);
int syl_ws_timer(syl_ws_list *list, syl_http_client *c);
void syl_ws_closed(syl_ws_list *list, syl_http_client *c);
/* A worker has done something for one of them, or (drain) they are to be ended. */
void syl_ws_woken(syl_ws_list *list, bool drain);

#endif
