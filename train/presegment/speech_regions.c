#include "train/presegment/speech_regions.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "train/presegment/curves.h"

#define RANGE_DB 35
#define FLOOR_DB (-60.0)
#define MIN_GAP 4
#define MIN_STRETCH 3

/* From a quarter of a hop before the frame to a quarter behind it, silence outside. */
static double frame_db(const float *samples, int64_t n, int hop, int64_t t)
{
    int64_t begin = t * hop - hop / 4, end = t * hop + hop + hop / 4;
    double sum = 0;
    for (int64_t i = begin < 0 ? 0 : begin; i < end && i < n; i++)
        sum += (double)samples[i] * samples[i];
    return 10 * log10(sum / (double)(end - begin) + 1e-9);
}

/* The loud stretches, gaps that are too short for one closed. */
static syl_status find(const double *db, int64_t frames, double threshold, syl_spans *found,
                       syl_error *err)
{
    for (int64_t t = 0; t < frames; t++) {
        if (db[t] <= threshold) continue;
        int64_t end = t + 1;
        while (end < frames && db[end] > threshold)
            end++;
        syl_span *last = found->count ? &found->items[found->count - 1] : NULL;
        if (last && t - last->end < MIN_GAP)
            last->end = (int32_t)end;
        else
            SYL_TRY(syl_spans_add(found, t, end, err));
        t = end;
    }
    return SYL_OK;
}

syl_status syl_speech_regions(const float *samples, size_t n, int hop, syl_spans *regions,
                              syl_error *err)
{
    int64_t frames = (int64_t)n / hop;
    double loud = 0, *db = syl_calloc((size_t)frames, sizeof *db);
    syl_spans found = {0};
    if (!db) return syl_fail_memory(err, (size_t)frames * sizeof *db, "energies");
    for (int64_t t = 0; t < frames; t++)
        db[t] = frame_db(samples, (int64_t)n, hop, t);
    syl_status status = frames ? syl_percentile(db, frames, 98, &loud, err) : SYL_OK;
    if (status == SYL_OK) status = find(db, frames, fmax(loud - RANGE_DB, FLOOR_DB), &found, err);
    for (size_t i = 0; status == SYL_OK && i < found.count; i++)
        if (found.items[i].end - found.items[i].start >= MIN_STRETCH)
            status = syl_spans_add(regions, found.items[i].start, found.items[i].end, err);
    syl_spans_free(&found);
    free(db);
    return status;
}
