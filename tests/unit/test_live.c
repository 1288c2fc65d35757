/* Streams for live use: memory under way, provisional syllables, many streams over one model in
 * threads, 200 ways of cutting, sliding windows of the HuBERT shape. */
#include "tests/golden/golden.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/random.h"
#include "sylber/hubert_encoder.h"
#include "sylber/model.h"

#define DIM 384
#define MAX_SEGMENTS 512
#define WAYS 40 /* unless $SYL_TEST_WAYS says otherwise: a build with sanitizers is slow */
#define CUT_SAMPLES ((size_t)5 * 16000) /* of the audio; a pause is among them */

static syl_error err;
static syl_model *model;
static float *audio; /* [num_samples]: the fixture's speech twice, a pause, and again */
static size_t num_samples;

/* ---- who allocates: the linker leads the library's own calls here (-Wl,--wrap) ----------- */

static atomic_long allocations;
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);

void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    allocations++;
    return __real_aligned_alloc(alignment, n);
}

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static int set_up(void **state)
{
    static const float gains[] = {1, 0.5f, 1.2f};
    (void)state;
    audio = golden_speech(gains, 3, &num_samples);
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

static syl_model *hubert(void)
{
    char path[4096];
    syl_model *m;
    ok(syl_model_load(&m, golden_path(path, sizeof path, "hubert-base"), NULL, &err));
    return m;
}

static syl_stream *opened(const syl_model *m, const syl_stream_options *options)
{
    syl_stream *s;
    ok(syl_stream_create(&s, m, options, &err));
    return s;
}

/* ---- memory ---------------------------------------------------------------------------- */

/* `seconds` of feeds of `piece` samples, everything taken out; allocations of the second half. */
static long under_way(const syl_model *m, const syl_stream_options *o, size_t piece, int seconds)
{
    syl_stream *s = opened(m, o);
    syl_segment segment;
    long before = 0;
    size_t feeds = (size_t)seconds * 16000 / piece, at = 0, heard = 0;
    for (size_t i = 0; i < feeds; i++) {
        if (i == feeds / 2) before = allocations;
        at = at + piece > num_samples ? 0 : at;
        ok(syl_stream_feed(s, audio + at, piece, &err));
        at += piece;
        while (syl_stream_get(s, &segment))
            heard++;
    }
    long made = allocations - before;
    assert_true(heard > 3);
    syl_stream_free(s);
    return made;
}

static void test_no_allocation(void **state)
{
    static const size_t pieces[] = {160, 1600, 8000};
    syl_stream_options o = syl_stream_options_defaults();
    syl_model *m = hubert();
    (void)state;
    assert_true(allocations > 0); /* the counter counts */
    for (int i = 0; i < 3; i++) {
        o.provisional = i == 1;
        o.sample_rate = 16000;
        assert_int_equal(under_way(model, &o, pieces[i], 30), 0);
        o.sample_rate = 44100;
        assert_int_equal(under_way(model, &o, pieces[i], 30), 0);
    }
    o = syl_stream_options_defaults();
    o.hop_seconds = 0.32;
    o.lookahead_seconds = 0.64;
    o.norm_threshold = 0;
    o.merge_threshold = 1.0; /* random weights: all frames are much alike */
    assert_int_equal(under_way(m, &o, 1600, 20), 0);
    syl_model_free(m);
}

/* Also what the compute library below takes: it gives it back. */
static void test_flat_memory(void **state)
{
    syl_stream *s = opened(model, NULL);
    syl_segment segment;
    size_t at = 0, first = 0;
    (void)state;
    for (int i = 0; i < 1200; i++) { /* two minutes */
        at = at + 1600 > num_samples ? 0 : at;
        ok(syl_stream_feed(s, audio + at, 1600, &err));
        at += 1600;
        while (syl_stream_get(s, &segment))
            ;
        if (i == 300) first = mallinfo2().uordblks;
    }
    size_t last = mallinfo2().uordblks;
    print_message("in use after 30 s %zu bytes, after 120 s %zu\n", first, last);
    assert_true(last <= first + 1024);
    syl_stream_free(s);
}

/* ---- cutting, by threads --------------------------------------------------------------- */

typedef struct worker {
    const syl_result *want;
    int first, step, ways, wrong; /* ways of cutting */
    double worst;                 /* difference of embeddings */
} worker;

static bool differs(const syl_segment *a, const syl_segment *b)
{
    return a->start_frame != b->start_frame || a->end_frame != b->end_frame ||
           a->start != b->start || a->end != b->end || a->token != b->token || a->provisional;
}

/* Takes what is ready; the number of segments so far, or -1 when one is not as it should be. */
static long listen(worker *w, syl_stream *s, long count)
{
    syl_segment got;
    while (count >= 0 && syl_stream_get(s, &got)) {
        if ((size_t)count == w->want->num_segments) return -1;
        const syl_segment *want = &w->want->segments[count];
        for (int i = 0; i < DIM; i++)
            w->worst = fmax(w->worst, fabs((double)got.feature[i] - want->feature[i]));
        count = differs(&got, want) ? -1 : count + 1;
    }
    return count;
}

static void *cut(void *user)
{
    static const uint32_t most[] = {1, 17, 320, 1601, 5000, 16000, 48000, 0};
    worker *w = user;
    for (int way = w->first; way < w->ways; way += w->step) {
        syl_random rng = {.seed = 200, .stream = (uint64_t)way};
        uint32_t limit = most[way % 8] ? most[way % 8] : (uint32_t)CUT_SAMPLES;
        syl_stream *s;
        syl_error own;
        long count = 0;
        if (way % 8 == 0 && way >= 8) limit = 2 + (uint32_t)way; /* one sample at a time once */
        if (syl_stream_create(&s, model, NULL, &own)) return w;
        for (size_t i = 0; i < CUT_SAMPLES && count >= 0;) {
            size_t n = 1 + syl_random_below(&rng, limit);
            if (way == w->ways - 1 || n > CUT_SAMPLES - i) n = CUT_SAMPLES - i;
            if (syl_stream_feed(s, audio + i, n, &own)) count = -1;
            i += n;
            count = listen(w, s, count);
        }
        if (syl_stream_finish(s, &own)) count = -1;
        count = listen(w, s, count);
        w->wrong += count != (long)w->want->num_segments;
        syl_stream_free(s);
    }
    return NULL;
}

/* Four threads, each with a stream of its own, over one model. */
static void test_ways(void **state)
{
    syl_result want;
    const char *fewer = getenv("SYL_TEST_WAYS");
    int ways = fewer ? atoi(fewer) : WAYS;
    pthread_t thread[4];
    worker w[4];
    void *failed;
    (void)state;
    ok(syl_tokenize(&want, model, audio, CUT_SAMPLES, NULL, &err));
    assert_true(want.num_segments >= 4);
    for (int i = 0; i < 4; i++) {
        w[i] = (worker){.want = &want, .first = i, .step = 4, .ways = ways};
        assert_int_equal(pthread_create(&thread[i], NULL, cut, &w[i]), 0);
    }
    double worst = 0;
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], &failed);
        assert_null(failed);
        assert_int_equal(w[i].wrong, 0);
        worst = fmax(worst, w[i].worst);
    }
    print_message("%d ways: segments, tokens, times identical, embeddings to %g\n", ways, worst);
    assert_true(worst <= 1e-5);
    syl_result_free(&want);
}

