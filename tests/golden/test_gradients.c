/* Every layer and loss of lib/nn against PyTorch (tests/golden/make_gradients.py): outputs and
 * gradients, with one thread and with two, and bf16 within its own accuracy. */
#include "lib/base/random.h"
#include "lib/nn/layers.h"
#include "lib/nn/losses.h"
#include "lib/nn/optimizer.h"
#include "tests/golden/golden.h"

#define MAX_LEAVES 8

static syl_safetensors *fixture;
static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

/* One case at work: leaves are parameters named as in the fixture. */
typedef struct bench {
    const char *name;
    syl_ctx *ctx;
    syl_tape *tape;
    syl_dtype compute;
    syl_param_set set;
    syl_param *leaf[MAX_LEAVES];
    syl_var *var[MAX_LEAVES];
    int leaves;
    float *loose[MAX_LEAVES]; /* arrays to free */
    int num_loose;
} bench;

static const syl_st_tensor *find(const bench *b, const char *leaf)
{
    char name[512];
    snprintf(name, sizeof name, "%.200s.%.200s", b->name, leaf);
    const syl_st_tensor *t = syl_safetensors_find(fixture, name);
    if (!t) fail_msg("fixture has no %s", name);
    return t;
}

static float *floats(bench *b, const char *leaf)
{
    const syl_st_tensor *t = find(b, leaf);
    float *data = malloc(t->count * sizeof *data + 1);
    syl_st_to_f32(t, data);
    return b->loose[b->num_loose++] = data;
}

static const int32_t *ints(bench *b, const char *leaf)
{
    const syl_st_tensor *t = find(b, leaf);
    assert_int_equal(t->dtype, SYL_I32);
    int32_t *data = malloc(t->count * sizeof *data);
    memcpy(data, t->data, t->count * sizeof *data);
    b->loose[b->num_loose++] = (float *)data;
    return data;
}

/* leaves: names, those of convolutions whose taps come first marked with a '*'. */
static void begin(bench *b, const char *name, syl_dtype compute, int threads, const char **leaves)
{
    char prefix[128];
    memset(b, 0, sizeof *b);
    b->name = name;
    b->compute = compute;
    OK(syl_ctx_create(&b->ctx, threads, &err));
    OK(syl_tape_create(&b->tape, b->ctx, &err));
    for (; leaves[b->leaves]; b->leaves++) {
        bool taps = leaves[b->leaves][0] == '*';
        const syl_st_tensor *t = find(b, leaves[b->leaves] + taps);
        int64_t dims[5] = {t->shape[0], t->ndim > 1 ? t->shape[1] : 0,
                           t->ndim > 2 ? t->shape[2] : 0};
        OK(syl_param_add(&b->set, leaves[b->leaves] + taps, dims, taps, &b->leaf[b->leaves], &err));
    }
    OK(syl_param_set_finish(&b->set, &err));
    snprintf(prefix, sizeof prefix, "%s.", name);
    OK(syl_param_set_load(&b->set, fixture, prefix, &err));
    syl_tape_clear(b->tape, (syl_tape_options){.compute = compute, .training = true});
    for (int i = 0; i < b->leaves; i++) {
        /* Vectors stand as a row for layers, as they do for parameters of networks. */
        OK(syl_tape_param(b->tape, b->leaf[i], &b->var[i], &err));
    }
}

static void compare(const bench *b, const char *what, const float *got, const float *expected,
                    size_t n)
{
    double size = 0, tolerance = b->compute == SYL_BF16 ? 2e-2 : 1e-4;
    char label[256];
    for (size_t i = 0; i < n; i++)
        size = fabs(expected[i]) > size ? fabs(expected[i]) : size;
    snprintf(label, sizeof label, "%s.%s", b->name, what);
    assert_close(label, got, expected, n, tolerance * (size > 1e-2 ? size : 1e-2));
}

static void check_gradients(bench *b)
{
    for (int i = 0; i < b->leaves; i++) {
        char name[512];
        snprintf(name, sizeof name, "d%s", b->leaf[i]->name);
        float *got = syl_param_export(b->leaf[i], b->set.grads.host);
        compare(b, name, got, floats(b, name), (size_t)b->leaf[i]->size);
        free(got);
    }
}

static void end(bench *b)
{
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_param_set_free(&b->set);
    for (int i = 0; i < b->num_loose; i++)
        free(b->loose[i]);
}

