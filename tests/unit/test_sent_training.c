/* What training of sentence models is made of: the order and choice of samples, how rows are laid
 * out, configurations, and that a latent fed of the model's own has no gradient. */
#include "tests/golden/golden.h"

#include "train/sent/begin.h"
#include "train/sent/corpus.h"
#include "train/sent/stages.h"

static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

/* ---- samples -------------------------------------------------------------------------------- */

static void every_sample_once_an_epoch(void **state)
{
    static const size_t counts[] = {1, 2, 3, 4, 5, 17, 64, 100, 1000};
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c], moved = 0, changed = 0;
        bool *seen = calloc(n, sizeof *seen);
        for (uint64_t epoch = 0; epoch < 3; epoch++) {
            memset(seen, 0, n * sizeof *seen);
            for (size_t i = 0; i < n; i++) {
                size_t at = syl_sent_order(7, epoch * n + i, n);
                assert_true(at < n && !seen[at]);
                seen[at] = true;
                moved += at != i;
                changed += at != syl_sent_order(8, epoch * n + i, n);
            }
        }
        if (n >= 17) assert_true(moved > n && changed > n);
        free(seen);
    }
}

static const char three[] =
    "[{\"question\": \"2+3*4\", \"steps\": [\"2+3=5\", \"5*4=0\"], \"answer\": \"0\"},\n"
    " {\"question\": \"1-2\", \"steps\": [\"1-2=9\"], \"answer\": \"9\"},\n"
    " {\"question\": \"7\", \"steps\": [], \"answer\": \"7\"}]";

/* The three samples with a tokenizer of their words. */
typedef struct place {
    syl_sent_dataset data;
    syl_sent_sources sources;
    const syl_sent_tokenizer *tokenizer;
    syl_sent_corpus corpus;
} place;

static const syl_sent_limits wide = {100, 20, 1000};

static void open_place(place *p, const syl_sent_limits *limits)
{
    memset(p, 0, sizeof *p);
    OK(syl_sent_dataset_parse(&p->data, three, strlen(three), "t.json", &err));
    const syl_sent_dataset *of[] = {&p->data};
    OK(syl_sent_sources_vocabulary(&p->sources, of, 1, &err));
    p->tokenizer = syl_sent_sources_tokenizer(&p->sources);
    OK(syl_sent_corpus_make(&p->corpus, &p->data, "t.json", p->tokenizer, limits, &err));
}

static void close_place(place *p)
{
    syl_sent_corpus_free(&p->corpus);
    syl_sent_sources_close(&p->sources);
    syl_sent_dataset_free(&p->data);
}

