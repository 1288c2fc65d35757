#include "embed/pca.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "embed/svd.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define BLOCK 8 /* directions that are followed: more than two, so that it converges soon */
#define ITERATIONS 500
#define TOLERANCE 1e-12

typedef struct pca {
    const float *x; /* [n][dim] */
    size_t n, dim, block;
    double *mean;       /* [dim] */
    double *directions; /* [block][dim], orthonormal or 0 */
    double *next;       /* [block][dim] */
    double *along;      /* [n][block] */
} pca;

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Gram and Schmidt, twice for accuracy; what is left of nothing becomes 0. */
static void orthonormalise(double *rows, size_t count, size_t dim)
{
    for (size_t i = 0; i < count; i++) {
        double *row = rows + i * dim, before = sqrt(dot(row, row, dim));
        for (int twice = 0; twice < 2; twice++)
            for (size_t j = 0; j < i; j++) {
                double part = dot(row, rows + j * dim, dim);
                for (size_t d = 0; d < dim; d++)
                    row[d] -= part * rows[j * dim + d];
            }
        double norm = sqrt(dot(row, row, dim));
        bool nothing = !(norm > 1e-13 * before);
        for (size_t d = 0; d < dim; d++)
            row[d] = nothing ? 0 : row[d] / norm;
    }
}

/* p->along = (x - mean) directions^T */
static void project(pca *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t b = 0; b < p->block; b++) {
            const float *row = p->x + i * p->dim;
            const double *direction = p->directions + b * p->dim;
            double sum = 0;
            for (size_t d = 0; d < p->dim; d++)
                sum += ((double)row[d] - p->mean[d]) * direction[d];
            p->along[i * p->block + b] = sum;
        }
}

/* p->next = along^T (x - mean): the covariance (times n) applied to the directions. */
static void apply(pca *p)
{
    memset(p->next, 0, p->block * p->dim * sizeof *p->next);
    project(p);
    for (size_t i = 0; i < p->n; i++)
        for (size_t b = 0; b < p->block; b++) {
            double weight = p->along[i * p->block + b];
            double *to = p->next + b * p->dim;
            const float *row = p->x + i * p->dim;
            for (size_t d = 0; d < p->dim; d++)
                to[d] += weight * ((double)row[d] - p->mean[d]);
        }
}

/* Turns the directions, inside what they span, into those of the variances, greatest first
 * (Rayleigh and Ritz). */
static syl_status diagonalise(pca *p, double variance[BLOCK], syl_error *err)
{
    double m[BLOCK * BLOCK], u[BLOCK * BLOCK], v[BLOCK * BLOCK];
    size_t n = p->block;
    apply(p);
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++)
            m[a * n + b] = dot(p->directions + a * p->dim, p->next + b * p->dim, p->dim);
    SYL_TRY(syl_svd(m, (int)n, u, variance, v, err));
    for (size_t d = 0; d < p->dim; d++) {
        double old[BLOCK];
        for (size_t a = 0; a < n; a++)
            old[a] = p->directions[a * p->dim + d];
        for (size_t a = 0; a < n; a++) {
            double sum = 0;
            for (size_t b = 0; b < n; b++)
                sum += v[b * n + a] * old[b];
            p->directions[a * p->dim + d] = sum;
        }
    }
    return SYL_OK;
}

static syl_status find_directions(pca *p, syl_error *err)
{
    syl_random rng = {.seed = 1};
    double variance[BLOCK] = {0}, last[2] = {-1, -1};
    for (size_t i = 0; i < p->block * p->dim; i++)
        p->directions[i] = (double)syl_random_normal(&rng);
    orthonormalise(p->directions, p->block, p->dim);
    for (int i = 0; i < ITERATIONS; i++) {
        apply(p);
        memcpy(p->directions, p->next, p->block * p->dim * sizeof *p->next);
        orthonormalise(p->directions, p->block, p->dim);
        SYL_TRY(diagonalise(p, variance, err));
        bool still = fabs(variance[0] - last[0]) + fabs(variance[1] - last[1]) <=
                     TOLERANCE * (variance[0] + variance[1]);
        last[0] = variance[0];
        last[1] = variance[1];
        if (still) break;
    }
    return SYL_OK;
}

static void write_component(const pca *p, double *y, size_t component)
{
    double largest = 0;
    for (size_t i = 0; i < p->n; i++) {
        double value = component < p->block ? p->along[i * p->block + component] : 0;
        y[2 * i + component] = value;
        if (fabs(value) > fabs(largest) * (1 + 1e-9)) largest = value;
    }
    if (largest < 0)
        for (size_t i = 0; i < p->n; i++)
            y[2 * i + component] *= -1;
}

syl_status syl_pca_2d(double *y, const float *x, size_t n, int dim, syl_error *err)
{
    pca p = {.x = x, .n = n, .dim = (size_t)dim};
    p.block = p.dim < BLOCK ? p.dim : BLOCK;
    size_t room = syl_mul_size(p.dim, 2 * p.block + 1), along = syl_mul_size(n, p.block);
    double *all = syl_calloc(room < SIZE_MAX - along ? room + along : SIZE_MAX, sizeof *all);
    if (!all) return syl_fail_memory(err, syl_mul_size(room + along, sizeof *all), "a map");
    p.mean = all;
    p.directions = p.mean + p.dim;
    p.next = p.directions + p.block * p.dim;
    p.along = p.next + p.block * p.dim;
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < p.dim; d++)
            p.mean[d] += (double)x[i * p.dim + d] / (double)n;
    syl_status status = find_directions(&p, err);
    if (!status) {
        project(&p);
        write_component(&p, y, 0);
        write_component(&p, y, 1);
    }
    free(all);
    return status;
}
