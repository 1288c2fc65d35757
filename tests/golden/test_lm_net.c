/* GPT-2 and Llama in training against transformers (make_lm_net.py): outputs of every layer,
 * gradients of every tensor and of the input, a step of AdamW; the way through a frozen network by
 * finite differences; the other layout of rotary positions. */
#include "lib/nn/layers.h"
#include "lib/nn/losses.h"
#include "lib/nn/optimizer.h"
#include "tests/golden/lm_case.h"

/* A model of a fixture: what stands before the names of its tensors, and before its weights'. */
typedef struct model {
    const char *file, *prefix, *weights;
    syl_lm_shape shape;
} model;

static const model gpt2 = {
    "lm_net.safetensors",
    "",
    "model.",
    {SHAPE, .kind = SYL_LM_GPT2, .kv_heads = 4, .ff = 64, .tied = true},
};
static const model grouped = {
    "lm_net_llama.safetensors",
    "gqa.",
    "gqa.",
    {SHAPE, .kind = SYL_LM_LLAMA, .kv_heads = 2, .ff = 20, .tied = false},
};
static const model tied = {
    "lm_net_llama.safetensors",
    "tied.",
    "tied.",
    {SHAPE, .kind = SYL_LM_LLAMA, .kv_heads = 4, .ff = 20, .tied = true},
};
static const model *const all[] = {&gpt2, &grouped, &tied};
#define MODELS 3

typedef struct bench {
    const model *model;
    lm_case fixture;
    syl_param_set set;
    syl_lm_net *net;
    syl_ctx *ctx;
    syl_tape *tape;
    float *embeds, *prefix; /* [ROWS][DIM], [1][DIM] */
    int32_t ids[ROWS], targets[ROWS];
} bench;

static void start(bench *b, const model *of, int threads)
{
    size_t n;
    memset(b, 0, sizeof *b);
    b->model = of;
    b->fixture = (lm_case){golden_open(of->file), of->prefix};
    OK(syl_lm_net_create(&b->net, &of->shape, &b->set, "lm.", &err));
    OK(syl_param_set_finish(&b->set, &err));
    OK(syl_lm_net_load(b->net, b->fixture.file, of->weights, &err));
    OK(syl_ctx_create(&b->ctx, threads, &err));
    OK(syl_tape_create(&b->tape, b->ctx, &err));
    b->embeds = floats(&b->fixture, "embeds", "", &n);
    assert_int_equal(n, ROWS * DIM);
    b->prefix = floats(&b->fixture, "prefix", "", &n);
    ints(&b->fixture, "ids", b->ids);
    ints(&b->fixture, "targets", b->targets);
}

static void finish(bench *b)
{
    free(b->embeds);
    free(b->prefix);
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_lm_net_free(b->net);
    syl_param_set_free(&b->set);
    syl_safetensors_free(b->fixture.file);
}

static void begin_step(bench *b)
{
    syl_tape_clear(b->tape, (syl_tape_options){.compute = SYL_F32, .training = true, .seed = 7});
    syl_param_set_zero_grads(b->ctx, &b->set);
}

/* Mean cross-entropy over the rows that have a target. */
static double loss_of(bench *b, const syl_lm_net_input *in, syl_var **logits, syl_var **hidden,
                      syl_var **residuals)
{
    double loss;
    OK(syl_lm_net_forward(b->net, b->tape, in, hidden, residuals, &err));
    OK(syl_lm_net_logits(b->net, b->tape, *hidden, logits, &err));
    OK(syl_loss_cross_entropy(b->tape, *logits, b->targets, 1.0f / 11, &loss, &err));
    return loss;
}

static void like_transformers(bench *b)
{
    syl_var *x, *logits, *hidden, *residuals[2];
    syl_lm_net_input in = {.sequences = {2, begin}};
    size_t n;
    begin_step(b);
    OK(syl_tape_input(b->tape, syl_mat_of(b->embeds, SYL_F32, ROWS, DIM), true, &x, &err));
    in.vectors = x;
    float loss = (float)loss_of(b, &in, &logits, &hidden, residuals);
    compare(&b->fixture, "loss", "", &loss, 1e-5);
    compare(&b->fixture, "logits", "", logits->value.data, 1e-4);
    float *stream = floats(&b->fixture, "hidden", "", &n);
    assert_int_equal(n, 3 * ROWS * DIM);
    assert_close("residual", residuals[0]->value.data, stream + ROWS * DIM, ROWS * DIM, 1e-4);
    assert_close("hidden", hidden->value.data, stream + 2 * ROWS * DIM, ROWS * DIM, 1e-4);
    free(stream);
    OK(syl_tape_backward(b->tape, &err));
    compare(&b->fixture, "grad.embeds", "", x->grad.data, 1e-6);
    for (int i = 0; i < b->set.count; i++)
        compare(&b->fixture, "grad.", b->set.item[i]->name + 3, b->set.item[i]->grad.data, 1e-6);
}

