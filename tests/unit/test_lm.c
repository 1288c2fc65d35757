/* Shapes of language models, read and written; and the choice of the next token. */
#include "tests/golden/golden.h"

#include "embed/lm/lm.h"

static syl_error err;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

#define GPT2                                                                                     \
    "{\"model_type\":\"gpt2\",\"vocab_size\":50257,\"n_embd\":768,\"n_layer\":12,\"n_head\":12," \
    "\"n_positions\":1024,\"layer_norm_epsilon\":1e-05"
#define LLAMA                                                                        \
    "{\"model_type\":\"llama\",\"vocab_size\":49152,\"hidden_size\":576,"            \
    "\"num_hidden_layers\":30,\"num_attention_heads\":9,\"intermediate_size\":1536," \
    "\"max_position_embeddings\":8192,\"rms_norm_eps\":1e-05"

static syl_status parse(const char *text, syl_lm_shape *shape)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    syl_status status = syl_lm_shape_from_json(shape, json, "test", &err);
    json_decref(json);
    return status;
}

static void test_shapes(void **state)
{
    syl_lm_shape s;
    (void)state;
    ok(parse(GPT2 ",\"n_inner\":null,\"activation_function\":\"gelu_new\"}", &s));
    assert_int_equal(s.kind, SYL_LM_GPT2);
    assert_int_equal(s.dim, 768);
    assert_int_equal(s.ff, 4 * 768);
    assert_int_equal(s.kv_heads, 12);
    assert_int_equal(s.context, 1024);
    assert_true(s.tied);
    assert_true(s.eps == 1e-5f);
    ok(parse(LLAMA ",\"num_key_value_heads\":3,\"rope_theta\":100000,"
                   "\"tie_word_embeddings\":true,\"rope_scaling\":null}",
             &s));
    assert_int_equal(s.kind, SYL_LM_LLAMA);
    assert_int_equal(s.kv_heads, 3);
    assert_int_equal(syl_lm_head_dim(&s), 64);
    assert_true(s.rope_base == 1e5);
    assert_true(s.tied);
    assert_false(s.rope_adjacent);
    ok(parse(LLAMA ",\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500.0}}", &s));
    assert_int_equal(s.kv_heads, 9);
    assert_true(s.rope_base == 500);
    assert_false(s.tied);
    ok(parse(LLAMA ",\"rope_parameters\":{\"type\":\"default\"},\"rope_theta\":300}", &s));
    assert_true(s.rope_base == 300);
    ok(parse(LLAMA ",\"rope_scaling\":{\"rope_type\":\"default\"},\"rope_theta\":200}", &s));
    assert_true(s.rope_base == 200);
    ok(parse(LLAMA ",\"rope_parameters\":null}", &s));
    assert_true(s.rope_base == 1e4);
}

static void test_shape_round_trip(void **state)
{
    static const char *const texts[] = {GPT2 ",\"n_inner\":100,\"tie_word_embeddings\":false}",
                                        LLAMA ",\"num_key_value_heads\":3,\"rope_theta\":1e5,"
                                              "\"rope_interleaved\":true}"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        syl_lm_shape s, again;
        ok(parse(texts[i], &s));
        json_t *json = syl_lm_shape_to_json(&s);
        assert_non_null(json);
        ok(syl_lm_shape_from_json(&again, json, "again", &err));
        assert_memory_equal(&s, &again, sizeof s);
        json_decref(json);
    }
}

