/* The HuBERT shape against transformers' HubertModel, step by step (make_hubert.py). */
#include "golden.h"

#include "sylber/hubert_encoder.h"
#include "sylber/model.h"

#define TOLERANCE 1e-4

static syl_model *load(const char *name, syl_precision precision)
{
    char path[4096];
    syl_error err;
    syl_model *model;
    syl_model_options options = syl_model_options_defaults();
    options.precision = precision;
    if (syl_model_load(&model, golden_path(path, sizeof path, name), &options, &err) != SYL_OK)
        fail_msg("%s", err.message);
    return model;
}

typedef struct trace {
    const syl_safetensors *expected;
    const syl_config *config;
    int64_t samples;
    int steps;
} trace;

static void compare(const trace *t, const char *name, syl_mat x)
{
    const syl_st_tensor *there = syl_safetensors_find(t->expected, name);
    assert_non_null(there);
    bool conv = !strncmp(name, "conv.", 5); /* may have rows that no frame needs */
    assert_true(conv ? there->shape[0] >= x.rows : there->shape[0] == x.rows);
    assert_int_equal(there->shape[1], x.cols);
    float *want = golden_floats(t->expected, name, NULL);
    assert_close(name, x.data, want, (size_t)(x.rows * x.cols), TOLERANCE);
    free(want);
}

/* Rows that convolution `index` has in transformers, which computes some that no frame needs. */
static int64_t conv_rows(const trace *t, int index)
{
    syl_config first = *t->config;
    first.hubert.num_convs = index + 1;
    return syl_hubert_num_frames(&first, t->samples);
}

/* Wide steps are kept as their first and last rows. */
static void compare_ends(const trace *t, const char *name, int index, syl_mat x)
{
    char part[80];
    size_t count;
    snprintf(part, sizeof part, "%s.head", name);
    compare(t, part, syl_mat_rows(x, 0, syl_safetensors_find(t->expected, part)->shape[0]));
    snprintf(part, sizeof part, "%s.tail", name);
    float *want = golden_floats(t->expected, part, &count);
    int64_t from = conv_rows(t, index) - syl_safetensors_find(t->expected, part)->shape[0];
    assert_true(x.rows > from);
    syl_mat tail = syl_mat_rows(x, from, x.rows - from);
    assert_close(part, tail.data, want, (size_t)(tail.rows * tail.cols), TOLERANCE);
    free(want);
}

static void on_step(void *user, const char *step, int index, syl_mat x)
{
    trace *t = user;
    char name[32], head[64];
    bool numbered = !strcmp(step, "conv") || !strcmp(step, "layer");
    snprintf(name, sizeof name, numbered ? "%s.%d" : "%s", step, index);
    snprintf(head, sizeof head, "%s.head", name);
    if (syl_safetensors_find(t->expected, head))
        compare_ends(t, name, index, x);
    else
        compare(t, name, x);
    t->steps++;
}

static void check_steps(const char *model_name, const char *expected_name, int steps)
{
    syl_error err;
    trace t = {.expected = golden_open(expected_name)};
    syl_model *model = load(model_name, SYL_PRECISION_F32);
    const syl_hubert_encoder *encoder = (const syl_hubert_encoder *)model->encoder;
    size_t n;
    float *audio = golden_floats(t.expected, "audio", &n);
    int64_t frames = syl_hubert_num_frames(&model->config, (int64_t)n);
    t.config = &model->config;
    t.samples = (int64_t)n;
    syl_moments moments = {0};
    syl_moments_add(&moments, &model->config, audio, n);
    syl_ctx *ctx;
    syl_mat out;
    assert_int_equal(syl_ctx_create(&ctx, 1, &err), SYL_OK);
    assert_int_equal(syl_ctx_mat(ctx, SYL_F32, frames, model->config.dim, &out, &err), SYL_OK);
    if (syl_hubert_forward(ctx, encoder, &moments, audio, out, on_step, &t, &err) != SYL_OK)
        fail_msg("%s", err.message);
    compare(&t, "output", out);
    assert_int_equal(t.steps, steps);
    syl_ctx_free(ctx);
    syl_model_free(model);
    syl_safetensors_free((syl_safetensors *)(uintptr_t)t.expected);
    free(audio);
}

static void test_base(void **state)
{
    (void)state;
    check_steps("hubert-base", "hubert-base/expected.safetensors", 7 + 3 + 3);
}

