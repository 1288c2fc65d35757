#include "train/presegment/sonority.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/presegment/curves.h"

#define PI 3.14159265358979323846
#define WINDOWS_A_SECOND 40 /* the window's length is a 40th of a second */
#define STEPS 4             /* spectra a frame */
#define LOW_HZ 200
#define HIGH_HZ 2600
#define RANGE_DB 45
#define BLOCK 512 /* spectra computed at a time */

static const double curve_weight[SYL_NUM_CURVES] = {1, 1, 0.5, 0.5};

/* ---- level of the vowels' band --------------------------------------------------------- */

/* i of a signal mirrored at its ends, end values not repeated. */
static int64_t reflected(int64_t i, int64_t n)
{
    int64_t period = 2 * (n - 1);
    if (period == 0) return 0;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

/* Rows of windowed cosines and sines: a product with them gives the band's spectrum. */
static syl_status band(int window, int bins, syl_weight **out, syl_error *err)
{
    float *w = syl_calloc(syl_mul_size((size_t)(2 * bins), (size_t)window), sizeof *w);
    if (!w) return syl_fail_memory(err, (size_t)(2 * bins * window) * sizeof *w, "a filter");
    int first = LOW_HZ / WINDOWS_A_SECOND;
    for (int k = 0; k < bins; k++) {
        for (int i = 0; i < window; i++) {
            double hann = 0.5 - 0.5 * cos(2 * PI * i / window);
            double angle = 2 * PI * (double)((int64_t)(first + k) * i % window) / window;
            w[2 * k * window + i] = (float)(hann * cos(angle));
            w[(2 * k + 1) * window + i] = (float)(hann * sin(angle));
        }
    }
    syl_status status = syl_weight_linear(out, NULL, w, NULL, 2 * bins, window, SYL_F32, err);
    free(w);
    return status;
}

/* db [count]: levels of the spectra from `first` on. */
static syl_status levels(syl_ctx *ctx, const syl_weight *filter, int window, int bins,
                         const syl_heard *u, int64_t first, int64_t count, double *db,
                         syl_error *err)
{
    syl_mat x, y;
    size_t mark = syl_ctx_mark(ctx);
    int64_t n = (int64_t)(u->n - u->n % (size_t)u->hop);
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, count, window, &x, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, count, 2 * bins, &y, err));
    float *rows = x.data;
    const float *spectrum = y.data;
    for (int64_t r = 0; r < count; r++)
        for (int i = 0; i < window; i++)
            rows[r * window + i] =
                u->samples[reflected((first + r) * u->hop / STEPS - window / 2 + i, n)];
    SYL_TRY(syl_linear(ctx, filter, x, SYL_ACT_NONE, false, y, err));
    for (int64_t r = 0; r < count; r++) {
        double power = 0;
        for (int k = 0; k < 2 * bins; k++)
            power += (double)spectrum[r * 2 * bins + k] * spectrum[r * 2 * bins + k];
        db[r] = 10 * log10(power + 1e-6);
    }
    syl_ctx_release(ctx, mark);
    return SYL_OK;
}

/* out [frames] of the smoothed level db [4 frames + 1], at the frames' middles. */
static syl_status sample_levels(double *db, int64_t count, int64_t frames, double *out,
                                syl_error *err)
{
    double loud;
    SYL_TRY(syl_percentile(db, count, 98, &loud, err));
    for (int64_t i = 0; i < count; i++)
        db[i] = fmax(db[i], loud - RANGE_DB);
    SYL_TRY(syl_smooth_gaussian(db, count, 2, err));
    for (int64_t t = 0; t < frames; t++)
        out[t] = -db[STEPS * t + STEPS / 2];
    return syl_smooth_gaussian(out, frames, 1, err);
}

static syl_status sonority(syl_ctx *ctx, const syl_heard *u, double *out, syl_error *err)
{
    int window = u->sample_rate / WINDOWS_A_SECOND;
    int bins = (HIGH_HZ - LOW_HZ) / WINDOWS_A_SECOND;
    int64_t frames = u->hidden->frames, count = STEPS * frames + 1;
    double *db = syl_calloc((size_t)count, sizeof *db);
    syl_weight *filter = NULL;
    if (!db) return syl_fail_memory(err, (size_t)count * sizeof *db, "levels");
    syl_status status = band(window, bins, &filter, err);
    for (int64_t i = 0; status == SYL_OK && i < count; i += BLOCK)
        status = levels(ctx, filter, window, bins, u, i, count - i < BLOCK ? count - i : BLOCK,
                        db + i, err);
    if (status == SYL_OK) status = sample_levels(db, count, frames, out, err);
    syl_weight_free(filter);
    free(db);
    return status;
}

/* ---- all curves ------------------------------------------------------------------------ */

static syl_status smoothed_norm(const syl_hidden *h, int level, double sign, double *out,
                                syl_error *err)
{
    syl_frame_norms(syl_hidden_level(h, level), h->frames, h->dim, out);
    for (int64_t t = 0; t < h->frames; t++)
        out[t] *= sign;
    return syl_smooth_gaussian(out, h->frames, 1, err);
}

syl_status syl_sonority_curves(syl_ctx *ctx, const syl_heard *u, double *curves, syl_error *err)
{
    const syl_hidden *h = u->hidden;
    int layers = h->levels - 2;
    double *change = curves + SYL_CURVE_CHANGE * h->frames;
    if (u->sample_rate < 2 * HIGH_HZ)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "a teacher of %d Hz does not hear %d Hz; sonority needs it", u->sample_rate,
                        HIGH_HZ);
    if (h->frames == 0) return SYL_OK;
    SYL_TRY(sonority(ctx, u, curves, err));
    SYL_TRY(smoothed_norm(h, layers + 1, -1, curves + SYL_CURVE_LAST * h->frames, err));
    SYL_TRY(smoothed_norm(h, layers / 2, 1, curves + SYL_CURVE_MIDDLE * h->frames, err));
    SYL_TRY(syl_frame_change(syl_hidden_level(h, layers), h->frames, h->dim, 6, change, err));
    return syl_smooth_gaussian(change, h->frames, 1.5, err);
}

syl_status syl_sonority_curve(syl_ctx *ctx, const syl_heard *u, const double scale[SYL_NUM_CURVES],
                              double *curve, syl_error *err)
{
    int64_t frames = u->hidden->frames;
    double *curves = syl_calloc(syl_mul_size(SYL_NUM_CURVES, (size_t)frames), sizeof *curves);
    if (!curves)
        return syl_fail_memory(err, SYL_NUM_CURVES * (size_t)frames * sizeof *curves, "curves");
    syl_status status = syl_sonority_curves(ctx, u, curves, err);
    memset(curve, 0, (size_t)frames * sizeof *curve);
    for (int c = 0; c < SYL_NUM_CURVES; c++)
        for (int64_t t = 0; t < frames; t++)
            curve[t] += curve_weight[c] / scale[c] * curves[c * frames + t];
    free(curves);
    return status;
}
