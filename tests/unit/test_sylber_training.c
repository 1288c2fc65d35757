/* What Sylber's training is made of: threshold, targets, crops with noise, the order of examples.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sndfile.h>

#include "train/loader.h"
#include "train/sylber/example.h"
#include "train/sylber/targets.h"
#include "train/sylber/thresholder.h"

static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

/* ---- thresholder ------------------------------------------------------------------------------
 */

/* 2.5999 is what the released Thresholder gives for its own start. */
static void threshold_of_the_release(void **state)
{
    syl_thresholder t = syl_thresholder_released();
    (void)state;
    assert_float_equal(syl_thresholder_value(&t), 2.5999, 1e-4);
    t.noise_variance = t.signal_variance;
    assert_float_equal(syl_thresholder_value(&t), (6.10 + 0.34) / 2, 1e-4);
}

static void threshold_follows_the_norms(void **state)
{
    syl_thresholder t = {
        .signal_mean = 6, .signal_variance = 1, .noise_mean = 1, .noise_variance = 1, .decay = .9f};
    syl_norm_sums loud = {0}, quiet = {0}, none = {0};
    (void)state;
    syl_norm_sums_add(&loud, 7);
    syl_norm_sums_add(&loud, 9);
    syl_norm_sums_add(&quiet, 2);
    syl_thresholder_update_signal(&t, &loud);
    syl_thresholder_update_noise(&t, &quiet);
    syl_thresholder_update_noise(&t, &none);
    assert_float_equal(t.signal_mean, .9 * 6 + .1 * 8, 1e-5);
    assert_float_equal(t.signal_variance, .9 * 1 + .1 * 1, 1e-5);
    assert_float_equal(t.noise_mean, .9 * 1 + .1 * 2, 1e-5);
    assert_float_equal(t.noise_variance, .9, 1e-5);
}

/* ---- targets ----------------------------------------------------------------------------------
 */

static void targets_are_means_and_zero_outside(void **state)
{
    float teacher[] = {9, 9, 1, 2, 3, 4, 5, 0, 7, 7}, target[10];
    const float want[] = {0, 0, 2, 3, 2, 3, 5, 0, 0, 0};
    const int32_t segments[][2] = {{1, 3}, {3, 4}};
    (void)state;
    memset(target, 0x7F, sizeof target);
    syl_target_from_segments(syl_mat_of(teacher, SYL_F32, 5, 2), segments, 2,
                             syl_mat_of(target, SYL_F32, 5, 2));
    for (int i = 0; i < 10; i++)
        assert_float_equal(target[i], want[i], 1e-6);
}

static void targets_of_the_teachers_own_segments(void **state)
{
    float teacher[] = {0, .1f, 3, 0, 5, 0, 0, 4, 0, 6, .2f, 0}, target[12];
    const float want[] = {0, 0, 4, 0, 4, 0, 0, 5, 0, 5, 0, 0};
    (void)state;
    OK(syl_target_from_teacher(syl_mat_of(teacher, SYL_F32, 6, 2), 1, .8,
                               syl_mat_of(target, SYL_F32, 6, 2), &err));
    for (int i = 0; i < 12; i++)
        assert_float_equal(target[i], want[i], 1e-6);
}

/* ---- examples ----------------------------------------------------------------------------------
 */

static const char config_json[] =
    "{\"model_type\": \"sylkit-mel\", \"sample_rate\": 16000, \"n_fft\": 400, \"hop_length\": 160,"
    "\"num_mel_bins\": 20, \"hidden_size\": 8, \"output_size\": 4, \"num_hidden_layers\": 1,"
    "\"num_attention_heads\": 2, \"intermediate_size\": 16, \"attention_left\": 4,"
    "\"attention_right\": 1}";

/* Two recordings on the disk, with segments. */
typedef struct place {
    char folder[64];
    syl_config config;
    syl_example_source source;
} place;

