#include "stream/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t requested, guarded = -1;
static int empty = -1; /* /dev/null */

static void on_signal(int number)
{
    int kept = errno;
    (void)number;
    requested = 1;
    if (guarded >= 0) dup2(empty, guarded); /* async-signal-safe, as POSIX says */
    errno = kept;
}

syl_status syl_stop_install(syl_error *err)
{
    /* Without SA_RESTART a sleep or an open(2) that waits ends as well. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (empty < 0) return syl_fail(err, SYL_EIO, "/dev/null cannot be opened: %s", strerror(errno));
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return SYL_OK;
}

bool syl_stop_requested(void)
{
    return requested;
}

void syl_stop_guard(int fd)
{
    guarded = fd;
    if (fd >= 0 && requested) dup2(empty, fd); /* the signal came just before */
}
