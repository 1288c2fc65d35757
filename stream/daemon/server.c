#include "stream/daemon/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "stream/daemon/connection.h"
#include "stream/daemon/log.h"

#define MAX_REFUSED 32   /* clients too many that are told so at a time */
#define MAX_ACCEPTED 16  /* in a row; fewer than MAX_REFUSED, so that those who left are seen */
#define ACCEPT_PAUSE 0.1 /* seconds after accept failed for want of descriptors */
#define DRAIN_LOOK 0.05  /* seconds between two looks at whether all clients have gone */
#define FIXED 2          /* descriptors before the listeners: wake-ups and signals */

struct syl_server {
    syl_service *service;
    syl_listener listeners[SYL_MAX_LISTENERS];
    int num_listeners;
    int wake, signals;
    syl_connection **connections; /* [num_connections] */
    size_t num_connections, capacity;
    struct pollfd *polls; /* [poll_capacity] */
    size_t poll_capacity;
    double accept_after, drain_until;
    bool draining;
};

static void wake_up(void *user)
{
    const syl_server *s = user;
    uint64_t one = 1;
    /* It can only fail when it is awake already. */
    if (write(s->wake, &one, sizeof one) < 0) return;
}

/* ---- life ------------------------------------------------------------------------------- */

static syl_status open_signals(syl_server *s, syl_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->signals >= 0 && s->wake >= 0) return SYL_OK;
    return syl_fail(err, SYL_EIO, "signals cannot be received: %s", strerror(errno));
}

static void close_listeners(syl_server *s)
{
    for (int i = 0; i < s->num_listeners; i++)
        syl_listener_close(&s->listeners[i]);
    s->num_listeners = 0;
}

syl_status syl_server_create(syl_server **out, syl_service *service, syl_listener *listeners,
                             int count, syl_error *err)
{
    *out = NULL;
    syl_server *s = syl_calloc(1, sizeof *s);
    if (!s) {
        for (int i = 0; i < count; i++)
            syl_listener_close(&listeners[i]);
        return syl_fail_memory(err, sizeof *s, "the server");
    }
    s->service = service;
    s->signals = s->wake = -1;
    s->num_listeners = count;
    memcpy(s->listeners, listeners, (size_t)count * sizeof *listeners);
    syl_status status = open_signals(s, err);
    if (status != SYL_OK) {
        syl_server_free(s);
        return status;
    }
    *out = s;
    return SYL_OK;
}

void syl_server_free(syl_server *s)
{
    if (!s) return;
    close_listeners(s);
    for (size_t i = 0; i < s->num_connections; i++)
        syl_connection_free(s->connections[i]);
    if (s->signals >= 0) close(s->signals);
    if (s->wake >= 0) close(s->wake);
    free(s->connections);
    free(s->polls);
    free(s);
}

/* ---- new clients ------------------------------------------------------------------------ */

static size_t num_refused(const syl_server *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->num_connections; i++)
        n += syl_connection_is_refused(s->connections[i]);
    return n;
}

static syl_status admit(syl_server *s, const syl_listener *l, int fd, syl_error *err)
{
    syl_connection *c = NULL;
    void *connections = s->connections;
    syl_status status =
        syl_grow(&connections, &s->capacity, s->num_connections + 1, sizeof(syl_connection *), err);
    if (status != SYL_OK) {
        close(fd);
        return status;
    }
    s->connections = connections;
    if (syl_service_enter(s->service)) {
        status = syl_connection_create(&c, s->service, fd, l->raw, l->wants_token, wake_up, s, err);
    } else if (num_refused(s) < MAX_REFUSED) {
        status = syl_connection_refuse(&c, s->service, fd, wake_up, s, err);
    } else {
        close(fd);
        return SYL_OK;
    }
    if (status != SYL_OK) return status;
    s->connections[s->num_connections++] = c;
    syl_connection_run(c, 0, syl_clock_seconds());
    return SYL_OK;
}

static void accept_all(syl_server *s, const syl_listener *l)
{
    for (int i = 0; i < MAX_ACCEPTED; i++) { /* then those that are here have their turn */
        syl_error err;
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return;
            syl_log(SYL_LOG_ERROR, "cannot accept", "error", strerror(errno), NULL);
            s->accept_after = syl_clock_seconds() + ACCEPT_PAUSE;
            return;
        }
        syl_log(SYL_LOG_DEBUG, "client came", "kind", l->raw ? "raw" : "framed", NULL);
        if (admit(s, l, fd, &err))
            syl_log(SYL_LOG_ERROR, "cannot serve a client", "error", err.message, NULL);
    }
}

