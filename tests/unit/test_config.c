/* Configurations: both kinds, the round trip, and what is refused with which words. */
#include "tests/golden/golden.h"

#include "sylber/config.h"

static syl_error err;

#define MEL_HEAD                                                                \
    "{\"model_type\":\"sylkit-mel\",\"sample_rate\":16000,\"hidden_size\":256," \
    "\"num_hidden_layers\":4,\"num_attention_heads\":4,\"intermediate_size\":1024,"
#define MEL_TAIL                                                                  \
    "\"n_fft\":400,\"hop_length\":160,\"num_mel_bins\":80,\"attention_left\":24," \
    "\"attention_right\":3,\"output_size\":384"
#define MEL MEL_HEAD MEL_TAIL

#define HUBERT                                                               \
    "{\"model_type\":\"hubert\",\"hidden_size\":48,\"num_hidden_layers\":3," \
    "\"num_attention_heads\":4,\"intermediate_size\":96,"
#define CONVS "\"conv_dim\":[8,8],\"conv_kernel\":[10,3],\"conv_stride\":[5,2]"

static syl_config parsed(const char *json, size_t size)
{
    syl_config config;
    if (syl_config_parse(&config, json, size, "test", &err) != SYL_OK) fail_msg("%s", err.message);
    return config;
}

static syl_config parsed_text(const char *json)
{
    return parsed(json, strlen(json));
}

/* Every field is written: reading it again gives the same bytes. */
static void assert_round_trip(const syl_config *config)
{
    char *text = syl_config_write(config);
    assert_non_null(text);
    syl_config again = parsed_text(text);
    char *twice = syl_config_write(&again);
    assert_string_equal(text, twice);
    assert_int_equal(config->kind, again.kind);
    assert_int_equal(config->sample_rate, again.sample_rate);
    assert_int_equal(config->dim, again.dim);
    assert_int_equal(config->heads, again.heads);
    assert_int_equal(config->ff, again.ff);
    assert_int_equal(config->layers, again.layers);
    assert_true(config->norm_eps == again.norm_eps);
    assert_true(config->norm_threshold == again.norm_threshold);
    assert_true(config->merge_threshold == again.merge_threshold);
    assert_int_equal(config->metric, again.metric);
    assert_memory_equal(&config->mel, &again.mel, sizeof config->mel);
    assert_int_equal(config->hubert.num_convs, again.hubert.num_convs);
    assert_memory_equal(config->hubert.conv_dim, again.hubert.conv_dim,
                        sizeof again.hubert.conv_dim);
    assert_memory_equal(config->hubert.conv_kernel, again.hubert.conv_kernel,
                        sizeof again.hubert.conv_kernel);
    assert_memory_equal(config->hubert.conv_stride, again.hubert.conv_stride,
                        sizeof again.hubert.conv_stride);
    assert_int_equal(config->hubert.pos_kernel, again.hubert.pos_kernel);
    assert_int_equal(config->hubert.pos_groups, again.hubert.pos_groups);
    assert_int_equal(config->hubert.conv_bias, again.hubert.conv_bias);
    assert_int_equal(config->hubert.conv_layer_norm, again.hubert.conv_layer_norm);
    assert_int_equal(config->hubert.pre_norm, again.hubert.pre_norm);
    free(text);
    free(twice);
}

