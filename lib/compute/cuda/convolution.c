/* Grouped convolutions by cuDNN. Its sequences are [channels][time], so ours are transposed on the
 * way in and out. Its result has all rows that the shape gives; ours may have fewer: the last ones
 * are then left out, or stand as zeros where they are gradients. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

#define MAX_PLANS 256                   /* a shape's place is its hash; the newest stays */
#define MAX_WORKSPACE ((size_t)1 << 30) /* an algorithm that wants more is passed over */
#define MAX_ALGORITHMS 8

enum kind { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT };

/* Compared byte by byte; only 32-bit members, so without gaps. */
typedef struct plan_key {
    int32_t used, kind, dtype, c_in, c_out, kernel, pad, groups, time;
} plan_key;

typedef struct plan {
    plan_key key;
    bool none;     /* cuDNN cannot do it */
    int algorithm; /* of the kind's own enum */
    cudnnMathType_t math;
    size_t workspace;
} plan;

struct cuda_convs {
    cudnnHandle_t handle;
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t conv;
    plan plans[MAX_PLANS];
};

static syl_status make(cuda_ctx *ctx, cuda_convs *c, syl_error *err)
{
    DNN_TRY("starting cuDNN", cudnnCreate(&c->handle));
    DNN_TRY("starting cuDNN", cudnnSetStream(c->handle, ctx->compute));
    DNN_TRY("starting cuDNN", cudnnCreateTensorDescriptor(&c->x));
    DNN_TRY("starting cuDNN", cudnnCreateTensorDescriptor(&c->y));
    DNN_TRY("starting cuDNN", cudnnCreateFilterDescriptor(&c->w));
    DNN_TRY("starting cuDNN", cudnnCreateConvolutionDescriptor(&c->conv));
    return SYL_OK;
}

/* When first asked for: cuDNN takes long to load, and most models have no such convolution. */
syl_status cuda_convs_create(cuda_ctx *ctx, syl_error *err)
{
    if (ctx->convs) return SYL_OK;
    ctx->convs = syl_calloc(1, sizeof *ctx->convs);
    if (!ctx->convs) return syl_fail_memory(err, sizeof *ctx->convs, "convolutions");
    syl_status status = make(ctx, ctx->convs, err);
    if (status != SYL_OK) cuda_convs_free(ctx);
    return status;
}

void cuda_convs_free(cuda_ctx *ctx)
{
    cuda_convs *c = ctx->convs;
    if (!c) return;
    if (c->conv) (void)cudnnDestroyConvolutionDescriptor(c->conv);
    if (c->w) (void)cudnnDestroyFilterDescriptor(c->w);
    if (c->y) (void)cudnnDestroyTensorDescriptor(c->y);
    if (c->x) (void)cudnnDestroyTensorDescriptor(c->x);
    if (c->handle) (void)cudnnDestroy(c->handle);
    free(c);
    ctx->convs = NULL;
}

/* ---- plans -------------------------------------------------------------------------------- */

static syl_status describe(cuda_convs *c, const plan_key *k, syl_error *err)
{
    cudnnDataType_t type = k->dtype == SYL_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    int out = k->time + 2 * k->pad - k->kernel + 1;
    DNN_TRY("a convolution",
            cudnnSetTensor4dDescriptor(c->x, CUDNN_TENSOR_NCHW, type, 1, k->c_in, 1, k->time));
    DNN_TRY("a convolution",
            cudnnSetTensor4dDescriptor(c->y, CUDNN_TENSOR_NCHW, type, 1, k->c_out, 1, out));
    DNN_TRY("a convolution", cudnnSetFilter4dDescriptor(c->w, type, CUDNN_TENSOR_NCHW, k->c_out,
                                                        k->c_in / k->groups, 1, k->kernel));
    DNN_TRY("a convolution",
            cudnnSetConvolution2dDescriptor(c->conv, 0, k->pad, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION,
                                            CUDNN_DATA_FLOAT));
    DNN_TRY("a convolution", cudnnSetConvolutionGroupCount(c->conv, k->groups));
    return SYL_OK;
}

