#include "embed/tsne.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/clones.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"

syl_tsne_options syl_tsne_defaults(void)
{
    return (syl_tsne_options){.perplexity = 30,
                              .iterations = 1000,
                              .exaggerated = 250,
                              .exaggeration = 12,
                              .seed = 1,
                              .threads = 1};
}

/* ---- affinities ------------------------------------------------------------------------- */

/* exp(-beta (d - nearest)), which cannot all vanish; returns their entropy in nats. */
static double weigh(double *p, const double *distance2, size_t n, size_t i, double nearest,
                    double beta)
{
    double sum = 0, mean = 0;
    for (size_t j = 0; j < n; j++) {
        double far = distance2[j] - nearest;
        p[j] = j == i ? 0 : exp(-beta * far);
        sum += p[j];
        if (j != i) mean += p[j] * far;
    }
    for (size_t j = 0; j < n; j++)
        p[j] /= sum;
    return log(sum) + beta * mean / sum;
}

void syl_tsne_row(double *p, const double *distance2, size_t n, size_t i, double perplexity)
{
    double nearest = INFINITY, mean = 0, low = 0, high = INFINITY, wanted = log(perplexity);
    for (size_t j = 0; j < n; j++) {
        if (j == i) continue;
        nearest = fmin(nearest, distance2[j]);
        mean += distance2[j] / (double)(n - 1);
    }
    double beta = mean > nearest ? 1 / (mean - nearest) : 1;
    for (int step = 0; step < 100; step++) {
        double over = weigh(p, distance2, n, i, nearest, beta) - wanted;
        if (fabs(over) < 1e-9) break;
        /* Too many neighbours: narrower. */
        if (over > 0)
            low = beta;
        else
            high = beta;
        beta = isinf(high) ? 2 * beta : (low + high) / 2;
    }
}

/* p_ij = (p_j|i + p_i|j) / 2n */
static void join_directions(float *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            float both = (p[i * n + j] + p[j * n + i]) / (float)(2 * n);
            p[i * n + j] = p[j * n + i] = both;
        }
}

/* rows [2 threads][n] is room. */
static void find_affinities(float *p, const float *x, size_t n, size_t dim, double perplexity,
                            int threads, double *rows)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < threads; t++) {
        double *distance2 = rows + 2 * (size_t)t * n, *row = distance2 + n;
        for (size_t i = (size_t)t; i < n; i += (size_t)threads) {
            for (size_t j = 0; j < n; j++)
                distance2[j] = (double)syl_distance2(x + i * dim, x + j * dim, (int64_t)dim);
            syl_tsne_row(row, distance2, n, i, perplexity);
            for (size_t j = 0; j < n; j++)
                p[i * n + j] = (float)row[j];
        }
    }
    join_directions(p, n);
}

/* ---- gradient --------------------------------------------------------------------------- */

/* What the points do to point i: attraction and repulsion (2 each), and its part of Z. */
SYL_CLONES static double tsne_forces(const float *p, const double *y, size_t n, size_t i,
                                     double force[4])
{
    double ax = 0, ay = 0, rx = 0, ry = 0, z = 0, x0 = y[2 * i], y0 = y[2 * i + 1];
#pragma omp simd reduction(+ : ax, ay, rx, ry, z)
    for (size_t j = 0; j < n; j++) {
        double dx = x0 - y[2 * j], dy = y0 - y[2 * j + 1];
        double q = 1 / (1 + dx * dx + dy * dy), pull = (double)p[j] * q, push = q * q;
        ax += pull * dx;
        ay += pull * dy;
        rx += push * dx;
        ry += push * dy;
        z += q;
    }
    force[0] = ax;
    force[1] = ay;
    force[2] = rx;
    force[3] = ry;
    return z - 1; /* its own q is 1 */
}

void syl_tsne_gradient(double *gradient, const float *p, const double *y, size_t n,
                       double exaggeration, int threads, double *rows)
{
    double z = 0;
    double *repulsion = rows + n;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++) {
        double force[4];
        rows[i] = tsne_forces(p + i * n, y, n, i, force);
        for (int c = 0; c < 2; c++) {
            gradient[2 * i + (size_t)c] = 4 * exaggeration * force[c];
            repulsion[2 * i + (size_t)c] = 4 * force[2 + c];
        }
    }
    for (size_t i = 0; i < n; i++)
        z += rows[i];
    for (size_t i = 0; i < 2 * n; i++)
        gradient[i] -= repulsion[i] / z;
}