static void write_tone(const char *path, int seconds)
{
    SF_INFO info = {.samplerate = 16000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    for (int i = 0; i < seconds * 16000; i++) {
        float v = .3f * sinf((float)i * .1f);
        sf_write_float(file, &v, 1);
    }
    sf_close(file);
}

static void write_segments(const char *path)
{
    const int32_t spans[][2] = {{5, 20}, {20, 40}, {45, 50}};
    const float means[][4] = {{1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}};
    syl_st_tensor t[] = {{.name = "segments",
                          .dtype = SYL_I32,
                          .ndim = 2,
                          .shape = {3, 2},
                          .data = spans,
                          .count = 6},
                         {.name = "means",
                          .dtype = SYL_F32,
                          .ndim = 2,
                          .shape = {3, 4},
                          .data = means,
                          .count = 12}};
    OK(syl_safetensors_write(path, t, 2, NULL, &err));
}

static void open_place(place *p)
{
    char path[2][128], segments[128];
    const char *names[] = {path[0], path[1]}, *keys[] = {"a", "b"};
    memset(p, 0, sizeof *p);
    strcpy(p->folder, "/tmp/syl-training-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s.wav", p->folder, keys[i]);
        snprintf(segments, sizeof segments, "%s/%s.safetensors", p->folder, keys[i]);
        write_tone(path[i], 1 + i);
        write_segments(segments);
    }
    OK(syl_config_parse(&p->config, config_json, strlen(config_json), "test", &err));
    syl_utterances_options options = {
        .sample_rate = 16000, .hop = 320, .dim = 4, .segments = p->folder};
    p->source = (syl_example_source){
        .config = &p->config,
        .ops = &syl_mel_network_ops,
        .options = {.frames = 100, .speed = {1, 1}, .warp = {1, 1}, .snr_db = {20, 20}},
        .seed = 4};
    OK(syl_utterances_create(&p->source.speech, &options, names, keys, 2, &err));
}

static void close_place(place *p)
{
    char command[128];
    syl_utterances_free(p->source.speech);
    snprintf(command, sizeof command, "rm -r '%s'", p->folder);
    assert_int_equal(system(command), 0);
}

static bool same_rows(const syl_example *a, const syl_example *b)
{
    return a->num_rows == b->num_rows &&
           !memcmp(a->rows, b->rows, (size_t)(a->num_rows * 20) * sizeof(float));
}

static void examples_depend_on_their_number_alone(void **state)
{
    place p;
    syl_example a = {0}, b = {0}, c = {0};
    (void)state;
    open_place(&p);
    p.source.options.collage = true;
    p.source.options.coloured_noise = p.source.options.change_speed = 1;
    p.source.options.speed = (syl_range){.8f, 1.25f};
    OK(syl_example_make(&p.source, 7, 0, &a, &err));
    OK(syl_example_make(&p.source, 8, 0, &c, &err));
    OK(syl_example_make(&p.source, 7, 0, &b, &err));
    assert_true(same_rows(&a, &b));
    assert_memory_equal(a.target, b.target, (size_t)a.frames * 4 * sizeof(float));
    assert_false(same_rows(&a, &c));
    syl_example_clear(&b);
    OK(syl_example_make(&p.source, 7, 1, &b, &err));
    assert_false(same_rows(&a, &b)); /* another attempt is another crop */
    syl_example_clear(&a);
    syl_example_clear(&b);
    syl_example_clear(&c);
    close_place(&p);
}

/* Segments lie where the target is not zero, whatever the crop. */
static void targets_lie_in_the_segments(void **state)
{
    place p;
    (void)state;
    open_place(&p);
    for (int number = 0; number < 20; number++) {
        syl_example e = {0};
        bool inside[100] = {false};
        p.source.options.collage = number % 2;
        OK(syl_example_make(&p.source, (uint64_t)number, 0, &e, &err));
        assert_int_equal(e.num_rows, 2 * e.frames);
        assert_true(e.frames == 100 || (!p.source.options.collage && e.frames == 50));
        for (int i = 0; i < e.num_segments; i++)
            for (int t = e.segments[i][0]; t < e.segments[i][1]; t++)
                inside[t] = true;
        for (int t = 0; t < e.frames; t++)
            assert_int_equal(inside[t], e.target[4 * t] != 0);
        syl_example_clear(&e);
    }
    close_place(&p);
}

static double power(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum / (double)n;
}

/* Noise of every colour and babble stand at the ratio that was asked for. */
static void noise_has_its_level(void **state)
{
    enum { N = 16000 };
    place p;
    float clean[N], noisy[N];
    (void)state;
    open_place(&p);
    for (int i = 0; i < N; i++)
        clean[i] = .2f * sinf((float)i * .05f);
    for (int kind = 0; kind < 24; kind++) {
        syl_random random = {.seed = 9, .stream = (uint64_t)kind};
        p.source.options.coloured_noise = kind < 16;
        p.source.options.babble = kind >= 16;
        p.source.options.babble_snr_db = (syl_range){20, 20};
        memcpy(noisy, clean, sizeof noisy);
        OK(syl_example_mix(&p.source, &random, noisy, N, &err));
        for (int i = 0; i < N; i++)
            noisy[i] -= clean[i];
        assert_float_equal(10 * log10(power(clean, N) / power(noisy, N)), 20, .01);
    }
    close_place(&p);
}

