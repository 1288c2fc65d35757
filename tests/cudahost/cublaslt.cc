/* cuBLASLt's products: d = f(alpha op(a) op(b) + beta c + bias), column-major, computed in float32.
 *
 * Stricter than the real one, so that what passes here has no excuse there: matrices lie within
 * device memory, d meets neither a nor b, pointers have the alignment that the algorithm was asked
 * for, an algorithm's workspace is given. */
#include <cublasLt.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/cudahost/internal.h"
#include "tests/cudahost/numbers.h"

struct cublasLtContext {
    int device;
};

struct cublasLtMatrixLayoutOpaque {
    int32_t type, order;
    uint64_t rows, cols;
    int64_t ld;
    int32_t batch;
    int64_t batch_stride;
};

struct cublasLtMatmulDescOpaque {
    int32_t compute, scale, pointer_mode, trans[3]; /* a, b, c */
    uint32_t epilogue;
    const void *bias;
    int64_t bias_stride;
    int32_t bias_type; /* -1: that of d */
};

struct cublasLtMatmulPreferenceOpaque {
    uint64_t workspace;
    uint32_t alignment[4]; /* a, b, c, d */
};

using namespace cudahost;

namespace {

using Layout = cublasLtMatrixLayoutOpaque;
using Desc = cublasLtMatmulDescOpaque;

/* Wanted only to find callers that do not provide it. */
constexpr size_t workspace_wanted = 1024;
constexpr uint64_t algo_mark = 0x5359;

/* An attribute of exactly the field's size. */
template <class T> cublasStatus_t set_field(T &field, const void *buf, size_t size)
{
    if (!buf || size != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&field, buf, size);
    return CUBLAS_STATUS_SUCCESS;
}

/* All that a product needs once it was checked; by value, so that a graph can keep it. */
struct Product {
    Desc desc;
    Layout a_layout, b_layout, c_layout, d_layout;
    Elements a, b, c, d;
    float alpha, beta;
    int64_t m, n, k;
};

int64_t last_element(const Layout &l)
{
    return ((int64_t)l.cols - 1) * l.ld + (int64_t)l.rows + (l.batch - 1) * l.batch_stride;
}

bool good_layout(const Layout &l)
{
    return (l.type == CUDA_R_32F || l.type == CUDA_R_16BF) && l.order == CUBLASLT_ORDER_COL &&
           l.rows > 0 && l.cols > 0 && l.ld >= (int64_t)l.rows && l.batch > 0;
}

bool good_memory(const Elements &e, const Layout &l)
{
    return (uintptr_t)e.data % e.bytes() == 0 &&
           on_device(e.data, (size_t)last_element(l) * e.bytes());
}

bool overlap(const Elements &x, const Layout &xl, const Elements &y, const Layout &yl)
{
    const char *a = (const char *)x.data, *b = (const char *)y.data;
    return a < b + (size_t)last_element(yl) * y.bytes() &&
           b < a + (size_t)last_element(xl) * x.bytes();
}

bool same_layout(const Layout &a, const Layout &b)
{
    return a.type == b.type && a.rows == b.rows && a.cols == b.cols && a.ld == b.ld &&
           a.batch == b.batch && (a.batch == 1 || a.batch_stride == b.batch_stride);
}

bool known_epilogue(uint32_t e)
{
    return e == CUBLASLT_EPILOGUE_DEFAULT || e == CUBLASLT_EPILOGUE_RELU ||
           e == CUBLASLT_EPILOGUE_BIAS || e == CUBLASLT_EPILOGUE_RELU_BIAS ||
           e == CUBLASLT_EPILOGUE_GELU || e == CUBLASLT_EPILOGUE_GELU_BIAS;
}

/* Kinds first, then shapes. Sets m, n and k. */
cublasStatus_t check_shapes(Product &p)
{
    const Desc &t = p.desc;
    bool f32 = t.compute == CUBLAS_COMPUTE_32F || t.compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
               t.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
               t.compute == CUBLAS_COMPUTE_32F_FAST_16BF;
    if (!f32 || t.scale != CUDA_R_32F || t.pointer_mode != CUBLASLT_POINTER_MODE_HOST ||
        t.trans[2] != CUBLAS_OP_N || !known_epilogue(t.epilogue))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    for (const Layout *l : {&p.a_layout, &p.b_layout, &p.c_layout, &p.d_layout})
        if (!good_layout(*l)) return CUBLAS_STATUS_INVALID_VALUE;
    bool bias_fits = t.bias_type < 0 || t.bias_type == p.d_layout.type;
    if (p.a_layout.type != p.b_layout.type || p.c_layout.type != p.d_layout.type ||
        (p.d.bf16 && !p.a.bf16) || ((t.epilogue & CUBLASLT_EPILOGUE_BIAS) && !bias_fits))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    bool ta = t.trans[0] != CUBLAS_OP_N, tb = t.trans[1] != CUBLAS_OP_N;
    const Layout &a = p.a_layout, &b = p.b_layout, &c = p.c_layout, &d = p.d_layout;
    p.m = (int64_t)(ta ? a.cols : a.rows);
    p.k = (int64_t)(ta ? a.rows : a.cols);
    p.n = (int64_t)(tb ? b.rows : b.cols);
    if ((int64_t)(tb ? b.cols : b.rows) != p.k || (int64_t)d.rows != p.m ||
        (int64_t)d.cols != p.n || (int64_t)c.rows != p.m || (int64_t)c.cols != p.n ||
        a.batch != d.batch || b.batch != d.batch || c.batch != d.batch)
        return CUBLAS_STATUS_INVALID_VALUE;
    return CUBLAS_STATUS_SUCCESS;
}

bool good_pointers(const Product &p)
{
    if (!good_memory(p.a, p.a_layout) || !good_memory(p.b, p.b_layout) ||
        !good_memory(p.d, p.d_layout))
        return false;
    if (p.beta != 0 && !good_memory(p.c, p.c_layout)) return false;
    if (overlap(p.d, p.d_layout, p.a, p.a_layout) || overlap(p.d, p.d_layout, p.b, p.b_layout))
        return false;
    if (p.beta != 0 && p.c.data != p.d.data && overlap(p.d, p.d_layout, p.c, p.c_layout))
        return false;
    if (p.c.data == p.d.data && !same_layout(p.c_layout, p.d_layout)) return false;
    if (!(p.desc.epilogue & CUBLASLT_EPILOGUE_BIAS)) return true;
    size_t bias = (size_t)(p.m + (p.d_layout.batch - 1) * p.desc.bias_stride);
    return on_device(p.desc.bias, bias * p.d.bytes());
}

/* ---- arithmetic ----------------------------------------------------------------------- */

/* to [cols of op][rows of op] = op(x), each column contiguous. */
void pack(const Elements &x, int64_t at, int64_t ld, bool transposed, int64_t rows, int64_t cols,
          std::vector<float> &to)
{
    to.resize((size_t)(rows * cols));
    for (int64_t j = 0; j < cols; j++)
        for (int64_t i = 0; i < rows; i++)
            to[(size_t)(j * rows + i)] = x.get(at + (transposed ? i * ld + j : j * ld + i));
}

/* sum [m] of up to four columns of d: the loop over rows becomes vector code, and a is read once
 * for the four. */
void four_columns(const float *a, const float *b, int64_t m, int64_t k, int columns, float *sum)
{
    std::fill(sum, sum + 4 * m, 0.0f);
    float *s0 = sum, *s1 = sum + m, *s2 = sum + 2 * m, *s3 = sum + 3 * m;
    for (int64_t l = 0; l < k; l++) {
        const float *column = a + l * m;
        float b0 = b[l], b1 = columns > 1 ? b[k + l] : 0, b2 = columns > 2 ? b[2 * k + l] : 0,
              b3 = columns > 3 ? b[3 * k + l] : 0;
        for (int64_t i = 0; i < m; i++) {
            s0[i] += column[i] * b0;
            s1[i] += column[i] * b1;
            s2[i] += column[i] * b2;
            s3[i] += column[i] * b3;
        }
    }
}

float activate(float x, uint32_t epilogue)
{
    if (epilogue & CUBLASLT_EPILOGUE_RELU) return x > 0 ? x : 0;
    if (epilogue & CUBLASLT_EPILOGUE_GELU) /* the form with tanh */
        return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
    return x;
}

void finish_column(const Product &p, int64_t batch, int64_t j, const float *sum)
{
    bool biased = p.desc.epilogue & CUBLASLT_EPILOGUE_BIAS;
    Elements bias = {(void *)p.desc.bias, p.d.bf16};
    int64_t d = batch * p.d_layout.batch_stride + j * p.d_layout.ld;
    int64_t c = batch * p.c_layout.batch_stride + j * p.c_layout.ld;
    for (int64_t i = 0; i < p.m; i++) {
        float value = p.alpha * sum[i];
        if (p.beta != 0) value += p.beta * p.c.get(c + i);
        if (biased) value += bias.get(batch * p.desc.bias_stride + i);
        p.d.set(d + i, activate(value, p.desc.epilogue));
    }
}

void multiply(const Product &p)
{
    DeviceWork work;
    std::vector<float> a, b, sum((size_t)(4 * p.m));
    for (int64_t batch = 0; batch < p.d_layout.batch; batch++) {
        pack(p.a, batch * p.a_layout.batch_stride, p.a_layout.ld, p.desc.trans[0] != CUBLAS_OP_N,
             p.m, p.k, a);
        pack(p.b, batch * p.b_layout.batch_stride, p.b_layout.ld, p.desc.trans[1] != CUBLAS_OP_N,
             p.k, p.n, b);
        for (int64_t j = 0; j < p.n; j += 4) {
            int columns = (int)std::min<int64_t>(4, p.n - j);
            four_columns(a.data(), b.data() + j * p.k, p.m, p.k, columns, sum.data());
            for (int i = 0; i < columns; i++)
                finish_column(p, batch, j + i, sum.data() + i * p.m);
        }
    }
}

} // namespace