static void samples_beyond_the_limits_are_counted(void **state)
{
    static const struct {
        syl_sent_limits limits;
        size_t count, long_sentences, many_sentences, long_samples;
    } cases[] = {
        {{100, 20, 1000}, 3, 0, 0, 0}, {{6, 20, 1000}, 3, 0, 0, 0}, /* "2+3=5\n" has six tokens */
        {{5, 20, 1000}, 1, 2, 0, 0},   {{100, 2, 1000}, 2, 0, 1, 0},
        {{100, 20, 22}, 3, 0, 0, 0}, /* 6 + 6 + 6 + 3 tokens and the end */
        {{100, 20, 21}, 2, 0, 0, 1},   {{5, 2, 6}, 1, 1, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        place p;
        open_place(&p, &cases[i].limits);
        assert_int_equal(p.corpus.count, cases[i].count);
        assert_int_equal(p.corpus.long_sentences, cases[i].long_sentences);
        assert_int_equal(p.corpus.many_sentences, cases[i].many_sentences);
        assert_int_equal(p.corpus.long_samples, cases[i].long_samples);
        close_place(&p);
    }
}

/* ---- configurations ---------------------------------------------------------------------------
 */

static const char good[] =
    "{\"stage\": \"latent\", \"embedding\": \"sem\", \"decoder_embedding\": \"ctx-b\","
    " \"marker\": \"bare\", \"latent_norm\": \"scale\", \"latent_scale\": 0.25, \"stop\": [4, 2],"
    " \"encoder\": GPT, \"decoder\": GPT, \"latent\": GPT}";
static const char gpt[] = "{\"model_type\": \"gpt2\", \"vocab_size\": 9, \"n_embd\": 8, "
                          "\"n_layer\": 1, \"n_head\": 2, \"n_positions\": 16}";

/* The configuration with `from` replaced by `to` and every GPT by the shape. */
static json_t *config_with(const char *from, const char *to)
{
    char text[4096] = "";
    const char *at = good;
    while (*at) {
        size_t used = strlen(text);
        if (*from && !strncmp(at, from, strlen(from))) {
            strcpy(text + used, to);
            at += strlen(from);
        } else if (!strncmp(at, "GPT", 3)) {
            strcpy(text + used, gpt);
            at += 3;
        } else {
            text[used] = *at++;
            text[used + 1] = '\0';
        }
    }
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static void configurations_come_back(void **state)
{
    syl_sent_config a, b;
    (void)state;
    json_t *json = config_with("", "");
    OK(syl_sent_config_from_json(&a, json, "t", &err));
    json_decref(json);
    assert_int_equal(a.stage, SYL_SENT_LATENT);
    assert_int_equal(a.embedding, SYL_SENT_SEM);
    assert_int_equal(a.decoder_embedding, SYL_SENT_CTX_B);
    assert_int_equal(a.marker, SYL_SENT_BARE);
    assert_int_equal(a.latent_norm, SYL_LATENT_SCALE);
    assert_float_equal(a.latent_scale, .25, 0);
    assert_int_equal(a.stop[1], 2);
    assert_int_equal(a.latent.ff, 32);
    json = syl_sent_config_to_json(&a);
    OK(syl_sent_config_from_json(&b, json, "t", &err));
    json_decref(json);
    assert_memory_equal(&a, &b, sizeof a);
}

static void bad_configurations(void **state)
{
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"\"stage\": \"latent\"", "\"stage\": \"late\"", "stage is \"late\""},
        {"\"stage\": \"latent\",", "", "stage is missing"},
        {"\"embedding\": \"sem\"", "\"embedding\": \"cot\"", "embedding must be sem"},
        {"\"latent_norm\": \"scale\"", "\"latent_norm\": 3", "latent_norm must be a string"},
        {"\"latent_scale\": 0.25", "\"latent_scale\": 0", "latent_scale"},
        {"\"stop\": [4, 2]", "\"stop\": [4]", "stop"},
        {"\"decoder\": GPT", "\"decoder\": 3", "no JSON object"},
        {"\"encoder\": GPT",
         "\"encoder\": {\"model_type\": \"gpt2\", \"vocab_size\": 9, \"n_embd\": 4, \"n_layer\": "
         "1, "
         "\"n_head\": 2, \"n_positions\": 16}",
         "do not fit each other"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        syl_sent_config c;
        json_t *json = config_with(cases[i].from, cases[i].to);
        err.status = SYL_OK;
        if (syl_sent_config_from_json(&c, json, "t", &err) == SYL_OK)
            fail_msg("%s was taken", cases[i].to);
        if (!strstr(err.message, cases[i].message)) fail_msg("%s: %s", cases[i].to, err.message);
        json_decref(json);
    }
}

/* ---- feeding what the model says itself --------------------------------------------------------
 */

static double sum_of_gradients(const syl_sent_mlp *mlp)
{
    double sum = 0;
    for (int i = 0; i < mlp->layers; i++)
        for (int64_t k = 0; k < mlp->weight[i]->size; k++)
            sum += fabs(((const float *)mlp->weight[i]->grad.data)[k]);
    return sum;
}

/* With every latent its own and no InfoNCE nothing reaches encoder_to_latent; the ramp begins with
 * none. */
static void own_latents_have_no_gradient(void **state)
{
    place p;
    syl_sent_model *m;
    syl_ctx *ctx;
    syl_tape *tape;
    syl_sent_outcome out;
    syl_lm_shape shape = {.kind = SYL_LM_GPT2,
                          .dim = 8,
                          .layers = 1,
                          .heads = 2,
                          .kv_heads = 2,
                          .ff = 32,
                          .context = 32,
                          .eps = 1e-5f,
                          .tied = true};
    (void)state;
    open_place(&p, &wide);
    shape.vocab = p.tokenizer->vocab;
    const syl_sent_tokens *samples[] = {&p.corpus.items[0], &p.corpus.items[1], &p.corpus.items[2]};
    syl_sent_batch batch = {samples, 3};
    for (int norm = SYL_LATENT_NONE; norm <= SYL_LATENT_RMS; norm++) {
        syl_sent_config config = {.stage = SYL_SENT_LATENT,
                                  .embedding = SYL_SENT_CTX_B,
                                  .decoder_embedding = SYL_SENT_CTX_B,
                                  .decoder = shape,
                                  .encoder = shape,
                                  .latent = shape,
                                  .latent_norm = (syl_latent_norm)norm,
                                  .latent_scale = norm ? .5 : 1};
        syl_sent_losses losses = syl_sent_losses_defaults();
        losses.lambda = 0;
        losses.self_feed = 1;
        losses.self_feed_ramp = 10;
        OK(syl_sent_model_create(&m, &config, p.tokenizer, NULL, &err));
        syl_sent_model_start(m, 3);
        syl_lm_net_start(m->encoder, 4);
        syl_lm_net_start(m->decoder, 5);
        syl_lm_net_start(m->latent, 6);
        OK(syl_ctx_create(&ctx, 1, &err));
        OK(syl_tape_create(&tape, ctx, &err));
        for (uint64_t step = 0; step <= 10; step += 10) {
            syl_tape_clear(tape,
                           (syl_tape_options){.compute = SYL_F32, .training = true, .seed = 1});
            syl_param_set_zero_grads(ctx, &m->trained);
            OK(syl_sent_losses_of(m, &losses, tape, &batch, step, &out, &err));
            OK(syl_tape_backward(tape, &err));
            assert_true(sum_of_gradients(&m->out_of) > 0);
            if (step == 0)
                assert_true(sum_of_gradients(&m->into) > 0);
            else
                assert_true(sum_of_gradients(&m->into) == 0);
        }
        syl_tape_free(tape);
        syl_ctx_free(ctx);
        syl_sent_model_free(m);
    }
    close_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_once_an_epoch),
        cmocka_unit_test(samples_beyond_the_limits_are_counted),
        cmocka_unit_test(configurations_come_back),
        cmocka_unit_test(bad_configurations),
        cmocka_unit_test(own_latents_have_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
