/* GPT-2 in training against transformers (make_lm_net.py): outputs of every layer, gradients of
 * every tensor and of the input, a step of AdamW; the way through a frozen network by finite
 * differences. */
#include "embed/lm/net.h"
#include "lib/nn/layers.h"
#include "lib/nn/losses.h"
#include "lib/nn/optimizer.h"
#include "tests/golden/golden.h"

static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

#define DIM 16
#define ROWS 13

static const syl_lm_shape tiny = {.kind = SYL_LM_GPT2,
                                  .vocab = 23,
                                  .dim = DIM,
                                  .layers = 2,
                                  .heads = 4,
                                  .kv_heads = 4,
                                  .ff = 64,
                                  .context = 12,
                                  .eps = 1e-5f,
                                  .tied = true};
static const int64_t begin[] = {0, 7, ROWS};

typedef struct bench {
    syl_safetensors *fixture;
    syl_param_set set;
    syl_lm_net *net;
    syl_ctx *ctx;
    syl_tape *tape;
    float *embeds, *prefix; /* [ROWS][DIM], [1][DIM] */
    int32_t ids[ROWS], targets[ROWS];
} bench;

static void ints(const syl_safetensors *fixture, const char *name, int32_t out[ROWS])
{
    const syl_st_tensor *t = syl_safetensors_find(fixture, name);
    assert_true(t && t->dtype == SYL_I32 && t->count == ROWS);
    memcpy(out, t->data, ROWS * sizeof *out);
}

static void start(bench *b, int threads)
{
    size_t n;
    memset(b, 0, sizeof *b);
    b->fixture = golden_open("lm_net.safetensors");
    OK(syl_lm_net_create(&b->net, &tiny, &b->set, "lm.", &err));
    OK(syl_param_set_finish(&b->set, &err));
    OK(syl_lm_net_load(b->net, b->fixture, "model.", &err));
    OK(syl_ctx_create(&b->ctx, threads, &err));
    OK(syl_tape_create(&b->tape, b->ctx, &err));
    b->embeds = golden_floats(b->fixture, "embeds", &n);
    assert_int_equal(n, ROWS * DIM);
    b->prefix = golden_floats(b->fixture, "prefix", &n);
    ints(b->fixture, "ids", b->ids);
    ints(b->fixture, "targets", b->targets);
}

