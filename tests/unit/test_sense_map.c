/* Projections to two dimensions, and the map of senses. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "tests/unit/dsg_fixture.h"

#include <unistd.h>

#include "embed/pca.h"
#include "embed/sense_map.h"
#include "embed/tsne.h"
#include "lib/base/random.h"

/* ---- principal components ----------------------------------------------------------------- */

static float *gaussians(size_t n, int dim, uint64_t seed)
{
    syl_random rng = {.seed = seed};
    float *x = calloc(n * (size_t)dim + 1, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n * (size_t)dim; i++)
        x[i] = syl_random_normal(&rng) * (float)(1 + 3 * (i % (size_t)dim == 1)) + 5;
    return x;
}

/* By power iteration on the whole covariance matrix (times n), at right angles to `without` where
 * that is given; v [dim] receives the direction: a plain second way. */
static double greatest_variance(const float *x, size_t n, int dim, const double *without, double *v)
{
    double *c = calloc((size_t)(dim * dim), sizeof *c);
    double *w = calloc((size_t)dim, sizeof *w), *mean = calloc((size_t)dim, sizeof *mean), size = 0;
    for (size_t i = 0; i < n; i++)
        for (int d = 0; d < dim; d++)
            mean[d] += (double)x[i * (size_t)dim + (size_t)d] / (double)n;
    for (size_t i = 0; i < n; i++)
        for (int a = 0; a < dim; a++)
            for (int b = 0; b < dim; b++)
                c[a * dim + b] += ((double)x[i * (size_t)dim + (size_t)a] - mean[a]) *
                                  ((double)x[i * (size_t)dim + (size_t)b] - mean[b]);
    for (int d = 0; d < dim; d++)
        v[d] = 1 + 0.1 * d;
    for (int step = 0; step < 3000; step++) {
        double part = 0;
        for (int d = 0; without && d < dim; d++)
            part += v[d] * without[d];
        for (int d = 0; without && d < dim; d++)
            v[d] -= part * without[d];
        size = 0;
        for (int a = 0; a < dim; a++) {
            w[a] = 0;
            for (int b = 0; b < dim; b++)
                w[a] += c[a * dim + b] * v[b];
        }
        for (int a = 0; a < dim; a++)
            size += w[a] * w[a];
        size = sqrt(size);
        for (int a = 0; a < dim; a++)
            v[a] = size > 0 ? w[a] / size : 0;
    }
    free(c);
    free(w);
    free(mean);
    return size;
}

static void test_pca(void **state)
{
    static const struct {
        size_t n;
        int dim;
    } shapes[] = {{40, 5}, {33, 31}, {5, 33}, {200, 2}};
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t n = shapes[s].n;
        int dim = shapes[s].dim;
        float *x = gaussians(n, dim, s + 1);
        double *y = calloc(2 * n, sizeof *y), sum[2] = {0}, product = 0, square[2] = {0};
        assert_int_equal(syl_pca_2d(y, x, n, dim, NULL), SYL_OK);
        for (size_t i = 0; i < 2 * n; i++) {
            sum[i % 2] += y[i];
            square[i % 2] += y[i] * y[i];
        }
        for (size_t i = 0; i < n; i++)
            product += y[2 * i] * y[2 * i + 1];
        assert_true(fabs(sum[0]) < 1e-6 && fabs(sum[1]) < 1e-6);
        assert_true(fabs(product) < 1e-6 * square[0]);
        assert_true(square[0] >= square[1] && square[1] > 0);
        double *first = calloc(2 * (size_t)dim, sizeof *first), *second = first + dim;
        double most = greatest_variance(x, n, dim, NULL, first);
        double next = greatest_variance(x, n, dim, first, second);
        if (fabs(square[0] - most) > 1e-8 * most) fail_msg("%g, not %g", square[0], most);
        if (fabs(square[1] - next) > 1e-6 * most) fail_msg("%g, not %g", square[1], next);
        free(first);
        free(x);
        free(y);
    }
}

