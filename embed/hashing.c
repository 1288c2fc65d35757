#include "embed/hashing.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "embed/itq.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"

syl_hash_options syl_hash_defaults(void)
{
    return (syl_hash_options){.kind = SYL_HASH_MEDIAN, .iterations = 50, .seed = 1, .threads = 1};
}

/* ---- fitting -------------------------------------------------------------------------------- */

static int ascending(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return (a > b) - (a < b);
}

static syl_status find_medians(syl_hash *h, const float *vectors, int64_t n, int threads,
                               syl_error *err)
{
    bool there = true;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) reduction(&& : there)
    for (int j = 0; j < h->dim; j++) {
        float *values = malloc((size_t)n * sizeof *values);
        there = there && values;
        if (!values) continue;
        for (int64_t i = 0; i < n; i++)
            values[i] = vectors[i * h->dim + j];
        qsort(values, (size_t)n, sizeof *values, ascending);
        h->threshold[j] = 0.5f * values[(n - 1) / 2] + 0.5f * values[n / 2];
        free(values);
    }
    return there ? SYL_OK : syl_fail_memory(err, (size_t)n * sizeof(float), "medians");
}

static void draw_planes(syl_hash *h, uint64_t seed)
{
    syl_random rng = {.seed = seed};
    for (size_t i = 0; i < (size_t)h->bits * (size_t)h->dim; i++)
        h->planes[i] = syl_random_normal(&rng);
}

static syl_status check(const float *vectors, int64_t n, int dim, int bits,
                        const syl_hash_options *o, syl_error *err)
{
    bool axes = o->kind == SYL_HASH_SIGN || o->kind == SYL_HASH_MEDIAN;
    if (n < 1 || dim < 1)
        return syl_fail(err, SYL_EINVAL,
                        "%lld vectors of %d dimensions; hashing needs at least one of each",
                        (long long)n, dim);
    if (bits < 1 || bits > 65536)
        return syl_fail(err, SYL_EINVAL, "codes of %d bits; 1 to 65536 are possible", bits);
    if (axes && bits != dim)
        return syl_fail(err, SYL_EINVAL,
                        "codes of %d bits from the signs of %d dimensions; these are as many", bits,
                        dim);
    if (o->kind == SYL_HASH_ITQ && bits > dim)
        return syl_fail(err, SYL_EINVAL,
                        "ITQ codes of %d bits from %d dimensions; no more bits "
                        "than dimensions are possible",
                        bits, dim);
    if (o->threads < 1 || o->iterations < 0)
        return syl_fail(err, SYL_EINVAL, "hashing with %d threads and %d iterations", o->threads,
                        o->iterations);
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < dim; j++)
            if (!isfinite(vectors[i * dim + j]))
                return syl_fail(err, SYL_EINVAL,
                                "vector %lld: value %d is %g; vectors must be finite", (long long)i,
                                j, vectors[i * dim + j]);
    return SYL_OK;
}

syl_status syl_hash_fit(syl_hash *h, const float *vectors, int64_t n, int dim,
                        const syl_hash_options *o, syl_error *err)
{
    int bits = o->bits ? o->bits : dim;
    *h = (syl_hash){.dim = dim, .bits = bits};
    SYL_TRY(check(vectors, n, dim, bits, o, err));
    bool planes = o->kind == SYL_HASH_PLANES || o->kind == SYL_HASH_ITQ;
    size_t size = (size_t)bits * (size_t)dim;
    h->threshold = syl_calloc((size_t)bits, sizeof *h->threshold);
    if (planes) h->planes = syl_calloc(size, sizeof *h->planes);
    syl_status status = SYL_OK;
    if (!h->threshold || (planes && !h->planes))
        status = syl_fail_memory(err, size * sizeof(float), "planes of codes");
    else if (o->kind == SYL_HASH_MEDIAN)
        status = find_medians(h, vectors, n, o->threads, err);
    else if (o->kind == SYL_HASH_PLANES)
        draw_planes(h, o->seed);
    else if (o->kind == SYL_HASH_ITQ)
        status = syl_itq_fit(h->planes, h->threshold, vectors, n, dim, bits, o->iterations, o->seed,
                             o->threads, err);
    if (status != SYL_OK) syl_hash_free(h);
    return status;
}

void syl_hash_free(syl_hash *h)
{
    free(h->planes);
    free(h->threshold);
    *h = (syl_hash){0};
}

/* ---- codes ---------------------------------------------------------------------------------- */

void syl_hash_codes(const syl_hash *h, const float *vectors, int64_t n, int threads, uint8_t *codes)
{
    size_t bytes = ((size_t)h->bits + 7) / 8, dim = (size_t)h->dim;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < n; i++) {
        const float *x = vectors + (size_t)i * dim;
        uint8_t *code = codes + (size_t)i * bytes;
        memset(code, 0, bytes);
        for (int j = 0; j < h->bits; j++) {
            float value = h->planes ? syl_dot(h->planes + (size_t)j * dim, x, h->dim) : x[j];
            code[j / 8] |= (uint8_t)((value > h->threshold[j]) << j % 8);
        }
    }
}
