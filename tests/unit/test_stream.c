/* The public stream: any way of cutting the audio, odd inputs, options, threads. */
#include "tests/golden/golden.h"

#include <pthread.h>

#include "lib/audio/resample.h"
#include "lib/base/random.h"
#include "sylber/model.h"

#define MAX_SEGMENTS 512
#define DIM 384
#define WAYS 24 /* of cutting: three times each of eight lengths of pieces */

static syl_error err;
static syl_model *model; /* the shipped one */
static float *audio;     /* [num_samples] at 16 kHz: the fixture's speech, repeated with pauses */
static size_t num_samples;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

/* The fixture four times at different gains, 0.7 s of silence after the second and the last. */
static int set_up(void **state)
{
    static const float gains[] = {1, 0.5f, 1.3f, 0.8f};
    (void)state;
    audio = golden_speech(gains, 4, &num_samples);
    ok(syl_model_load(&model, golden_model(), NULL, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    syl_model_free(model);
    free(audio);
    return 0;
}

static syl_result whole(const float *samples, size_t n, const syl_stream_options *options)
{
    syl_result result;
    ok(syl_tokenize(&result, model, samples, n, options, &err));
    return result;
}

static syl_stream *opened(const syl_stream_options *options)
{
    syl_stream *s;
    ok(syl_stream_create(&s, model, options, &err));
    return s;
}

/* ---- what a stream said ---------------------------------------------------------------- */

typedef struct heard {
    syl_segment segments[MAX_SEGMENTS];
    float features[MAX_SEGMENTS][DIM];
    size_t count;
} heard;

static void listen(heard *h, syl_stream *s)
{
    syl_segment segment;
    while (h->count < MAX_SEGMENTS && syl_stream_get(s, &segment)) {
        if (!segment.silence) memcpy(h->features[h->count], segment.feature, sizeof h->features[0]);
        h->segments[h->count++] = segment;
    }
}

/* Feeds n samples a channel in random pieces of at most `most`. */
static void feed_pieces(syl_stream *s, const float *samples, size_t n, size_t channels,
                        uint32_t most, syl_random *rng, heard *h)
{
    for (size_t i = 0; i < n;) {
        size_t piece = syl_random_below(rng, most + 1);
        if (most == 1) piece = 1;
        piece = piece < n - i ? piece : n - i;
        ok(syl_stream_feed(s, samples + i * channels, piece, &err));
        i += piece;
        listen(h, s);
    }
}

static bool same_segment(const syl_segment *a, const syl_segment *b)
{
    return a->start_frame == b->start_frame && a->end_frame == b->end_frame &&
           a->start == b->start && a->end == b->end && a->token == b->token &&
           a->residual_token == b->residual_token && a->silence == b->silence;
}

/* False, with the reason printed, when they differ; of use in other threads as well. */
static bool same(const heard *h, const syl_result *want, double tolerance)
{
    bool good = h->count == want->num_segments;
    double worst = 0;
    for (size_t i = 0; good && i < h->count; i++) {
        good = same_segment(&h->segments[i], &want->segments[i]);
        for (int c = 0; good && !h->segments[i].silence && c < DIM; c++)
            worst =
                fmax(worst, fabs((double)h->features[i][c] - want->features[i * DIM + (size_t)c]));
    }
    if (!good)
        print_message("%zu segments, expected %zu, or one of them differs\n", h->count,
                      want->num_segments);
    if (!(worst <= tolerance)) print_message("embeddings differ by %g\n", worst);
    return good && worst <= tolerance;
}

/* ---- cutting --------------------------------------------------------------------------- */

static void test_cuts(void **state)
{
    static const uint32_t most[] = {1, 3, 159, 400, 1000, 4096, 16000, 60000};
    heard *h = malloc(sizeof *h);
    syl_result want = whole(audio, num_samples, NULL);
    (void)state;
    print_message("%zu samples, %zu segments\n", num_samples, want.num_segments);
    assert_true(want.num_segments >= 12);
    for (int way = 0; way < WAYS; way++) {
        syl_random rng = {.seed = 99, .stream = (uint64_t)way};
        syl_stream *s = opened(NULL);
        h->count = 0;
        if (way == WAYS - 1)
            ok(syl_stream_feed(s, audio, num_samples, &err));
        else
            feed_pieces(s, audio, num_samples, 1, most[way % 8], &rng, h);
        ok(syl_stream_finish(s, &err));
        listen(h, s);
        if (!same(h, &want, 1e-5)) fail_msg("way %d of cutting", way);
        assert_int_equal(syl_stream_num_frames(s), want.num_frames);
        assert_int_equal(syl_stream_num_samples(s), num_samples);
        syl_stream_free(s);
    }
    syl_result_free(&want);
    free(h);
}

/* Syllables come out while audio still comes in, no later than the model and the segmenter
 * need. */
static void test_latency(void **state)
{
    heard *h = calloc(1, sizeof *h);
    syl_model_info info;
    syl_stream *s = opened(NULL);
    (void)state;
    syl_model_get_info(model, &info);
    assert_true(info.lookahead_seconds > 0 && info.lookahead_seconds < 1);
    for (size_t i = 0; i < num_samples; i += 160) {
        ok(syl_stream_feed(s, audio + i, num_samples - i < 160 ? num_samples - i : 160, &err));
        listen(h, s);
        double now = (double)(i + 160) / 16000;
        double known = (double)syl_stream_num_frames(s) / info.frame_rate;
        assert_true(now - known <= info.lookahead_seconds + 0.2);
        if (h->count) assert_true(h->segments[h->count - 1].end <= known);
    }
    assert_true(h->count >= 10);
    syl_stream_free(s);
    free(h);
}

/* ---- rates and channels ---------------------------------------------------------------- */

/* The audio at 48 kHz in two channels whose mean it is: [*n][2]. */
static float *stereo48(size_t *n)
{
    syl_resampler *r;
    const float *out;
    size_t got;
    float *wide = malloc((3 * num_samples + 100) * 2 * sizeof *wide);
    assert_non_null(wide);
    ok(syl_resampler_create(&r, 16000, 48000, &err));
    *n = 0;
    for (int end = 0; end < 2; end++) {
        ok(syl_resampler_process(r, end ? NULL : audio, end ? 0 : num_samples, &out, &got, &err));
        for (size_t i = 0; i < got; i++, ++*n) {
            float side = 0.2f * sinf(0.1f * (float)*n);
            wide[2 * *n] = out[i] + side;
            wide[2 * *n + 1] = out[i] - side;
        }
    }
    syl_resampler_free(r);
    return wide;
}

static void test_stereo_48k(void **state)
{
    size_t n, close = 0, tokens = 0;
    float *wide = stereo48(&n);
    heard *h = malloc(sizeof *h);
    syl_stream_options o = syl_stream_options_defaults();
    syl_result plain = whole(audio, num_samples, NULL);
    (void)state;
    o.sample_rate = 48000;
    o.channels = 2;
    syl_result want = whole(wide, n, &o);
    assert_int_equal(want.num_samples, num_samples);
    assert_int_equal(want.num_frames, plain.num_frames);
    assert_int_equal(want.num_segments, plain.num_segments);
    for (size_t i = 0; i < want.num_segments; i++) {
        close += llabs(want.segments[i].start_frame - plain.segments[i].start_frame) <= 1 &&
                 llabs(want.segments[i].end_frame - plain.segments[i].end_frame) <= 1;
        tokens += want.segments[i].token == plain.segments[i].token;
    }
    print_message("48 kHz stereo: %zu of %zu segments within a frame, %zu tokens agree\n", close,
                  want.num_segments, tokens);
    assert_true(close + 1 >= want.num_segments && 10 * tokens >= 8 * want.num_segments);
    for (int way = 0; way < 6; way++) {
        syl_random rng = {.seed = 100, .stream = (uint64_t)way};
        syl_stream *s = opened(&o);
        h->count = 0;
        feed_pieces(s, wide, n, 2, way ? 20000 : 50, &rng, h);
        ok(syl_stream_finish(s, &err));
        listen(h, s);
        assert_true(same(h, &want, 1e-4));
        syl_stream_free(s);
    }
    syl_result_free(&plain);
    syl_result_free(&want);
    free(wide);
    free(h);
}

/* ---- odd inputs ------------------------------------------------------------------------ */

static void test_not_finite(void **state)
{
    static const float wrong[] = {NAN, -INFINITY, 1e30f};
    heard *h = calloc(1, sizeof *h);
    syl_result want = whole(audio, num_samples, NULL);
    syl_stream *s = opened(NULL);
    size_t half = num_samples / 2 + 77;
    float *bad = malloc(5000 * sizeof *bad);
    (void)state;
    ok(syl_stream_feed(s, audio, half, &err));
    for (int i = 0; i < 3; i++) {
        int64_t frames = syl_stream_num_frames(s), samples = syl_stream_num_samples(s);
        memcpy(bad, audio + half, 5000 * sizeof *bad);
        bad[4990 + i] = wrong[i];
        assert_int_equal(syl_stream_feed(s, bad, 5000, &err), SYL_EINVAL);
        assert_non_null(strstr(err.message, i == 0   ? "sample 4990"
                                            : i == 1 ? "sample 4991"
                                                     : "sample 4992"));
        assert_int_equal(err.status, SYL_EINVAL);
        assert_int_equal(syl_stream_feed(s, bad, 5000, NULL), SYL_EINVAL);
        assert_int_equal(syl_stream_num_frames(s), frames);
        assert_int_equal(syl_stream_num_samples(s), samples);
    }
    ok(syl_stream_feed(s, audio + half, num_samples - half, &err));
    ok(syl_stream_finish(s, &err));
    listen(h, s);
    assert_true(same(h, &want, 1e-5));
    syl_result none;
    assert_int_equal(syl_tokenize(&none, model, bad, 5000, NULL, &err), SYL_EINVAL);
    assert_null(none.segments);
    syl_result_free(&none);
    syl_stream_free(s);
    syl_result_free(&want);
    free(bad);
    free(h);
}

static void test_short(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 159, 160, 319, 320, 399, 400, 401, 1000};
    syl_stream_options o = syl_stream_options_defaults();
    (void)state;
    o.keep_frames = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        syl_result r = whole(sizes[i] ? audio + 4000 : NULL, sizes[i], &o);
        assert_int_equal(r.num_samples, sizes[i]);
        assert_in_range(r.num_frames, 0, sizes[i] / 320 + 1);
        for (int64_t j = 0; j < r.num_frames * DIM; j++)
            assert_true(isfinite(r.frames[j]));
        for (size_t j = 0; j < r.num_segments; j++)
            assert_true(r.segments[j].start_frame < r.segments[j].end_frame &&
                        r.segments[j].end_frame <= r.num_frames);
        syl_result_free(&r);
    }
    syl_stream *s = opened(NULL);
    syl_segment segment;
    float frame[DIM];
    ok(syl_stream_finish(s, &err));
    assert_int_equal(syl_stream_get(s, &segment), 0);
    assert_int_equal(syl_stream_get_frames(s, frame, 1), 0);
    assert_int_equal(syl_stream_num_frames(s), 0);
    syl_stream_free(s);
    syl_stream_free(NULL);
}

