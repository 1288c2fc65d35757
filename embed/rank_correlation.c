#include "embed/rank_correlation.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"

typedef struct entry {
    double value;
    size_t place;
} entry;

static int by_value(const void *a, const void *b)
{
    double x = ((const entry *)a)->value, y = ((const entry *)b)->value;
    return (x > y) - (x < y);
}

/* Ranks from 0, less their mean (n - 1) / 2. */
static void centred_ranks(const double *x, size_t n, entry *sorted, double *ranks)
{
    for (size_t i = 0; i < n; i++)
        sorted[i] = (entry){x[i], i};
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && sorted[end].value == sorted[begin].value;)
            end++;
        double rank = 0.5 * (double)(begin + end - 1) - 0.5 * (double)(n - 1);
        for (size_t i = begin; i < end; i++)
            ranks[sorted[i].place] = rank;
    }
}

static double product(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

syl_status syl_spearman(double *out, const double *x, const double *y, size_t n, syl_error *err)
{
    *out = 0;
    if (n < 2) return SYL_OK;
    entry *sorted = syl_calloc(n, sizeof *sorted);
    double *ranks = syl_calloc(n, 2 * sizeof *ranks);
    if (!sorted || !ranks) {
        free(sorted);
        free(ranks);
        return syl_fail_memory(err, syl_mul_size(n, 2 * sizeof *sorted), "ranks");
    }
    centred_ranks(x, n, sorted, ranks);
    centred_ranks(y, n, sorted, ranks + n);
    double size = product(ranks, ranks, n) * product(ranks + n, ranks + n, n);
    if (size > 0) *out = product(ranks, ranks + n, n) / sqrt(size);
    free(sorted);
    free(ranks);
    return SYL_OK;
}
