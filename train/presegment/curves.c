#include "train/presegment/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

/* i of a curve that is mirrored at both ends, without end. */
static int64_t mirrored(int64_t i, int64_t n)
{
    int64_t period = 2 * n;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - 1 - i;
}

syl_status syl_smooth_gaussian(double *x, int64_t n, double sigma, syl_error *err)
{
    int64_t radius = (int64_t)(4 * sigma + 0.5);
    double *old = syl_calloc((size_t)(n + radius + 1), sizeof *old), sum = 1;
    if (!old) return syl_fail_memory(err, (size_t)(n + radius + 1) * sizeof *old, "a curve");
    double *weight = old + n; /* [radius + 1] */
    memcpy(old, x, (size_t)n * sizeof *x);
    weight[0] = 1;
    for (int64_t k = 1; k <= radius; k++) {
        weight[k] = exp(-0.5 * (double)(k * k) / (sigma * sigma));
        sum += 2 * weight[k];
    }
    for (int64_t i = 0; i < n; i++) {
        double y = old[i];
        for (int64_t k = 1; k <= radius; k++)
            y += weight[k] * (old[mirrored(i - k, n)] + old[mirrored(i + k, n)]);
        x[i] = y / sum;
    }
    free(old);
    return SYL_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

syl_status syl_percentile(const double *x, int64_t n, double percent, double *out, syl_error *err)
{
    double *sorted = syl_calloc((size_t)n, sizeof *sorted);
    if (!sorted) return syl_fail_memory(err, (size_t)n * sizeof *sorted, "a curve");
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    double at = percent / 100 * (double)(n - 1);
    int64_t i = (int64_t)at, next = i + 1 < n ? i + 1 : i;
    *out = sorted[i] + (at - (double)i) * (sorted[next] - sorted[i]);
    free(sorted);
    return SYL_OK;
}

void syl_frame_norms(const float *frames, int64_t n, int dim, double *out)
{
    for (int64_t t = 0; t < n; t++) {
        double sum = 0;
        for (int d = 0; d < dim; d++)
            sum += (double)frames[t * dim + d] * frames[t * dim + d];
        out[t] = sqrt(sum);
    }
}

/* sums [n + 1][dim] of all frames before each. */
static double *running_sums(const float *frames, int64_t n, int dim)
{
    double *sums = syl_calloc(syl_mul_size((size_t)(n + 1), (size_t)dim), sizeof *sums);
    for (int64_t i = 0; sums && i < n * dim; i++)
        sums[i + dim] = sums[i] + frames[i];
    return sums;
}

syl_status syl_frame_change(const float *frames, int64_t n, int dim, int width, double *out,
                            syl_error *err)
{
    double *sums = running_sums(frames, n, dim);
    if (!sums) return syl_fail_memory(err, (size_t)(n + 1) * sizeof *sums, "running sums");
    for (int64_t t = 0; t < n; t++) {
        const double *here = sums + t * dim;
        const double *left = sums + (t < width ? 0 : t - width) * dim;
        const double *right = sums + (t + width > n ? n : t + width) * dim;
        double ab = 0, aa = 0, bb = 0;
        for (int d = 0; d < dim; d++) {
            double a = here[d] - left[d], b = right[d] - here[d];
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        out[t] = t ? 1 - ab / (sqrt(aa * bb) + 1e-8) : 0;
    }
    free(sums);
    return SYL_OK;
}
