/* Devices, contexts, copies, recordings and groups; what fails is made to fail by tests/cudahost,
 * so that these parts are left out on a real device. */
#include "tests/cuda/twin.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compute/backend.h"
#ifdef CUDAHOST
#include "tests/cudahost/cudahost.h"
const syl_backend *sylkit_backend(void);
#endif

static void same_bytes(const void *a, const void *b, size_t n)
{
    assert_memory_equal(a, b, n);
}

/* ---- copies ------------------------------------------------------------------------------- */

static void copy_there_and_back(syl_dtype dtype, int64_t rows, int64_t cols, int64_t gap)
{
    size_t n = (size_t)(rows * cols) * syl_dtype_size(dtype);
    uint8_t *out = malloc(n + 1), *in = calloc(n + 1, 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(i * 31 % 251);
    twin t = twin_zeros(dtype, rows, cols, gap);
    EACH (i)
        OK(syl_upload(twin_ctx[i], out, t.m[i], &twin_error));
    OK(syl_download(twin_ctx[1], t.m[1], in, &twin_error));
    same_bytes(in, out, n);
    /* Gaps must have stayed. */
    size_t all = (size_t)(rows * (cols + gap)) * syl_dtype_size(dtype);
    uint8_t *whole = calloc(all + 1, 1);
    OK(syl_device_get(twin_device, t.m[1].data, whole, all, &twin_error));
    same_bytes(whole, t.m[0].data, all);
    free(whole);
    free(out);
    free(in);
    twin_free_all();
}

static void copies(void **state)
{
    (void)state;
    copy_there_and_back(SYL_F32, 0, 5, 0);
    copy_there_and_back(SYL_F32, 5, 0, 3);
    copy_there_and_back(SYL_F32, 33, 31, 5);
    copy_there_and_back(SYL_BF16, 33, 31, 5);
    copy_there_and_back(SYL_F32, 1000, 7001, 3); /* 28 MB: more than the ring holds */
    copy_there_and_back(SYL_F32, 3, 600001, 1);  /* rows longer than a piece */
    for (int i = 0; i < 600; i++)                /* more than the ring keeps account of */
        copy_there_and_back(SYL_F32, 1, 3, 0);
}

/* Uploads that wait in the queue keep what the host had when they were told of. */
static void upload_takes_a_copy(void **state)
{
    float value[300], sum[300];
    (void)state;
    twin total = twin_zeros(SYL_F32, 1, 300, 0), x = twin_zeros(SYL_F32, 1, 300, 0);
    for (int t = 0; t < 100; t++) {
        for (int i = 0; i < 300; i++)
            value[i] = (float)(t + i);
        OK(syl_upload(twin_ctx[1], value, x.m[1], &twin_error));
        syl_add(twin_ctx[1], x.m[1], total.m[1]);
    }
    OK(syl_download(twin_ctx[1], total.m[1], sum, &twin_error));
    for (int i = 0; i < 300; i++)
        assert_true(sum[i] == (float)(4950 + 100 * i));
    twin_free_all();
}

/* ---- recordings --------------------------------------------------------------------------- */

enum { N = 12, COLS = 8 };
typedef struct work {
    float host[N * COLS];
    int32_t ids[N];
    twin x, table, y;
    syl_weight *w[2];
    double sum[2];
} work;

static void do_work(work *k, int i)
{
    syl_ctx *ctx = twin_ctx[i];
    size_t mark = syl_ctx_mark(ctx);
    syl_mat half;
    OK(syl_ctx_mat(ctx, SYL_F32, N, COLS, &half, &twin_error));
    OK(syl_upload(ctx, k->host, k->x.m[i], &twin_error));
    OK(syl_linear(ctx, k->w[i], k->x.m[i], SYL_ACT_GELU, false, half, &twin_error));
    syl_scatter_add(ctx, k->ids, half, k->table.m[i]);
    syl_gather(ctx, k->table.m[i], k->ids, k->y.m[i]);
    k->sum[i] = syl_squared_error(ctx, k->y.m[i], half, 1, half);
    syl_ctx_release(ctx, mark);
}

static void new_content(work *k, int seed)
{
    for (int i = 0; i < N * COLS; i++)
        k->host[i] = (float)((i * 37 + seed * 11) % 19) / 10 - 0.9f;
    for (int i = 0; i < N; i++)
        k->ids[i] = (i * 5 + seed) % 7 - 1;
}

static void recordings(void **state)
{
    work k = {0};
    syl_recording *r;
    (void)state;
    twin w = twin_of(SYL_F32, COLS, COLS, 0);
    k.x = twin_zeros(SYL_F32, N, COLS, 2);
    k.y = twin_zeros(SYL_F32, N, COLS, 0);
    k.table = twin_of(SYL_F32, 6, COLS, 0);
    EACH (i)
        OK(syl_weight_linear(&k.w[i], i ? twin_device : NULL, w.m[0].data, w.m[0].data, COLS, COLS,
                             SYL_F32, &twin_error));
    new_content(&k, 0);
    EACH (i)
        do_work(&k, i);
    new_content(&k, 99);
    OK(syl_ctx_record(twin_ctx[1], &twin_error));
    assert_int_equal(syl_ctx_record(twin_ctx[1], &twin_error), SYL_EINVAL);
    assert_int_equal(syl_ctx_wait(twin_ctx[1], &twin_error), SYL_EINVAL);
    do_work(&k, 1);
    OK(syl_ctx_recorded(twin_ctx[1], &r, &twin_error));
    assert_true(k.sum[1] == 0);
    assert_int_equal(syl_recording_sum(twin_ctx[1], r, 0, &k.sum[1], &twin_error), SYL_EINVAL);
    for (int t = 1; t < 4; t++) {
        new_content(&k, t);
        do_work(&k, 0);
        OK(syl_ctx_replay(twin_ctx[1], r, &twin_error));
        OK(syl_recording_sum(twin_ctx[1], r, 0, &k.sum[1], &twin_error));
        twin_near("recording's sum", k.sum[0], k.sum[1], 1e-4);
        twin_same("recording", k.y, 1e-4);
        twin_same("recording's table", k.table, 1e-4);
    }
    assert_int_equal(syl_recording_sum(twin_ctx[1], r, 1, &k.sum[1], &twin_error), SYL_EINVAL);
    syl_recording_free(twin_ctx[1], r);
    EACH (i)
        syl_weight_free(k.w[i]);
    twin_free_all();
}

/* ---- groups ------------------------------------------------------------------------------- */

#ifdef CUDAHOST
enum { RANKS = 3 };
#else
enum { RANKS = 1 }; /* NCCL wants a device for each rank */
#endif

typedef struct rank {
    int number;
    const uint8_t *id;
    float result[33];
    syl_status status;
    syl_error err;
} rank;

static syl_status sum_over(rank *r, syl_device *device, syl_ctx *ctx, syl_group *group)
{
    syl_mat m;
    float value[33];
    for (int i = 0; i < 33; i++)
        value[i] = (float)(i * (r->number + 1));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 1, 33, &m, &r->err));
    SYL_TRY(syl_upload(ctx, value, m, &r->err));
    SYL_TRY(syl_group_sum(device, group, ctx, m.data, 33, &r->err));
    return syl_download(ctx, m, r->result, &r->err);
}

