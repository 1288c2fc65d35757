#include "train/presegment/mincut.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define MAX_REGION 1500

/* Peng et al.'s 0.2 s a segment (of 20 ms frames); the merging that balances precision and recall
 * best, of 0.2 to 0.4, on 70 English prompts. */
syl_mincut_rule syl_mincut_defaults(void)
{
    return (syl_mincut_rule){.shortest = 2, .longest = 35, .frames_a_segment = 10, .merge = 0.3};
}

/* ---- the cut --------------------------------------------------------------------------- */

/* table [n + 1][n + 1]: sums of the similarity matrix left of and above each place, so that any
 * block is four look-ups. */
static void summed_area(const float *x, int n, int dim, double *table)
{
    int width = n + 1;
    double least = INFINITY;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            double dot = 0;
            for (int d = 0; d < dim; d++)
                dot += (double)x[i * dim + d] * x[j * dim + d];
            table[(i + 1) * width + j + 1] = table[(j + 1) * width + i + 1] = dot;
            least = fmin(least, dot);
        }
    }
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= n; j++)
            table[i * width + j] += 1e-7 - least + table[(i - 1) * width + j] +
                                    table[i * width + j - 1] - table[(i - 1) * width + j - 1];
}

/* What cutting out [begin, end) costs: similarity to the outside over that and the inside. */
static double cut_cost(const double *table, int n, int begin, int end)
{
    int width = n + 1;
    double inside = table[end * width + end] - table[begin * width + end] -
                    table[end * width + begin] + table[begin * width + begin];
    double outside = table[end * width + n] - table[begin * width + n] - inside;
    return outside / (inside / 2 + outside + 1e-9);
}

/* cost and from [k + 1][n + 1]: of the best way to cut the first i frames into k, and where its
 * last segment begins. The k from which the whole can be had is returned, 0: none. */
static int cheapest(const double *table, int n, int k_max, const syl_mincut_rule *rule,
                    double *cost, int *from)
{
    int width = n + 1;
    for (int i = 0; i <= n; i++)
        cost[i] = i ? INFINITY : 0;
    for (int k = 1; k <= k_max; k++) {
        for (int i = 0; i <= n; i++) {
            double *best = &cost[k * width + i];
            *best = INFINITY;
            for (int length = rule->shortest; length <= rule->longest && length <= i; length++) {
                double before = cost[(k - 1) * width + i - length];
                if (before == INFINITY) continue;
                double total = before + cut_cost(table, n, i - length, i);
                if (total > *best) continue; /* of equals the longest, as the reference */
                *best = total;
                from[k * width + i] = i - length;
            }
        }
    }
    while (k_max > 0 && cost[k_max * width + n] == INFINITY)
        k_max--;
    return k_max;
}

/* ends [*count]: where the segments of x [n][dim] end. */
static syl_status cut(const float *x, int n, int dim, const syl_mincut_rule *rule, int *ends,
                      int *count, syl_error *err)
{
    int k = (n + rule->frames_a_segment - 1) / rule->frames_a_segment;
    size_t width = (size_t)n + 1, cells = width * ((size_t)k + 1);
    ends[0] = n;
    *count = 1;
    if (k <= 1 || n < 2 * rule->shortest) return SYL_OK;
    double *table = syl_calloc(width * width, sizeof *table);
    double *cost = syl_calloc(cells, sizeof *cost);
    int *from = syl_calloc(cells, sizeof *from);
    if (table && cost && from) {
        summed_area(x, n, dim, table);
        k = cheapest(table, n, k, rule, cost, from);
        for (int i = n, left = k; left > 0; left--) {
            ends[left - 1] = i;
            i = from[(size_t)left * width + (size_t)i];
        }
        if (k) *count = k;
    }
    bool good = table && cost && from;
    free(table);
    free(cost);
    free(from);
    return good ? SYL_OK : syl_fail_memory(err, width * width * sizeof *table, "MinCut");
}

/* ---- merging --------------------------------------------------------------------------- */

static double cosine(const double *a, const double *b, int dim)
{
    double ab = 0, aa = 0, bb = 0;
    for (int d = 0; d < dim; d++) {
        ab += a[d] * b[d];
        aa += a[d] * a[d];
        bb += b[d] * b[d];
    }
    return ab / (sqrt(aa) * sqrt(bb) + 1e-9);
}

/* sums [*count][dim] are of the segments' frames: a cosine of sums is one of means. */
static void merge(double *sums, int dim, double threshold, int *ends, int *count)
{
    while (*count > 1) {
        int best = 0;
        double most = -INFINITY;
        for (int i = 0; i + 1 < *count; i++) {
            double c = cosine(sums + i * dim, sums + (i + 1) * dim, dim);
            if (c <= most) continue;
            most = c;
            best = i;
        }
        if (!(most >= threshold)) return;
        for (int d = 0; d < dim; d++)
            sums[best * dim + d] += sums[(best + 1) * dim + d];
        int after = *count - best - 2;
        memmove(sums + (best + 1) * dim, sums + (best + 2) * dim,
                (size_t)(after * dim) * sizeof *sums);
        memmove(ends + best, ends + best + 1, (size_t)(after + 1) * sizeof *ends);
        (*count)--;
    }
}

static syl_status part(const float *x, int n, int dim, int64_t at, const syl_mincut_rule *rule,
                       syl_spans *segments, syl_error *err)
{
    int count, *ends = syl_calloc((size_t)n, sizeof *ends);
    double *sums = syl_calloc(syl_mul_size((size_t)n, (size_t)dim), sizeof *sums);
    syl_status status = ends && sums
                            ? cut(x, n, dim, rule, ends, &count, err)
                            : syl_fail_memory(err, (size_t)(n * dim) * sizeof *sums, "MinCut");
    if (status == SYL_OK) {
        for (int i = 0, s = 0; i < n; i++) {
            s += i == ends[s];
            for (int d = 0; d < dim; d++)
                sums[s * dim + d] += x[i * dim + d];
        }
        merge(sums, dim, rule->merge, ends, &count);
        for (int s = 0; status == SYL_OK && s < count; s++)
            status = syl_spans_add(segments, at + (s ? ends[s - 1] : 0), at + ends[s], err);
    }
    free(ends);
    free(sums);
    return status;
}

syl_status syl_mincut(const float *frames, int dim, syl_span region, syl_mincut_rule rule,
                      syl_spans *segments, syl_error *err)
{
    int64_t n = region.end - region.start, parts = (n + MAX_REGION - 1) / MAX_REGION;
    for (int64_t p = 0; p < parts; p++) {
        int64_t begin = region.start + p * n / parts, end = region.start + (p + 1) * n / parts;
        SYL_TRY(part(frames + begin * dim, (int)(end - begin), dim, begin, &rule, segments, err));
    }
    return SYL_OK;
}
