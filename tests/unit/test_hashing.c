/* Singular values, and codes of vectors: medians, planes, ITQ. */
#include "tests/golden/golden.h"

#include "embed/hashing.h"
#include "embed/itq.h"
#include "embed/svd.h"
#include "lib/base/random.h"

static syl_error err;
static syl_random rng = {.seed = 6};

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static void near(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s: %.15g in place of %.15g", what, got, want);
}

static float *normals(size_t n)
{
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = syl_random_normal(&rng);
    return x;
}

static void orthogonal(const char *what, const double *a, int n, double tolerance)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++)
                sum += a[k * n + i] * a[k * n + j];
            near(what, sum, i == j, tolerance);
        }
}

/* U S V^T is A, U and V are orthogonal, S falls. */
static void check_svd(const double *a, int n, double scale)
{
    size_t square = (size_t)(n * n);
    double *u = calloc(square, sizeof *u), *v = calloc(square, sizeof *v);
    double *s = calloc((size_t)n, sizeof *s);
    ok(syl_svd(a, n, u, s, v, &err));
    orthogonal("U", u, n, 1e-12 * n);
    orthogonal("V", v, n, 1e-12 * n);
    for (int i = 0; i < n; i++) {
        assert_true(s[i] >= 0 && (i == 0 || s[i] <= s[i - 1]));
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++)
                sum += u[i * n + k] * s[k] * v[j * n + k];
            near("U S V^T", sum, a[i * n + j], 1e-13 * n * n * scale);
        }
    }
    free(u);
    free(s);
    free(v);
}

static void test_svd(void **state)
{
    static const int sizes[] = {1, 2, 3, 7, 32, 33, 65};
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int n = sizes[k];
        double *a = calloc((size_t)(n * n), sizeof *a);
        check_svd(a, n, 1); /* zeros */
        for (int i = 0; i < n * n; i++)
            a[i] = 1e-160 * syl_random_normal(&rng);
        check_svd(a, n, 1e-160);
        for (int i = 0; i < n * n; i++)
            a[i] = 1e160 * syl_random_normal(&rng);
        check_svd(a, n, 1e160);
        for (int i = 0; i < n * n; i++) /* of rank 2 */
            a[i] = (i / n + 1) * cos(i % n) + sin(i / n) * (i % n);
        check_svd(a, n, n * n);
        free(a);
    }
}

/* [[4, 0], [3, -5]]: A^T A = [[25, -15], [-15, 25]] has eigenvalues 40 and 10. */
static void test_svd_by_hand(void **state)
{
    double a[] = {4, 0, 3, -5}, u[4], s[2], v[4];
    (void)state;
    ok(syl_svd(a, 2, u, s, v, &err));
    near("first", s[0], sqrt(40), 1e-14);
    near("second", s[1], sqrt(10), 1e-14);
    near("direction", v[0] * v[2], -0.5, 1e-14); /* (1, -1) / sqrt(2) or its opposite */
    a[1] = NAN;
    assert_int_equal(syl_svd(a, 2, u, s, v, &err), SYL_EINVAL);
}

static uint8_t *codes_of(const float *x, int64_t n, int dim, syl_hash_options options)
{
    syl_hash hash;
    ok(syl_hash_fit(&hash, x, n, dim, &options, &err));
    uint8_t *codes = malloc((size_t)(n * ((hash.bits + 7) / 8)) + 1);
    memset(codes, 0xff, (size_t)(n * ((hash.bits + 7) / 8)));
    syl_hash_codes(&hash, x, n, options.threads, codes);
    syl_hash_free(&hash);
    return codes;
}

static int bit(const uint8_t *codes, int64_t i, int bits, int j)
{
    return codes[i * ((bits + 7) / 8) + j / 8] >> j % 8 & 1;
}

