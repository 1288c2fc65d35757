/* k-means against planted clusters and plain programs. */
#include "tests/golden/golden.h"

#include <unistd.h>

#include "lib/base/random.h"
#include "lib/base/vector.h"
#include "lib/io/npy.h"
#include "train/kmeans.h"
#include "train/kmeans_run.h"

static syl_error err;
static syl_random rng = {.seed = 3};
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/sylkit-kmeans-XXXXXX");
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

static char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static float *normals(size_t n, float scale)
{
    float *v = malloc((n + 1) * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = scale * syl_random_normal(&rng);
    return v;
}

static const char *write_rows(const char *name, const float *x, int64_t rows, int64_t dim)
{
    const char *path = in_folder(name);
    int64_t shape[] = {rows, dim};
    ok(syl_npy_write(path, x, SYL_F32, 2, shape, &err));
    return path;
}

/* Rows of one file, which is gone afterwards (its map stays). */
static syl_rows *rows_of(const float *x, int64_t n, int64_t dim, syl_metric metric)
{
    syl_rows *rows;
    const char *path = write_rows("rows.npy", x, n, dim);
    ok(syl_rows_open(&rows, &path, 1, metric, &err));
    unlink(path);
    return rows;
}

/* n points around `size` far centres, in turn: point i belongs to centre i % size. */
static float *planted(int n, int dim, int size, float spread)
{
    float *centres = normals((size_t)(size * dim), 10), *x = normals((size_t)(n * dim), spread);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < dim; j++)
            x[i * dim + j] += centres[i % size * dim + j];
    free(centres);
    return x;
}

static int nearest_plain(const float *x, const float *c, int size, int dim)
{
    int best = 0;
    double least = INFINITY;
    for (int k = 0; k < size; k++) {
        double sum = 0;
        for (int j = 0; j < dim; j++)
            sum += ((double)x[j] - c[k * dim + j]) * ((double)x[j] - c[k * dim + j]);
        if (sum < least) {
            least = sum;
            best = k;
        }
    }
    return best;
}

/* ---- rows ---------------------------------------------------------------------------- */

static void test_rows(void **state)
{
    enum { DIM = 3 };
    static const int64_t counts[] = {2, 0, 5, 1};
    float *x = normals(8 * DIM, 1), got[8 * DIM];
    const char *paths[4], *names[] = {"a.npy", "b.npy", "c.npy", "d.npy"};
    syl_rows *rows;
    (void)state;
    for (int f = 0, at = 0; f < 4; at += (int)counts[f++])
        paths[f] = write_rows(names[f], x + at * DIM, counts[f], DIM);
    ok(syl_rows_open(&rows, paths, 4, SYL_METRIC_EUCLIDEAN, &err));
    assert_int_equal(syl_rows_count(rows), 8);
    for (int begin = 0; begin < 8; begin++)
        for (int n = 0; begin + n <= 8; n++) {
            ok(syl_rows_read(rows, begin, n, got, &err));
            assert_memory_equal(got, x + begin * DIM, (size_t)(n * DIM) * sizeof *x);
        }
    ok(syl_rows_gather(rows, (const int64_t[]){7, 0, 2}, 3, got, &err));
    assert_memory_equal(got, x + 7 * DIM, DIM * sizeof *x);
    assert_memory_equal(got + 2 * DIM, x + 2 * DIM, DIM * sizeof *x);
    syl_rows_close(rows);
    ok(syl_rows_open(&rows, paths, 4, SYL_METRIC_NORM6, &err));
    ok(syl_rows_read(rows, 0, 8, got, &err));
    for (int i = 0; i < 8; i++)
        assert_true(fabsf(syl_dot(got + i * DIM, got + i * DIM, DIM) - 36) < 1e-4f);
    syl_rows_close(rows);
    for (int f = 0; f < 4; f++)
        unlink(paths[f]);
    free(x);
}

