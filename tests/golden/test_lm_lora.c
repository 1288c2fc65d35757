/* Low-rank adapters of GPT-2 and Llama against peft (make_lm_net.py): outputs, gradients, a step of
 * AdamW, weights with the adapters in them; adapters that have just begun change no bit, and only
 * they have gradients and moments. */
#include "lib/nn/losses.h"
#include "lib/nn/optimizer.h"
#include "tests/golden/lm_case.h"

typedef struct model {
    const char *prefix;
    syl_lm_shape shape;
    syl_lora lora;
    int adapters; /* in all */
} model;

static const model models[] = {
    {"gpt2.",
     {SHAPE, .kind = SYL_LM_GPT2, .kv_heads = 4, .ff = 64, .tied = true},
     {.rank = 3, .alpha = 12},
     6},
    {"llama.",
     {SHAPE, .kind = SYL_LM_LLAMA, .kv_heads = 2, .ff = 20, .tied = false},
     {.rank = 2, .alpha = 5, .targets = "q_proj,self_attn.k_proj,v_proj,o_proj,up_proj"},
     10},
};

typedef struct bench {
    const model *model;
    lm_case fixture;
    syl_param_set base, set;
    syl_lm_net *net;
    syl_ctx *ctx;
    syl_tape *tape;
    int32_t ids[ROWS], rows[ROWS], targets[ROWS];
} bench;

static void start(bench *b, const model *of)
{
    memset(b, 0, sizeof *b);
    b->model = of;
    b->fixture = (lm_case){golden_open("lm_lora.safetensors"), of->prefix};
    OK(syl_lm_net_create(&b->net, &of->shape, &b->base, "lm.", &err));
    OK(syl_lm_net_adapt(b->net, &of->lora, &b->set, &err));
    OK(syl_param_set_finish_fixed(&b->base, &err));
    OK(syl_param_set_finish(&b->set, &err));
    OK(syl_lm_net_load(b->net, b->fixture.file, of->prefix, &err));
    OK(syl_ctx_create(&b->ctx, 1, &err));
    OK(syl_tape_create(&b->tape, b->ctx, &err));
    ints(&b->fixture, "ids", b->ids);
    ints(&b->fixture, "targets", b->targets);
    for (int i = 0; i < ROWS; i++)
        b->rows[i] = b->ids[i] < 0 ? 0 : -1;
}

static void finish(bench *b)
{
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_lm_net_free(b->net);
    syl_param_set_free(&b->set);
    syl_param_set_free(&b->base);
    syl_safetensors_free(b->fixture.file);
}

/* The fixture's adapters, which all do something. */
static void load_adapters(bench *b)
{
    size_t n;
    assert_int_equal(b->set.count, 2 * b->model->adapters);
    for (int i = 0; i < b->set.count; i++) {
        syl_param *p = b->set.item[i];
        float *values = floats(&b->fixture, "start.", p->name + 3, &n);
        assert_int_equal(n, p->size);
        memcpy(p->value.data, values, n * sizeof *values);
        free(values);
    }
}

/* Logits and loss of the two sequences: their own vectors, or tokens and a vector before them. */
static float run(bench *b, syl_mat vectors, bool tokens, syl_var **x, syl_var **logits)
{
    syl_var *hidden;
    double loss;
    syl_lm_net_input in = {.sequences = {2, begin}};
    syl_tape_clear(b->tape, (syl_tape_options){.compute = SYL_F32, .training = true, .seed = 7});
    syl_param_set_zero_grads(b->ctx, &b->set);
    OK(syl_tape_input(b->tape, vectors, true, x, &err));
    in.vectors = *x;
    if (tokens) {
        in.ids = b->ids;
        in.vector_rows = b->rows;
    }
    OK(syl_lm_net_forward(b->net, b->tape, &in, &hidden, NULL, &err));
    OK(syl_lm_net_logits(b->net, b->tape, hidden, logits, &err));
    OK(syl_loss_cross_entropy(b->tape, *logits, b->targets, 1.0f / 11, &loss, &err));
    return (float)loss;
}

static void one_step(bench *b)
{
    syl_var *x, *logits;
    size_t n;
    double norm;
    syl_optimizer o = {
        .adamw = {.lr = 1e-3f, .beta1 = .9f, .beta2 = .99f, .eps = 1e-4f, .weight_decay = .1f}};
    float *prefix = floats(&b->fixture, "prefix", "", &n);
    run(b, syl_mat_of(prefix, SYL_F32, 1, DIM), true, &x, &logits);
    compare(&b->fixture, "logits", "", logits->value.data, 1e-4);
    OK(syl_tape_backward(b->tape, &err));
    compare(&b->fixture, "token_grad.prefix", "", x->grad.data, 5e-6);
    OK(syl_optimizer_start(&o, &b->set, &err));
    assert_int_equal(o.first.size, b->set.size); /* moments of adapters alone */
    syl_optimizer_update(b->ctx, &o, &b->set, 1, &norm);
    for (int i = 0; i < b->set.count; i++)
        compare(&b->fixture, "stepped.", b->set.item[i]->name + 3, b->set.item[i]->value.data,
                1e-6);
    syl_optimizer_free(&o);
    free(prefix);
}

