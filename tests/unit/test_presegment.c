/* Presegmentation's parts, each against a plain version or by hand. */
#include "tests/golden/golden.h"

#include <unistd.h>

#include "lib/base/random.h"
#include "train/presegment/curves.h"
#include "train/presegment/mincut.h"
#include "train/presegment/norm_peaks.h"
#include "train/presegment/presegment.h"
#include "train/presegment/speech_regions.h"

#define DIM 7

static syl_error err;
static syl_random rng = {.seed = 11};

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static float *normals(size_t n)
{
    float *x = calloc(n + 1, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = syl_random_normal(&rng);
    return x;
}

/* ---- curves -------------------------------------------------------------------------- */

/* The whole mirrored curve written out. */
static void test_gaussian(void **state)
{
    static const int64_t sizes[] = {1, 2, 5, 31, 100};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        int64_t n = sizes[s];
        double sigma = s % 2 ? 2 : 1.5, x[100], y[100];
        int radius = (int)(4 * sigma + 0.5);
        for (int64_t i = 0; i < n; i++)
            x[i] = y[i] = syl_random_normal(&rng);
        ok(syl_smooth_gaussian(y, n, sigma, &err));
        for (int64_t i = 0; i < n; i++) {
            double sum = 0, total = 0;
            for (int k = -radius; k <= radius; k++) {
                double w = exp(-0.5 * k * k / (sigma * sigma));
                int64_t j = i + k;
                while (j < 0 || j >= n)
                    j = j < 0 ? -1 - j : 2 * n - 1 - j;
                sum += w * x[j];
                total += w;
            }
            assert_true(fabs(y[i] - sum / total) < 1e-12);
        }
    }
    double none[1];
    ok(syl_smooth_gaussian(none, 0, 1, &err));
}

static void test_percentile(void **state)
{
    static const double x[] = {4, 1, 3, 2, 5};
    double p;
    (void)state;
    ok(syl_percentile(x, 5, 0, &p, &err));
    assert_true(p == 1);
    ok(syl_percentile(x, 5, 100, &p, &err));
    assert_true(p == 5);
    ok(syl_percentile(x, 5, 90, &p, &err));
    assert_true(fabs(p - 4.6) < 1e-12);
    ok(syl_percentile(x, 1, 98, &p, &err));
    assert_true(p == 4);
}

static void test_change(void **state)
{
    enum { N = 33, WIDTH = 6 };
    double out[N];
    float *x = normals(N * DIM);
    (void)state;
    ok(syl_frame_change(x, N, DIM, WIDTH, out, &err));
    assert_true(out[0] == 0);
    for (int t = 1; t < N; t++) {
        float a[DIM] = {0}, b[DIM] = {0};
        for (int k = 1; k <= WIDTH; k++)
            for (int d = 0; d < DIM; d++) {
                if (t - k >= 0) a[d] += x[(t - k) * DIM + d];
                if (t + k - 1 < N) b[d] += x[(t + k - 1) * DIM + d];
            }
        assert_true(fabs(out[t] - (1 - cosine(a, b, DIM))) < 1e-5);
    }
    free(x);
}

static void test_norm_curve(void **state)
{
    /* norms 1, 2, 3, 2 turn into -z: sqrt(2) * {1, 0, -1, 0} before the average */
    static const float x[] = {1, 0, 0, 2, -3, 0, 0, -2};
    static const double want[] = {2. / 3, 0, -1. / 3, -1. / 3};
    double curve[4];
    (void)state;
    ok(syl_norm_curve(x, 4, 2, curve, &err));
    for (int i = 0; i < 4; i++)
        assert_true(fabs(curve[i] - sqrt(2) * want[i]) < 1e-6);
    static const float same[] = {1, 1, 1};
    ok(syl_norm_curve(same, 3, 1, curve, &err));
    for (int i = 0; i < 3; i++)
        assert_true(curve[i] == 0);
}

/* ---- spans and regions ---------------------------------------------------------------- */