/* Of what cuDNN offers, best first, the first that gives the same sums every time. */
#define PICK(found, count, p)                                                                      \
    for (int i = 0; i < (count); i++)                                                              \
        if ((found)[i].status == CUDNN_STATUS_SUCCESS &&                                           \
            (found)[i].determinism == CUDNN_DETERMINISTIC && (found)[i].memory <= MAX_WORKSPACE) { \
            (p)->algorithm = (int)(found)[i].algo;                                                 \
            (p)->math = (found)[i].mathType;                                                       \
            return SYL_OK;                                                                         \
        }

static syl_status none_fits(syl_error *err)
{
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "cuDNN has no deterministic algorithm for a grouped convolution of this shape "
                    "on this device; give --device cpu");
}

static syl_status pick_forward(cuda_convs *c, plan *p, syl_error *err)
{
    cudnnConvolutionFwdAlgoPerf_t found[MAX_ALGORITHMS];
    int n = 0;
    DNN_TRY("choosing a convolution",
            cudnnGetConvolutionForwardAlgorithm_v7(c->handle, c->x, c->w, c->conv, c->y,
                                                   MAX_ALGORITHMS, &n, found));
    PICK(found, n, p)
    return none_fits(err);
}

static syl_status pick_input_gradient(cuda_convs *c, plan *p, syl_error *err)
{
    cudnnConvolutionBwdDataAlgoPerf_t found[MAX_ALGORITHMS];
    int n = 0;
    DNN_TRY("choosing a convolution",
            cudnnGetConvolutionBackwardDataAlgorithm_v7(c->handle, c->w, c->y, c->conv, c->x,
                                                        MAX_ALGORITHMS, &n, found));
    PICK(found, n, p)
    return none_fits(err);
}

static syl_status pick_weight_gradient(cuda_convs *c, plan *p, syl_error *err)
{
    cudnnConvolutionBwdFilterAlgoPerf_t found[MAX_ALGORITHMS];
    int n = 0;
    DNN_TRY("choosing a convolution",
            cudnnGetConvolutionBackwardFilterAlgorithm_v7(c->handle, c->x, c->y, c->conv, c->w,
                                                          MAX_ALGORITHMS, &n, found));
    PICK(found, n, p)
    return none_fits(err);
}

/* Without TF32 asked for, float32 is multiplied as such, whatever the choice was made for. */
static syl_status set_math(cuda_convs *c, const plan_key *k, cudnnMathType_t math, bool tf32,
                           syl_error *err)
{
    if (k->dtype == SYL_F32 && !tf32) math = CUDNN_FMA_MATH;
    DNN_TRY("a convolution", cudnnSetConvolutionMathType(c->conv, math));
    return SYL_OK;
}

static syl_status measure(cuda_convs *c, plan *p, const plan_key *k, syl_error *err)
{
    int a = p->algorithm;
    cudnnStatus_t code;
    if (k->kind == FORWARD)
        code = cudnnGetConvolutionForwardWorkspaceSize(c->handle, c->x, c->w, c->conv, c->y,
                                                       (cudnnConvolutionFwdAlgo_t)a, &p->workspace);
    else if (k->kind == INPUT_GRADIENT)
        code = cudnnGetConvolutionBackwardDataWorkspaceSize(
            c->handle, c->w, c->y, c->conv, c->x, (cudnnConvolutionBwdDataAlgo_t)a, &p->workspace);
    else
        code = cudnnGetConvolutionBackwardFilterWorkspaceSize(c->handle, c->x, c->y, c->conv, c->w,
                                                              (cudnnConvolutionBwdFilterAlgo_t)a,
                                                              &p->workspace);
    DNN_TRY("a convolution's workspace", code);
    return SYL_OK;
}

static syl_status choose(cuda_convs *c, plan *p, const plan_key *k, bool tf32, syl_error *err)
{
    cudnnMathType_t wanted = k->dtype == SYL_BF16 ? CUDNN_TENSOR_OP_MATH : CUDNN_DEFAULT_MATH;
    SYL_TRY(set_math(c, k, wanted, tf32, err));
    if (k->kind == FORWARD)
        SYL_TRY(pick_forward(c, p, err));
    else if (k->kind == INPUT_GRADIENT)
        SYL_TRY(pick_input_gradient(c, p, err));
    else
        SYL_TRY(pick_weight_gradient(c, p, err));
    SYL_TRY(set_math(c, k, p->math, tf32, err));
    return measure(c, p, k, err);
}

