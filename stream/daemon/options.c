#include "stream/daemon/options.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cli/option_table.h"
#include "stream/daemon/log.h"

#define MIN_TOKEN 16
#define MAX_TOKEN 512

static const char *const precisions[] = {"f32", "bf16", NULL};

#define AT(member) offsetof(syl_daemon_options, member)

static const syl_arg table[] = {
    {"Model", SYL_ARG_HEADING, 0, "Model:", 0, 0, NULL, false},
    {"model", SYL_ARG_TEXT, AT(model),
     "safetensors file or HubertModel folder; default $SYLKIT_MODEL, else the shipped one", 0, 0,
     NULL, false},
    {"device", SYL_ARG_TEXT, AT(device), "cpu, cuda, cuda:N or auto", 0, 0, NULL, false},
    {"precision", SYL_ARG_CHOICE, AT(precision), "of the computation", 0, 0, precisions, false},
    {"norm", SYL_ARG_REAL, AT(norm), "threshold of silence; default: the model's", 0, 1e6, NULL,
     false},
    {"merge", SYL_ARG_REAL, AT(merge), "threshold of merging; default: the model's", -1, 1, NULL,
     false},
    {"silence", SYL_ARG_INT, AT(silence), "report gaps of more frames than this; 0: none", 0,
     1000000, NULL, false},
    {"hop", SYL_ARG_REAL, AT(hop), "hubert models: seconds between windows; default 0.32", 0.02, 30,
     NULL, false},
    {"lookahead", SYL_ARG_REAL, AT(lookahead),
     "hubert models: seconds of future that a frame sees; default 0.64", 0, 60, NULL, false},
    {"Where", SYL_ARG_HEADING, 0, "Where it listens:", 0, 0, NULL, false},
    {"socket", SYL_ARG_TEXT, AT(socket),
     "Unix socket, framed; default sylkitd.sock in $RUNTIME_DIRECTORY, else $XDG_RUNTIME_DIR", 0, 0,
     NULL, false},
    {"raw-socket", SYL_ARG_TEXT, AT(raw_socket), "Unix socket for bare samples (nc -N -U)", 0, 0,
     NULL, false},
    {"raw", SYL_ARG_TEXT, AT(raw), "what comes there: s16le or f32le:RATE:CHANNELS", 0, 0, NULL,
     false},
    {"tcp", SYL_ARG_INT, AT(tcp), "port on 127.0.0.1, framed, with a token; 0: any, -1: none", -1,
     65535, NULL, false},
    {"http", SYL_ARG_INT, AT(http), "port on 127.0.0.1: page, WebSocket, metrics; 0: any, -1: none",
     -1, 65535, NULL, false},
    {"token-file", SYL_ARG_TEXT, AT(token_file), "file with the token of --tcp and --http", 0, 0,
     NULL, false},
    {"web", SYL_ARG_TEXT, AT(web), "folder of the page", 0, 0, NULL, false},
    {"Limits", SYL_ARG_HEADING, 0, "Limits:", 0, 0, NULL, false},
    {"workers", SYL_ARG_INT, AT(workers), "threads that compute; 0: one a core", 0, 1024, NULL,
     false},
    {"max-clients", SYL_ARG_INT, AT(max_clients), "connected at once", 1, 10000, NULL, false},
    {"max-header", SYL_ARG_INT, AT(max_header), "bytes of a header", 64, 1 << 20, NULL, false},
    {"max-frame", SYL_ARG_INT, AT(max_frame), "bytes of a frame", 64, 1 << 28, NULL, false},
    {"queue-seconds", SYL_ARG_REAL, AT(queue_seconds), "of audio that may wait, a client", 0.1, 60,
     NULL, false},
    {"idle-seconds", SYL_ARG_REAL, AT(idle_seconds), "without a sign of a client", 0.1, 86400, NULL,
     false},
    {"max-seconds", SYL_ARG_REAL, AT(max_seconds), "length of a stream", 0.1, 1e6, NULL, false},
    {"drain-seconds", SYL_ARG_REAL, AT(drain_seconds),
     "for clients to take their results at SIGTERM", 0, 3600, NULL, false},
    {"stats-seconds", SYL_ARG_REAL, AT(stats_seconds), "of audio between two stats messages", 0.1,
     1e6, NULL, false},
    {"log-level", SYL_ARG_CHOICE, AT(log_level), "lines of logfmt on standard error", 0, 0,
     syl_log_level_names, false}};