static void test_silence(void **state)
{
    float *zeros = calloc(80000, sizeof *zeros);
    syl_stream_options o = syl_stream_options_defaults();
    (void)state;
    syl_result r = whole(zeros, 80000, NULL);
    assert_int_equal(r.num_segments, 0);
    assert_in_range(r.num_frames, 249, 251);
    syl_result_free(&r);
    o.silence_frames = 7;
    r = whole(zeros, 80000, &o);
    assert_int_equal(r.num_segments, 1);
    assert_int_equal(r.segments[0].silence, 1);
    assert_int_equal(r.segments[0].start_frame, 0);
    assert_int_equal(r.segments[0].end_frame, r.num_frames);
    assert_null(r.segments[0].feature);
    syl_result_free(&r);
    free(zeros);
}

static void test_finished(void **state)
{
    syl_stream *s = opened(NULL);
    heard *h = calloc(1, sizeof *h);
    syl_result want = whole(audio, num_samples, NULL);
    (void)state;
    ok(syl_stream_scan(s, audio, num_samples, &err));
    ok(syl_stream_feed(s, audio, num_samples, &err));
    assert_int_equal(syl_stream_scan(s, audio, 1, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "scan"));
    ok(syl_stream_finish(s, &err));
    ok(syl_stream_finish(s, &err));
    assert_int_equal(syl_stream_feed(s, audio, 1, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "finished"));
    assert_int_equal(syl_stream_feed(s, audio, 0, NULL), SYL_EINVAL);
    listen(h, s);
    assert_true(same(h, &want, 1e-5));
    syl_stream_free(s);
    syl_result_free(&want);
    free(h);
}

