#include "sylber/tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/io/npy.h"

void syl_codebook_free(syl_codebook *c)
{
    if (!c) return;
    free(c->centroids);
    free(c->half_norm);
    free(c);
}

syl_status syl_codebook_create(syl_codebook **out, float *centroids, int size, int dim,
                               syl_metric metric, syl_error *err)
{
    syl_codebook *c = syl_calloc(1, sizeof *c);
    float *half_norm = syl_calloc((size_t)size, sizeof *half_norm);
    *out = NULL;
    if (!c || !half_norm) {
        free(c);
        free(half_norm);
        free(centroids);
        return syl_fail_memory(err, (size_t)size * sizeof(float), "a codebook");
    }
    *c = (syl_codebook){size, dim, metric, centroids, half_norm};
    for (int k = 0; k < size; k++) {
        float *row = centroids + (size_t)k * (size_t)dim;
        if (metric == SYL_METRIC_SPHERICAL)
            syl_scale_to(row, dim, 1);
        else
            half_norm[k] = 0.5f * syl_dot(row, row, dim);
    }
    *out = c;
    return SYL_OK;
}

syl_status syl_codebook_read(syl_codebook **out, const char *path, int dim, syl_metric metric,
                             syl_error *err)
{
    syl_npy npy;
    *out = NULL;
    SYL_TRY(syl_npy_read(&npy, path, err));
    syl_status status = SYL_OK;
    if (npy.ndim != 2 || npy.shape[1] != dim)
        status =
            syl_fail(err, SYL_EFORMAT,
                     "%s: a codebook of this model is [K][%d]; this array has %d dimensions, "
                     "the last of %lld",
                     path, dim, npy.ndim, (long long)(npy.ndim > 0 ? npy.shape[npy.ndim - 1] : 0));
    else if (npy.shape[0] < 1 || npy.shape[0] > INT32_MAX - 1)
        status = syl_fail(err, SYL_EFORMAT, "%s: a codebook needs at least one centroid", path);
    for (size_t i = 0; status == SYL_OK && i < npy.count; i++)
        if (!isfinite(npy.data[i]))
            status = syl_fail(err, SYL_EFORMAT, "%s: value %zu is not finite", path, i);
    if (status == SYL_OK) {
        status = syl_codebook_create(out, npy.data, (int)npy.shape[0], dim, metric, err);
        npy.data = NULL;
    }
    syl_npy_free(&npy);
    return status;
}

int syl_codebook_nearest(const syl_codebook *c, const float *x, float *scratch)
{
    int best = 0;
    float best_score = -INFINITY;
    memcpy(scratch, x, (size_t)c->dim * sizeof *x);
    if (c->metric == SYL_METRIC_NORM6)
        syl_scale_to(scratch, c->dim, 6);
    else if (c->metric == SYL_METRIC_SPHERICAL)
        syl_scale_to(scratch, c->dim, 1);
    for (int k = 0; k < c->size; k++) {
        const float *row = c->centroids + (size_t)k * (size_t)c->dim;
        float score = syl_dot(scratch, row, c->dim) - c->half_norm[k];
        if (score > best_score) {
            best_score = score;
            best = k;
        }
    }
    return best;
}
