/* Matrix products by cuBLASLt. Its matrices are column-major: a row-major c = a b is, for it,
 * c^T = b^T a^T, so that the operands change places and nothing is transposed. Sums are kept in
 * float32. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

#define WORKSPACE ((size_t)32 << 20) /* what cuBLAS's manual asks for on sm_90 */
#define MAX_PLANS 1024               /* a shape's place is its hash; the newest stays */

/* All that an algorithm is chosen by. Compared byte by byte, so set to zero first. The bias counts
 * by its alignment: parameters lie one behind the other, and a bias may begin at any float. */
typedef struct plan_key {
    int64_t m, n, k, a_stride, b_stride, c_stride;
    int32_t in, out, transpose_a, transpose_b, bias, accumulate;
    uint32_t a_alignment, b_alignment, c_alignment, bias_alignment;
} plan_key;

typedef struct plan {
    plan_key key;
    cublasLtMatmulDesc_t desc; /* NULL: none here */
    bool none;                 /* cuBLASLt has no way to do this */
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algo;
} plan;

struct cuda_products {
    cublasLtHandle_t handle;
    cublasLtMatmulPreference_t preference;
    void *workspace; /* one for the context: its products run one behind the other */
    plan plans[MAX_PLANS];
};

static syl_status make(cuda_ctx *ctx, cuda_products *p, syl_error *err)
{
    size_t bytes = WORKSPACE;
    BLAS_TRY("starting cuBLAS", cublasLtCreate(&p->handle));
    BLAS_TRY("starting cuBLAS", cublasLtMatmulPreferenceCreate(&p->preference));
    BLAS_TRY("starting cuBLAS",
             cublasLtMatmulPreferenceSetAttribute(
                 p->preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes));
    return cuda_memory_take(ctx->device, WORKSPACE, "matrix products", &p->workspace, err);
}

syl_status cuda_products_create(cuda_ctx *ctx, syl_error *err)
{
    ctx->products = syl_calloc(1, sizeof *ctx->products);
    if (!ctx->products) return syl_fail_memory(err, sizeof *ctx->products, "matrix products");
    return make(ctx, ctx->products, err);
}

static void clear(plan *p)
{
    if (p->a) (void)cublasLtMatrixLayoutDestroy(p->a);
    if (p->b) (void)cublasLtMatrixLayoutDestroy(p->b);
    if (p->c) (void)cublasLtMatrixLayoutDestroy(p->c);
    if (p->desc) (void)cublasLtMatmulDescDestroy(p->desc);
    memset(p, 0, sizeof *p);
}

void cuda_products_free(cuda_ctx *ctx)
{
    cuda_products *p = ctx->products;
    if (!p) return;
    for (int i = 0; i < MAX_PLANS; i++)
        clear(&p->plans[i]);
    if (p->preference) (void)cublasLtMatmulPreferenceDestroy(p->preference);
    if (p->handle) (void)cublasLtDestroy(p->handle);
    cuda_memory_give(ctx->device, p->workspace);
    free(p);
}

/* ---- plans -------------------------------------------------------------------------------- */

static uint32_t alignment_of(const void *data)
{
    uintptr_t at = (uintptr_t)data | CUDA_ALIGNMENT;
    return (uint32_t)(at & -at);
}

static plan_key key_of(const cuda_product *p, const void *bias)
{
    plan_key key;
    memset(&key, 0, sizeof key);
    key.m = p->c.rows;
    key.n = p->c.cols;
    key.k = p->transpose_a ? p->a.rows : p->a.cols;
    /* Of a single row the stride may be anything; cuBLAS wants one that holds it. */
    key.a_stride = p->a.stride < p->a.cols ? p->a.cols : p->a.stride;
    key.b_stride = p->b.stride < p->b.cols ? p->b.cols : p->b.stride;
    key.c_stride = p->c.stride < p->c.cols ? p->c.cols : p->c.stride;
    key.in = p->a.dtype;
    key.out = p->c.dtype;
    key.transpose_a = p->transpose_a;
    key.transpose_b = p->transpose_b;
    key.bias = bias != NULL;
    key.accumulate = p->accumulate;
    key.a_alignment = alignment_of(p->a.data);
    key.b_alignment = alignment_of(p->b.data);
    key.c_alignment = alignment_of(p->c.data);
    key.bias_alignment = bias ? alignment_of(bias) : 0;
    return key;
}