static void finish(bench *b)
{
    free(b->embeds);
    free(b->prefix);
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_lm_net_free(b->net);
    syl_param_set_free(&b->set);
    syl_safetensors_free(b->fixture);
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

static void compare(const bench *b, const char *what, const char *name, const float *got,
                    double tolerance)
{
    char full[256];
    size_t n;
    snprintf(full, sizeof full, "%s%s", what, name);
    float *want = golden_floats(b->fixture, full, &n);
    assert_close(full, got, want, n, tolerance);
    free(want);
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
    compare(b, "loss", "", &loss, 1e-5);
    compare(b, "logits", "", logits->value.data, 1e-4);
    float *stream = golden_floats(b->fixture, "hidden", &n);
    assert_int_equal(n, 3 * ROWS * DIM);
    assert_close("residual", residuals[0]->value.data, stream + ROWS * DIM, ROWS * DIM, 1e-4);
    assert_close("hidden", hidden->value.data, stream + 2 * ROWS * DIM, ROWS * DIM, 1e-4);
    free(stream);
    OK(syl_tape_backward(b->tape, &err));
    compare(b, "grad.embeds", "", x->grad.data, 1e-6);
    for (int i = 0; i < b->set.count; i++)
        compare(b, "grad.", b->set.item[i]->name + 3, b->set.item[i]->grad.data, 1e-6);
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
    compare(b, "logits", "", logits->value.data, 1e-4);
    OK(syl_tape_backward(b->tape, &err));
    compare(b, "token_grad.prefix", "", prefix->grad.data, 1e-6);
    compare(b, "token_grad.wte.weight", "", b->set.item[0]->grad.data, 1e-6);
    OK(syl_optimizer_start(&o, &b->set, &err));
    syl_optimizer_update(b->ctx, &o, &b->set, 1, &norm);
    for (int i = 0; i < b->set.count; i++)
        compare(b, "stepped.", b->set.item[i]->name + 3, b->set.item[i]->value.data, 1e-6);
    syl_optimizer_free(&o);
}

static void gpt2_like_transformers(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        bench b;
        start(&b, threads);
        like_transformers(&b);
        one_step(&b);
        finish(&b);
    }
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
static void prefix_by_differences(void **state)
{
    bench b;
    syl_var *prefix;
    int32_t rows[ROWS];
    (void)state;
    start(&b, 1);
    syl_lm_net_freeze(b.net, true);
    for (int i = 0; i < ROWS; i++)
        rows[i] = b.ids[i] < 0 ? 0 : -1;
    for (int drop = 0; drop < 2; drop++) {
        float rate = drop ? .3f : 0, want[DIM];
        syl_lm_net_set_dropout(b.net, (syl_lm_net_dropout){rate, rate, rate});
        prefix_loss(&b, rows, &prefix);
        OK(syl_tape_backward(b.tape, &err));
        memcpy(want, prefix->grad.data, sizeof want);
        for (int64_t i = 0; i < b.set.size; i++)
            assert_true(b.set.grads.data[i] == 0);
        for (int c = 0; c < DIM; c++) {
            float before = b.prefix[c];
            b.prefix[c] = before + 1e-2f;
            double up = prefix_loss(&b, rows, &prefix);
            b.prefix[c] = before - 1e-2f;
            double down = prefix_loss(&b, rows, &prefix);
            b.prefix[c] = before;
            assert_float_equal((up - down) / 2e-2, want[c], 2e-3 * fabs(want[c]) + 1e-4);
        }
    }
    finish(&b);
}

static void start_is_gpt2s(void **state)
{
    bench b;
    double squares = 0;
    float first;
    (void)state;
    start(&b, 1);
    syl_lm_net_start(b.net, 3);
    const syl_param *wte = b.set.item[0], *norm = b.set.item[2];
    for (int64_t i = 0; i < wte->size; i++)
        squares += pow(((float *)wte->value.data)[i], 2);
    assert_float_equal(sqrt(squares / (double)wte->size), .02, .003);
    assert_string_equal(norm->name, "lm.h.0.ln_1.weight");
    assert_true(((float *)norm->value.data)[3] == 1);
    first = *(float *)wte->value.data;
    syl_lm_net_start(b.net, 3);
    assert_true(*(float *)wte->value.data == first);
    syl_lm_net_start(b.net, 4);
    assert_false(*(float *)wte->value.data == first);
    finish(&b);
}

static void refusals(void **state)
{
    bench b;
    syl_var *hidden;
    syl_lm_net *none;
    syl_lm_shape llama = tiny;
    const int64_t long_one[] = {0, ROWS};
    (void)state;
    start(&b, 1);
    begin_step(&b);
    syl_lm_net_input in = {.sequences = {1, long_one}, .ids = b.ids};
    assert_int_equal(syl_lm_net_forward(b.net, b.tape, &in, &hidden, NULL, &err), SYL_EINVAL);
    in.sequences = (syl_ragged){2, begin};
    b.ids[4] = 23;
    assert_int_equal(syl_lm_net_forward(b.net, b.tape, &in, &hidden, NULL, &err), SYL_EINVAL);
    llama.kind = SYL_LM_LLAMA;
    assert_int_equal(syl_lm_net_create(&none, &llama, &b.set, "", &err), SYL_EUNSUPPORTED);
    assert_null(none);
    finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_like_transformers),
        cmocka_unit_test(prefix_by_differences),
        cmocka_unit_test(start_is_gpt2s),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
