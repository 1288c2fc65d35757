#include "embed/itq.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/svd.h"
#include "lib/base/clones.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"

/* ---- products over many rows ---------------------------------------------------------------- */

#define BLOCK 16 /* rows of a result that are summed in one walk over the vectors */

SYL_CLONES static void itq_cross_block(double *out, const float *a, const float *b, int64_t n,
                                       int64_t width, int64_t first, int64_t rows)
{
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < rows; i++) {
            double factor = a[r * width + first + i];
            double *to = out + (first + i) * width;
            const float *row = b + r * width;
#pragma omp simd
            for (int64_t j = 0; j < width; j++)
                to[j] += factor * row[j];
        }
}

/* out [width][width] = A^T B of A, B [n][width]. */
static void cross_product(double *out, const float *a, const float *b, int64_t n, int64_t width,
                          int threads)
{
    int64_t blocks = (width + BLOCK - 1) / BLOCK;
    memset(out, 0, (size_t)(width * width) * sizeof *out);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t k = 0; k < blocks; k++) {
        int64_t rest = width - k * BLOCK;
        itq_cross_block(out, a, b, n, width, k * BLOCK, rest < BLOCK ? rest : BLOCK);
    }
}

/* ---- the rotation --------------------------------------------------------------------------- */

typedef struct rotating {
    const float *v; /* [n][bits] */
    int64_t n;
    int bits, threads;
    float *columns;                 /* [bits][bits] of the rotation, as rows */
    float *signs;                   /* [n][bits] B */
    double *errors;                 /* [n] of each vector */
    double *product, *left, *right; /* [bits][bits] */
    double *values;                 /* [bits] */
} rotating;

static void rotating_free(rotating *t)
{
    free(t->columns);
    free(t->signs);
    free(t->errors);
    free(t->product);
    free(t->left);
    free(t->right);
    free(t->values);
}

static syl_status rotating_create(rotating *t, syl_error *err)
{
    size_t bits = (size_t)t->bits, square = bits * bits, n = (size_t)t->n;
    t->columns = syl_calloc(square, sizeof *t->columns);
    t->signs = syl_calloc(syl_mul_size(n, bits), sizeof *t->signs);
    t->errors = syl_calloc(n, sizeof *t->errors);
    t->product = syl_calloc(square, sizeof *t->product);
    t->left = syl_calloc(square, sizeof *t->left);
    t->right = syl_calloc(square, sizeof *t->right);
    t->values = syl_calloc(bits, sizeof *t->values);
    if (t->columns && t->signs && t->errors && t->product && t->left && t->right && t->values)
        return SYL_OK;
    return syl_fail_memory(err, n * bits * sizeof(float), "ITQ");
}

/* The orthogonal matrix nearest to M = S diag Z^T in t->product, transposed: R = Z S^T. */
static syl_status find_rotation(rotating *t, double *rotation, syl_error *err)
{
    int bits = t->bits;
    SYL_TRY(syl_svd(t->product, bits, t->left, t->values, t->right, err));
    for (int i = 0; i < bits; i++)
        for (int j = 0; j < bits; j++) {
            double sum = 0;
            for (int k = 0; k < bits; k++)
                sum += t->right[i * bits + k] * t->left[j * bits + k];
            rotation[i * bits + j] = sum;
        }
    return SYL_OK;
}

/* B = sign(V R); returns |B - V R|^2. */
static double take_signs(rotating *t, const double *rotation)
{
    int bits = t->bits;
    double error = 0;
    for (int i = 0; i < bits; i++)
        for (int j = 0; j < bits; j++)
            t->columns[j * bits + i] = (float)rotation[i * bits + j];
#pragma omp parallel for num_threads(t->threads) schedule(static)
    for (int64_t r = 0; r < t->n; r++) {
        t->errors[r] = 0;
        for (int j = 0; j < bits; j++) {
            float value = syl_dot(t->v + r * bits, t->columns + j * bits, bits);
            t->signs[r * bits + j] = value > 0 ? 1 : -1;
            t->errors[r] += (fabs(value) - 1) * (fabs(value) - 1);
        }
    }
    for (int64_t r = 0; r < t->n; r++)
        error += t->errors[r];
    return error;
}

static syl_status rotate(rotating *t, double *rotation, double *errors, int iterations,
                         uint64_t seed, syl_error *err)
{
    syl_random rng = {.seed = seed};
    for (int i = 0; i < t->bits * t->bits; i++)
        t->product[i] = syl_random_normal(&rng);
    SYL_TRY(find_rotation(t, rotation, err));
    for (int k = 0; k <= iterations; k++) {
        double error = take_signs(t, rotation);
        if (errors) errors[k] = error;
        if (k == iterations) break;
        cross_product(t->product, t->signs, t->v, t->n, t->bits, t->threads);
        SYL_TRY(find_rotation(t, rotation, err));
    }
    return SYL_OK;
}

