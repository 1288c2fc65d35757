/* The interpreter on kept PTX (no nvcc needed): right results, each planted mistake found, damaged
 * text refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/ptx/ptx.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define ARGS(...) ((const void *const[]){__VA_ARGS__})

static ptx_module *samples, *bugs;
static ptx_memory *memory;
static char error[1024];
static uint64_t seed;

static const char *path_of(const char *name)
{
    static char path[512];
    const char *root = getenv("PREFIX_SRC");

    snprintf(path, sizeof path, "%s/tests/ptx/%s", root ? root : ".", name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    samples = ptx_load(path_of("sample.ptx"), error, sizeof error);
    if (!samples) print_error("%s\n", error);
    bugs = ptx_load(path_of("bugs.ptx"), error, sizeof error);
    if (!bugs) print_error("%s\n", error);
    return !samples || !bugs;
}

static int tear_down(void **state)
{
    (void)state;
    ptx_free(samples);
    ptx_free(bugs);
    return 0;
}

static int new_memory(void **state)
{
    (void)state;
    memory = ptx_memory_create();
    return !memory;
}

static int no_memory(void **state)
{
    (void)state;
    ptx_memory_free(memory);
    return 0;
}

static void see(const void *base, size_t bytes, const char *name)
{
    assert_true(ptx_memory_add(memory, base, bytes, name));
}
#define SEE(array) see(array, sizeof(array), #array)

static bool launch(const ptx_module *m, const char *name, unsigned grid, unsigned block,
                   size_t shared, const void *const *args)
{
    const ptx_kernel *kernel = ptx_kernel_find(m, name);
    ptx_launch l = {{grid, 1, 1}, {block, 1, 1}, shared, args, seed, 1000000000, 0};

    assert_non_null(kernel);
    error[0] = 0;
    return ptx_run(kernel, &l, memory, error, sizeof error);
}

static void run(const char *name, unsigned grid, unsigned block, size_t shared,
                const void *const *args)
{
    if (!launch(samples, name, grid, block, shared, args)) fail_msg("%s", error);
}

/* The mistake is found in any order of threads, and said with these words. */
static void caught(const char *name, unsigned grid, unsigned block, size_t shared,
                   const void *const *args, const char *words)
{
    for (seed = 0; seed < 5; seed++) {
        assert_false(launch(bugs, name, grid, block, shared, args));
        if (!strstr(error, words)) fail_msg("%s: `%s` is not in: %s", name, words, error);
        assert_non_null(strstr(error, name));
        assert_non_null(strstr(error, "bugs.ptx:"));
        assert_non_null(strstr(error, "thread ("));
    }
    seed = 0;
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want)))) fail_msg("%.9g, not %.9g", got, want);
}

static void test_sum(void **state)
{
    float x[1000];
    double sums[4] = {0}, want = 0, *out = sums;
    const float *in = x;
    int n = COUNT(x);

    (void)state;
    for (int i = 0; i < n; i++)
        want += x[i] = 0.1f * (float)(i % 37);
    SEE(x), SEE(sums);
    for (seed = 0; seed < 4; seed++) {
        run("vector_sum", 4, 128, 0, ARGS(&in, &n, &out));
        near(sums[0] + sums[1] + sums[2] + sums[3], want, 1e-12);
    }
    seed = 0;
}

static void test_gemm(void **state)
{
    enum { M = 20, N = 18, K = 33 };
    float a[M * K], b[K * N], c[M * N] = {0};
    const void *args[] = {&(float *){a}, &(float *){b}, &(float *){c},
                          &(int){M},     &(int){N},     &(int){K}};
    ptx_launch l = {.grid = {2, 2, 1}, .block = {16, 16, 1}, .args = args};

    (void)state;
    for (int i = 0; i < M * K; i++)
        a[i] = (float)(i % 7 - 3);
    for (int i = 0; i < K * N; i++)
        b[i] = (float)(i % 5 - 2);
    SEE(a), SEE(b), SEE(c);
    if (!ptx_run(ptx_kernel_find(samples, "tiled_gemm"), &l, memory, error, sizeof error))
        fail_msg("%s", error);
    for (int i = 0; i < M * N; i++) {
        float want = 0;

        for (int k = 0; k < K; k++)
            want += a[i / N * K + k] * b[k * N + i % N];
        assert_true(c[i] == want);
    }
    assert_true(l.instructions > 10000);
}