static void refused(const float *x, int64_t n, int64_t dim, syl_metric metric, const char *says)
{
    float *got = malloc((size_t)(n * dim) * sizeof *got);
    syl_rows *rows = rows_of(x, n, dim, metric);
    assert_non_null(got);
    assert_int_equal(syl_rows_read(rows, 0, n, got, &err), SYL_EFORMAT);
    if (!strstr(err.message, says) || !strstr(err.message, "rows.npy"))
        fail_msg("\"%s\" does not say \"%s\"", err.message, says);
    syl_rows_close(rows);
    free(got);
}

static void test_bad_rows(void **state)
{
    float *x = normals(20 * 5, 1);
    const char *paths[2];
    syl_rows *rows;
    (void)state;
    memset(x + 4 * 5, 0, 5 * sizeof *x);
    refused(x, 20, 5, SYL_METRIC_SPHERICAL, "row 4 ");
    x[13 * 5 + 2] = NAN;
    refused(x, 20, 5, SYL_METRIC_EUCLIDEAN, "row 13 ");
    x[13 * 5 + 2] = 1;
    x[7 * 5 + 1] = -INFINITY;
    refused(x, 20, 5, SYL_METRIC_EUCLIDEAN, "row 7 ");
    paths[0] = write_rows("four.npy", x, 25, 4);
    paths[1] = write_rows("five.npy", x, 20, 5);
    assert_int_equal(syl_rows_open(&rows, paths, 2, SYL_METRIC_EUCLIDEAN, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "five.npy"));
    assert_null(rows);
    unlink(paths[0]);
    unlink(paths[1]);
    free(x);
}

/* ---- assignment ------------------------------------------------------------------------- */

static void check_assign(int n, int dim, int size, int threads)
{
    float *x = normals((size_t)(n * dim), 1), *c = normals((size_t)(size * dim), 1);
    float *got = malloc((size_t)(n * dim) * sizeof *got);
    float *distances = malloc((size_t)n * sizeof *distances);
    int32_t *labels = malloc((size_t)n * sizeof *labels);
    syl_rows *rows = rows_of(x, n, dim, SYL_METRIC_EUCLIDEAN);
    syl_assigner *a;
    ok(syl_assigner_create(&a, rows, NULL, threads, &err));
    ok(syl_assigner_set(a, c, size, &err));
    ok(syl_assign(a, NULL, 0, n, got, labels, distances, &err));
    assert_memory_equal(got, x, (size_t)(n * dim) * sizeof *x);
    for (int i = 0; i < n; i++) {
        int want = nearest_plain(x + i * dim, c, size, dim);
        float least = syl_distance2(x + i * dim, c + want * dim, dim);
        if (!(distances[i] <= least * (1 + 1e-5f))) /* of two equally far, either will do */
            fail_msg("row %d of %d: centroid %d at %g, not %d at %g", i, n, labels[i],
                     (double)distances[i], want, (double)least);
        assert_true(distances[i] == syl_distance2(x + i * dim, c + labels[i] * dim, dim));
    }
    syl_assigner_free(a);
    syl_rows_close(rows);
    free(x);
    free(c);
    free(got);
    free(distances);
    free(labels);
}

static void test_assign(void **state)
{
    static const int shapes[][3] = {{1, 1, 1},     {7, 3, 2},      {255, 33, 31},
                                    {257, 16, 63}, {600, 48, 513}, {300, 20, 1300}};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int threads = 1; threads <= 3; threads += 2)
            check_assign(shapes[i][0], shapes[i][1], shapes[i][2], threads);
}

