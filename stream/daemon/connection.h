/* A client on a Unix or TCP socket: frames or bare samples in, lines of JSON out. Used by the
 * thread of the server alone.
 *
 * These sockets have a poll loop of their own beside libwebsockets: its raw sockets close when the
 * client has sent all (so that `nc -N` would not get its results), and do not say how much may
 * still be read. */
#ifndef SYL_STREAM_CONNECTION_H
#define SYL_STREAM_CONNECTION_H

#include "stream/daemon/framing.h"
#include "stream/daemon/session.h"

typedef struct syl_connection syl_connection;

/* Takes the descriptor over, also on failure. `wake` is called by workers. */
syl_status syl_connection_create(syl_connection **out, syl_service *service, int fd, bool raw,
                                 bool wants_token, void (*wake)(void *user), void *user,
                                 syl_error *err);
/* For one client too many: tells it so. */
syl_status syl_connection_refuse(syl_connection **out, syl_service *service, int fd,
                                 void (*wake)(void *user), void *user, syl_error *err);
/* Closes it; what the client has not read is lost. */
void syl_connection_free(syl_connection *c);

int syl_connection_fd(const syl_connection *c);
bool syl_connection_is_refused(const syl_connection *c);
/* What to poll for. */
short syl_connection_events(const syl_connection *c);
/* Reads, understands and writes what can be, after poll said `events` (0: a worker woke it, or time
 * passed). false: it is over, free it. */
bool syl_connection_run(syl_connection *c, short events, double now);
/* When it is to be run at the latest, syl_clock_seconds. */
double syl_connection_deadline(const syl_connection *c);
/* No more is read from it: what has been received is computed and told. */
void syl_connection_drain(syl_connection *c);

#endif
