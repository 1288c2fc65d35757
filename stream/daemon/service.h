/* What all connections share. */
#ifndef SYL_STREAM_SERVICE_H
#define SYL_STREAM_SERVICE_H

#include "stream/daemon/metrics.h"
#include "stream/daemon/model_slot.h"
#include "stream/daemon/options.h"
#include "stream/daemon/pool.h"

typedef struct syl_service {
    syl_daemon_options options;
    syl_metrics metrics;
    syl_model_slot models;
    syl_pool *pool;
    char *token; /* NULL: none is asked for. Owned */
} syl_service;

/* Counts a client in: 0 when there are max_clients already. Every client that came in goes out by
 * syl_service_leave. */
int syl_service_enter(syl_service *service);
void syl_service_leave(syl_service *service);

/* Whether `given` is the token, in a time that does not tell how much of it is right. No token
 * asked for: 1. NULL is a wrong token. */
int syl_service_token_is(const syl_service *service, const char *given);

#endif