/* Of equal centroids the first, in one tile and in another. */
static void test_ties(void **state)
{
    enum { SIZE = 1100, DIM = 6 };
    static const int twins[][2] = {{3, 40}, {70, 511}, {100, 512}, {5, 1099}};
    float *c = normals(SIZE * DIM, 1), x[DIM], distance;
    int32_t label;
    (void)state;
    for (int t = 0; t < 4; t++) {
        const float *twin = c + twins[t][0] * DIM;
        memcpy(c + twins[t][1] * DIM, twin, DIM * sizeof *c);
        syl_rows *rows = rows_of(twin, 1, DIM, SYL_METRIC_EUCLIDEAN);
        syl_assigner *a;
        ok(syl_assigner_create(&a, rows, NULL, 1, &err));
        ok(syl_assigner_set(a, c, SIZE, &err));
        ok(syl_assign(a, NULL, 0, 1, x, &label, &distance, &err));
        assert_int_equal(label, twins[t][0]);
        assert_true(distance == 0);
        syl_assigner_free(a);
        syl_rows_close(rows);
    }
    free(c);
}

/* ---- whole runs ------------------------------------------------------------------------- */

typedef struct watch {
    double inertia[64];
    int calls, stop_at; /* iterations seen; 0: never stop */
} watch;

static bool note(void *user, const syl_kmeans_progress *p)
{
    watch *w = user;
    if (!p->iteration) return true;
    assert_true(w->calls < 64);
    w->inertia[w->calls++] = p->inertia;
    return w->calls != w->stop_at;
}

static syl_kmeans_result run(const syl_rows *rows, syl_kmeans_options o)
{
    syl_kmeans_result r;
    ok(syl_kmeans(&r, rows, &o, &err));
    return r;
}

/* Each planted cluster is one cluster, whatever the beginning. */
static void check_recovered(syl_kmeans_options o, syl_metric metric)
{
    enum { N = 1200, DIM = 24, SIZE = 30 };
    float *x = planted(N, DIM, SIZE, 0.1f), y[DIM];
    syl_rows *rows = rows_of(x, N, DIM, metric);
    int owner[SIZE];
    o.clusters = SIZE;
    syl_kmeans_result r = run(rows, o);
    for (int i = 0; i < SIZE; i++)
        owner[i] = -1;
    for (int i = 0; i < N; i++) {
        ok(syl_rows_read(rows, i, 1, y, &err));
        int k = nearest_plain(y, r.centroids, SIZE, DIM);
        if (owner[i % SIZE] < 0) owner[i % SIZE] = k;
        assert_int_equal(owner[i % SIZE], k);
    }
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < i; j++)
            assert_int_not_equal(owner[i], owner[j]);
    for (int k = 0; metric == SYL_METRIC_SPHERICAL && k < SIZE; k++)
        assert_true(fabsf(syl_dot(r.centroids + k * DIM, r.centroids + k * DIM, DIM) - 1) < 1e-5f);
    syl_kmeans_result_free(&r);
    syl_rows_close(rows);
    free(x);
}

static void test_planted(void **state)
{
    (void)state;
    for (int m = SYL_METRIC_EUCLIDEAN; m <= SYL_METRIC_SPHERICAL; m++)
        for (int64_t batch = 0; batch <= 400; batch += 400)
            for (int init = SYL_KMEANS_PLUSPLUS; init <= SYL_KMEANS_PARALLEL; init++) {
                syl_kmeans_options o = syl_kmeans_defaults();
                o.batch = batch;
                o.iterations = 20;
                o.init = (syl_kmeans_init)init;
                check_recovered(o, (syl_metric)m);
            }
}

/* Lloyd's from random rows of one cloud: inertia falls at each step and ends where the result
 * says; the final centroids are the means of their rows. */