static syl_status run_rank(rank *r)
{
    syl_ctx *ctx;
    syl_group *group;
    SYL_TRY(syl_ctx_create_on(&ctx, twin_device, 1, &r->err));
    syl_status status = syl_group_join(&group, twin_device, r->id, r->number, RANKS, &r->err);
    if (status == SYL_OK) {
        status = sum_over(r, twin_device, ctx, group);
        syl_group_leave(twin_device, group, status == SYL_OK);
    }
    syl_ctx_free(ctx);
    return status;
}

static void *rank_thread(void *user)
{
    rank *r = user;
    r->status = run_rank(r);
    return NULL;
}

static void groups(void **state)
{
    pthread_t thread[RANKS];
    rank r[RANKS];
    uint8_t id[SYL_GROUP_ID];
    (void)state;
    if (!syl_device_has_groups(twin_device)) skip();
    if (getenv("CUDAHOST_LATE")) skip(); /* one rank's thread may get another's sum to do */
    OK(syl_group_id(twin_device, id, &twin_error));
    for (int i = 0; i < RANKS; i++) {
        r[i] = (rank){.number = i, .id = id};
        assert_int_equal(pthread_create(&thread[i], NULL, rank_thread, &r[i]), 0);
    }
    for (int i = 0; i < RANKS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < RANKS; i++) {
        if (r[i].status != SYL_OK) fail_msg("rank %d: %s", i, r[i].err.message);
        for (int j = 0; j < 33; j++)
            assert_true(r[i].result[j] == (float)(j * RANKS * (RANKS + 1) / 2));
    }
}