static void assert_spans(const syl_spans *got, const syl_span *want, size_t count)
{
    assert_int_equal(got->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got->items[i].start, want[i].start);
        assert_int_equal(got->items[i].end, want[i].end);
    }
}

static void test_cut(void **state)
{
    static const int64_t boundaries[] = {5, 12, 13, 20, 27, 28, 40};
    static const syl_span want[] = {{10, 13}, {13, 20}, {20, 27}, {27, 30}};
    syl_spans spans = {0};
    (void)state;
    ok(syl_spans_cut(&spans, (syl_span){10, 30}, boundaries, 7, &err));
    assert_spans(&spans, want, 4);
    spans.count = 0;
    ok(syl_spans_cut(&spans, (syl_span){10, 30}, boundaries, 0, &err));
    assert_spans(&spans, &(syl_span){10, 30}, 1);
    syl_spans_free(&spans);
}

/* Whole frames of noise: loud[t] says how loud. */
static syl_spans regions_of(const char *loud)
{
    enum { HOP = 320 };
    size_t n = strlen(loud) * HOP;
    float *x = calloc(n + 1, sizeof *x);
    syl_spans spans = {0};
    for (size_t i = 0; i < n; i++)
        x[i] = (loud[i / HOP] == '#'   ? 0.3f
                : loud[i / HOP] == '+' ? 0.02f
                                       : 1e-5f) *
               (i % 2 ? 1 : -1);
    ok(syl_speech_regions(x, n, HOP, &spans, &err));
    free(x);
    return spans;
}

static void test_regions(void **state)
{
    (void)state;
    /* a frame beside a loud one hears a quarter of a hop of it */
    syl_spans spans = regions_of("......####......++++........");
    assert_spans(&spans, (syl_span[]){{5, 11}, {15, 21}}, 2);
    syl_spans_free(&spans);
    spans = regions_of("####.....####....."); /* a gap of 3 is closed, the end's silence stays */
    assert_spans(&spans, (syl_span[]){{0, 14}}, 1);
    syl_spans_free(&spans);
    spans = regions_of("####......####");
    assert_spans(&spans, (syl_span[]){{0, 5}, {9, 14}}, 2);
    syl_spans_free(&spans);
    spans = regions_of("............"); /* all under -60 dB */
    assert_spans(&spans, NULL, 0);
    spans = regions_of("#"); /* too short */
    assert_spans(&spans, NULL, 0);
    spans = regions_of("");
    assert_spans(&spans, NULL, 0);
}

/* ---- MinCut --------------------------------------------------------------------------- */

typedef struct search {
    const float *x;
    int n;
    double similarity[16][16], least; /* cost of the best cut so far */
    int ends[16], best[16], k;
} search;

static double plain_cost(const search *s, int begin, int end)
{
    double inside = 0, outside = 0;
    for (int i = begin; i < end; i++)
        for (int j = 0; j < s->n; j++)
            *(j >= begin && j < end ? &inside : &outside) += s->similarity[i][j];
    return outside / (inside / 2 + outside + 1e-9);
}

/* Tries every way to cut [begin, n) into the rest of k segments. */
static void try_all(search *s, const syl_mincut_rule *rule, int index, int begin, double cost)
{
    if (index == s->k) {
        if (begin != s->n || cost >= s->least) return;
        s->least = cost;
        memcpy(s->best, s->ends, sizeof s->best);
        return;
    }
    for (int end = begin + rule->shortest; end <= s->n && end - begin <= rule->longest; end++) {
        s->ends[index] = end;
        try_all(s, rule, index + 1, end, cost + plain_cost(s, begin, end));
    }
}