/* ---- signals ---------------------------------------------------------------------------- */

static void begin_drain(syl_server *s)
{
    s->draining = true;
    s->drain_until = syl_clock_seconds() + s->service->options.drain_seconds;
    close_listeners(s);
    for (size_t i = 0; i < s->num_connections; i++)
        syl_connection_drain(s->connections[i]);
}

static void take_signals(syl_server *s, void (*reload)(void *), void (*drain)(void *), void *user)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            reload(user);
        } else if (s->draining) {
            s->drain_until = 0; /* asked twice: at once */
        } else {
            syl_log(SYL_LOG_INFO, "draining", "signal", strsignal((int)info.ssi_signo), NULL);
            begin_drain(s);
            drain(user);
        }
    }
}

/* ---- the loop --------------------------------------------------------------------------- */

static syl_status prepare(syl_server *s, size_t *count, syl_error *err)
{
    void *polls = s->polls;
    size_t n = 0;
    bool accepts = syl_clock_seconds() >= s->accept_after;
    SYL_TRY(syl_grow(&polls, &s->poll_capacity,
                     FIXED + (size_t)s->num_listeners + s->num_connections, sizeof *s->polls, err));
    s->polls = polls;
    s->polls[n++] = (struct pollfd){.fd = s->wake, .events = POLLIN};
    s->polls[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    for (int i = 0; i < s->num_listeners; i++)
        s->polls[n++] = (struct pollfd){.fd = accepts ? s->listeners[i].fd : -1, .events = POLLIN};
    for (size_t i = 0; i < s->num_connections; i++) {
        const syl_connection *c = s->connections[i];
        short events = syl_connection_events(c);
        s->polls[n++] = (struct pollfd){.fd = syl_connection_fd(c), .events = events};
    }
    *count = n;
    return SYL_OK;
}

/* Milliseconds until something is due; -1: nothing is. */
static int time_out(const syl_server *s)
{
    double now = syl_clock_seconds(), due = 1e300;
    for (size_t i = 0; i < s->num_connections; i++) {
        double deadline = syl_connection_deadline(s->connections[i]);
        if (deadline < due) due = deadline;
    }
    if (s->accept_after > now && s->accept_after < due) due = s->accept_after;
    if (s->draining && now + DRAIN_LOOK < due) due = now + DRAIN_LOOK;
    if (due > 1e299) return -1;
    double left = 1000 * (due - now) + 1;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void run_connections(syl_server *s, const struct pollfd *polls)
{
    double now = syl_clock_seconds();
    size_t kept = 0;
    for (size_t i = 0; i < s->num_connections; i++) {
        syl_connection *c = s->connections[i];
        if (syl_connection_run(c, polls[i].revents, now))
            s->connections[kept++] = c;
        else
            syl_connection_free(c);
    }
    s->num_connections = kept;
}

static bool is_done(const syl_server *s)
{
    if (!s->draining) return false;
    bool late = syl_clock_seconds() >= s->drain_until;
    bool empty = s->num_connections == 0 && s->service->metrics.clients == 0;
    if (late && !empty) syl_log(SYL_LOG_WARN, "clients are cut: --drain-seconds is over", NULL);
    return late || empty;
}

syl_status syl_server_run(syl_server *s, void (*reload)(void *user), void (*drain)(void *user),
                          void *user, syl_error *err)
{
    while (!is_done(s)) {
        size_t n;
        uint64_t drained;
        SYL_TRY(prepare(s, &n, err));
        size_t first = FIXED + (size_t)s->num_listeners, listeners = (size_t)s->num_listeners;
        if (poll(s->polls, n, time_out(s)) < 0) {
            if (errno == EINTR) continue;
            return syl_fail(err, SYL_EIO, "poll: %s", strerror(errno));
        }
        if (s->polls[0].revents && read(s->wake, &drained, sizeof drained) < 0 && errno != EAGAIN)
            return syl_fail(err, SYL_EIO, "eventfd: %s", strerror(errno));
        run_connections(s, s->polls + first);
        for (size_t i = 0; i < listeners; i++)
            if (s->polls[FIXED + i].revents) accept_all(s, &s->listeners[i]);
        if (s->polls[1].revents) take_signals(s, reload, drain, user);
    }
    return SYL_OK;
}
