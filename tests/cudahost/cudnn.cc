/* cuDNN's convolutions: tensors of any strides and either type are packed to float32 NCHW and run
 * through plain loops, whose innermost one is over the last axis that is not of length 1. */
#include <cudnn.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/cudahost/internal.h"
#include "tests/cudahost/numbers.h"

/* A filter is a tensor of [out channels][channels of a group][h][w]. */
struct cudnnTensorStruct {
    cudnnDataType_t type;
    int dim[4], stride[4];
};

struct cudnnFilterStruct {
    cudnnTensorStruct t;
};

struct cudnnConvolutionStruct {
    int pad[2], stride[2], dilation[2], groups; /* h, w */
    cudnnConvolutionMode_t mode;
    cudnnDataType_t compute;
    cudnnMathType_t math;
};

struct cudnnContext {
    cudaStream_t stream;
};

using namespace cudahost;

namespace {

using Tensor = cudnnTensorStruct;
using Conv = cudnnConvolutionStruct;

/* Asked for by the second algorithm of each kind, and filled with NaN bytes. */
constexpr size_t workspace_wanted = 4096;

bool set_tensor(Tensor &t, cudnnDataType_t type, const int (&dim)[4], const int (&stride)[4])
{
    if (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_BFLOAT16) return false;
    for (int i = 0; i < 4; i++)
        if (dim[i] < 1 || stride[i] < 1) return false;
    t.type = type;
    std::copy(dim, dim + 4, t.dim);
    std::copy(stride, stride + 4, t.stride);
    return true;
}

bool good_memory(const Tensor &t, const void *data)
{
    size_t last = 0, bytes = t.type == CUDNN_DATA_BFLOAT16 ? 2 : 4;
    for (int i = 0; i < 4; i++)
        last += (size_t)(t.dim[i] - 1) * (size_t)t.stride[i];
    return (uintptr_t)data % bytes == 0 && on_device(data, (last + 1) * bytes);
}

/* Whether x [n][c][h][w], w [k][c / groups][r][s] and y [n][k][h'][w'] go together. */
bool good_shapes(const Tensor &x, const Tensor &w, const Tensor &y, const Conv &c)
{
    if (x.type != w.type || x.type != y.type || c.groups < 1 || x.dim[1] != w.dim[1] * c.groups ||
        w.dim[0] % c.groups != 0 || y.dim[0] != x.dim[0] || y.dim[1] != w.dim[0])
        return false;
    for (int i = 0; i < 2; i++) {
        int room = x.dim[2 + i] + 2 * c.pad[i] - ((w.dim[2 + i] - 1) * c.dilation[i] + 1);
        if (room < 0 || y.dim[2 + i] != room / c.stride[i] + 1) return false;
    }
    return true;
}

/* ---- tensors to and from plain floats ------------------------------------------------- */

template <class F> void each_element(const Tensor &t, F f)
{
    size_t i = 0;
    for (int64_t n = 0; n < t.dim[0]; n++)
        for (int64_t c = 0; c < t.dim[1]; c++)
            for (int64_t h = 0; h < t.dim[2]; h++)
                for (int64_t w = 0; w < t.dim[3]; w++)
                    f(i++, n * t.stride[0] + c * t.stride[1] + h * t.stride[2] + w * t.stride[3]);
}

size_t elements(const Tensor &t)
{
    return (size_t)t.dim[0] * (size_t)t.dim[1] * (size_t)t.dim[2] * (size_t)t.dim[3];
}

std::vector<float> pack(const Tensor &t, const void *data)
{
    Elements e = {(void *)data, t.type == CUDNN_DATA_BFLOAT16};
    std::vector<float> v(elements(t));
    each_element(t, [&](size_t i, int64_t at) { v[i] = e.get(at); });
    return v;
}

void unpack(const Tensor &t, const std::vector<float> &v, float alpha, float beta, void *data)
{
    Elements e = {data, t.type == CUDNN_DATA_BFLOAT16};
    each_element(t, [&](size_t i, int64_t at) {
        e.set(at, alpha * v[i] + (beta != 0 ? beta * e.get(at) : 0));
    });
}

/* ---- the loops ------------------------------------------------------------------------ */

enum Pass { FORWARD, BACKWARD_DATA, BACKWARD_FILTER };

/* Sizes of one convolution, time moved to the last axis. */
struct Shape {
    int64_t n, groups, k, c; /* k and c: of a group */
    int64_t in[2], filter[2], out[2], pad[2], stride[2], dilation[2];
};

Shape shape_of(const Tensor &x, const Tensor &w, const Tensor &y, const Conv &c)
{
    Shape s = {};
    s.n = x.dim[0];
    s.groups = c.groups;
    s.k = w.dim[0] / c.groups;
    s.c = w.dim[1];
    bool turn = x.dim[3] == 1 && w.dim[3] == 1 && y.dim[3] == 1 && c.pad[1] == 0;
    for (int i = 0; i < 2; i++) {
        int from = turn ? 1 - i : i;
        s.in[i] = x.dim[2 + from];
        s.filter[i] = w.dim[2 + from];
        s.out[i] = y.dim[2 + from];
        s.pad[i] = c.pad[from];
        s.stride[i] = c.stride[from];
        s.dilation[i] = c.dilation[from];
    }
    return s;
}

/* One row of outputs and one weight: y[t] and x[t stride + shift] for the t that exist. */
void run_row(Pass pass, float *x, float *y, float *weight, int64_t shift, int64_t stride,
             int64_t in, int64_t out)
{
    int64_t begin = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int64_t end = in - 1 - shift < 0 ? 0 : std::min(out, (in - 1 - shift) / stride + 1);
    x += shift;
    if (pass == FORWARD) {
        for (int64_t t = begin; t < end; t++)
            y[t] += *weight * x[t * stride];
    } else if (pass == BACKWARD_DATA) {
        for (int64_t t = begin; t < end; t++)
            x[t * stride] += *weight * y[t];
    } else {
        double sum = 0;
        for (int64_t t = begin; t < end; t++)
            sum += (double)y[t] * x[t * stride];
        *weight += (float)sum;
    }
}

/* All weights of one pair of planes: x [in], w [filter], y [out]. */
void run_planes(Pass pass, const Shape &s, float *x, float *w, float *y)
{
    for (int64_t oh = 0; oh < s.out[0]; oh++)
        for (int64_t r = 0; r < s.filter[0]; r++) {
            int64_t ih = oh * s.stride[0] + r * s.dilation[0] - s.pad[0];
            if (ih < 0 || ih >= s.in[0]) continue;
            for (int64_t q = 0; q < s.filter[1]; q++)
                run_row(pass, x + ih * s.in[1], y + oh * s.out[1], w + r * s.filter[1] + q,
                        q * s.dilation[1] - s.pad[1], s.stride[1], s.in[1], s.out[1]);
        }
}

void run_all(Pass pass, const Shape &s, float *x, float *w, float *y)
{
    int64_t in = s.in[0] * s.in[1], filter = s.filter[0] * s.filter[1], out = s.out[0] * s.out[1];
    for (int64_t n = 0; n < s.n; n++)
        for (int64_t g = 0; g < s.groups; g++)
            for (int64_t k = g * s.k; k < (g + 1) * s.k; k++)
                for (int64_t c = 0; c < s.c; c++)
                    run_planes(pass, s, x + ((n * s.groups + g) * s.c + c) * in,
                               w + (k * s.c + c) * filter, y + (n * s.groups * s.k + k) * out);
}

/* ---- calls ---------------------------------------------------------------------------- */

/* One of x, w, y is written: the one that the pass names. */
struct Call {
    Pass pass;
    Tensor x, w, y;
    void *x_data, *w_data, *y_data;
    Conv conv;
    float alpha, beta;
    void *work;
    size_t work_bytes;
};

void convolve(const Call &c)
{
    DeviceWork device;
    if (c.work_bytes) memset(c.work, 0xFF, c.work_bytes);
    std::vector<float> x = pack(c.x, c.x_data), w = pack(c.w, c.w_data), y = pack(c.y, c.y_data);
    std::vector<float> &to = c.pass == FORWARD ? y : c.pass == BACKWARD_DATA ? x : w;
    std::fill(to.begin(), to.end(), 0.0f);
    run_all(c.pass, shape_of(c.x, c.w, c.y, c.conv), x.data(), w.data(), y.data());
    if (c.pass == FORWARD) unpack(c.y, y, c.alpha, c.beta, c.y_data);
    if (c.pass == BACKWARD_DATA) unpack(c.x, x, c.alpha, c.beta, c.x_data);
    if (c.pass == BACKWARD_FILTER) unpack(c.w, w, c.alpha, c.beta, c.w_data);
}

cudnnStatus_t put(cudnnHandle_t handle, Call c, int algo)
{
    if (!good_shapes(c.x, c.w, c.y, c.conv) || !good_memory(c.x, c.x_data) ||
        !good_memory(c.w, c.w_data) || !good_memory(c.y, c.y_data))
        return CUDNN_STATUS_BAD_PARAM;
    if (algo < 0 || algo > 1) return CUDNN_STATUS_NOT_SUPPORTED;
    if ((algo == 1 && c.work_bytes < workspace_wanted) ||
        (c.work_bytes && !on_device(c.work, c.work_bytes)))
        return CUDNN_STATUS_BAD_PARAM;
    return enqueue(handle->stream, [c] { convolve(c); }) == cudaSuccess
               ? CUDNN_STATUS_SUCCESS
               : CUDNN_STATUS_EXECUTION_FAILED;
}

/* Two algorithms: 0, which backward passes of the real one do in no fixed order, first; then 1,
 * which wants a workspace. */
template <class Algo, class Perf>
cudnnStatus_t list_algorithms(bool known, bool fixed_order, int requested, int *returned,
                              Perf *results)
{
    if (!known || requested < 1 || !returned || !results) return CUDNN_STATUS_BAD_PARAM;
    *returned = std::min(requested, 2);
    for (int i = 0; i < *returned; i++) {
        results[i] = Perf();
        results[i].algo = (Algo)i;
        results[i].status = CUDNN_STATUS_SUCCESS;
        results[i].time = -1;
        results[i].memory = i ? workspace_wanted : 0;
        results[i].determinism = i || fixed_order ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
        results[i].mathType = CUDNN_DEFAULT_MATH;
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t workspace_size(bool known, int algo, size_t *bytes)
{
    if (!known || !bytes) return CUDNN_STATUS_BAD_PARAM;
    if (algo < 0 || algo > 1) return CUDNN_STATUS_NOT_SUPPORTED;
    *bytes = algo ? workspace_wanted : 0;
    return CUDNN_STATUS_SUCCESS;
}

bool fits(cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t y,
          cudnnConvolutionDescriptor_t c)
{
    return x && w && y && c && good_shapes(*x, w->t, *y, *c);
}

} // namespace

#define BEGIN()                                                            \
    do {                                                                   \
        if (int code_ = begin_call(__func__)) return (cudnnStatus_t)code_; \
    } while (0)

/* ---- handles and descriptors ---------------------------------------------------------- */

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    BEGIN();
    if (!handle) return CUDNN_STATUS_BAD_PARAM;
    if (!device_usable()) return CUDNN_STATUS_NOT_INITIALIZED;
    *handle = new cudnnContext{nullptr};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    delete handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    BEGIN();
    if (!handle) return CUDNN_STATUS_BAD_PARAM;
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
#define NAME(name) \
    case name:     \
        return #name
    switch (status) {
        NAME(CUDNN_STATUS_SUCCESS);
        NAME(CUDNN_STATUS_NOT_INITIALIZED);
        NAME(CUDNN_STATUS_BAD_PARAM);
        NAME(CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
        NAME(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
        NAME(CUDNN_STATUS_NOT_SUPPORTED);
        NAME(CUDNN_STATUS_INTERNAL_ERROR);
        NAME(CUDNN_STATUS_ALLOC_FAILED);
        NAME(CUDNN_STATUS_EXECUTION_FAILED);
    }
#undef NAME
    return "CUDNN_UNKNOWN_STATUS";
}

void cudnnGetLastErrorString(char *message, size_t size)
{
    if (size) snprintf(message, size, "cudahost keeps no messages");
}

size_t cudnnGetVersion(void)
{
    return CUDNN_VERSION;
}

#define DESCRIPTOR(name, type)                              \
    cudnnStatus_t cudnnCreate##name##Descriptor(type *desc) \
    {                                                       \
        BEGIN();                                            \
        if (!desc) return CUDNN_STATUS_BAD_PARAM;           \
        *desc = new std::remove_pointer_t<type>();          \
        return CUDNN_STATUS_SUCCESS;                        \
    }                                                       \
    cudnnStatus_t cudnnDestroy##name##Descriptor(type desc) \
    {                                                       \
        delete desc;                                        \
        return CUDNN_STATUS_SUCCESS;                        \
    }
DESCRIPTOR(Tensor, cudnnTensorDescriptor_t)
DESCRIPTOR(Filter, cudnnFilterDescriptor_t)
DESCRIPTOR(Convolution, cudnnConvolutionDescriptor_t)

cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t desc, cudnnDataType_t type,
                                           int n, int c, int h, int w, int n_stride, int c_stride,
                                           int h_stride, int w_stride)
{
    BEGIN();
    return desc && set_tensor(*desc, type, {n, c, h, w}, {n_stride, c_stride, h_stride, w_stride})
               ? CUDNN_STATUS_SUCCESS
               : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t desc, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w)
{
    BEGIN();
    if (!desc) return CUDNN_STATUS_BAD_PARAM;
    bool ok = format == CUDNN_TENSOR_NHWC
                  ? set_tensor(*desc, type, {n, c, h, w}, {h * w * c, 1, w * c, c})
                  : set_tensor(*desc, type, {n, c, h, w}, {c * h * w, h * w, w, 1});
    return ok ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t desc, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w)
{
    BEGIN();
    if (format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_NOT_SUPPORTED;
    return desc && set_tensor(desc->t, type, {k, c, h, w}, {c * h * w, h * w, w, 1})
               ? CUDNN_STATUS_SUCCESS
               : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t desc, int pad_h,
                                              int pad_w, int u, int v, int dilation_h,
                                              int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t compute)
{
    BEGIN();
    if (!desc || pad_h < 0 || pad_w < 0 || u < 1 || v < 1 || dilation_h < 1 || dilation_w < 1)
        return CUDNN_STATUS_BAD_PARAM;
    if (mode != CUDNN_CROSS_CORRELATION || compute != CUDNN_DATA_FLOAT)
        return CUDNN_STATUS_NOT_SUPPORTED;
    *desc = {{pad_h, pad_w}, {u, v},  {dilation_h, dilation_w}, 1,
             mode,           compute, CUDNN_DEFAULT_MATH};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t desc, int groups)
{
    BEGIN();
    if (!desc || groups < 1) return CUDNN_STATUS_BAD_PARAM;
    desc->groups = groups;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t desc, cudnnMathType_t math)
{
    BEGIN();
    if (!desc) return CUDNN_STATUS_BAD_PARAM;
    desc->math = math;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- algorithms ----------------------------------------------------------------------- */

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(
    cudnnHandle_t handle, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
    const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t y, const int requested,
    int *returned, cudnnConvolutionFwdAlgoPerf_t *results)
{
    BEGIN();
    return list_algorithms<cudnnConvolutionFwdAlgo_t>(handle && fits(x, w, y, conv), true,
                                                      requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
    cudnnHandle_t handle, const cudnnFilterDescriptor_t w, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t dx, const int requested,
    int *returned, cudnnConvolutionBwdDataAlgoPerf_t *results)
{
    BEGIN();
    return list_algorithms<cudnnConvolutionBwdDataAlgo_t>(handle && fits(dx, w, dy, conv), false,
                                                          requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    cudnnHandle_t handle, const cudnnTensorDescriptor_t x, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t conv, const cudnnFilterDescriptor_t dw, const int requested,
    int *returned, cudnnConvolutionBwdFilterAlgoPerf_t *results)
{
    BEGIN();
    return list_algorithms<cudnnConvolutionBwdFilterAlgo_t>(handle && fits(x, dw, dy, conv), false,
                                                            requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t handle,
                                                      const cudnnTensorDescriptor_t x,
                                                      const cudnnFilterDescriptor_t w,
                                                      const cudnnConvolutionDescriptor_t conv,
                                                      const cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t algo, size_t *bytes)
{
    BEGIN();
    return workspace_size(handle && fits(x, w, y, conv), algo, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
    cudnnHandle_t handle, const cudnnFilterDescriptor_t w, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t dx,
    cudnnConvolutionBwdDataAlgo_t algo, size_t *bytes)
{
    BEGIN();
    return workspace_size(handle && fits(dx, w, dy, conv), algo, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t handle, const cudnnTensorDescriptor_t x, const cudnnTensorDescriptor_t dy,
    const cudnnConvolutionDescriptor_t conv, const cudnnFilterDescriptor_t dw,
    cudnnConvolutionBwdFilterAlgo_t algo, size_t *bytes)
{
    BEGIN();
    return workspace_size(handle && fits(x, dw, dy, conv), algo, bytes);
}

/* ---- convolutions --------------------------------------------------------------------- */

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha,
                                      const cudnnTensorDescriptor_t x_desc, const void *x,
                                      const cudnnFilterDescriptor_t w_desc, const void *w,
                                      const cudnnConvolutionDescriptor_t conv,
                                      cudnnConvolutionFwdAlgo_t algo, void *work, size_t work_bytes,
                                      const void *beta, const cudnnTensorDescriptor_t y_desc,
                                      void *y)
{
    BEGIN();
    if (!handle || !alpha || !beta || !x_desc || !w_desc || !conv || !y_desc)
        return CUDNN_STATUS_BAD_PARAM;
    Call c = {FORWARD,
              *x_desc,
              w_desc->t,
              *y_desc,
              (void *)x,
              (void *)w,
              y,
              *conv,
              *(const float *)alpha,
              *(const float *)beta,
              work,
              work_bytes};
    return put(handle, c, algo);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha,
                                           const cudnnFilterDescriptor_t w_desc, const void *w,
                                           const cudnnTensorDescriptor_t dy_desc, const void *dy,
                                           const cudnnConvolutionDescriptor_t conv,
                                           cudnnConvolutionBwdDataAlgo_t algo, void *work,
                                           size_t work_bytes, const void *beta,
                                           const cudnnTensorDescriptor_t dx_desc, void *dx)
{
    BEGIN();
    if (!handle || !alpha || !beta || !w_desc || !dy_desc || !conv || !dx_desc)
        return CUDNN_STATUS_BAD_PARAM;
    Call c = {BACKWARD_DATA,
              *dx_desc,
              w_desc->t,
              *dy_desc,
              dx,
              (void *)w,
              (void *)dy,
              *conv,
              *(const float *)alpha,
              *(const float *)beta,
              work,
              work_bytes};
    return put(handle, c, algo);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha,
                                             const cudnnTensorDescriptor_t x_desc, const void *x,
                                             const cudnnTensorDescriptor_t dy_desc, const void *dy,
                                             const cudnnConvolutionDescriptor_t conv,
                                             cudnnConvolutionBwdFilterAlgo_t algo, void *work,
                                             size_t work_bytes, const void *beta,
                                             const cudnnFilterDescriptor_t dw_desc, void *dw)
{
    BEGIN();
    if (!handle || !alpha || !beta || !x_desc || !dy_desc || !conv || !dw_desc)
        return CUDNN_STATUS_BAD_PARAM;
    Call c = {BACKWARD_FILTER,
              *x_desc,
              dw_desc->t,
              *dy_desc,
              (void *)x,
              dw,
              (void *)dy,
              *conv,
              *(const float *)alpha,
              *(const float *)beta,
              work,
              work_bytes};
    return put(handle, c, algo);
}
