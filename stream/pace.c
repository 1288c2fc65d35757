#include "stream/pace.h"

#include "lib/base/clock.h"
#include "stream/stop.h"

#define LONGEST 0.05 /* a signal that comes just before the sleep is seen after it */

void syl_pace_wait(syl_pace *p, double seconds)
{
    if (!p->on) return;
    if (p->begin == 0) p->begin = syl_clock_seconds();
    p->given += seconds;
    while (!syl_stop_requested()) {
        double left = p->begin + p->given - syl_clock_seconds();
        if (left <= 0) return;
        if (left > LONGEST) left = LONGEST;
        struct timespec t = {.tv_nsec = (long)(left * 1e9)};
        nanosleep(&t, NULL);
    }
}
