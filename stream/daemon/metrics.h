/* What the daemon counts, in the text format of Prometheus. Any thread adds, any thread prints. */
#ifndef SYL_STREAM_METRICS_H
#define SYL_STREAM_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#define SYL_LATENCY_BUCKETS 12

/* Why a client was let go before its time. */
typedef enum syl_drop {
    SYL_DROP_PROTOCOL, /* what it sent is not the protocol */
    SYL_DROP_LIMIT,    /* a header, frame or stream too long */
    SYL_DROP_IDLE,
    SYL_DROP_AUTH,
    SYL_DROP_BUSY,     /* too many clients */
    SYL_DROP_VANISHED, /* it went away with results outstanding */
    SYL_DROP_INTERNAL,
    SYL_DROP_REASONS
} syl_drop;

extern const char *const syl_drop_names[SYL_DROP_REASONS];

typedef struct syl_metrics {
    atomic_int clients; /* connected now */
    _Atomic uint64_t connections, streams, syllables, reloads, failed_reloads;
    _Atomic uint64_t drops[SYL_DROP_REASONS];
    _Atomic int64_t queued_us;             /* audio that waits, all clients together */
    _Atomic uint64_t audio_us, compute_us; /* done so far */
    _Atomic uint64_t discarded_us;         /* audio thrown away with its client */
    _Atomic uint64_t latency[SYL_LATENCY_BUCKETS + 1], latency_us; /* the last one: above all */
} syl_metrics;

void syl_metrics_latency(syl_metrics *m, double seconds);

/* A text owned by the caller, NULL when there is no memory. */
char *syl_metrics_text(const syl_metrics *m);

#endif