/* ---- names -------------------------------------------------------------------------------- */

static void names(void **state)
{
    syl_device *device;
    (void)state;
    OK(twin_open(&device, "tf32", &twin_error));
    assert_non_null(strstr(syl_device_name(device), "TF32"));
    syl_device_close(device);
    assert_int_equal(twin_open(&device, "fp8", &twin_error), SYL_EINVAL);
    assert_null(device);
}

#ifdef CUDAHOST
/* ---- what fails --------------------------------------------------------------------------- */

static void says(const char *part)
{
    if (!strstr(twin_error.message, part))
        fail_msg("'%s' does not say '%s'", twin_error.message, part);
}

static void no_device(void **state)
{
    syl_device *device;
    int count;
    (void)state;
    cudahost_devices(1, 35);
    assert_int_equal(twin_open(&device, "", &twin_error), SYL_EUNSUPPORTED);
    says("driver");
    assert_int_equal(sylkit_backend()->device_count(&count, &twin_error), SYL_EUNSUPPORTED);
    cudahost_devices(0, 0);
    assert_int_equal(twin_open(&device, "", &twin_error), SYL_EUNSUPPORTED);
    says("--device cpu");
    cudahost_devices(2, 0);
    OK(sylkit_backend()->device_count(&count, &twin_error));
    assert_int_equal(count, 2);
    assert_int_equal(sylkit_backend()->device_open(&device, 7, "", &twin_error), SYL_EINVAL);
    says("cuda:7");
    cudahost_reset();
}

static void memory(void **state)
{
    const size_t mib = (size_t)1 << 20;
    syl_device *device;
    void *a, *b, *c;
    size_t before = cudahost_memory_used();
    (void)state;
    OK(twin_open(&device, "", &twin_error));
    OK(syl_device_alloc(device, 1000, &a, &twin_error));
    long calls = cudahost_calls("cudaMalloc");
    OK(syl_device_alloc(device, 70000, &b, &twin_error));
    syl_device_release(device, a);
    OK(syl_device_alloc(device, 900, &c, &twin_error));
    assert_ptr_equal(a, c);
    syl_device_release(device, b);
    syl_device_release(device, c);
    OK(syl_device_alloc(device, 2 * mib, &a, &twin_error)); /* one again */
    assert_int_equal(cudahost_calls("cudaMalloc"), calls);
    syl_device_release(device, a);
    cudahost_memory(before + 64 * mib);
    OK(syl_device_alloc(device, 40 * mib, &a, &twin_error));
    syl_device_release(device, a);
    OK(syl_device_alloc(device, 50 * mib, &a, &twin_error)); /* what was kept is given back */
    assert_int_equal(syl_device_alloc(device, 1024 * mib, &b, &twin_error), SYL_ENOMEM);
    assert_null(b);
    says("--batch");
    says("1073741824 bytes");
    assert_int_equal(syl_device_alloc(device, SIZE_MAX - 5, &b, &twin_error), SYL_ENOMEM);
    OK(syl_device_alloc(device, 1000, &b, &twin_error));
    syl_device_close(device);
    assert_int_equal(cudahost_memory_used(), before);
    cudahost_reset();
}