static uint32_t hash_of(const plan_key *key)
{
    const uint8_t *bytes = (const uint8_t *)key;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < sizeof *key; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

static cudaDataType_t type_of(int32_t dtype)
{
    return dtype == SYL_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

#define SET(desc, attribute, value) \
    cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_##attribute, &(value), sizeof(value))

/* The heuristic, too, looks at the bias's address, for its alignment; NULL would be taken for the
 * best. */
static syl_status describe(plan *p, const plan_key *key, const void *bias, bool tf32,
                           syl_error *err)
{
    cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
    if (tf32 && key->in == SYL_F32) compute = CUBLAS_COMPUTE_32F_FAST_TF32;
    cublasOperation_t first = key->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t second = key->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    BLAS_TRY("a product", cublasLtMatmulDescCreate(&p->desc, compute, CUDA_R_32F));
    BLAS_TRY("a product", SET(p->desc, TRANSA, first));
    BLAS_TRY("a product", SET(p->desc, TRANSB, second));
    if (key->bias) {
        cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
        cudaDataType_t type = type_of(key->out);
        BLAS_TRY("a product", SET(p->desc, EPILOGUE, epilogue));
        BLAS_TRY("a product", SET(p->desc, BIAS_DATA_TYPE, type));
        BLAS_TRY("a product", SET(p->desc, BIAS_POINTER, bias));
    }
    uint64_t m = (uint64_t)key->m, n = (uint64_t)key->n, k = (uint64_t)key->k;
    BLAS_TRY("a product",
             cublasLtMatrixLayoutCreate(&p->b, type_of(key->in), key->transpose_b ? k : n,
                                        key->transpose_b ? n : k, key->b_stride));
    BLAS_TRY("a product",
             cublasLtMatrixLayoutCreate(&p->a, type_of(key->in), key->transpose_a ? m : k,
                                        key->transpose_a ? k : m, key->a_stride));
    BLAS_TRY("a product",
             cublasLtMatrixLayoutCreate(&p->c, type_of(key->out), n, m, key->c_stride));
    return SYL_OK;
}

static bool is_unsupported(cublasStatus_t code)
{
    return code == CUBLAS_STATUS_NOT_SUPPORTED || code == CUBLAS_STATUS_ARCH_MISMATCH;
}

static syl_status choose(cuda_products *own, plan *p, const plan_key *key, syl_error *err)
{
    const struct {
        cublasLtMatmulPreferenceAttributes_t attribute;
        uint32_t value;
    } alignments[] = {{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key->b_alignment},
                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key->a_alignment},
                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key->c_alignment},
                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key->c_alignment}};
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++)
        BLAS_TRY("a product", cublasLtMatmulPreferenceSetAttribute(
                                  own->preference, alignments[i].attribute, &alignments[i].value,
                                  sizeof alignments[i].value));
    cublasLtMatmulHeuristicResult_t found;
    int count = 0;
    cublasStatus_t code = cublasLtMatmulAlgoGetHeuristic(own->handle, p->desc, p->b, p->a, p->c,
                                                         p->c, own->preference, 1, &found, &count);
    if (code == CUBLAS_STATUS_SUCCESS && count < 1) code = CUBLAS_STATUS_NOT_SUPPORTED;
    if (code == CUBLAS_STATUS_SUCCESS) code = found.state;
    p->none = is_unsupported(code);
    if (p->none) return SYL_OK;
    BLAS_TRY("choosing how to do a product", code);
    p->algo = found.algo;
    return SYL_OK;
}

static syl_status plan_of(cuda_ctx *ctx, const plan_key *key, const void *bias, plan **out,
                          syl_error *err)
{
    plan *p = &ctx->products->plans[hash_of(key) % MAX_PLANS];
    *out = p;
    if (p->desc && !memcmp(&p->key, key, sizeof *key)) return SYL_OK;
    clear(p);
    syl_status status = describe(p, key, bias, ctx->device->tf32, err);
    if (status == SYL_OK) status = choose(ctx->products, p, key, err);
    if (status == SYL_OK)
        p->key = *key;
    else
        clear(p);
    return status;
}

/* ---- products ----------------------------------------------------------------------------- */

syl_status cuda_as_dtype(cuda_ctx *ctx, syl_dtype dtype, syl_mat *m, syl_error *err)
{
    syl_mat copy;
    if (m->dtype == dtype) return SYL_OK;
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, dtype, m->rows, m->cols, &copy, err));
    CUDA_TRY("converting", syl_cuda_convert(ctx->compute, *m, copy));
    *m = copy;
    return SYL_OK;
}

/* The epilogue adds a bias of the result's own dtype. */
static syl_status bias_for(cuda_ctx *ctx, const cuda_product *p, const void **out, syl_error *err)
{
    syl_mat bias = syl_mat_of((float *)(uintptr_t)p->bias, SYL_F32, 1, p->c.cols);
    *out = p->bias;
    if (p->c.dtype == SYL_F32 || !p->bias) return SYL_OK;
    *out = p->bias_half;
    if (p->bias_half) return SYL_OK;
    SYL_TRY(cuda_as_dtype(ctx, SYL_BF16, &bias, err));
    *out = bias.data;
    return SYL_OK;
}

