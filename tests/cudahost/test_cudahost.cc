/* The host's CUDA itself: kernels give right results, and each planted bug is found. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" {
#include <cmocka.h>
}

#include "tests/cudahost/cudahost.h"
#include "tests/cudahost/kernels.h"
#include "tests/cudahost/sanitizer.h"

static void ok(cudaError_t error)
{
    if (error != cudaSuccess) fail_msg("%s", cudaGetErrorName(error));
}

/* Device memory that holds v; read back by from_device. */
template <class T> static T *to_device(const std::vector<T> &v)
{
    T *p;
    ok(cudaMalloc(&p, v.size() * sizeof(T)));
    ok(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
    return p;
}

template <class T> static std::vector<T> from_device(const T *p, size_t n)
{
    std::vector<T> v(n);
    ok(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
    return v;
}

/* ---- results -------------------------------------------------------------------------- */

static void test_reduction(void **)
{
    std::vector<float> x(1001);
    double sum = 0;
    for (size_t i = 0; i < x.size(); i++)
        sum += x[i] = (float)((int)(i * 7919 % 101) - 50);
    float *dx = to_device(x), *dy = to_device(std::vector<float>(5));
    for (uint64_t seed = 0; seed < 4; seed++) {
        cudahost_seed(seed);
        ok(block_sums(dx, 1001, dy, 5));
        double total = 0;
        for (float v : from_device(dy, 5))
            total += v;
        assert_true(total == sum);
    }
    ok(cudaFree(dx));
    ok(cudaFree(dy));
}

static void test_gemm(void **)
{
    int m = 33, n = 17, k = 31;
    std::vector<float> a(m * k), b(k * n);
    for (size_t i = 0; i < a.size(); i++)
        a[i] = (float)(i * 31 % 17) - 8;
    for (size_t i = 0; i < b.size(); i++)
        b[i] = (float)(i * 13 % 11) - 5;
    float *da = to_device(a), *db = to_device(b), *dc = to_device(std::vector<float>(m * n));
    ok(tiled_gemm(da, db, dc, m, n, k));
    std::vector<float> c = from_device(dc, m * n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int l = 0; l < k; l++)
                sum += a[i * k + l] * b[l * n + j];
            assert_true(c[i * n + j] == sum);
        }
    for (float *p : {da, db, dc})
        ok(cudaFree(p));
}

static void test_warp(void **)
{
    int *out = to_device(std::vector<int>(128));
    ok(shuffles(out));
    std::vector<int> v = from_device(out, 128);
    for (int i = 0; i < 32; i++) {
        int rotated = (i & ~7) | ((i + 1) & 7);
        assert_int_equal(v[i], rotated + (i < 16 ? 100 * (i ^ 1) : 0));
        assert_int_equal(v[32 + i], i < 3 ? i : i - 3);
        assert_int_equal(v[64 + i], (i & 15) + 3 < 16 ? i + 3 : i);
        assert_int_equal(v[96 + i], 2 * (i ^ 5) + 1);
    }
    unsigned *votes_out = to_device(std::vector<unsigned>(3));
    ok(votes(votes_out));
    std::vector<unsigned> u = from_device(votes_out, 3);
    assert_int_equal(u[0], 0x49249249u);
    assert_int_equal(u[1], 0);
    assert_int_equal(u[2], 1);
    ok(cudaFree(out));
    ok(cudaFree(votes_out));
}

static void test_atomics(void **)
{
    std::vector<int> x(1000), expected(7);
    for (size_t i = 0; i < x.size(); i++)
        expected[(size_t)(x[i] = (int)(i * i % 7))]++;
    int *dx = to_device(x), *bins = to_device(std::vector<int>(7, 0));
    ok(histogram(dx, 1000, bins, 7));
    assert_true(from_device(bins, 7) == expected);
    ok(cudaFree(dx));
    ok(cudaFree(bins));
}

static void test_positions(void **)
{
    dim3 grid(3, 2, 2), block(5, 3, 2);
    unsigned *out = to_device(std::vector<unsigned>(12 * 30, 0));
    for (uint64_t seed = 0; seed < 3; seed++) {
        cudahost_seed(seed);
        ok(positions(out, grid, block));
    }
    assert_true(from_device(out, 12 * 30) == std::vector<unsigned>(12 * 30, 3));
    ok(cudaFree(out));
}

static void test_templates(void **)
{
    double *out = to_device(std::vector<double>(64));
    ok(converted(out, 1));
    assert_true(from_device(out, 64)[0] == 21.0);
    assert_true(from_device(out, 64)[1] == (double)(62.0f / 3));
    ok(converted(out, 0));
    assert_true(from_device(out, 64)[1] == 20.0);
    ok(cudaFree(out));
}

static void test_graph(void **)
{
    cudaStream_t s, t;
    cudaEvent_t e;
    ok(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
    ok(cudaStreamCreateWithFlags(&t, cudaStreamNonBlocking));
    ok(cudaEventCreateWithFlags(&e, cudaEventDisableTiming));
    float *x = to_device(std::vector<float>(100, 1.0f));
    float host[2] = {5, 6};
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    ok(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
    ok(scale(s, x, 100, 3));
    ok(cudaEventRecord(e, s));
    ok(cudaStreamWaitEvent(t, e));
    ok(cudaMemcpyAsync(x, host, sizeof host, cudaMemcpyHostToDevice, t));
    ok(cudaStreamEndCapture(s, &graph));
    ok(cudaGraphInstantiate(&exec, graph));
    ok(cudaGraphDestroy(graph));
    assert_true(from_device(x, 100)[99] == 1); /* nothing ran */
    ok(cudaGraphLaunch(exec, s));
    host[1] = 7; /* a replay sees what memory holds then */
    ok(cudaGraphLaunch(exec, s));
    std::vector<float> v = from_device(x, 100);
    assert_true(v[0] == 5 && v[1] == 7 && v[2] == 9 && v[99] == 9);

    /* What a capture forbids. */
    void *p;
    ok(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    assert_int_equal(cudaMalloc(&p, 4), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaGetLastError(), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
    ok(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed));
    ok(cudaMalloc(&p, 4));
    ok(cudaFree(p));
    assert_int_equal(cudaStreamSynchronize(s), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
    ok(cudaStreamSynchronize(s));
    ok(cudaGraphExecDestroy(exec));
    ok(cudaEventDestroy(e));
    ok(cudaStreamDestroy(s));
    ok(cudaStreamDestroy(t));
    assert_int_equal(scale(s, x, 100, 3), cudaErrorInvalidResourceHandle);
    ok(cudaFree(x));
    cudaGetLastError();
}

/* ---- errors that the API reports -------------------------------------------------------- */

static void test_launch_errors(void **)
{
    ok(launch_with(1, 1024, 48 << 10));
    assert_int_equal(launch_with(1, 1025, 0), cudaErrorInvalidConfiguration);
    assert_int_equal(launch_with(1, dim3(64, 32), 0), cudaErrorInvalidConfiguration);
    assert_int_equal(launch_with(1, 0, 0), cudaErrorInvalidConfiguration);
    assert_int_equal(launch_with(0, 32, 0), cudaErrorInvalidConfiguration);
    assert_int_equal(launch_with(dim3(1, 65536), 32, 0), cudaErrorInvalidConfiguration);
    assert_int_equal(launch_with(dim3(1, 1, 65536), 32, 0), cudaErrorInvalidConfiguration);
    assert_int_equal(launch_with(1, 32, (48 << 10) + 1), cudaErrorInvalidValue);
    assert_int_equal(raise_shared((64 << 10) + 1), cudaErrorInvalidValue);
    ok(raise_shared(64 << 10));
    ok(launch_with(1, 32, 64 << 10));
    ok(raise_shared(0));
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidValue);
    ok(cudaGetLastError());
}

static void test_injection(void **)
{
    void *p;
    cudahost_fail("kernel", 2, cudaErrorLaunchFailure);
    cudahost_fail("cudaStreamSynchronize", 1, cudaErrorIllegalAddress);
    ok(launch_with(1, 1, 0));
    assert_int_equal(launch_with(1, 1, 0), cudaErrorLaunchFailure);
    assert_int_equal(cudaPeekAtLastError(), cudaErrorLaunchFailure);
    ok(launch_with(1, 1, 0));
    assert_int_equal(cudahost_calls("kernel"), 3);
    assert_int_equal(cudaStreamSynchronize(0), cudaErrorIllegalAddress);

    size_t free_bytes, total, used = cudahost_memory_used();
    cudahost_memory(used + 1000);
    assert_int_equal(cudaMalloc(&p, 1001), cudaErrorMemoryAllocation);
    ok(cudaMalloc(&p, 600));
    ok(cudaMemGetInfo(&free_bytes, &total));
    assert_int_equal(free_bytes, 400);
    assert_int_equal(cudahost_memory_used(), used + 600);
    ok(cudaFree(p));
    assert_int_equal(cudaFree(p), cudaErrorInvalidValue);

    int n = 5;
    cudahost_devices(0, 0);
    assert_int_equal(cudaGetDeviceCount(&n), cudaErrorNoDevice);
    assert_int_equal(n, 0);
    cudahost_devices(1, cudaErrorInsufficientDriver);
    assert_int_equal(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
    cudahost_devices(2, 0);
    ok(cudaGetDeviceCount(&n));
    assert_int_equal(n, 2);
    ok(cudaSetDevice(1));
    assert_int_equal(cudaSetDevice(2), cudaErrorInvalidDevice);
    cudahost_reset();
    ok(cudaGetLastError());
}

static void test_copies(void **)
{
    float host[6] = {1, 2, 3, 4, 5, 6}, back[6] = {0};
    float *x = to_device(std::vector<float>(6));
    assert_int_equal(cudaMemcpy(x, host, 28, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(x, host, 24, cudaMemcpyDeviceToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(host, x, 24, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(x, host, 24, cudaMemcpyHostToHost), cudaErrorInvalidValue);
    ok(cudaMemset(x, 0, 24));
    ok(cudaMemcpy2DAsync(x, 12, host, 8, 8, 2, cudaMemcpyHostToDevice, 0));
    ok(cudaMemset2DAsync(x + 2, 12, 0xFF, 4, 2, 0));
    ok(cudaMemcpy(back, x, 24, cudaMemcpyDefault));
    assert_true(back[0] == 1 && back[1] == 2 && std::isnan(back[2]));
    assert_true(back[3] == 3 && back[4] == 4 && std::isnan(back[5]));
    ok(cudaFree(x));
    ok(cudaMalloc(&x, 4)); /* fresh memory */
    assert_true(std::isnan(from_device(x, 1)[0]));
    ok(cudaFree(x));
    cudaGetLastError();
}

/* ---- bugs ----------------------------------------------------------------------------- */

static void test_missing_barrier(void **)
{
    float *out = to_device(std::vector<float>(64));
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        cudahost_seed(seed);
        ok(missing_barrier(out));
        std::vector<float> v = from_device(out, 64);
        for (int i = 0; i < 64; i++)
            if (!(v[i] == 63 - i)) {
                wrong++;
                break;
            }
    }
    assert_true(wrong > 0);
    ok(cudaFree(out));
}

static void test_unwritten_shared(void **)
{
    float *out = to_device(std::vector<float>(2));
    for (int is_static = 0; is_static < 2; is_static++) {
        ok(unwritten_shared(out, is_static));
        std::vector<float> v = from_device(out, 2);
        assert_true(std::isnan(v[0]) && v[1] == 1);
    }
    ok(cudaFree(out));
}

#ifdef CUDAHOST_ASAN
/* Reports without names of functions: looking those up, on the stack of a fiber that has just
 * overrun, can itself be reported, and then waits for its own lock for ever. */
extern "C" const char *__asan_default_options()
{
    return "symbolize=0";
}
#endif

/* What a child process that runs `body` says before it dies; fails when it does not die. */
template <class F> static std::string last_words(F body)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], 2);
        signal(SIGABRT, SIG_DFL);
#ifndef CUDAHOST_ASAN
        signal(SIGSEGV, SIG_DFL);
#endif
        alarm(120); /* one that hangs dies too, and without the words that are looked for */
        body();
        _exit(0);
    }
    close(fds[1]);
    std::string words;
    char buffer[4096];
    for (ssize_t n; (n = read(fds[0], buffer, sizeof buffer)) > 0;)
        words.append(buffer, (size_t)n);
    close(fds[0]);
    int status;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) fail_msg("nothing was found");
    return words;
}

static void assert_says(const std::string &words, const char *what)
{
    if (words.find(what) == std::string::npos) fail_msg("'%s' is not in '%s'", what, words.c_str());
}

static void test_divergence(void **)
{
    std::string words = last_words([] { divergent_barrier(); });
    assert_says(words, "cudahost: divergent __syncthreads");
    assert_says(words, "kernels.cu:");
    assert_says(words, "block (0,0,0), thread (");
    words = last_words([] { early_return(); });
    assert_says(words, "divergent __syncthreads (thread (7,0,0) has returned) at ");
    assert_says(last_words([] { divergent_shuffle(); }), "divergent warp collective (lane ");
    assert_says(last_words([] { inactive_shuffle(nullptr); }), "shuffle from lane 20");
    assert_says(last_words([] { foreign_mask(); }), "lane outside of its own mask");
}

static void shout(const char *message)
{
    fprintf(stderr, "handler: %s\n", message);
}

static void test_handler(void **)
{
    std::string words = last_words([] {
        cudahost_on_fault(shout);
        early_return();
    });
    assert_says(words, "handler: divergent __syncthreads");
}

static void test_memory_bugs(void **)
{
    float *x = to_device(std::vector<float>(1024));
#ifdef CUDAHOST_ASAN
    assert_says(last_words([x] { past_global(x, 1024); }), "heap-buffer-overflow");
    assert_says(last_words([] { past_shared(3); }), "heap-buffer-overflow");
#ifndef __clang__
    /* By UBSan where that is on too. */
    assert_says(last_words([] { past_static_shared(5); }), "kernels.cu:");
#endif
    last_words([] { endless_stack(1 << 20); });
#else
    std::string words = last_words([x] { past_global(x, 1024); });
    assert_says(words, "device work touched device memory outside of any allocation");
    words = last_words([x] {
        cudahost_reset();     /* or it might not be watched */
        launch_with(1, 1, 0); /* watches for faults from here on */
        fprintf(stderr, "%g\n", x[3]);
    });
    assert_says(words, "the host touched device memory");
    words = last_words([] { endless_stack(1 << 20); });
    assert_says(words, "the stack of a CUDA thread overflowed");
    words = last_words([x] {
        cudaFree(x);
        past_global(x, 0);
    });
    assert_says(words, "outside of any allocation");
    cudahost_protect(false);
    float *open;
    ok(cudaMalloc(&open, 4));
    open[0] = 2;
    assert_true(from_device(open, 1)[0] == 2);
    ok(cudaFree(open));
    cudahost_protect(true);
#endif
    ok(cudaFree(x));
}

static int reset(void **)
{
    cudahost_reset();
    return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(test_reduction),
        TEST(test_gemm),
        TEST(test_warp),
        TEST(test_atomics),
        TEST(test_positions),
        TEST(test_templates),
        TEST(test_graph),
        TEST(test_launch_errors),
        TEST(test_injection),
        TEST(test_copies),
        TEST(test_missing_barrier),
        TEST(test_unwritten_shared),
        TEST(test_divergence),
        TEST(test_handler),
        TEST(test_memory_bugs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