/* Every weight once: those with an adapter as peft merges them. */
static void merging(bench *b)
{
    int merged = 0;
    for (int i = 0; i < b->base.count; i++) {
        float *w;
        OK(syl_lm_net_merged(b->net, b->base.item[i], b->ctx, &w, &err));
        if (!w) continue;
        merged++;
        compare(&b->fixture, "merged.", b->base.item[i]->name + 3, w, 1e-6);
        free(w);
    }
    assert_int_equal(merged, b->model->adapters);
}

static void like_peft(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        bench b;
        syl_var *x, *logits;
        size_t n;
        start(&b, &models[m]);
        load_adapters(&b);
        float *embeds = floats(&b.fixture, "embeds", "", &n);
        float loss = run(&b, syl_mat_of(embeds, SYL_F32, ROWS, DIM), false, &x, &logits);
        compare(&b.fixture, "loss", "", &loss, 1e-5);
        compare(&b.fixture, "logits", "", logits->value.data, 1e-4);
        OK(syl_tape_backward(b.tape, &err));
        compare(&b.fixture, "grad.embeds", "", x->grad.data, 5e-6);
        for (int i = 0; i < b.set.count; i++)
            compare(&b.fixture, "grad.", b.set.item[i]->name + 3, b.set.item[i]->grad.data, 5e-6);
        assert_null(b.base.grads.data);
        one_step(&b);
        merging(&b);
        free(embeds);
        finish(&b);
    }
}

/* B is zero: the base's outputs and weights to the bit, for any dropout; A has peft's spread. */
static void a_start_changes_nothing(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        bench adapted, plain;
        model with = models[m];
        syl_var *x, *logits, *want;
        size_t n;
        double squares = 0;
        with.lora.rank = 64;
        with.lora.dropout = .3f;
        start(&adapted, &with);
        start(&plain, &with);
        syl_lm_net *none = plain.net;
        syl_param_set own = {0};
        OK(syl_lm_net_create(&plain.net, &with.shape, &own, "lm.", &err));
        OK(syl_param_set_finish(&own, &err));
        OK(syl_lm_net_load(plain.net, plain.fixture.file, with.prefix, &err));
        syl_lm_net_start_adapters(adapted.net, 3);
        float *embeds = floats(&plain.fixture, "embeds", "", &n);
        run(&plain, syl_mat_of(embeds, SYL_F32, ROWS, DIM), false, &x, &want);
        run(&adapted, syl_mat_of(embeds, SYL_F32, ROWS, DIM), false, &x, &logits);
        assert_memory_equal(logits->value.data, want->value.data, ROWS * 23 * sizeof(float));
        const syl_param *down = adapted.set.item[0];
        for (int64_t i = 0; i < down->size; i++)
            squares += pow(((float *)down->value.data)[i], 2);
        /* uniform up to 1/4 */
        assert_float_equal(sqrt(squares / (double)down->size), .25 / sqrt(3), .01);
        for (int i = 0; i < own.count; i++) {
            float *w;
            OK(syl_lm_net_merged(adapted.net, adapted.base.item[i], adapted.ctx, &w, &err));
            if (w) assert_memory_equal(w, own.item[i]->value.data, (size_t)own.item[i]->size * 4);
            free(w);
        }
        free(embeds);
        syl_lm_net_free(none);
        finish(&plain);
        syl_param_set_free(&own);
        finish(&adapted);
    }
}

/* Targets of peft's kind: the end of a name from a dot on; others are refused, and told. */
static void targets(void **state)
{
    static const struct {
        const char *names;
        int adapters;
    } good[] = {{"c_proj", 4}, {"attn.c_proj", 2}, {"mlp.c_proj,c_fc", 4}, {"c_attn,c_attn", 2}},
      bad[] = {{"proj", 0}, {"c_attn,", 0}, {"", 0}, {"q_proj", 0}, {"wte", 0}};
    (void)state;
    for (size_t i = 0; i < 4 + sizeof bad / sizeof *bad; i++) {
        syl_param_set base = {0}, set = {0};
        syl_lm_net *net;
        syl_lora lora = {
            .rank = 1, .alpha = 1, .targets = i < 4 ? good[i].names : bad[i - 4].names};
        OK(syl_lm_net_create(&net, &models[0].shape, &base, "", &err));
        if (i < 4) {
            OK(syl_lm_net_adapt(net, &lora, &set, &err));
            assert_int_equal(set.count, 2 * good[i].adapters);
        } else {
            assert_int_equal(syl_lm_net_adapt(net, &lora, &set, &err), SYL_EINVAL);
            assert_non_null(strstr(err.message, "attn.c_attn, attn.c_proj, mlp.c_fc"));
        }
        syl_lm_net_free(net);
        syl_param_set_free(&base);
        syl_param_set_free(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_peft),
        cmocka_unit_test(a_start_changes_nothing),
        cmocka_unit_test(targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
