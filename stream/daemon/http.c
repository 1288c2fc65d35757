#include "stream/daemon/http.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "stream/daemon/http_client.h"
#include "stream/daemon/log.h"

#define HEADER_SIZE 2048
#define BODY_CHUNK 4096
#define MAX_PAGE_FILE (1 << 20)
#define HTTP_CLIENTS 128 /* descriptors for requests that are no WebSocket */
#define OTHER_FILES 96   /* descriptors of the rest: listeners, clients too many, libraries */

/* All that the page has; nothing else of the file system can be asked for. */
static const struct page_file {
    const char *path, *name, *type;
} page_files[] = {{"/", "index.html", "text/html; charset=utf-8"},
                  {"/index.html", "index.html", "text/html; charset=utf-8"},
                  {"/app.js", "app.js", "text/javascript; charset=utf-8"},
                  {"/worklet.js", "worklet.js", "text/javascript; charset=utf-8"},
                  {"/style.css", "style.css", "text/css; charset=utf-8"}};
#define NUM_PAGE_FILES (sizeof page_files / sizeof *page_files)

static const char *const security[][2] = {
    {"content-security-policy:",
     "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
     "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
     "frame-ancestors 'none'"},
    {"x-content-type-options:", "nosniff"},
    {"referrer-policy:", "no-referrer"},
    {"cross-origin-opener-policy:", "same-origin"},
    {"cross-origin-resource-policy:", "same-origin"},
    {"permissions-policy:", "microphone=(self)"},
    {"cache-control:", "no-cache"}};

struct syl_http {
    syl_service *service;
    syl_ws_list clients;
    syl_map files[NUM_PAGE_FILES];
    pthread_t thread;
    bool runs;
    atomic_bool stop, draining;
};

/* ---- who may ---------------------------------------------------------------------------- */

/* The header's value; 0 when it is absent, -1 when it is longer than `room`. */
static int header(struct lws *wsi, enum lws_token_indexes token, char *value, int room)
{
    value[0] = '\0';
    if (lws_hdr_total_length(wsi, token) <= 0) return 0;
    return lws_hdr_copy(wsi, value, room, token);
}

/* Whether Host names the loopback, with any port (an ssh tunnel may have another). */
static bool is_loopback(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n)) continue;
        if (!host[n]) return true;
        return host[n] == ':' && host[n + 1] &&
               strspn(host + n + 1, "0123456789") == strlen(host + n + 1);
    }
    return false;
}

static bool is_own_page(struct lws *wsi)
{
    char host[128], origin[160];
    if (header(wsi, WSI_TOKEN_HOST, host, sizeof host) <= 0 || !is_loopback(host)) return false;
    int n = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin);
    if (n == 0) return true; /* no browser */
    return n > 0 && !strncmp(origin, "http://", 7) && !strcasecmp(origin + 7, host);
}

static bool has_token(const syl_http *h, struct lws *wsi)
{
    char value[600];
    if (!h->service->token) return true;
    if (header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, value, sizeof value) > 0)
        return !strncasecmp(value, "Bearer ", 7) && syl_service_token_is(h->service, value + 7);
    for (int i = 0;
         lws_hdr_copy_fragment(wsi, value, sizeof value, WSI_TOKEN_HTTP_URI_ARGS, i) >= 0; i++)
        if (!strncmp(value, "token=", 6)) return syl_service_token_is(h->service, value + 6);
    return false;
}

/* 0, or the status of a refusal. */
static unsigned refusal(syl_http *h, struct lws *wsi, bool guarded)
{
    if (h->draining) return HTTP_STATUS_SERVICE_UNAVAILABLE;
    if (!is_own_page(wsi)) return HTTP_STATUS_FORBIDDEN;
    if (!guarded || has_token(h, wsi)) return 0;
    h->service->metrics.drops[SYL_DROP_AUTH]++;
    return HTTP_STATUS_UNAUTHORIZED;
}

/* ---- answers ---------------------------------------------------------------------------- */

static int answer(struct lws *wsi, syl_http_client *c, unsigned status, const char *type,
                  const char *body, size_t n)
{
    unsigned char buffer[LWS_PRE + HEADER_SIZE];
    unsigned char *start = buffer + LWS_PRE, *at = start, *end = buffer + sizeof buffer - 1;
    if (lws_add_http_common_headers(wsi, status, type, n, &at, end)) return -1;
    for (size_t i = 0; i < sizeof security / sizeof *security; i++)
        if (lws_add_http_header_by_name(wsi, (const unsigned char *)security[i][0],
                                        (const unsigned char *)security[i][1],
                                        (int)strlen(security[i][1]), &at, end))
            return -1;
    if (lws_finalize_write_http_header(wsi, start, &at, end)) return -1;
    c->body = body;
    c->left = n;
    lws_callback_on_writable(wsi);
    return 0;
}