static void test_softmax(void **state)
{
    enum { ROWS = 3, COLS = 100 };
    float x[ROWS * COLS], dx[ROWS * COLS], loss[ROWS];
    int label[ROWS] = {5, 99, 0}, cols = COLS;

    (void)state;
    for (int i = 0; i < ROWS * COLS; i++)
        x[i] = sinf((float)i) * 4;
    SEE(x), SEE(dx), SEE(loss), SEE(label);
    run("softmax_loss", ROWS, 128, 128 * 4,
        ARGS(&(float *){x}, &(int *){label}, &(float *){dx}, &(float *){loss}, &cols));
    for (int r = 0; r < ROWS; r++) {
        double sum = 0;

        for (int i = 0; i < COLS; i++)
            sum += exp((double)x[r * COLS + i]);
        near(loss[r], log(sum) - (double)x[r * COLS + label[r]], 1e-5);
        for (int i = 0; i < COLS; i++)
            near(dx[r * COLS + i], exp((double)x[r * COLS + i]) / sum - (i == label[r]), 1e-5);
    }
}

static void test_histogram(void **state)
{
    unsigned char x[2000];
    unsigned bins[256] = {0}, want[256] = {0};
    int n = COUNT(x);

    (void)state;
    for (int i = 0; i < n; i++)
        want[x[i] = (unsigned char)(i * i % 251)]++;
    SEE(x), SEE(bins);
    run("histogram", 3, 96, 0, ARGS(&(unsigned char *){x}, &n, &(unsigned *){bins}));
    assert_memory_equal(bins, want, sizeof bins);
}

static void test_struct(void **state)
{
    float x[70], y[70];
    struct {
        const float *x;
        float *y;
        int64_t n;
        float scale[4];
        double shift;
    } box = {x, y, 70, {1, 2, 3, 4}, 0.5};

    (void)state;
    assert_int_equal(ptx_param_size(ptx_kernel_find(samples, "box_apply"), 0), sizeof box);
    for (int i = 0; i < 70; i++)
        x[i] = (float)i;
    SEE(x), SEE(y);
    run("box_apply", 2, 64, 0, ARGS(&box));
    for (int i = 0; i < 70; i++)
        assert_true(y[i] == x[i] * box.scale[i % 4] + 0.5f);
}

static void check_shuffles(const unsigned *out, const float *x)
{
    const unsigned *bits = (const unsigned *)(const void *)x;

    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(out[i], bits[i ^ 5]);
        assert_int_equal(out[32 + i], bits[i % 16 + 3 < 16 ? i + 3 : i]);
        assert_int_equal(out[64 + i], bits[i % 8 >= 2 ? i - 2 : i]);
        assert_int_equal(out[96 + i], bits[i / 8 * 8 + 1]);
        assert_int_equal(out[128 + i], 0xfffffff0u);
        assert_int_equal(out[160 + i], 3);
        if (i < 12) assert_int_equal(out[192 + i], bits[i + 1 < 12 ? i + 1 : 0]);
        assert_int_equal(out[224 + i], 11);
    }
}

static void test_warp(void **state)
{
    float x[32];
    unsigned out[256] = {0};

    (void)state;
    for (int i = 0; i < 32; i++)
        x[i] = (float)i + 1;
    SEE(x), SEE(out);
    for (seed = 0; seed < 4; seed++) {
        memset(out, 0, sizeof out);
        run("warp_kinds", 1, 32, 0, ARGS(&(float *){x}, &(unsigned *){out}));
        check_shuffles(out, x);
    }
    seed = 0;
}

static uint64_t philox_like(uint32_t x0, uint32_t x1)
{
    uint32_t key = 7;

    for (int round = 0; round < 10; round++, key += 0x9E3779B9u) {
        uint64_t product = (uint64_t)x0 * 0xD2511F53u;

        x0 = (uint32_t)(product >> 32) ^ key ^ x1;
        x1 = (uint32_t)product;
    }
    return (uint64_t)x0 << 32 | x1;
}

static void check_integers(const uint64_t *out, uint64_t a, uint64_t b)
{
    uint32_t reversed = 0, low = (uint32_t)a;

    for (int i = 0; i < 32; i++)
        reversed |= (low >> i & 1) << (31 - i);
    assert_int_equal(out[0], philox_like((uint32_t)a, (uint32_t)b));
    assert_int_equal(out[1], a / b);
    assert_int_equal(out[2], (uint64_t)((int64_t)a % (int64_t)(b | 1)));
    assert_int_equal(out[3], (uint64_t)((unsigned __int128)a * b >> 64));
    assert_int_equal(out[4], __builtin_popcountll(a) + 100 * __builtin_clzll(b) +
                                 10000 * __builtin_ffsll((long long)a));
    assert_int_equal((uint32_t)out[5], reversed + ((low & 0xffff) | (uint32_t)b << 16));
    assert_int_equal(out[6], (uint32_t)b << 7 | low >> 25);
    assert_int_equal(out[7], (uint64_t)((int64_t)a >> 3) + (uint64_t)(int64_t)(int32_t)b);
}

