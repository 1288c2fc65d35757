/* Time that passes, for rates and intervals. */
#ifndef SYL_BASE_CLOCK_H
#define SYL_BASE_CLOCK_H

#include <time.h>

/* Seconds since some moment, never going back. */
static inline double syl_clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