/* The file that transformers wrote. */
static void test_hugging_face(void **state)
{
    static const int kernels[] = {10, 3, 3, 3, 3, 2, 2}, strides[] = {5, 2, 2, 2, 2, 2, 2};
    char path[4096], json[1 << 14];
    (void)state;
    FILE *file = fopen(golden_path(path, sizeof path, "hubert-base/config.json"), "rb");
    assert_non_null(file);
    size_t size = fread(json, 1, sizeof json, file);
    fclose(file);
    syl_config c = parsed(json, size);
    assert_int_equal(c.kind, SYL_ENCODER_HUBERT);
    assert_int_equal(c.sample_rate, 16000);
    assert_int_equal(c.dim, 48);
    assert_int_equal(syl_config_dim(&c), 48);
    assert_int_equal(c.heads, 4);
    assert_int_equal(c.ff, 96);
    assert_int_equal(c.layers, 3);
    assert_true(c.norm_eps == 1e-5);
    assert_int_equal(c.hubert.num_convs, 7);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(c.hubert.conv_dim[i], 32);
        assert_int_equal(c.hubert.conv_kernel[i], kernels[i]);
        assert_int_equal(c.hubert.conv_stride[i], strides[i]);
    }
    assert_int_equal(c.hubert.pos_kernel, 128);
    assert_int_equal(c.hubert.pos_groups, 4);
    assert_false(c.hubert.conv_bias || c.hubert.conv_layer_norm || c.hubert.pre_norm);
    assert_int_equal(syl_config_hop(&c), 320);
    assert_true(syl_config_frame_rate(&c) == 50);
    assert_true(c.norm_threshold == 2.6 && c.merge_threshold == 0.8);
    assert_int_equal(c.metric, SYL_METRIC_EUCLIDEAN);
    assert_round_trip(&c);
}

static void test_hubert_choices(void **state)
{
    (void)state;
    syl_config c = parsed_text(
        HUBERT CONVS
        ",\"conv_bias\":true,\"feat_extract_norm\":\"layer\",\"do_stable_layer_norm\":true,"
        "\"num_conv_pos_embeddings\":17,\"num_conv_pos_embedding_groups\":3,\"hidden_act\":"
        "\"gelu\","
        "\"layer_norm_eps\":null,\"sample_rate\":8000,\"metric\":\"norm6\"}");
    assert_true(c.hubert.conv_bias && c.hubert.conv_layer_norm && c.hubert.pre_norm);
    assert_int_equal(c.hubert.num_convs, 2);
    assert_int_equal(c.hubert.pos_kernel, 17);
    assert_int_equal(c.hubert.pos_groups, 3);
    assert_int_equal(c.metric, SYL_METRIC_NORM6);
    assert_int_equal(syl_config_hop(&c), 10);
    assert_true(syl_config_frame_rate(&c) == 800);
    assert_round_trip(&c);
}

static void test_mel(void **state)
{
    (void)state;
    syl_config c = parsed_text(MEL ",\"log10_floor\":-4.25,\"norm_threshold\":3,"
                                   "\"merge_threshold\":0.71,\"metric\":\"spherical\"}");
    assert_int_equal(c.kind, SYL_ENCODER_MEL);
    assert_int_equal(c.mel.n_fft, 400);
    assert_int_equal(c.mel.hop, 160);
    assert_int_equal(c.mel.mels, 80);
    assert_int_equal(c.mel.left, 24);
    assert_int_equal(c.mel.right, 3);
    assert_int_equal(syl_config_dim(&c), 384);
    assert_true(c.mel.log10_floor == -4.25 && c.norm_threshold == 3 && c.merge_threshold == 0.71);
    assert_int_equal(c.metric, SYL_METRIC_SPHERICAL);
    assert_int_equal(syl_config_hop(&c), 320);
    assert_true(syl_config_frame_rate(&c) == 50);
    assert_round_trip(&c);
    c = parsed_text(MEL "}");
    assert_true(c.mel.log10_floor == -5 && c.norm_eps == 1e-5);
    assert_round_trip(&c);
}

static void test_metric_names(void **state)
{
    syl_metric metric;
    (void)state;
    for (int m = 0; m < 3; m++) {
        assert_int_equal(syl_metric_parse(syl_metric_name((syl_metric)m), &metric, &err), SYL_OK);
        assert_int_equal(metric, m);
    }
    assert_int_equal(syl_metric_parse("manhattan", &metric, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "manhattan"));
    assert_string_equal(syl_metric_name(SYL_METRIC_MODEL), "model");
}

/* ---- what is refused ------------------------------------------------------------------ */

typedef struct bad {
    const char *json, *says;
} bad;

