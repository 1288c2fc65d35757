#include "stream/daemon/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128
#define FIRST_INHERITED 3 /* SD_LISTEN_FDS_START */

static const syl_listener none = {.fd = -1, .lock = -1};

static syl_status refuse(syl_listener *l, syl_status status)
{
    syl_listener_close(l);
    return status;
}

void syl_listener_close(syl_listener *l)
{
    if (l->fd >= 0) close(l->fd);
    if (l->path) unlink(l->path); /* ours: the lock is still held */
    if (l->lock >= 0) close(l->lock);
    free(l->path);
    *l = none;
}

/* ---- Unix ------------------------------------------------------------------------------- */

/* One server a path: the lock ends with its process, however that ends. */
static syl_status lock_path(syl_listener *l, const char *path, syl_error *err)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s.lock", path);
    if (n < 0 || (size_t)n >= sizeof name)
        return syl_fail(err, SYL_EINVAL, "the path of the socket is too long");
    l->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->lock < 0)
        return syl_fail(err, SYL_EIO, "%s: %s; choose another place with --socket", name,
                        strerror(errno));
    if (flock(l->lock, LOCK_EX | LOCK_NB))
        return syl_fail(err, SYL_EIO,
                        "another sylkitd serves %s; stop it or choose another --socket", path);
    return SYL_OK;
}

/* Something lies at the path: a socket that nobody answers at is removed. */
static syl_status remove_stale(const struct sockaddr_un *address, syl_error *err)
{
    struct stat about;
    const char *path = address->sun_path;
    if (lstat(path, &about)) return SYL_OK;
    if (!S_ISSOCK(about.st_mode))
        return syl_fail(err, SYL_EIO, "%s is there and no socket; remove it or choose another path",
                        path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int answered = fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof *address) ||
                               errno != ECONNREFUSED);
    if (fd >= 0) close(fd);
    if (answered)
        return syl_fail(err, SYL_EIO, "another program listens at %s; choose another path", path);
    if (!unlink(path) || errno == ENOENT) return SYL_OK;
    return syl_fail(err, SYL_EIO, "%s: an old socket cannot be removed: %s", path, strerror(errno));
}

syl_status syl_listen_unix(syl_listener *l, const char *path, bool raw, syl_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *l = none;
    l->raw = raw;
    if (strlen(path) >= sizeof address.sun_path)
        return syl_fail(err, SYL_EINVAL,
                        "%s is longer than the %zu bytes that a socket's path may have", path,
                        sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    syl_status status = lock_path(l, path, err);
    if (status == SYL_OK) status = remove_stale(&address, err);
    if (status != SYL_OK) return refuse(l, status);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    int failed = l->fd < 0 || bind(l->fd, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (!failed) l->path = strdup(path);
    if (failed || !l->path || listen(l->fd, BACKLOG))
        return refuse(l, syl_fail(err, SYL_EIO, "%s: cannot listen: %s", path, strerror(errno)));
    return SYL_OK;
}

/* ---- TCP -------------------------------------------------------------------------------- */

syl_status syl_listen_tcp(syl_listener *l, int port, int *got, syl_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    *l = none;
    l->wants_token = true;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(l->fd, (struct sockaddr *)&address, size) || listen(l->fd, BACKLOG) ||
        getsockname(l->fd, (struct sockaddr *)&address, &size))
        return refuse(
            l, syl_fail(err, SYL_EIO, "--tcp %d: %s; choose another port", port, strerror(errno)));
    *got = ntohs(address.sin_port);
    return SYL_OK;
}

/* ---- systemd ---------------------------------------------------------------------------- */

static int number_of(const char *name, int max)
{
    const char *text = getenv(name);
    char *end;
    if (!text) return -1;
    long value = strtol(text, &end, 10);
    return *end || end == text || value < 0 || value > max ? -1 : (int)value;
}

static syl_status inherit(syl_listener *l, int fd, const char *name, size_t length, syl_error *err)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int listens = 0;
    socklen_t length_of_it = sizeof listens;
    *l = none;
    if (getsockname(fd, (struct sockaddr *)&address, &size) ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length_of_it) || !listens)
        return syl_fail(
            err, SYL_EINVAL,
            "descriptor %d of $LISTEN_FDS is no listening socket; use ListenStream=", fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return syl_fail(err, SYL_EIO, "descriptor %d: %s", fd, strerror(errno));
    l->fd = fd;
    l->raw = length == 3 && !memcmp(name, "raw", 3);
    l->wants_token = address.ss_family != AF_UNIX;
    if (!l->raw || !l->wants_token) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "the socket \"raw\" is no Unix socket, and bare samples carry "
                    "no token; use a path in ListenStream=");
}

syl_status syl_listen_inherited(syl_listener *listeners, int max, int *count, syl_error *err)
{
    int pid = number_of("LISTEN_PID", INT_MAX), given = number_of("LISTEN_FDS", 1000);
    const char *names = getenv("LISTEN_FDNAMES");
    syl_status status = SYL_OK;
    *count = 0;
    if (pid != (int)getpid() || given <= 0) return SYL_OK;
    if (given > max)
        return syl_fail(err, SYL_EINVAL, "systemd hands over %d sockets; up to %d are taken", given,
                        max);
    if (!names) names = "";
    for (int i = 0; status == SYL_OK && i < given; i++) {
        size_t n = strcspn(names, ":");
        status = inherit(&listeners[i], FIRST_INHERITED + i, names, n, err);
        if (status == SYL_OK) ++*count;
        names += n + (names[n] == ':');
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return status;
}