static void test_lloyd(void **state)
{
    enum { N = 3000, DIM = 8, SIZE = 40 };
    float *x = normals(N * DIM, 1);
    (void)state;
    for (int m = SYL_METRIC_EUCLIDEAN; m <= SYL_METRIC_SPHERICAL; m++) {
        syl_rows *rows = rows_of(x, N, DIM, (syl_metric)m);
        syl_kmeans_options o = syl_kmeans_defaults();
        watch w = {.calls = 0};
        o.clusters = SIZE;
        o.init = SYL_KMEANS_RANDOM;
        o.iterations = 30;
        o.tolerance = 0;
        o.progress = note;
        o.user = &w;
        syl_kmeans_result r = run(rows, o);
        assert_true(w.calls >= 10);
        for (int i = 1; i < w.calls; i++)
            assert_true(w.inertia[i] <= w.inertia[i - 1] * (1 + 1e-6));
        assert_true(w.inertia[w.calls - 1] < 0.9 * w.inertia[0]);
        assert_true(r.inertia <= w.inertia[w.calls - 1] * (1 + 1e-6));
        double inertia = 0;
        for (int i = 0; i < N; i++) {
            float y[DIM];
            ok(syl_rows_read(rows, i, 1, y, &err));
            int k = nearest_plain(y, r.centroids, SIZE, DIM);
            inertia += syl_distance2(y, r.centroids + k * DIM, DIM);
        }
        assert_true(fabs(inertia - r.inertia) < 1e-5 * inertia);
        syl_kmeans_result_free(&r);
        syl_rows_close(rows);
    }
    free(x);
}

/* One Lloyd iteration from centroids that are known is their rows' means. */
static void test_means(void **state)
{
    static const float x[] = {0, 0, 0, 2, 10, 0, 10, 4, 13, 2};
    syl_rows *rows = rows_of(x, 5, 2, SYL_METRIC_EUCLIDEAN);
    syl_kmeans_options o = syl_kmeans_defaults();
    (void)state;
    o.clusters = 2;
    syl_kmeans_result r = run(rows, o);
    int low = r.centroids[0] < r.centroids[2] ? 0 : 2;
    assert_true(r.centroids[low] == 0 && r.centroids[low + 1] == 1);
    assert_true(r.centroids[2 - low] == 11 && r.centroids[3 - low] == 2);
    assert_true(fabs(r.inertia - (2 + 2 * 5 + 4)) < 1e-4);
    assert_true(r.converged);
    syl_kmeans_result_free(&r);
    syl_rows_close(rows);
}

/* More threads, the same bits; another seed, other bits. */
static void test_deterministic(void **state)
{
    enum { N = 2000, DIM = 10, SIZE = 70 };
    float *x = normals(N * DIM, 1);
    syl_rows *rows = rows_of(x, N, DIM, SYL_METRIC_EUCLIDEAN);
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        syl_kmeans_options o = syl_kmeans_defaults();
        o.clusters = SIZE;
        o.init = (syl_kmeans_init)(kind / 2);
        o.batch = kind % 2 * 300;
        o.iterations = 7;
        o.restarts = 2;
        syl_kmeans_result one = run(rows, o);
        o.threads = 3;
        syl_kmeans_result three = run(rows, o);
        assert_memory_equal(one.centroids, three.centroids, SIZE * DIM * sizeof *x);
        assert_true(one.inertia == three.inertia);
        o.seed = 1;
        syl_kmeans_result other = run(rows, o);
        assert_memory_not_equal(one.centroids, other.centroids, SIZE * DIM * sizeof *x);
        syl_kmeans_result_free(&one);
        syl_kmeans_result_free(&three);
        syl_kmeans_result_free(&other);
    }
    syl_rows_close(rows);
    free(x);
}

/* What the mini-batch centroids of a run on the disk were given, in rows. */
static int64_t rows_given(const char *state)
{
    syl_safetensors *file;
    int64_t counts[64], sum = 0;
    ok(syl_safetensors_open(&file, state, &err));
    const syl_st_tensor *t = syl_safetensors_find(file, "counts");
    assert_non_null(t);
    assert_true(t->count <= 128);
    memcpy(counts, t->data, t->count * 4);
    for (size_t k = 0; k < t->count / 2; k++)
        sum += counts[k];
    syl_safetensors_free(file);
    return sum;
}

/* Stopped after each number of iterations in turn, in whichever restart that falls, and resumed:
 * the same bits as of one piece. */