/* Output and gradients of a layer. */
static void check_layer(bench *b, syl_var *y)
{
    syl_mat grad;
    bool accumulate;
    float *dy = floats(b, "dy");
    size_t n = (size_t)(y->value.rows * y->value.cols);
    assert_int_equal(n, find(b, "y")->count);
    compare(b, "y", y->value.data, floats(b, "y"), n);
    OK(syl_var_grad(b->tape, y, &grad, &accumulate, &err));
    memcpy(grad.data, dy, n * sizeof *dy);
    OK(syl_tape_backward(b->tape, &err));
    check_gradients(b);
    end(b);
}

static void check_loss(bench *b, double loss)
{
    float got = (float)loss;
    compare(b, "loss", &got, floats(b, "y"), 1);
    OK(syl_tape_backward(b->tape, &err));
    check_gradients(b);
    end(b);
}

/* Runs a case with one thread, with two, and in bf16. */
static void each_way(void (*run)(syl_dtype, int))
{
    run(SYL_F32, 1);
    run(SYL_F32, 2);
    run(SYL_BF16, 1);
}

/* ---- layers ----------------------------------------------------------------------------- */

static void linear(syl_dtype compute, int threads)
{
    bench b;
    syl_var *y;
    begin(&b, "linear", compute, threads, (const char *[]){"x", "w", "b", NULL});
    OK(syl_nn_linear(b.tape, b.var[0], b.var[1], b.var[2], &y, &err));
    check_layer(&b, y);
}

static void conv(const char *name, syl_conv_shape shape, syl_ragged in, syl_dtype compute,
                 int threads)
{
    bench b;
    syl_var *y;
    syl_ragged out;
    begin(&b, name, compute, threads, (const char *[]){"x", "*w", "b", NULL});
    OK(syl_nn_conv(b.tape, shape, b.var[0], in, b.var[1], b.var[2], &y, &out, &err));
    assert_int_equal(out.begin[out.count], y->value.rows);
    check_layer(&b, y);
}

static void convs(syl_dtype compute, int threads)
{
    conv("conv_mono", (syl_conv_shape){1, 8, 10, 5, 0, 1},
         (syl_ragged){2, (int64_t[]){0, 130, 187}}, compute, threads);
    conv("conv_half", (syl_conv_shape){6, 9, 3, 2, 1, 1}, (syl_ragged){2, (int64_t[]){0, 31, 49}},
         compute, threads);
    conv("conv_same", (syl_conv_shape){6, 9, 3, 1, 1, 1}, (syl_ragged){2, (int64_t[]){0, 31, 32}},
         compute, threads);
    conv("conv_tight", (syl_conv_shape){6, 9, 2, 2, 0, 1}, (syl_ragged){2, (int64_t[]){0, 14, 35}},
         compute, threads);
}

static void positional(syl_dtype compute, int threads)
{
    bench b;
    syl_var *y;
    syl_conv_shape shape = {12, 12, 16, 1, 8, 3};
    syl_ragged two = {2, (int64_t[]){0, 70, 79}};
    begin(&b, "positional", compute, threads, (const char *[]){"x", "g", "v", "b", NULL});
    OK(syl_nn_positional_conv(b.tape, shape, b.var[0], two, b.var[1], b.var[2], b.var[3], &y,
                              &err));
    check_layer(&b, y);
}

static void norms(syl_dtype compute, int threads)
{
    bench b;
    syl_var *y;
    syl_ragged two = {2, (int64_t[]){0, 19, 30}};
    begin(&b, "layer_norm", compute, threads, (const char *[]){"x", "g", "b", NULL});
    OK(syl_nn_norm(b.tape, SYL_LAYER_NORM, b.var[0], b.var[1], b.var[2], 1e-5f, &y, &err));
    check_layer(&b, y);
    begin(&b, "rms_norm", compute, threads, (const char *[]){"x", "g", NULL});
    OK(syl_nn_norm(b.tape, SYL_RMS_NORM, b.var[0], b.var[1], NULL, 1e-6f, &y, &err));
    check_layer(&b, y);
    begin(&b, "group_norm_each", compute, threads, (const char *[]){"x", "g", "b", NULL});
    OK(syl_nn_group_norm(b.tape, 12, b.var[0], two, b.var[1], b.var[2], 1e-5f, &y, &err));
    check_layer(&b, y);
    begin(&b, "group_norm_some", compute, threads, (const char *[]){"x", "g", "b", NULL});
    OK(syl_nn_group_norm(b.tape, 3, b.var[0], two, b.var[1], b.var[2], 1e-5f, &y, &err));
    check_layer(&b, y);
}

