#include "lib/audio/load.h"

#include <stdlib.h>
#include <string.h>

#include "lib/audio/audio_file.h"
#include "lib/audio/resample.h"
#include "lib/base/memory.h"

static syl_status append(float **out, size_t *n, size_t *capacity, const float *more, size_t count,
                         syl_error *err)
{
    SYL_TRY(syl_grow((void **)out, capacity, *n + count, sizeof **out, err));
    if (count) memcpy(*out + *n, more, count * sizeof **out);
    *n += count;
    return SYL_OK;
}

static syl_status resample(const float *in, size_t n, int from, int to, float **out, size_t *got,
                           syl_error *err)
{
    syl_resampler *r;
    const float *part;
    size_t count, capacity = 0;
    SYL_TRY(syl_resampler_create(&r, from, to, err));
    syl_status status = n ? syl_resampler_process(r, in, n, &part, &count, err) : SYL_OK;
    if (n && status == SYL_OK) status = append(out, got, &capacity, part, count, err);
    if (status == SYL_OK) status = syl_resampler_process(r, NULL, 0, &part, &count, err);
    if (status == SYL_OK) status = append(out, got, &capacity, part, count, err);
    syl_resampler_free(r);
    return status;
}

syl_status syl_audio_load_at(const char *path, const char *raw, int rate, float **samples,
                             size_t *n, syl_error *err)
{
    float *own;
    size_t own_n;
    syl_audio_info info;
    *samples = NULL;
    *n = 0;
    SYL_TRY(syl_audio_load(path, raw, &own, &own_n, &info, err));
    if (info.sample_rate == rate) {
        *samples = own;
        *n = own_n;
        return SYL_OK;
    }
    syl_status status = resample(own, own_n, info.sample_rate, rate, samples, n, err);
    free(own);
    if (status == SYL_OK) return SYL_OK;
    free(*samples);
    *samples = NULL;
    *n = 0;
    return status;
}
