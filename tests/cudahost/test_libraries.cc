/* The stand-ins of cuBLASLt, cuDNN and NCCL against their definitions. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

extern "C" {
#include <cmocka.h>
}

#include <cublasLt.h>
#include <cudnn.h>
#include <nccl.h>

#include "lib/base/bf16.h"
#include "tests/cudahost/cudahost.h"

using Floats = std::vector<float>;

static void ok(int code)
{
    assert_int_equal(code, 0);
}

/* Small whole numbers and halves, which bf16 holds. */
static Floats numbers(size_t n, unsigned seed)
{
    Floats v(n);
    for (float &x : v)
        x = (float)((int)((seed = seed * 1664525u + 1013904223u) >> 28) - 8) / 2;
    return v;
}

/* Device memory of either type. */
static void *upload(const Floats &v, bool bf16)
{
    std::vector<uint16_t> half;
    for (float x : v)
        half.push_back(syl_f32_to_bf16(x));
    void *p;
    ok(cudaMalloc(&p, v.size() * (bf16 ? 2 : 4)));
    ok(cudaMemcpy(p, bf16 ? (const void *)half.data() : v.data(), v.size() * (bf16 ? 2 : 4),
                  cudaMemcpyHostToDevice));
    return p;
}

static Floats download(const void *p, size_t n, bool bf16)
{
    std::vector<uint16_t> half(n);
    Floats v(n);
    ok(cudaMemcpy(bf16 ? (void *)half.data() : v.data(), p, n * (bf16 ? 2 : 4),
                  cudaMemcpyDeviceToHost));
    if (bf16)
        for (size_t i = 0; i < n; i++)
            v[i] = syl_bf16_to_f32(half[i]);
    return v;
}

static float rounded(float x, bool bf16)
{
    return bf16 ? syl_bf16_to_f32(syl_f32_to_bf16(x)) : x;
}

/* ---- cuBLASLt ------------------------------------------------------------------------- */

struct Case {
    int m, n, k, batch;
    bool ta, tb, bf16, bf16_out;
    cublasLtEpilogue_t epilogue;
    float beta;
};

static cublasLtMatrixLayout_t layout(bool bf16, int rows, int cols, int ld, int batch)
{
    cublasLtMatrixLayout_t l;
    int64_t stride = (int64_t)ld * cols;
    ok(cublasLtMatrixLayoutCreate(&l, bf16 ? CUDA_R_16BF : CUDA_R_32F, rows, cols, ld));
    ok(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, 4));
    ok(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                        8));
    return l;
}

static float expected(const Case &c, const Floats &a, const Floats &b, int lda, int ldb,
                      float before, float bias, int i, int j)
{
    float sum = 0;
    for (int l = 0; l < c.k; l++)
        sum += a[c.ta ? i * lda + l : l * lda + i] * b[c.tb ? l * ldb + j : j * ldb + l];
    float v = 1.5f * sum + c.beta * before + (c.epilogue & CUBLASLT_EPILOGUE_BIAS ? bias : 0);
    if (c.epilogue & CUBLASLT_EPILOGUE_RELU) v = fmaxf(v, 0);
    if (c.epilogue & CUBLASLT_EPILOGUE_GELU)
        v = 0.5f * v * (1 + tanhf(sqrtf(2 / 3.14159265f) * (v + 0.044715f * v * v * v)));
    return rounded(v, c.bf16_out);
}

