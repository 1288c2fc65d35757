#include "embed/svd.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clones.h"
#include "lib/base/memory.h"

#define MAX_SWEEPS 60 /* it is quadratic near the end; some ten are usual */

/* Columns lie in rows, so that rotations walk through memory. */
typedef struct work {
    int n;
    double *left;  /* [n][n] rows become s_i u_i */
    double *right; /* [n][n] rows become v_i */
    double *norm;  /* [n] |left_i| */
    int *order;    /* [n] rows by falling norm */
} work;

static void work_free(work *w)
{
    free(w->left);
    free(w->right);
    free(w->norm);
    free(w->order);
}

static syl_status work_create(work *w, const double *a, int n, syl_error *err)
{
    size_t size = (size_t)n * (size_t)n;
    *w = (work){.n = n};
    w->left = syl_calloc(size, sizeof *w->left);
    w->right = syl_calloc(size, sizeof *w->right);
    w->norm = syl_calloc((size_t)n, sizeof *w->norm);
    w->order = syl_calloc((size_t)n, sizeof *w->order);
    if (!w->left || !w->right || !w->norm || !w->order) {
        work_free(w);
        return syl_fail_memory(err, size * sizeof *w->left, "singular values");
    }
    for (int i = 0; i < n; i++) {
        w->right[(size_t)i * (size_t)n + (size_t)i] = 1;
        for (int j = 0; j < n; j++)
            w->left[(size_t)j * (size_t)n + (size_t)i] = a[(size_t)i * (size_t)n + (size_t)j];
    }
    return SYL_OK;
}

SYL_CLONES static double svd_dot(const double *x, const double *y, int n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

SYL_CLONES static void svd_rotate(double *x, double *y, int n, double c, double s)
{
#pragma omp simd
    for (int i = 0; i < n; i++) {
        double xi = x[i], yi = y[i];
        x[i] = c * xi - s * yi;
        y[i] = s * xi + c * yi;
    }
}

/* Makes rows i and j of `left` orthogonal; false: they are, as far as numbers go. */
static bool make_orthogonal(work *w, int i, int j)
{
    int n = w->n;
    double *x = w->left + (size_t)i * (size_t)n, *y = w->left + (size_t)j * (size_t)n;
    double xx = svd_dot(x, x, n), yy = svd_dot(y, y, n), xy = svd_dot(x, y, n);
    if (fabs(xy) <= DBL_EPSILON * sqrt(xx) * sqrt(yy)) return false;
    double z = (yy - xx) / (2 * xy);
    double t = (z < 0 ? -1 : 1) / (fabs(z) + hypot(1, z)), c = 1 / hypot(1, t);
    svd_rotate(x, y, n, c, c * t);
    svd_rotate(w->right + (size_t)i * (size_t)n, w->right + (size_t)j * (size_t)n, n, c, c * t);
    return true;
}

static void sort_by_norm(work *w)
{
    for (int i = 0; i < w->n; i++) {
        const double *row = w->left + (size_t)i * (size_t)w->n;
        w->norm[i] = sqrt(svd_dot(row, row, w->n));
        int at = i;
        for (; at > 0 && w->norm[w->order[at - 1]] < w->norm[i]; at--)
            w->order[at] = w->order[at - 1];
        w->order[at] = i;
    }
}

/* Row k of u (columns in rows again) becomes orthogonal to the rows before it and of length 1: the
 * axis that these span least, less what of it they span. */
static void complete(double *u, int k, int n)
{
    double *row = u + (size_t)k * (size_t)n, least = INFINITY;
    int axis = 0;
    for (int j = 0; j < n; j++) {
        double spanned = 0;
        for (int i = 0; i < k; i++)
            spanned += u[(size_t)i * (size_t)n + (size_t)j] * u[(size_t)i * (size_t)n + (size_t)j];
        if (spanned < least) axis = j;
        least = fmin(least, spanned);
    }
    memset(row, 0, (size_t)n * sizeof *row);
    row[axis] = 1;
    for (int pass = 0; pass < 2; pass++) /* the second takes away what rounding left */
        for (int i = 0; i < k; i++) {
            const double *other = u + (size_t)i * (size_t)n;
            double along = svd_dot(row, other, n);
            for (int j = 0; j < n; j++)
                row[j] -= along * other[j];
        }
    double norm = sqrt(svd_dot(row, row, n));
    for (int j = 0; j < n; j++)
        row[j] /= norm;
}

static void transpose(double *a, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            double *x = a + (size_t)i * (size_t)n + (size_t)j;
            double *y = a + (size_t)j * (size_t)n + (size_t)i, value = *x;
            *x = *y;
            *y = value;
        }
}

static void give_out(const work *w, double scale, double *u, double *s, double *v)
{
    size_t n = (size_t)w->n;
    for (size_t k = 0; k < n; k++) {
        size_t from = (size_t)w->order[k];
        double norm = w->norm[from], largest = w->norm[w->order[0]];
        memcpy(v + k * n, w->right + from * n, n * sizeof *v);
        s[k] = norm * scale;
        if (norm > 0 && norm > largest * DBL_EPSILON * w->n)
            for (size_t j = 0; j < n; j++)
                u[k * n + j] = w->left[from * n + j] / norm;
        else
            complete(u, (int)k, w->n);
    }
    transpose(u, w->n);
    transpose(v, w->n);
}

syl_status syl_svd(const double *a, int n, double *u, double *s, double *v, syl_error *err)
{
    work w;
    double top = 0;
    bool turned = true;
    for (size_t i = 0; i < (size_t)n * (size_t)n; i++) {
        if (!isfinite(a[i]))
            return syl_fail(err, SYL_EINVAL, "singular values of a matrix that is not finite");
        top = fmax(top, fabs(a[i]));
    }
    SYL_TRY(work_create(&w, a, n, err));
    for (size_t i = 0; top > 0 && i < (size_t)n * (size_t)n; i++)
        w.left[i] /= top; /* so that squares are in range */
    for (int sweep = 0; turned && sweep < MAX_SWEEPS; sweep++) {
        turned = false;
        for (int i = 0; i < n; i++)
            for (int j = i + 1; j < n; j++)
                turned |= make_orthogonal(&w, i, j);
    }
    sort_by_norm(&w);
    give_out(&w, top > 0 ? top : 1, u, s, v);
    work_free(&w);
    return SYL_OK;
}