typedef struct handed {
    syl_stream *stream;
    size_t at;
    syl_status status;
} handed;

static void *feed_some(void *user)
{
    handed *h = user;
    size_t n = num_samples - h->at < 9000 ? num_samples - h->at : 9000;
    h->status = syl_stream_feed(h->stream, audio + h->at, n, NULL);
    h->at += n;
    return NULL;
}

/* Each feed in a thread of its own. */
static void test_moving(void **state)
{
    syl_result want;
    handed h = {.stream = opened(model, NULL)};
    pthread_t thread;
    worker w = {.want = &want};
    long count = 0;
    (void)state;
    ok(syl_tokenize(&want, model, audio, num_samples, NULL, &err));
    while (h.at < num_samples) {
        assert_int_equal(pthread_create(&thread, NULL, feed_some, &h), 0);
        pthread_join(thread, NULL);
        ok(h.status);
        count = listen(&w, h.stream, count);
    }
    ok(syl_stream_finish(h.stream, &err));
    assert_int_equal(listen(&w, h.stream, count), want.num_segments);
    assert_true(w.worst <= 1e-5);
    syl_stream_free(h.stream);
    syl_result_free(&want);
}

/* ---- provisional syllables ------------------------------------------------------------- */

/* The final ones are as ever; each provisional one is replaced by what comes next. */
static size_t check_provisional(int silence_frames, double merge_threshold)
{
    syl_stream_options o = syl_stream_options_defaults();
    syl_result want;
    syl_segment got, open = {0};
    size_t count = 0, early = 0, moved = 0;
    o.provisional = 1;
    o.silence_frames = silence_frames;
    o.merge_threshold = merge_threshold;
    ok(syl_tokenize(&want, model, audio, num_samples, &o, &err));
    syl_stream *s = opened(model, &o);
    for (size_t i = 0; i < num_samples + 1600; i += 1600) {
        if (i >= num_samples)
            ok(syl_stream_finish(s, &err));
        else
            ok(syl_stream_feed(s, audio + i, num_samples - i < 1600 ? num_samples - i : 1600,
                               &err));
        while (syl_stream_get(s, &got)) {
            if (open.provisional) assert_int_equal(got.start_frame, open.start_frame);
            if (got.provisional) {
                assert_true(got.token >= 0 && got.feature != NULL && !got.silence);
                early++;
            } else {
                moved += open.provisional && got.end_frame != open.end_frame;
                assert_true(count < want.num_segments);
                assert_false(differs(&got, &want.segments[count]));
                assert_int_equal(got.silence, want.segments[count].silence);
                count++;
            }
            open = got;
        }
    }
    assert_false(open.provisional);
    assert_int_equal(count, want.num_segments);
    for (size_t i = 0; i < want.num_segments; i++)
        assert_false(want.segments[i].provisional);
    print_message("%zu final, %zu provisional, %zu of those moved\n", count, early, moved);
    assert_true(early > 0);
    syl_stream_free(s);
    syl_result_free(&want);
    return moved;
}

