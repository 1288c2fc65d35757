/* The poll loop over the sockets, and what signals ask for. */
#ifndef SYL_STREAM_SERVER_H
#define SYL_STREAM_SERVER_H

#include "stream/daemon/listener.h"
#include "stream/daemon/service.h"

#define SYL_MAX_LISTENERS 8

typedef struct syl_server syl_server;

/* Takes the listeners over, also on failure. */
syl_status syl_server_create(syl_server **out, syl_service *service, syl_listener *listeners,
                             int count, syl_error *err);

/* Serves until SIGTERM or SIGINT, which must be blocked in all threads, like SIGHUP; then `drain`
 * is called, and it serves on until no client is left or time is up. `reload` is called at
 * SIGHUP; both get `user` and must not block. `left` says how many clients there are elsewhere. */
syl_status syl_server_run(syl_server *server, void (*reload)(void *user), void (*drain)(void *user),
                          void *user, syl_error *err);

/* NULL is allowed. Clients that are left are cut. */
void syl_server_free(syl_server *server);

#endif
