/* What a live stream says: one JSON object a line. */
#ifndef SYL_STREAM_EVENTS_H
#define SYL_STREAM_EVENTS_H

#include <stdio.h>

#include "lib/base/status.h"

/* How a stream fared; seconds are of sound unless they say otherwise. */
typedef struct syl_stream_totals {
    double seconds;         /* heard */
    int64_t samples;        /* at the model's rate */
    int64_t frames;         /* of the model */
    int64_t syllables;      /* final ones */
    int64_t overruns;       /* gaps */
    double overrun_seconds; /* lost in them */
    double compute_seconds; /* of the clock, spent on the model */
    double behind_seconds;  /* of the clock: the longest that one piece of sound took */
    const char *ended;      /* "end", "signal", "limit" or "error" */
} syl_stream_totals;

/* {"type":"syllable"|"silence","start","end","token","residual_token","final"}; a token is left out
 * for silence, null without a codebook. */
void syl_event_segment(FILE *out, const syl_segment *segment);
/* {"type":"overrun","at","seconds"}: at: of the sound that was heard. */
void syl_event_overrun(FILE *out, double at, double seconds);
/* {"type":"end",...}: the totals. */
void syl_event_end(FILE *out, const syl_stream_totals *totals);

#endif