static void plain_mincut(search *s, const syl_mincut_rule *rule)
{
    double least = INFINITY;
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < s->n; j++) {
            s->similarity[i][j] = 0;
            for (int d = 0; d < DIM; d++)
                s->similarity[i][j] += (double)s->x[i * DIM + d] * s->x[j * DIM + d];
            least = fmin(least, s->similarity[i][j]);
        }
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < s->n; j++)
            s->similarity[i][j] += 1e-7 - least;
    s->k = (s->n + rule->frames_a_segment - 1) / rule->frames_a_segment;
    for (s->least = INFINITY; s->k > 1; s->k--) {
        try_all(s, rule, 0, 0, 0);
        if (s->least < INFINITY) return;
    }
    s->k = 1;
    s->best[0] = s->n;
}

/* Against the enumeration of all cuts; a threshold above 1 merges nothing. */
static void test_mincut(void **state)
{
    syl_mincut_rule rule = {.shortest = 2, .longest = 6, .frames_a_segment = 4, .merge = 2};
    (void)state;
    for (int round = 0; round < 60; round++) {
        int n = 1 + round % 15, at = round % 3;
        float *x = normals((size_t)((at + n) * DIM));
        search s = {.x = x + at * DIM, .n = n};
        syl_spans got = {0};
        plain_mincut(&s, &rule);
        ok(syl_mincut(x, DIM, (syl_span){at, at + n}, rule, &got, &err));
        assert_int_equal(got.count, s.k);
        for (int i = 0; i < s.k; i++) {
            assert_int_equal(got.items[i].start, at + (i ? s.best[i - 1] : 0));
            assert_int_equal(got.items[i].end, at + s.best[i]);
        }
        syl_spans_free(&got);
        free(x);
    }
}

static void test_mincut_merge(void **state)
{
    enum { N = 24 };
    float x[N * 2] = {0};
    syl_spans got = {0};
    (void)state;
    /* directions 0, 90, 90, 0 degrees of 6 frames each: found and put together again */
    for (int t = 0; t < N; t++)
        x[2 * t + (t >= 6 && t < 18)] = 1;
    syl_mincut_rule rule = {.shortest = 2, .longest = 35, .frames_a_segment = 6, .merge = 0.5};
    ok(syl_mincut(x, 2, (syl_span){0, N}, rule, &got, &err));
    assert_spans(&got, (syl_span[]){{0, 6}, {6, 18}, {18, 24}}, 3);
    got.count = 0;
    rule.merge = -1; /* everything is similar enough */
    ok(syl_mincut(x, 2, (syl_span){0, N}, rule, &got, &err));
    assert_spans(&got, (syl_span[]){{0, N}}, 1);
    syl_spans_free(&got);
}

/* A region above the limit comes out in parts that cover it. */
static void test_mincut_long(void **state)
{
    enum { N = 1601 };
    float *x = normals(N * DIM);
    syl_spans got = {0};
    int64_t at = 0;
    (void)state;
    ok(syl_mincut(x, DIM, (syl_span){0, N}, syl_mincut_defaults(), &got, &err));
    bool halved = false;
    for (size_t i = 0; i < got.count; i++) {
        assert_int_equal(got.items[i].start, at);
        at = got.items[i].end;
        halved = halved || at == N / 2;
    }
    assert_int_equal(at, N);
    assert_true(halved);
    syl_spans_free(&got);
    free(x);
}

/* ---- probe ---------------------------------------------------------------------------- */

enum { SIZE = SYL_PROBE_TAPS * DIM };

static void plain_input(const float *x, int64_t n, int64_t t, double *row)
{
    for (int k = 0; k < SYL_PROBE_TAPS; k++) {
        int64_t i = t + k - 2;
        i = i < 0 ? 0 : i >= n ? n - 1 : i;
        for (int d = 0; d < DIM; d++)
            row[k * DIM + d] = x[i * DIM + d];
    }
}

/* a w = b by elimination; w takes b's place. */
static void eliminate(double a[SIZE][SIZE], double *b)
{
    for (int p = 0; p < SIZE; p++)
        for (int i = 0; i < SIZE; i++) {
            if (i == p) continue;
            double f = a[i][p] / a[p][p];
            for (int j = 0; j < SIZE; j++)
                a[i][j] -= f * a[p][j];
            b[i] -= f * b[p];
        }
    for (int p = 0; p < SIZE; p++)
        b[p] /= a[p][p];
}