static uint32_t place_of(const plan_key *key)
{
    const uint8_t *bytes = (const uint8_t *)key;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < sizeof *key; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash % MAX_PLANS;
}

/* Describes the convolution and says how it is done; its workspace is scratch memory. */
static syl_status prepare(cuda_ctx *ctx, const plan_key *key, plan **out, void **work,
                          syl_error *err)
{
    SYL_TRY(cuda_convs_create(ctx, err));
    cuda_convs *c = ctx->convs;
    plan *p = *out = &c->plans[place_of(key)];
    bool tf32 = ctx->device->tf32;
    SYL_TRY(describe(c, key, err));
    if (memcmp(&p->key, key, sizeof *key)) {
        p->key.used = 0;
        p->none = false;
        syl_status status = choose(c, p, key, tf32, err);
        p->none = status == SYL_EUNSUPPORTED;
        if (status == SYL_OK || p->none) p->key = *key;
        SYL_TRY(status);
    } else {
        if (p->none) return none_fits(err);
        SYL_TRY(set_math(c, key, p->math, tf32, err));
    }
    return cuda_take(ctx, p->workspace, work, err);
}

/* cuDNN may refuse what it offered; it is not asked again then. */
static syl_status done(plan *p, cudnnStatus_t code, const char *what, syl_error *err)
{
    if (code == CUDNN_STATUS_SUCCESS) return SYL_OK;
    syl_status status = cuda_fail_dnn(err, code, what);
    p->none = status == SYL_EUNSUPPORTED;
    return status;
}

static syl_status key_of(enum kind kind, syl_conv_shape s, syl_dtype dtype, int64_t time,
                         int64_t rows, plan_key *key, syl_error *err)
{
    int64_t all = time + 2 * s.pad - s.kernel + 1;
    if (s.stride != 1 || rows > all || all > INT32_MAX / 2)
        return syl_fail(err, SYL_EINVAL,
                        "%lld rows of a grouped convolution of stride %d over %lld rows",
                        (long long)rows, s.stride, (long long)time);
    *key = (plan_key){.used = 1,
                      .kind = kind,
                      .dtype = dtype,
                      .c_in = s.c_in,
                      .c_out = s.c_out,
                      .kernel = s.kernel,
                      .pad = s.pad,
                      .groups = s.groups,
                      .time = (int32_t)time};
    return SYL_OK;
}

static int64_t rows_of(const plan_key *k)
{
    return (int64_t)k->time + 2 * k->pad - k->kernel + 1;
}

/* ---- into cuDNN's layout and back --------------------------------------------------------- */

/* m [time][channels] as [channels][total] of dtype; zeros behind its own time. */
static syl_status to_channels(cuda_ctx *ctx, syl_dtype dtype, syl_mat m, int64_t total,
                              syl_mat *out, syl_error *err)
{
    SYL_TRY(cuda_as_dtype(ctx, dtype, &m, err));
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, dtype, m.cols, total, out, err));
    if (total > m.rows)
        CUDA_TRY("zeroing",
                 cudaMemsetAsync(out->data, 0, (size_t)(m.cols * total) * syl_dtype_size(dtype),
                                 ctx->compute));
    CUDA_TRY("transposing", syl_cuda_transpose(ctx->compute, m, syl_mat_cols(*out, 0, m.rows)));
    return SYL_OK;
}

/* y (+)= the first y.rows of m [channels][time]. */
static syl_status from_channels(cuda_ctx *ctx, syl_mat m, bool accumulate, syl_mat y,
                                syl_error *err)
{
    syl_mat back = y;
    bool direct = m.dtype == y.dtype && !accumulate;
    if (!direct) SYL_TRY(cuda_op_ctx_mat(&ctx->base, m.dtype, y.rows, y.cols, &back, err));
    CUDA_TRY("transposing", syl_cuda_transpose(ctx->compute, syl_mat_cols(m, 0, y.rows), back));
    if (direct) return SYL_OK;
    if (!accumulate) {
        CUDA_TRY("converting", syl_cuda_convert(ctx->compute, back, y));
        return SYL_OK;
    }
    SYL_TRY(cuda_as_dtype(ctx, SYL_F32, &back, err));
    CUDA_TRY("adding", syl_cuda_scale(ctx->compute, 1, back, true, y));
    return SYL_OK;
}