syl_status syl_itq_rotate(double *rotation, double *errors, const float *v, int64_t n, int bits,
                          int iterations, uint64_t seed, int threads, syl_error *err)
{
    rotating t = {.v = v, .n = n, .bits = bits, .threads = threads};
    syl_status status = rotating_create(&t, err);
    if (status == SYL_OK) status = rotate(&t, rotation, errors, iterations, seed, err);
    rotating_free(&t);
    return status;
}

/* ---- principal directions ------------------------------------------------------------------- */

typedef struct fitting {
    int64_t n;
    int dim, bits, threads;
    float *centred;     /* [n][dim] */
    float *projected;   /* [n][bits] */
    float *directions;  /* [bits][dim] */
    double *mean;       /* [dim] */
    double *covariance; /* [dim][dim], as are the two below */
    double *left, *right, *values;
    double *rotation; /* [bits][bits] */
} fitting;

static void fitting_free(fitting *f)
{
    free(f->centred);
    free(f->projected);
    free(f->directions);
    free(f->mean);
    free(f->covariance);
    free(f->left);
    free(f->right);
    free(f->values);
    free(f->rotation);
}

static syl_status fitting_create(fitting *f, syl_error *err)
{
    size_t n = (size_t)f->n, dim = (size_t)f->dim, bits = (size_t)f->bits, square = dim * dim;
    f->centred = syl_calloc(syl_mul_size(n, dim), sizeof *f->centred);
    f->projected = syl_calloc(syl_mul_size(n, bits), sizeof *f->projected);
    f->directions = syl_calloc(bits * dim, sizeof *f->directions);
    f->mean = syl_calloc(dim, sizeof *f->mean);
    f->covariance = syl_calloc(square, sizeof *f->covariance);
    f->left = syl_calloc(square, sizeof *f->left);
    f->right = syl_calloc(square, sizeof *f->right);
    f->values = syl_calloc(dim, sizeof *f->values);
    f->rotation = syl_calloc(bits * bits, sizeof *f->rotation);
    if (f->centred && f->projected && f->directions && f->mean && f->covariance && f->left &&
        f->right && f->values && f->rotation)
        return SYL_OK;
    return syl_fail_memory(err, n * dim * sizeof(float), "ITQ");
}

static void centre(fitting *f, const float *vectors)
{
    int64_t dim = f->dim;
    for (int64_t r = 0; r < f->n; r++)
        for (int64_t j = 0; j < dim; j++)
            f->mean[j] += vectors[r * dim + j] / (double)f->n;
    for (int64_t r = 0; r < f->n; r++)
        for (int64_t j = 0; j < dim; j++)
            f->centred[r * dim + j] = (float)(vectors[r * dim + j] - f->mean[j]);
}

static syl_status project(fitting *f, syl_error *err)
{
    int64_t dim = f->dim, bits = f->bits;
    cross_product(f->covariance, f->centred, f->centred, f->n, dim, f->threads);
    SYL_TRY(syl_svd(f->covariance, f->dim, f->left, f->values, f->right, err));
    for (int64_t k = 0; k < bits; k++)
        for (int64_t j = 0; j < dim; j++)
            f->directions[k * dim + j] = (float)f->right[j * dim + k];
#pragma omp parallel for num_threads(f->threads) schedule(static)
    for (int64_t r = 0; r < f->n; r++)
        for (int64_t k = 0; k < bits; k++)
            f->projected[r * bits + k] =
                syl_dot(f->centred + r * dim, f->directions + k * dim, dim);
    return SYL_OK;
}

/* Plane j is column j of W R, W the principal directions; its threshold is where the mean lies. */
static void make_planes(const fitting *f, float *planes, float *threshold)
{
    int64_t dim = f->dim, bits = f->bits;
    for (int64_t j = 0; j < bits; j++) {
        double at_mean = 0;
        for (int64_t i = 0; i < dim; i++) {
            double sum = 0;
            for (int64_t k = 0; k < bits; k++)
                sum += f->right[i * dim + k] * f->rotation[k * bits + j];
            planes[j * dim + i] = (float)sum;
            at_mean += sum * f->mean[i];
        }
        threshold[j] = (float)at_mean;
    }
}

syl_status syl_itq_fit(float *planes, float *threshold, const float *vectors, int64_t n, int dim,
                       int bits, int iterations, uint64_t seed, int threads, syl_error *err)
{
    fitting f = {.n = n, .dim = dim, .bits = bits, .threads = threads};
    syl_status status = fitting_create(&f, err);
    if (status == SYL_OK) {
        centre(&f, vectors);
        status = project(&f, err);
    }
    if (status == SYL_OK)
        status =
            syl_itq_rotate(f.rotation, NULL, f.projected, n, bits, iterations, seed, threads, err);
    if (status == SYL_OK) make_planes(&f, planes, threshold);
    fitting_free(&f);
    return status;
}
