#include "train/presegment/norm_peaks.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "train/presegment/curves.h"

syl_status syl_norm_curve(const float *frames, int64_t n, int dim, double *curve, syl_error *err)
{
    double mean = 0, variance = 0, *norm = syl_calloc((size_t)n, sizeof *norm);
    if (!norm) return syl_fail_memory(err, (size_t)n * sizeof *norm, "norms");
    syl_frame_norms(frames, n, dim, norm);
    for (int64_t t = 0; t < n; t++)
        mean += norm[t] / (double)n;
    for (int64_t t = 0; t < n; t++)
        variance += (norm[t] - mean) * (norm[t] - mean) / (double)n;
    double scale = variance > 0 ? 1 / sqrt(variance) : 0;
    for (int64_t t = 0; t < n; t++) {
        double before = norm[t > 0 ? t - 1 : t], after = norm[t + 1 < n ? t + 1 : t];
        curve[t] = (mean - (before + norm[t] + after) / 3) * scale;
    }
    free(norm);
    return SYL_OK;
}