static void check_product(const Case &c)
{
    int ar = c.ta ? c.k : c.m, ac = c.ta ? c.m : c.k, br = c.tb ? c.n : c.k, bc = c.tb ? c.k : c.n,
        lda = ar + 2, ldb = br + 1, ldd = c.m + 3;
    Floats a = numbers(lda * ac * c.batch, 1), b = numbers(ldb * bc * c.batch, 2),
           d = numbers(ldd * c.n * c.batch, 3), bias = numbers(c.m, 4);
    void *da = upload(a, c.bf16), *db = upload(b, c.bf16), *dd = upload(d, c.bf16_out),
         *dbias = upload(bias, c.bf16_out);
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t desc;
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t found;
    int32_t t = CUBLAS_OP_T;
    int count;
    ok(cublasLtCreate(&handle));
    ok(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F));
    if (c.ta) ok(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSA, &t, 4));
    if (c.tb) ok(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSB, &t, 4));
    ok(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &c.epilogue, 4));
    ok(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &dbias, 8));
    cublasLtMatrixLayout_t la = layout(c.bf16, ar, ac, lda, c.batch),
                           lb = layout(c.bf16, br, bc, ldb, c.batch),
                           ld = layout(c.bf16_out, c.m, c.n, ldd, c.batch);
    ok(cublasLtMatmulPreferenceCreate(&preference));
    ok(cublasLtMatmulAlgoGetHeuristic(handle, desc, la, lb, ld, ld, preference, 1, &found, &count));
    assert_int_equal(count, 1);
    float alpha = 1.5f;
    bool aligned = (uintptr_t)da % 256 == 0;
    assert_true(aligned);
    ok(cublasLtMatmul(handle, desc, &alpha, da, la, db, lb, &c.beta, dd, ld, dd, ld, &found.algo,
                      NULL, 0, NULL));
    Floats got = download(dd, d.size(), c.bf16_out);
    for (int g = 0; g < c.batch; g++)
        for (int j = 0; j < c.n; j++)
            for (int i = 0; i < ldd; i++) {
                size_t at = (size_t)(g * ldd * c.n + j * ldd + i);
                Floats ag(a.begin() + g * lda * ac, a.end()), bg(b.begin() + g * ldb * bc, b.end());
                float want = i < c.m ? expected(c, ag, bg, lda, ldb, d[at], bias[i], i, j) : d[at];
                assert_true(fabsf(got[at] - want) <= 1e-5f * fabsf(want) + 1e-5f);
            }
    for (cublasLtMatrixLayout_t l : {la, lb, ld})
        ok(cublasLtMatrixLayoutDestroy(l));
    ok(cublasLtMatmulPreferenceDestroy(preference));
    ok(cublasLtMatmulDescDestroy(desc));
    ok(cublasLtDestroy(handle));
    for (void *p : {da, db, dd, dbias})
        ok(cudaFree(p));
}

static void test_products(void **)
{
    const cublasLtEpilogue_t epilogues[] = {CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_BIAS,
                                            CUBLASLT_EPILOGUE_RELU,    CUBLASLT_EPILOGUE_RELU_BIAS,
                                            CUBLASLT_EPILOGUE_GELU,    CUBLASLT_EPILOGUE_GELU_BIAS};
    for (int i = 0; i < 24; i++) {
        Case c = {5 + i % 3,        1 + i % 7,          3 + i % 4,    1 + i % 2,
                  (i & 1) != 0,     (i & 2) != 0,       (i & 4) != 0, (i & 12) == 12,
                  epilogues[i % 6], i % 5 ? 0.5f : 0.0f};
        check_product(c);
    }
}