static void test_resume(void **state)
{
    enum { N = 900, DIM = 6, SIZE = 25, ITERATIONS = 4 };
    float *x = normals(N * DIM, 1);
    syl_rows *rows = rows_of(x, N, DIM, SYL_METRIC_EUCLIDEAN);
    const char *path = in_folder("run.state");
    (void)state;
    for (int64_t batch = 0; batch <= 200; batch += 200) {
        syl_kmeans_options o = syl_kmeans_defaults();
        o.clusters = SIZE;
        o.batch = batch;
        o.iterations = ITERATIONS;
        o.tolerance = 0;
        o.restarts = 2;
        syl_kmeans_result whole = run(rows, o);
        for (int stop = 1; stop <= 2 * ITERATIONS; stop++) {
            watch w = {.stop_at = stop};
            char kept[256];
            snprintf(kept, sizeof kept, "%s", path);
            o.state = kept;
            o.resume = true;
            o.progress = note;
            o.user = &w;
            syl_kmeans_result r = run(rows, o);
            assert_true(r.stopped);
            assert_null(r.centroids);
            assert_int_equal(access(kept, F_OK), 0);
            if (batch && stop <= ITERATIONS) /* each restart counts for itself */
                assert_int_equal(rows_given(kept), stop * batch);
            else if (batch)
                assert_int_equal(rows_given(kept), (stop - ITERATIONS) * batch);
            o.progress = NULL;
            r = run(rows, o);
            assert_false(r.stopped);
            assert_true(r.inertia == whole.inertia && r.restart == whole.restart);
            assert_memory_equal(r.centroids, whole.centroids, SIZE * DIM * sizeof *x);
            syl_kmeans_result_free(&r);
            o.seed = 9; /* another run's state is not taken */
            assert_int_equal(syl_kmeans(&r, rows, &o, &err), SYL_EINVAL);
            assert_non_null(strstr(err.message, "another run"));
            o.seed = 0;
            unlink(kept);
        }
        syl_kmeans_result_free(&whole);
    }
    syl_rows_close(rows);
    free(x);
}

/* A best-of-several is no worse than the first alone. */
static void test_restarts(void **state)
{
    float *x = normals(800 * 4, 1);
    syl_rows *rows = rows_of(x, 800, 4, SYL_METRIC_EUCLIDEAN);
    syl_kmeans_options o = syl_kmeans_defaults();
    double least = INFINITY;
    int best = -1;
    (void)state;
    o.clusters = 30;
    o.init = SYL_KMEANS_RANDOM;
    for (int n = 1; n <= 5; n++) {
        o.restarts = n;
        syl_kmeans_result r = run(rows, o);
        assert_true(r.inertia <= least);
        if (r.inertia < least) best = n - 1;
        least = r.inertia;
        assert_int_equal(r.restart, best);
        syl_kmeans_result_free(&r);
    }
    syl_rows_close(rows);
    free(x);
}

/* Random rows of few places leave clusters empty, which must end on the places left over. */
static void test_empty(void **state)
{
    enum { PLACES = 12, COPIES = 40 };
    float x[PLACES * COPIES * 2];
    bool found[PLACES] = {false};
    (void)state;
    for (int i = 0; i < PLACES * COPIES; i++) { /* the first place has almost all */
        int place = i < PLACES * (COPIES - 1) ? 0 : i % PLACES;
        x[2 * i] = (float)place;
        x[2 * i + 1] = (float)(place * place);
    }
    syl_rows *rows = rows_of(x, PLACES * COPIES, 2, SYL_METRIC_EUCLIDEAN);
    syl_kmeans_options o = syl_kmeans_defaults();
    o.clusters = PLACES;
    o.init = SYL_KMEANS_RANDOM;
    o.tolerance = 0;
    syl_kmeans_result r = run(rows, o);
    assert_true(r.inertia == 0);
    for (int k = 0; k < PLACES; k++)
        found[(int)r.centroids[2 * k]] = true;
    for (int p = 0; p < PLACES; p++)
        assert_true(found[p]);
    syl_kmeans_result_free(&r);
    for (int init = SYL_KMEANS_PLUSPLUS; init <= SYL_KMEANS_RANDOM; init++) {
        o.init = (syl_kmeans_init)init;
        o.clusters = PLACES + 1;
        assert_int_equal(syl_kmeans(&r, rows, &o, &err), SYL_EINVAL);
        if (!strstr(err.message, "12 different") || !strstr(err.message, "at most 12"))
            fail_msg("init %d: \"%s\"", init, err.message);
        o.clusters = PLACES;
        ok(syl_kmeans(&r, rows, &o, &err));
        assert_true(r.inertia == 0);
        syl_kmeans_result_free(&r);
    }
    o.clusters = PLACES * COPIES + 1;
    assert_int_equal(syl_kmeans(&r, rows, &o, &err), SYL_EINVAL);
    syl_rows_close(rows);
}