static void test_integers(void **state)
{
    uint64_t a[16], b[16], out[128] = {0};

    (void)state;
    for (uint64_t i = 0; i < 16; i++) {
        a[i] = (i + 3) * UINT64_C(0x9E3779B97F4A7C15);
        b[i] = (i + 1) * UINT64_C(0xD1B54A32D192ED03) >> 4 * i;
    }
    SEE(a), SEE(b), SEE(out);
    run("integers", 1, 16, 0, ARGS(&(uint64_t *){a}, &(uint64_t *){b}, &(uint64_t *){out}));
    for (int i = 0; i < 16; i++)
        check_integers(out + 8 * i, a[i], b[i]);
}

static void test_math(void **state)
{
    float x[64], out[512];

    (void)state;
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i - 32) * 0.23f;
    SEE(x), SEE(out);
    run("math_functions", 1, 64, 0, ARGS(&(float *){x}, &(float *){out}));
    for (int i = 0; i < 64; i++) {
        double v = x[i];
        const float *o = out + 8 * i;

        near(o[0], erf(v), 1e-6);
        near(o[1], tanh(v), 1e-6);
        near(o[2], exp(v), 1e-6);
        near(o[3], log(fabs(v) + 0.5), 1e-6);
        near(o[4], 1 / sqrt(fabs(v) + 1) + sqrt(fabs(v)), 1e-6);
        near(o[5], exp(v), 1e-7);
        near(o[6], (double)rintf(x[i] * 3) + floor(v) + trunc(v * 2), 0);
        near(o[7], (double)sinf(x[i] * 10) + (v < 0 ? 0 : v > 1 ? 1 : v), 1e-6);
    }
}

static void test_vectors(void **state)
{
    struct {
        _Alignas(16) int v[8][4];
    } x, y;
    short s[8];
    long long sum[8];

    (void)state;
    for (int i = 0; i < 32; i++)
        x.v[i / 4][i % 4] = i - 9;
    for (int i = 0; i < 8; i++)
        s[i] = (short)(-1000 * i);
    see(&x, sizeof x, "x"), see(&y, sizeof y, "y"), SEE(s), SEE(sum);
    run("vector_loads", 1, 8, 0,
        ARGS(&(void *){&x}, &(void *){&y}, &(short *){s}, &(long long *){sum}));
    for (int i = 0; i < 32; i++)
        assert_int_equal(y.v[i / 4][i % 4], x.v[i / 4][3 - i % 4]);
    for (int i = 0; i < 8; i++)
        assert_int_equal(sum[i], (long long)s[i] * x.v[i][0]);
}

static void test_local(void **state)
{
    int x[32], out[32], n = 29;

    (void)state;
    for (int i = 0; i < 32; i++)
        x[i] = i * 5 % 17;
    SEE(x), SEE(out);
    run("local_array", 1, 32, 0, ARGS(&(int *){x}, &(int *){out}, &n));
    for (int t = 0; t < 32; t++) {
        int table[16], want = 0;

        for (int i = 0; i < 16; i++)
            table[i] = i * x[t];
        for (int i = 0; i < n; i++)
            table[(i * 7 + x[i]) & 15] += i;
        for (int i = 0; i < (n & 15); i++)
            want += table[i] * (i + 1);
        assert_int_equal(out[t], want);
    }
}

static void test_places(void **state)
{
    unsigned out[3 * 2 * 2 * 24] = {0};
    const void *args[] = {&(unsigned *){out}};
    ptx_launch l = {.grid = {3, 2, 2}, .block = {4, 3, 2}, .args = args, .seed = 9};

    (void)state;
    SEE(out);
    if (!ptx_run(ptx_kernel_find(samples, "grid_places"), &l, memory, error, sizeof error))
        fail_msg("%s", error);
    for (unsigned i = 0; i < COUNT(out); i++)
        assert_int_equal(out[i], i / 24 * 1000 + i % 24);
}

