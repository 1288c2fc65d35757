#include "train/presegment/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define GAUSSIAN_SECONDS 0.015
#define RIDGE 3000.0
#define MAX_STEPS 2000
#define PRECISION 1e-7 /* of the residual, relative */

void syl_probe_target(const double *boundaries, size_t count, double frame_rate, int64_t n,
                      double *target)
{
    for (int64_t t = 0; t < n; t++) {
        double nearest = INFINITY;
        for (size_t i = 0; i < count; i++)
            nearest = fmin(nearest, fabs((double)t / frame_rate - boundaries[i]));
        target[t] = exp(-0.5 * nearest * nearest / (GAUSSIAN_SECONDS * GAUSSIAN_SECONDS));
    }
}

/* The frame that tap k of frame t sees. */
static const float *seen(const float *frames, int64_t n, int dim, int64_t t, int k)
{
    int64_t i = t + k - SYL_PROBE_REACH;
    return frames + (i < 0 ? 0 : i < n ? i : n - 1) * dim;
}

/* ---- fitting --------------------------------------------------------------------------- */

syl_status syl_probe_fit_create(syl_probe_fit *fit, int dim, syl_error *err)
{
    size_t size = (size_t)SYL_PROBE_TAPS * (size_t)dim;
    *fit = (syl_probe_fit){.dim = dim,
                           .gram = syl_calloc(syl_mul_size(size, size), sizeof *fit->gram),
                           .cross = syl_calloc(size, sizeof *fit->cross),
                           .total = syl_calloc(size, sizeof *fit->total)};
    if (fit->gram && fit->cross && fit->total) return SYL_OK;
    syl_probe_fit_free(fit);
    return syl_fail_memory(err, syl_mul_size(size, size) * sizeof(float), "a probe");
}

void syl_probe_fit_free(syl_probe_fit *fit)
{
    free(fit->gram);
    free(fit->cross);
    free(fit->total);
    *fit = (syl_probe_fit){0};
}

/* The inputs, turned: a row for every weight. */
static void transpose(const float *frames, int64_t n, int dim, syl_mat x)
{
    float *out = x.data;
    for (int64_t t = 0; t < n; t++) {
        for (int k = 0; k < SYL_PROBE_TAPS; k++) {
            const float *from = seen(frames, n, dim, t, k);
            for (int d = 0; d < dim; d++)
                out[(k * dim + d) * n + t] = from[d];
        }
    }
}

syl_status syl_probe_fit_add(syl_probe_fit *fit, syl_ctx *ctx, const float *frames, int64_t n,
                             const double *target, syl_error *err)
{
    int size = SYL_PROBE_TAPS * fit->dim;
    size_t mark = syl_ctx_mark(ctx);
    syl_weight *w;
    syl_mat x;
    if (n == 0) return SYL_OK;
    if (n > INT32_MAX) return syl_fail(err, SYL_EINVAL, "a probe of %lld frames", (long long)n);
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, size, n, &x, err));
    transpose(frames, n, fit->dim, x);
    SYL_TRY(syl_weight_linear(&w, NULL, x.data, NULL, size, (int)n, SYL_F32, err));
    syl_status status =
        syl_linear(ctx, w, x, SYL_ACT_NONE, true, syl_mat_of(fit->gram, SYL_F32, size, size), err);
    const float *rows = x.data;
    for (int i = 0; i < size; i++) {
        for (int64_t t = 0; t < n; t++) {
            fit->cross[i] += rows[i * n + t] * target[t];
            fit->total[i] += rows[i * n + t];
        }
    }
    for (int64_t t = 0; t < n; t++)
        fit->target += target[t];
    fit->frames += n;
    syl_weight_free(w);
    syl_ctx_release(ctx, mark);
    return status;
}

/* y = (gram + RIDGE) x */
static void multiply(const float *gram, const double *x, int size, double *y)
{
    for (int i = 0; i < size; i++) {
        double sum = RIDGE * x[i];
        for (int j = 0; j < size; j++)
            sum += gram[(size_t)i * (size_t)size + (size_t)j] * x[j];
        y[i] = sum;
    }
}

static double dot(const double *a, const double *b, int size)
{
    double sum = 0;
    for (int i = 0; i < size; i++)
        sum += a[i] * b[i];
    return sum;
}

/* (gram + RIDGE) x = r from x = 0 by conjugate gradients; r becomes the residual. p and q are
 * room. 1 when it has converged. */
static int descend(const float *gram, int size, double *x, double *r, double *p, double *q)
{
    double now = dot(r, r, size), goal = PRECISION * PRECISION * now;
    memcpy(p, r, (size_t)size * sizeof *p);
    for (int step = 0; step < MAX_STEPS && now > goal; step++) {
        multiply(gram, p, size, q);
        double length = now / dot(p, q, size), before = now;
        for (int i = 0; i < size; i++) {
            x[i] += length * p[i];
            r[i] -= length * q[i];
        }
        now = dot(r, r, size);
        for (int i = 0; i < size; i++)
            p[i] = r[i] + now / before * p[i];
    }
    return now <= goal;
}

syl_status syl_probe_fit_solve(const syl_probe_fit *fit, float *weight, float *bias, syl_error *err)
{
    int size = SYL_PROBE_TAPS * fit->dim;
    if (fit->frames == 0) return syl_fail(err, SYL_EINVAL, "no labelled frames to fit a probe on");
    double mean = fit->target / (double)fit->frames;
    double *room = syl_calloc(4 * (size_t)size, sizeof *room);
    if (!room) return syl_fail_memory(err, 4 * (size_t)size * sizeof *room, "a probe");
    double *x = room, *r = room + size;
    for (int i = 0; i < size; i++)
        r[i] = fit->cross[i] - mean * fit->total[i];
    int good = descend(fit->gram, size, x, r, room + 2 * size, room + 3 * size);
    for (int i = 0; i < size; i++)
        weight[i] = (float)x[i];
    *bias = (float)mean;
    free(room);
    return good ? SYL_OK
                : syl_fail(err, SYL_ECOMPUTE,
                           "the probe's regression did not converge in %d steps; are the features "
                           "standardised?",
                           MAX_STEPS);
}

/* ---- applying -------------------------------------------------------------------------- */

void syl_probe_curve(const float *weight, float bias, const float *frames, int64_t n, int dim,
                     double *curve)
{
    for (int64_t t = 0; t < n; t++) {
        double sum = bias;
        for (int k = 0; k < SYL_PROBE_TAPS; k++) {
            const float *x = seen(frames, n, dim, t, k);
            for (int d = 0; d < dim; d++)
                sum += (double)weight[k * dim + d] * x[d];
        }
        curve[t] = sum;
    }
}