/* ---- options --------------------------------------------------------------------------- */

static void assert_times(const syl_segment *s, double shift)
{
    assert_true(fabs(s->start - fmax(0, (double)s->start_frame / 50 + shift)) < 1e-9);
    assert_true(fabs(s->end - fmax(0, (double)s->end_frame / 50 + shift)) < 1e-9);
}

static void test_shift(void **state)
{
    static const double shifts[] = {0, 0.25, -0.02, -1, -100, 3600};
    syl_result plain = whole(audio, num_samples, NULL);
    syl_stream_options o = syl_stream_options_defaults();
    (void)state;
    for (size_t i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
        o.shift_seconds = shifts[i];
        syl_result r = whole(audio, num_samples, &o);
        assert_int_equal(r.num_segments, plain.num_segments);
        for (size_t j = 0; j < r.num_segments; j++) {
            assert_int_equal(r.segments[j].start_frame, plain.segments[j].start_frame);
            assert_int_equal(r.segments[j].token, plain.segments[j].token);
            assert_times(&r.segments[j], shifts[i]);
        }
        syl_result_free(&r);
    }
    syl_result_free(&plain);
}

/* Gaps longer than the option asks for, and no others, stand between the same syllables. */
static void check_silence_frames(const syl_result *plain, int frames, int tokens)
{
    syl_stream_options o = syl_stream_options_defaults();
    size_t syllables = 0, gaps = 0;
    int64_t end = 0;
    o.silence_frames = frames;
    syl_result r = whole(audio, num_samples, &o);
    for (size_t i = 0; i < r.num_segments; i++) {
        const syl_segment *s = &r.segments[i];
        assert_times(s, 0);
        if (s->silence) {
            assert_int_equal(s->silence, 1);
            assert_int_equal(s->token, tokens);
            assert_int_equal(s->residual_token, -1);
            assert_null(s->feature);
            assert_int_equal(s->start_frame, end);
            assert_true(s->end_frame - s->start_frame > frames);
            for (int c = 0; c < DIM; c++)
                assert_true(r.features[i * DIM + (size_t)c] == 0);
            gaps++;
        } else {
            assert_true(syllables < plain->num_segments);
            assert_true(same_segment(s, &plain->segments[syllables++]));
            assert_true(s->start_frame - end <= frames);
            assert_ptr_equal(s->feature, r.features + i * DIM);
        }
        end = s->end_frame;
    }
    assert_int_equal(syllables, plain->num_segments);
    assert_true(r.num_frames - end <= frames);
    assert_true(frames > 40 || gaps >= 2); /* both pauses are 35 frames long */
    syl_result_free(&r);
}