/* w's rows one behind the other, in dtype. */
static syl_status packed(cuda_ctx *ctx, syl_dtype dtype, syl_mat w, syl_mat *out, syl_error *err)
{
    *out = w;
    if (w.dtype == dtype && w.stride == w.cols) return SYL_OK;
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, dtype, w.rows, w.cols, out, err));
    CUDA_TRY("converting", syl_cuda_convert(ctx->compute, w, *out));
    return SYL_OK;
}

/* ---- the three passes --------------------------------------------------------------------- */

static const float one = 1, none = 0;

static syl_status forward(cuda_ctx *ctx, syl_conv_shape shape, syl_dtype dtype, syl_mat x,
                          const void *w, syl_mat y, syl_error *err)
{
    plan_key key = {0};
    plan *by;
    void *work;
    syl_mat in, out;
    SYL_TRY(key_of(FORWARD, shape, dtype, x.rows, y.rows, &key, err));
    SYL_TRY(to_channels(ctx, dtype, x, x.rows, &in, err));
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, dtype, y.cols, rows_of(&key), &out, err));
    SYL_TRY(prepare(ctx, &key, &by, &work, err));
    cuda_convs *c = ctx->convs;
    SYL_TRY(done(by,
                 cudnnConvolutionForward(c->handle, &one, c->x, in.data, c->w, w, c->conv,
                                         (cudnnConvolutionFwdAlgo_t)by->algorithm, work,
                                         by->workspace, &none, c->y, out.data),
                 "a grouped convolution", err));
    return from_channels(ctx, out, false, y, err);
}

static syl_status input_gradient(cuda_ctx *ctx, syl_conv_shape shape, syl_dtype dtype, syl_mat dy,
                                 const void *w, bool accumulate, syl_mat dx, syl_error *err)
{
    plan_key key = {0};
    plan *by;
    void *work;
    syl_mat in, out;
    SYL_TRY(key_of(INPUT_GRADIENT, shape, dtype, dx.rows, dy.rows, &key, err));
    SYL_TRY(to_channels(ctx, dtype, dy, rows_of(&key), &in, err));
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, dtype, dx.cols, dx.rows, &out, err));
    SYL_TRY(prepare(ctx, &key, &by, &work, err));
    cuda_convs *c = ctx->convs;
    SYL_TRY(done(by,
                 cudnnConvolutionBackwardData(c->handle, &one, c->w, w, c->y, in.data, c->conv,
                                              (cudnnConvolutionBwdDataAlgo_t)by->algorithm, work,
                                              by->workspace, &none, c->x, out.data),
                 "a grouped convolution's gradient", err));
    return from_channels(ctx, out, accumulate, dx, err);
}

static syl_status weight_gradient(cuda_ctx *ctx, syl_conv_shape shape, syl_dtype dtype, syl_mat x,
                                  syl_mat dy, syl_mat dw, syl_error *err)
{
    plan_key key = {0};
    plan *by;
    void *work;
    syl_mat in, out, sum = dw;
    bool direct = dtype == SYL_F32 && dw.stride == dw.cols;
    SYL_TRY(key_of(WEIGHT_GRADIENT, shape, dtype, x.rows, dy.rows, &key, err));
    SYL_TRY(to_channels(ctx, dtype, x, x.rows, &in, err));
    SYL_TRY(to_channels(ctx, dtype, dy, rows_of(&key), &out, err));
    if (!direct) SYL_TRY(cuda_op_ctx_mat(&ctx->base, dtype, dw.rows, dw.cols, &sum, err));
    SYL_TRY(prepare(ctx, &key, &by, &work, err));
    cuda_convs *c = ctx->convs;
    SYL_TRY(
        done(by,
             cudnnConvolutionBackwardFilter(c->handle, &one, c->x, in.data, c->y, out.data, c->conv,
                                            (cudnnConvolutionBwdFilterAlgo_t)by->algorithm, work,
                                            by->workspace, direct ? &one : &none, c->w, sum.data),
             "a grouped convolution's gradient", err));
    if (direct) return SYL_OK;
    SYL_TRY(cuda_as_dtype(ctx, SYL_F32, &sum, err));
    CUDA_TRY("adding", syl_cuda_scale(ctx->compute, 1, sum, true, dw));
    return SYL_OK;
}