static void first_error_stays(void **state)
{
    syl_ctx *ctx;
    syl_mat m;
    (void)state;
    OK(syl_ctx_create_on(&ctx, twin_device, 1, &twin_error));
    OK(syl_ctx_mat(ctx, SYL_F32, 5, 5, &m, &twin_error));
    cudahost_fail("kernel", 1, 719);
    syl_fill(ctx, 1, m);
    cudahost_reset();
    long calls = cudahost_calls("kernel");
    syl_scale(ctx, 1, m, false, m);
    assert_true(isnan(syl_sum_squares(ctx, m.data, 25)));
    assert_int_equal(cudahost_calls("kernel"), calls);
    assert_int_equal(syl_product(ctx, m, false, m, false, false, m, &twin_error), SYL_ECOMPUTE);
    assert_int_equal(syl_ctx_wait(ctx, &twin_error), SYL_ECOMPUTE);
    says("filling");
    assert_int_equal(syl_ctx_record(ctx, &twin_error), SYL_ECOMPUTE);
    syl_ctx_free(ctx);
    OK(syl_ctx_wait(twin_ctx[1], &twin_error)); /* another one's own */
}

/* A bit of everything on a device of its own. */
static syl_status little_work(syl_device *device, syl_ctx *ctx, syl_weight *w, syl_error *err)
{
    static const float host[64] = {1};
    syl_conv_shape shape = {4, 4, 3, 1, 1, 2};
    syl_mat x, y, v, z;
    syl_recording *r;
    double sum;
    float out[32];
    int32_t ids[8] = {0, 1, 2, 1, 3, 3, -1, 0};
    (void)device;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 8, 4, &x, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 8, 4, &y, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 4, 6, &v, err));
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 8, 4, &z, err));
    SYL_TRY(syl_upload(ctx, host, x, err));
    SYL_TRY(syl_upload(ctx, host, v, err));
    SYL_TRY(syl_linear(ctx, w, x, SYL_ACT_GELU, false, y, err));
    SYL_TRY(syl_grouped_conv(ctx, shape, SYL_F32, x, v, y, err));
    SYL_TRY(syl_grouped_conv_input_gradient(ctx, shape, SYL_F32, y, v, true, x, err));
    SYL_TRY(syl_grouped_conv_weight_gradient(ctx, shape, SYL_F32, x, y, v, err));
    syl_scatter_add(ctx, ids, x, y);
    SYL_TRY(syl_attention(ctx, 2, (syl_attention_mask){-1, -1, 0, NULL}, x, x, x, z, err));
    sum = syl_squared_error(ctx, x, y, 1, z);
    SYL_TRY(syl_ctx_record(ctx, err));
    syl_status status = syl_upload(ctx, host, x, err);
    syl_squared_error(ctx, x, y, 1, z);
    syl_status ended = syl_ctx_recorded(ctx, &r, status == SYL_OK ? err : NULL);
    if (status == SYL_OK) status = ended;
    if (status == SYL_OK) status = syl_ctx_replay(ctx, r, err);
    if (status == SYL_OK) status = syl_recording_sum(ctx, r, 0, &sum, err);
    syl_recording_free(ctx, r);
    SYL_TRY(status);
    SYL_TRY(syl_download(ctx, syl_mat_cols(y, 1, 2), out, err));
    SYL_TRY(syl_download(ctx, y, out, err));
    return syl_ctx_wait(ctx, err);
}

static syl_status whole_life(syl_error *err)
{
    static const float host[16] = {1, 2, 3};
    syl_device *device;
    syl_ctx *ctx = NULL;
    syl_weight *w = NULL;
    SYL_TRY(twin_open(&device, "", err));
    syl_status status = syl_ctx_create_on(&ctx, device, 1, err);
    if (status == SYL_OK) status = syl_weight_linear(&w, device, host, host, 4, 4, SYL_F32, err);
    if (status == SYL_OK) status = little_work(device, ctx, w, err);
    syl_weight_free(w);
    syl_ctx_free(ctx);
    syl_device_close(device);
    return status;
}