static void test_probe(void **state)
{
    static const int64_t lengths[] = {1, 31, 200, 3000};
    static double a[SIZE][SIZE], b[SIZE], row[SIZE];
    float weight[SIZE], bias, *x[4];
    double *y[4], total = 0, frames = 0;
    syl_probe_fit fit;
    syl_ctx *ctx;
    (void)state;
    ok(syl_ctx_create(&ctx, 1, &err));
    ok(syl_probe_fit_create(&fit, DIM, &err));
    for (int r = 0; r < 4; r++) {
        x[r] = normals((size_t)(lengths[r] * DIM));
        y[r] = calloc((size_t)lengths[r], sizeof *y[r]);
        for (int64_t t = 0; t < lengths[r]; t++) {
            y[r][t] = 0.3 + 0.5 * x[r][t * DIM] + 0.1 * syl_random_normal(&rng);
            total += y[r][t];
        }
        frames += (double)lengths[r];
        ok(syl_probe_fit_add(&fit, ctx, x[r], lengths[r], y[r], &err));
    }
    ok(syl_probe_fit_solve(&fit, weight, &bias, &err));
    assert_true(fabs(bias - total / frames) < 1e-6);
    for (int r = 0; r < 4; r++)
        for (int64_t t = 0; t < lengths[r]; t++) {
            plain_input(x[r], lengths[r], t, row);
            for (int i = 0; i < SIZE; i++) {
                b[i] += row[i] * (y[r][t] - total / frames);
                for (int j = 0; j < SIZE; j++)
                    a[i][j] += row[i] * row[j];
            }
        }
    for (int i = 0; i < SIZE; i++)
        a[i][i] += 3000;
    eliminate(a, b);
    for (int i = 0; i < SIZE; i++)
        assert_true(fabs(weight[i] - b[i]) < 1e-5);
    double *curve = calloc((size_t)lengths[1], sizeof *curve);
    syl_probe_curve(weight, bias, x[1], lengths[1], DIM, curve);
    for (int64_t t = 0; t < lengths[1]; t++) {
        double sum = bias;
        plain_input(x[1], lengths[1], t, row);
        for (int i = 0; i < SIZE; i++)
            sum += weight[i] * row[i];
        assert_true(fabs(curve[t] - sum) < 1e-9);
    }
    for (int r = 0; r < 4; r++) {
        free(x[r]);
        free(y[r]);
    }
    free(curve);
    syl_probe_fit_free(&fit);
    syl_ctx_free(ctx);
}

static void test_probe_bounds(void **state)
{
    static const double boundaries[] = {0.03, 0.1};
    double y[6];
    float weight[SIZE], bias;
    syl_probe_fit fit;
    (void)state;
    syl_probe_target(boundaries, 2, 50, 6, y);
    assert_true(y[5] == 1); /* 0.1 s */
    assert_true(fabs(y[1] - exp(-0.5 * 4. / 9)) < 1e-9 && fabs(y[2] - y[1]) < 1e-9);
    assert_true(fabs(y[4] - exp(-0.5 * 16. / 9)) < 1e-9);
    syl_probe_target(NULL, 0, 50, 6, y);
    assert_true(y[0] == 0 && y[5] == 0);
    ok(syl_probe_fit_create(&fit, DIM, &err));
    assert_int_equal(syl_probe_fit_solve(&fit, weight, &bias, &err), SYL_EINVAL);
    syl_probe_fit_free(&fit);
}

/* ---- statistics ----------------------------------------------------------------------- */