/* Half of the documents lie above a median; for an odd number, less one half. */
static void test_median(void **state)
{
    static const int dims[] = {1, 7, 8, 9, 33};
    (void)state;
    for (int n = 1; n <= 64; n += 21)
        for (int k = 0; k < 5; k++) {
            int dim = dims[k];
            float *x = normals((size_t)(n * dim));
            syl_hash_options o = syl_hash_defaults();
            uint8_t *codes = codes_of(x, n, dim, o);
            o.kind = SYL_HASH_SIGN;
            uint8_t *signs = codes_of(x, n, dim, o);
            for (int j = 0; j < dim; j++) {
                int ones = 0;
                float lowest = INFINITY, highest = -INFINITY;
                for (int i = 0; i < n; i++) {
                    ones += bit(codes, i, dim, j);
                    if (bit(codes, i, dim, j))
                        lowest = fminf(lowest, x[i * dim + j]);
                    else
                        highest = fmaxf(highest, x[i * dim + j]);
                    assert_int_equal(bit(signs, i, dim, j), x[i * dim + j] > 0);
                }
                assert_int_equal(ones, n / 2);
                assert_true(lowest > highest);
            }
            for (int i = 0; i < n; i++)
                for (int j = dim; j < (dim + 7) / 8 * 8; j++)
                    assert_int_equal(bit(codes, i, dim, j), 0);
            free(codes);
            free(signs);
            free(x);
        }
}

/* Two vectors differ in a bit with probability angle / pi (Charikar); here that is 1/3. */
static void test_planes(void **state)
{
    enum { BITS = 20001 };
    float x[] = {1, 0, 0, 0.5f, (float)sqrt(0.75), 0, -2, 0, 0};
    syl_hash_options o = syl_hash_defaults();
    int differ = 0;
    (void)state;
    o.kind = SYL_HASH_PLANES;
    o.bits = BITS;
    uint8_t *codes = codes_of(x, 3, 3, o), *again;
    for (int j = 0; j < BITS; j++) {
        differ += bit(codes, 0, BITS, j) != bit(codes, 1, BITS, j);
        assert_true(bit(codes, 0, BITS, j) != bit(codes, 2, BITS, j)); /* opposite */
    }
    near("share", (double)differ / BITS, 1 / 3.0, 0.015); /* more than 4 deviations */
    o.threads = 2;
    again = codes_of(x, 3, 3, o);
    assert_memory_equal(codes, again, 3 * (BITS + 7) / 8);
    free(again);
    o.seed = 2;
    again = codes_of(x, 3, 3, o);
    assert_memory_not_equal(codes, again, 3 * (BITS + 7) / 8);
    free(again);
    free(codes);
}

static double quantisation_error(const float *v, const double *rotation, int n, int bits)
{
    double error = 0;
    for (int r = 0; r < n; r++)
        for (int j = 0; j < bits; j++) {
            double value = 0;
            for (int i = 0; i < bits; i++)
                value += v[r * bits + i] * rotation[i * bits + j];
            error += (fabs(value) - 1) * (fabs(value) - 1);
        }
    return error;
}

static void test_rotation(void **state)
{
    enum { N = 301, ITERATIONS = 20 };
    static const int sizes[] = {1, 3, 16, 21};
    (void)state;
    for (int k = 0; k < 4; k++) {
        int bits = sizes[k];
        float *v = normals((size_t)(N * bits));
        double *rotation = calloc((size_t)(bits * bits), sizeof *rotation);
        double errors[ITERATIONS + 1];
        ok(syl_itq_rotate(rotation, errors, v, N, bits, ITERATIONS, 1, 2, &err));
        orthogonal("rotation", rotation, bits, 1e-12 * bits);
        for (int i = 1; i <= ITERATIONS; i++)
            assert_true(errors[i] <= errors[i - 1] * (1 + 1e-6));
        if (bits > 3) assert_true(errors[ITERATIONS] < 0.99 * errors[0]);
        near("error", quantisation_error(v, rotation, N, bits) / errors[ITERATIONS], 1, 1e-5);
        free(rotation);
        free(v);
    }
}

/* Corners of a cube, stretched a little, turned and moved away: ITQ finds the corners, so that each
 * corner has a code of its own, and all documents of it that code. (From a few seeds it stops at
 * another, local minimum: 3 of 200, as a NumPy version does.) */