static void test_silence_frames(void **state)
{
    syl_model_info info;
    syl_result plain = whole(audio, num_samples, NULL);
    (void)state;
    syl_model_get_info(model, &info);
    assert_true(info.tokens > 0);
    check_silence_frames(&plain, 1, info.tokens);
    check_silence_frames(&plain, 7, info.tokens);
    check_silence_frames(&plain, 25, info.tokens);
    check_silence_frames(&plain, 100000, info.tokens);
    syl_result_free(&plain);
}

/* With thresholds that nothing passes, and that everything passes. */
static void test_thresholds(void **state)
{
    syl_stream_options o = syl_stream_options_defaults();
    syl_result plain = whole(audio, num_samples, NULL);
    (void)state;
    o.norm_threshold = 1e6;
    syl_result r = whole(audio, num_samples, &o);
    assert_int_equal(r.num_segments, 0);
    syl_result_free(&r);
    o.norm_threshold = 0;
    o.merge_threshold = -2;
    r = whole(audio, num_samples, &o);
    assert_int_equal(r.num_segments, 1);
    assert_int_equal(r.segments[0].end_frame, r.num_frames);
    syl_result_free(&r);
    syl_model_info info;
    syl_model_get_info(model, &info);
    o.norm_threshold = info.norm_threshold;
    o.merge_threshold = info.merge_threshold;
    r = whole(audio, num_samples, &o);
    assert_int_equal(r.num_segments, plain.num_segments);
    for (size_t i = 0; i < r.num_segments; i++)
        assert_true(same_segment(&r.segments[i], &plain.segments[i]));
    syl_result_free(&r);
    syl_result_free(&plain);
}

static void test_keep_frames(void **state)
{
    static const size_t pieces[] = {1, 7, 100, 100000};
    syl_stream_options o = syl_stream_options_defaults();
    float frame[DIM];
    (void)state;
    o.keep_frames = 1;
    syl_result want = whole(audio, num_samples, &o);
    assert_non_null(want.frames);
    size_t count = (size_t)want.num_frames;
    float *got = malloc((count + 100000) * DIM * sizeof *got);
    for (size_t p = 0; p < 4; p++) {
        syl_stream *s = opened(&o);
        size_t have = 0, some;
        for (size_t i = 0; i < num_samples; i += 8000) {
            ok(syl_stream_feed(s, audio + i, num_samples - i < 8000 ? num_samples - i : 8000,
                               &err));
            have += syl_stream_get_frames(s, got + have * DIM, pieces[p]);
        }
        ok(syl_stream_finish(s, &err));
        while ((some = syl_stream_get_frames(s, got + have * DIM, pieces[p])) > 0) {
            assert_true(some <= pieces[p]);
            have += some;
        }
        assert_int_equal(have, count);
        assert_close("frames", got, want.frames, count * DIM, 1e-5);
        syl_stream_free(s);
    }
    for (size_t i = 0; i < want.num_segments; i++) {
        const syl_segment *s = &want.segments[i];
        for (int c = 0; c < DIM; c++) {
            double sum = 0;
            for (int64_t t = s->start_frame; t < s->end_frame; t++)
                sum += want.frames[t * DIM + c];
            assert_true(fabs(sum / (double)(s->end_frame - s->start_frame) - s->feature[c]) < 1e-4);
        }
    }
    syl_stream *s = opened(NULL);
    ok(syl_stream_feed(s, audio, num_samples, &err));
    assert_int_equal(syl_stream_get_frames(s, frame, 1), 0);
    syl_stream_free(s);
    syl_result_free(&want);
    free(got);
}

