/* Recordings (files, pipes, raw, damaged ones) and the resampler. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/audio/audio_file.h"
#include "lib/audio/resample.h"

static char folder[64];
static syl_error err;

static char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    if (size) assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

static uint8_t *read_bytes(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);

    assert_non_null(f);
    *size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

/* Channel c of sample i. */
static float tone(int i, int c)
{
    return 0.5f * sinf(0.02f * (float)(i * (c + 1)));
}

static void record(const char *path, int format, int rate, int channels, int frames)
{
    SF_INFO info = {.format = format, .samplerate = rate, .channels = channels};
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    float *x = malloc((size_t)(frames * channels + 1) * sizeof *x);

    assert_non_null(f);
    for (int i = 0; i < frames * channels; i++)
        x[i] = tone(i / channels, i % channels);
    assert_int_equal(sf_writef_float(f, x, frames), frames);
    free(x);
    sf_close(f);
}

/* Reads to the end; the status of the last read. */
static syl_status read_all(syl_audio_file *f, size_t *total)
{
    float buffer[2 * 777];
    size_t got;
    syl_status status;

    *total = 0;
    do {
        status = syl_audio_read(f, buffer, 777, &got, &err);
        *total += got;
    } while (!status && got > 0);
    return status;
}

static void check_file(int format, int rate, int channels, float tolerance)
{
    char *path = in_folder("sound");
    float *x, want;
    syl_audio_info info;
    syl_audio_file *f;
    size_t n;

    record(path, format, rate, channels, 5000);
    assert_int_equal(syl_audio_load(path, NULL, &x, &n, &info, &err), SYL_OK);
    assert_int_equal(n, 5000);
    assert_int_equal(info.sample_rate, rate);
    assert_int_equal(info.channels, channels);
    for (int i = 0; i < 5000; i++) {
        want = channels == 1 ? tone(i, 0) : (tone(i, 0) + tone(i, 1)) / 2;
        assert_true(fabsf(x[i] - want) <= tolerance);
    }
    free(x);
    assert_int_equal(syl_audio_open(&f, path, NULL, &err), SYL_OK);
    syl_audio_get_info(f, &info);
    assert_int_equal(info.frames, 5000);
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(read_all(f, &n), SYL_OK);
        assert_int_equal(n, 5000);
        assert_int_equal(syl_audio_rewind(f, &err), SYL_OK);
    }
    syl_audio_close(f);
    syl_audio_close(NULL);
    unlink(path);
}

static void test_formats(void **state)
{
    (void)state;
    check_file(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 1e-4f);
    check_file(SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 8000, 1, 1e-2f);
    check_file(SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 2, 1e-6f);
    check_file(SF_FORMAT_WAVEX | SF_FORMAT_FLOAT, 44100, 2, 1e-7f);
    check_file(SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1, 2e-2f);
    check_file(SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 16000, 2, 1e-4f);
    check_file(SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16000, 1, 1e-4f);
    check_file(SF_FORMAT_AU | SF_FORMAT_PCM_16, 16000, 1, 1e-4f);
    check_file(SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 48000, 2, 1e-6f);
}

static void test_format_name(void **state)
{
    char *path = in_folder("a.wav");
    syl_audio_info info;
    syl_audio_file *f;

    (void)state;
    record(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 10);
    assert_int_equal(syl_audio_open(&f, path, NULL, &err), SYL_OK);
    syl_audio_get_info(f, &info);
    assert_string_equal(info.format, "WAV, Signed 16 bit PCM");
    syl_audio_close(f);
    unlink(path);
}

/* What is there is returned, then the error comes. */
static void check_cut(int format, const char *name, size_t keep_percent)
{
    char *path = in_folder(name);
    syl_audio_file *f;
    size_t size, n;
    uint8_t *data;

    record(path, format, 16000, 2, 40000);
    data = read_bytes(path, &size);
    write_bytes(path, data, size * keep_percent / 100);
    free(data);
    assert_int_equal(syl_audio_open(&f, path, NULL, &err), SYL_OK);
    assert_int_equal(read_all(f, &n), SYL_EFORMAT);
    assert_true(n > 10000 && n < 40000);
    assert_non_null(strstr(err.message, name));
    assert_non_null(strstr(err.message, "cut off"));
    syl_audio_close(f);
    unlink(path);
}