/* With room for one recording they are read again and again, and give the same examples. */
static void forgotten_recordings_come_back_the_same(void **state)
{
    char path[2][128];
    place p;
    const char *names[] = {path[0], path[1]}, *keys[] = {"a", "b"};
    syl_utterances *small, *all;
    syl_utterances_options options = {.sample_rate = 16000, .hop = 320, .dim = 4, .max_bytes = 1};
    (void)state;
    open_place(&p);
    p.source.options.collage = true;
    p.source.options.babble = .5f;
    options.segments = p.folder;
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/%s.wav", p.folder, keys[i]);
    OK(syl_utterances_create(&small, &options, names, keys, 2, &err));
    all = p.source.speech;
    for (uint64_t number = 0; number < 10; number++) {
        syl_example a = {0}, b = {0};
        OK(syl_example_make(&p.source, number, 0, &a, &err));
        p.source.speech = small;
        OK(syl_example_make(&p.source, number, 0, &b, &err));
        p.source.speech = all;
        assert_true(same_rows(&a, &b));
        syl_example_clear(&a);
        syl_example_clear(&b);
    }
    syl_utterances_free(small);
    close_place(&p);
}

static void warped_rows_move(void **state)
{
    float rows[20];
    syl_example_options o = {.warp = {1.25f, 1.25f}};
    syl_random random = {.seed = 1};
    (void)state;
    for (int m = 0; m < 20; m++)
        rows[m] = (float)m;
    syl_example_perturb_rows(&o, &random, rows, 1, 20);
    for (int m = 0; m < 20; m++)
        assert_float_equal(rows[m], (float)m / 1.25f, 1e-5);
}

/* ---- loader ------------------------------------------------------------------------------------
 */

static syl_status number_example(void *user, uint64_t number, int attempt, void *example,
                                 syl_error *e)
{
    uint64_t bad = *(uint64_t *)user;
    if (number == bad && attempt < 2) return syl_fail(e, SYL_EFORMAT, "bad %d", attempt);
    *(uint64_t *)example = number * 10 + (uint64_t)attempt;
    return SYL_OK;
}

static void forget(void *example)
{
    (void)example;
}

static int skips;

static void count_skip(void *user, const syl_error *why)
{
    (void)user;
    skips += why->status == SYL_EFORMAT;
}

/* Ranks share out every batch; a bad example is tried again; threads change nothing. */
static void loader_order(void **state)
{
    uint64_t bad = 17;
    syl_loader_source source = {&bad, sizeof(uint64_t), number_example, forget, count_skip};
    (void)state;
    for (int threads = 0; threads < 4; threads++) {
        syl_loader *loader;
        void **batch;
        skips = 0;
        OK(syl_loader_create(&loader, &source, (syl_loader_order){2, 3, 1, 2}, threads, &err));
        for (uint64_t step = 2; step < 30; step++) {
            OK(syl_loader_next(loader, &batch, &err));
            for (uint64_t i = 0; i < 3; i++) {
                uint64_t number = step * 6 + 3 + i;
                assert_int_equal(*(uint64_t *)batch[i], number * 10 + (number == bad ? 2 : 0));
            }
        }
        assert_int_equal(skips, 2);
        syl_loader_free(loader);
    }
}

static syl_status no_example(void *user, uint64_t number, int attempt, void *example, syl_error *e)
{
    (void)user, (void)number, (void)attempt, (void)example;
    return syl_fail(e, SYL_EIO, "nothing here");
}

static void loader_gives_up(void **state)
{
    syl_loader_source source = {NULL, 8, no_example, forget, count_skip};
    syl_loader *loader;
    void **batch;
    (void)state;
    OK(syl_loader_create(&loader, &source, (syl_loader_order){0, 2, 0, 1}, 1, &err));
    assert_int_equal(syl_loader_next(loader, &batch, &err), SYL_EIO);
    assert_non_null(strstr(err.message, "nothing here"));
    syl_loader_free(loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threshold_of_the_release),
        cmocka_unit_test(threshold_follows_the_norms),
        cmocka_unit_test(targets_are_means_and_zero_outside),
        cmocka_unit_test(targets_of_the_teachers_own_segments),
        cmocka_unit_test(examples_depend_on_their_number_alone),
        cmocka_unit_test(targets_lie_in_the_segments),
        cmocka_unit_test(noise_has_its_level),
        cmocka_unit_test(forgotten_recordings_come_back_the_same),
        cmocka_unit_test(warped_rows_move),
        cmocka_unit_test(loader_order),
        cmocka_unit_test(loader_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