static void assert_refused(const char *json, size_t size, const char *says)
{
    syl_config config;
    memset(&err, 0, sizeof err);
    if (syl_config_parse(&config, json, size, "some.json", &err) == SYL_OK)
        fail_msg("accepted: %.300s", json);
    assert_int_not_equal(err.status, SYL_OK);
    if (!strstr(err.message, says) || !strstr(err.message, "some.json") ||
        strchr(err.message, '\n'))
        fail_msg("\"%s\" does not say \"%s\" of some.json in one line", err.message, says);
    assert_true(syl_config_parse(&config, json, size, "some.json", NULL) != SYL_OK);
}

static void assert_all_refused(const bad *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_refused(cases[i].json, strlen(cases[i].json), cases[i].says);
}
#define ALL_REFUSED(cases) assert_all_refused(cases, sizeof cases / sizeof cases[0])

static void test_bad_json(void **state)
{
    static const bad cases[] = {
        {"", "JSON"},
        {"not json", "JSON"},
        {"[1, 2]", "JSON"},
        {"3", "JSON"},
        {MEL, "JSON"},
        {MEL "} x", "JSON"},
        {MEL ",\"hop_length\":160}", "hop_length"},
        {MEL ",\"norm_threshold\":NaN}", "JSON"},
        {MEL ",\"norm_threshold\":1e999}", "JSON"},
        {MEL ",\"a\":\"\xFF\xFE\"}", "JSON"},
        {"{}", "model_type"},
        {"{\"model_type\":7}", "model_type"},
        {"{\"model_type\":\"wav2vec2\"}", "wav2vec2"},
    };
    (void)state;
    ALL_REFUSED(cases);
    assert_refused("{\"\0\":1}", 7, "JSON");
}

/* Deeper than any configuration; the parser must not run out of stack. */
static void test_deep_nesting(void **state)
{
    enum { DEPTH = 1000000 };
    char *json = malloc(DEPTH + 64);
    (void)state;
    assert_non_null(json);
    int head = sprintf(json, "{\"a\":");
    memset(json + head, '[', DEPTH);
    assert_refused(json, (size_t)head + DEPTH, "JSON");
    free(json);
}

static void test_bad_mel(void **state)
{
    static const bad cases[] = {
        {"{\"model_type\":\"sylkit-mel\"}", "sample_rate is missing"},
        {MEL_HEAD "\"n_fft\":400,\"num_mel_bins\":80,\"attention_left\":24,\"attention_right\":3,"
                  "\"output_size\":384}",
         "hop_length is missing"},
        {MEL_HEAD "\"n_fft\":null,\"hop_length\":160,\"num_mel_bins\":80,\"attention_left\":24,"
                  "\"attention_right\":3,\"output_size\":384}",
         "n_fft"},
        {MEL_HEAD "\"n_fft\":400,\"hop_length\":160,\"num_mel_bins\":80,\"attention_left\":24,"
                  "\"output_size\":384}",
         "attention_right is missing"},
        {MEL_HEAD "\"n_fft\":400.5,\"hop_length\":160,\"num_mel_bins\":80,\"attention_left\":24,"
                  "\"attention_right\":3,\"output_size\":384}",
         "n_fft"},
        {MEL_HEAD "\"n_fft\":400,\"hop_length\":\"160\",\"num_mel_bins\":80,\"attention_left\":24,"
                  "\"attention_right\":3,\"output_size\":384}",
         "hop_length"},
        {MEL_HEAD "\"n_fft\":400,\"hop_length\":0,\"num_mel_bins\":80,\"attention_left\":24,"
                  "\"attention_right\":3,\"output_size\":384}",
         "hop_length"},
        {MEL_HEAD "\"n_fft\":400,\"hop_length\":160,\"num_mel_bins\":4294967376,"
                  "\"attention_left\":24,\"attention_right\":3,\"output_size\":384}",
         "num_mel_bins"},
        {MEL_HEAD "\"n_fft\":400,\"hop_length\":160,\"num_mel_bins\":80,\"attention_left\":-1,"
                  "\"attention_right\":3,\"output_size\":384}",
         "attention_left"},
        {"{\"model_type\":\"sylkit-mel\",\"sample_rate\":999}", "sample_rate"},
        {"{\"model_type\":\"sylkit-mel\",\"sample_rate\":16000,\"hidden_size\":16385}",
         "hidden_size"},
        {"{\"model_type\":\"sylkit-mel\",\"sample_rate\":16000,\"hidden_size\":250,"
         "\"num_hidden_layers\":4,\"num_attention_heads\":4,\"intermediate_size\":1024," MEL_TAIL
         "}",
         "num_attention_heads"},
        {MEL ",\"log10_floor\":-31}", "log10_floor"},
        {MEL ",\"log10_floor\":\"-5\"}", "log10_floor"},
        {MEL ",\"layer_norm_eps\":-1e-5}", "layer_norm_eps"},
        {MEL ",\"norm_threshold\":-1}", "norm_threshold"},
        {MEL ",\"norm_threshold\":true}", "norm_threshold"},
        {MEL ",\"merge_threshold\":2.5}", "merge_threshold"},
        {MEL ",\"metric\":\"l1\"}", "metric"},
        {MEL ",\"metric\":1}", "metric"},
    };
    (void)state;
    ALL_REFUSED(cases);
}

