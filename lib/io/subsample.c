#include "lib/io/subsample.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"

#define DOCUMENT_BITS 40

syl_status syl_subsample_create(syl_subsample *out, const int64_t *counts, int64_t size,
                                double threshold, syl_error *err)
{
    double total = 0;
    *out = (syl_subsample){0};
    if (!(threshold >= 0 && threshold <= 1))
        return syl_fail(err, SYL_EINVAL, "the threshold of frequent words is %g; needs 0 to 1",
                        threshold);
    if (size < 0 || size > INT32_MAX)
        return syl_fail(err, SYL_EINVAL, "%lld items are no vocabulary", (long long)size);
    out->keep = syl_calloc((size_t)size, sizeof *out->keep);
    if (!out->keep)
        return syl_fail_memory(err, (size_t)size * sizeof *out->keep, "frequencies of words");
    out->size = size;
    for (int64_t i = 0; i < size; i++)
        total += (double)counts[i];
    for (int64_t i = 0; i < size; i++) {
        double ratio = threshold * total / (double)counts[i]; /* t / f */
        double p = threshold == 0 || counts[i] <= 0 ? 1 : sqrt(ratio) + ratio;
        out->keep[i] = p >= 1 ? UINT32_MAX : (uint32_t)(p * 0x1p32);
    }
    return SYL_OK;
}

void syl_subsample_free(syl_subsample *s)
{
    free(s->keep);
    *s = (syl_subsample){0};
}

double syl_subsample_probability(const syl_subsample *s, int32_t item)
{
    return ((double)s->keep[item] + 1) * 0x1p-32;
}

int64_t syl_subsample_items(const syl_subsample *s, const int32_t *items, int64_t n, uint64_t seed,
                            uint32_t epoch, int64_t document, int32_t *out)
{
    uint64_t stream = (uint64_t)epoch << DOCUMENT_BITS | (uint64_t)document;
    uint32_t block[4];
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i % 4 == 0) syl_philox(seed, stream, (uint64_t)1 << 63 | (uint64_t)(i / 4), block);
        int32_t item = items[i];
        if (block[i % 4] <= s->keep[item]) out[kept++] = item;
    }
    return kept;
}