static void test_moments(void **state)
{
    enum { N = 1000 };
    syl_moments m;
    float *x = normals(N * 3);
    (void)state;
    ok(syl_moments_create(&m, 4, &err));
    for (int t = 0; t < N; t++) {
        float constant = 5;
        x[3 * t] += 1000; /* where sums of squares would lose the deviation */
        syl_moments_begin(&m);
        syl_moments_take(&m, 0, x + 3 * t, 3);
        syl_moments_take(&m, 3, &constant, 1);
    }
    for (int i = 0; i < 3; i++) {
        double mean = 0, square = 0;
        for (int t = 0; t < N; t++)
            mean += (double)x[3 * t + i] / N;
        for (int t = 0; t < N; t++)
            square += (x[3 * t + i] - mean) * (x[3 * t + i] - mean) / N;
        assert_true(fabs(m.mean[i] - mean) < 1e-9);
        assert_true(fabs(syl_moments_deviation(&m, i) - sqrt(square)) < 1e-9);
    }
    assert_true(m.mean[3] == 5 && syl_moments_deviation(&m, 3) == 1);
    syl_moments_free(&m);
    free(x);
}

static void fill_stats(syl_stats *s, bool probe)
{
    ok(syl_stats_create(s, 3, 2, &err));
    for (int i = 0; i < 6; i++) {
        s->mean[i] = (float)i - 2;
        s->std[i] = (float)i + 0.5f;
    }
    for (int c = 0; c < SYL_NUM_CURVES; c++)
        s->scale[c] = (float)c + 1;
    s->probe_bias = 0.25f;
    if (!probe) return;
    s->probe = calloc(SYL_PROBE_TAPS * 2, sizeof *s->probe);
    for (int i = 0; i < SYL_PROBE_TAPS * 2; i++)
        s->probe[i] = (float)-i;
}

static void test_stats_file(void **state)
{
    char path[] = "/tmp/sylkit-stats-XXXXXX";
    syl_stats s, again;
    (void)state;
    close(mkstemp(path));
    for (int probe = 0; probe < 2; probe++) {
        fill_stats(&s, probe);
        ok(syl_stats_write(&s, path, &err));
        ok(syl_stats_read(&again, path, 3, 2, &err));
        assert_memory_equal(s.mean, again.mean, 6 * sizeof *s.mean);
        assert_memory_equal(s.std, again.std, 6 * sizeof *s.std);
        assert_memory_equal(s.scale, again.scale, sizeof s.scale);
        if (probe) {
            assert_memory_equal(s.probe, again.probe, 10 * sizeof *s.probe);
            assert_true(again.probe_bias == 0.25f);
        } else
            assert_null(again.probe);
        syl_stats_free(&again);
        syl_stats_free(&s);
    }
    assert_int_equal(syl_stats_read(&again, path, 3, 4, &err), SYL_EFORMAT); /* another teacher */
    assert_non_null(strstr(err.message, path));
    fill_stats(&s, false);
    s.std[4] = 0;
    ok(syl_stats_write(&s, path, &err));
    assert_int_equal(syl_stats_read(&again, path, 3, 2, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "value 4 of std"));
    syl_stats_free(&s);
    unlink(path);
}

static void test_standardise(void **state)
{
    syl_stats s;
    float data[12] = {0};
    syl_hidden h = {.levels = 3, .dim = 2, .frames = 2, .data = data};
    (void)state;
    fill_stats(&s, false);
    for (int i = 0; i < 12; i++)
        data[i] = (float)i;
    syl_stats_standardise(&s, &h);
    for (int i = 0; i < 12; i++) {
        int channel = i / 4 * 2 + i % 2; /* [level][frame][dim] */
        assert_true(fabs(data[i] - (i - (channel - 2)) / (channel + 0.5)) < 1e-6);
    }
    syl_stats_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian),     cmocka_unit_test(test_percentile),
        cmocka_unit_test(test_change),       cmocka_unit_test(test_norm_curve),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_regions),
        cmocka_unit_test(test_mincut),       cmocka_unit_test(test_mincut_merge),
        cmocka_unit_test(test_mincut_long),  cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_bounds), cmocka_unit_test(test_moments),
        cmocka_unit_test(test_stats_file),   cmocka_unit_test(test_standardise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
