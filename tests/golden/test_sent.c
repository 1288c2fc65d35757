/* The stages of a sentence model in training against a plain re-implementation in PyTorch
 * (make_sent.py): losses and gradients. */
#include "tests/golden/golden.h"
#include "train/sent/stages.h"

static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

#define VOCAB 13
#define SAMPLES 3

typedef struct stage_case {
    const char *name;
    syl_sent_stage stage;
    bool on_all, stop, gradients;
    syl_sent_stage embedding;
    syl_latent_norm norm;
} stage_case;

static const stage_case cases[] = {
    {"cot", SYL_SENT_COT, false, false, true, SYL_SENT_COT, SYL_LATENT_NONE},
    {"cot-all", SYL_SENT_COT, true, false, false, SYL_SENT_COT, SYL_LATENT_NONE},
    {"nocot", SYL_SENT_NOCOT, false, false, false, SYL_SENT_COT, SYL_LATENT_NONE},
    {"sem", SYL_SENT_SEM, false, false, true, SYL_SENT_SEM, SYL_LATENT_NONE},
    {"ctx-b", SYL_SENT_CTX_B, false, false, false, SYL_SENT_CTX_B, SYL_LATENT_NONE},
    {"ctx-c", SYL_SENT_CTX_C, false, false, true, SYL_SENT_CTX_C, SYL_LATENT_NONE},
    {"latent", SYL_SENT_LATENT, false, false, true, SYL_SENT_CTX_B, SYL_LATENT_NONE},
    {"latent-sem-rms", SYL_SENT_LATENT, false, false, true, SYL_SENT_SEM, SYL_LATENT_RMS},
    {"stop", SYL_SENT_LATENT, false, true, true, SYL_SENT_CTX_B, SYL_LATENT_NONE},
};

/* The fixture's samples. */
typedef struct samples {
    syl_sent_tokens tokens[SAMPLES];
    const syl_sent_tokens *at[SAMPLES];
    int32_t *ids;
    int starts[32];
} samples;

static const int32_t *ints(const syl_safetensors *fixture, const char *name, size_t *n)
{
    const syl_st_tensor *t = syl_safetensors_find(fixture, name);
    assert_true(t && t->dtype == SYL_I32);
    int32_t *out = malloc(t->count * sizeof *out);
    memcpy(out, t->data, t->count * sizeof *out);
    *n = t->count;
    return out;
}

static void read_samples(samples *s, const syl_safetensors *fixture)
{
    size_t n;
    s->ids = (int32_t *)(uintptr_t)ints(fixture, "ids", &n);
    const int32_t *lengths = ints(fixture, "lengths", &n);
    const int32_t *sentences = ints(fixture, "sentences", &n);
    int *starts = s->starts, at = 0, piece = 0;
    assert_int_equal(n, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) {
        s->tokens[i] = (syl_sent_tokens){s->ids + at, starts, sentences[i]};
        s->at[i] = &s->tokens[i];
        int inside = 0;
        for (int k = 0; k <= sentences[i]; k++)
            *starts++ = inside += lengths[piece++];
        at += inside;
    }
    free((void *)(uintptr_t)lengths);
    free((void *)(uintptr_t)sentences);
}

static syl_lm_shape shape(int dim, int heads)
{
    return (syl_lm_shape){.kind = SYL_LM_GPT2,
                          .vocab = VOCAB,
                          .dim = dim,
                          .layers = 2,
                          .heads = heads,
                          .kv_heads = heads,
                          .ff = 4 * dim,
                          .context = 24,
                          .eps = 1e-5f,
                          .tied = true};
}

static void load(syl_sent_model *m, const syl_safetensors *fixture)
{
    if (m->encoder && m->encoder != m->decoder)
        OK(syl_lm_net_load(m->encoder, fixture, "encoder.", &err));
    OK(syl_lm_net_load(m->decoder, fixture, "decoder.", &err));
    if (m->semantic) OK(syl_lm_net_load(m->semantic, fixture, "semantic.", &err));
    if (m->latent) OK(syl_lm_net_load(m->latent, fixture, "latent.", &err));
    OK(syl_sent_mlp_load(&m->into, fixture, &err));
    OK(syl_sent_mlp_load(&m->out_of, fixture, &err));
    OK(syl_sent_mlp_load(&m->stop, fixture, &err));
}

static void check_gradients(const syl_sent_model *m, const syl_safetensors *fixture,
                            const char *stage)
{
    for (int i = 0; i < m->trained.count; i++) {
        const syl_param *p = m->trained.item[i];
        char name[512];
        size_t n;
        double size = 0;
        snprintf(name, sizeof name, "%s.grad.%s", stage, p->name);
        float *want = golden_floats(fixture, name, &n);
        assert_int_equal(n, p->size);
        for (size_t k = 0; k < n; k++)
            size = fabs(want[k]) > size ? fabs(want[k]) : size;
        assert_close(name, p->grad.data, want, n, 1e-5 * (size > .1 ? size : .1));
        free(want);
    }
}

static void check(const stage_case *c, const samples *s, const syl_safetensors *fixture,
                  const syl_sent_tokenizer *tokenizer)
{
    syl_sent_model *m;
    syl_ctx *ctx;
    syl_tape *tape;
    syl_sent_outcome out;
    char name[64];
    size_t n;
    syl_sent_config config = {.stage = c->stage,
                              .embedding = c->embedding,
                              .decoder_embedding = c->embedding,
                              .decoder = shape(16, 4),
                              .encoder = shape(16, 4),
                              .latent = shape(24, 3),
                              .latent_norm = c->norm,
                              .latent_scale = 1,
                              .stop = {c->stop ? 6 : 0, c->stop ? 4 : 0}};
    syl_sent_losses losses = syl_sent_losses_defaults();
    syl_sent_batch batch = {s->at, SAMPLES};
    losses.loss_on_all = c->on_all;
    OK(syl_sent_model_create(&m, &config, tokenizer, NULL, &err));
    load(m, fixture);
    OK(syl_ctx_create(&ctx, 1, &err));
    OK(syl_tape_create(&tape, ctx, &err));
    syl_tape_clear(tape, (syl_tape_options){.compute = SYL_F32});
    OK(syl_sent_losses_of(m, &losses, tape, &batch, 0, &out, &err));
    OK(syl_tape_backward(tape, &err));
    snprintf(name, sizeof name, "%s.loss", c->name);
    float *want = golden_floats(fixture, name, &n), got = (float)out.loss;
    assert_close(name, &got, want, 1, 1e-5);
    if (c->gradients) check_gradients(m, fixture, c->name);
    free(want);
    syl_tape_free(tape);
    syl_ctx_free(ctx);
    syl_sent_model_free(m);
}

static void stages_like_pytorch(void **state)
{
    syl_safetensors *fixture = golden_open("sent.safetensors");
    syl_sent_tokenizer tokenizer = {.vocab = VOCAB, .newline = 0, .eos = 1};
    samples s;
    (void)state;
    read_samples(&s, fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], &s, fixture, &tokenizer);
    free(s.ids);
    syl_safetensors_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stages_like_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