static void test_truncated(void **state)
{
    (void)state;
    check_cut(SF_FORMAT_WAV | SF_FORMAT_PCM_16, "cut.wav", 60);
    check_cut(SF_FORMAT_RF64 | SF_FORMAT_PCM_24, "cut64.wav", 60);
    check_cut(SF_FORMAT_WAV | SF_FORMAT_PCM_16, "almost.wav", 99);
    check_cut(SF_FORMAT_AIFF | SF_FORMAT_PCM_16, "cut.aiff", 60);
    check_cut(SF_FORMAT_AU | SF_FORMAT_PCM_16, "cut.au", 60);
    check_cut(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, "cut.flac", 60);
}

static void expect_open(const char *path, const char *raw, syl_status status, const char *word)
{
    syl_audio_file *f;

    assert_int_equal(syl_audio_open(&f, path, raw, &err), status);
    assert_null(f);
    assert_non_null(strstr(err.message, word));
}

static void test_refused(void **state)
{
    const char *bad[] = {"",
                         "s16le",
                         "s16le:16000",
                         "s16be:16000:1",
                         "s16le:0:1",
                         "s16le:1:0",
                         "s16le:1:1:1",
                         "s16le:x:1",
                         "s16le:16000:-1",
                         "s16le:99999999999999999999:1",
                         "s16le: 16000:1"};
    char *path = in_folder("text.wav");

    (void)state;
    write_bytes(path, "This is not a recording, but a text.\n", 37);
    expect_open(path, NULL, SYL_EFORMAT, "text.wav");
    assert_non_null(strstr(err.message, "ffmpeg"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_open(path, bad[i], SYL_EINVAL, "s16le:16000:1");
    write_bytes(path, "RIFF\x24\0\0\0WAVE", 12);
    expect_open(path, NULL, SYL_EFORMAT, "text.wav");
    write_bytes(path, "", 0);
    expect_open(path, NULL, SYL_EFORMAT, "empty");
    expect_open(path, "s16le:16000:1", SYL_EFORMAT, "empty");
    expect_open(folder, NULL, SYL_EIO, "folder");
    expect_open(in_folder("missing.wav"), NULL, SYL_EIO, "missing.wav");
    if (geteuid() != 0) { /* root may read everything */
        assert_int_equal(chmod(path, 0), 0);
        expect_open(path, NULL, SYL_EIO, "ermission");
    }
    unlink(path);
}

static void test_not_finite(void **state)
{
    float x[1000] = {0}, *samples;
    char *path = in_folder("nan.raw");
    size_t n;

    (void)state;
    x[801] = NAN;
    write_bytes(path, x, sizeof x);
    assert_int_equal(syl_audio_load(path, "f32le:1000:2", &samples, &n, NULL, &err), SYL_EFORMAT);
    assert_null(samples);
    assert_non_null(strstr(err.message, "sample 400 (0.400 s) of channel 2 is not a number"));
    x[801] = INFINITY;
    write_bytes(path, x, sizeof x);
    assert_int_equal(syl_audio_load(path, "f32le:1000:2", &samples, &n, NULL, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "infinite"));
    unlink(path);
}

static void test_raw(void **state)
{
    static const uint8_t u8[] = {0, 128, 192};
    static const uint8_t s24[] = {0, 0, 0x80, 0, 0, 0, 0, 0, 0x40};
    const int16_t s16[] = {-32768, 0, 16384};
    const int32_t s32[] = {INT32_MIN, 0, 1 << 30};
    const double f64[] = {-1, 0, 0.5};
    const struct {
        const char *raw;
        const void *data;
        size_t size;
    } all[] = {{"u8:8000:1", u8, 3},
               {"s16le:8000:1", s16, 6},
               {"s24le:8000:1", s24, 9},
               {"s32le:8000:1", s32, 12},
               {"f64le:8000:1", f64, 24}};
    char *path = in_folder("x.raw");
    syl_audio_info info;
    syl_audio_file *f;
    float *x;
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        write_bytes(path, all[i].data, all[i].size);
        assert_int_equal(syl_audio_load(path, all[i].raw, &x, &n, &info, &err), SYL_OK);
        assert_int_equal(n, 3);
        assert_int_equal(info.sample_rate, 8000);
        assert_true(x[0] == -1 && x[1] == 0 && x[2] == 0.5f);
        free(x);
    }
    assert_int_equal(syl_audio_open(&f, path, "f64le:8000:1", &err), SYL_OK);
    syl_audio_get_info(f, &info);
    assert_int_equal(info.frames, 3);
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(read_all(f, &n), SYL_OK);
        assert_int_equal(n, 3);
        assert_int_equal(syl_audio_rewind(f, &err), SYL_OK);
    }
    syl_audio_close(f);
    assert_int_equal(syl_audio_load(path, "s16le:8000:5", &x, &n, NULL, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "inside a sample"));
    unlink(path);
}

