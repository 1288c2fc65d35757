/* Log-mel against a plain double-precision DFT and a filter bank written another way. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/audio/logmel.h"
#include "lib/base/random.h"

#define PI 3.14159265358979323846

static syl_error err;

static double hz_of(double mel)
{
    return mel < 15 ? mel * 200 / 3 : 1000 * pow(6.4, (mel - 15) / 27);
}

static double mel_of(double hz)
{
    return hz < 1000 ? hz * 3 / 200 : 15 + 27 * log(hz / 1000) / log(6.4);
}

/* Weight of a frequency in one triangle: by sides, where the library takes a minimum. */
static double weight(const syl_logmel_config *c, int band, double hz)
{
    double step = mel_of(c->sample_rate / 2.0) / (c->mels + 1);
    double low = hz_of(band * step), mid = hz_of((band + 1) * step),
           high = hz_of((band + 2) * step);
    double area = (high - low) / 2;

    if (hz <= low || hz >= high) return 0;
    return (hz <= mid ? (hz - low) / (mid - low) : (high - hz) / (high - mid)) / area;
}

/* Sample i of the recording, mirrored at its beginning. */
static double sample(const float *x, int64_t i)
{
    return x[i < 0 ? -i : i];
}

static void reference(const syl_logmel_config *c, const float *x, int64_t t, double *out)
{
    int bins = c->n_fft / 2 + 1;
    double *power = calloc((size_t)bins, sizeof *power);

    for (int k = 0; k < bins; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < c->n_fft; i++) {
            double w = 0.5 * (1 - cos(2 * PI * i / c->n_fft));
            double v = w * sample(x, t * c->hop - c->n_fft / 2 + i);
            double angle = -2 * PI * (double)((int64_t)i * k % c->n_fft) / c->n_fft;
            re += v * cos(angle);
            im += v * sin(angle);
        }
        power[k] = re * re + im * im;
    }
    for (int m = 0; m < c->mels; m++) {
        double sum = 0;
        for (int k = 0; k < bins; k++)
            sum += weight(c, m, (double)k * c->sample_rate / c->n_fft) * power[k];
        out[m] = (fmax(log10(fmax(sum, 1e-300)), c->log10_floor) + 4) / 4;
    }
    free(power);
}

static float *noise(size_t n)
{
    syl_random r = {.seed = 11};
    float *x = malloc(n * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        float hum = 0.3f * sinf(0.05f * (float)i);
        x[i] = i > n / 2 && i < n / 2 + 900 ? 0 : hum + 0.1f * syl_random_normal(&r);
    }
    return x;
}

/* All frames of x when it is fed in pieces whose sizes go round in `pieces`. */
static float *run(const syl_logmel_config *c, const float *x, size_t n, const size_t *pieces,
                  size_t kinds, size_t *count)
{
    float *frames = calloc(n / (size_t)c->hop + 2, (size_t)c->mels * sizeof *frames);
    syl_logmel *mel;
    size_t at = 0;

    assert_int_equal(syl_logmel_create(&mel, c, &err), SYL_OK);
    *count = 0;
    for (size_t i = 0; at < n; i++) {
        size_t part = pieces[i % kinds] < n - at ? pieces[i % kinds] : n - at;
        assert_int_equal(syl_logmel_feed(mel, x + at, part, &err), SYL_OK);
        at += part;
        if (i % 3 == 2) *count += syl_logmel_take(mel, frames + *count * (size_t)c->mels, 2);
    }
    while (syl_logmel_ready(mel) > 0)
        *count += syl_logmel_take(mel, frames + *count * (size_t)c->mels, 7);
    syl_logmel_free(mel);
    return frames;
}

