/* The HuBERT shape as a stream: windows, one window, statistics. */
#include "tests/golden/golden.h"

#include "lib/base/random.h"
#include "sylber/hubert_encoder.h"
#include "sylber/model.h"

static syl_error err;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

/* Bursts of noise, coloured anew each time, like syllables in rhythm only. */
static float *bursts(size_t n)
{
    syl_random rng = {.seed = 70};
    float *x = calloc(n, sizeof *x), last = 0;
    assert_non_null(x);
    for (size_t i = 0; i < n;) {
        size_t on = 1600 + syl_random_below(&rng, 4800), off = syl_random_below(&rng, 2400);
        float gain = 0.02f + 0.3f * syl_random_uniform(&rng);
        float pole = 1.8f * syl_random_uniform(&rng) - 0.9f;
        for (size_t j = 0; j < on && i < n; j++, i++) {
            last = pole * last + gain * syl_random_normal(&rng);
            x[i] = last;
        }
        i += off;
    }
    return x;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static syl_model *hubert(void)
{
    char path[4096];
    syl_model *m;
    ok(syl_model_load(&m, golden_path(path, sizeof path, "hubert-base"), NULL, &err));
    return m;
}

static syl_moments *moments_of(const syl_model *m, const float *x, size_t n)
{
    syl_moments *moments = calloc(1, sizeof *moments);
    assert_non_null(moments);
    syl_moments_add(moments, &m->config, x, n);
    return moments;
}

/* frames [count][dim] of one window, which begins at x. */
static float *forward(const syl_model *m, const syl_moments *moments, const float *x, int64_t count)
{
    syl_ctx *ctx;
    float *frames = malloc((size_t)(count * m->config.dim + 1) * sizeof *frames);
    assert_non_null(frames);
    ok(syl_ctx_create(&ctx, 1, &err));
    if (count > 0)
        ok(syl_hubert_forward(ctx, (const syl_hubert_encoder *)m->encoder, moments, x,
                              syl_mat_of(frames, SYL_F32, count, m->config.dim), NULL, NULL, &err));
    syl_ctx_free(ctx);
    return frames;
}

/* Every window as it is laid out in hubert_stream.c: 1500 frames, of which 250 are past and 125
 * future. */
static void check_layout(const syl_model *m, const syl_moments *moments, const float *x,
                         const float *got, int64_t count)
{
    int64_t dim = m->config.dim, start = 0, done = 0;
    while (done < count) {
        bool last = count - start <= 1500;
        int64_t size = last ? count - start : 1500, until = last ? count : start + 1375;
        float *want = forward(m, moments, x + start * 320, size);
        assert_close("one window", got + done * dim, want + (done - start) * dim,
                     (size_t)((until - done) * dim), 1e-5);
        free(want);
        done = until;
        start = done - 250;
    }
}

/* frames of the recording as a stream in pieces of at most `most`. */
static float *windowed(const syl_model *m, const float *x, size_t n, uint32_t most, int64_t count)
{
    syl_stream *s;
    syl_stream_options o = syl_stream_options_defaults();
    syl_random rng = {.seed = 7};
    size_t dim = (size_t)m->config.dim, have = 0;
    float *frames = malloc((size_t)count * dim * sizeof *frames);
    o.keep_frames = 1;
    ok(syl_stream_create(&s, m, &o, &err));
    ok(syl_stream_scan(s, x, n / 3, &err));
    ok(syl_stream_scan(s, x + n / 3, n - n / 3, &err));
    for (size_t i = 0; i < n;) {
        size_t piece = 1 + syl_random_below(&rng, most);
        piece = piece < n - i ? piece : n - i;
        ok(syl_stream_feed(s, x + i, piece, &err));
        i += piece;
        have += syl_stream_get_frames(s, frames + have * dim, (size_t)count - have);
    }
    ok(syl_stream_finish(s, &err));
    have += syl_stream_get_frames(s, frames + have * dim, (size_t)count - have);
    assert_int_equal(have, count);
    assert_int_equal(syl_stream_num_frames(s), count);
    assert_int_equal(syl_stream_num_samples(s), n);
    syl_stream_free(s);
    return frames;
}

/* Against one window over everything, which can only be near: attention sees other frames. */
static void check_windows(const syl_model *m, size_t n)
{
    int64_t count = syl_hubert_num_frames(&m->config, (int64_t)n);
    size_t dim = (size_t)m->config.dim, frames = (size_t)count;
    float *x = bursts(n);
    syl_moments *moments = moments_of(m, x, n);
    float *want = forward(m, moments, x, count);
    float *got = windowed(m, x, n, 50000, count), *again = windowed(m, x, n, 400000, count);
    double *similar = malloc(frames * sizeof *similar);
    assert_non_null(similar);
    for (size_t i = 0; i < frames * dim; i++)
        assert_true(isfinite(got[i]));
    assert_close("other cuts", again, got, frames * dim, 1e-5);
    check_layout(m, moments, x, got, count);
    for (size_t t = 0; t < frames; t++)
        similar[t] = cosine(got + t * dim, want + t * dim, dim);
    qsort(similar, frames, sizeof *similar, by_value);
    print_message("%.1f s in windows: frame cosine smallest %.6f, median %.6f\n", (double)n / 16000,
                  similar[0], similar[frames / 2]);
    assert_true(similar[0] > 0.95);
    assert_true(similar[frames / 2] > 0.99);
    free(x);
    free(moments);
    free(want);
    free(got);
    free(again);
    free(similar);
}

static void test_hubert_windows(void **state)
{
    syl_model *m = hubert();
    syl_model_info info;
    (void)state;
    syl_model_get_info(m, &info);
    assert_string_equal(info.encoder, "hubert");
    assert_true(info.lookahead_seconds == -1 && info.tokens == 0);
    check_windows(m, 70 * 16000);
    check_windows(m, 31 * 16000 + 123); /* just over one window */
    syl_model_free(m);
}

static void test_hubert_one_window(void **state)
{
    static const size_t sizes[] = {399, 400, 401, 719, 720, 16000, 29 * 16000};
    syl_model *m = hubert();
    float *x = bursts(30 * 16000);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t count = syl_hubert_num_frames(&m->config, (int64_t)sizes[i]);
        syl_moments *moments = moments_of(m, x, sizes[i]);
        float *want = forward(m, moments, x, count);
        assert_int_equal(count, sizes[i] < 400 ? 0 : (int64_t)(sizes[i] - 400) / 320 + 1);
        float *got = windowed(m, x, sizes[i], 30000, count);
        assert_close("hubert, one window", got, want, (size_t)(count * m->config.dim), 1e-5);
        free(moments);
        free(want);
        free(got);
    }
    syl_model_free(m);
    free(x);
}