static void test_large(void **state)
{
    (void)state;
    check_steps("hubert-large", "hubert-large/expected.safetensors", 7 + 3 + 2);
}

/* The public call, which tiles the convolutions, gives the same frames. */
static float *public_frames(const char *name, syl_precision precision, const float *audio, size_t n,
                            size_t *count)
{
    syl_error err;
    syl_result result;
    syl_model *model = load(name, precision);
    syl_stream_options options = syl_stream_options_defaults();
    options.keep_frames = 1;
    if (syl_tokenize(&result, model, audio, n, &options, &err) != SYL_OK)
        fail_msg("%s", err.message);
    *count = (size_t)result.num_frames * (size_t)result.dim;
    float *copy = malloc(*count * sizeof *copy);
    memcpy(copy, result.frames, *count * sizeof *copy);
    syl_result_free(&result);
    syl_model_free(model);
    return copy;
}

static void check_public(const char *name, double scale, double tolerance)
{
    char expected[128];
    size_t n, count, got;
    snprintf(expected, sizeof expected, "%s/expected.safetensors", name);
    syl_safetensors *file = golden_open(expected);
    float *audio = golden_floats(file, "audio", &n), *want = golden_floats(file, "output", &count);
    for (size_t i = 0; i < n; i++)
        audio[i] = (float)(audio[i] * scale + 0.25 * scale);
    float *x = public_frames(name, SYL_PRECISION_F32, audio, n, &got);
    assert_int_equal(got, count);
    assert_close(name, x, want, count, tolerance);
    free(x);
    free(audio);
    free(want);
    syl_safetensors_free(file);
}

/* z-normalisation: neither gain nor offset of the recording matters. */
static void test_public_gain_and_offset(void **state)
{
    (void)state;
    check_public("hubert-base", 1, 1e-4);
    check_public("hubert-base", 0.1, 2e-4);
    check_public("hubert-large", 1, 2e-4);
    check_public("hubert-large", 0.01, 2e-4);
}

static void check_bf16(const char *name, size_t dim)
{
    char expected[128];
    size_t n, count, got;
    double worst = 1;
    snprintf(expected, sizeof expected, "%s/expected.safetensors", name);
    syl_safetensors *file = golden_open(expected);
    float *audio = golden_floats(file, "audio", &n), *want = golden_floats(file, "output", &count);
    float *x = public_frames(name, SYL_PRECISION_BF16, audio, n, &got);
    assert_int_equal(got, count);
    for (size_t t = 0; t < count; t += dim)
        worst = fmin(worst, cosine(x + t, want + t, dim));
    print_message("%s: smallest frame cosine %.6f\n", name, worst);
    assert_true(worst > 0.999);
    free(x);
    free(audio);
    free(want);
    syl_safetensors_free(file);
}

static void test_bf16(void **state)
{
    (void)state;
    check_bf16("hubert-base", 48);
    check_bf16("hubert-large", 32);
}

/* Released names: a prefix and the old spelling of weight norm. */
static void test_legacy_names(void **state)
{
    char weights[4096], config_path[4096];
    syl_error err;
    syl_safetensors *file;
    syl_config config;
    syl_model *model;
    syl_model_options options = syl_model_options_defaults();
    (void)state;
    golden_path(weights, sizeof weights, "hubert-legacy.safetensors");
    golden_path(config_path, sizeof config_path, "hubert-base/config.json");
    if (syl_model_open(weights, config_path, &file, &config, &err) != SYL_OK)
        fail_msg("%s", err.message);
    if (syl_model_build(&model, file, &config, &options, &err) != SYL_OK)
        fail_msg("%s", err.message);
    syl_safetensors_free(file);
    syl_safetensors *expected = golden_open("hubert-base/expected.safetensors");
    size_t n, count;
    float *audio = golden_floats(expected, "audio", &n);
    float *want = golden_floats(expected, "output", &count);
    syl_result result;
    syl_stream_options stream = syl_stream_options_defaults();
    stream.keep_frames = 1;
    assert_int_equal(syl_tokenize(&result, model, audio, n, &stream, &err), SYL_OK);
    assert_int_equal((size_t)(result.num_frames * result.dim), count);
    assert_close("legacy names", result.frames, want, count, TOLERANCE);
    syl_result_free(&result);
    syl_model_free(model);
    syl_safetensors_free(expected);
    free(audio);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_public_gain_and_offset),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_legacy_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