static const struct {
    const char *name;
    int code;
} calls[] = {{"cudaGetDeviceCount", 100},
             {"cudaGetDeviceProperties", 101},
             {"cudaSetDevice", 101},
             {"cudaMalloc", 719},
             {"cudaMallocHost", 2},
             {"cudaStreamCreateWithFlags", 999},
             {"cudaEventCreateWithFlags", 999},
             {"cudaEventRecord", 400},
             {"cudaStreamWaitEvent", 400},
             {"cudaMemcpyAsync", 719},
             {"cudaMemcpy2DAsync", 719},
             {"cudaStreamBeginCapture", 900},
             {"cudaStreamEndCapture", 901},
             {"cudaGraphInstantiate", 1},
             {"cudaGraphLaunch", 719},
             {"kernel", 9},
             {"cublasLtCreate", 1},
             {"cublasLtMatmulDescCreate", 3},
             {"cublasLtMatmulDescSetAttribute", 7},
             {"cublasLtMatrixLayoutCreate", 3},
             {"cublasLtMatmulPreferenceCreate", 3},
             {"cublasLtMatmulPreferenceSetAttribute", 7},
             {"cublasLtMatmulAlgoGetHeuristic", 14},
             {"cublasLtMatmul", 13},
             {"cudnnCreate", 1001},
             {"cudnnSetStream", 2000},
             {"cudnnCreateTensorDescriptor", 4003},
             {"cudnnCreateFilterDescriptor", 4003},
             {"cudnnCreateConvolutionDescriptor", 4003},
             {"cudnnSetTensor4dDescriptor", 2000},
             {"cudnnGetConvolutionForwardAlgorithm_v7", 3000},
             {"cudnnGetConvolutionBackwardDataWorkspaceSize", 3000},
             {"cudnnConvolutionForward", 5000},
             {"cudnnConvolutionBackwardData", 5000},
             {"cudnnConvolutionBackwardFilter", 5000}};

/* Each call of each function fails once: the error must come out, and nothing may be lost. */
static void each_call_fails_once(void **state)
{
    size_t before = cudahost_memory_used();
    int tried = 0;
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        cudahost_reset();
        OK(whole_life(&twin_error));
        long n = cudahost_calls(calls[i].name);
        if (n == 0) print_message("%s: its calls are not counted\n", calls[i].name);
        for (long k = 1; k <= n; k += 1 + k / 40) {
            cudahost_reset();
            cudahost_fail(calls[i].name, (int)k, calls[i].code);
            twin_error.message[0] = '\0';
            syl_status status = whole_life(&twin_error);
            /* While things are freed nothing is left to be told. */
            bool freed = !strcmp(calls[i].name, "cudaSetDevice") && (k == n - 5 || k > n - 2);
            if (status == SYL_OK && !freed)
                fail_msg("%s, call %ld of %ld: no error", calls[i].name, k, n);
            if (status != SYL_OK && !twin_error.message[0])
                fail_msg("%s, call %ld: no message", calls[i].name, k);
            if (cudahost_memory_used() != before)
                fail_msg("%s, call %ld: memory is lost", calls[i].name, k);
            tried++;
        }
    }
    cudahost_reset();
    print_message("%d failures made\n", tried);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(upload_takes_a_copy),
        cmocka_unit_test(recordings),
        cmocka_unit_test(groups),
        cmocka_unit_test(names),
#ifdef CUDAHOST
        cmocka_unit_test(no_device),
        cmocka_unit_test(memory),
        cmocka_unit_test(first_error_stays),
        cmocka_unit_test(each_call_fails_once),
#endif
    };
    return cmocka_run_group_tests_name("cuda/device", tests, twin_start, twin_stop);
}