/* Without a scan the first window's statistics stand in; no codebook, no tokens. */
static void test_hubert_unscanned(void **state)
{
    syl_model *m = hubert();
    size_t n = 65 * 16000;
    float *x = bursts(n);
    syl_stream *s;
    syl_segment segment;
    int64_t end = 0;
    (void)state;
    ok(syl_stream_create(&s, m, NULL, &err));
    for (size_t i = 0; i < n; i += 10000) {
        ok(syl_stream_feed(s, x + i, n - i < 10000 ? n - i : 10000, &err));
        while (syl_stream_get(s, &segment)) {
            assert_true(segment.start_frame >= end && segment.end_frame > segment.start_frame);
            assert_int_equal(segment.token, -1);
            assert_int_equal(segment.residual_token, -1);
            end = segment.end_frame;
        }
    }
    ok(syl_stream_finish(s, &err));
    assert_int_equal(syl_stream_num_frames(s), syl_hubert_num_frames(&m->config, (int64_t)n));
    syl_stream_free(s);
    float *zeros = calloc(40 * 16000, sizeof *zeros);
    syl_result r;
    ok(syl_tokenize(&r, m, zeros, 40 * 16000, NULL, &err));
    assert_int_equal(r.num_segments, 0);
    assert_int_equal(r.num_frames, syl_hubert_num_frames(&m->config, 40 * 16000));
    syl_result_free(&r);
    syl_model_free(m);
    free(zeros);
    free(x);
}

/* At another rate the first pass hears all that is fed, the resampler's tail included. */
static void test_hubert_resampled(void **state)
{
    syl_model *m = hubert();
    size_t n = 6000, count, got;
    float *x = bursts(n);
    syl_stream *s;
    syl_result want;
    syl_stream_options options = syl_stream_options_defaults();
    (void)state;
    options.sample_rate = 48000;
    options.keep_frames = 1;
    ok(syl_tokenize(&want, m, x, n, &options, &err));
    count = (size_t)want.num_frames;
    assert_true(count > 0);
    ok(syl_stream_create(&s, m, &options, &err));
    ok(syl_stream_feed(s, x, n, &err)); /* one window: what was fed is the whole recording */
    assert_int_equal(syl_stream_scan(s, x, n, &err), SYL_EINVAL);
    ok(syl_stream_finish(s, &err));
    float *frames = malloc((count + 1) * (size_t)want.dim * sizeof *frames);
    got = syl_stream_get_frames(s, frames, count + 1);
    assert_int_equal(got, count);
    assert_close("hubert, 48 kHz", frames, want.frames, count * (size_t)want.dim, 1e-5);
    free(frames);
    syl_stream_free(s);
    syl_result_free(&want);
    syl_model_free(m);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hubert_windows),
        cmocka_unit_test(test_hubert_one_window),
        cmocka_unit_test(test_hubert_unscanned),
        cmocka_unit_test(test_hubert_resampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