static void test_shapes_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"{}", "model_type"},
        {"[]", "object"},
        {"{\"model_type\":\"mamba\"}", "mamba"},
        {"{\"model_type\":\"gpt2\"}", "vocab_size"},
        {GPT2 ",\"n_head\":0}", "n_head"},
        {GPT2 ",\"n_head\":7}", "7 heads"},
        {GPT2 ",\"activation_function\":\"relu\"}", "activation_function"},
        {GPT2 ",\"scale_attn_by_inverse_layer_idx\":true}", "inverse_layer"},
        {GPT2 ",\"vocab_size\":1e3}", "vocab_size"},
        {LLAMA ",\"num_key_value_heads\":2}", "heads of keys"},
        {LLAMA ",\"head_dim\":32}", "head_dim"},
        {LLAMA ",\"attention_bias\":true}", "attention_bias"},
        {LLAMA ",\"hidden_act\":\"gelu\"}", "hidden_act"},
        {LLAMA ",\"rope_scaling\":{\"rope_type\":\"llama3\"}}", "rope_scaling"},
        {LLAMA ",\"rope_scaling\":{\"factor\":2,\"rope_type\":\"linear\"}}", "supported: default"},
        {LLAMA ",\"rope_scaling\":2}", "rope_scaling"},
        {LLAMA ",\"rope_scaling\":{\"factor\":4}}", "a factor without"},
        {LLAMA ",\"rope_parameters\":{\"rope_type\":\"llama3\"}}", "supported: default"},
        {LLAMA ",\"rope_parameters\":{\"type\":\"linear\",\"factor\":4}}", "linear"},
        {LLAMA ",\"rope_parameters\":{\"rope_theta\":5},\"rope_scaling\":{\"type\":\"linear\"}}",
         "rope_scaling"},
        {LLAMA ",\"rope_parameters\":\"linear\"}", "rope_parameters"},
        {LLAMA ",\"rope_theta\":-1}", "rope_theta"},
        {LLAMA ",\"hidden_size\":585}", "even"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        syl_lm_shape s;
        if (parse(wrong[i][0], &s) == SYL_OK) fail_msg("accepted: %s", wrong[i][0]);
        if (!strstr(err.message, wrong[i][1]))
            fail_msg("\"%s\" says nothing of %s", err.message, wrong[i][1]);
    }
}

/* ---- the next token -------------------------------------------------------------------------- */

#define VOCAB 7

static syl_lm_sampler *sampler_of(double temperature, int top_k, double top_p, uint64_t seed)
{
    syl_lm_sampler *s;
    syl_lm_sampling options = {temperature, top_k, top_p, seed};
    ok(syl_lm_sampler_create(&s, &options, VOCAB, &err));
    return s;
}

static void test_greedy(void **state)
{
    const float logits[VOCAB] = {-1, 3, 2, 3, -INFINITY, 0, 1};
    syl_lm_sampler *s = sampler_of(0, 0, 1, 1);
    int32_t id;
    (void)state;
    ok(syl_lm_sample(s, logits, &id, &err));
    assert_int_equal(id, 1); /* the first of equals */
    syl_lm_sampler_free(s);
    s = sampler_of(2, 1, 1, 1);
    for (int i = 0; i < 50; i++) {
        ok(syl_lm_sample(s, logits, &id, &err));
        assert_int_equal(id, 1);
    }
    syl_lm_sampler_free(s);
    s = sampler_of(1, 0, 1e-9, 1);
    ok(syl_lm_sample(s, logits, &id, &err));
    assert_int_equal(id, 1);
    syl_lm_sampler_free(s);
}

/* How often each token comes, against probabilities of those that are kept. */
static void check_frequencies(double temperature, int top_k, double top_p, const bool *kept)
{
    const float logits[VOCAB] = {0.3f, 1.2f, -0.5f, 2.0f, 0.9f, -INFINITY, 2.0f};
    enum { DRAWS = 40000 };
    double p[VOCAB], sum = 0, count[VOCAB] = {0};
    syl_lm_sampler *s = sampler_of(temperature, top_k, top_p, 5);
    for (int i = 0; i < VOCAB; i++)
        sum += p[i] = kept[i] ? exp(logits[i] / temperature) : 0;
    for (int i = 0; i < DRAWS; i++) {
        int32_t id;
        ok(syl_lm_sample(s, logits, &id, &err));
        assert_in_range(id, 0, VOCAB - 1);
        count[id]++;
    }
    for (int i = 0; i < VOCAB; i++) {
        double mean = DRAWS * p[i] / sum, deviation = sqrt(mean * (1 - p[i] / sum));
        if (fabs(count[i] - mean) > 5 * deviation)
            fail_msg("token %d came %g times, expected %g +- %g", i, count[i], mean, deviation);
    }
    syl_lm_sampler_free(s);
}

