/* oneDNN's C API, the generations 2.x and 3.x behind one set of names, and what the files of
 * this folder share about primitives and packed weights. */
#ifndef SYL_COMPUTE_CPU_ONEDNN_API_H
#define SYL_COMPUTE_CPU_ONEDNN_API_H

#include <dnnl.h>

#include "lib/compute/cpu/context.h"

#define DNN(call)                                                                      \
    do {                                                                               \
        dnnl_status_t s_ = (call);                                                     \
        if (s_ != dnnl_success)                                                        \
            return syl_fail(err, s_ == dnnl_out_of_memory ? SYL_ENOMEM : SYL_ECOMPUTE, \
                            "oneDNN: %s failed with status %d", #call, (int)s_);       \
    } while (0)

/* CONV: grouped, of one fixed shape; BLOCKS: not oneDNN's, but blocks.h's. */
enum kind { LINEAR, CONV, PRODUCT, BLOCKS };

/* What a primitive depends on; compared as bytes, so it is zeroed before it is filled. */
typedef struct shape {
    int64_t kind, dtype, act, accumulate, bias;
    int64_t m, n, k;                    /* output rows, output columns, inner length */
    int64_t a_stride, c_stride;         /* elements between rows of source and destination */
    int64_t a_col;                      /* elements between columns of the source */
    int64_t b_row, b_col;               /* PRODUCT: strides of the second factor */
    int64_t out;                        /* dtype of the destination */
    int64_t t_in, kernel, groups, c_in; /* CONV, of stride 1 and without padding */
} shape;

/* ---- the difference between 2.x and 3.x ------------------------------------------------ */

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t mem_desc;
static inline dnnl_status_t desc_strided(mem_desc *md, int n, const dnnl_dims_t dims,
                                         dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(md, n, dims, type, strides);
}
static inline dnnl_status_t desc_any(mem_desc *md, int n, const dnnl_dims_t dims,
                                     dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(md, n, dims, type, dnnl_format_tag_any);
}
static inline void desc_free(mem_desc *md)
{
    if (*md) dnnl_memory_desc_destroy(*md);
}
static inline mem_desc desc_of_weights(const_dnnl_primitive_desc_t pd)
{
    mem_desc copy = NULL;
    const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    return dnnl_memory_desc_clone(&copy, md) == dnnl_success ? copy : NULL;
}
static inline dnnl_status_t memory_create(dnnl_memory_t *m, const mem_desc *md, dnnl_engine_t e,
                                          void *p)
{
    return dnnl_memory_create(m, *md, e, p);
}
static inline dnnl_status_t append_gelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_gelu_erf, 0, 0);
}
static inline dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}
static inline dnnl_status_t matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e,
                                      const mem_desc *src, const mem_desc *w, const mem_desc *bias,
                                      const mem_desc *dst, dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, e, *src, *w, bias ? *bias : NULL, *dst, attr);
}
static inline dnnl_status_t conv_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const mem_desc *src,
                                    const mem_desc *w, const mem_desc *bias, const mem_desc *dst,
                                    dnnl_primitive_attr_t attr)
{
    dnnl_dims_t strides = {1}, zero = {0};
    return dnnl_convolution_forward_primitive_desc_create(
        pd, e, dnnl_forward_inference, dnnl_convolution_direct, *src, *w, bias ? *bias : NULL, *dst,
        strides, zero, zero, zero, attr);
}
#else
typedef dnnl_memory_desc_t mem_desc;
static inline dnnl_status_t desc_strided(mem_desc *md, int n, const dnnl_dims_t dims,
                                         dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(md, n, dims, type, strides);
}
static inline dnnl_status_t desc_any(mem_desc *md, int n, const dnnl_dims_t dims,
                                     dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_tag(md, n, dims, type, dnnl_format_tag_any);
}
static inline void desc_free(mem_desc *md)
{
    (void)md;
}
static inline mem_desc desc_of_weights(const_dnnl_primitive_desc_t pd)
{
    return *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
}
static inline dnnl_status_t memory_create(dnnl_memory_t *m, const mem_desc *md, dnnl_engine_t e,
                                          void *p)
{
    return dnnl_memory_create(m, md, e, p);
}
static inline dnnl_status_t append_gelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_gelu_erf, 0, 0);
}
static inline dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1);
}
static inline dnnl_status_t matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e,
                                      const mem_desc *src, const mem_desc *w, const mem_desc *bias,
                                      const mem_desc *dst, dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t desc;
    dnnl_status_t status = dnnl_matmul_desc_init(&desc, src, w, bias, dst);
    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, e, NULL);
}
static inline dnnl_status_t conv_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const mem_desc *src,
                                    const mem_desc *w, const mem_desc *bias, const mem_desc *dst,
                                    dnnl_primitive_attr_t attr)
{
    dnnl_dims_t strides = {1}, zero = {0};
    dnnl_convolution_desc_t desc;
    dnnl_status_t status =
        dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct,
                                           src, w, bias, dst, strides, zero, zero);
    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, e, NULL);
}
#endif

typedef struct packed_weight {
    syl_weight base;
    enum kind kind;
    syl_dtype dtype;
    int n_out, n_in;
    syl_conv_shape conv;
    dnnl_engine_t engine;
    dnnl_memory_t packed, bias; /* bias NULL: none */
    mem_desc packed_md;
    float *bias_data;
} packed_weight;

/* The primitive's descriptor with the layout of the weights that oneDNN chooses. The caller
 * destroys it. */
syl_status syl_onednn_describe(const shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t *pd,
                               syl_error *err);

/* What a PRODUCT multiplies by and adds, in place of packed weights. */
typedef struct factor {
    const void *b;
    const float *bias; /* [n], or NULL: then the shape has none */
} factor;

/* Runs the primitive of this shape, prepared now or before: c = a w, or a b + bias for a PRODUCT.
 */
syl_status syl_onednn_run(syl_ctx *ctx, const shape *key, const packed_weight *w, const void *a,
                          factor f, void *c, syl_error *err);

/* Whether products may be of bf16; else they are computed in float32 (a processor without AVX-512).
 */
bool syl_onednn_has_bf16(syl_ctx *ctx);

shape syl_linear_shape(const packed_weight *w, int64_t rows, int64_t x_stride, syl_mat y);

/* Rows of output of a grouped convolution at a time: one shape, one layout of the weights. */
#define SYL_CONV_TILE 256
shape syl_conv_shape_of(const packed_weight *w);

#endif