#define TABLE_SIZE (sizeof table / sizeof *table)

static syl_daemon_options defaults(void)
{
    return (syl_daemon_options){.raw = "s16le:16000:1",
                                .tcp = -1,
                                .http = -1,
                                .max_clients = 64,
                                .max_header = 8192,
                                .max_frame = 1 << 20,
                                .queue_seconds = 5,
                                .idle_seconds = 60,
                                .max_seconds = 14400,
                                .drain_seconds = 10,
                                .stats_seconds = 5,
                                .norm = NAN,
                                .merge = NAN,
                                .hop = NAN,
                                .lookahead = NAN,
                                .log_level = SYL_LOG_INFO};
}

static int check(const syl_daemon_options *o)
{
    if (o->tcp >= 0 && !o->token_file)
        return syl_usage("sylkitd",
                         "--tcp %d wants --token-file FILE: every user of this machine "
                         "can connect",
                         o->tcp);
    if (o->socket && o->raw_socket && !strcmp(o->socket, o->raw_socket))
        return syl_usage("sylkitd", "%s for both --socket and --raw-socket; give two paths",
                         o->socket);
    return SYL_EXIT_OK;
}

int syl_daemon_options_parse(syl_daemon_options *o, int argc, char **argv, json_t *text, bool *help)
{
    int first = 0;
    *o = defaults();
    *help = argc == 2 && !strcmp(argv[1], "--version");
    if (*help) {
        printf("sylkitd %s\n", syl_version());
        return SYL_EXIT_OK;
    }
    int code = syl_args_parse("sylkitd", table, TABLE_SIZE, o, argc, argv, text, help, &first);
    if (*help) {
        *o = defaults();
        printf("Usage: sylkitd [OPTIONS]\n"
               "Serves syllables: audio in, JSON lines out, over sockets and WebSocket.\n");
        syl_args_help(table, TABLE_SIZE, o);
        return SYL_EXIT_OK;
    }
    if (code != SYL_EXIT_OK) return code;
    if (first < argc)
        return syl_usage("sylkitd", "'%s' is no option; sylkitd takes options only", argv[first]);
    return check(o);
}

static syl_status token_of(char *line, char **out, const char *path, syl_error *err)
{
    size_t n = strcspn(line, "\r\n");
    line[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (line[i] <= ' ' || line[i] > '~')
            return syl_fail(err, SYL_EFORMAT,
                            "%s: byte %zu of the token is no visible ASCII character", path, i + 1);
    if (n < MIN_TOKEN || n > MAX_TOKEN)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: the token has %zu characters; give %d to %d on the first line", path,
                        n, MIN_TOKEN, MAX_TOKEN);
    *out = strdup(line);
    return *out ? SYL_OK : syl_fail_memory(err, n, "the token");
}

syl_status syl_read_token(char **out, const char *path, syl_error *err)
{
    char line[MAX_TOKEN + 3] = "";
    struct stat about;
    *out = NULL;
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &about)) {
        syl_fail(err, SYL_EIO, "%s: %s; it should hold the token", path, strerror(errno));
        if (file) fclose(file);
        return SYL_EIO;
    }
    if (about.st_mode & S_IRWXO) {
        fclose(file);
        return syl_fail(err, SYL_EINVAL,
                        "%s has mode %03o: every user can see the token; chmod 600", path,
                        about.st_mode & 0777u);
    }
    if (!fgets(line, sizeof line, file)) line[0] = '\0';
    fclose(file);
    return token_of(line, out, path, err);
}
