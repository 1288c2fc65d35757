/* sylkitd: syllables as a service. Puts the parts together. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cli/options.h"
#include "stream/daemon/http.h"
#include "stream/daemon/log.h"
#include "stream/daemon/protocol.h"
#include "stream/daemon/server.h"
#include "stream/daemon/session_task.h"
#include "sylber/model_options.h"

typedef struct daemon_parts {
    syl_service service;
    json_t *text; /* strings of files of options */
    syl_listener listeners[SYL_MAX_LISTENERS];
    int num_listeners;
    syl_server *server;
    syl_http *http;
    pthread_t reloader;
    bool reloader_runs;
    pthread_mutex_t lock; /* of the two below */
    bool reloading, again;
} daemon_parts;

/* ---- the model -------------------------------------------------------------------------- */

static syl_status load(daemon_parts *d, syl_error *err)
{
    const syl_daemon_options *o = &d->service.options;
    syl_model_args args = syl_model_args_defaults("sylkitd");
    syl_model_info info;
    syl_model *model;
    args.path = o->model;
    args.model.device = o->device;
    args.model.precision = o->precision ? SYL_PRECISION_BF16 : SYL_PRECISION_F32;
    args.hop = o->hop;
    args.lookahead = o->lookahead;
    SYL_TRY(syl_model_args_load(&model, &args, err));
    syl_model_get_info(model, &info);
    syl_status status = syl_live_args_finish(&args, &info, err);
    if (status == SYL_OK) status = syl_model_slot_put(&d->service.models, model, &args.stream, err);
    if (status != SYL_OK) syl_model_free(model);
    return status;
}

/* Streams that run keep their model; those that begin later get the new one. */
static bool is_wanted_again(daemon_parts *d)
{
    pthread_mutex_lock(&d->lock);
    bool again = d->reloading = d->again;
    d->again = false;
    pthread_mutex_unlock(&d->lock);
    return again;
}

static void *reload_now(void *user)
{
    daemon_parts *d = user;
    do {
        syl_error err;
        if (load(d, &err)) {
            d->service.metrics.failed_reloads++;
            syl_log(SYL_LOG_ERROR, "reload failed, the old model stays", "error", err.message,
                    NULL);
        } else {
            d->service.metrics.reloads++;
            syl_log(SYL_LOG_INFO, "model reloaded", NULL);
        }
    } while (is_wanted_again(d));
    return NULL;
}

static void reload(void *user)
{
    daemon_parts *d = user;
    pthread_mutex_lock(&d->lock);
    bool at_work = d->reloading;
    d->reloading = true;
    d->again = at_work; /* it begins once more */
    pthread_mutex_unlock(&d->lock);
    if (at_work) return;
    if (d->reloader_runs) pthread_join(d->reloader, NULL);
    d->reloader_runs = !pthread_create(&d->reloader, NULL, reload_now, d);
    if (d->reloader_runs) return;
    d->reloading = false;
    syl_log(SYL_LOG_ERROR, "reload failed: no thread", NULL);
}

/* ---- sockets ---------------------------------------------------------------------------- */

static syl_status default_socket(char *path, size_t room, syl_error *err)
{
    const char *folder = getenv("RUNTIME_DIRECTORY"); /* set by systemd */
    if (!folder || !*folder) folder = getenv("XDG_RUNTIME_DIR");
    if (!folder || !*folder)
        return syl_fail(err, SYL_EINVAL,
                        "where to listen? $RUNTIME_DIRECTORY and $XDG_RUNTIME_DIR "
                        "are not set; give --socket PATH");
    int n = snprintf(path, room, "%.*s/sylkitd.sock", (int)strcspn(folder, ":"), folder);
    if (n < 0 || (size_t)n >= room)
        return syl_fail(err, SYL_EINVAL, "%s is too long a path; give --socket PATH", folder);
    return SYL_OK;
}

static syl_status listen_unix(daemon_parts *d, const char *path, bool raw, syl_error *err)
{
    SYL_TRY(syl_listen_unix(&d->listeners[d->num_listeners], path, raw, err));
    d->num_listeners++;
    syl_log(SYL_LOG_INFO, "listening", "kind", raw ? "raw" : "framed", "path", path, NULL);
    return SYL_OK;
}