/* ---- handles and descriptors ---------------------------------------------------------- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    if (int code = begin_call(__func__)) return (cublasStatus_t)code;
    if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
    if (!device_usable()) return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new cublasLtContext{current_device()};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
#define NAME(name) \
    case name:     \
        return #name
    switch (status) {
        NAME(CUBLAS_STATUS_SUCCESS);
        NAME(CUBLAS_STATUS_NOT_INITIALIZED);
        NAME(CUBLAS_STATUS_ALLOC_FAILED);
        NAME(CUBLAS_STATUS_INVALID_VALUE);
        NAME(CUBLAS_STATUS_ARCH_MISMATCH);
        NAME(CUBLAS_STATUS_MAPPING_ERROR);
        NAME(CUBLAS_STATUS_EXECUTION_FAILED);
        NAME(CUBLAS_STATUS_INTERNAL_ERROR);
        NAME(CUBLAS_STATUS_NOT_SUPPORTED);
        NAME(CUBLAS_STATUS_LICENSE_ERROR);
    }
#undef NAME
    return "<unknown>";
}

size_t cublasLtGetVersion(void)
{
    return 130000;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    if (int code = begin_call(__func__)) return (cublasStatus_t)code;
    if (!desc) return CUBLAS_STATUS_INVALID_VALUE;
    *desc = new Desc{
        compute, scale, CUBLASLT_POINTER_MODE_HOST, {0, 0, 0}, CUBLASLT_EPILOGUE_DEFAULT, nullptr,
        0,       -1};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc)
{
    delete desc;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attr, const void *buf,
                                              size_t size)
{
    if (!desc) return CUBLAS_STATUS_INVALID_VALUE;
    switch (attr) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
        return set_field(desc->compute, buf, size);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
        return set_field(desc->scale, buf, size);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE:
        return set_field(desc->pointer_mode, buf, size);
    case CUBLASLT_MATMUL_DESC_TRANSA:
    case CUBLASLT_MATMUL_DESC_TRANSB:
    case CUBLASLT_MATMUL_DESC_TRANSC:
        return set_field(desc->trans[attr - CUBLASLT_MATMUL_DESC_TRANSA], buf, size);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
        return set_field(desc->epilogue, buf, size);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
        return set_field(desc->bias, buf, size);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE:
        return set_field(desc->bias_stride, buf, size);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
        return set_field(desc->bias_type, buf, size);
    }
    return CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type,
                                          uint64_t rows, uint64_t cols, int64_t ld)
{
    if (int code = begin_call(__func__)) return (cublasStatus_t)code;
    if (!layout) return CUBLAS_STATUS_INVALID_VALUE;
    *layout = new Layout{type, CUBLASLT_ORDER_COL, rows, cols, ld, 1, 0};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
    delete layout;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attr,
                                                const void *buf, size_t size)
{
    if (!layout) return CUBLAS_STATUS_INVALID_VALUE;
    switch (attr) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE:
        return set_field(layout->type, buf, size);
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
        return set_field(layout->order, buf, size);
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
        return set_field(layout->rows, buf, size);
    case CUBLASLT_MATRIX_LAYOUT_COLS:
        return set_field(layout->cols, buf, size);
    case CUBLASLT_MATRIX_LAYOUT_LD:
        return set_field(layout->ld, buf, size);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
        return set_field(layout->batch, buf, size);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
        return set_field(layout->batch_stride, buf, size);
    }
    return CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference)
{
    if (int code = begin_call(__func__)) return (cublasStatus_t)code;
    if (!preference) return CUBLAS_STATUS_INVALID_VALUE;
    *preference = new cublasLtMatmulPreferenceOpaque{0, {256, 256, 256, 256}};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    delete preference;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attr,
                                                    const void *buf, size_t size)
{
    if (!preference) return CUBLAS_STATUS_INVALID_VALUE;
    uint32_t ignored;
    switch (attr) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
        return set_field(preference->workspace, buf, size);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
        return set_field(preference->alignment[attr - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES],
                         buf, size);
    case CUBLASLT_MATMUL_PREF_SEARCH_MODE:
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
        return set_field(ignored, buf, size);
    }
    return CUBLAS_STATUS_NOT_SUPPORTED;
}

/* ---- products ------------------------------------------------------------------------- */