double syl_tsne_divergence(const float *p, const double *y, size_t n)
{
    double z = 0, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double dx = y[2 * i] - y[2 * j], dy = y[2 * i + 1] - y[2 * j + 1];
                double q = 1 / (1 + dx * dx + dy * dy), pij = (double)p[i * n + j];
                if (i == j) continue;
                if (pass == 0) z += q;
                if (pass == 1 && pij > 0) sum += pij * log(pij * z / q);
            }
    return sum;
}

/* ---- descent ---------------------------------------------------------------------------- */

typedef struct descent {
    double *y, *gradient, *velocity, *gain, *rows;
    float *p;
    size_t n;
} descent;

/* Momentum with a gain for each coordinate, which grows while its direction stays (section 3.4). */
static void move(descent *d, double rate, double momentum)
{
    double mean[2] = {0, 0};
    for (size_t i = 0; i < 2 * d->n; i++) {
        bool turned = (d->gradient[i] > 0) == (d->velocity[i] > 0);
        d->gain[i] = turned ? fmax(0.01, 0.8 * d->gain[i]) : d->gain[i] + 0.2;
        d->velocity[i] = momentum * d->velocity[i] - rate * d->gain[i] * d->gradient[i];
        d->y[i] += d->velocity[i];
        mean[i % 2] += d->y[i] / (double)d->n;
    }
    for (size_t i = 0; i < 2 * d->n; i++)
        d->y[i] -= mean[i % 2];
}

static syl_status run(descent *d, const syl_tsne_options *o, syl_error *err)
{
    syl_random rng = {.seed = o->seed};
    double rate =
        o->learning_rate > 0 ? o->learning_rate : fmax(50, (double)d->n / o->exaggeration);
    for (size_t i = 0; i < 2 * d->n; i++) {
        d->y[i] = 1e-4 * (double)syl_random_normal(&rng);
        d->gain[i] = 1;
    }
    for (int i = 0; i < o->iterations; i++) {
        bool first = i < o->exaggerated;
        syl_tsne_gradient(d->gradient, d->p, d->y, d->n, first ? o->exaggeration : 1, o->threads,
                          d->rows);
        move(d, rate, first ? 0.5 : 0.8);
        if (o->progress && !o->progress(o->user, i + 1))
            return syl_fail(err, SYL_ECANCELLED, "the map was stopped");
    }
    return SYL_OK;
}

static syl_status check_options(const syl_tsne_options *o, size_t n, int dim, syl_error *err)
{
    if (!(o->perplexity >= 1) || o->iterations < 0 || !(o->exaggeration >= 1) ||
        !(o->learning_rate >= 0) || o->threads < 1 || dim < 1)
        return syl_fail(err, SYL_EINVAL,
                        "t-SNE with perplexity %g, %d iterations, exaggeration %g, learning rate "
                        "%g, %d threads: perplexity, exaggeration and threads are at least 1, the "
                        "others not negative",
                        o->perplexity, o->iterations, o->exaggeration, o->learning_rate,
                        o->threads);
    if (n > SYL_TSNE_MAX_POINTS)
        return syl_fail(err, SYL_EINVAL, "t-SNE of %zu points (at most %d); choose fewer words", n,
                        SYL_TSNE_MAX_POINTS);
    return SYL_OK;
}

syl_status syl_tsne(double *y, double *divergence, const float *x, size_t n, int dim,
                    const syl_tsne_options *options, syl_error *err)
{
    SYL_TRY(check_options(options, n, dim, err));
    if (divergence) *divergence = 0;
    for (size_t i = 0; i < 2 * n; i++)
        y[i] = 0;
    if (n < 2) return SYL_OK;
    size_t row_room = n * (size_t)(options->threads > 1 ? 2 * options->threads : 3);
    descent d = {.y = y, .n = n};
    d.p = syl_calloc(n * n, sizeof *d.p);
    double *all = syl_calloc(6 * n + row_room, sizeof *all);
    syl_status status = SYL_OK;
    if (!d.p || !all) {
        status = syl_fail_memory(err, n * n * sizeof *d.p + (6 * n + row_room) * sizeof *all,
                                 "a map by t-SNE");
    } else {
        double few = fmax(1, (double)(n - 1) / 3);
        d.gradient = all;
        d.velocity = all + 2 * n;
        d.gain = all + 4 * n;
        d.rows = all + 6 * n;
        find_affinities(d.p, x, n, (size_t)dim, fmin(options->perplexity, few), options->threads,
                        d.rows);
        status = run(&d, options, err);
        if (!status && divergence) *divergence = syl_tsne_divergence(d.p, y, n);
    }
    free(d.p);
    free(all);
    return status;
}