/* Nothing to sum over. */
static syl_status without_product(cuda_ctx *ctx, const cuda_product *p, syl_error *err)
{
    if (!p->accumulate) CUDA_TRY("a product", syl_cuda_fill(ctx->compute, 0, p->c));
    if (p->bias) CUDA_TRY("a product", syl_cuda_add_bias(ctx->compute, p->bias, p->c));
    return SYL_OK;
}

/* *none: cuBLASLt has no way to do this, and nothing was done. */
static syl_status multiply(cuda_ctx *ctx, const cuda_product *p, bool *none, syl_error *err)
{
    float one = 1, beta = p->accumulate ? 1 : 0;
    const void *bias;
    plan *by;
    size_t mark = ctx->top;
    SYL_TRY(bias_for(ctx, p, &bias, err));
    ctx->top = mark; /* what is taken next comes behind the product on the stream */
    plan_key key = key_of(p, bias);
    SYL_TRY(plan_of(ctx, &key, bias, &by, err));
    *none = by->none;
    if (by->none) return SYL_OK;
    if (bias) BLAS_TRY("a product", SET(by->desc, BIAS_POINTER, bias));
    cublasStatus_t code = cublasLtMatmul(
        ctx->products->handle, by->desc, &one, p->b.data, by->b, p->a.data, by->a, &beta, p->c.data,
        by->c, p->c.data, by->c, &by->algo, ctx->products->workspace, WORKSPACE, ctx->compute);
    *none = by->none = is_unsupported(code);
    if (!by->none) BLAS_TRY("a product", code);
    return SYL_OK;
}

/* m as a float32 copy whose rows stand one behind the other. */
static syl_status widen(cuda_ctx *ctx, syl_mat *m, syl_error *err)
{
    syl_mat copy;
    SYL_TRY(cuda_op_ctx_mat(&ctx->base, SYL_F32, m->rows, m->cols, &copy, err));
    CUDA_TRY("a product", syl_cuda_convert(ctx->compute, *m, copy));
    *m = copy;
    return SYL_OK;
}

/* The slow way, which is there for every shape, alignment and device: float32 all through (bf16
 * has no products before sm_80), no gaps between rows, and the bias behind the product. */
static syl_status multiply_widened(cuda_ctx *ctx, const cuda_product *p, syl_error *err)
{
    cuda_product wide = *p;
    bool none;
    wide.bias = NULL;
    wide.bias_half = NULL;
    SYL_TRY(widen(ctx, &wide.a, err));
    SYL_TRY(widen(ctx, &wide.b, err));
    if (p->accumulate)
        SYL_TRY(widen(ctx, &wide.c, err));
    else
        SYL_TRY(cuda_op_ctx_mat(&ctx->base, SYL_F32, p->c.rows, p->c.cols, &wide.c, err));
    SYL_TRY(multiply(ctx, &wide, &none, err));
    if (none) return cuda_fail_blas(err, CUBLAS_STATUS_NOT_SUPPORTED, "a product");
    if (p->bias) CUDA_TRY("a product", syl_cuda_add_bias(ctx->compute, p->bias, wide.c));
    CUDA_TRY("a product", syl_cuda_convert(ctx->compute, wide.c, p->c));
    return SYL_OK;
}

syl_status cuda_multiply(cuda_ctx *ctx, const cuda_product *p, syl_error *err)
{
    bool none;
    if (p->c.rows == 0 || p->c.cols == 0) return SYL_OK;
    if ((p->transpose_a ? p->a.rows : p->a.cols) == 0) return without_product(ctx, p, err);
    if (p->a.dtype != p->b.dtype)
        return syl_fail(err, SYL_EINVAL, "a product of float32 with bf16");
    SYL_TRY(multiply(ctx, p, &none, err));
    if (!none) return SYL_OK;
    (void)cudaGetLastError(); /* or the next launch would report it */
    size_t mark = ctx->top;
    syl_status status = multiply_widened(ctx, p, err);
    ctx->top = mark;
    return status;
}

syl_status cuda_op_product_bias(syl_ctx *base, syl_mat a, bool transpose_a, syl_mat b,
                                bool transpose_b, const float *bias, bool accumulate, syl_mat c,
                                syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    cuda_product p = {.a = a,
                      .b = b,
                      .c = c,
                      .transpose_a = transpose_a,
                      .transpose_b = transpose_b,
                      .accumulate = accumulate,
                      .bias = bias};
    SYL_TRY(cuda_ctx_check(ctx, err));
    return cuda_multiply(ctx, &p, err);
}