static void test_planted(void **state)
{
    enum { BITS = 3, DIM = 5, N = 400 };
    double axes[DIM * DIM], u[DIM * DIM], s[DIM], v[DIM * DIM];
    float x[N * DIM];
    int corner[N], seen[8] = {0}, codes_seen = 0;
    syl_hash_options o = {.kind = SYL_HASH_ITQ, .bits = BITS, .iterations = 50, .seed = 1};
    (void)state;
    for (int i = 0; i < DIM * DIM; i++)
        axes[i] = syl_random_normal(&rng);
    ok(syl_svd(axes, DIM, u, s, v, &err));
    for (int i = 0; i < N; i++) {
        corner[i] = (int)syl_random_below(&rng, 8);
        for (int d = 0; d < DIM; d++) {
            double value = 10 + d + 0.05 * syl_random_normal(&rng);
            for (int b = 0; b < BITS; b++)
                value += (corner[i] >> b & 1 ? 1 : -1) * (1 + 0.01 * b) * u[d * DIM + b];
            x[i * DIM + d] = (float)value;
        }
    }
    for (o.threads = 1; o.threads <= 3; o.threads++) {
        uint8_t *codes = codes_of(x, N, DIM, o);
        memset(seen, 0, sizeof seen);
        codes_seen = 0;
        for (int i = 0; i < N; i++) {
            if (!seen[corner[i]]) seen[corner[i]] = 1 + codes[i];
            assert_int_equal(seen[corner[i]], 1 + codes[i]);
            codes_seen |= 1 << codes[i];
        }
        assert_int_equal(codes_seen, 255);
        free(codes);
    }
}

/* What is the same in every thread's run: the planes themselves. */
static void test_threads(void **state)
{
    enum { N = 250, DIM = 37, BITS = 19 };
    float *x = normals(N * DIM);
    syl_hash first, other;
    syl_hash_options o = {.kind = SYL_HASH_ITQ, .bits = BITS, .iterations = 7, .threads = 1};
    (void)state;
    ok(syl_hash_fit(&first, x, N, DIM, &o, &err));
    o.threads = 3;
    ok(syl_hash_fit(&other, x, N, DIM, &o, &err));
    assert_memory_equal(first.planes, other.planes, sizeof(float) * DIM * BITS);
    assert_memory_equal(first.threshold, other.threshold, sizeof(float) * BITS);
    syl_hash_free(&first);
    syl_hash_free(&other);
    free(x);
}

static void test_limits(void **state)
{
    float x[6] = {1, 2, 3, 1, 2, 3};
    syl_hash hash;
    syl_hash_options o = syl_hash_defaults();
    (void)state;
    o.kind = SYL_HASH_ITQ;
    free(codes_of(x, 1, 3, o)); /* no variance at all */
    free(codes_of(x, 2, 3, o));
    o.bits = 4;
    assert_int_equal(syl_hash_fit(&hash, x, 2, 3, &o, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "4 bits from 3 dimensions"));
    o.kind = SYL_HASH_MEDIAN;
    assert_int_equal(syl_hash_fit(&hash, x, 2, 3, &o, &err), SYL_EINVAL);
    o.bits = 0;
    assert_int_equal(syl_hash_fit(&hash, x, 0, 3, &o, &err), SYL_EINVAL);
    x[4] = INFINITY;
    assert_int_equal(syl_hash_fit(&hash, x, 2, 3, &o, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "vector 1: value 1"));
    o.kind = SYL_HASH_PLANES;
    o.bits = -1;
    assert_int_equal(syl_hash_fit(&hash, x, 1, 3, &o, &err), SYL_EINVAL);
    assert_null(hash.planes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_svd),      cmocka_unit_test(test_svd_by_hand),
        cmocka_unit_test(test_median),   cmocka_unit_test(test_planes),
        cmocka_unit_test(test_rotation), cmocka_unit_test(test_planted),
        cmocka_unit_test(test_threads),  cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
