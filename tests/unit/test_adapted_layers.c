/* Layers of Llama and low-rank adapters on the tape, by finite differences: gated products, rotary
 * positions in both layouts, heads that share keys, adapters with dropout of columns of a product.
 */
#include "tests/golden/golden.h"

#include "lib/base/random.h"
#include "lib/nn/layers.h"

static syl_error err;

#define OK(call)                                                      \
    do {                                                              \
        if ((call) != SYL_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

#define ROWS 11
#define MAX_LEAVES 4

typedef struct bench bench;
struct bench {
    syl_ctx *ctx;
    syl_tape *tape;
    syl_param_set set;
    syl_param *leaf[MAX_LEAVES];
    syl_var *var[MAX_LEAVES];
    int leaves;
    /* y of var; other numbers are what a case likes. */
    syl_status (*layer)(bench *b, syl_var **y);
    bool flag;
    int64_t at;
    float dropout, upstream[ROWS * 64];
};

static const int64_t begins[] = {0, 6, 7, ROWS};

/* leaves: rows and columns of each, ended by zeros. */
static void start(bench *b, const int64_t (*leaves)[2], syl_status (*layer)(bench *, syl_var **))
{
    syl_random random = {.seed = 11};
    memset(b, 0, sizeof *b);
    b->layer = layer;
    OK(syl_ctx_create(&b->ctx, 1, &err));
    OK(syl_tape_create(&b->tape, b->ctx, &err));
    for (; leaves[b->leaves][0]; b->leaves++) {
        const int64_t dims[] = {leaves[b->leaves][0], leaves[b->leaves][1], 0};
        OK(syl_param_add(&b->set, "leaf", dims, false, &b->leaf[b->leaves], &err));
    }
    OK(syl_param_set_finish(&b->set, &err));
    for (int64_t i = 0; i < b->set.size; i++)
        b->set.values.data[i] = syl_random_normal(&random);
    for (size_t i = 0; i < sizeof b->upstream / sizeof *b->upstream; i++)
        b->upstream[i] = syl_random_normal(&random);
}

static void finish(bench *b)
{
    syl_tape_free(b->tape);
    syl_ctx_free(b->ctx);
    syl_param_set_free(&b->set);
}

/* The sum of y times `upstream`; gradients go to the leaves. */
static double run(bench *b)
{
    syl_var *y;
    syl_mat grad;
    bool accumulate;
    double sum = 0;
    syl_tape_clear(b->tape, (syl_tape_options){.training = true, .seed = 3, .step = 1});
    syl_param_set_zero_grads(b->ctx, &b->set);
    for (int i = 0; i < b->leaves; i++)
        OK(syl_tape_param(b->tape, b->leaf[i], &b->var[i], &err));
    OK(b->layer(b, &y));
    OK(syl_var_grad(b->tape, y, &grad, &accumulate, &err));
    for (int64_t i = 0; i < y->value.rows * y->value.cols; i++) {
        ((float *)grad.data)[i] = b->upstream[i];
        sum += (double)b->upstream[i] * (double)((float *)y->value.data)[i];
    }
    OK(syl_tape_backward(b->tape, &err));
    return sum;
}

static void check(bench *b)
{
    float *slope = malloc((size_t)b->set.size * sizeof *slope), step = 4e-3f;
    run(b);
    memcpy(slope, b->set.grads.data, (size_t)b->set.size * sizeof *slope);
    for (int64_t i = 0; i < b->set.size; i++) {
        float *at = b->set.values.data + i, value = *at;
        *at = value + step;
        double up = run(b);
        *at = value - step;
        double down = run(b), got = (up - down) / (2 * (double)step);
        *at = value;
        assert_float_equal(got, slope[i], 2e-3 * fabs(slope[i]) + 4e-3);
    }
    free(slope);
}

/* ---- the layers ---------------------------------------------------------------------------- */

static syl_status gated(bench *b, syl_var **y)
{
    return syl_nn_gated(b->tape, SYL_SILU, b->var[0], y, &err);
}

static void gated_halves(void **state)
{
    bench b;
    (void)state;
    start(&b, (const int64_t[][2]){{ROWS, 14}, {0, 0}}, gated);
    check(&b);
    const float *x = b.leaf[0]->value.data;
    syl_var *y;
    run(&b);
    OK(gated(&b, &y));
    assert_float_equal(((float *)y->value.data)[3], x[3] / (1 + exp(-x[3])) * x[10], 1e-6);
    finish(&b);
}

static syl_status rotated(bench *b, syl_var **y)
{
    static float turns[6 * 4];
    static int32_t position[ROWS];
    for (int p = 0; p < 6; p++)
        for (int i = 0; i < 2; i++) {
            turns[4 * p + 2 * i] = cosf((float)p / (float)(1 + i));
            turns[4 * p + 2 * i + 1] = sinf((float)p / (float)(1 + i));
        }
    for (int s = 0; s < 3; s++)
        for (int64_t t = begins[s]; t < begins[s + 1]; t++)
            position[t] = (int32_t)(t - begins[s]);
    syl_rotation by = {.turns = syl_mat_of(turns, SYL_F32, 6, 4),
                       .position = position,
                       .adjacent = b->flag,
                       .cols = 8};
    return syl_nn_rotate(b->tape, by, b->var[0], y, &err);
}

/* Rotations keep lengths, the first position of a sequence stays, and so do columns behind. */
static void rotary_positions(void **state)
{
    (void)state;
    for (int adjacent = 0; adjacent < 2; adjacent++) {
        bench b;
        syl_var *y;
        start(&b, (const int64_t[][2]){{ROWS, 12}, {0, 0}}, rotated);
        b.flag = adjacent;
        check(&b);
        const float *x = b.leaf[0]->value.data;
        run(&b);
        OK(rotated(&b, &y));
        const float *turned = y->value.data;
        assert_memory_equal(turned + 7 * 12, x + 7 * 12, 12 * sizeof *x);
        assert_memory_equal(turned + 3 * 12 + 8, x + 3 * 12 + 8, 4 * sizeof *x);
        double before = 0, after = 0, moved = 0;
        for (int i = 36; i < 40; i++) {
            before += (double)x[i] * x[i];
            after += (double)turned[i] * turned[i];
            moved += fabs(turned[i] - x[i]);
        }
        assert_float_equal(before, after, 1e-5);
        assert_true(moved > 0.1);
        finish(&b);
    }
}

static syl_status attended(bench *b, syl_var **y)
{
    syl_attention_shape causal = {.heads = 4, .left = -1, .right = 0, .dropout = b->dropout};
    return syl_nn_attention(b->tape, causal, 2, (syl_ragged){3, begins}, b->var[0], NULL, y, &err);
}

/* The same with each head's own copy of the keys and values that it shares. */
static void like_copies(bench *b)
{
    enum { HEAD = 3, GROUPED = 8 * HEAD, WHOLE = 12 * HEAD };
    static float copies[ROWS * WHOLE], want[ROWS * 4 * HEAD];
    const float *x = b->leaf[0]->value.data;
    syl_attention_shape causal = {.heads = 4, .left = -1, .right = 0};
    syl_var *y, *whole;
    for (int t = 0; t < ROWS; t++)
        for (int part = 0; part < 3; part++)
            for (int h = 0; h < 4; h++)
                memcpy(copies + t * WHOLE + (part * 4 + h) * HEAD,
                       x + t * GROUPED + (part ? 4 + (part - 1) * 2 + h / 2 : h) * HEAD,
                       HEAD * sizeof *x);
    run(b);
    OK(attended(b, &y));
    memcpy(want, y->value.data, sizeof want);
    OK(syl_tape_input(b->tape, syl_mat_of(copies, SYL_F32, ROWS, WHOLE), false, &whole, &err));
    OK(syl_nn_attention(b->tape, causal, 4, (syl_ragged){3, begins}, whole, NULL, &y, &err));
    assert_close("grouped", y->value.data, want, ROWS * 4 * HEAD, 1e-6);
}

static void grouped_heads(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        bench b;
        start(&b, (const int64_t[][2]){{ROWS, 8 * 3}, {0, 0}}, attended);
        b.dropout = drop ? .3f : 0;
        check(&b);
        if (!drop) like_copies(&b);
        finish(&b);
    }
}

/* x, w [9][5], down [2][5], up [4][2]; the adapter's columns begin at b->at; with b->flag a second
 * adapter follows, and x is used once more. */
static syl_status adapted(bench *b, syl_var **y)
{
    syl_low_rank by = {
        .down = b->leaf[2], .up = b->leaf[3], .at = b->at, .scale = 1.5f, .dropout = b->dropout};
    syl_var *again;
    SYL_TRY(syl_nn_linear(b->tape, b->var[0], b->var[1], NULL, y, &err));
    SYL_TRY(syl_nn_low_rank(b->tape, &by, b->var[0], y, &err));
    if (!b->flag) return SYL_OK;
    by.at = 0;
    SYL_TRY(syl_nn_low_rank(b->tape, &by, b->var[0], y, &err));
    SYL_TRY(syl_nn_linear(b->tape, b->var[0], b->var[1], NULL, &again, &err));
    return syl_nn_add(b->tape, *y, again, y, &err);
}

static void low_rank_adapters(void **state)
{
    (void)state;
    for (int bits = 0; bits < 4; bits++) {
        bench b;
        start(&b, (const int64_t[][2]){{ROWS, 5}, {9, 5}, {2, 5}, {4, 2}, {0, 0}}, adapted);
        b.at = 5;
        b.flag = bits & 1;
        b.dropout = bits & 2 ? .3f : 0;
        check(&b);
        finish(&b);
    }
}

/* The base stays frozen: no gradient of it is computed, those of the input and the adapter are the
 * same. Outside training nothing is dropped. */
static void frozen_base(void **state)
{
    bench b;
    float grads[ROWS * 5 + 9 * 5 + 2 * 5 + 4 * 2];
    (void)state;
    start(&b, (const int64_t[][2]){{ROWS, 5}, {9, 5}, {2, 5}, {4, 2}, {0, 0}}, adapted);
    run(&b);
    memcpy(grads, b.set.grads.data, sizeof grads);
    assert_int_equal(b.set.size * sizeof *grads, sizeof grads);
    b.leaf[1]->frozen = true;
    double sum = run(&b);
    for (int64_t i = 0; i < b.set.size; i++) {
        bool base = i >= b.leaf[1]->offset && i < b.leaf[2]->offset;
        assert_true(b.set.grads.data[i] == (base ? 0 : grads[i]));
    }
    syl_var *y;
    b.dropout = .5f;
    assert_true(fabs(run(&b) - sum) > 1e-3);
    syl_tape_clear(b.tape, (syl_tape_options){.seed = 3});
    for (int i = 0; i < b.leaves; i++)
        OK(syl_tape_param(b.tape, b.leaf[i], &b.var[i], &err));
    OK(adapted(&b, &y));
    double plain = 0;
    for (int i = 0; i < ROWS * 9; i++)
        plain += (double)b.upstream[i] * (double)((float *)y->value.data)[i];
    assert_float_equal(plain, sum, 1e-9);
    finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gated_halves),  cmocka_unit_test(rotary_positions),
        cmocka_unit_test(grouped_heads), cmocka_unit_test(low_rank_adapters),
        cmocka_unit_test(frozen_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