static int refuse(struct lws *wsi, syl_http_client *c, unsigned status)
{
    const char *text = status == HTTP_STATUS_UNAUTHORIZED
                           ? "a token is wanted: Authorization: Bearer TOKEN, or ?token=TOKEN\n"
                       : status == HTTP_STATUS_FORBIDDEN           ? "not from this host or page\n"
                       : status == HTTP_STATUS_NOT_FOUND           ? "there is no such page\n"
                       : status == HTTP_STATUS_SERVICE_UNAVAILABLE ? "the server is stopping\n"
                                                                   : "only GET is answered\n";
    return answer(wsi, c, status, "text/plain; charset=utf-8", text, strlen(text));
}

static int write_body(struct lws *wsi, syl_http_client *c)
{
    unsigned char buffer[LWS_PRE + BODY_CHUNK];
    size_t n = c->left < BODY_CHUNK ? c->left : BODY_CHUNK;
    if (!c->body) return 0;
    memcpy(buffer + LWS_PRE, c->body, n);
    c->body += n;
    c->left -= n;
    enum lws_write_protocol kind = c->left ? LWS_WRITE_HTTP : LWS_WRITE_HTTP_FINAL;
    if (lws_write(wsi, buffer + LWS_PRE, n, kind) < (int)n) return -1;
    if (c->left) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    free(c->owned);
    c->owned = NULL;
    c->body = NULL;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int request(syl_http *h, struct lws *wsi, syl_http_client *c, const char *path)
{
    bool metrics = !strcmp(path, "/metrics");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) <= 0)
        return refuse(wsi, c, HTTP_STATUS_METHOD_NOT_ALLOWED);
    unsigned status = refusal(h, wsi, metrics);
    if (status) return refuse(wsi, c, status);
    if (metrics) {
        free(c->owned);
        c->owned = syl_metrics_text(&h->service->metrics);
        if (!c->owned) return -1;
        return answer(wsi, c, HTTP_STATUS_OK, "text/plain; version=0.0.4; charset=utf-8", c->owned,
                      strlen(c->owned));
    }
    for (size_t i = 0; i < NUM_PAGE_FILES; i++)
        if (!strcmp(path, page_files[i].path))
            return answer(wsi, c, HTTP_STATUS_OK, page_files[i].type,
                          (const char *)h->files[i].data, h->files[i].size);
    return refuse(wsi, c, HTTP_STATUS_NOT_FOUND);
}

/* Before a connection becomes a WebSocket: 0 goes on, 1: refused with an answer. */
static int upgrade(syl_http *h, struct lws *wsi)
{
    char path[64];
    unsigned status = refusal(h, wsi, true);
    int n = header(wsi, WSI_TOKEN_GET_URI, path, sizeof path);
    if (!status && (n <= 0 || (strcmp(path, "/ws") && strcmp(path, "/"))))
        status = HTTP_STATUS_NOT_FOUND;
    if (!status) return 0;
    return lws_return_http_status(wsi, status, NULL) < 0 ? -1 : 1;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t n)
{
    struct lws_context *context = lws_get_context(wsi);
    syl_http *h = context ? lws_context_user(context) : NULL;
    syl_http_client *c = user;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return request(h, wsi, c, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return write_body(wsi, c);
    case LWS_CALLBACK_CLOSED_HTTP:
        if (c) free(c->owned);
        if (c) c->owned = NULL;
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return upgrade(h, wsi);
    case LWS_CALLBACK_ESTABLISHED:
        return syl_ws_established(&h->clients, c, wsi);
    case LWS_CALLBACK_RECEIVE:
        return syl_ws_receive(&h->clients, c, in, n);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return syl_ws_writable(&h->clients, c);
    case LWS_CALLBACK_TIMER:
        return c && c->session ? syl_ws_timer(&h->clients, c) : 0;
    case LWS_CALLBACK_CLOSED:
        syl_ws_closed(&h->clients, c);
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        syl_ws_woken(&h->clients, h->draining);
        return 0;
    default:
        return 0;
    }
}

/* ---- the page's files ------------------------------------------------------------------- */

