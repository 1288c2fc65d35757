/* Hands sound out no faster than it would be spoken. */
#ifndef SYL_STREAM_PACE_H
#define SYL_STREAM_PACE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct syl_pace {
    bool on;
    double begin; /* syl_clock_seconds() of the first sample; 0: not begun */
    double given; /* seconds of sound */
} syl_pace;

/* Waits until `seconds` more would have been spoken, or the signal to stop comes. */
void syl_pace_wait(syl_pace *pace, double seconds);

#endif