static void test_bugs(void **state)
{
    static float x[65];
    const void *const *args = ARGS(&(float *){x}, &(int){64}), *const *ten =
                                                                   ARGS(&(float *){x}, &(int){10});

    (void)state;
    see(x, 64 * sizeof *x, "x");
    caught("missing_barrier", 1, 64, 0, args, "race: ");
    caught("missing_second_barrier", 1, 64, 0, args, "race: ");
    caught("missing_warp_barrier", 1, 32, 0, args, "race: ");
    assert_true(launch(bugs, "with_warp_barrier", 1, 32, 0, args));
    caught("global_bounds", 2, 64, 0, args,
           "writes 4 bytes out of bounds, at byte 256 of buffer `x`");
    caught("shared_bounds", 1, 32, 0, ten, "out of bounds of shared memory");
    caught("dynamic_bounds", 1, 32, 124, args, "at byte 124 of the dynamic 124");
    assert_true(launch(bugs, "dynamic_bounds", 1, 32, 128, args));
    caught("divergent_shuffle", 1, 32, 0, args, "divergent collective: waits for thread 20");
    caught("divergent_barrier", 1, 64, 0, args, "divergent barrier");
    caught("early_return", 1, 64, 0, ten,
           "divergent barrier: waits for thread 10, which has exited");
    caught("unwritten_shared", 1, 64, 0, args, "reads unwritten shared memory, byte 252");
    caught("misaligned", 1, 1, 0, ARGS(&(float *){x}, &(float *){x}), "misaligned");
    caught("exited_lane", 1, 32, 0, args, "shuffle reads lane 7, which has exited");
    caught("inactive_lane", 1, 32, 0, args, "shuffle reads lane 8, which is not in the mask");
}

static void test_endless(void **state)
{
    int zero[1] = {0};
    ptx_launch l = {{1, 1, 1}, {1, 1, 1}, 0, ARGS(&(int *){zero}), 0, 10000, 0};

    (void)state;
    SEE(zero);
    assert_false(ptx_run(ptx_kernel_find(bugs, "endless"), &l, memory, error, sizeof error));
    assert_non_null(strstr(error, "endless loop"));
}

/* Instructions that nvcc did not emit for sample.cu; out[0...] one after another. */
static void check_text(const char *body, const uint32_t *want, size_t count)
{
    static const char head[] = ".version 9.0\n.target sm_80\n.address_size 64\n"
                               ".entry k(.param .u64 k_0)\n{\n.reg .b16 %h<4>;\n.reg .b32 %r<9>;\n"
                               ".reg .b64 %d<4>;\n.reg .f32 %f<4>;\n.reg .pred %p<4>;\n"
                               "ld.param.u64 %d1, [k_0];\n";
    char text[2048];
    uint32_t out[8] = {0};
    ptx_launch l = {{1, 1, 1}, {1, 1, 1}, 0, ARGS(&(uint32_t *){out}), 0, 10000, 0};
    ptx_module *m;

    snprintf(text, sizeof text, "%s%s\nret;\n}\n", head, body);
    m = ptx_parse(text, strlen(text), "text", error, sizeof error);
    if (!m) fail_msg("%s", error);
    SEE(out);
    if (!ptx_run(ptx_kernel_find(m, "k"), &l, memory, error, sizeof error)) fail_msg("%s", error);
    ptx_memory_remove(memory, out);
    ptx_free(m);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(out[i], want[i]);
}

static void test_text(void **state)
{
    (void)state;
    check_text(
        "mov.f32 %f1, 0f3F808000; cvt.rn.bf16.f32 %h1, %f1; cvt.f32.bf16 %f2, %h1;"
        "st.global.f32 [%d1], %f2; cvt.rn.f16.f32 %h2, 0f3F808000; cvt.f32.f16 %f3, %h2;"
        "st.global.f32 [%d1+4], %f3; cvt.rz.f32.s32 %f1, 16777219; st.global.f32 [%d1+8], %f1;"
        "cvt.rmi.s32.f32 %r1, 0fBFC00000; st.global.u32 [%d1+12], %r1;"
        "cvt.sat.u8.s32 %r2, 300; st.global.u32 [%d1+16], %r2;",
        (uint32_t[]){0x3F800000, 0x3F808000, 0x4B800001, (uint32_t)-2, 255}, 5);
    check_text(
        "mov.u32 %r1, 2; brx.idx %r1, t; t: .branchtargets $a, $b, $c;\n"
        "$a: st.global.u32 [%d1], 10; bra.uni $d;\n$b: st.global.u32 [%d1], 11; bra.uni $d;\n"
        "$c: st.global.u32 [%d1], 12;\n$d: redux.sync.add.s32 %r2, %r1, 1;"
        "st.global.u32 [%d1+4], %r2; setp.lt.u32 %p1, %r1, 3; setp.gt.and.s32 %p2, %r1, -1, !%p1;"
        "selp.u32 %r3, 5, 6, %p2; st.global.u32 [%d1+8], %r3;",
        (uint32_t[]){12, 2, 6}, 3);
    check_text(
        "bfe.s32 %r1, 240, 4, 4; st.global.u32 [%d1], %r1; bfi.b32 %r2, 7, 0, 8, 4;"
        "st.global.u32 [%d1+4], %r2; lop3.b32 %r3, 12, 10, 6, 0x96; st.global.u32 [%d1+8], %r3;"
        "shf.r.clamp.b32 %r4, 0, 1, 31; st.global.u32 [%d1+12], %r4; bfind.u32 %r5, 96;"
        "st.global.u32 [%d1+16], %r5; div.s32 %r6, -2147483648, -1; st.global.u32 [%d1+20], %r6;"
        "mul.hi.s32 %r7, -5, 3; st.global.u32 [%d1+24], %r7;",
        (uint32_t[]){UINT32_MAX, 0x700, 0, 2, 6, 0x80000000, UINT32_MAX}, 7);
}