static Product product_of(const Desc &desc, const Layout &a, const Layout &b, const Layout &c,
                          const Layout &d)
{
    auto elements = [](const Layout &l) { return Elements{nullptr, l.type == CUDA_R_16BF}; };
    return {desc, a, b, c, d, elements(a), elements(b), elements(c), elements(d), 0, 0, 0, 0, 0};
}

/* What an algorithm may count on, which the library takes from the address: none yet is a good one.
 */
static uint64_t bias_alignment(const Desc &desc)
{
    if (!(desc.epilogue & CUBLASLT_EPILOGUE_BIAS)) return 1;
    uint64_t at = (uint64_t)(uintptr_t)desc.bias | 16;
    return at & -at;
}

/* The algorithm remembers the alignments and the workspace that it was chosen for. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int *returned)
{
    if (int code = begin_call(__func__)) return (cublasStatus_t)code;
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!desc || !a || !b || !c || !d || !preference || requested < 1 || !results || !returned)
        return CUBLAS_STATUS_INVALID_VALUE;
    *returned = 0;
    Product p = product_of(*desc, *a, *b, *c, *d);
    cublasStatus_t status = check_shapes(p);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    memset(results, 0, sizeof *results);
    uint64_t *data = results->algo.data;
    data[0] = algo_mark;
    data[1] = preference->workspace >= workspace_wanted ? workspace_wanted : 0;
    std::copy(preference->alignment, preference->alignment + 4, data + 2);
    data[6] = bias_alignment(p.desc);
    results->workspaceSize = data[1];
    results->state = CUBLAS_STATUS_SUCCESS;
    results->wavesCount = 1;
    *returned = 1;
    return CUBLAS_STATUS_SUCCESS;
}

static bool algo_fits(const Product &p, const cublasLtMatmulAlgo_t *algo, const void *workspace,
                      size_t workspace_bytes)
{
    if (workspace_bytes && !on_device(workspace, workspace_bytes)) return false;
    if (!algo) return true;
    const Elements *matrices[4] = {&p.a, &p.b, &p.c, &p.d};
    for (int i = 0; i < 4; i++)
        if (algo->data[2 + i] && (uintptr_t)matrices[i]->data % algo->data[2 + i] != 0)
            return false;
    if (p.desc.epilogue & CUBLASLT_EPILOGUE_BIAS && (uintptr_t)p.desc.bias % algo->data[6] != 0)
        return false;
    return algo->data[0] == algo_mark && workspace_bytes >= algo->data[1];
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t a_layout, const void *b,
                              cublasLtMatrixLayout_t b_layout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algo,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
    if (int code = begin_call(__func__)) return (cublasStatus_t)code;
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!desc || !alpha || !beta || !a_layout || !b_layout || !c_layout || !d_layout)
        return CUBLAS_STATUS_INVALID_VALUE;
    Product p = product_of(*desc, *a_layout, *b_layout, *c_layout, *d_layout);
    p.a.data = (void *)a;
    p.b.data = (void *)b;
    p.c.data = (void *)c;
    p.d.data = d;
    p.alpha = *(const float *)alpha;
    p.beta = *(const float *)beta;
    cublasStatus_t status = check_shapes(p);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    if (!good_pointers(p) || !algo_fits(p, algo, workspace, workspace_bytes))
        return CUBLAS_STATUS_INVALID_VALUE;
    return enqueue(stream, [p] { multiply(p); }) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                : CUBLAS_STATUS_EXECUTION_FAILED;
}
