/* Nearest centroids against the definition in double, and codebook files. */
#include "tests/golden/golden.h"

#include <unistd.h>

#include "lib/base/random.h"
#include "lib/io/npy.h"
#include "sylber/model.h"
#include "sylber/tokenizer.h"

static syl_error err;
static syl_random rng = {.seed = 6};
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/sylkit-tokenizer-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static float *normals(size_t n, float scale)
{
    float *v = malloc((n + 1) * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = scale * syl_random_normal(&rng);
    return v;
}

static double length(const float *x, int dim)
{
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* What the metric wants smallest. */
static double distance(const float *x, const float *c, int dim, syl_metric metric)
{
    double sum = 0, scale = metric == SYL_METRIC_NORM6 ? 6 / length(x, dim) : 1;
    if (metric == SYL_METRIC_SPHERICAL) return -cosine(x, c, (size_t)dim);
    for (int i = 0; i < dim; i++)
        sum += (scale * x[i] - c[i]) * (scale * x[i] - c[i]);
    return sum;
}

static int nearest_plain(const float *x, const float *c, int size, int dim, syl_metric metric)
{
    int best = 0;
    for (int k = 1; k < size; k++)
        if (distance(x, c + k * dim, dim, metric) < distance(x, c + best * dim, dim, metric))
            best = k;
    return best;
}

static syl_codebook *codebook(const float *centroids, int size, int dim, syl_metric metric)
{
    syl_codebook *c;
    size_t bytes = (size_t)(size * dim) * sizeof *centroids;
    float *own = malloc(bytes);
    assert_non_null(own);
    memcpy(own, centroids, bytes);
    ok(syl_codebook_create(&c, own, size, dim, metric, &err));
    return c;
}

/* Of two centroids that are equally far to within rounding, either will do. */
static void check_nearest(int size, int dim, syl_metric metric)
{
    float *centroids = normals((size_t)(size * dim), 1), *x = normals((size_t)(50 * dim), 1.5f);
    float *scratch = malloc((size_t)dim * sizeof *scratch);
    syl_codebook *c = codebook(centroids, size, dim, metric);
    for (int i = 0; i < 50; i++) {
        const float *q = x + i * dim;
        int want = nearest_plain(q, centroids, size, dim, metric);
        int got = syl_codebook_nearest(c, q, scratch);
        assert_in_range(got, 0, size - 1);
        double gap = distance(q, centroids + got * dim, dim, metric) -
                     distance(q, centroids + want * dim, dim, metric);
        if (gap > 1e-5 * dim)
            fail_msg("metric %d, %d x %d: centroid %d in place of %d, %g farther", (int)metric,
                     size, dim, got, want, gap);
        double norm = metric == SYL_METRIC_EUCLIDEAN ? length(q, dim)
                      : metric == SYL_METRIC_NORM6   ? 6
                                                     : 1;
        assert_true(fabs(length(scratch, dim) - norm) < 1e-4 * norm);
        assert_true(cosine(scratch, q, (size_t)dim) > 1 - 1e-6);
    }
    syl_codebook_free(c);
    free(centroids);
    free(x);
    free(scratch);
}

static void test_nearest(void **state)
{
    static const int sizes[][2] = {{1, 1}, {2, 7}, {31, 33}, {130, 16}, {1000, 48}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int m = SYL_METRIC_EUCLIDEAN; m <= SYL_METRIC_SPHERICAL; m++)
            check_nearest(sizes[i][0], sizes[i][1], (syl_metric)m);
}

/* Every centroid is its own nearest one, and the first of equals wins. */
static void test_exact(void **state)
{
    enum { SIZE = 40, DIM = 9 };
    float *centroids = normals(SIZE * DIM, 1), scratch[DIM];
    (void)state;
    memcpy(centroids + 39 * DIM, centroids + 3 * DIM, DIM * sizeof *centroids);
    syl_codebook *c = codebook(centroids, SIZE, DIM, SYL_METRIC_EUCLIDEAN);
    for (int k = 0; k < SIZE; k++)
        assert_int_equal(syl_codebook_nearest(c, centroids + k * DIM, scratch), k == 39 ? 3 : k);
    syl_codebook_free(c);
    free(centroids);
}

/* One vector, three answers. */
static void test_metrics_differ(void **state)
{
    static const float centroids[] = {1, 1, 4.5f, 4.5f, 100, 1};
    static const float x[] = {1.5f, 0.1f};
    static const int want[] = {0, 1, 2};
    float scratch[2];
    (void)state;
    for (int m = SYL_METRIC_EUCLIDEAN; m <= SYL_METRIC_SPHERICAL; m++) {
        syl_codebook *c = codebook(centroids, 3, 2, (syl_metric)m);
        assert_int_equal(nearest_plain(x, centroids, 3, 2, (syl_metric)m), want[m]);
        assert_int_equal(syl_codebook_nearest(c, x, scratch), want[m]);
        syl_codebook_free(c);
    }
}

/* A vector of zeros has no direction; it still gets a token. */
static void test_zero(void **state)
{
    static const float centroids[] = {3, 0, 0, 1, 2, 2}, x[] = {0, 0};
    float scratch[2];
    (void)state;
    for (int m = SYL_METRIC_EUCLIDEAN; m <= SYL_METRIC_SPHERICAL; m++) {
        syl_codebook *c = codebook(centroids, 3, 2, (syl_metric)m);
        int k = syl_codebook_nearest(c, x, scratch);
        assert_int_equal(k, m == SYL_METRIC_SPHERICAL ? 0 : 1);
        assert_true(scratch[0] == 0 && scratch[1] == 0);
        syl_codebook_free(c);
    }
}

/* ---- through the public calls ------------------------------------------------------ */

static char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static const char *write_codebook(const char *name, const float *data, int64_t rows, int64_t cols)
{
    const char *path = in_folder(name);
    int64_t shape[] = {rows, cols};
    ok(syl_npy_write(path, data, SYL_F32, 2, shape, &err));
    return path;
}

static syl_result tokens_of(const syl_model_options *options)
{
    size_t n;
    syl_model *model;
    syl_result result;
    syl_safetensors *file = golden_open("small_check.safetensors");
    float *audio = golden_floats(file, "audio", &n);
    ok(syl_model_load(&model, golden_model(), options, &err));
    ok(syl_tokenize(&result, model, audio, n, NULL, &err));
    syl_model_free(model);
    syl_safetensors_free(file);
    free(audio);
    assert_true(result.num_segments >= 3);
    return result;
}

static void check_residual(syl_metric metric)
{
    enum { SIZE = 19, REST = 23, DIM = 384 };
    float *first = normals(SIZE * DIM, 0.3f), *rest = normals(REST * DIM, 0.3f), left[DIM];
    syl_model_options o = syl_model_options_defaults();
    o.metric = metric;
    o.codebook = write_codebook("first.npy", first, SIZE, DIM);
    o.residual_codebook = write_codebook("rest.npy", rest, REST, DIM);
    syl_result r = tokens_of(&o);
    assert_int_equal(r.dim, DIM);
    for (size_t i = 0; i < r.num_segments; i++) {
        const float *x = r.segments[i].feature;
        int k = nearest_plain(x, first, SIZE, DIM, metric);
        assert_int_equal(r.segments[i].token, k);
        double norm = length(x, DIM), own = length(first + k * DIM, DIM);
        double scale = metric == SYL_METRIC_NORM6       ? 6 / norm
                       : metric == SYL_METRIC_SPHERICAL ? 1 / norm
                                                        : 1;
        for (int j = 0; j < DIM; j++)
            left[j] = (float)(scale * x[j] -
                              first[k * DIM + j] / (metric == SYL_METRIC_SPHERICAL ? own : 1));
        assert_int_equal(r.segments[i].residual_token,
                         nearest_plain(left, rest, REST, DIM, SYL_METRIC_EUCLIDEAN));
    }
    syl_result_free(&r);
    unlink(o.codebook);
    unlink(o.residual_codebook);
    free(first);
    free(rest);
}

static void test_residual(void **state)
{
    (void)state;
    for (int m = SYL_METRIC_EUCLIDEAN; m <= SYL_METRIC_SPHERICAL; m++)
        check_residual((syl_metric)m);
}

/* The codebook changes nothing but the tokens; the model's info tells of it. */
static void test_replaced(void **state)
{
    enum { SIZE = 5, DIM = 384 };
    float *centroids = normals(SIZE * DIM, 0.3f);
    syl_model_options o = syl_model_options_defaults();
    syl_model *model;
    syl_model_info info;
    (void)state;
    o.codebook = write_codebook("five.npy", centroids, SIZE, DIM);
    syl_result own = tokens_of(NULL), other = tokens_of(&o);
    assert_int_equal(own.num_segments, other.num_segments);
    for (size_t i = 0; i < own.num_segments; i++) {
        assert_int_equal(own.segments[i].start_frame, other.segments[i].start_frame);
        assert_int_equal(own.segments[i].end_frame, other.segments[i].end_frame);
        assert_in_range(other.segments[i].token, 0, SIZE - 1);
        assert_int_equal(other.segments[i].residual_token, -1);
    }
    assert_memory_equal(own.features, other.features, own.num_segments * DIM * sizeof(float));
    ok(syl_model_load(&model, golden_model(), &o, &err));
    syl_model_get_info(model, &info);
    assert_int_equal(info.tokens, SIZE);
    assert_int_equal(info.residual_tokens, 0);
    assert_int_equal(info.dim, DIM);
    syl_model_free(model);
    syl_result_free(&own);
    syl_result_free(&other);
    unlink(o.codebook);
    free(centroids);
}

static void assert_refused(const char *path, const char *says)
{
    for (int residual = 0; residual < 2; residual++) {
        syl_model *model;
        syl_model_options o = syl_model_options_defaults();
        *(residual ? &o.residual_codebook : &o.codebook) = path;
        memset(&err, 0, sizeof err);
        assert_int_not_equal(syl_model_load(&model, golden_model(), &o, &err), SYL_OK);
        assert_null(model);
        if (!strstr(err.message, path) || !strstr(err.message, says))
            fail_msg("\"%s\" does not name %s and \"%s\"", err.message, path, says);
    }
    unlink(path);
}

static void test_bad_files(void **state)
{
    float *data = normals(3 * 384, 1);
    int64_t flat[] = {384}, cube[] = {1, 3, 384};
    (void)state;
    assert_refused(in_folder("missing.npy"), "missing.npy");
    assert_refused(write_codebook("narrow.npy", data, 3, 383), "383");
    assert_refused(write_codebook("wide.npy", data, 2, 385), "[K][384]");
    assert_refused(write_codebook("empty.npy", data, 0, 384), "at least one");
    ok(syl_npy_write(in_folder("flat.npy"), data, SYL_F32, 1, flat, &err));
    assert_refused(in_folder("flat.npy"), "1 dimensions");
    ok(syl_npy_write(in_folder("cube.npy"), data, SYL_F32, 3, cube, &err));
    assert_refused(in_folder("cube.npy"), "3 dimensions");
    data[700] = NAN;
    assert_refused(write_codebook("nan.npy", data, 3, 384), "value 700");
    data[700] = -INFINITY;
    assert_refused(write_codebook("inf.npy", data, 3, 384), "value 700");
    FILE *file = fopen(in_folder("text.npy"), "w");
    assert_non_null(file);
    fputs("no array\n", file);
    fclose(file);
    assert_refused(in_folder("text.npy"), "text.npy");
    free(data);
}

/* hubert-base has no codebook of its own. */
static void test_residual_alone(void **state)
{
    char path[4096];
    float *data = normals(2 * 48, 1);
    syl_model *model;
    syl_model_options o = syl_model_options_defaults();
    (void)state;
    o.residual_codebook = write_codebook("alone.npy", data, 2, 48);
    assert_int_equal(
        syl_model_load(&model, golden_path(path, sizeof path, "hubert-base"), &o, &err),
        SYL_EINVAL);
    assert_non_null(strstr(err.message, "residual"));
    o = syl_model_options_defaults();
    o.metric = (syl_metric)3;
    assert_int_equal(syl_model_load(&model, path, &o, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "metric 3"));
    unlink(in_folder("alone.npy"));
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_metrics_differ), cmocka_unit_test(test_zero),
        cmocka_unit_test(test_residual),       cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_bad_files),      cmocka_unit_test(test_residual_alone),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
