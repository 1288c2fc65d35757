/* The teacher and the curves made of its features against PyTorch and scipy (make_teacher.py). */
#include "golden.h"

#include "train/presegment/presegment.h"
#include "train/presegment/speech_regions.h"

#define SHORT 9700
#define HOP 320

typedef struct fixture {
    syl_safetensors *file;
    syl_teacher *teacher;
    syl_ctx *ctx;
    float *audio;
    size_t n;
} fixture;

static syl_error err;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static int set_up(void **state)
{
    static fixture f;
    char path[4096];
    f.file = golden_open("teacher_check.safetensors");
    f.audio = golden_floats(f.file, "audio", &f.n);
    ok(syl_teacher_load(&f.teacher, golden_path(path, sizeof path, "teacher.safetensors"), &err));
    ok(syl_ctx_create(&f.ctx, 1, &err));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    syl_teacher_free(f->teacher);
    syl_ctx_free(f->ctx);
    syl_safetensors_free(f->file);
    free(f->audio);
    return 0;
}

static void assert_encodes(const fixture *f, size_t n, const char *name)
{
    syl_hidden h;
    size_t count;
    float *want = golden_floats(f->file, name, &count);
    ok(syl_teacher_encode(f->teacher, f->ctx, f->audio, n, &h, &err));
    assert_int_equal(h.levels, 4);
    assert_int_equal(h.dim, 32);
    assert_int_equal(h.frames, n / HOP);
    assert_int_equal(count, (size_t)h.levels * (size_t)h.frames * (size_t)h.dim);
    assert_close(name, h.data, want, count, 1e-4);
    syl_hidden_free(&h);
    free(want);
}

static void test_short(void **state)
{
    assert_encodes(*state, SHORT, "short");
}

/* More frames than positions: cut at the fixture's places, which lie at quiet ones. */
static void test_long(void **state)
{
    fixture *f = *state;
    assert_true((int64_t)f->n / HOP > f->teacher->num_positions);
    assert_encodes(f, f->n, "long");
}

static void test_lengths(void **state)
{
    fixture *f = *state;
    syl_hidden h, longer;
    /* less than a frame, one frame, around as many as fit without a cut (36) */
    static const size_t lengths[] = {0, 1, HOP - 1, HOP, HOP + 1, 36 * HOP + 319, 37 * HOP};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        ok(syl_teacher_encode(f->teacher, f->ctx, f->audio, lengths[i], &h, &err));
        assert_int_equal(h.frames, lengths[i] / HOP);
        for (size_t k = 0; k < (size_t)h.levels * (size_t)h.frames * 32; k++)
            assert_true(isfinite(h.data[k]));
        syl_hidden_free(&h);
    }
    /* samples of a frame that is not complete are heard all the same */
    ok(syl_teacher_encode(f->teacher, f->ctx, f->audio, 10 * HOP, &h, &err));
    ok(syl_teacher_encode(f->teacher, f->ctx, f->audio, 10 * HOP + 319, &longer, &err));
    assert_int_equal(h.frames, longer.frames);
    assert_memory_not_equal(h.data, longer.data, 4 * 10 * 32 * sizeof(float));
    syl_hidden_free(&h);
    syl_hidden_free(&longer);
}

static void test_too_long(void **state)
{
    fixture *f = *state;
    syl_hidden h;
    assert_int_equal(
        syl_teacher_encode(f->teacher, f->ctx, f->audio, (size_t)901 * 16000, &h, &err),
        SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "901 s"));
}

/* Of the fixture over itself. */
static syl_stats own_stats(const fixture *f)
{
    syl_hidden h;
    syl_stats stats;
    syl_moments moments;
    ok(syl_teacher_encode(f->teacher, f->ctx, f->audio, f->n, &h, &err));
    ok(syl_stats_create(&stats, h.levels, h.dim, &err));
    ok(syl_moments_create(&moments, h.levels * h.dim, &err));
    for (int64_t t = 0; t < h.frames; t++) {
        syl_moments_begin(&moments);
        for (int level = 0; level < h.levels; level++)
            syl_moments_take(&moments, level * h.dim, syl_hidden_level(&h, level) + t * h.dim,
                             h.dim);
    }
    for (int i = 0; i < h.levels * h.dim; i++) {
        stats.mean[i] = (float)moments.mean[i];
        stats.std[i] = (float)syl_moments_deviation(&moments, i);
    }
    for (int c = 0; c < SYL_NUM_CURVES; c++)
        stats.scale[c] = 1;
    syl_moments_free(&moments);
    syl_hidden_free(&h);
    return stats;
}

