/* Half-open ranges of frames: speech regions, segments. */
#ifndef SYL_TRAIN_SPANS_H
#define SYL_TRAIN_SPANS_H

#include "lib/base/status.h"

typedef struct syl_span {
    int32_t start, end;
} syl_span;

typedef struct syl_spans {
    syl_span *items; /* owned */
    size_t count, capacity;
} syl_spans;

syl_status syl_spans_add(syl_spans *spans, int64_t start, int64_t end, syl_error *err);
void syl_spans_free(syl_spans *spans);

/* Appends the pieces that boundaries (ascending) cut `region` into. A boundary closer than 3
 * frames (60 ms) to an end of the region is left out. */
syl_status syl_spans_cut(syl_spans *spans, syl_span region, const int64_t *boundaries, int64_t n,
                         syl_error *err);

#endif