static void test_sampled(void **state)
{
    (void)state;
    check_frequencies(1, 0, 1, (bool[]){1, 1, 1, 1, 1, 0, 1});
    check_frequencies(0.5, 0, 1, (bool[]){1, 1, 1, 1, 1, 0, 1});
    check_frequencies(1, 3, 1, (bool[]){0, 1, 0, 1, 0, 0, 1});
    check_frequencies(1, 100, 1, (bool[]){1, 1, 1, 1, 1, 0, 1});
    /* probabilities .35 .35 .16 .12 .06 .03 */
    check_frequencies(1, 0, 0.6, (bool[]){0, 0, 0, 1, 0, 0, 1});
    check_frequencies(1, 0, 0.75, (bool[]){0, 1, 0, 1, 0, 0, 1});
    check_frequencies(1, 4, 0.9, (bool[]){0, 1, 0, 1, 1, 0, 1});
    check_frequencies(2, 2, 1, (bool[]){0, 0, 0, 1, 0, 0, 1});
}

/* top-k of many logits with many equal ones: those of the lowest numbers. */
static void test_top_k_of_many(void **state)
{
    enum { N = 5000 };
    float *logits = malloc(N * sizeof *logits);
    syl_lm_sampling options = {1e5, 40, 1, 3};
    syl_lm_sampler *s;
    bool seen[N] = {0};
    (void)state;
    assert_non_null(logits);
    for (int i = 0; i < N; i++)
        logits[i] = (float)(i * 7919 % 100);
    ok(syl_lm_sampler_create(&s, &options, N, &err));
    for (int i = 0; i < 4000; i++) {
        int32_t id;
        ok(syl_lm_sample(s, logits, &id, &err));
        seen[id] = true;
    }
    int count = 0;
    for (int i = 0; i < N; i++) { /* 50 tokens have 99: the first 40 of them */
        bool wanted = logits[i] == 99 && count++ < 40;
        assert_int_equal(seen[i], wanted);
    }
    syl_lm_sampler_free(s);
    free(logits);
}

static void test_seeds(void **state)
{
    const float logits[VOCAB] = {0};
    int32_t id[3][100];
    (void)state;
    for (int k = 0; k < 3; k++) {
        syl_lm_sampler *s = sampler_of(1, 0, 1, k == 2 ? 8 : 7);
        for (int i = 0; i < 100; i++)
            ok(syl_lm_sample(s, logits, &id[k][i], &err));
        syl_lm_sampler_free(s);
    }
    assert_memory_equal(id[0], id[1], sizeof id[0]);
    assert_memory_not_equal(id[0], id[2], sizeof id[0]);
}

static void test_sampling_refused(void **state)
{
    static const syl_lm_sampling wrong[] = {{-1, 0, 1, 1}, {NAN, 0, 1, 1}, {1, -1, 1, 1},
                                            {1, 0, 0, 1},  {1, 0, 1.5, 1}, {1, 0, NAN, 1}};
    float logits[VOCAB] = {0};
    syl_lm_sampler *s;
    int32_t id;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(syl_lm_sampler_create(&s, &wrong[i], VOCAB, &err), SYL_EINVAL);
    s = sampler_of(0, 0, 1, 1);
    logits[3] = NAN;
    assert_int_equal(syl_lm_sample(s, logits, &id, &err), SYL_ECOMPUTE);
    assert_non_null(strstr(err.message, "token 3"));
    logits[3] = INFINITY;
    assert_int_equal(syl_lm_sample(s, logits, &id, &err), SYL_ECOMPUTE);
    for (int i = 0; i < VOCAB; i++)
        logits[i] = -INFINITY;
    assert_int_equal(syl_lm_sample(s, logits, &id, &err), SYL_ECOMPUTE);
    syl_lm_sampler_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),         cmocka_unit_test(test_shape_round_trip),
        cmocka_unit_test(test_shapes_refused), cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_sampled),        cmocka_unit_test(test_top_k_of_many),
        cmocka_unit_test(test_seeds),          cmocka_unit_test(test_sampling_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
