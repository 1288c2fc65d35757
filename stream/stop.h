/* SIGINT and SIGTERM ask a stream to end: what was heard is finished and printed. A second one
 * kills, as ever. */
#ifndef SYL_STREAM_STOP_H
#define SYL_STREAM_STOP_H

#include <stdbool.h>

#include "lib/base/status.h"

/* Once a process. */
syl_status syl_stop_install(syl_error *err);
bool syl_stop_requested(void);

/* A descriptor that may block in read(2): the signal puts /dev/null in its place, so that the
 * reader finds the end of the input, whenever the signal comes. One at a time; -1: none. */
void syl_stop_guard(int fd);

#endif