/* Tokens and a vector mixed; then AdamW. */
static void one_step(bench *b)
{
    syl_var *prefix, *logits, *hidden;
    int32_t rows[ROWS];
    double norm;
    syl_optimizer o = {
        .adamw = {.lr = 1e-3f, .beta1 = .9f, .beta2 = .99f, .eps = 1e-4f, .weight_decay = .1f}};
    begin_step(b);
    for (int i = 0; i < ROWS; i++)
        rows[i] = b->ids[i] < 0 ? 0 : -1;
    OK(syl_tape_input(b->tape, syl_mat_of(b->prefix, SYL_F32, 1, DIM), true, &prefix, &err));
    syl_lm_net_input in = {
        .sequences = {2, begin}, .ids = b->ids, .vectors = prefix, .vector_rows = rows};
    loss_of(b, &in, &logits, &hidden, NULL);
    compare(&b->fixture, "logits", "", logits->value.data, 1e-4);
    OK(syl_tape_backward(b->tape, &err));
    compare(&b->fixture, "token_grad.prefix", "", prefix->grad.data, 1e-6);
    compare(&b->fixture, "token_grad.", b->set.item[0]->name + 3, b->set.item[0]->grad.data, 1e-6);
    OK(syl_optimizer_start(&o, &b->set, &err));
    syl_optimizer_update(b->ctx, &o, &b->set, 1, &norm);
    for (int i = 0; i < b->set.count; i++)
        compare(&b->fixture, "stepped.", b->set.item[i]->name + 3, b->set.item[i]->value.data,
                1e-6);
    syl_optimizer_free(&o);
}

static void all_like_transformers(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * MODELS; i++) {
        bench b;
        start(&b, all[i / 2], 1 + i % 2);
        like_transformers(&b);
        one_step(&b);
        finish(&b);
    }
}

/* The rows of queries' and keys' weights so that pairs lie side by side; back: as they were. */
static void pair_rows(const bench *b, float *values, bool back)
{
    enum { HEAD = 4, PAIRS = HEAD / 2 };
    float head[HEAD][DIM];
    for (int i = 0; i < b->set.count; i++) {
        const syl_param *p = b->set.item[i];
        if (!strstr(p->name, "q_proj") && !strstr(p->name, "k_proj")) continue;
        for (int64_t r = 0; r < p->dims[0]; r += HEAD) {
            float(*row)[DIM] = (float(*)[DIM])(values + p->offset) + r;
            memcpy(head, row, sizeof head);
            for (int k = 0; k < PAIRS; k++)
                for (int half = 0; half < 2; half++)
                    memcpy(row[back ? k + half * PAIRS : 2 * k + half],
                           head[back ? 2 * k + half : k + half * PAIRS], sizeof *row);
        }
    }
}

/* The layout of GGUF's rows gives the same, with the rows of weights and gradients moved. */
static void adjacent_pairs(void **state)
{
    model moved = grouped;
    bench b;
    (void)state;
    moved.shape.rope_adjacent = true;
    start(&b, &moved, 1);
    pair_rows(&b, b.set.values.data, false);
    syl_var *x, *logits, *hidden;
    syl_lm_net_input in = {.sequences = {2, begin}};
    begin_step(&b);
    OK(syl_tape_input(b.tape, syl_mat_of(b.embeds, SYL_F32, ROWS, DIM), true, &x, &err));
    in.vectors = x;
    loss_of(&b, &in, &logits, &hidden, NULL);
    compare(&b.fixture, "logits", "", logits->value.data, 1e-4);
    OK(syl_tape_backward(b.tape, &err));
    compare(&b.fixture, "grad.embeds", "", x->grad.data, 1e-6);
    pair_rows(&b, b.set.grads.data, true);
    for (int i = 0; i < b.set.count; i++)
        compare(&b.fixture, "grad.", b.set.item[i]->name + 3, b.set.item[i]->grad.data, 1e-6);
    finish(&b);
}

static double prefix_loss(bench *b, const int32_t *rows, syl_var **prefix)
{
    syl_var *logits, *hidden;
    begin_step(b);
    OK(syl_tape_input(b->tape, syl_mat_of(b->prefix, SYL_F32, 1, DIM), true, prefix, &err));
    syl_lm_net_input in = {
        .sequences = {2, begin}, .ids = b->ids, .vectors = *prefix, .vector_rows = rows};
    return loss_of(b, &in, &logits, &hidden, NULL);
}

