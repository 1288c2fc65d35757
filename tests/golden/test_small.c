/* The shipped model against its prototype in PyTorch (make_small.py). */
#include "golden.h"

#include "sylber/mel_encoder.h"
#include "sylber/model.h"

#include "lib/audio/logmel.h"

static syl_model *load(syl_precision precision)
{
    syl_error err;
    syl_model *model;
    syl_model_options options = syl_model_options_defaults();
    options.precision = precision;
    if (syl_model_load(&model, golden_model(), &options, &err) != SYL_OK)
        fail_msg("%s", err.message);
    return model;
}

/* All but the last two rows: the prototype's STFT reflects the end, ours lets silence follow. */
static void test_logmel(void **state)
{
    syl_error err;
    syl_logmel *mel;
    syl_logmel_config config = {
        .sample_rate = 16000, .n_fft = 400, .hop = 160, .mels = 80, .log10_floor = -5};
    size_t n, count;
    (void)state;
    syl_safetensors *file = golden_open("small_check.safetensors");
    float *audio = golden_floats(file, "audio", &n), *want = golden_floats(file, "mel", &count);
    float *rows = malloc(count * sizeof *rows);
    assert_int_equal(syl_logmel_create(&mel, &config, &err), SYL_OK);
    assert_int_equal(syl_logmel_feed(mel, audio, n, &err), SYL_OK);
    size_t got = syl_logmel_take(mel, rows, count / 80);
    assert_true(got >= count / 80 - 2);
    assert_close("log-mel", rows, want, (count / 80 - 2) * 80, 1e-4);
    syl_logmel_free(mel);
    syl_safetensors_free(file);
    free(audio);
    free(want);
    free(rows);
}

typedef struct sink {
    float *frames;
    size_t count, capacity;
    int dim;
} sink;

static syl_status take(void *user, const float *frames, int64_t n, syl_error *err)
{
    sink *s = user;
    (void)err;
    assert_true(s->count + (size_t)n <= s->capacity);
    memcpy(s->frames + s->count * (size_t)s->dim, frames,
           (size_t)n * (size_t)s->dim * sizeof *frames);
    s->count += (size_t)n;
    return SYL_OK;
}

/* The fixture's log-mel rows through the encoder, `step` at a time; frames [88][384]. */
static float *encode(const syl_model *model, const float *mel, int64_t rows, int64_t step)
{
    syl_error err;
    syl_encoding *encoding;
    sink s = {.capacity = 88, .dim = 384, .frames = calloc(88 * 384, sizeof(float))};
    assert_int_equal(syl_encoding_open(&encoding, model->encoder,
                                       &(syl_encoding_options){.threads = 1}, take, &s, &err),
                     SYL_OK);
    for (int64_t i = 0; i < rows; i += step) {
        int64_t n = rows - i < step ? rows - i : step;
        if (syl_mel_stream_rows(encoding, mel + i * 80, n, i + n == rows, &err) != SYL_OK)
            fail_msg("%s", err.message);
    }
    syl_encoding_close(encoding);
    assert_int_equal(s.count, 88);
    return s.frames;
}

static void test_encoder(void **state)
{
    static const int64_t steps[] = {176, 1, 7, 100};
    size_t rows, count;
    (void)state;
    syl_safetensors *file = golden_open("small_check.safetensors");
    syl_model *model = load(SYL_PRECISION_F32);
    float *mel = golden_floats(file, "mel", &rows), *want = golden_floats(file, "output", &count);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        float *x = encode(model, mel, (int64_t)rows / 80, steps[i]);
        assert_close("encoder output", x, want, count, 1e-4);
        free(x);
    }
    syl_model_free(model);
    syl_safetensors_free(file);
    free(mel);
    free(want);
}

static void test_bf16(void **state)
{
    size_t rows, count;
    double worst = 1;
    (void)state;
    syl_safetensors *file = golden_open("small_check.safetensors");
    syl_model *model = load(SYL_PRECISION_BF16);
    float *mel = golden_floats(file, "mel", &rows), *want = golden_floats(file, "output", &count);
    float *x = encode(model, mel, (int64_t)rows / 80, 176);
    for (size_t t = 0; t < 88; t++)
        worst = fmin(worst, cosine(x + t * 384, want + t * 384, 384));
    print_message("smallest frame cosine %.6f\n", worst);
    assert_true(worst > 0.999);
    free(x);
    syl_model_free(model);
    syl_safetensors_free(file);
    free(mel);
    free(want);
}

/* From samples to tokens. Segments that end at the recording's end may differ, for the reason
 * above. */
static void test_segments(void **state)
{
    syl_error err;
    syl_result result;
    size_t n, count, token_count;
    (void)state;
    syl_safetensors *file = golden_open("small_check.safetensors");
    syl_model *model = load(SYL_PRECISION_F32);
    float *audio = golden_floats(file, "audio", &n);
    float *segments = golden_floats(file, "segments", &count);
    float *tokens = golden_floats(file, "tokens", &token_count);
    assert_int_equal(syl_tokenize(&result, model, audio, n, NULL, &err), SYL_OK);
    assert_true(token_count >= 3 && result.num_segments + 1 >= token_count);
    for (size_t i = 0; i + 1 < token_count; i++) {
        assert_int_equal(result.segments[i].start_frame, (int64_t)segments[2 * i]);
        assert_int_equal(result.segments[i].end_frame, (int64_t)segments[2 * i + 1]);
        assert_int_equal(result.segments[i].token, (int32_t)tokens[i]);
    }
    syl_result_free(&result);
    syl_model_free(model);
    syl_safetensors_free(file);
    free(audio);
    free(segments);
    free(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logmel),
        cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
