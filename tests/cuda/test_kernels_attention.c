/* Attention's kernels against the CPU backend: every mask, dtype and gradient, on ragged sequences
 * of awkward lengths. */
#include "tests/cuda/memory.h"

#include "lib/compute/cuda/kernels.h"
#include "lib/compute/training.h"

#define MAX_SEQUENCES 8
#define MAX_TILES 64

typedef struct attention_case {
    const char *name;
    int heads, head_dim;
    int64_t left, right;
    bool biased;
    float dropout;
    bool bf16;          /* of q, k, v */
    bool narrow_result; /* y in bf16 */
    bool joint;         /* q, k, v are columns of one matrix */
    int lengths[MAX_SEQUENCES];
    int count;
    int group; /* heads of q that share one of k and v; 0 as 1 */
} attention_case;

typedef struct tile_list {
    syl_cuda_tile tile[MAX_TILES];
    int n;
} tile_list;

static void add_tile(tile_list *l, syl_cuda_tile t)
{
    assert_true(l->n < MAX_TILES);
    l->tile[l->n++] = t;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static tile_list query_tiles(const int64_t *begin, int count)
{
    tile_list l = {.n = 0};
    for (int i = 0; i < count; i++) {
        int from = (int)begin[i], to = (int)begin[i + 1];
        for (int q = from; q < to; q += SYL_CUDA_QUERIES)
            add_tile(&l,
                     (syl_cuda_tile){q, least(q + SYL_CUDA_QUERIES, to), from, to, q - from, from});
    }
    return l;
}

static tile_list key_tiles(const int64_t *begin, int count)
{
    tile_list l = {.n = 0};
    for (int i = 0; i < count; i++) {
        int from = (int)begin[i], to = (int)begin[i + 1];
        for (int k = from; k < to; k += SYL_CUDA_QUERIES)
            add_tile(&l,
                     (syl_cuda_tile){from, to, k, least(k + SYL_CUDA_QUERIES, to), k - from, from});
    }
    return l;
}

/* ---- one case ---------------------------------------------------------------------------- */

/* Host matrices of a case, and what the CPU says. All [rows][cols], lse [heads][rows]. */
typedef struct expected {
    syl_ctx *ctx;
    int64_t rows, cols, key_cols, stride, width, begin[MAX_SEQUENCES + 1];
    float *q, *k, *v; /* [rows][stride] each; when joint, parts of q's memory */
    float *bias;
    float *y, *lse, *dy, *dq, *dk, *dv, *dbias;
} expected;

static syl_attention_shape shape_of(const attention_case *c, const expected *e)
{
    return (syl_attention_shape){.heads = c->heads,
                                 .left = c->left,
                                 .right = c->right,
                                 .rel_bias = c->biased ? e->bias : NULL,
                                 .dropout = c->dropout,
                                 .seed = 5,
                                 .stream = 9};
}

static syl_mat host_mat(float *x, const expected *e, int64_t stride)
{
    syl_mat m = syl_mat_of(x, SYL_F32, e->rows, e->cols);
    m.stride = stride;
    return m;
}

static syl_mat host_keys(float *x, const expected *e, int64_t stride)
{
    return syl_mat_cols(host_mat(x, e, stride), 0, e->key_cols);
}

static void make_inputs(const attention_case *c, expected *e)
{
    e->cols = c->heads * c->head_dim;
    e->key_cols = e->cols / (c->group ? c->group : 1);
    e->stride = c->joint ? 3 * e->cols : e->cols;
    for (int i = 0; i < c->count; i++)
        e->begin[i + 1] = e->begin[i] + c->lengths[i];
    e->rows = e->begin[c->count];
    size_t n = (size_t)(e->rows * e->cols);
    e->q = random_floats(1, 3 * n);
    if (c->bf16) round_to_bf16(e->q, 3 * n);
    e->k = e->q + (c->joint ? (size_t)e->cols : n);
    e->v = e->q + (c->joint ? 2 * (size_t)e->cols : 2 * n);
    e->width = c->biased ? c->left + c->right + 1 : 0;
    e->bias = random_floats(4, (size_t)(c->heads * e->width));
    e->dy = random_floats(5, n);
    e->dbias = random_floats(6, (size_t)(c->heads * e->width));
}

static void run_on_cpu(const attention_case *c, expected *e)
{
    size_t n = (size_t)(e->rows * e->cols) * sizeof(float);
    syl_ragged sequences = {c->count, e->begin};
    syl_mat q = host_mat(e->q, e, e->stride), k = host_keys(e->k, e, e->stride);
    syl_mat v = host_keys(e->v, e, e->stride);
    e->y = host_bytes(n), e->dq = host_bytes(n), e->dk = host_bytes(n), e->dv = host_bytes(n);
    e->lse = host_bytes((size_t)(c->heads * e->rows) * sizeof(float));
    assert_int_equal(syl_ctx_create(&e->ctx, 1, NULL), SYL_OK);
    syl_mat y = host_mat(e->y, e, e->cols), dy = host_mat(e->dy, e, e->cols);
    assert_int_equal(
        syl_attention_forward(e->ctx, shape_of(c, e), sequences, q, k, v, y, e->lse, NULL), SYL_OK);
    assert_int_equal(
        syl_attention_backward(e->ctx, shape_of(c, e), sequences, q, k, v, y, e->lse, dy,
                               host_mat(e->dq, e, e->cols), host_keys(e->dk, e, e->cols),
                               host_keys(e->dv, e, e->cols), c->biased ? e->dbias : NULL, NULL),
        SYL_OK);
    syl_ctx_free(e->ctx);
}

static syl_mat device_mat(void *p, syl_dtype dtype, int64_t rows, int64_t cols, int64_t stride)
{
    syl_mat m = syl_mat_of(p, dtype, rows, cols);
    m.stride = stride;
    return m;
}

/* q, k, v on the device in their dtype; one allocation, returned. */
static void *put_inputs(const attention_case *c, const expected *e, syl_cuda_attention *a)
{
    size_t n = 3 * (size_t)(e->rows * e->cols);
    uint16_t *half = bf16_of(e->q, n);
    void *p = c->bf16 ? device_bytes(half, n * sizeof *half) : device_floats(e->q, n);
    syl_dtype dtype = c->bf16 ? SYL_BF16 : SYL_F32;
    size_t size = c->bf16 ? 2 : 4;
    a->q = device_mat(p, dtype, e->rows, e->cols, e->stride);
    a->k = device_mat((uint8_t *)p + (size_t)(e->k - e->q) * size, dtype, e->rows, e->key_cols,
                      e->stride);
    a->v = device_mat((uint8_t *)p + (size_t)(e->v - e->q) * size, dtype, e->rows, e->key_cols,
                      e->stride);
    free(half);
    return p;
}

static void check_result(const attention_case *c, const expected *e, syl_mat y)
{
    size_t n = (size_t)(e->rows * e->cols);
    if (!c->narrow_result) {
        same_on_device("y", y.data, e->y, n, 1e-4);
        return;
    }
    uint16_t *half = host_bytes(n * sizeof *half);
    float *got = host_bytes(n * sizeof *got);
    fetch(half, y.data, n * sizeof *half);
    for (size_t i = 0; i < n; i++)
        got[i] = syl_bf16_to_f32(half[i]);
    same("y in bf16", got, e->y, n, 1e-2);
    free(half);
    free(got);
}

/* Gradients must not depend on what was there before: device memory is not cleared. */
static void check_backward(const attention_case *c, const expected *e, syl_cuda_attention *a)
{
    size_t n = (size_t)(e->rows * e->cols);
    float *dy = device_floats(e->dy, n), *dx = device_floats(NULL, 3 * n);
    float *start = random_floats(6, (size_t)(c->heads * e->width));
    float *dbias = device_floats(start, (size_t)(c->heads * e->width));
    a->dy = device_mat(dy, SYL_F32, e->rows, e->cols, e->cols);
    a->dq = device_mat(dx, SYL_F32, e->rows, e->cols, 3 * e->cols);
    a->dk = device_mat(dx + e->cols, SYL_F32, e->rows, e->key_cols, 3 * e->cols);
    a->dv = device_mat(dx + 2 * e->cols, SYL_F32, e->rows, e->key_cols, 3 * e->cols);
    a->delta = device_floats(NULL, (size_t)(c->heads * e->rows));
    a->drel_bias = c->biased ? dbias : NULL;
    a->partial_bias = device_floats(NULL, (size_t)(a->num_tiles * c->heads * e->width));
    ok(syl_cuda_attention_backward(0, a));
    float *got = host_bytes(3 * n * sizeof *got), *part = host_bytes(n * sizeof *part);
    fetch(got, dx, 3 * n * sizeof *got);
    const float *want[] = {e->dq, e->dk, e->dv};
    static const char *const name[] = {"dq", "dk", "dv"};
    for (int m = 0; m < 3; m++) {
        size_t bytes = (size_t)(m ? e->key_cols : e->cols) * sizeof *part;
        memset(part, 0, n * sizeof *part); /* behind fewer columns: as the expected ones */
        for (int64_t r = 0; r < e->rows; r++)
            memcpy(part + r * e->cols, got + (3 * r + m) * e->cols, bytes);
        same(name[m], part, want[m], n, c->narrow_result ? 2e-2 : 1e-4);
    }
    if (c->biased)
        same_on_device("drel_bias", dbias, e->dbias, (size_t)(c->heads * e->width), 1e-4);
    free(got), free(part), free(start);
    release(dy), release(dx), release(dbias), release(a->delta), release(a->partial_bias);
}

static void free_expected(expected *e)
{
    free(e->q), free(e->bias), free(e->y), free(e->lse);
    free(e->dy), free(e->dq), free(e->dk), free(e->dv), free(e->dbias);
}

static void check_case(const attention_case *c)
{
    expected e = {.ctx = NULL};
    if (getenv("TEST_ERRORS")) print_message("%s\n", c->name);
    make_inputs(c, &e);
    run_on_cpu(c, &e);
    size_t n = (size_t)(e.rows * e.cols);
    tile_list queries = query_tiles(e.begin, c->count), keys = key_tiles(e.begin, c->count);
    syl_cuda_attention a = {.heads = c->heads,
                            .head_dim = c->head_dim,
                            .group = c->group ? c->group : 1,
                            .num_tiles = queries.n,
                            .num_key_tiles = keys.n,
                            .tiles = device_bytes(queries.tile, sizeof queries.tile),
                            .key_tiles = device_bytes(keys.tile, sizeof keys.tile),
                            .left = c->left,
                            .right = c->right,
                            .scale = 1.0f / sqrtf((float)c->head_dim),
                            .dropout = c->dropout,
                            .seed = 5,
                            .stream = 9};
    float *bias = device_floats(e.bias, (size_t)(c->heads * e.width));
    void *inputs = put_inputs(c, &e, &a);
    a.rel_bias = c->biased ? bias : NULL;
    a.lse = device_floats(NULL, (size_t)(c->heads * e.rows));
    a.y = device_mat(device_floats(NULL, n), c->narrow_result ? SYL_BF16 : SYL_F32, e.rows, e.cols,
                     e.cols);
    ok(syl_cuda_attention_forward(0, &a));
    check_result(c, &e, a.y);
    same_on_device("lse", a.lse, e.lse, (size_t)(c->heads * e.rows), 1e-4);
    check_backward(c, &e, &a);
    release(a.tiles), release(a.key_tiles), release(bias), release(inputs);
    release(a.lse), release(a.y.data);
    free_expected(&e);
}

/* ---- cases ------------------------------------------------------------------------------- */

#define AWKWARD .lengths = {3, 0, 1, 66}, .count = 4
#define SHORT .lengths = {5, 2}, .count = 2

static void masks(void **state)
{
    static const attention_case cases[] = {
        {"full", 2, 8, -1, -1, .lengths = {31, 1, 70, 0, 2}, .count = 5},
        {"causal", 3, 4, -1, 0, AWKWARD},
        {"anti-causal", 1, 4, 0, -1, AWKWARD},
        {"window", 2, 8, 7, 2, AWKWARD},
        {"only itself", 1, 4, 0, 0, AWKWARD},
        {"wide window", 1, 8, 3, 40, .lengths = {150}, .count = 1},
        {"left unbounded", 1, 8, -1, 5, AWKWARD},
        {"right unbounded", 1, 8, 5, -1, AWKWARD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

static void biases(void **state)
{
    static const attention_case cases[] = {
        {"bias", 2, 8, 7, 2, .biased = true, AWKWARD},
        {"bias wider than the sequence", 1, 4, 90, 90, .biased = true, AWKWARD},
        {"bias and dropout", 2, 4, 5, 9, .biased = true, .dropout = 0.2f, AWKWARD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

static void dropouts(void **state)
{
    static const attention_case cases[] = {
        {"dropout", 2, 8, -1, -1, .dropout = 0.1f, AWKWARD},
        {"dropout in a window", 2, 4, 6, 3, .dropout = 0.5f, AWKWARD},
        {"causal dropout", 1, 24, -1, 0, .dropout = 0.3f, .joint = true, AWKWARD},
        {"dropout by twos", 1, 100, 5, 5, .dropout = 0.3f, SHORT},
        {"dropout one by one", 1, 130, 5, 5, .dropout = 0.3f, SHORT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

static void types_and_strides(void **state)
{
    static const attention_case cases[] = {
        {"joint qkv", 2, 8, -1, -1, .joint = true, AWKWARD},
        {"bf16", 2, 8, -1, -1, .bf16 = true, .joint = true, AWKWARD},
        {"bf16, result too", 2, 8, 4, 4, .bf16 = true, .narrow_result = true, AWKWARD},
        {"not aligned", 3, 7, -1, -1, .joint = true, AWKWARD},
        {"bf16, not aligned", 1, 6, 3, 3, .bf16 = true, .joint = true, AWKWARD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

static void shared_keys(void **state)
{
    static const attention_case cases[] = {
        {"two heads share", 4, 8, -1, 0, AWKWARD, .group = 2},
        {"all heads share", 3, 7, -1, -1, .joint = true, AWKWARD, .group = 3},
        {"bias and dropout", 4, 4, 5, 9, .biased = true, .dropout = 0.2f, AWKWARD, .group = 2},
        {"bf16", 6, 8, 4, 4, .bf16 = true, AWKWARD, .group = 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

/* Every instance of the kernels, and sizes that do not fill it. */
static void head_sizes(void **state)
{
    static const int dims[] = {1, 24, 32, 33, 64, 80, 96, 128, 200, 256};
    (void)state;
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        attention_case c = {"head size", 1, dims[i], -1, -1, SHORT};
        check_case(&c);
    }
    attention_case c = {"longer", 1, 64, 20, 20, .biased = true, .lengths = {65}, .count = 1};
    check_case(&c);
    c.head_dim = 80;
    check_case(&c);
}

/* ---- inference: queries of a later part of the keys' sequence ------------------------------ */

static void check_offset(int queries, int keys, int offset, int64_t left, int64_t right)
{
    int heads = 2, d = 4, cols = heads * d;
    size_t nq = (size_t)(queries * cols), nk = (size_t)(keys * cols);
    float *q = random_floats(1, nq), *k = random_floats(2, nk), *v = random_floats(3, nk);
    float *want = host_bytes(nq * sizeof *want);
    syl_attention_mask mask = {.left = left, .right = right, .offset = offset};
    syl_ctx *ctx;
    assert_int_equal(syl_ctx_create(&ctx, 1, NULL), SYL_OK);
    assert_int_equal(syl_attention(ctx, heads, mask, syl_mat_of(q, SYL_F32, queries, cols),
                                   syl_mat_of(k, SYL_F32, keys, cols),
                                   syl_mat_of(v, SYL_F32, keys, cols),
                                   syl_mat_of(want, SYL_F32, queries, cols), NULL),
                     SYL_OK);
    syl_ctx_free(ctx);
    tile_list l = {.n = 0};
    for (int i = 0; i < queries; i += SYL_CUDA_QUERIES)
        add_tile(&l,
                 (syl_cuda_tile){i, least(i + SYL_CUDA_QUERIES, queries), 0, keys, offset + i, 0});
    syl_cuda_attention a = {.heads = heads,
                            .head_dim = d,
                            .group = 1,
                            .num_tiles = l.n,
                            .tiles = device_bytes(l.tile, sizeof l.tile),
                            .left = left,
                            .right = right,
                            .scale = 0.5f,
                            .q = syl_mat_of(device_floats(q, nq), SYL_F32, queries, cols),
                            .k = syl_mat_of(device_floats(k, nk), SYL_F32, keys, cols),
                            .v = syl_mat_of(device_floats(v, nk), SYL_F32, keys, cols),
                            .y = syl_mat_of(device_floats(NULL, nq), SYL_F32, queries, cols)};
    ok(syl_cuda_attention_forward(0, &a));
    same_on_device("y with an offset", a.y.data, want, nq, 1e-4);
    release(a.tiles), release(a.q.data), release(a.k.data), release(a.v.data), release(a.y.data);
    free(q), free(k), free(v), free(want);
}

static void offsets(void **state)
{
    (void)state;
    check_offset(1, 31, 30, 9, 0);
    check_offset(3, 70, 20, 16, 16);
    check_offset(70, 100, 30, 25, 5);
    check_offset(65, 65, 0, -1, -1);
    check_offset(2, 70, 0, -1, -1);
    check_offset(5, 35, 30, -1, 0);
    check_offset(1, 35, 34, -1, 0);
    check_offset(5, 6, 4, 2, 0); /* the last queries see no key: zeros */
}

static void nothing_to_do(void **state)
{
    syl_cuda_attention a = {.heads = 2, .head_dim = 8, .group = 1, .left = -1, .right = -1};
    (void)state;
    ok(syl_cuda_attention_forward(0, &a));
    ok(syl_cuda_attention_backward(0, &a));
    a.num_tiles = 1;
    a.head_dim = 257;
    assert_int_equal(syl_cuda_attention_forward(0, &a), cudaErrorInvalidValue);
    a.head_dim = 8;
    a.group = 3;
    assert_int_equal(syl_cuda_attention_forward(0, &a), cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks),         cmocka_unit_test(biases),
        cmocka_unit_test(dropouts),      cmocka_unit_test(types_and_strides),
        cmocka_unit_test(head_sizes),    cmocka_unit_test(offsets),
        cmocka_unit_test(shared_keys),   cmocka_unit_test(nothing_to_do),
    };
    if (no_device()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