/* Through a network that is frozen, with and without dropout, whose mask is the same each time. */
static void differences_of(bench *b, float rate)
{
    syl_var *prefix;
    int32_t rows[ROWS];
    float want[DIM];
    for (int i = 0; i < ROWS; i++)
        rows[i] = b->ids[i] < 0 ? 0 : -1;
    syl_lm_net_set_dropout(b->net, (syl_lm_net_dropout){rate, rate, rate});
    prefix_loss(b, rows, &prefix);
    OK(syl_tape_backward(b->tape, &err));
    memcpy(want, prefix->grad.data, sizeof want);
    for (int64_t i = 0; i < b->set.size; i++)
        assert_true(b->set.grads.data[i] == 0);
    for (int c = 0; c < DIM; c++) {
        float before = b->prefix[c];
        b->prefix[c] = before + 1e-2f;
        double up = prefix_loss(b, rows, &prefix);
        b->prefix[c] = before - 1e-2f;
        double down = prefix_loss(b, rows, &prefix);
        b->prefix[c] = before;
        assert_float_equal((up - down) / 2e-2, want[c], 2e-3 * fabs(want[c]) + 1e-4);
    }
}

static void prefix_by_differences(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * MODELS; i++) {
        bench b;
        start(&b, all[i / 2], 1);
        syl_lm_net_freeze(b.net, true);
        differences_of(&b, i % 2 ? .3f : 0);
        finish(&b);
    }
}

static double deviation_of(const syl_param *p)
{
    double squares = 0;
    for (int64_t i = 0; i < p->size; i++)
        squares += pow(((float *)p->value.data)[i], 2);
    return sqrt(squares / (double)p->size);
}

static const syl_param *named(const bench *b, const char *name)
{
    for (int i = 0; i < b->set.count; i++)
        if (!strcmp(b->set.item[i]->name, name)) return b->set.item[i];
    fail_msg("no %s", name);
    return NULL;
}

static void start_is_gpt2s(void **state)
{
    bench b;
    float first;
    (void)state;
    start(&b, &gpt2, 1);
    syl_lm_net_start(b.net, 3);
    const syl_param *wte = b.set.item[0], *norm = b.set.item[2];
    assert_float_equal(deviation_of(wte), .02, .003);
    assert_float_equal(deviation_of(named(&b, "lm.h.0.mlp.c_proj.weight")), .01, .0015);
    assert_string_equal(norm->name, "lm.h.0.ln_1.weight");
    assert_true(((float *)norm->value.data)[3] == 1);
    first = *(float *)wte->value.data;
    syl_lm_net_start(b.net, 3);
    assert_true(*(float *)wte->value.data == first);
    syl_lm_net_start(b.net, 4);
    assert_false(*(float *)wte->value.data == first);
    finish(&b);
}

static void start_is_llamas(void **state)
{
    bench b;
    (void)state;
    start(&b, &grouped, 1);
    syl_lm_net_start(b.net, 3);
    assert_float_equal(deviation_of(named(&b, "lm.layers.1.mlp.down_proj.weight")), .02, .003);
    assert_float_equal(deviation_of(named(&b, "lm.lm_head.weight")), .02, .003);
    assert_true(deviation_of(named(&b, "lm.norm.weight")) == 1);
    finish(&b);
}

static void refusals(void **state)
{
    bench b;
    syl_var *hidden;
    syl_lm_net *none;
    syl_lm_shape odd = grouped.shape;
    const int64_t long_one[] = {0, ROWS};
    (void)state;
    start(&b, &grouped, 1);
    begin_step(&b);
    syl_lm_net_input in = {.sequences = {1, long_one}, .ids = b.ids};
    assert_int_equal(syl_lm_net_forward(b.net, b.tape, &in, &hidden, NULL, &err), SYL_EINVAL);
    in.sequences = (syl_ragged){2, begin};
    b.ids[4] = 23;
    assert_int_equal(syl_lm_net_forward(b.net, b.tape, &in, &hidden, NULL, &err), SYL_EINVAL);
    in.ids = NULL; /* nor vectors */
    assert_int_equal(syl_lm_net_forward(b.net, b.tape, &in, &hidden, NULL, &err), SYL_EINVAL);
    odd.kv_heads = 3;
    assert_int_equal(syl_lm_net_create(&none, &odd, &b.set, "", &err), SYL_EFORMAT);
    assert_null(none);
    finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_like_transformers), cmocka_unit_test(adjacent_pairs),
        cmocka_unit_test(prefix_by_differences), cmocka_unit_test(start_is_gpt2s),
        cmocka_unit_test(start_is_llamas),       cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