static syl_hidden standardised(const fixture *f)
{
    syl_hidden h;
    syl_stats stats = own_stats(f);
    ok(syl_teacher_encode(f->teacher, f->ctx, f->audio, f->n, &h, &err));
    syl_stats_standardise(&stats, &h);
    syl_stats_free(&stats);
    return h;
}

static void test_curves(void **state)
{
    fixture *f = *state;
    size_t count;
    float *want = golden_floats(f->file, "curves", &count);
    syl_hidden h = standardised(f);
    syl_heard u = {
        .samples = f->audio, .n = f->n, .sample_rate = 16000, .hop = HOP, .hidden = &h};
    assert_int_equal(count, SYL_NUM_CURVES * (size_t)h.frames);
    double *curves = calloc(count, sizeof *curves);
    float *got = calloc(count, sizeof *got);
    ok(syl_sonority_curves(f->ctx, &u, curves, &err));
    for (size_t i = 0; i < count; i++)
        got[i] = (float)curves[i];
    assert_close("curves", got, want, count, 1e-4);
    /* the sum, by hand */
    const double scale[] = {10, 2, 3, 0.1};
    double *sum = calloc((size_t)h.frames, sizeof *sum);
    ok(syl_sonority_curve(f->ctx, &u, scale, sum, &err));
    for (int64_t t = 0; t < h.frames; t++) {
        const double *c = curves + t;
        double by_hand =
            c[0] / 10 + c[h.frames] / 2 + 0.5 * c[2 * h.frames] / 3 + 0.5 * c[3 * h.frames] / 0.1;
        assert_true(fabs(sum[t] - by_hand) < 1e-9);
    }
    u.sample_rate = 5199;
    assert_int_equal(syl_sonority_curves(f->ctx, &u, curves, &err), SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "5199 Hz"));
    syl_hidden_free(&h);
    free(curves);
    free(sum);
    free(want);
    free(got);
}

static void test_regions(void **state)
{
    fixture *f = *state;
    size_t count;
    float *want = golden_floats(f->file, "regions", &count);
    syl_spans got = {0};
    ok(syl_speech_regions(f->audio, f->n, HOP, &got, &err));
    assert_int_equal(count, 2 * got.count);
    for (size_t i = 0; i < got.count; i++) {
        assert_int_equal(got.items[i].start, (int)want[2 * i]);
        assert_int_equal(got.items[i].end, (int)want[2 * i + 1]);
    }
    syl_spans_free(&got);
    free(want);
}

/* The means of all methods, and the segments' place: inside of the regions, which they fill. */
static void test_targets(void **state)
{
    fixture *f = *state;
    syl_stats stats = own_stats(f);
    syl_hidden h = standardised(f);
    stats.probe = calloc(SYL_PROBE_TAPS * 32, sizeof *stats.probe);
    for (int method = 0; syl_presegment_method_names[method]; method++) {
        syl_presegments p;
        ok(syl_presegment(f->teacher, &stats, f->ctx, (syl_presegment_method)method, f->audio, f->n,
                          &p, &err));
        assert_int_equal(p.num_frames, h.frames);
        assert_true(p.segments.count >= 2);
        int64_t covered = 0;
        for (size_t i = 0; i < p.segments.count; i++) {
            syl_span s = p.segments.items[i];
            covered += s.end - s.start;
            for (int d = 0; d < 32; d++) {
                double sum = 0;
                for (int64_t t = s.start; t < s.end; t++)
                    sum += syl_hidden_level(&h, 3)[t * 32 + d];
                assert_true(fabs(p.means[i * 32 + (size_t)d] - 0.3 * sum / (s.end - s.start)) <
                            1e-5);
            }
        }
        assert_int_equal(covered, 40 + 25); /* regions 4..44 and 51..76 of the fixture */
        syl_presegments_free(&p);
    }
    syl_hidden_free(&h);
    syl_stats_free(&stats);
}

static void test_no_probe(void **state)
{
    fixture *f = *state;
    syl_stats stats = own_stats(f);
    syl_presegments p;
    assert_int_equal(
        syl_presegment(f->teacher, &stats, f->ctx, SYL_PRESEGMENT_PROBE, f->audio, f->n, &p, &err),
        SYL_EINVAL);
    assert_non_null(strstr(err.message, "--labels"));
    syl_stats_free(&stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short),   cmocka_unit_test(test_long),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_curves),  cmocka_unit_test(test_regions),
        cmocka_unit_test(test_targets), cmocka_unit_test(test_no_probe),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
