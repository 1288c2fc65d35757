/* The daemon's configuration: flags, and files of them (--conf). */
#ifndef SYL_STREAM_DAEMON_OPTIONS_H
#define SYL_STREAM_DAEMON_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/status.h"

typedef struct syl_daemon_options {
    const char *model, *device; /* NULL: the default model; the CPU */
    int precision;              /* syl_precision */
    const char *socket;         /* framed; NULL: the default place */
    const char *raw_socket;     /* NULL: none */
    const char *raw;            /* what raw clients send, ENC:RATE:CHANNELS */
    int tcp, http;              /* ports; 0: any that is free, -1: none */
    const char *token_file;     /* NULL: no token */
    const char *web;            /* folder of the page; NULL: the installed one */
    int workers;                /* threads; 0: one a core */
    int max_clients, max_header, max_frame;
    double queue_seconds, idle_seconds, max_seconds, drain_seconds, stats_seconds;
    double norm, merge;    /* NaN: the model's */
    double hop, lookahead; /* seconds, of "hubert" models; NaN: as sylkit stream has them */
    int silence;
    int log_level; /* syl_log_level */
} syl_daemon_options;

/* An exit status; *help: --help or --version was given and answered. `text` keeps the strings of
 * files (json_array, the caller's). */
int syl_daemon_options_parse(syl_daemon_options *o, int argc, char **argv, json_t *text,
                             bool *help);

/* A token: the first line of a file that others cannot read, 16 to 512 visible characters. Owned by
 * the caller. */
syl_status syl_read_token(char **out, const char *path, syl_error *err);

#endif
