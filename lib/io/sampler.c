#include "lib/io/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"

static uint32_t part_of_column(double weight)
{
    double threshold = floor(weight * 0x1p32 + 0.5);
    return threshold >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)threshold;
}

/* A column of the table is worth 1: items of less weight are filled up from items of more. `stack`
 * [n] holds both kinds, small ones from its beginning, large ones from its end. */
static void pair_columns(syl_alias *columns, double *weight, int32_t *stack, int64_t n)
{
    int64_t small = 0, large = n;
    for (int64_t i = n - 1; i >= 0; i--) {
        columns[i] = (syl_alias){UINT32_MAX, (int32_t)i};
        if (weight[i] < 1)
            stack[small++] = (int32_t)i;
        else
            stack[--large] = (int32_t)i;
    }
    int32_t high = large < n ? stack[large] : 0;
    while (small > 0) {
        int32_t low = stack[--small];
        /* Rounding may use up the large ones first; the last of them then fills the rest, whose
         * weights are 1 but for rounding, or tiny. */
        if (large < n) high = stack[large];
        columns[low] = (syl_alias){part_of_column(weight[low]), high};
        if (large == n) continue;
        weight[high] -= 1 - weight[low];
        if (weight[high] < 1) {
            large++;
            stack[small++] = high;
        }
    }
}

/* weight [size] is used up. */
static syl_status build(syl_sampler *out, double *weight, int64_t size, syl_error *err)
{
    double sum = 0;
    for (int64_t i = 0; i < size; i++)
        sum += weight[i];
    if (!(sum > 0 && isfinite(sum)))
        return syl_fail(err, SYL_EINVAL,
                        "items cannot be drawn: their weights add up to %g; use another power",
                        sum);
    int32_t *stack = syl_calloc((size_t)size, sizeof *stack);
    out->columns = syl_calloc((size_t)size, sizeof *out->columns);
    out->log_q = syl_calloc((size_t)size, sizeof *out->log_q);
    if (!stack || !out->columns || !out->log_q) {
        free(stack);
        return syl_fail_memory(err, (size_t)size * 16, "a table to draw items from");
    }
    for (int64_t i = 0; i < size; i++) {
        out->log_q[i] = (float)log(weight[i] / sum);
        weight[i] *= (double)size / sum;
    }
    pair_columns(out->columns, weight, stack, size);
    out->size = size;
    free(stack);
    return SYL_OK;
}

static syl_status create(syl_sampler *out, double *weight, int64_t size, syl_error *err)
{
    syl_status status = build(out, weight, size, err);
    free(weight);
    if (status) syl_sampler_free(out);
    return status;
}

static syl_status allocate(double **weight, int64_t size, syl_error *err)
{
    if (size < 1 || size > INT32_MAX)
        return syl_fail(err, SYL_EINVAL, "%lld items cannot be drawn from; 1 to %d can",
                        (long long)size, INT32_MAX);
    *weight = syl_calloc((size_t)size, sizeof **weight);
    return *weight ? SYL_OK : syl_fail_memory(err, (size_t)size * sizeof **weight, "item weights");
}

syl_status syl_sampler_power(syl_sampler *out, const int64_t *counts, int64_t size, double power,
                             syl_error *err)
{
    double *weight;
    *out = (syl_sampler){0};
    if (!(power >= 0 && power <= 10))
        return syl_fail(err, SYL_EINVAL, "the power of counts is %g; needs 0 to 10", power);
    SYL_TRY(allocate(&weight, size, err));
    for (int64_t i = 0; i < size; i++) {
        if (counts[i] < 0) {
            free(weight);
            return syl_fail(err, SYL_EINVAL, "item %lld has a negative count", (long long)i);
        }
        weight[i] = counts[i] ? pow((double)counts[i], power) : 0;
    }
    return create(out, weight, size, err);
}

syl_status syl_sampler_log_uniform(syl_sampler *out, int64_t size, syl_error *err)
{
    double *weight;
    *out = (syl_sampler){0};
    SYL_TRY(allocate(&weight, size, err));
    for (int64_t i = 0; i < size; i++)
        weight[i] = log1p(1 / ((double)i + 1));
    return create(out, weight, size, err);
}

void syl_sampler_free(syl_sampler *sampler)
{
    free(sampler->columns);
    free(sampler->log_q);
    *sampler = (syl_sampler){0};
}
