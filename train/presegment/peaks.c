#include "train/presegment/peaks.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/memory.h"

static int64_t local_maxima(const double *x, int64_t n, int64_t *peaks)
{
    int64_t count = 0;
    for (int64_t i = 1; i < n - 1; i++) {
        if (!(x[i - 1] < x[i])) continue;
        int64_t end = i + 1;
        while (end < n - 1 && x[end] == x[i])
            end++;
        if (!(x[end] < x[i])) continue;
        peaks[count++] = (i + end - 1) / 2;
        i = end;
    }
    return count;
}

static int64_t keep_high(const double *x, double height, int64_t *peaks, int64_t count)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++)
        if (x[peaks[i]] >= height) peaks[kept++] = peaks[i];
    return kept;
}

typedef struct ranked {
    double height;
    int64_t index; /* into peaks */
} ranked;

/* Highest first; of equals the later. */
static int by_height(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->height != q->height) return p->height < q->height ? 1 : -1;
    return p->index < q->index ? 1 : -1;
}

/* From the highest down, each peak that is still there removes its lower neighbours. */
static syl_status keep_apart(const double *x, int64_t distance, int64_t *peaks, int64_t *count,
                             syl_error *err)
{
    int64_t n = *count, kept = 0;
    ranked *order = syl_calloc((size_t)n, sizeof *order);
    bool *gone = syl_calloc((size_t)n, sizeof *gone);
    if (!order || !gone) {
        free(order);
        free(gone);
        return syl_fail_memory(err, (size_t)n * sizeof *order, "peaks");
    }
    for (int64_t i = 0; i < n; i++)
        order[i] = (ranked){x[peaks[i]], i};
    qsort(order, (size_t)n, sizeof *order, by_height);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = order[i].index;
        if (gone[at]) continue;
        for (int64_t j = at - 1; j >= 0 && peaks[at] - peaks[j] < distance; j--)
            gone[j] = true;
        for (int64_t j = at + 1; j < n && peaks[j] - peaks[at] < distance; j++)
            gone[j] = true;
    }
    for (int64_t i = 0; i < n; i++)
        if (!gone[i]) peaks[kept++] = peaks[i];
    free(order);
    free(gone);
    *count = kept;
    return SYL_OK;
}

/* The lowest point on the way from a peak to the next higher one, or to the end. */
static double valley(const double *x, int64_t n, int64_t peak, int step)
{
    double low = x[peak];
    for (int64_t i = peak; i >= 0 && i < n && x[i] <= x[peak]; i += step)
        if (x[i] < low) low = x[i];
    return low;
}

static int64_t keep_prominent(const double *x, int64_t n, double prominence, int64_t *peaks,
                              int64_t count)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        double left = valley(x, n, peaks[i], -1), right = valley(x, n, peaks[i], 1);
        if (x[peaks[i]] - (left > right ? left : right) >= prominence) peaks[kept++] = peaks[i];
    }
    return kept;
}

syl_status syl_find_peaks(const double *x, int64_t n, syl_peak_rule rule, int64_t *peaks,
                          int64_t *count, syl_error *err)
{
    *count = keep_high(x, rule.height, peaks, local_maxima(x, n, peaks));
    if (rule.distance > 1) SYL_TRY(keep_apart(x, rule.distance, peaks, count, err));
    *count = keep_prominent(x, n, rule.prominence, peaks, *count);
    return SYL_OK;
}
