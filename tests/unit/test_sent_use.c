/* Sentence models beside their chains: costs by the closed form against published ones, noise,
 * SentenceLens, refusals, damaged files. */
#define PATH "test_sent_use.safetensors"
#include "tests/unit/sent_case.h"

#include "embed/sent/lens.h"

/* ---- noise ------------------------------------------------------------------------------ */

static void test_noise(void **state)
{
    syl_noise n = {SYL_NOISE_LATENT, 0.3, 0.5, 4};
    syl_random r = {.seed = 4};
    double sum = 0;
    int noisy = 0, steps = 4000;
    (void)state;
    for (int i = 0; i < steps; i++) {
        float v[32], before[32];
        for (int k = 0; k < 32; k++)
            before[k] = v[k] = (float)(k - 10);
        syl_noise_add(&n, SYL_NOISE_INPUT, &r, v, 32);
        assert_memory_equal(v, before, sizeof v);
        syl_noise_add(&n, SYL_NOISE_LATENT, &r, v, 32);
        if (!memcmp(v, before, sizeof v)) continue;
        noisy++;
        for (int k = 0; k < 32; k++)
            sum += pow(v[k] - before[k], 2);
    }
    double mean_square = 0;
    for (int k = 0; k < 32; k++)
        mean_square += pow(k - 10, 2) / 32;
    assert_true(noisy > 0.46 * steps && noisy < 0.54 * steps);
    double deviation = sqrt(sum / noisy / 32 / mean_square);
    assert_true(deviation > 0.29 && deviation < 0.31);
}

/* ---- the closed form -------------------------------------------------------------------- */

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * want)) fail_msg("%g in place of %g", got, want);
}

/* Table 3 of the paper and the specification's fit of it, GFLOPs of GPT-2. */
static void test_published_costs(void **state)
{
    static const struct {
        syl_cost_means means;
        double published, last, continuous, ratio, classifier;
    } cases[] = {
        {{38.8, 5.6, 10.8, 3}, 26.14, 23.22, 9.65, .416, .367},
        {{357, 3.8, 9.5, 10}, 100.99, 73.51, 66.97, .911, .902},
        {{56.8, 4.3, 6.1, 2}, 21.83, 17.53, 11.83, .675, .628},
        {{146.6, 9.1, 8.0, 6}, 57.51, 46.27, 30.53, .660, .617},
    };
    syl_lm_shape gpt2 = {
        .vocab = 50257, .dim = 768, .layers = 12, .heads = 12, .kv_heads = 12, .ff = 3072};
    syl_sent_config c = {.decoder = gpt2, .encoder = gpt2, .latent = gpt2, .stop = {192, 48}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        syl_costs costs = syl_flops_means(&c, &cases[i].means);
        near(costs.cot_published / 1e9, cases[i].published, 0.015);
        near(costs.cot / 1e9, cases[i].last, 0.015);
        near(costs.continuous / 1e9, cases[i].continuous, 0.015);
        near(costs.continuous / costs.cot, cases[i].ratio, 0.02);
        near(costs.continuous_classifier / costs.cot, cases[i].classifier, 0.02);
    }
}

/* ---- SentenceLens ----------------------------------------------------------------------- */

static void test_lens(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_LATENT, SYL_SENT_CTX_B);
    c.latent_norm = SYL_LATENT_RMS;
    syl_reasoner *m = model_of(&c, 24);
    syl_sent_dataset d = questions();
    syl_lens_options o = {.infer = options_of(SYL_REGIME_CONTINUOUS, SYL_STOP_FIXED)};
    syl_worker *w;
    (void)state;
    ok(syl_infer_check(m, &o.infer, &err));
    ok(syl_worker_create(&w, m, 0, 1, &err));
    for (size_t i = 0; i < 10; i++) {
        syl_lens plain, normed;
        syl_inference said;
        o.final_norm = false;
        ok(syl_lens_look(w, &o, &d.samples[i], &plain, &err));
        o.final_norm = true;
        ok(syl_lens_look(w, &o, &d.samples[i], &normed, &err));
        ok(syl_infer(w, &o.infer, &d.samples[i], i, &said, &err));
        assert_int_equal(plain.layers, 3);
        assert_int_equal(plain.iterations, 6);
        /* The last layer says what the chain says, as far as that is kept. */
        for (int k = 0, at = 0; k < said.num_sentences; at++) {
            const char *text = plain.texts[at * 3 + 2];
            assert_string_equal(text, normed.texts[at * 3 + 2]);
            if (*text) assert_string_equal(text, said.sentences[k++]);
        }
        json_t *json = syl_lens_to_json(&plain);
        assert_int_equal(json_object_size(json), 6);
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(json, "iteration_2"), "layer_1")),
            plain.texts[2 * 3 + 1]);
        json_decref(json);
        syl_lens_free(&plain);
        syl_lens_free(&normed);
        syl_inference_free(&said);
    }
    syl_worker_free(w);
    syl_sent_dataset_free(&d);
    syl_reasoner_free(m);
}

static void test_lens_page(void **state)
{
    char *texts[] = {"<<1>>", "a&b"}, *page = NULL;
    size_t size;
    syl_lens lens = {.iterations = 1, .layers = 2, .texts = texts};
    syl_sent_sample sample = {.question = "1<2", .answer = "3"};
    FILE *out = open_memstream(&page, &size);
    (void)state;
    syl_lens_page_begin(out, "T");
    syl_lens_page_add(out, &sample, &lens);
    syl_lens_page_end(out);
    fclose(out);
    assert_non_null(strstr(page, "<h2>1&lt;2</h2>"));
    assert_non_null(strstr(page, "<td>&lt;&lt;1&gt;&gt;</td>"));
    assert_non_null(strstr(page, "<td>a&amp;b</td>"));
    free(page);
}