static void test_product_errors(void **)
{
    void *a = upload(numbers(64, 1), false), *d = upload(numbers(64, 2), false);
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t desc;
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t found;
    int count;
    float one = 1, zero = 0;
    ok(cublasLtCreate(&handle));
    ok(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    ok(cublasLtMatmulPreferenceCreate(&preference));
    cublasLtMatrixLayout_t square = layout(false, 4, 4, 4, 1), narrow = layout(false, 4, 4, 3, 1),
                           tall = layout(false, 5, 4, 5, 1), past = layout(false, 4, 4, 30, 1);
    auto multiply = [&](void *pa, cublasLtMatrixLayout_t la, void *pd,
                        const cublasLtMatmulAlgo_t *algo) {
        return (int)cublasLtMatmul(handle, desc, &one, pa, la, a, square, &zero, pd, square, pd,
                                   square, algo, NULL, 0, NULL);
    };
    ok(multiply(a, square, d, NULL));
    assert_int_equal(multiply(a, narrow, d, NULL), CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(multiply(a, tall, d, NULL), CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(multiply(a, past, d, NULL), CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(multiply(a, square, (float *)a + 4, NULL), CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(multiply(&one, square, d, NULL), CUBLAS_STATUS_INVALID_VALUE);
    ok(cublasLtMatmulAlgoGetHeuristic(handle, desc, square, square, square, square, preference, 1,
                                      &found, &count));
    assert_int_equal(multiply((float *)a + 1, square, d, &found.algo),
                     CUBLAS_STATUS_INVALID_VALUE); /* chosen for an alignment of 256 */
    uint32_t four = 4;
    ok(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                                            &four, 4));
    ok(cublasLtMatmulAlgoGetHeuristic(handle, desc, square, square, square, square, preference, 1,
                                      &found, &count));
    ok(multiply((float *)a + 1, square, d, &found.algo));
    cudahost_fail("cublasLtMatmul", 1, CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(multiply(a, square, d, NULL), CUBLAS_STATUS_EXECUTION_FAILED);
    for (cublasLtMatrixLayout_t l : {square, narrow, tall, past})
        ok(cublasLtMatrixLayoutDestroy(l));
    ok(cublasLtMatmulPreferenceDestroy(preference));
    ok(cublasLtMatmulDescDestroy(desc));
    ok(cublasLtDestroy(handle));
    ok(cudaFree(a));
    ok(cudaFree(d));
}

/* ---- cuDNN ---------------------------------------------------------------------------- */

/* A convolution over time, with x and y stored [n][time][channels] (rows) or [n][channels][time].
 */
struct Conv {
    int n, groups, c, k, time, taps, pad, stride; /* c, k: of a group */
    bool rows, upright;                           /* upright: time is the axis h */

    int out() const
    {
        return (time + 2 * pad - taps) / stride + 1;
    }
    size_t x_at(int b, int ch, int t) const
    {
        int cs = c * groups;
        return (size_t)(rows ? (b * time + t) * cs + ch : (b * cs + ch) * time + t);
    }
    size_t y_at(int b, int ch, int t) const
    {
        int ks = k * groups;
        return (size_t)(rows ? (b * out() + t) * ks + ch : (b * ks + ch) * out() + t);
    }
};

static cudnnTensorDescriptor_t tensor(const Conv &v, bool bf16, int channels, int time)
{
    cudnnTensorDescriptor_t d;
    int cs = v.rows ? 1 : time, ts = v.rows ? channels : 1;
    ok(cudnnCreateTensorDescriptor(&d));
    ok(cudnnSetTensor4dDescriptorEx(d, bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT, v.n, channels,
                                    v.upright ? time : 1, v.upright ? 1 : time, channels * time, cs,
                                    v.upright ? ts : channels * time,
                                    v.upright ? channels * time : ts));
    return d;
}

/* f(b, k, c of the whole, t of y, tap, t of x) for all terms of the sum. */
template <class F> static void each_term(const Conv &v, F f)
{
    for (int b = 0; b < v.n; b++)
        for (int k = 0; k < v.k * v.groups; k++)
            for (int c = 0; c < v.c; c++)
                for (int t = 0; t < v.out(); t++)
                    for (int tap = 0; tap < v.taps; tap++) {
                        int from = t * v.stride + tap - v.pad;
                        if (from < 0 || from >= v.time) continue;
                        f(v.y_at(b, k, t), (size_t)((k * v.c + c) * v.taps + tap),
                          v.x_at(b, k / v.k * v.c + c, from));
                    }
}

static void check_near(const Floats &got, const Floats &want, bool bf16)
{
    for (size_t i = 0; i < want.size(); i++)
        assert_true(fabsf(got[i] - rounded(want[i], bf16)) <= 1e-4f * (1 + fabsf(want[i])));
}

static void check_conv(const Conv &v, bool bf16)
{
    int cs = v.c * v.groups, ks = v.k * v.groups;
    Floats x = numbers(v.n * cs * v.time, 1), w = numbers(ks * v.c * v.taps, 2),
           y = numbers(v.n * ks * v.out(), 3);
    void *dx = upload(x, bf16), *dw = upload(w, bf16), *dy = upload(y, bf16), *work;
    Floats y_want = y, x_want = x, w_want = w;
    for (Floats *f : {&y_want, &w_want, &x_want})
        for (float &e : *f)
            e *= 0.5f;
    each_term(v, [&](size_t yi, size_t wi, size_t xi) { y_want[yi] += 2 * w[wi] * x[xi]; });
    cudnnHandle_t handle;
    cudnnFilterDescriptor_t fd;
    cudnnConvolutionDescriptor_t cd;
    cudnnTensorDescriptor_t xd = tensor(v, bf16, cs, v.time), yd = tensor(v, bf16, ks, v.out());
    ok(cudnnCreate(&handle));
    ok(cudnnCreateFilterDescriptor(&fd));
    ok(cudnnSetFilter4dDescriptor(fd, bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT,
                                  CUDNN_TENSOR_NCHW, ks, v.c, v.upright ? v.taps : 1,
                                  v.upright ? 1 : v.taps));
    ok(cudnnCreateConvolutionDescriptor(&cd));
    ok(cudnnSetConvolution2dDescriptor(cd, v.upright ? v.pad : 0, v.upright ? 0 : v.pad,
                                       v.upright ? v.stride : 1, v.upright ? 1 : v.stride, 1, 1,
                                       CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    ok(cudnnSetConvolutionGroupCount(cd, v.groups));
    cudnnConvolutionFwdAlgoPerf_t perf[2];
    int found;
    size_t bytes;
    float two = 2, half = 0.5f;
    ok(cudnnGetConvolutionForwardAlgorithm_v7(handle, xd, fd, cd, yd, 2, &found, perf));
    ok(cudnnGetConvolutionForwardWorkspaceSize(handle, xd, fd, cd, yd, perf[1].algo, &bytes));
    assert_int_equal(bytes, perf[1].memory);
    ok(cudaMalloc(&work, bytes));
    assert_int_equal(cudnnConvolutionForward(handle, &two, xd, dx, fd, dw, cd, perf[1].algo, work,
                                             bytes - 1, &half, yd, dy),
                     CUDNN_STATUS_BAD_PARAM);
    ok(cudnnConvolutionForward(handle, &two, xd, dx, fd, dw, cd, perf[1].algo, work, bytes, &half,
                               yd, dy));
    Floats y_got = download(dy, y.size(), bf16);
    check_near(y_got, y_want, bf16);
    each_term(v, [&](size_t yi, size_t wi, size_t xi) { x_want[xi] += 2 * w[wi] * y_got[yi]; });
    each_term(v, [&](size_t yi, size_t wi, size_t xi) { w_want[wi] += 2 * x[xi] * y_got[yi]; });
    void *to_w = upload(w, bf16);
    ok(cudnnConvolutionBackwardFilter(handle, &two, xd, dx, yd, dy, cd,
                                      CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, NULL, 0, &half, fd,
                                      to_w));
    check_near(download(to_w, w.size(), bf16), w_want, bf16);
    ok(cudnnConvolutionBackwardData(handle, &two, fd, dw, yd, dy, cd,
                                    CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, work, bytes, &half, xd, dx));
    check_near(download(dx, x.size(), bf16), x_want, bf16);
    ok(cudnnDestroyTensorDescriptor(xd));
    ok(cudnnDestroyTensorDescriptor(yd));
    ok(cudnnDestroyFilterDescriptor(fd));
    ok(cudnnDestroyConvolutionDescriptor(cd));
    ok(cudnnDestroy(handle));
    for (void *p : {dx, dw, dy, work, to_w})
        ok(cudaFree(p));
}

static void test_convolutions(void **)
{
    for (int i = 0; i < 16; i++) {
        Conv v = {1 + i % 2, 1 + i % 3,    2,           3, 17 + i, 1 + i % 5, i % 4,
                  1 + i % 3, (i & 1) != 0, (i & 2) != 0};
        check_conv(v, (i & 4) != 0);
    }
}

/* ---- NCCL ----------------------------------------------------------------------------- */

static void run_rank(ncclUniqueId id, int rank, int *failed, Floats *result)
{
    ncclComm_t comm;
    cudaStream_t stream;
    float *x;
    Floats v = {1.0f + (float)rank, 10.0f * (float)rank};
    *failed = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) ||
              ncclCommInitRank(&comm, 3, id, rank) || cudaMalloc(&x, 8);
    if (*failed) return;
    for (int i = 0; i < 10 && !*failed; i++) {
        *failed = cudaMemcpyAsync(x, v.data(), 8, cudaMemcpyHostToDevice, stream) ||
                  ncclAllReduce(x, x, 2, ncclFloat, ncclSum, comm, stream) ||
                  cudaMemcpyAsync(result->data(), x, 8, cudaMemcpyDeviceToHost, stream);
    }
    *failed = *failed || cudaMemcpyAsync(x, v.data(), 8, cudaMemcpyHostToDevice, stream) ||
              ncclBroadcast(x, x, 2, ncclFloat, 1, comm, stream) ||
              cudaMemcpyAsync(result->data() + 2, x, 8, cudaMemcpyDeviceToHost, stream) ||
              cudaStreamSynchronize(stream) || ncclCommDestroy(comm) || cudaFree(x) ||
              cudaStreamDestroy(stream);
}

static void test_ranks(void **)
{
    ncclUniqueId id;
    ok(ncclGetUniqueId(&id));
    int failed[3];
    std::vector<Floats> results(3, Floats(4));
    std::vector<std::thread> threads;
    for (int r = 0; r < 3; r++)
        threads.emplace_back(run_rank, id, r, &failed[r], &results[r]);
    for (auto &t : threads)
        t.join();
    for (int r = 0; r < 3; r++) {
        ok(failed[r]);
        assert_true(results[r] == Floats({6, 30, 2, 10}));
    }
}

/* A rank that leaves does not keep the others waiting. */
static void test_abort(void **)
{
    ncclUniqueId id;
    ok(ncclGetUniqueId(&id));
    ncclResult_t left = ncclSuccess;
    void *x;
    ok(cudaMalloc(&x, 8));
    std::thread other([&] {
        ncclComm_t comm;
        if (ncclCommInitRank(&comm, 2, id, 1) == ncclSuccess) ncclCommAbort(comm);
    });
    ncclComm_t comm;
    ncclResult_t init = ncclCommInitRank(&comm, 2, id, 0);
    if (init == ncclSuccess) {
        left = ncclAllReduce(x, x, 1, ncclDouble, ncclSum, comm, NULL);
        ncclCommDestroy(comm);
    } else
        left = init;
    other.join();
    assert_int_equal(left, ncclRemoteError);
    ok(cudaFree(x));
}

static void test_no_device(void **)
{
    cublasLtHandle_t blas;
    cudnnHandle_t dnn;
    cudahost_devices(0, 0);
    assert_int_equal(cublasLtCreate(&blas), CUBLAS_STATUS_NOT_INITIALIZED);
    assert_int_equal(cudnnCreate(&dnn), CUDNN_STATUS_NOT_INITIALIZED);
    cudahost_reset();
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),     cmocka_unit_test(test_product_errors),
        cmocka_unit_test(test_convolutions), cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_abort),        cmocka_unit_test(test_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
