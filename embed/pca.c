#include "embed/pca.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

/* One rotation of Jacobi's method on m, and of the rows of the directions with it. */
static void rotate(pca *p, double m[BLOCK][BLOCK], size_t i, size_t j)
{
    double theta = 0.5 * atan2(2 * m[i][j], m[i][i] - m[j][j]), c = cos(theta), s = sin(theta);
    for (size_t k = 0; k < p->block; k++) {
        double a = m[i][k], b = m[j][k];
        m[i][k] = c * a + s * b;
        m[j][k] = c * b - s * a;
    }
    for (size_t k = 0; k < p->block; k++) {
        double a = m[k][i], b = m[k][j];
        m[k][i] = c * a + s * b;
        m[k][j] = c * b - s * a;
    }
    for (size_t d = 0; d < p->dim; d++) {
        double *u = &p->directions[i * p->dim + d], *v = &p->directions[j * p->dim + d], a = *u;
        *u = c * a + s * *v;
        *v = c * *v - s * a;
    }
}

/* Turns the directions, inside what they span, into those of the variances (Rayleigh and Ritz). */
static void diagonalise(pca *p, double variance[BLOCK])
{
    double m[BLOCK][BLOCK] = {{0}};
    apply(p);
    for (size_t a = 0; a < p->block; a++)
        for (size_t b = 0; b < p->block; b++)
            m[a][b] = dot(p->directions + a * p->dim, p->next + b * p->dim, p->dim);
    for (int sweep = 0; sweep < 30; sweep++)
        for (size_t i = 0; i + 1 < p->block; i++)
            for (size_t j = i + 1; j < p->block; j++)
                rotate(p, m, i, j);
    for (size_t a = 0; a < p->block; a++)
        variance[a] = m[a][a];
}

static void swap_rows(pca *p, size_t a, size_t b)
{
    for (size_t d = 0; d < p->dim; d++) {
        double kept = p->directions[a * p->dim + d];
        p->directions[a * p->dim + d] = p->directions[b * p->dim + d];
        p->directions[b * p->dim + d] = kept;
    }
}

/* The two greatest to the front. */
static void sort_directions(pca *p, double variance[BLOCK])
{
    for (size_t to = 0; to < 2 && to < p->block; to++) {
        size_t best = to;
        for (size_t b = to + 1; b < p->block; b++)
            if (variance[b] > variance[best]) best = b;
        double kept = variance[to];
        variance[to] = variance[best];
        variance[best] = kept;
        swap_rows(p, to, best);
    }
}

static void find_directions(pca *p)
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
        diagonalise(p, variance);
        sort_directions(p, variance);
        bool still = fabs(variance[0] - last[0]) + fabs(variance[1] - last[1]) <=
                     TOLERANCE * (variance[0] + variance[1]);
        last[0] = variance[0];
        last[1] = variance[1];
        if (still) break;
    }
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
    find_directions(&p);
    project(&p);
    write_component(&p, y, 0);
    write_component(&p, y, 1);
    free(all);
    return SYL_OK;
}