static void test_provisional(void **state)
{
    (void)state;
    check_provisional(0, NAN);
    check_provisional(7, NAN);
    assert_true(check_provisional(7, 0.95) > 0); /* where cuts are many, some move or go */
}

/* ---- the HuBERT shape, sliding --------------------------------------------------------- */

/* frames of the audio in pieces of at most `most`; *count receives how many. */
static float *sliding(const syl_model *m, const syl_stream_options *o, size_t n, uint32_t most,
                      size_t *count)
{
    syl_stream *s = opened(m, o);
    syl_random rng = {.seed = 9};
    size_t dim = (size_t)m->config.dim, room = n / 320 + 1;
    float *frames = malloc(room * dim * sizeof *frames);
    *count = 0;
    for (size_t i = 0; i < n;) {
        size_t piece = 1 + syl_random_below(&rng, most);
        piece = piece < n - i ? piece : n - i;
        ok(syl_stream_feed(s, audio + i, piece, &err));
        i += piece;
        *count += syl_stream_get_frames(s, frames + *count * dim, room - *count);
        /* As early as promised: a hop and the look-ahead behind, 80 samples of the kernels. */
        double known = (double)syl_stream_num_frames(s) / 50, now = (double)i / 16000;
        assert_true(now - known <= o->hop_seconds + o->lookahead_seconds + 0.03);
    }
    ok(syl_stream_finish(s, &err));
    *count += syl_stream_get_frames(s, frames + *count * dim, room - *count);
    syl_stream_free(s);
    return frames;
}