static void test_pca_limits(void **state)
{
    float line[] = {0, 0, 0, 1, 2, 3, 3, 6, 9, 2, 4, 6}, same[] = {1, 2, 1, 2};
    double y[8];
    (void)state;
    assert_int_equal(syl_pca_2d(y, line, 4, 3, NULL), SYL_OK);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(y[2 * i + 1]) < 1e-9);
    assert_true(fabs(y[4] - 1.5 * sqrt(14)) < 1e-9 || fabs(y[0] - 1.5 * sqrt(14)) < 1e-9);
    assert_int_equal(syl_pca_2d(y, same, 2, 2, NULL), SYL_OK);
    assert_true(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 0);
    assert_int_equal(syl_pca_2d(y, same, 4, 1, NULL), SYL_OK);
    assert_true(fabs(fabs(y[0]) - 0.5) < 1e-9 && y[1] == 0);
    assert_int_equal(syl_pca_2d(y, NULL, 0, 3, NULL), SYL_OK);
    assert_int_equal(syl_pca_2d(y, line, 1, 3, NULL), SYL_OK);
    assert_true(y[0] == 0 && y[1] == 0);
}

/* ---- t-SNE ---------------------------------------------------------------------------------- */

static void test_perplexity(void **state)
{
    syl_random rng = {.seed = 9};
    double distance2[101], p[101];
    (void)state;
    for (int n = 5; n <= 101; n += 32)
        for (int wanted = 2; wanted < n - 2; wanted += 7) {
            double entropy = 0, sum = 0;
            for (int j = 0; j < n; j++) {
                double x = (double)syl_random_normal(&rng) * 100;
                distance2[j] = j == 3 ? 0 : x * x + 1e4;
            }
            syl_tsne_row(p, distance2, (size_t)n, 3, wanted);
            assert_true(p[3] == 0);
            for (int j = 0; j < n; j++) {
                sum += p[j];
                if (p[j] > 0) entropy -= p[j] * log(p[j]);
            }
            assert_true(fabs(sum - 1) < 1e-9);
            if (fabs(exp(entropy) - wanted) > 1e-4 * wanted) fail_msg("%g", exp(entropy));
        }
    /* All equally far: every width has the same entropy. */
    for (int j = 0; j < 5; j++)
        distance2[j] = 1;
    syl_tsne_row(p, distance2, 5, 0, 2);
    assert_true(fabs(p[1] - 0.25) < 1e-9);
}

static void test_gradient(void **state)
{
    enum { N = 9 };
    syl_random rng = {.seed = 10};
    float p[N * N] = {0};
    double y[2 * N], gradient[2 * N], rows[3 * N], sum = 0;
    (void)state;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) {
            p[i * N + j] = p[j * N + i] = syl_random_uniform(&rng);
            sum += 2 * (double)p[i * N + j];
        }
    for (int i = 0; i < N * N; i++)
        p[i] = (float)((double)p[i] / sum);
    for (int i = 0; i < 2 * N; i++)
        y[i] = (double)syl_random_normal(&rng);
    for (int threads = 1; threads <= 2; threads++) {
        syl_tsne_gradient(gradient, p, y, N, 1, threads, rows);
        for (int i = 0; i < 2 * N; i++) {
            double kept = y[i], h = 1e-5, up, down;
            y[i] = kept + h;
            up = syl_tsne_divergence(p, y, N);
            y[i] = kept - h;
            down = syl_tsne_divergence(p, y, N);
            y[i] = kept;
            if (fabs((up - down) / (2 * h) - gradient[i]) > 1e-6)
                fail_msg("%d: %g, not %g", i, gradient[i], (up - down) / (2 * h));
        }
    }
}

/* Four clusters in 20 dimensions: neighbours on the map are of one cluster; threads and a second
 * run change nothing; another seed does. */
