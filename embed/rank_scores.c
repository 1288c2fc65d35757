#include "embed/rank_scores.h"

#include <math.h>
#include <string.h>

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

double syl_average_precision(const float *gains, int64_t n)
{
    double gain = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (gains[i] <= 0) continue;
        gain += gains[i];
        sum += gains[i] * gain / (double)(i + 1);
    }
    return ratio(sum, gain);
}

double syl_expected_precision(const float *gains, const int64_t *ends, int64_t num_ends)
{
    double before = 0, sum = 0;
    int64_t from = 0;
    for (int64_t t = 0; t < num_ends; from = ends[t++]) {
        double gain = 0, squares = 0, run = 0, m = (double)(ends[t] - from);
        for (int64_t i = from; i < ends[t]; i++) {
            gain += gains[i];
            squares += (double)gains[i] * gains[i];
        }
        if (gain <= 0) continue;
        double others = m > 1 ? (gain * gain - squares) / (m - 1) : 0;
        for (int64_t i = from; i < ends[t]; i++)
            run += (before * gain + squares + (double)(i - from) * others) / (double)(i + 1);
        sum += run / m;
        before += gain;
    }
    return ratio(sum, before);
}

double syl_dcg(const float *gains, int64_t n, int depth)
{
    double sum = 0;
    for (int64_t i = 0; i < n && i < depth; i++)
        sum += gains[i] / log2((double)i + 2);
    return sum;
}

double syl_expected_dcg(const float *gains, const int64_t *ends, int64_t num_ends, int depth)
{
    double sum = 0;
    int64_t from = 0;
    for (int64_t t = 0; t < num_ends && from < depth; from = ends[t++]) {
        double gain = 0, discounts = 0;
        for (int64_t i = from; i < ends[t]; i++) {
            gain += gains[i];
            if (i < depth) discounts += 1 / log2((double)i + 2);
        }
        sum += gain * discounts / (double)(ends[t] - from);
    }
    return sum;
}

double syl_ideal_dcg(const float *gains, int64_t n, int depth, float *top)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        if (gains[i] <= 0 || (kept == depth && gains[i] <= top[kept - 1])) continue;
        int64_t at = kept < depth ? kept++ : kept - 1;
        for (; at > 0 && top[at - 1] < gains[i]; at--)
            top[at] = top[at - 1];
        top[at] = gains[i];
    }
    return syl_dcg(top, kept, depth);
}

/* First the highest precision among the ranks whose recall asks for point p and none above; then
 * from the highest recall down. */
void syl_interpolated_precision(const float *gains, int64_t n, int points, double *precision)
{
    double all = 0, gain = 0;
    memset(precision, 0, (size_t)points * sizeof *precision);
    for (int64_t i = 0; i < n; i++)
        all += gains[i];
    for (int64_t i = 0; i < n; i++) {
        if (gains[i] <= 0) continue;
        gain += gains[i];
        int point = (int)floor(gain / all * (points - 1) + 1e-9); /* what rounding took away */
        double here = gain / (double)(i + 1);
        if (point < points && here > precision[point]) precision[point] = here;
    }
    for (int p = points - 2; p >= 0; p--)
        precision[p] = fmax(precision[p], precision[p + 1]);
}