/* The given folder, the installed one, or the source tree's above the executable. */
static void find_page(const syl_service *service, char *folder, size_t room)
{
    char name[PATH_MAX + 32];
    snprintf(folder, room, "%s",
             service->options.web ? service->options.web : DATADIR "/sylkit/web");
    snprintf(name, sizeof name, "%.4000s/index.html", folder);
    if (service->options.web || !access(name, R_OK)) return;
    char here[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    if (n <= 0) return;
    here[n] = '\0';
    for (char *slash; (slash = strrchr(here, '/'));) {
        *slash = '\0';
        snprintf(name, sizeof name, "%.4000s/stream/web/index.html", here);
        if (access(name, R_OK)) continue;
        snprintf(folder, room, "%.4000s/stream/web", here);
        return;
    }
}

static syl_status read_page(syl_http *h, syl_error *err)
{
    char folder[PATH_MAX], name[PATH_MAX + 32];
    find_page(h->service, folder, sizeof folder);
    for (size_t i = 0; i < NUM_PAGE_FILES; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, page_files[i].name);
        SYL_TRY(syl_map_open(&h->files[i], name, err));
        if (h->files[i].size == 0 || h->files[i].size > MAX_PAGE_FILE)
            return syl_fail(err, SYL_EFORMAT, "%s has %zu bytes; is --web the page's folder?", name,
                            h->files[i].size);
    }
    return SYL_OK;
}

/* ---- life ------------------------------------------------------------------------------- */

static void on_log(int level, const char *line)
{
    char text[400];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
    syl_log(level & LLL_ERR ? SYL_LOG_ERROR : SYL_LOG_DEBUG, "libwebsockets", "text", text, NULL);
}

/* libwebsockets tries accept again and again, at full speed, when the process has no descriptor
 * left. So it must never come to that: all clients that there may be have theirs. */
static syl_status reserve_descriptors(int max_clients, syl_error *err)
{
    struct rlimit limit;
    rlim_t wanted = 2 * (rlim_t)max_clients + HTTP_CLIENTS + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return SYL_OK;
    if (limit.rlim_cur >= wanted) return SYL_OK;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted && !getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur >= wanted)
        return SYL_OK;
    return syl_fail(
        err, SYL_EINVAL,
        "--http with --max-clients %d wants %llu descriptors and the limit is %llu; raise "
        "it (ulimit -n, LimitNOFILE=) or allow fewer clients",
        max_clients, (unsigned long long)wanted, (unsigned long long)limit.rlim_cur);
}

static syl_status open_context(syl_http *h, int *port, syl_error *err)
{
    static const struct lws_protocols protocols[] = {
        {"sylkit", callback, sizeof(syl_http_client), SYL_WS_CHUNK, 0, NULL, 0}, {0}};
    const syl_daemon_options *o = &h->service->options;
    struct lws_context_creation_info info = {.port = o->http,
                                             .iface = "127.0.0.1",
                                             .protocols = protocols,
                                             .gid = (gid_t)-1,
                                             .uid = (uid_t)-1,
                                             .user = h,
                                             .server_string = "sylkitd",
                                             .timeout_secs = 10,
                                             .keepalive_timeout = 5,
                                             .fd_limit_per_thread =
                                                 (unsigned)o->max_clients + HTTP_CLIENTS,
                                             .options = LWS_SERVER_OPTION_DISABLE_IPV6};
    info.options |= LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
    h->clients.context = lws_create_context(&info);
    if (!h->clients.context) return syl_fail(err, SYL_EIO, "libwebsockets cannot be started");
    struct lws_vhost *vhost = lws_create_vhost(h->clients.context, &info);
    *port = vhost ? lws_get_vhost_listen_port(vhost) : 0;
    if (*port > 0) return SYL_OK;
    return syl_fail(err, SYL_EIO, "--http %d: cannot listen there; choose another port", o->http);
}

static void *serve(void *user)
{
    syl_http *h = user;
    while (!h->stop && lws_service(h->clients.context, 0) >= 0)
        continue;
    return NULL;
}

syl_status syl_http_create(syl_http **out, syl_service *service, int *port, syl_error *err)
{
    *out = NULL;
    syl_http *h = syl_calloc(1, sizeof *h);
    if (!h) return syl_fail_memory(err, sizeof *h, "HTTP");
    h->service = h->clients.service = service;
    syl_status status = read_page(h, err);
    if (status == SYL_OK) status = reserve_descriptors(service->options.max_clients, err);
    if (status == SYL_OK) status = open_context(h, port, err);
    if (status == SYL_OK) {
        h->runs = !pthread_create(&h->thread, NULL, serve, h);
        if (!h->runs) status = syl_fail(err, SYL_ENOMEM, "the thread of --http cannot be started");
    }
    if (status != SYL_OK) {
        syl_http_free(h);
        return status;
    }
    *out = h;
    return SYL_OK;
}

void syl_http_drain(syl_http *h)
{
    h->draining = true;
    lws_cancel_service(h->clients.context);
}

void syl_http_free(syl_http *h)
{
    if (!h) return;
    h->stop = true;
    if (h->runs) {
        lws_cancel_service(h->clients.context);
        pthread_join(h->thread, NULL);
    }
    if (h->clients.context) lws_context_destroy(h->clients.context);
    for (size_t i = 0; i < NUM_PAGE_FILES; i++)
        syl_map_close(&h->files[i]);
    free(h);
}