static void refused(const char *body, const char *words)
{
    char text[1024];
    ptx_module *m;

    snprintf(text, sizeof text,
             ".version 9.0\n.target sm_75\n.address_size 64\n.entry k(.param .u64 k_0)\n{\n"
             ".reg .b32 %%r<4>;\n.reg .f32 %%f<4>;\n.reg .pred %%p<3>;\n%s\nret;\n}\n",
             body);
    m = ptx_parse(text, strlen(text), "bad.ptx", error, sizeof error);
    assert_null(m);
    if (!strstr(error, words)) fail_msg("`%s` is not in: %s", words, error);
    assert_non_null(strstr(error, "bad.ptx:"));
}

static void test_refused(void **state)
{
    (void)state;
    refused("frob.u32 %r1, %r2;", "bad.ptx:9: `frob.u32` is not an instruction that is known");
    refused("add.f16x2 %r1, %r2, %r3;", "is not an instruction");
    refused("add.u32 %r1, %r2;", "with 2 operands, not 3");
    refused("add.u32 %r1, %r2, %r9;", "`%r9`");
    refused("mov.u32 %r1, %clock;", "`%clock`");
    refused("bra $nowhere;", "label `$nowhere`");
    refused("bar.sync 1, 64;", "`bar`");
    refused("bar.sync 3;", "only barrier 0");
    refused("cp.async.ca.shared.global [%r1], [%r2], 4;", "cp.async.ca.shared.global");
    refused("ld.global.v2.f32 %f1, [%r1];", "vector");
    refused("atom.global.inc.u32 %r1, [%r2], 4;", "atom");
    refused(".reg .b32 %x<4000000000>;", "4000000000");
    refused("mov.u32 4, %r1;", "destination");
}

/* Cut anywhere, or with a byte changed, text is refused or understood, with no other harm. */
static void test_damaged(void **state)
{
    FILE *file = fopen(path_of("sample.ptx"), "rb");
    static char text[65536];
    size_t size;

    (void)state;
    assert_non_null(file);
    size = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t i = 0; i < size; i += 211) {
        char saved = text[i];

        ptx_free(ptx_parse(text, i, "cut", error, sizeof error));
        text[i] = (char)(saved ^ (i % 2 ? 0x15 : 0x02));
        ptx_free(ptx_parse(text, size, "changed", error, sizeof error));
        text[i] = saved;
    }
    assert_null(ptx_parse("", 0, "empty", error, sizeof error));
    assert_null(ptx_load("/nonexistent.ptx", error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent.ptx"));
}

static void test_launch_limits(void **state)
{
    float x[1] = {0};

    (void)state;
    SEE(x);
    assert_false(launch(bugs, "dynamic_bounds", 1, 1025, 0, ARGS(&(float *){x})));
    assert_false(launch(bugs, "dynamic_bounds", 0, 1, 0, ARGS(&(float *){x})));
    assert_false(launch(bugs, "dynamic_bounds", 1, 1, 1 << 20, ARGS(&(float *){x})));
    assert_null(ptx_kernel_find(bugs, "dynamic"));
    assert_int_equal(ptx_kernel_count(bugs), 15);
}

#define WITH_MEMORY(test) cmocka_unit_test_setup_teardown(test, new_memory, no_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMORY(test_sum),           WITH_MEMORY(test_gemm),
        WITH_MEMORY(test_softmax),       WITH_MEMORY(test_histogram),
        WITH_MEMORY(test_struct),        WITH_MEMORY(test_warp),
        WITH_MEMORY(test_integers),      WITH_MEMORY(test_math),
        WITH_MEMORY(test_vectors),       WITH_MEMORY(test_local),
        WITH_MEMORY(test_places),        WITH_MEMORY(test_bugs),
        WITH_MEMORY(test_text),          WITH_MEMORY(test_endless),
        WITH_MEMORY(test_launch_limits), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