static void assert_refused(const syl_stream_options *o, const char *says)
{
    syl_stream *s = (syl_stream *)&err;
    syl_result r;
    memset(&err, 0, sizeof err);
    assert_int_equal(syl_stream_create(&s, model, o, &err), SYL_EINVAL);
    assert_null(s);
    if (!strstr(err.message, says)) fail_msg("\"%s\" does not say \"%s\"", err.message, says);
    assert_int_equal(syl_tokenize(&r, model, audio, 1000, o, NULL), SYL_EINVAL);
    assert_null(r.segments);
}

static void test_bad_options(void **state)
{
    static const struct {
        int rate, channels, silence, threads;
        double norm, shift;
        const char *says;
    } cases[] = {
        {999, 1, 0, 1, NAN, 0, "rate 999"},       {768001, 1, 0, 1, NAN, 0, "rate 768001"},
        {-16000, 1, 0, 1, NAN, 0, "rate -16000"}, {16000, 0, 0, 1, NAN, 0, "0 channels"},
        {16000, 65, 0, 1, NAN, 0, "65 channels"}, {16000, 1, -1, 1, NAN, 0, "silence of -1"},
        {16000, 1, 0, 0, NAN, 0, "0 threads"},    {16000, 1, 0, 1025, NAN, 0, "1025 threads"},
        {16000, 1, 0, 1, -0.5, 0, "threshold"},   {16000, 1, 0, 1, NAN, NAN, "shift"},
        {16000, 1, 0, 1, NAN, INFINITY, "shift"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        syl_stream_options o = syl_stream_options_defaults();
        o.sample_rate = cases[i].rate;
        o.channels = cases[i].channels;
        o.silence_frames = cases[i].silence;
        o.threads = cases[i].threads;
        o.norm_threshold = cases[i].norm;
        o.shift_seconds = cases[i].shift;
        assert_refused(&o, cases[i].says);
    }
}

/* ---- many streams of one model ------------------------------------------------------------ */

typedef struct job {
    const syl_result *want;
    uint64_t seed;
    bool good;
} job;

/* Two streams in turn; cmocka's assertions are for the main thread only. */
static void *run_job(void *user)
{
    job *j = user;
    syl_random rng = {.seed = j->seed};
    syl_stream *s[2] = {NULL, NULL};
    heard *h = calloc(2, sizeof *h);
    size_t at[2] = {0, 0};
    bool good = h && syl_stream_create(&s[0], model, NULL, NULL) == SYL_OK &&
                syl_stream_create(&s[1], model, NULL, NULL) == SYL_OK;
    while (good && (at[0] < num_samples || at[1] < num_samples)) {
        int k = (int)syl_random_below(&rng, 2);
        size_t n = syl_random_below(&rng, 9000), left = num_samples - at[k];
        n = n < left ? n : left;
        good = syl_stream_feed(s[k], audio + at[k], n, NULL) == SYL_OK;
        at[k] += n;
    }
    for (int k = 0; good && k < 2; k++) {
        good = syl_stream_finish(s[k], NULL) == SYL_OK;
        listen(&h[k], s[k]);
        good = good && same(&h[k], j->want, 1e-5);
    }
    syl_stream_free(s[0]);
    syl_stream_free(s[1]);
    free(h);
    j->good = good;
    return NULL;
}

static void test_threads(void **state)
{
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    job jobs[THREADS];
    syl_result want = whole(audio, num_samples, NULL);
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.want = &want, .seed = (uint64_t)(1000 + i)};
        assert_int_equal(pthread_create(&thread[i], NULL, run_job, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_true(jobs[i].good);
    }
    syl_result_free(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),           cmocka_unit_test(test_latency),
        cmocka_unit_test(test_stereo_48k),     cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_short),          cmocka_unit_test(test_silence),
        cmocka_unit_test(test_finished),       cmocka_unit_test(test_shift),
        cmocka_unit_test(test_silence_frames), cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_keep_frames),    cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
