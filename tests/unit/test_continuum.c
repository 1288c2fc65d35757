/* Alignment, mixtures of sounds whose mixture is known, and the index. */
#include "tests/golden/golden.h"

#include "lib/base/random.h"
#include "lib/base/vector.h"
#include "sylber/discriminability.h"
#include "sylber/dtw.h"
#include "sylber/morph.h"

static syl_error err;
static syl_random rng = {.seed = 8};

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

/* ---- alignment -------------------------------------------------------------------------- */

/* The least sum from (i, j) to the end, by trying all ways. */
static double least(const float *a, int n, const float *b, int m, int dim, int i, int j)
{
    double here = sqrt(syl_distance2(a + i * dim, b + j * dim, dim)), rest = INFINITY;
    if (i == n - 1 && j == m - 1) return here;
    if (i < n - 1) rest = fmin(rest, least(a, n, b, m, dim, i + 1, j));
    if (j < m - 1) rest = fmin(rest, least(a, n, b, m, dim, i, j + 1));
    if (i < n - 1 && j < m - 1) rest = fmin(rest, least(a, n, b, m, dim, i + 1, j + 1));
    return here + rest;
}

static void test_dtw(void **state)
{
    enum { DIM = 2 };
    static const int sizes[][2] = {{1, 1}, {1, 5}, {6, 1}, {5, 7}, {7, 6}};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int n = sizes[s][0], m = sizes[s][1];
        float a[8 * DIM], b[8 * DIM];
        size_t(*path)[2], length;
        double sum = 0;
        for (int i = 0; i < 8 * DIM; i++) {
            a[i] = syl_random_normal(&rng);
            b[i] = syl_random_normal(&rng);
        }
        ok(syl_dtw(a, (size_t)n, b, (size_t)m, DIM, &path, &length, &err));
        assert_true(path[0][0] == 0 && path[0][1] == 0);
        assert_true((int)path[length - 1][0] == n - 1 && (int)path[length - 1][1] == m - 1);
        for (size_t k = 0; k < length; k++) {
            sum += sqrt(syl_distance2(a + path[k][0] * DIM, b + path[k][1] * DIM, DIM));
            if (!k) continue;
            size_t di = path[k][0] - path[k - 1][0], dj = path[k][1] - path[k - 1][1];
            assert_true(di <= 1 && dj <= 1 && di + dj >= 1);
        }
        assert_true(fabs(sum - least(a, n, b, m, DIM, 0, 0)) < 1e-5);
        free(path);
    }
}

/* ---- mixtures --------------------------------------------------------------------------- */

static float *tone(size_t n, double hz, double level)
{
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(level * sin(2 * M_PI * hz * (double)i / 16000));
    return x;
}

static double level_of(const float *x, size_t n)
{
    return sqrt(2.0 * syl_dot(x + n / 4, x + n / 4, (int)(n / 2)) / (double)(n / 2));
}

/* At the ends are the recordings; the middle of a loud and a soft tone is their geometric mean in
 * level, and between them in length. */
static void test_morph(void **state)
{
    enum { NUM_A = 8000, NUM_B = 12000 };
    float *a = tone(NUM_A, 500, 0.8), *b = tone(NUM_B, 500, 0.05), *x;
    size_t n;
    syl_morph *m;
    (void)state;
    ok(syl_morph_create(&m, a, NUM_A, b, NUM_B, 16000, &err));
    ok(syl_morph_step(m, 0, &x, &n, &err));
    assert_int_equal(n, NUM_A);
    assert_close("alpha 0", x + 256, a + 256, NUM_A - 512, 1e-3);
    free(x);
    ok(syl_morph_step(m, 1, &x, &n, &err));
    assert_int_equal(n, NUM_B);
    assert_close("alpha 1", x + 256, b + 256, NUM_B - 512, 1e-3);
    free(x);
    double before = 0.8;
    for (int step = 1; step < 4; step++) {
        double alpha = step / 4.0, want = pow(0.8, 1 - alpha) * pow(0.05, alpha);
        ok(syl_morph_step(m, alpha, &x, &n, &err));
        assert_int_equal(n, NUM_A + step * (NUM_B - NUM_A) / 4);
        double got = level_of(x, n);
        if (fabs(got / want - 1) > 0.1) fail_msg("alpha %g: level %g, not %g", alpha, got, want);
        assert_true(got < before);
        before = got;
        free(x);
    }
    syl_morph_free(m);
    assert_int_equal(syl_morph_create(&m, a, 0, b, NUM_B, 16000, &err), SYL_EINVAL);
    assert_int_equal(syl_morph_create(&m, a, NUM_A, b, NUM_B, 4000, &err), SYL_EINVAL);
    free(a);
    free(b);
}

/* ---- index ------------------------------------------------------------------------------ */

/* Similarities that give a preference: both ends are `apart` from each other. */
static syl_discriminability index_of(const double *want, int n, double apart)
{
    double a[16], b[16], preference[16];
    for (int i = 0; i < n; i++) {
        a[i] = 1 - want[i] * apart;
        b[i] = 1 - (1 - want[i]) * apart;
    }
    syl_discriminability d = syl_discriminate(a, b, n, preference);
    for (int i = 0; i < n; i++)
        assert_true(fabs(preference[i] - want[i]) < 1e-9);
    return d;
}

static void test_index(void **state)
{
    static const double line[] = {0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1};
    static const double step[] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1};
    /* Trapezia: .1 (0 + .2)/2; then .2 to .8 crosses halfway: twice .05 (.2 + .5)/2; then .1 (.2)/2
     * above; the rest is 0. */
    static const double soft[] = {0, 0, 0, 0, .2, .8, 1, 1, 1, 1, 1};
    static const double same[] = {1, 1, 1};
    double preference[3];
    (void)state;
    syl_discriminability d = index_of(line, 11, 0.3);
    assert_true(fabs(d.index - 0.25) < 1e-9 && fabs(d.crossing - 0.5) < 1e-9);
    d = index_of(step, 11, 0.3);
    assert_true(fabs(d.index - 0.025) < 1e-9 && fabs(d.crossing - 0.35) < 1e-9);
    d = index_of(soft, 11, 1.7);
    assert_true(fabs(d.index - (0.01 + 0.035 + 0.01)) < 1e-9 && fabs(d.crossing - 0.45) < 1e-9);
    d = syl_discriminate(same, same, 3, preference);
    assert_true(isnan(d.index) && isnan(d.crossing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtw),
        cmocka_unit_test(test_morph),
        cmocka_unit_test(test_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