/* ---- refusals --------------------------------------------------------------------------- */

static void refuse(syl_status status, const char *message)
{
    assert_int_not_equal(status, SYL_OK);
    if (!strstr(err.message, message)) fail_msg("\"%s\" lacks \"%s\"", err.message, message);
}

static void test_lens_without_layers(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_LATENT, SYL_SENT_CTX_B);
    c.latent.layers = 0;
    syl_reasoner *m = model_of(&c, 26);
    syl_sent_dataset d = questions();
    syl_lens_options o = syl_lens_defaults();
    syl_worker *w;
    syl_lens lens;
    (void)state;
    ok(syl_infer_check(m, &o.infer, &err));
    ok(syl_worker_create(&w, m, 0, 1, &err));
    refuse(syl_lens_look(w, &o, &d.samples[0], &lens, &err), "no layers");
    syl_worker_free(w);
    syl_sent_dataset_free(&d);
    syl_reasoner_free(m);
}

/* Spaces around an answer are the file's, not the model's to say. */
static void test_answers_with_spaces(void **state)
{
    char said[] = "### 42";
    char *sentences[] = {said};
    syl_sent_sample sample = {.question = (char *)"6*7", .answer = (char *)" 42 "};
    (void)state;
    assert_true(syl_sent_score_of(&sample, SYL_SENT_HASHES, sentences, 1).right);
    sample.answer = (char *)"4 2";
    assert_false(syl_sent_score_of(&sample, SYL_SENT_HASHES, sentences, 1).right);
}

static void test_refusals(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_LATENT, SYL_SENT_CTX_B);
    c.stop[0] = c.stop[1] = 0;
    syl_reasoner *m = model_of(&c, 25);
    syl_sent_dataset d = {0};
    syl_inference got[2] = {0};
    (void)state;
    syl_infer_options o = options_of(SYL_REGIME_TEXT, SYL_STOP_DECODER);
    refuse(syl_infer_check(m, &o, &err), "cannot run as text");
    o = options_of(SYL_REGIME_RESTORE, SYL_STOP_DECODER);
    refuse(syl_infer_check(m, &o, &err), "cannot run as restore");
    o = options_of(SYL_REGIME_AUTO, SYL_STOP_CLASSIFIER);
    refuse(syl_infer_check(m, &o, &err), "has no classifier");
    o = options_of(SYL_REGIME_AUTO, SYL_STOP_DECODER);
    o.max_tokens = 0;
    refuse(syl_infer_check(m, &o, &err), "at least 1");
    o = options_of(SYL_REGIME_AUTO, SYL_STOP_DECODER);
    o.noise.place = SYL_NOISE_INPUT;
    refuse(syl_infer_check(m, &o, &err), "no effect on a model that runs as continuous");
    o = options_of(SYL_REGIME_AUTO, SYL_STOP_DECODER);
    ok(syl_infer_check(m, &o, &err));
    ok(syl_sent_dataset_add(&d, "1+1", NULL, 0, "2", &err));
    ok(syl_sent_dataset_add(&d, "1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1", NULL, 0, "2", &err));
    refuse(syl_infer_all(m, &o, &d, 2, 1, NULL, NULL, got, &err),
           "sample 1: the question has 38 tokens");
    syl_inference_free(&got[0]);
    syl_sent_dataset_free(&d);
    ok(syl_sent_dataset_add(&d, "1+x", NULL, 0, "2", &err));
    refuse(syl_infer_all(m, &o, &d, 1, 1, NULL, NULL, got, &err), "\"x\" is not among");
    syl_sent_dataset_free(&d);
    syl_reasoner_free(m);
}

/* Files that lack something, or hold something else. */
static void test_damaged_models(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_COT, SYL_SENT_COT);
    syl_sent_tokenizer *t = words();
    syl_reasoner *m;
    (void)state;
    sent_case_write(PATH, &c, t, 1);
    syl_map map;
    ok(syl_map_open(&map, PATH, &err));
    char *bytes = malloc(map.size);
    size_t size = map.size;
    assert_non_null(bytes);
    memcpy(bytes, map.data, size);
    syl_map_close(&map);
    static const struct {
        const char *find, *put, *message;
    } damages[] = {
        {"sylkit-sent", "sylkit-what", "no sentence model"},
        {"\\\"cot\\\"", "\\\"dot\\\"", "none of its values"},
        {"\\\"cot\\\"", "\\\"sem\\\"", "JSON object"},
        {"<eos>", "<EOS>", "lack <eos>"},
        {"decoder.wte.weight", "decoder.xyz.weight", "wte"},
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char *at = memmem(bytes, size, damages[i].find, strlen(damages[i].find));
        assert_non_null(at);
        memcpy(at, damages[i].put, strlen(damages[i].put));
        FILE *f = fopen(PATH, "wb");
        assert_int_equal(fwrite(bytes, 1, size, f), size);
        fclose(f);
        refuse(syl_reasoner_open(&m, PATH, SYL_F32, NULL, &err), damages[i].message);
        assert_null(m);
        memcpy(at, damages[i].find, strlen(damages[i].find));
    }
    refuse(syl_reasoner_open(&m, "nowhere", SYL_F32, NULL, &err), "nowhere");
    free(bytes);
    syl_sent_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_published_costs),
        cmocka_unit_test(test_lens),
        cmocka_unit_test(test_lens_page),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lens_without_layers),
        cmocka_unit_test(test_answers_with_spaces),
        cmocka_unit_test(test_damaged_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
