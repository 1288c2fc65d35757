/* Lines for a client: a text that grows, and the messages in it. */
#ifndef SYL_STREAM_TEXT_H
#define SYL_STREAM_TEXT_H

#include <stdbool.h>

#include "lib/base/status.h"

typedef struct syl_text {
    char *data;       /* owned */
    size_t head, end; /* what waits: [head, end) */
    size_t capacity;
    bool failed; /* there was no memory: something is missing */
} syl_text;

void syl_text_put(syl_text *t, const char *bytes, size_t n);
void syl_text_format(syl_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void syl_text_free(syl_text *t);

typedef struct syl_stream_stats {
    double audio, compute, queue; /* seconds: computed, time it took, waiting now */
    int64_t syllables;
} syl_stream_stats;

/* The messages, a line each. */
void syl_text_ready(syl_text *t, const syl_model_info *info, bool is_float,
                    const syl_stream_options *stream);
void syl_text_syllable(syl_text *t, const syl_segment *segment);
void syl_text_stats(syl_text *t, const syl_stream_stats *stats);
void syl_text_end(syl_text *t, const char *reason, const syl_stream_stats *stats);
void syl_text_error(syl_text *t, const char *code, const char *message);

#endif