static void test_clusters(void **state)
{
    enum { N = 120, DIM = 20, CLUSTERS = 4 };
    syl_random rng = {.seed = 11};
    float *x = calloc(N * DIM, sizeof *x);
    double *y = calloc(2 * N, sizeof *y), *again = calloc(2 * N, sizeof *y), divergence, zero;
    syl_tsne_options o = syl_tsne_defaults();
    (void)state;
    for (int i = 0; i < N; i++)
        for (int d = 0; d < DIM; d++)
            x[i * DIM + d] = 0.3f * syl_random_normal(&rng) + 3 * (float)(d == i % CLUSTERS);
    o.perplexity = 10;
    o.iterations = 400;
    assert_int_equal(syl_tsne(y, &divergence, x, N, DIM, &o, NULL), SYL_OK);
    int wrong = 0;
    for (int i = 0; i < N; i++) {
        double best = INFINITY;
        int nearest = -1;
        for (int j = 0; j < N; j++) {
            double d = hypot(y[2 * i] - y[2 * j], y[2 * i + 1] - y[2 * j + 1]);
            if (j != i && d < best) {
                best = d;
                nearest = j;
            }
        }
        wrong += nearest % CLUSTERS != i % CLUSTERS;
    }
    assert_int_equal(wrong, 0);
    o.threads = 3;
    assert_int_equal(syl_tsne(again, NULL, x, N, DIM, &o, NULL), SYL_OK);
    assert_memory_equal(y, again, 2 * N * sizeof *y);
    o.seed = 2;
    assert_int_equal(syl_tsne(again, NULL, x, N, DIM, &o, NULL), SYL_OK);
    assert_true(memcmp(y, again, 2 * N * sizeof *y));
    o.iterations = 0;
    assert_int_equal(syl_tsne(again, &zero, x, N, DIM, &o, NULL), SYL_OK);
    if (!(divergence > 0 && divergence < 0.5 * zero)) fail_msg("%g of %g", divergence, zero);
    free(x);
    free(y);
    free(again);
}

static bool stop_at_3(void *user, int iteration)
{
    *(int *)user = iteration;
    return iteration < 3;
}

static void test_tsne_limits(void **state)
{
    float x[] = {1, 1, 1, 1, 1, 1}, two[] = {0, 5};
    double y[6];
    int last = 0;
    syl_error err;
    syl_tsne_options o = syl_tsne_defaults();
    (void)state;
    o.iterations = 50;
    assert_int_equal(syl_tsne(y, NULL, x, 3, 2, &o, NULL), SYL_OK); /* all in one place */
    for (int i = 0; i < 6; i++)
        assert_true(isfinite(y[i]));
    assert_int_equal(syl_tsne(y, NULL, two, 2, 1, &o, NULL), SYL_OK);
    assert_true(isfinite(y[0]) && y[0] != y[2]);
    assert_int_equal(syl_tsne(y, NULL, two, 1, 1, &o, NULL), SYL_OK);
    assert_true(y[0] == 0 && y[1] == 0);
    assert_int_equal(syl_tsne(y, NULL, NULL, 0, 1, &o, NULL), SYL_OK);
    o.progress = stop_at_3;
    o.user = &last;
    assert_int_equal(syl_tsne(y, NULL, x, 3, 2, &o, &err), SYL_ECANCELLED);
    assert_int_equal(last, 3);
    o.perplexity = 0.5;
    assert_int_equal(syl_tsne(y, NULL, x, 3, 2, &o, &err), SYL_EINVAL);
    o = syl_tsne_defaults();
    assert_int_equal(syl_tsne(y, NULL, x, SYL_TSNE_MAX_POINTS + 1, 2, &o, &err), SYL_EINVAL);
}

/* In builds with sanitizers: fontconfig, below cairo, keeps some memory to the end. */
const char *__lsan_default_suppressions(void) __attribute__((visibility("default")));
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

/* ---- maps ----------------------------------------------------------------------------------- */

static syl_senses *senses_of(const syl_dsg_model *m)
{
    syl_senses *s;
    assert_int_equal(syl_senses_create(&s, m, SYL_PRUNE_PRIOR, 1, NULL), SYL_OK);
    return s;
}