static void activations(syl_dtype compute, int threads)
{
    static const char *const names[] = {"gelu_erf", "gelu_tanh", "silu", "relu"};
    static const syl_function functions[] = {SYL_GELU_ERF, SYL_GELU_TANH, SYL_SILU, SYL_RELU};
    for (int i = 0; i < 4; i++) {
        bench b;
        syl_var *y;
        begin(&b, names[i], compute, threads, (const char *[]){"x", NULL});
        OK(syl_nn_activation(b.tape, functions[i], b.var[0], &y, &err));
        check_layer(&b, y);
    }
}

static void attention(const char *name, syl_attention_shape shape, syl_ragged in, bool bias,
                      syl_dtype compute, int threads)
{
    bench b;
    syl_var *y;
    begin(&b, name, compute, threads, (const char *[]){"qkv", bias ? "bias" : NULL, NULL});
    OK(syl_nn_attention(b.tape, shape, shape.heads, in, b.var[0], bias ? b.var[1] : NULL, &y,
                        &err));
    check_layer(&b, y);
}

static void attentions(syl_dtype compute, int threads)
{
    attention("attention_full", (syl_attention_shape){.heads = 2, .left = -1, .right = -1},
              (syl_ragged){3, (int64_t[]){0, 150, 151, 182}}, false, compute, threads);
    attention("attention_causal", (syl_attention_shape){.heads = 2, .left = -1, .right = 0},
              (syl_ragged){2, (int64_t[]){0, 150, 181}}, false, compute, threads);
    attention("attention_window", (syl_attention_shape){.heads = 2, .left = 20, .right = 5},
              (syl_ragged){3, (int64_t[]){0, 200, 203, 236}}, true, compute, threads);
}

static void embedding(syl_dtype compute, int threads)
{
    bench b;
    syl_var *y;
    begin(&b, "embedding", compute, threads, (const char *[]){"table", NULL});
    OK(syl_nn_embedding(b.tape, b.var[0], ints(&b, "ids"), 6, &y, &err));
    check_layer(&b, y);
}

/* ---- losses ----------------------------------------------------------------------------- */

static void losses(syl_dtype compute, int threads)
{
    bench b;
    double loss;
    begin(&b, "squared", compute, threads, (const char *[]){"x", NULL});
    OK(syl_loss_squared(b.tape, b.var[0], syl_mat_of(floats(&b, "target"), SYL_F32, 6, 10),
                        1.0f / 6, &loss, &err));
    check_loss(&b, loss);
    begin(&b, "cross_entropy", compute, threads, (const char *[]){"x", NULL});
    OK(syl_loss_cross_entropy(b.tape, b.var[0], ints(&b, "target"), 1.0f / 4, &loss, &err));
    check_loss(&b, loss);
    begin(&b, "cosine", compute, threads, (const char *[]){"x", "t", NULL});
    OK(syl_loss_cosine(b.tape, b.var[0], b.var[1], 1.0f / 6, &loss, &err));
    check_loss(&b, loss);
    begin(&b, "info_nce", compute, threads, (const char *[]){"a", "b", NULL});
    OK(syl_loss_info_nce(b.tape, b.var[0], b.var[1], 0.1f, 1.0f / 8, &loss, &err));
    check_loss(&b, loss);
    begin(&b, "sampled", compute, threads, (const char *[]){"x", "table", NULL});
    syl_sample sample = {ints(&b, "target"), ints(&b, "sampled"), 6, floats(&b, "log_t"),
                         floats(&b, "log_s")};
    OK(syl_loss_sampled(b.tape, b.var[0], b.var[1], sample, 1.0f / 5, &loss, &err));
    check_loss(&b, loss);
}

/* ---- what no fixture can hold -------------------------------------------------------------- */

