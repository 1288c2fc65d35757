/* What language models add to the operations: rotary positions, gated products, attention whose
 * heads share keys, and the count of operations. Each against a plain version in double. */
#include "tests/golden/golden.h"

#include "lib/base/random.h"
#include "lib/compute/training.h"

static syl_ctx *ctx;
static syl_error err;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static int start(void **state)
{
    (void)state;
    return syl_ctx_create(&ctx, 2, &err) != SYL_OK;
}

static int stop(void **state)
{
    (void)state;
    syl_ctx_free(ctx);
    return 0;
}

/* Normally distributed, `gap` values between the rows; freed by the caller. */
static syl_mat random_mat(int64_t rows, int64_t cols, int64_t gap)
{
    static syl_random dice = {7, 0, 0};
    size_t n = (size_t)(rows * (cols + gap));
    float *data = malloc((n + 1) * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++)
        data[i] = syl_random_normal(&dice);
    syl_mat m = syl_mat_of(data, SYL_F32, rows, cols);
    m.stride = cols + gap;
    return m;
}

static syl_mat copy_of(syl_mat m)
{
    syl_mat c = random_mat(m.rows, m.cols, 0);
    syl_mat_copy(m, c);
    return c;
}

static float *at(syl_mat m, int64_t row, int64_t col)
{
    return (float *)m.data + row * m.stride + col;
}

static void assert_same(const char *what, syl_mat a, syl_mat b, double tolerance)
{
    for (int64_t t = 0; t < a.rows; t++)
        for (int64_t c = 0; c < a.cols; c++) {
            double d = fabs((double)*at(a, t, c) - *at(b, t, c));
            if (!(d <= tolerance * (1 + fabs(*at(b, t, c)))))
                fail_msg("%s: row %d column %d is %g, expected %g", what, (int)t, (int)c,
                         *at(a, t, c), *at(b, t, c));
        }
}

/* ---- rotary positions ------------------------------------------------------------------------ */

static void check_rotate(int64_t rows, int heads, int dim, bool adjacent)
{
    int32_t position[70];
    syl_mat turns = random_mat(9, dim, 0), x = random_mat(rows, heads * dim, 3), was = copy_of(x);
    for (int p = 0; p < 9; p++)
        for (int i = 0; i < dim / 2; i++) {
            double angle = p * pow(100.0, -2.0 * i / dim);
            *at(turns, p, 2 * i) = (float)cos(angle);
            *at(turns, p, 2 * i + 1) = (float)sin(angle);
        }
    for (int64_t t = 0; t < rows; t++)
        position[t] = (int32_t)(t * 5 % 9);
    syl_rotate(ctx, turns, position, adjacent, false, x);
    for (int64_t t = 0; t < rows; t++)
        for (int h = 0; h < heads; h++)
            for (int i = 0; i < dim / 2; i++) {
                int a = h * dim + (adjacent ? 2 * i : i), b = adjacent ? a + 1 : a + dim / 2;
                double angle = position[t] * pow(100.0, -2.0 * i / dim);
                double u = *at(was, t, a), v = *at(was, t, b);
                assert_true(fabs(*at(x, t, a) - (u * cos(angle) - v * sin(angle))) < 1e-5);
                assert_true(fabs(*at(x, t, b) - (u * sin(angle) + v * cos(angle))) < 1e-5);
            }
    syl_rotate(ctx, turns, position, adjacent, true, x);
    assert_same("turned there and back", x, was, 1e-5);
    free(turns.data), free(x.data), free(was.data);
}

static void test_rotate(void **state)
{
    static const int64_t rows[] = {0, 1, 33, 70};
    (void)state;
    for (int i = 0; i < 8; i++) {
        check_rotate(rows[i / 2], 1, 2, i % 2);
        check_rotate(rows[i / 2], 3, 34, i % 2);
        check_rotate(rows[i / 2], 9, 64, i % 2);
    }
}

/* ---- gated products -------------------------------------------------------------------------- */