static void test_map(void **state)
{
    syl_dsg_model *m = dsg_fixture_of_size(60, 3, 9, false);
    syl_senses *s = senses_of(m);
    static const int32_t words[] = {7, 3, 11};
    syl_sense_map_options o = syl_sense_map_defaults();
    syl_sense_map map;
    syl_error err;
    (void)state;
    o.neighbours = 5;
    o.tsne.iterations = 100;
    for (int method = 0; method < 2; method++) {
        o.method = (syl_map_method)method;
        if (syl_sense_map_make(&map, s, words, 3, &o, &err)) fail_msg("%s", err.message);
        size_t senses = 0;
        for (int i = 0; i < 3; i++) {
            int count;
            const syl_sense *own = syl_senses_of(s, words[i], &count);
            for (int k = 0; k < count; k++, senses++) {
                const syl_map_point *p = &map.points[senses];
                assert_true(p->word == words[i] && p->sense == own[k].sense && !p->neighbour);
                assert_int_equal(p->group, i);
            }
        }
        assert_true(map.count > senses && map.count <= 6 * senses);
        for (size_t i = 0; i < map.count; i++) {
            const syl_map_point *p = &map.points[i];
            assert_true(isfinite(p->x) && isfinite(p->y) && p->group < 3);
            assert_int_equal(p->neighbour, i >= senses);
            assert_true(p->word != m->unknown);
            for (size_t j = 0; j < i; j++)
                assert_false(map.points[j].word == p->word && map.points[j].sense == p->sense);
        }
        assert_true((map.divergence > 0) == (method == SYL_MAP_TSNE));
        syl_sense_map_free(&map);
    }
    o.method = SYL_MAP_PCA;
    o.neighbours = 0;
    assert_int_equal(syl_sense_map_make(&map, s, words, 1, &o, &err), SYL_OK);
    syl_sense_map_free(&map);
    static const int32_t twice[] = {4, 5, 4}, none[] = {-1}, past[] = {60};
    assert_int_equal(syl_sense_map_make(&map, s, twice, 3, &o, &err), SYL_EINVAL);
    assert_int_equal(syl_sense_map_make(&map, s, none, 1, &o, &err), SYL_EINVAL);
    assert_int_equal(syl_sense_map_make(&map, s, past, 1, &o, &err), SYL_EINVAL);
    assert_int_equal(syl_sense_map_make(&map, s, words, 0, &o, &err), SYL_EINVAL);
    o.neighbours = -1;
    assert_int_equal(syl_sense_map_make(&map, s, words, 1, &o, &err), SYL_EINVAL);
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

/* The picture begins as its kind does; without cairo none is there. */
static void check_picture(const char *path, const char *begin)
{
    char start[8] = {0};
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(start, 1, strlen(begin), f), strlen(begin));
    fclose(f);
    unlink(path);
    assert_string_equal(start, begin);
}

static void test_picture(void **state)
{
    syl_dsg_model *m = dsg_fixture_of_size(200, 3, 9, false);
    syl_senses *s = senses_of(m);
    static const int32_t words[] = {7, 3, 11};
    static const char *const paths[] = {"test_sense_map.svg", "test_sense_map.PNG"};
    static const char *const begins[] = {"<?xml", "\x89PNG"};
    syl_sense_map_options o = syl_sense_map_defaults();
    syl_sense_map map;
    syl_error err;
    (void)state;
    for (size_t count = 0; count <= 3; count += 3) {
        map = (syl_sense_map){0};
        if (count) assert_int_equal(syl_sense_map_make(&map, s, words, count, &o, &err), SYL_OK);
        for (int i = 0; i < 2; i++) {
            syl_status status = syl_sense_map_draw(&map, s, paths[i], 400, 300, "w\xc3\xa9", &err);
#ifdef HAVE_CAIRO
            if (status) fail_msg("%s", err.message);
            check_picture(paths[i], begins[i]);
#else
            (void)check_picture;
            (void)begins;
            assert_int_equal(status, SYL_EUNSUPPORTED);
#endif
        }
        assert_int_equal(syl_sense_map_draw(&map, s, paths[0], 100, 300, NULL, &err), SYL_EINVAL);
        syl_sense_map_free(&map);
    }
    syl_map_point point = {.x = NAN};
    map = (syl_sense_map){.points = &point, .count = 1};
    assert_int_equal(syl_sense_map_draw(&map, s, paths[0], 400, 300, NULL, &err), SYL_EINVAL);
    syl_senses_free(s);
    syl_dsg_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pca),        cmocka_unit_test(test_pca_limits),
        cmocka_unit_test(test_perplexity), cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_clusters),   cmocka_unit_test(test_tsne_limits),
        cmocka_unit_test(test_map),        cmocka_unit_test(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