static void adamw_with_clipping(void **state)
{
    bench b = {.name = "adamw", .compute = SYL_F32};
    syl_param_set set = {0};
    syl_param *p;
    syl_optimizer o = {
        .adamw = {.lr = 3e-2f, .beta1 = .9f, .beta2 = .95f, .eps = 1e-4f, .weight_decay = .1f},
        .clip = 10};
    double norm;
    (void)state;
    OK(syl_ctx_create(&b.ctx, 1, &err));
    OK(syl_param_add(&set, "start", (int64_t[]){50, 0}, false, &p, &err));
    OK(syl_param_set_finish(&set, &err));
    OK(syl_param_set_load(&set, fixture, "adamw.", &err));
    OK(syl_optimizer_start(&o, &set, &err));
    const float *grads = floats(&b, "grads");
    for (int step = 0; step < 10; step++) {
        memcpy(p->grad.data, grads + 50 * step, 50 * sizeof *grads);
        syl_optimizer_update(b.ctx, &o, &set, 1, &norm);
    }
    compare(&b, "end", p->value.data, floats(&b, "end"), 50);
    syl_optimizer_free(&o);
    syl_param_set_free(&set);
    free(b.loose[0]);
    free(b.loose[1]);
    syl_ctx_free(b.ctx);
}

/* A frozen weight gets no gradient, the input before it does. */
static void frozen_weights_pass_gradients_on(void **state)
{
    bench b;
    syl_var *y;
    syl_mat grad;
    bool accumulate;
    (void)state;
    begin(&b, "linear", SYL_F32, 1, (const char *[]){"x", "w", "b", NULL});
    b.leaf[1]->frozen = b.leaf[2]->frozen = true;
    OK(syl_tape_param(b.tape, b.leaf[1], &b.var[1], &err));
    OK(syl_tape_param(b.tape, b.leaf[2], &b.var[2], &err));
    OK(syl_nn_linear(b.tape, b.var[0], b.var[1], b.var[2], &y, &err));
    OK(syl_var_grad(b.tape, y, &grad, &accumulate, &err));
    memcpy(grad.data, floats(&b, "dy"), 13 * 23 * sizeof(float));
    OK(syl_tape_backward(b.tape, &err));
    compare(&b, "dx", b.leaf[0]->grad.data, floats(&b, "dx"), 13 * 19);
    for (int i = 0; i < 23 * 19; i++)
        assert_true(((float *)b.leaf[1]->grad.data)[i] == 0);
    end(&b);
}

/* Dropout keeps 1 - p, scales by 1 / (1 - p), and drops the same in the backward. */
static void dropout_is_its_own_gradient(void **state)
{
    enum { N = 100000 };
    bench b = {0};
    syl_param_set set = {0};
    syl_param *p;
    syl_var *x, *y, *same;
    syl_mat grad;
    bool accumulate;
    int kept = 0;
    (void)state;
    OK(syl_ctx_create(&b.ctx, 2, &err));
    OK(syl_tape_create(&b.tape, b.ctx, &err));
    OK(syl_param_add(&set, "x", (int64_t[]){100, N / 100, 0}, false, &p, &err));
    OK(syl_param_set_finish(&set, &err));
    syl_fill(b.ctx, 2, p->value);
    syl_tape_clear(b.tape, (syl_tape_options){.training = true, .seed = 5, .step = 9});
    OK(syl_tape_param(b.tape, p, &x, &err));
    OK(syl_nn_dropout(b.tape, .3f, x, &y, &err));
    OK(syl_nn_dropout(b.tape, .3f, x, &same, &err));
    OK(syl_var_grad(b.tape, y, &grad, &accumulate, &err));
    syl_fill(b.ctx, 1, grad);
    OK(syl_tape_backward(b.tape, &err));
    int differ = 0;
    for (int i = 0; i < N; i++) {
        float v = ((float *)y->value.data)[i], d = ((float *)p->grad.data)[i];
        assert_true(v == 0 || fabsf(v - 2 / .7f) < 1e-5f);
        assert_true(fabsf(v - 2 * d) < 1e-5f);
        kept += v != 0;
        differ += v != ((float *)same->value.data)[i];
    }
    assert_in_range(kept, N * .69, N * .71);
    assert_true(differ > N / 3); /* the next layer draws anew */
    syl_tape_free(b.tape);
    syl_ctx_free(b.ctx);
    syl_param_set_free(&set);
}