static void test_sliding(void **state)
{
    static const double shapes[][2] = {{0.16, 0.16}, {0.32, 0}, {0.32, 0.64}, {0.64, 1.28}};
    syl_model *m = hubert();
    size_t n = num_samples < 9 * 16000 ? num_samples : 9 * 16000, count, again;
    size_t dim = (size_t)m->config.dim;
    (void)state;
    for (int i = 0; i < 4; i++) {
        syl_stream_options o = syl_stream_options_defaults();
        o.keep_frames = 1;
        o.hop_seconds = shapes[i][0];
        o.lookahead_seconds = shapes[i][1];
        float *want = sliding(m, &o, n, 1600, &count);
        float *got = sliding(m, &o, n, 30000 / (uint32_t)(i + 1) % 7000 + 1, &again);
        assert_int_equal(count, syl_hubert_num_frames(&m->config, (int64_t)n));
        assert_int_equal(again, count);
        assert_close("sliding, other cuts", got, want, count * dim, 1e-6);
        free(want);
        free(got);
    }
    syl_model_free(m);
}

/* With all of the future, and no prior, it is the recording in one piece. */
static void test_sliding_whole(void **state)
{
    syl_model *m = hubert();
    syl_stream_options o = syl_stream_options_defaults();
    syl_result want, got;
    (void)state;
    o.keep_frames = 1;
    ok(syl_tokenize(&want, m, audio, num_samples, &o, &err));
    o.hop_seconds = 0.32;
    o.lookahead_seconds = INFINITY;
    o.prior_seconds = 0;
    ok(syl_tokenize(&got, m, audio, num_samples, &o, &err));
    assert_int_equal(got.num_frames, want.num_frames);
    assert_memory_equal(got.frames, want.frames,
                        (size_t)(want.num_frames * want.dim) * sizeof(float));
    syl_result_free(&want);
    syl_result_free(&got);
    syl_model_free(m);
}

/* The first window of a stream is normalised with the prior; a scan takes its place. */
static void test_prior(void **state)
{
    syl_model *m = hubert();
    syl_stream_options o = syl_stream_options_defaults();
    size_t with, without, dim = (size_t)m->config.dim;
    double far = 0;
    (void)state;
    o.keep_frames = 1;
    o.hop_seconds = 0.32;
    float *a = sliding(m, &o, 16000, 1600, &with);
    o.prior_seconds = 0;
    float *b = sliding(m, &o, 16000, 1600, &without);
    assert_int_equal(with, without);
    for (size_t i = 0; i < dim; i++)
        far = fmax(far, fabs((double)a[i] - b[i]));
    assert_true(far > 1e-3);
    syl_stream *s = opened(m, &o), *t;
    o.prior_seconds = 60;
    t = opened(m, &o);
    ok(syl_stream_scan(s, audio, num_samples, &err));
    ok(syl_stream_scan(t, audio, num_samples, &err));
    ok(syl_stream_feed(s, audio, 16000, &err));
    ok(syl_stream_feed(t, audio, 16000, &err));
    assert_int_equal(syl_stream_get_frames(s, a, 10), 10);
    assert_int_equal(syl_stream_get_frames(t, b, 10), 10);
    assert_memory_equal(a, b, 10 * dim * sizeof(float));
    syl_stream_free(s);
    syl_stream_free(t);
    free(a);
    free(b);
    syl_model_free(m);
}

static void assert_refused(const syl_stream_options *o, const char *says)
{
    syl_stream *s;
    assert_int_equal(syl_stream_create(&s, model, o, &err), SYL_EINVAL);
    assert_null(s);
    assert_non_null(strstr(err.message, says));
}

static void test_refused(void **state)
{
    syl_stream_options o = syl_stream_options_defaults();
    (void)state;
    o.hop_seconds = -0.1;
    assert_refused(&o, "hop of -0.1");
    o.hop_seconds = NAN;
    assert_refused(&o, "hop of");
    o.hop_seconds = 0.32;
    o.lookahead_seconds = -1;
    assert_refused(&o, "look-ahead of -1");
    o.lookahead_seconds = 0;
    o.prior_seconds = 61;
    assert_refused(&o, "prior of 61");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_allocation), cmocka_unit_test(test_flat_memory),
        cmocka_unit_test(test_ways),          cmocka_unit_test(test_moving),
        cmocka_unit_test(test_provisional),   cmocka_unit_test(test_sliding),
        cmocka_unit_test(test_sliding_whole), cmocka_unit_test(test_prior),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
