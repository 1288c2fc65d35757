/* HTTP and WebSocket on 127.0.0.1, by libwebsockets, in a thread of its own: the page, /metrics,
 * and streams at /ws.
 *
 * The loopback is open to every program of the machine, and to every page that a browser of it
 * shows. So a Host that is not the loopback's (DNS rebinding) and a foreign Origin are refused, and
 * where there is a token, /ws and /metrics want it: "Authorization: Bearer TOKEN" or ?token=TOKEN.
 */
#ifndef SYL_STREAM_HTTP_H
#define SYL_STREAM_HTTP_H

#include "stream/daemon/service.h"

typedef struct syl_http syl_http;

/* Reads the page's files, listens and begins to serve. */
syl_status syl_http_create(syl_http **out, syl_service *service, int *port, syl_error *err);
/* No new clients; what has been received is computed and told. From any thread. */
void syl_http_drain(syl_http *h);
/* NULL is allowed. */
void syl_http_free(syl_http *h);

#endif