/* ---- pipes: a FIFO by its name is read like standard input ----------------------------- */

typedef struct sender {
    const char *path;
    const uint8_t *data;
    size_t size;
} sender;

/* In pieces of an odd size, so that reads end inside samples and headers. */
static void *send_all(void *context)
{
    sender *s = context;
    FILE *f = fopen(s->path, "wb");

    for (size_t at = 0; f && at < s->size;) {
        size_t part = s->size - at < 1001 ? s->size - at : 1001;
        if (fwrite(s->data + at, 1, part, f) != part || fflush(f)) break;
        at += part;
    }
    if (f) fclose(f);
    return NULL;
}

static syl_status load_pipe(const uint8_t *data, size_t size, const char *raw, float **x, size_t *n,
                            syl_audio_info *info)
{
    sender s = {in_folder("fifo"), data, size};
    syl_status status;
    pthread_t thread;

    assert_int_equal(mkfifo(s.path, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, send_all, &s), 0);
    status = syl_audio_load(s.path, raw, x, n, info, &err);
    pthread_join(thread, NULL);
    unlink(s.path);
    return status;
}

static size_t find_data(const uint8_t *wav, size_t size)
{
    for (size_t i = 12; i + 8 < size; i++)
        if (!memcmp(wav + i, "data", 4)) return i + 4;
    fail();
    return 0;
}

static void test_pipe_wav(void **state)
{
    static const uint32_t unknown[] = {0, 0xffffffff, 0xffffffdb, 0x7ffff000, 0x80000000};
    char *path = in_folder("p.wav");
    syl_audio_info info;
    size_t size, at, n;
    uint8_t *wav;
    float *x;

    (void)state;
    record(path, SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 2, 5000);
    wav = read_bytes(path, &size);
    unlink(path);
    at = find_data(wav, size);
    assert_int_equal(load_pipe(wav, size, NULL, &x, &n, &info), SYL_OK);
    assert_int_equal(n, 5000);
    assert_int_equal(info.channels, 2);
    for (int i = 0; i < 5000; i++)
        assert_true(fabsf(x[i] - (tone(i, 0) + tone(i, 1)) / 2) < 1e-6f);
    free(x);
    assert_int_equal(load_pipe(wav, size - 100, NULL, &x, &n, &info), SYL_EFORMAT);
    assert_non_null(strstr(err.message, " 100 bytes"));
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        memcpy(wav + at, &unknown[i], 4);
        assert_int_equal(load_pipe(wav, size, NULL, &x, &n, &info), SYL_OK);
        assert_int_equal(n, 5000);
        free(x);
    }
    for (size_t i = 0; i < at + 4; i++) /* cut in the header */
        assert_int_equal(load_pipe(wav, i, NULL, &x, &n, &info), SYL_EFORMAT);
    free(wav);
}

static void test_pipe_other(void **state)
{
    int16_t pcm[3000];
    syl_audio_file *f;
    syl_audio_info info;
    char *path = in_folder("u.wav");
    uint8_t *wav;
    size_t size, n;
    float *x;

    (void)state;
    for (int i = 0; i < 3000; i++)
        pcm[i] = (int16_t)(i - 1500);
    assert_int_equal(load_pipe((uint8_t *)pcm, sizeof pcm, "s16le:16000:1", &x, &n, &info), SYL_OK);
    assert_int_equal(n, 3000);
    for (int i = 0; i < 3000; i++)
        assert_true(x[i] == (float)(i - 1500) / 32768);
    free(x);
    assert_int_equal(load_pipe((uint8_t *)"OggS and more of it", 19, NULL, &x, &n, &info),
                     SYL_EFORMAT);
    assert_non_null(strstr(err.message, "not WAV"));
    assert_int_equal(load_pipe(NULL, 0, NULL, &x, &n, &info), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "empty"));
    record(path, SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1, 100);
    wav = read_bytes(path, &size);
    unlink(path);
    assert_int_equal(load_pipe(wav, size, NULL, &x, &n, &info), SYL_EUNSUPPORTED);
    free(wav);
    assert_int_equal(syl_audio_open(&f, "/dev/zero", "u8:8000:1", &err), SYL_OK);
    syl_audio_get_info(f, &info);
    assert_int_equal(info.frames, -1);
    assert_int_equal(syl_audio_rewind(f, &err), SYL_EUNSUPPORTED);
    syl_audio_close(f);
}

