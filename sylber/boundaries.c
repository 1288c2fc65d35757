#include "sylber/boundaries.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"

#define SHIFT_FROM (-50)
#define SHIFT_TO 50
#define SHIFT_STEP 5

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

syl_status syl_boundaries_create(syl_boundaries *out, const double (*spans)[2], size_t n,
                                 bool starts_only, syl_error *err)
{
    size_t sides = starts_only ? 1 : 2, all = n * sides;
    *out = (syl_boundaries){.ms = syl_calloc(all, sizeof(int64_t))};
    if (!out->ms) return syl_fail_memory(err, all * sizeof(int64_t), "boundaries");
    for (size_t i = 0; i < all; i++)
        out->ms[i] = llround(spans[i / sides][i % sides] * 1000);
    qsort(out->ms, all, sizeof(int64_t), by_time);
    for (size_t i = 0; i < all; i++)
        if (!out->count || out->ms[out->count - 1] != out->ms[i])
            out->ms[out->count++] = out->ms[i];
    return SYL_OK;
}

void syl_boundaries_free(syl_boundaries *boundaries)
{
    free(boundaries->ms);
    *boundaries = (syl_boundaries){0};
}

size_t syl_boundaries_match(const syl_boundaries *hyp, const syl_boundaries *ref, int shift_ms,
                            double tolerance_ms)
{
    size_t i = 0, j = 0, hits = 0;
    while (i < hyp->count && j < ref->count) {
        int64_t d = hyp->ms[i] + shift_ms - ref->ms[j];
        if ((double)llabs(d) <= tolerance_ms + 1e-6) {
            hits++;
            i++;
            j++;
        } else if (d < 0) {
            i++;
        } else {
            j++;
        }
    }
    return hits;
}

syl_boundary_score syl_boundaries_score(const syl_boundaries *hyp, const syl_boundaries *ref,
                                        size_t count, int shift_ms, double tolerance_ms)
{
    syl_boundary_score s = {0};
    for (size_t i = 0; i < count; i++) {
        s.hits += syl_boundaries_match(&hyp[i], &ref[i], shift_ms, tolerance_ms);
        s.hyp += hyp[i].count;
        s.ref += ref[i].count;
    }
    s.precision = s.hyp ? (double)s.hits / (double)s.hyp : 0;
    s.recall = s.ref ? (double)s.hits / (double)s.ref : 0;
    s.f1 = s.hits ? 2 * s.precision * s.recall / (s.precision + s.recall) : 0;
    s.os = s.hits ? s.recall / s.precision - 1 : -1;
    double r1 = hypot(1 - s.recall, s.os), r2 = (s.recall - 1 - s.os) / sqrt(2);
    s.r_value = 1 - (fabs(r1) + fabs(r2)) / 2;
    return s;
}

int syl_boundaries_best_shift(const syl_boundaries *hyp, const syl_boundaries *ref, size_t count,
                              double tolerance_ms, syl_boundary_score *score)
{
    int best = SHIFT_FROM;
    for (int shift = SHIFT_FROM; shift < SHIFT_TO; shift += SHIFT_STEP) {
        syl_boundary_score s = syl_boundaries_score(hyp, ref, count, shift, tolerance_ms);
        if (shift == SHIFT_FROM || s.r_value > score->r_value) {
            best = shift;
            *score = s;
        }
    }
    return best;
}
