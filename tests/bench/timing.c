#include "tests/bench/timing.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double timing_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

syl_status timing_steps(syl_status (*step)(void *bench, syl_error *err), void *bench, int steps,
                        double *median, syl_error *err)
{
    double *seconds = syl_calloc((size_t)steps, sizeof *seconds);
    if (!seconds) return syl_fail_memory(err, (size_t)steps * sizeof *seconds, "times");
    syl_status status = step(bench, err);
    for (int i = 0; status == SYL_OK && i < steps; i++) {
        double from = syl_clock_seconds();
        status = step(bench, err);
        seconds[i] = syl_clock_seconds() - from;
    }
    *median = timing_median(seconds, steps);
    free(seconds);
    return status;
}
