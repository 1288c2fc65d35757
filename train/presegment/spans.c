#include "train/presegment/spans.h"

#include <stdlib.h>

#include "lib/base/memory.h"

#define MARGIN 3

syl_status syl_spans_add(syl_spans *s, int64_t start, int64_t end, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&s->items, &s->capacity, s->count + 1, sizeof *s->items, err));
    s->items[s->count++] = (syl_span){(int32_t)start, (int32_t)end};
    return SYL_OK;
}

void syl_spans_free(syl_spans *s)
{
    free(s->items);
    *s = (syl_spans){0};
}

syl_status syl_spans_cut(syl_spans *s, syl_span region, const int64_t *boundaries, int64_t n,
                         syl_error *err)
{
    int64_t start = region.start;
    for (int64_t i = 0; i < n; i++) {
        if (boundaries[i] < region.start + MARGIN || boundaries[i] > region.end - MARGIN) continue;
        SYL_TRY(syl_spans_add(s, start, boundaries[i], err));
        start = boundaries[i];
    }
    return syl_spans_add(s, start, region.end, err);
}
