/* Medians of times. */
#ifndef TESTS_BENCH_TIMING_H
#define TESTS_BENCH_TIMING_H

#include "lib/base/status.h"

/* Sorts values [n] and returns the one in the middle. */
double timing_median(double *values, int n);

/* The median of the seconds that step(bench) takes, of `steps` after one that is not counted. */
syl_status timing_steps(syl_status (*step)(void *bench, syl_error *err), void *bench, int steps,
                        double *median, syl_error *err);

#endif