static void compare(const syl_logmel_config *c)
{
    const size_t whole[] = {SIZE_MAX}, odd[] = {1, 31, 0, 33, 160, 7, 4097, 5000};
    size_t n = 9000, count, again, half = (size_t)c->n_fft / 2;
    float *x = noise(n);
    float *frames = run(c, x, n, whole, 1, &count);
    float *pieces = run(c, x, n, odd, 8, &again);
    double *want = calloc((size_t)c->mels, sizeof *want);

    /* Frame t needs the samples before t * hop + n_fft - n_fft / 2. */
    assert_int_equal(count, (n - ((size_t)c->n_fft - half)) / (size_t)c->hop + 1);
    assert_int_equal(again, count);
    assert_memory_equal(frames, pieces, count * (size_t)c->mels * sizeof *frames);
    for (size_t t = 0; t < count; t += t < 4 ? 1 : 5) {
        reference(c, x, (int64_t)t, want);
        for (int m = 0; m < c->mels; m++)
            assert_true(fabs(frames[t * (size_t)c->mels + (size_t)m] - want[m]) < 1e-4);
    }
    free(want);
    free(pieces);
    free(frames);
    free(x);
}

static void test_reference(void **state)
{
    (void)state;
    compare(&(syl_logmel_config){16000, 400, 160, 80, -5});
    compare(&(syl_logmel_config){16000, 400, 320, 128, -3});
    compare(&(syl_logmel_config){8000, 63, 63, 13, -5});
    compare(&(syl_logmel_config){48000, 256, 31, 40, -5});
}

static void test_filters(void **state)
{
    syl_logmel_config c = {16000, 400, 160, 80, -5};
    const float *filters;
    syl_logmel *mel;

    (void)state;
    assert_int_equal(syl_logmel_create(&mel, &c, &err), SYL_OK);
    filters = syl_logmel_filters(mel);
    for (int m = 0; m < c.mels; m++)
        for (int k = 0; k <= 200; k++)
            assert_true(fabs(filters[m * 201 + k] - weight(&c, m, 40.0 * k)) < 1e-7);
    /* Two values of librosa.filters.mel(sr=16000, n_fft=400, n_mels=80). */
    assert_true(fabs(filters[0 * 201 + 1] - 0.02486259490251541) < 1e-7);
    assert_true(fabs(filters[1 * 201 + 2] - 0.022871755063533783) < 1e-7);
    syl_logmel_free(mel);
}

static void test_start(void **state)
{
    syl_logmel_config c = {16000, 400, 160, 80, -5};
    float x[201] = {0}, frame[80];
    syl_logmel *mel;

    (void)state;
    assert_int_equal(syl_logmel_create(&mel, &c, &err), SYL_OK);
    assert_int_equal(syl_logmel_feed(mel, NULL, 0, &err), SYL_OK);
    assert_int_equal(syl_logmel_feed(mel, x, 200, &err), SYL_OK);
    assert_int_equal(syl_logmel_ready(mel), 0); /* the reflection needs one more */
    assert_int_equal(syl_logmel_take(mel, frame, 1), 0);
    assert_int_equal(syl_logmel_feed(mel, x, 1, &err), SYL_OK);
    assert_int_equal(syl_logmel_ready(mel), 1);
    assert_int_equal(syl_logmel_take(mel, frame, 9), 1);
    for (int m = 0; m < 80; m++)
        assert_true(frame[m] == -0.25f); /* silence: (-5 + 4) / 4 */
    syl_logmel_free(mel);
    syl_logmel_free(NULL);
}

static void test_options(void **state)
{
    const syl_logmel_config bad[] = {
        {0, 400, 160, 80, -5},      {16000, 1, 1, 80, -5},      {16000, 70000, 160, 80, -5},
        {16000, 400, 0, 80, -5},    {16000, 400, 401, 80, -5},  {16000, 400, 160, 0, -5},
        {16000, 400, 160, 80, NAN}, {16000, 400, 160, 80, -99},
    };
    syl_logmel *mel;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(syl_logmel_create(&mel, &bad[i], &err), SYL_EINVAL);
        assert_null(mel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