static void assert_near(const char *what, double x, double want)
{
    if (!(fabs(x - want) <= 1e-5 * (1 + fabs(want))))
        fail_msg("%s: %.9g, expected %.9g", what, x, want);
}

static double plain_value(syl_function f, double x)
{
    if (f == SYL_GELU_ERF) return 0.5 * x * (1 + erf(x / sqrt(2)));
    if (f == SYL_GELU_TANH)
        return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    if (f == SYL_SILU) return x / (1 + exp(-x));
    return x > 0 ? x : 0;
}

static double plain_slope(syl_function f, double x)
{
    double h = 1e-5;
    return (plain_value(f, x + h) - plain_value(f, x - h)) / (2 * h);
}

static void check_gated(syl_function f, int64_t rows, int64_t cols, bool accumulate)
{
    syl_mat ab = random_mat(rows, 2 * cols, 1), dy = random_mat(rows, cols, 2);
    syl_mat a = syl_mat_cols(ab, 0, cols), b = syl_mat_cols(ab, cols, cols);
    syl_mat y = random_mat(rows, cols, 3), d = random_mat(rows, 2 * cols, 1), was = copy_of(d);
    syl_gated(ctx, f, a, b, y);
    syl_gated_backward(ctx, f, a, b, dy, accumulate, syl_mat_cols(d, 0, cols),
                       syl_mat_cols(d, cols, cols));
    for (int64_t t = 0; t < rows; t++)
        for (int64_t c = 0; c < cols; c++) {
            double u = *at(a, t, c), v = *at(b, t, c), g = *at(dy, t, c);
            double da = plain_slope(f, u) * v * g, db = plain_value(f, u) * g;
            if (accumulate) da += *at(was, t, c), db += *at(was, t, cols + c);
            assert_near("gated", *at(y, t, c), plain_value(f, u) * v);
            if (fabs(u) > 1e-4) /* not across the corner of ReLU */
                assert_near("gradient of the gate", *at(d, t, c), da);
            assert_near("gradient of the gated", *at(d, t, cols + c), db);
        }
    free(ab.data), free(dy.data), free(y.data), free(d.data), free(was.data);
}

static void test_gated(void **state)
{
    (void)state;
    for (int f = SYL_GELU_ERF; f <= SYL_RELU; f++)
        for (int i = 0; i < 2; i++) {
            check_gated((syl_function)f, 0, 5, i);
            check_gated((syl_function)f, 1, 1, i);
            check_gated((syl_function)f, 31, 33, i);
            check_gated((syl_function)f, 300, 257, i);
        }
}

/* ---- heads that share keys ------------------------------------------------------------------- */

typedef struct heads {
    int count, of_keys, dim;
} heads;

/* Each head of keys as often as heads of queries share it. */
static syl_mat repeated(heads h, syl_mat k)
{
    syl_mat all = random_mat(k.rows, h.count * h.dim, 0);
    for (int i = 0; i < h.count; i++)
        syl_mat_copy(syl_mat_cols(k, i / (h.count / h.of_keys) * h.dim, h.dim),
                     syl_mat_cols(all, i * h.dim, h.dim));
    return all;
}

/* The sum over the heads that share one. */
static syl_mat summed(heads h, syl_mat all)
{
    syl_mat k = random_mat(all.rows, h.of_keys * h.dim, 0);
    syl_fill(ctx, 0, k);
    for (int i = 0; i < h.count; i++)
        syl_add(ctx, syl_mat_cols(all, i * h.dim, h.dim),
                syl_mat_cols(k, i / (h.count / h.of_keys) * h.dim, h.dim));
    return k;
}