/* The sum of `weight` times the attention of x, with dropout; its gradient goes to grad. */
static double attention_sum(bench *b, syl_param *x, const float *weight)
{
    syl_var *v, *y;
    syl_mat grad;
    bool accumulate;
    double sum = 0;
    syl_attention_shape shape = {.heads = 2, .left = 5, .right = 3, .dropout = .4f};
    syl_ragged two = {2, (int64_t[]){0, 13, 20}};
    syl_tape_clear(b->tape, (syl_tape_options){.training = true, .seed = 3, .step = 1});
    syl_fill(b->ctx, 0, x->grad);
    OK(syl_tape_param(b->tape, x, &v, &err));
    OK(syl_nn_attention(b->tape, shape, 2, two, v, NULL, &y, &err));
    OK(syl_var_grad(b->tape, y, &grad, &accumulate, &err));
    for (int i = 0; i < 20 * 8; i++) {
        ((float *)grad.data)[i] = weight[i];
        sum += (double)weight[i] * ((float *)y->value.data)[i];
    }
    OK(syl_tape_backward(b->tape, &err));
    return sum;
}

/* Finite differences, since PyTorch draws other numbers. */
static void attention_with_dropout(void **state)
{
    enum { N = 20 * 24 };
    bench b = {0};
    syl_param_set set = {0};
    syl_param *x;
    syl_random random = {.seed = 1};
    float weight[20 * 8], slope[N];
    const float step = 1e-2f;
    (void)state;
    OK(syl_ctx_create(&b.ctx, 1, &err));
    OK(syl_tape_create(&b.tape, b.ctx, &err));
    OK(syl_param_add(&set, "x", (int64_t[]){20, 24, 0}, false, &x, &err));
    OK(syl_param_set_finish(&set, &err));
    for (int i = 0; i < N; i++)
        ((float *)x->value.data)[i] = syl_random_normal(&random);
    for (int i = 0; i < 20 * 8; i++)
        weight[i] = syl_random_normal(&random);
    attention_sum(&b, x, weight);
    memcpy(slope, x->grad.data, sizeof slope);
    for (int i = 0; i < N; i += 7) {
        float *at = (float *)x->value.data + i, value = *at;
        *at = value + step;
        double up = attention_sum(&b, x, weight);
        *at = value - step;
        double down = attention_sum(&b, x, weight);
        *at = value;
        assert_float_equal((up - down) / (2 * step), slope[i], 2e-3 * (1 + fabsf(slope[i])));
    }
    syl_tape_free(b.tape);
    syl_ctx_free(b.ctx);
    syl_param_set_free(&set);
}

static void schedules(void **state)
{
    syl_schedule s = {SYL_COSINE, 10, 110, .05};
    (void)state;
    assert_float_equal(syl_schedule_factor(&s, 0), .1, 1e-9);
    assert_float_equal(syl_schedule_factor(&s, 9), 1, 1e-9);
    assert_float_equal(syl_schedule_factor(&s, 60), .525, 1e-9);
    assert_float_equal(syl_schedule_factor(&s, 500), .05, 1e-9);
    s.kind = SYL_LINEAR;
    assert_float_equal(syl_schedule_factor(&s, 60), .525, 1e-9);
    s.kind = SYL_CONSTANT;
    assert_float_equal(syl_schedule_factor(&s, 500), 1, 1e-9);
}

#define EACH_WAY(name)                    \
    static void name##_each_way(void **s) \
    {                                     \
        (void)s;                          \
        each_way(name);                   \
    }
EACH_WAY(linear)
EACH_WAY(convs)
EACH_WAY(positional)
EACH_WAY(norms)
EACH_WAY(activations)
EACH_WAY(attentions)
EACH_WAY(embedding)
EACH_WAY(losses)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_each_way),
        cmocka_unit_test(convs_each_way),
        cmocka_unit_test(positional_each_way),
        cmocka_unit_test(norms_each_way),
        cmocka_unit_test(activations_each_way),
        cmocka_unit_test(attentions_each_way),
        cmocka_unit_test(embedding_each_way),
        cmocka_unit_test(losses_each_way),
        cmocka_unit_test(adamw_with_clipping),
        cmocka_unit_test(frozen_weights_pass_gradients_on),
        cmocka_unit_test(dropout_is_its_own_gradient),
        cmocka_unit_test(attention_with_dropout),
        cmocka_unit_test(schedules),
    };
    fixture = golden_open("gradients.safetensors");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    syl_safetensors_free(fixture);
    return failed;
}
