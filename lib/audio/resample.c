/* Resampling through libsoxr. */
#include "lib/audio/resample.h"

#include <math.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define MAX_RATE 1e7
#define MAX_RATIO 10000.0
#define CHUNK 4096 /* least room offered to soxr at a time */

struct syl_resampler {
    soxr_t soxr; /* NULL: the rates are equal and samples are only copied */
    double ratio;
    float *out; /* [capacity] */
    size_t capacity;
    uint64_t taken, given;
    int ended;
};

syl_status syl_resampler_create(syl_resampler **out, double from_hz, double to_hz, syl_error *err)
{
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_error_t problem = NULL;
    syl_resampler *r;

    *out = NULL;
    if (!(from_hz >= 1 && from_hz <= MAX_RATE && to_hz >= 1 && to_hz <= MAX_RATE) ||
        from_hz / to_hz > MAX_RATIO || to_hz / from_hz > MAX_RATIO)
        return syl_fail(err, SYL_EINVAL, "cannot resample from %g to %g Hz (1 to %g Hz)", from_hz,
                        to_hz, MAX_RATE);
    r = syl_calloc(1, sizeof *r);
    if (!r) return syl_fail_memory(err, sizeof *r, "a resampler");
    r->ratio = to_hz / from_hz;
    if (from_hz != to_hz) {
        r->soxr = soxr_create(from_hz, to_hz, 1, &problem, &io, &quality, &runtime);
        if (!r->soxr) {
            free(r);
            return syl_fail(err, SYL_ECOMPUTE, "resampling from %g to %g Hz: %s", from_hz, to_hz,
                            problem ? problem : "unknown");
        }
    }
    *out = r;
    return SYL_OK;
}

static syl_status copy(syl_resampler *r, const float *in, size_t n, size_t *got, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&r->out, &r->capacity, n, sizeof *r->out, err));
    if (n > 0) memcpy(r->out, in, n * sizeof *in);
    *got = n;
    return SYL_OK;
}

/* in = NULL flushes. */
static syl_status convert(syl_resampler *r, const float *in, size_t n, size_t *got, syl_error *err)
{
    size_t used = 0, made = 0, idone, odone;

    for (;;) {
        SYL_TRY(syl_grow((void **)&r->out, &r->capacity, made + CHUNK, sizeof *r->out, err));
        soxr_error_t problem = soxr_process(r->soxr, in ? in + used : NULL, n - used, &idone,
                                            r->out + made, r->capacity - made, &odone);
        if (problem) return syl_fail(err, SYL_ECOMPUTE, "resampling: %s", problem);
        used += idone;
        made += odone;
        if (made < r->capacity && used == n) break; /* room was left: soxr has nothing more */
    }
    *got = made;
    return SYL_OK;
}

/* Makes the total exact: soxr may be a sample off at the end. */
static syl_status settle(syl_resampler *r, size_t *got, syl_error *err)
{
    uint64_t total = (uint64_t)floor((double)r->taken * r->ratio + 0.5);
    uint64_t left = total > r->given ? total - r->given : 0;

    if (left > *got) {
        size_t missing = (size_t)left - *got;
        SYL_TRY(syl_grow((void **)&r->out, &r->capacity, (size_t)left, sizeof *r->out, err));
        memset(r->out + *got, 0, missing * sizeof *r->out);
    }
    *got = (size_t)left;
    return SYL_OK;
}

syl_status syl_resampler_process(syl_resampler *r, const float *in, size_t n, const float **out,
                                 size_t *got, syl_error *err)
{
    *out = r->out;
    *got = 0;
    if (r->ended && in)
        return syl_fail(err, SYL_EINVAL, "the resampler has ended; reset it before feeding more");
    if (r->ended || (in && n == 0)) return SYL_OK;
    if (!r->soxr)
        SYL_TRY(copy(r, in, in ? n : 0, got, err));
    else
        SYL_TRY(convert(r, in, in ? n : 0, got, err));
    if (in) {
        r->taken += n;
    } else {
        r->ended = 1;
        if (r->soxr) SYL_TRY(settle(r, got, err));
    }
    r->given += *got;
    *out = r->out;
    return SYL_OK;
}

syl_status syl_resampler_reset(syl_resampler *r, syl_error *err)
{
    soxr_error_t problem = r->soxr ? soxr_clear(r->soxr) : NULL;

    if (problem) return syl_fail(err, SYL_ECOMPUTE, "resetting the resampler: %s", problem);
    r->taken = r->given = 0;
    r->ended = 0;
    return SYL_OK;
}

void syl_resampler_free(syl_resampler *r)
{
    if (!r) return;
    if (r->soxr) soxr_delete(r->soxr);
    free(r->out);
    free(r);
}

static syl_status append(float **out, size_t *capacity, size_t *count, const float *samples,
                         size_t n, syl_error *err)
{
    void *data = *out;
    SYL_TRY(syl_grow(&data, capacity, *count + n, sizeof(float), err));
    *out = data;
    if (n) memcpy(*out + *count, samples, n * sizeof(float));
    *count += n;
    return SYL_OK;
}

static syl_status resample_into(syl_resampler *r, float **out, size_t *count, const float *in,
                                size_t n, syl_error *err)
{
    size_t capacity = 0, got;
    const float *piece;
    SYL_TRY(syl_resampler_process(r, in, n, &piece, &got, err));
    SYL_TRY(append(out, &capacity, count, piece, got, err));
    SYL_TRY(syl_resampler_process(r, NULL, 0, &piece, &got, err));
    return append(out, &capacity, count, piece, got, err);
}

syl_status syl_resample(float **out, size_t *count, const float *in, size_t n, double from_hz,
                        double to_hz, syl_error *err)
{
    size_t capacity = 0;
    syl_resampler *r;
    *out = NULL;
    *count = 0;
    if (from_hz == to_hz) return append(out, &capacity, count, in, n, err);
    SYL_TRY(syl_resampler_create(&r, from_hz, to_hz, err));
    syl_status status = resample_into(r, out, count, in, n, err);
    syl_resampler_free(r);
    if (!status) return SYL_OK;
    free(*out);
    *out = NULL;
    return status;
}
