/* Products of every orientation against the plain sum, on odd sizes; small whole numbers, so that
 * float32 and bf16 are both exact. */
#include <omp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/random.h"
#include "lib/compute/training.h"

static syl_random dice = {.seed = 1};

/* [rows][cols] with `gap` floats between the rows. */
static syl_mat draw(int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat m = {calloc((size_t)(rows * (cols + gap)), sizeof(float)), SYL_F32, rows, cols,
                 cols + gap};
    for (int64_t i = 0; i < rows * m.stride; i++)
        ((float *)m.data)[i] = (float)syl_random_below(&dice, 9) - 4;
    return m;
}

static float at(syl_mat m, bool transposed, int64_t row, int64_t col)
{
    return ((float *)m.data)[transposed ? col * m.stride + row : row * m.stride + col];
}

static syl_mat in_dtype(syl_ctx *ctx, syl_mat m, syl_dtype dtype)
{
    syl_mat copy;
    if (dtype == SYL_F32) return m;
    assert_int_equal(syl_ctx_mat(ctx, dtype, m.rows, m.stride, &copy, NULL), SYL_OK);
    syl_mat whole = m;
    whole.cols = m.stride;
    syl_mat_copy(whole, copy);
    copy.cols = m.cols;
    return copy;
}

/* How the factors lie, and whether to add. */
typedef struct way {
    syl_dtype dtype;
    bool ta, tb, add;
    int64_t gap;
} way;

static void check(syl_ctx *ctx, way w, int64_t m, int64_t n, int64_t k)
{
    syl_mat a = w.ta ? draw(k, m, w.gap) : draw(m, k, w.gap);
    syl_mat b = w.tb ? draw(n, k, w.gap) : draw(k, n, w.gap), c = draw(m, n, w.gap);
    syl_mat before = draw(m, n, w.gap);
    syl_mat_copy(c, before);
    size_t mark = syl_ctx_mark(ctx);
    assert_int_equal(syl_product(ctx, in_dtype(ctx, a, w.dtype), w.ta, in_dtype(ctx, b, w.dtype),
                                 w.tb, w.add, c, NULL),
                     SYL_OK);
    syl_ctx_release(ctx, mark);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            float sum = w.add ? at(before, false, i, j) : 0;
            for (int64_t l = 0; l < k; l++)
                sum += at(a, w.ta, i, l) * at(b, w.tb, l, j);
            assert_true(at(c, false, i, j) == sum);
        }
    free(a.data);
    free(b.data);
    free(c.data);
    free(before.data);
}

static void products(void **state)
{
    static const int64_t sizes[] = {1, 3, 8, 13, 31, 33, 65};
    enum { N = sizeof sizes / sizeof *sizes };
    syl_ctx *ctx;
    (void)state;
    assert_int_equal(syl_ctx_create(&ctx, 2, NULL), SYL_OK);
    for (int bits = 0; bits < 16; bits++)
        for (int i = 0; i < N * N * N; i++)
            check(ctx,
                  (way){bits & 1 ? SYL_BF16 : SYL_F32, bits & 2, bits & 4, bits & 8, i % 3 ? 0 : 5},
                  sizes[i % N], sizes[i / N % N], sizes[i / N / N]);
    syl_ctx_free(ctx);
}

/* Nothing in, nothing out; an empty sum is 0. */
static void empty(void **state)
{
    syl_ctx *ctx;
    float c[6] = {1, 2, 3, 4, 5, 6}, none = 0;
    syl_mat y = syl_mat_of(c, SYL_F32, 2, 3);
    (void)state;
    assert_int_equal(syl_ctx_create(&ctx, 1, NULL), SYL_OK);
    syl_mat a = syl_mat_of(&none, SYL_F32, 2, 0), b = syl_mat_of(&none, SYL_F32, 0, 3);
    assert_int_equal(syl_product(ctx, a, false, b, false, true, y, NULL), SYL_OK);
    assert_true(c[5] == 6);
    assert_int_equal(syl_product(ctx, a, false, b, false, false, y, NULL), SYL_OK);
    assert_true(c[0] == 0 && c[5] == 0);
    y.rows = 0;
    assert_int_equal(syl_product(ctx, a, false, b, false, false, y, NULL), SYL_OK);
    syl_ctx_free(ctx);
}

/* ---- signals ------------------------------------------------------------------------------ */

static volatile sig_atomic_t ticks, astray; /* astray: on another thread, or not on its stack */
static uintptr_t stack_at;

static void on_tick(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    ticks++;
    if (gettid() != getpid()) astray++;
#ifdef __x86_64__
    uintptr_t stack = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
    if (stack > stack_at + (1 << 20) || stack + (1 << 20) < stack_at) astray++;
#endif
}

/* Handlers on a stack of their own, so that one that is astray does no harm; until 0, each us. */
static void tick_each(long us, stack_t *own)
{
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct itimerval timer = {{0, us}, {0, us}};
    assert_int_equal(sigaltstack(own, NULL), 0);
    if (us > 0) sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* What oneDNN computes with the stack pointer elsewhere is not interrupted, by 1 thread and by 2.
 */
static void signals_wait(void **state)
{
    stack_t own = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    syl_mat a = draw(64, 3000, 0), b = draw(3000, 256, 0), c = draw(64, 256, 0);
    (void)state;
    stack_at = (uintptr_t)__builtin_frame_address(0);
    for (int threads = 1; threads <= 2; threads++) {
        syl_ctx *ctx;
        assert_int_equal(syl_ctx_create(&ctx, threads, NULL), SYL_OK);
#pragma omp parallel num_threads(threads) /* the program's first team, which takes signals */
        if (omp_get_thread_num() == 0) ticks = 0;
        assert_int_equal(syl_product(ctx, a, false, b, false, false, c, NULL), SYL_OK);
        tick_each(300, &own);
        for (int i = 0; i < 4000 && ticks < 100; i++)
            assert_int_equal(syl_product(ctx, a, false, b, false, false, c, NULL), SYL_OK);
        tick_each(0, &own);
        print_message("%d threads: %d signals, %d astray\n", threads, (int)ticks, (int)astray);
        assert_true(ticks >= 10);
        assert_int_equal(astray, 0);
        syl_ctx_free(ctx);
    }
    own.ss_flags = SS_DISABLE;
    sigaltstack(&own, NULL);
    free(own.ss_sp);
    free(a.data), free(b.data), free(c.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signals_wait), cmocka_unit_test(products),
                                       cmocka_unit_test(empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