/* bf16 is not there on every device (sm_75) nor for every shape; float32 is, and takes its place.
 */
static bool may_widen(syl_status status, syl_dtype *compute)
{
    bool widen = status == SYL_EUNSUPPORTED && *compute == SYL_BF16;
    if (widen) *compute = SYL_F32;
    return widen;
}

static syl_status forward_packed(cuda_ctx *ctx, syl_conv_shape shape, syl_dtype compute, syl_mat x,
                                 syl_mat w, syl_mat y, syl_error *err)
{
    syl_status status;
    do {
        syl_mat own;
        SYL_TRY(packed(ctx, compute, w, &own, err));
        status = forward(ctx, shape, compute, x, own.data, y, err);
    } while (may_widen(status, &compute));
    return status;
}

syl_status cuda_conv_grouped(cuda_ctx *ctx, const cuda_weight *w, syl_mat x, syl_act act, syl_mat y,
                             syl_error *err)
{
    syl_mat wide = y;
    if (y.dtype != SYL_F32)
        SYL_TRY(cuda_op_ctx_mat(&ctx->base, SYL_F32, y.rows, y.cols, &wide, err));
    const syl_conv_shape *c = &w->conv;
    syl_mat taps =
        syl_mat_of(w->data, w->dtype, c->c_out, (int64_t)c->c_in / c->groups * c->kernel);
    SYL_TRY(forward_packed(ctx, *c, w->dtype, x, taps, wide, err));
    if (act == SYL_ACT_GELU)
        CUDA_TRY("an activation",
                 syl_cuda_bias_activation(ctx->compute, SYL_GELU_ERF, w->bias, wide));
    else if (w->bias)
        CUDA_TRY("a bias", syl_cuda_add_bias(ctx->compute, w->bias, wide));
    if (y.dtype != SYL_F32) CUDA_TRY("converting", syl_cuda_convert(ctx->compute, wide, y));
    return SYL_OK;
}

/* ---- of training -------------------------------------------------------------------------- */

syl_status cuda_op_grouped_conv(syl_ctx *base, syl_conv_shape shape, syl_dtype compute, syl_mat x,
                                syl_mat w, syl_mat y, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (y.rows == 0) return SYL_OK;
    syl_status status = forward_packed(ctx, shape, compute, x, w, y, err);
    ctx->top = mark;
    return status;
}

static syl_status input_gradient_packed(cuda_ctx *ctx, syl_conv_shape shape, syl_dtype compute,
                                        syl_mat dy, syl_mat w, bool accumulate, syl_mat dx,
                                        syl_error *err)
{
    syl_status status;
    do {
        syl_mat own;
        SYL_TRY(packed(ctx, compute, w, &own, err));
        status = input_gradient(ctx, shape, compute, dy, own.data, accumulate, dx, err);
    } while (may_widen(status, &compute));
    return status;
}

syl_status cuda_op_grouped_conv_input_gradient(syl_ctx *base, syl_conv_shape shape,
                                               syl_dtype compute, syl_mat dy, syl_mat w,
                                               bool accumulate, syl_mat dx, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (dx.rows == 0) return SYL_OK;
    syl_status status = input_gradient_packed(ctx, shape, compute, dy, w, accumulate, dx, err);
    ctx->top = mark;
    return status;
}

syl_status cuda_op_grouped_conv_weight_gradient(syl_ctx *base, syl_conv_shape shape,
                                                syl_dtype compute, syl_mat x, syl_mat dy,
                                                syl_mat dw, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (dy.rows == 0) return SYL_OK;
    syl_status status;
    do
        status = weight_gradient(ctx, shape, compute, x, dy, dw, err);
    while (may_widen(status, &compute));
    ctx->top = mark;
    return status;
}