static void test_bad_hubert(void **state)
{
    static const bad cases[] = {
        {"{\"model_type\":\"hubert\"}", "hidden_size is missing"},
        {"{\"model_type\":\"hubert\",\"hidden_size\":48}", "num_hidden_layers is missing"},
        {HUBERT "\"sample_rate\":\"16000\"," CONVS "}", "sample_rate"},
        {HUBERT "\"vocab_size\":32}", "conv_dim"},
        {HUBERT "\"conv_dim\":8}", "conv_dim"},
        {HUBERT "\"conv_dim\":[]}", "conv_dim"},
        {HUBERT "\"conv_dim\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", "conv_dim"},
        {HUBERT "\"conv_dim\":[8,0],\"conv_kernel\":[10,3],\"conv_stride\":[5,2]}", "conv_dim"},
        {HUBERT "\"conv_dim\":[8,8],\"conv_kernel\":[10],\"conv_stride\":[5,2]}", "conv_kernel"},
        {HUBERT "\"conv_dim\":[8,8],\"conv_kernel\":[10,65],\"conv_stride\":[5,2]}", "conv_kernel"},
        {HUBERT "\"conv_dim\":[8,8],\"conv_kernel\":[10,3],\"conv_stride\":[5,\"2\"]}",
         "conv_stride"},
        {HUBERT "\"conv_dim\":[8,8],\"conv_kernel\":[10,3],\"conv_stride\":[5,4]}", "conv_stride"},
        {HUBERT CONVS ",\"num_conv_pos_embeddings\":1}", "num_conv_pos_embeddings"},
        {HUBERT CONVS ",\"num_conv_pos_embedding_groups\":5}", "num_conv_pos_embedding_groups"},
        {HUBERT CONVS ",\"conv_bias\":0}", "conv_bias"},
        {HUBERT CONVS ",\"do_stable_layer_norm\":\"yes\"}", "do_stable_layer_norm"},
        {HUBERT CONVS ",\"feat_extract_norm\":\"batch\"}", "feat_extract_norm"},
        {HUBERT CONVS ",\"feat_extract_norm\":5}", "feat_extract_norm"},
        {HUBERT CONVS ",\"hidden_act\":\"relu\"}", "hidden_act"},
        {HUBERT CONVS ",\"feat_extract_activation\":[]}", "feat_extract_activation"},
        {HUBERT CONVS ",\"feat_proj_layer_norm\":false}", "feat_proj_layer_norm"},
        {"{\"model_type\":\"hubert\",\"hidden_size\":48,\"num_hidden_layers\":3,"
         "\"num_attention_heads\":5,\"intermediate_size\":96," CONVS "}",
         "num_attention_heads"},
    };
    (void)state;
    ALL_REFUSED(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hugging_face), cmocka_unit_test(test_hubert_choices),
        cmocka_unit_test(test_mel),          cmocka_unit_test(test_metric_names),
        cmocka_unit_test(test_bad_json),     cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_bad_mel),      cmocka_unit_test(test_bad_hubert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