/* ---- k-means++ -------------------------------------------------------------------------- */

/* The same draws, by the definition in double. */
static void plusplus_plain(const float *x, const double *weights, int n, int dim, int size,
                           syl_random random, int64_t *chosen)
{
    double *nearest = malloc((size_t)n * sizeof *nearest);
    assert_non_null(nearest);
    for (int found = 0; found < size; found++) {
        double total = 0, least = INFINITY;
        for (int i = 0; i < n; i++)
            total += (weights ? weights[i] : 1) * (found ? nearest[i] : 1);
        int trials = found ? 2 + (int)log(size) : 1;
        for (int t = 0; t < trials; t++) {
            double at = syl_random_double(&random) * total, sum = 0, left = 0;
            int pick = -1;
            while (sum <= at) {
                pick++;
                sum += (weights ? weights[pick] : 1) * (found ? nearest[pick] : 1);
            }
            for (int i = 0; i < n; i++) {
                double far = 0;
                for (int j = 0; j < dim; j++)
                    far += pow((double)x[i * dim + j] - x[pick * dim + j], 2);
                left += (weights ? weights[i] : 1) * (found ? fmin(far, nearest[i]) : fmin(far, 1));
            }
            if (left < least) {
                least = left;
                chosen[found] = pick;
            }
        }
        for (int i = 0; i < n; i++) {
            double far = 0;
            for (int j = 0; j < dim; j++)
                far += pow((double)x[i * dim + j] - x[chosen[found] * dim + j], 2);
            nearest[i] = found ? fmin(far, nearest[i]) : far;
        }
    }
    free(nearest);
}

static void test_plusplus(void **state)
{
    enum { N = 2500, DIM = 5, SIZE = 60 };
    float *x = normals(N * DIM, 1);
    double weights[N];
    int64_t got[SIZE], want[SIZE];
    int found;
    (void)state;
    for (int i = 0; i < N; i++)
        weights[i] = i % 7;
    for (int weighted = 0; weighted < 2; weighted++) {
        syl_kmeans_options o = syl_kmeans_defaults();
        syl_kmeans_run run = {.options = &o, .dim = DIM};
        const double *w = weighted ? weights : NULL;
        o.threads = 2;
        o.seed = 17;
        ok(syl_kmeans_plusplus(&run, x, w, N, got, SIZE, &found, &err));
        assert_int_equal(found, SIZE);
        plusplus_plain(x, w, N, DIM, SIZE, syl_kmeans_random(&run, SYL_KMEANS_DRAW_SEEDS, 0), want);
        for (int k = 0; k < SIZE; k++)
            assert_int_equal(got[k], want[k]);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_assign),        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_plusplus),      cmocka_unit_test(test_planted),
        cmocka_unit_test(test_lloyd),         cmocka_unit_test(test_means),
        cmocka_unit_test(test_deterministic), cmocka_unit_test(test_resume),
        cmocka_unit_test(test_restarts),      cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
