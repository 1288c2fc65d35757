/* Sockets that clients connect to: our own, and those that systemd hands over. */
#ifndef SYL_STREAM_LISTENER_H
#define SYL_STREAM_LISTENER_H

#include <stdbool.h>

#include "lib/base/status.h"

typedef struct syl_listener {
    int fd;           /* -1: none */
    int lock;         /* of the path; -1: none */
    bool raw;         /* bare samples, else frames */
    bool wants_token; /* not a Unix socket */
    char *path;       /* of a Unix socket that we made; NULL: nothing to remove. Owned */
} syl_listener;

/* A Unix socket of mode 0600. A socket that a killed server left is replaced; one that is in use is
 * an error, and so is any other file. Call it before other threads run: it sets the umask. */
syl_status syl_listen_unix(syl_listener *l, const char *path, bool raw, syl_error *err);
/* 127.0.0.1, port 0 for any; *got receives the port. */
syl_status syl_listen_tcp(syl_listener *l, int port, int *got, syl_error *err);

/* Takes over what systemd opened ($LISTEN_FDS), up to max; *count receives how many. The name "raw"
 * (FileDescriptorName=) is for bare samples, any other for frames. The variables are removed. */
syl_status syl_listen_inherited(syl_listener *listeners, int max, int *count, syl_error *err);

void syl_listener_close(syl_listener *l);

#endif
