/* One line on the terminal that shows a stream as it goes: seconds, level, the newest tokens. */
#ifndef SYL_STREAM_LIVE_H
#define SYL_STREAM_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/sylkit.h"

#define SYL_LIVE_TOKENS 24

typedef struct syl_live {
    bool on, drawn;
    double seconds, shown; /* of sound; syl_clock_seconds() when drawn last */
    float level;           /* root mean square of the newest sound */
    int32_t token[SYL_LIVE_TOKENS];
    size_t tokens; /* ever */
} syl_live;

/* Shows itself only when standard error is a terminal. */
syl_live syl_live_begin(bool quiet);
void syl_live_sound(syl_live *live, const float *samples, size_t values, double seconds);
void syl_live_token(syl_live *live, int32_t token);
void syl_live_draw(syl_live *live);
/* Takes the line away, before something else is printed on the terminal and at the end. */
void syl_live_erase(syl_live *live);

#endif