/* One query of one head of full keys, in double. */
static void attend_plain(syl_attention_mask m, int64_t head, int dim, int64_t i, syl_mat q,
                         syl_mat k, syl_mat v, double *out)
{
    double sum = 0;
    int64_t here = i + m.offset;
    for (int c = 0; c < dim; c++)
        out[c] = 0;
    for (int64_t j = 0; j < k.rows; j++) {
        double score = 0;
        if (m.left >= 0 && j < here - m.left) continue;
        if (m.right >= 0 && j > here + m.right) continue;
        for (int c = 0; c < dim; c++)
            score += (double)*at(q, i, head * dim + c) * *at(k, j, head * dim + c) / sqrt(dim);
        sum += exp(score);
        for (int c = 0; c < dim; c++)
            out[c] += exp(score) * *at(v, j, head * dim + c);
    }
    for (int c = 0; c < dim; c++)
        out[c] /= sum;
}

static void check_cached(heads h, int64_t queries, int64_t keys, syl_attention_mask mask)
{
    int64_t dim = h.of_keys * h.dim;
    syl_mat q = random_mat(queries, h.count * h.dim, 3), kv = random_mat(keys, 2 * dim, 1);
    syl_mat k = syl_mat_cols(kv, 0, dim), v = syl_mat_cols(kv, dim, dim);
    syl_mat all_k = repeated(h, k), all_v = repeated(h, v), y = random_mat(queries, q.cols, 2);
    double want[64];
    size_t mark = syl_ctx_mark(ctx);
    ok(syl_attention(ctx, h.count, mask, q, k, v, y, &err));
    assert_int_equal(syl_ctx_mark(ctx), mark);
    for (int64_t i = 0; i < queries; i++)
        for (int n = 0; n < h.count; n++) {
            attend_plain(mask, n, h.dim, i, q, all_k, all_v, want);
            for (int c = 0; c < h.dim; c++)
                if (fabs(*at(y, i, n * h.dim + c) - want[c]) > 1e-4)
                    fail_msg("%d queries, %d keys, left %d, right %d: query %d is %g, not %g",
                             (int)queries, (int)keys, (int)mask.left, (int)mask.right, (int)i,
                             *at(y, i, n * h.dim + c), want[c]);
        }
    free(q.data), free(kv.data), free(all_k.data), free(all_v.data), free(y.data);
}

/* Few queries and many, causal and with either side open or bounded, from the first key on and
 * behind others. */
static void test_cached(void **state)
{
    static const heads shapes[] = {{4, 4, 6}, {4, 2, 5}, {9, 3, 64}, {5, 1, 7}};
    static const int64_t queries[] = {0, 1, 2, 8, 9, 33, 131},
                         sides[][2] = {{-1, 0}, {-1, -1}, {-1, 3}, {3, -1}, {20, 0}};
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
            for (size_t m = 0; m < sizeof sides / sizeof *sides; m++)
                for (int before = 0; before <= 40; before += 40) {
                    syl_attention_mask mask = {
                        .left = sides[m][0], .right = sides[m][1], .offset = before};
                    check_cached(shapes[s], queries[i], queries[i] + before, mask);
                }
}