static syl_status open_listeners(daemon_parts *d, syl_error *err)
{
    const syl_daemon_options *o = &d->service.options;
    char path[PATH_MAX], number[16];
    int port;
    SYL_TRY(syl_listen_inherited(d->listeners, SYL_MAX_LISTENERS - 3, &d->num_listeners, err));
    for (int i = 0; i < d->num_listeners; i++)
        if (d->listeners[i].wants_token && !o->token_file)
            return syl_fail(err, SYL_EINVAL,
                            "systemd hands over a socket that is no Unix socket: "
                            "--token-file is wanted");
    if (o->socket)
        SYL_TRY(listen_unix(d, o->socket, false, err));
    else if (d->num_listeners == 0) {
        SYL_TRY(default_socket(path, sizeof path, err));
        SYL_TRY(listen_unix(d, path, false, err));
    }
    if (o->raw_socket) SYL_TRY(listen_unix(d, o->raw_socket, true, err));
    if (o->tcp < 0) return SYL_OK;
    SYL_TRY(syl_listen_tcp(&d->listeners[d->num_listeners], o->tcp, &port, err));
    d->num_listeners++;
    snprintf(number, sizeof number, "%d", port);
    syl_log(SYL_LOG_INFO, "listening", "kind", "tcp", "port", number, NULL);
    return SYL_OK;
}

static syl_status open_http(daemon_parts *d, syl_error *err)
{
    char number[16];
    int port;
    SYL_TRY(syl_http_create(&d->http, &d->service, &port, err));
    snprintf(number, sizeof number, "%d", port);
    syl_log(SYL_LOG_INFO, "listening", "kind", "http", "port", number, NULL);
    return SYL_OK;
}

/* ---- all of it -------------------------------------------------------------------------- */

static syl_status set_up(daemon_parts *d, syl_error *err)
{
    syl_service *s = &d->service;
    syl_session_format format;
    int workers = s->options.workers;
    if (s->options.token_file) SYL_TRY(syl_read_token(&s->token, s->options.token_file, err));
    SYL_TRY(syl_format_of_raw(&format, s, s->options.raw, err));
    SYL_TRY(load(d, err));
    SYL_TRY(open_listeners(d, err));
    if (workers == 0) workers = (int)sysconf(_SC_NPROCESSORS_ONLN);
    SYL_TRY(syl_pool_create(&s->pool, workers > 0 ? workers : 1, sizeof(syl_scratch), err));
    if (s->options.http >= 0) SYL_TRY(open_http(d, err));
    int count = d->num_listeners;
    d->num_listeners = 0; /* the server's now */
    return syl_server_create(&d->server, s, d->listeners, count, err);
}

static void on_drain(void *user)
{
    daemon_parts *d = user;
    if (d->http) syl_http_drain(d->http);
}

static void tear_down(daemon_parts *d)
{
    for (int i = 0; i < d->num_listeners; i++)
        syl_listener_close(&d->listeners[i]);
    syl_server_free(d->server);
    syl_http_free(d->http);
    syl_pool_free(d->service.pool);
    if (d->reloader_runs) pthread_join(d->reloader, NULL);
    syl_model_slot_close(&d->service.models);
    free(d->service.token);
}

/* Signals come by the server's descriptor alone; a client that goes away is an error of a write. */
static void block_signals(void)
{
    sigset_t set;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int serve(daemon_parts *d)
{
    syl_error err;
    block_signals();
    syl_status status = set_up(d, &err);
    if (status == SYL_OK) {
        syl_log(SYL_LOG_INFO, "ready", "version", syl_version(), NULL);
        status = syl_server_run(d->server, reload, on_drain, d, &err);
    }
    tear_down(d);
    if (status != SYL_OK) syl_log(SYL_LOG_ERROR, "sylkitd ends", "error", err.message, NULL);
    if (status == SYL_OK) syl_log(SYL_LOG_INFO, "sylkitd ends", NULL);
    return status == SYL_OK ? SYL_EXIT_OK : SYL_EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static daemon_parts d = {.service.models = {.lock = PTHREAD_MUTEX_INITIALIZER},
                             .lock = PTHREAD_MUTEX_INITIALIZER};
    bool help;
    syl_reserve_standard_streams();
    d.text = json_array();
    int code = syl_daemon_options_parse(&d.service.options, argc, argv, d.text, &help);
    if (code == SYL_EXIT_OK && !help) {
        syl_log_set_level((syl_log_level)d.service.options.log_level);
        code = serve(&d);
    }
    json_decref(d.text);
    return syl_close_stdout(code);
}