/* ---- resampler ------------------------------------------------------------------------ */

static size_t resample(syl_resampler *r, const float *x, size_t n, size_t step, float *y)
{
    size_t made = 0, got;
    const float *out;

    for (size_t at = 0; at < n; at += step) {
        size_t part = n - at < step ? n - at : step;
        assert_int_equal(syl_resampler_process(r, x + at, part, &out, &got, &err), SYL_OK);
        if (got) memcpy(y + made, out, got * sizeof *y);
        made += got;
    }
    assert_int_equal(syl_resampler_process(r, NULL, 0, &out, &got, &err), SYL_OK);
    if (got) memcpy(y + made, out, got * sizeof *y);
    made += got;
    assert_int_equal(syl_resampler_process(r, NULL, 0, &out, &got, &err), SYL_OK);
    assert_int_equal(got, 0);
    return made;
}

static void check_rates(double from, double to, size_t n)
{
    size_t room = (size_t)((double)n * to / from) + 10, steps[] = {1000000, 333, 7};
    float *x = calloc(n + 1, sizeof *x), *y = calloc(room, sizeof *y), *z = calloc(room, sizeof *z);
    size_t total = (size_t)floor((double)n * to / from + 0.5);
    syl_resampler *r;

    for (size_t i = 0; i < n; i++)
        x[i] = sinf(6.2831853f * 440 * (float)i / (float)from);
    assert_int_equal(syl_resampler_create(&r, from, to, &err), SYL_OK);
    for (int s = 0; s < 3; s++) {
        assert_int_equal(resample(r, x, n, steps[s], z), total);
        if (s == 0) memcpy(y, z, room * sizeof *y);
        assert_memory_equal(y, z, room * sizeof *y);
        assert_int_equal(syl_resampler_reset(r, &err), SYL_OK);
    }
    for (size_t i = 500; n > 2000 && i + 500 < total; i++)
        assert_true(fabs(y[i] - sin(6.2831853 * 440 * (double)i / to)) < 2e-3);
    syl_resampler_free(r);
    free(x);
    free(y);
    free(z);
}

static void test_resample(void **state)
{
    const size_t lengths[] = {0, 1, 31, 33, 1000, 20001};

    (void)state;
    for (int i = 0; i < 6; i++) {
        check_rates(48000, 16000, lengths[i]);
        check_rates(44100, 16000, lengths[i]);
        check_rates(8000, 16000, lengths[i]);
        check_rates(16000, 16000, lengths[i]);
        check_rates(11025, 16000, lengths[i]);
    }
}

static void test_resample_refused(void **state)
{
    float x[4] = {0};
    syl_resampler *r;
    const float *out;
    size_t got;

    (void)state;
    assert_int_equal(syl_resampler_create(&r, 0, 16000, &err), SYL_EINVAL);
    assert_int_equal(syl_resampler_create(&r, 16000, NAN, &err), SYL_EINVAL);
    assert_int_equal(syl_resampler_create(&r, 1, 1e6, &err), SYL_EINVAL);
    assert_null(r);
    assert_int_equal(syl_resampler_create(&r, 8000, 16000, &err), SYL_OK);
    assert_int_equal(syl_resampler_process(r, NULL, 0, &out, &got, &err), SYL_OK);
    assert_int_equal(syl_resampler_process(r, x, 4, &out, &got, &err), SYL_EINVAL);
    syl_resampler_free(r);
    syl_resampler_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),    cmocka_unit_test(test_format_name),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_raw),
        cmocka_unit_test(test_pipe_wav),   cmocka_unit_test(test_pipe_other),
        cmocka_unit_test(test_resample),   cmocka_unit_test(test_resample_refused),
    };
    int failed;

    signal(SIGPIPE, SIG_IGN); /* a reader may refuse a pipe before all of it was sent */
    strcpy(folder, "/tmp/syl-audio-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) ? 1 : failed; /* nothing may be left behind */
}