/* Forward and backward are those of the repeated keys. */
static void check_shared_training(heads h, int64_t right, float dropout)
{
    const int64_t begin[] = {0, 3, 3, 4, 140};
    syl_ragged sequences = {4, begin};
    syl_attention_shape shape = {h.count, -1, right, NULL, dropout, 5, 9};
    int64_t rows = 140, cols = h.count * h.dim, of_keys = h.of_keys * h.dim;
    syl_mat q = random_mat(rows, cols, 0), k = random_mat(rows, of_keys, 2);
    syl_mat v = random_mat(rows, of_keys, 0), dy = random_mat(rows, cols, 0);
    syl_mat wide[2] = {repeated(h, k), repeated(h, v)}, y[2], dq[2], dk[2], dv[2], lse[2];
    for (int i = 0; i < 2; i++) {
        int64_t n = i ? cols : of_keys;
        y[i] = random_mat(rows, cols, 0), dq[i] = random_mat(rows, cols, 0);
        dk[i] = random_mat(rows, n, 1), dv[i] = random_mat(rows, n, 0);
        lse[i] = random_mat(h.count, rows, 0);
        syl_mat keys = i ? wide[0] : k, values = i ? wide[1] : v;
        ok(syl_attention_forward(ctx, shape, sequences, q, keys, values, y[i], lse[i].data, &err));
        ok(syl_attention_backward(ctx, shape, sequences, q, keys, values, y[i], lse[i].data, dy,
                                  dq[i], dk[i], dv[i], NULL, &err));
    }
    syl_mat sum_k = summed(h, dk[1]), sum_v = summed(h, dv[1]);
    assert_same("y", y[0], y[1], 1e-5);
    assert_same("lse", lse[0], lse[1], 1e-5);
    assert_same("dq", dq[0], dq[1], 1e-5);
    assert_same("dk", dk[0], sum_k, 1e-4);
    assert_same("dv", dv[0], sum_v, 1e-4);
    for (int i = 0; i < 2; i++) {
        free(wide[i].data), free(y[i].data), free(dq[i].data), free(dk[i].data);
        free(dv[i].data), free(lse[i].data);
    }
    free(q.data), free(k.data), free(v.data), free(dy.data), free(sum_k.data), free(sum_v.data);
}

static void test_shared_training(void **state)
{
    (void)state;
    check_shared_training((heads){4, 2, 6}, 0, 0);
    check_shared_training((heads){6, 2, 5}, -1, 0);
    check_shared_training((heads){3, 1, 8}, 0, 0.2f);
    check_shared_training((heads){2, 2, 8}, 0, 0);
}

static void test_attention_refused(void **state)
{
    syl_attention_mask causal = {.left = -1};
    syl_mat q = random_mat(2, 12, 0), k = random_mat(2, 8, 0), y = random_mat(2, 12, 0);
    static const struct {
        int heads, cols;
    } wrong[] = {{0, 8}, {5, 8}, {3, 6}, {3, 8}, {2, 8}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        syl_mat keys = syl_mat_cols(k, 0, wrong[i].cols);
        assert_int_equal(syl_attention(ctx, wrong[i].heads, causal, q, keys, keys, y, &err),
                         SYL_EINVAL);
    }
    free(q.data), free(k.data), free(y.data);
}

/* ---- counting -------------------------------------------------------------------------------- */

static void test_flops(void **state)
{
    syl_mat x = random_mat(7, 6, 0), w = random_mat(5, 6, 0), y = random_mat(7, 5, 0);
    syl_mat z = random_mat(7, 6, 0);
    syl_weight *weight;
    (void)state;
    double before = syl_ctx_flops(ctx);
    ok(syl_product(ctx, x, false, w, true, false, y, &err));
    assert_true(syl_ctx_flops(ctx) - before == 2 * 7 * 6 * 5);
    ok(syl_weight_linear(&weight, NULL, w.data, NULL, 5, 6, SYL_F32, &err));
    ok(syl_linear(ctx, weight, x, SYL_ACT_NONE, false, y, &err));
    assert_true(syl_ctx_flops(ctx) - before == 4 * 7 * 6 * 5);
    before = syl_ctx_flops(ctx);
    ok(syl_attention(ctx, 2, (syl_attention_mask){.left = -1}, x, x, x, z, &err));
    assert_true(syl_ctx_flops(ctx) - before == 4 * 6 * (7 * 8 / 2));
    before = syl_ctx_flops(ctx);
    ok(syl_attention(ctx, 2, (syl_attention_mask){-1, -1, 0, NULL}, x, x, x, z, &err));
    assert_true(syl_ctx_flops(ctx) - before == 4 * 6 * 7 * 7);
    syl_weight_free(weight);
    free(x.data), free(w.data), free(y.data), free(z.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotate),
        cmocka_unit_test(test_gated),
        cmocka_unit_test(test_cached),
        cmocka_unit_test(test_shared_training),
        cmocka_unit_test(test_attention_refused),
        cmocka_unit_test(test_flops),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
