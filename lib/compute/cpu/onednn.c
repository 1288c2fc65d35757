/* oneDNN, both of its API generations (2.x and 3.x): matrix products and convolutions with
 * weights rearranged once, and a cache of primitives by shape. */
#include <dnnl.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cpu/context.h"

#define CACHE_SIZE 256      /* primitives kept by a context; the least recently used goes */
#define TYPICAL_ROWS 256    /* shape for which weights are laid out */
#define MAX_ARGS 4

#define DNN(call)                                                                                  \
    do {                                                                                           \
        dnnl_status_t s_ = (call);                                                                 \
        if (s_ != dnnl_success)                                                                    \
            return syl_fail(err, s_ == dnnl_out_of_memory ? SYL_ENOMEM : SYL_ECOMPUTE,             \
                            "oneDNN: %s failed with status %d", #call, (int)s_);                   \
    } while (0)

enum kind { LINEAR, CONV, PRODUCT };

/* What a primitive depends on; compared as bytes, so it is zeroed before it is filled. */
typedef struct shape {
    int64_t kind, dtype, act, accumulate, bias;
    int64_t m, n, k;            /* output rows, output columns, inner length */
    int64_t a_stride, c_stride; /* elements between rows of source and destination */
    int64_t b_row, b_col;       /* PRODUCT: strides of the second factor; c_dtype in out */
    int64_t out;
    int64_t t_in, kernel, stride, pad, groups, c_in; /* CONV */
} shape;

/* ---- the difference between 2.x and 3.x ------------------------------------------------ */

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t mem_desc;
static dnnl_status_t desc_strided(mem_desc *md, int n, const dnnl_dims_t dims,
                                  dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(md, n, dims, type, strides);
}
static dnnl_status_t desc_any(mem_desc *md, int n, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(md, n, dims, type, dnnl_format_tag_any);
}
static void desc_free(mem_desc *md)
{
    if (*md)
        dnnl_memory_desc_destroy(*md);
}
static mem_desc desc_of_weights(const_dnnl_primitive_desc_t pd)
{
    mem_desc copy = NULL;
    const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    return dnnl_memory_desc_clone(&copy, md) == dnnl_success ? copy : NULL;
}
static dnnl_status_t memory_create(dnnl_memory_t *m, const mem_desc *md, dnnl_engine_t e, void *p)
{
    return dnnl_memory_create(m, *md, e, p);
}
static dnnl_status_t append_gelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_gelu_erf, 0, 0);
}
static dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}
static dnnl_status_t matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const mem_desc *src,
                               const mem_desc *w, const mem_desc *bias, const mem_desc *dst,
                               dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, e, *src, *w, bias ? *bias : NULL, *dst, attr);
}
static dnnl_status_t conv_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const mem_desc *src,
                             const mem_desc *w, const mem_desc *bias, const mem_desc *dst,
                             const shape *s, dnnl_dim_t right, dnnl_primitive_attr_t attr)
{
    dnnl_dims_t strides = {s->stride}, dilates = {0}, left = {s->pad}, pad_right = {right};
    return dnnl_convolution_forward_primitive_desc_create(
        pd, e, dnnl_forward_inference, dnnl_convolution_direct, *src, *w, bias ? *bias : NULL, *dst,
        strides, dilates, left, pad_right, attr);
}
#else
typedef dnnl_memory_desc_t mem_desc;
static dnnl_status_t desc_strided(mem_desc *md, int n, const dnnl_dims_t dims,
                                  dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(md, n, dims, type, strides);
}
static dnnl_status_t desc_any(mem_desc *md, int n, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_tag(md, n, dims, type, dnnl_format_tag_any);
}
static void desc_free(mem_desc *md)
{
    (void)md;
}
static mem_desc desc_of_weights(const_dnnl_primitive_desc_t pd)
{
    return *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
}
static dnnl_status_t memory_create(dnnl_memory_t *m, const mem_desc *md, dnnl_engine_t e, void *p)
{
    return dnnl_memory_create(m, md, e, p);
}
static dnnl_status_t append_gelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_gelu_erf, 0, 0);
}
static dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1);
}
static dnnl_status_t matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const mem_desc *src,
                               const mem_desc *w, const mem_desc *bias, const mem_desc *dst,
                               dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t desc;
    dnnl_status_t status = dnnl_matmul_desc_init(&desc, src, w, bias, dst);
    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, e, NULL);
}
static dnnl_status_t conv_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const mem_desc *src,
                             const mem_desc *w, const mem_desc *bias, const mem_desc *dst,
                             const shape *s, dnnl_dim_t right, dnnl_primitive_attr_t attr)
{
    dnnl_dims_t strides = {s->stride}, left = {s->pad}, pad_right = {right};
    dnnl_convolution_desc_t desc;
    dnnl_status_t status =
        dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct,
                                           src, w, bias, dst, strides, left, pad_right);
    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, e, NULL);
}
#endif

/* ---- weights --------------------------------------------------------------------------- */

struct syl_weight {
    enum kind kind;
    syl_dtype dtype;
    int n_out, n_in;
    syl_conv_shape conv;
    dnnl_engine_t engine;
    dnnl_memory_t packed, bias; /* bias NULL: none */
    mem_desc packed_md;
    float *bias_data;
};

static dnnl_data_type_t type_of(syl_dtype dtype)
{
    return dtype == SYL_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* ---- primitives ------------------------------------------------------------------------ */

typedef struct primitive {
    shape key;
    uint64_t used;
    dnnl_primitive_t handle;
    dnnl_memory_t src, factor, dst; /* factor: the second matrix of a PRODUCT */
} primitive;

struct syl_onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    primitive cache[CACHE_SIZE];
    int count;
    uint64_t clock;
};

/* The memory descriptors of one primitive, so that they are freed in one place. */
typedef struct descs {
    mem_desc src, w, bias, dst;
} descs;

static void descs_free(descs *d)
{
    desc_free(&d->src);
    desc_free(&d->w);
    desc_free(&d->bias);
    desc_free(&d->dst);
}

static syl_status linear_descs(const shape *s, descs *d, syl_error *err)
{
    dnnl_data_type_t type = type_of((syl_dtype)s->dtype);
    dnnl_dims_t src = {s->m, s->k}, dst = {s->m, s->n}, w = {s->k, s->n}, bias = {1, s->n};
    dnnl_dims_t src_by = {s->a_stride, 1}, dst_by = {s->c_stride, 1}, bias_by = {s->n, 1};
    DNN(desc_strided(&d->src, 2, src, type, src_by));
    DNN(desc_strided(&d->dst, 2, dst, type_of((syl_dtype)s->out), dst_by));
    DNN(desc_strided(&d->bias, 2, bias, dnnl_f32, bias_by));
    if (s->kind == PRODUCT) {
        dnnl_dims_t by = {s->b_row, s->b_col};
        DNN(desc_strided(&d->w, 2, w, type, by));
    } else {
        DNN(desc_any(&d->w, 2, w, type));
    }
    return SYL_OK;
}

static syl_status conv_descs(const shape *s, descs *d, syl_error *err)
{
    dnnl_data_type_t type = type_of((syl_dtype)s->dtype);
    dnnl_dims_t src = {1, s->c_in, s->t_in}, dst = {1, s->n, s->m}, bias = {s->n}, bias_by = {1};
    dnnl_dims_t src_by = {s->a_stride * s->t_in, 1, s->a_stride};
    dnnl_dims_t dst_by = {s->c_stride * s->m, 1, s->c_stride};
    DNN(desc_strided(&d->src, 3, src, type, src_by));
    DNN(desc_strided(&d->dst, 3, dst, type_of((syl_dtype)s->out), dst_by));
    DNN(desc_strided(&d->bias, 1, bias, dnnl_f32, bias_by));
    if (s->groups == 1) {
        dnnl_dims_t w = {s->n, s->c_in, s->kernel};
        DNN(desc_any(&d->w, 3, w, type));
    } else {
        dnnl_dims_t w = {s->groups, s->n / s->groups, s->c_in / s->groups, s->kernel};
        DNN(desc_any(&d->w, 4, w, type));
    }
    return SYL_OK;
}

static syl_status make_attr(const shape *s, dnnl_primitive_attr_t *attr, dnnl_post_ops_t *ops,
                            syl_error *err)
{
    DNN(dnnl_primitive_attr_create(attr));
    DNN(dnnl_post_ops_create(ops));
    if (s->accumulate)
        DNN(append_sum(*ops));
    if (s->act == SYL_ACT_GELU)
        DNN(append_gelu(*ops));
    DNN(dnnl_primitive_attr_set_post_ops(*attr, *ops));
    return SYL_OK;
}

static syl_status make_pd_with(const shape *s, const descs *d, const mem_desc *w,
                               dnnl_primitive_attr_t attr, dnnl_engine_t engine,
                               dnnl_primitive_desc_t *pd, syl_error *err)
{
    const mem_desc *bias = s->bias ? &d->bias : NULL;
    dnnl_dim_t right = (s->m - 1) * s->stride + s->kernel - s->t_in - s->pad;
    if (s->kind == CONV)
        DNN(conv_pd(pd, engine, &d->src, w, bias, &d->dst, s, right, attr));
    else
        DNN(matmul_pd(pd, engine, &d->src, w, bias, &d->dst, attr));
    return SYL_OK;
}

/* fixed: the layout that the weights have already; NULL lets oneDNN choose. */
static syl_status make_pd(const shape *s, const mem_desc *fixed, dnnl_engine_t engine, descs *d,
                          dnnl_primitive_desc_t *pd, syl_error *err)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    syl_status status = s->kind == CONV ? conv_descs(s, d, err) : linear_descs(s, d, err);
    if (status == SYL_OK)
        status = make_attr(s, &attr, &ops, err);
    if (status == SYL_OK)
        status = make_pd_with(s, d, fixed ? fixed : &d->w, attr, engine, pd, err);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

static void primitive_free(primitive *p)
{
    if (p->src)
        dnnl_memory_destroy(p->src);
    if (p->factor)
        dnnl_memory_destroy(p->factor);
    if (p->dst)
        dnnl_memory_destroy(p->dst);
    if (p->handle)
        dnnl_primitive_destroy(p->handle);
    memset(p, 0, sizeof *p);
}

static syl_status primitive_finish(primitive *p, dnnl_primitive_desc_t pd, const descs *d,
                                   dnnl_engine_t engine, syl_error *err)
{
    DNN(dnnl_primitive_create(&p->handle, pd));
    DNN(memory_create(&p->src, &d->src, engine, DNNL_MEMORY_NONE));
    DNN(memory_create(&p->dst, &d->dst, engine, DNNL_MEMORY_NONE));
    if (p->key.kind == PRODUCT)
        DNN(memory_create(&p->factor, &d->w, engine, DNNL_MEMORY_NONE));
    return SYL_OK;
}

static syl_status primitive_make(primitive *p, const shape *key, const mem_desc *fixed,
                                 dnnl_engine_t engine, syl_error *err)
{
    descs d;
    memset(&d, 0, sizeof d);
    dnnl_primitive_desc_t pd = NULL;
    p->key = *key;
    syl_status status = make_pd(key, fixed, engine, &d, &pd, err);
    if (status == SYL_OK)
        status = primitive_finish(p, pd, &d, engine, err);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    descs_free(&d);
    if (status != SYL_OK)
        primitive_free(p);
    return status;
}

static syl_status find(syl_onednn *o, const shape *key, const mem_desc *fixed, primitive **out,
                       syl_error *err)
{
    primitive *oldest = &o->cache[0];
    for (int i = 0; i < o->count; i++) {
        primitive *p = &o->cache[i];
        if (p->handle && memcmp(&p->key, key, sizeof *key) == 0) {
            p->used = ++o->clock;
            *out = p;
            return SYL_OK;
        }
        if (p->used < oldest->used)
            oldest = p;
    }
    primitive *p = o->count < CACHE_SIZE ? &o->cache[o->count++] : oldest;
    primitive_free(p);
    p->used = ++o->clock;
    *out = p;
    return primitive_make(p, key, fixed, o->engine, err);
}

static syl_status execute(syl_ctx *ctx, const shape *key, const syl_weight *w, const void *a,
                          const void *b, void *c, syl_error *err)
{
    syl_onednn *o = ctx->onednn;
    primitive *p;
    SYL_TRY(find(o, key, w ? &w->packed_md : NULL, &p, err));
    DNN(dnnl_memory_set_data_handle(p->src, (void *)(uintptr_t)a));
    DNN(dnnl_memory_set_data_handle(p->dst, c));
    if (p->factor)
        DNN(dnnl_memory_set_data_handle(p->factor, (void *)(uintptr_t)b));
    dnnl_exec_arg_t args[MAX_ARGS] = {{DNNL_ARG_SRC, p->src},
                                      {DNNL_ARG_DST, p->dst},
                                      {DNNL_ARG_WEIGHTS, w ? w->packed : p->factor},
                                      {DNNL_ARG_BIAS, w ? w->bias : NULL}};
    DNN(dnnl_primitive_execute(p->handle, o->stream, key->bias ? 4 : 3, args));
    DNN(dnnl_stream_wait(o->stream));
    return SYL_OK;
}

/* oneDNN asks OpenMP for its number of threads; the setting is the calling thread's own and is
 * put back. */
static syl_status run(syl_ctx *ctx, const shape *key, const syl_weight *w, const void *a,
                      const void *b, void *c, syl_error *err)
{
    int before = omp_get_max_threads();
    omp_set_num_threads(ctx->threads);
    syl_status status = execute(ctx, key, w, a, b, c, err);
    omp_set_num_threads(before);
    return status;
}

syl_status syl_onednn_create(syl_onednn **out, syl_error *err)
{
    syl_onednn *o = syl_calloc(1, sizeof *o);
    *out = o;
    if (!o)
        return syl_fail_memory(err, sizeof *o, "the primitive cache");
    DNN(dnnl_engine_create(&o->engine, dnnl_cpu, 0));
    DNN(dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags));
    return SYL_OK;
}

void syl_onednn_free(syl_onednn *o)
{
    if (!o)
        return;
    for (int i = 0; i < o->count; i++)
        primitive_free(&o->cache[i]);
    if (o->stream)
        dnnl_stream_destroy(o->stream);
    if (o->engine)
        dnnl_engine_destroy(o->engine);
    free(o);
}

/* ---- shapes ---------------------------------------------------------------------------- */

static shape linear_shape(const syl_weight *w, int64_t rows, int64_t x_stride, syl_mat y)
{
    shape s;
    memset(&s, 0, sizeof s);
    s.kind = LINEAR;
    s.dtype = w->dtype;
    s.out = y.dtype;
    s.bias = w->bias != NULL;
    s.m = rows;
    s.n = w->n_out;
    s.k = w->n_in;
    s.a_stride = x_stride;
    s.c_stride = y.stride;
    return s;
}

static shape conv_shape(const syl_weight *w, int64_t t_in, int64_t x_stride, syl_mat y)
{
    shape s = linear_shape(w, y.rows, x_stride, y);
    s.kind = CONV;
    s.n = w->conv.c_out;
    s.k = 0;
    s.kernel = w->conv.kernel;
    s.stride = w->conv.stride;
    s.pad = w->conv.pad;
    s.groups = w->conv.groups;
    s.c_in = w->conv.c_in;
    /* Input that no wanted output looks at is left out, so right padding is never negative. */
    int64_t reach = (y.rows - 1) * s.stride + s.kernel - s.pad;
    s.t_in = t_in < reach ? t_in : reach;
    return s;
}

/* ---- making weights -------------------------------------------------------------------- */

static syl_status plain_desc(const syl_weight *w, mem_desc *md, syl_error *err)
{
    const syl_conv_shape *c = &w->conv;
    dnnl_dim_t per = w->kind == CONV ? c->c_in / c->groups : 0;
    if (w->kind == LINEAR) {
        dnnl_dims_t dims = {w->n_in, w->n_out}, by = {1, w->n_in};
        DNN(desc_strided(md, 2, dims, dnnl_f32, by));
    } else if (c->groups == 1) {
        dnnl_dims_t dims = {c->c_out, per, c->kernel}, by = {per * c->kernel, c->kernel, 1};
        DNN(desc_strided(md, 3, dims, dnnl_f32, by));
    } else {
        dnnl_dim_t out = c->c_out / c->groups;
        dnnl_dims_t dims = {c->groups, out, per, c->kernel};
        dnnl_dims_t by = {out * per * c->kernel, per * c->kernel, c->kernel, 1};
        DNN(desc_strided(md, 4, dims, dnnl_f32, by));
    }
    return SYL_OK;
}

static syl_status reorder_with(dnnl_memory_t from, dnnl_memory_t to, const mem_desc *from_md,
                               const mem_desc *to_md, dnnl_engine_t engine, dnnl_stream_t stream,
                               syl_error *err)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t reorder = NULL;
#if DNNL_VERSION_MAJOR >= 3
    DNN(dnnl_reorder_primitive_desc_create(&pd, *from_md, engine, *to_md, engine, NULL));
#else
    DNN(dnnl_reorder_primitive_desc_create(&pd, from_md, engine, to_md, engine, NULL));
#endif
    dnnl_status_t made = dnnl_primitive_create(&reorder, pd);
    dnnl_primitive_desc_destroy(pd);
    DNN(made);
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_status_t done = dnnl_primitive_execute(reorder, stream, 2, args);
    if (done == dnnl_success)
        done = dnnl_stream_wait(stream);
    dnnl_primitive_destroy(reorder);
    DNN(done);
    return SYL_OK;
}

static syl_status pack(syl_weight *w, const float *data, syl_error *err)
{
    mem_desc plain;
    dnnl_memory_t from = NULL;
    dnnl_stream_t stream = NULL;
    SYL_TRY(plain_desc(w, &plain, err));
    syl_status status = SYL_OK;
    if (dnnl_stream_create(&stream, w->engine, dnnl_stream_default_flags) != dnnl_success ||
        memory_create(&from, &plain, w->engine, (void *)(uintptr_t)data) != dnnl_success ||
        memory_create(&w->packed, &w->packed_md, w->engine, DNNL_MEMORY_ALLOCATE) != dnnl_success)
        status = syl_fail(err, SYL_ENOMEM, "no memory for a weight of %d x %d", w->n_out, w->n_in);
    if (status == SYL_OK)
        status = reorder_with(from, w->packed, &plain, &w->packed_md, w->engine, stream, err);
    if (from)
        dnnl_memory_destroy(from);
    if (stream)
        dnnl_stream_destroy(stream);
    desc_free(&plain);
    return status;
}

static syl_status choose_layout(syl_weight *w, syl_error *err)
{
    int64_t t_in = (TYPICAL_ROWS - 1) * w->conv.stride + w->conv.kernel - 2 * w->conv.pad;
    if (t_in < 1)
        t_in = 1; /* a kernel so wide that padding alone fills it */
    int64_t rows = TYPICAL_ROWS;
    if (w->kind == CONV)
        rows = (t_in + 2 * w->conv.pad - w->conv.kernel) / w->conv.stride + 1;
    syl_mat y = syl_mat_of(NULL, w->dtype, rows, w->kind == CONV ? w->conv.c_out : w->n_out);
    shape s = w->kind == CONV ? conv_shape(w, t_in, w->conv.c_in, y)
                              : linear_shape(w, rows, w->n_in, y);
    descs d;
    memset(&d, 0, sizeof d);
    dnnl_primitive_desc_t pd = NULL;
    syl_status status = make_pd(&s, NULL, w->engine, &d, &pd, err);
    if (status == SYL_OK) {
        w->packed_md = desc_of_weights(pd);
        dnnl_primitive_desc_destroy(pd);
    }
    descs_free(&d);
    return status;
}

static syl_status bind_bias(syl_weight *w, const float *bias, syl_error *err)
{
    if (!bias)
        return SYL_OK;
    mem_desc md;
    int n = w->kind == CONV ? w->conv.c_out : w->n_out;
    dnnl_dims_t one = {n}, one_by = {1}, two = {1, n}, two_by = {n, 1};
    w->bias_data = syl_calloc((size_t)n, sizeof(float));
    if (!w->bias_data)
        return syl_fail_memory(err, (size_t)n * sizeof(float), "a bias");
    memcpy(w->bias_data, bias, (size_t)n * sizeof(float));
    if (w->kind == CONV)
        DNN(desc_strided(&md, 1, one, dnnl_f32, one_by));
    else
        DNN(desc_strided(&md, 2, two, dnnl_f32, two_by));
    dnnl_status_t status = memory_create(&w->bias, &md, w->engine, w->bias_data);
    desc_free(&md);
    DNN(status);
    return SYL_OK;
}

static syl_status weight_make(syl_weight **out, syl_weight like, const float *data,
                              const float *bias, syl_error *err)
{
    *out = NULL;
    syl_weight *w = syl_calloc(1, sizeof *w);
    if (!w)
        return syl_fail_memory(err, sizeof *w, "a weight");
    *w = like;
    syl_status status = SYL_OK;
    if (dnnl_engine_create(&w->engine, dnnl_cpu, 0) != dnnl_success)
        status = syl_fail(err, SYL_ECOMPUTE, "oneDNN gave no CPU engine");
    if (status == SYL_OK)
        status = bind_bias(w, bias, err);
    if (status == SYL_OK)
        status = choose_layout(w, err);
    if (status == SYL_OK)
        status = pack(w, data, err);
    if (status != SYL_OK) {
        syl_weight_free(w);
        return status;
    }
    *out = w;
    return SYL_OK;
}

syl_status syl_weight_linear(syl_weight **out, const float *w, const float *bias, int n_out,
                             int n_in, syl_dtype dtype, syl_error *err)
{
    syl_weight like = {.kind = LINEAR, .dtype = dtype, .n_out = n_out, .n_in = n_in};
    return weight_make(out, like, w, bias, err);
}

syl_status syl_weight_conv(syl_weight **out, const float *w, const float *bias, syl_conv_shape conv,
                           syl_dtype dtype, syl_error *err)
{
    syl_weight like = {.kind = CONV, .dtype = dtype, .n_out = conv.c_out,
                       .n_in = conv.c_in, .conv = conv};
    return weight_make(out, like, w, bias, err);
}

void syl_weight_free(syl_weight *w)
{
    if (!w)
        return;
    if (w->packed)
        dnnl_memory_destroy(w->packed);
    if (w->bias)
        dnnl_memory_destroy(w->bias);
    desc_free(&w->packed_md);
    if (w->engine)
        dnnl_engine_destroy(w->engine);
    free(w->bias_data);
    free(w);
}

/* ---- operations ------------------------------------------------------------------------ */

syl_status syl_linear(syl_ctx *ctx, const syl_weight *w, syl_mat x, syl_act act, bool accumulate,
                      syl_mat y, syl_error *err)
{
    if (x.rows == 0)
        return SYL_OK;
    shape s = linear_shape(w, x.rows, x.stride, y);
    s.act = act;
    s.accumulate = accumulate;
    return run(ctx, &s, w, x.data, NULL, y.data, err);
}

syl_status syl_conv1d(syl_ctx *ctx, const syl_weight *w, syl_mat x, syl_act act, syl_mat y,
                      syl_error *err)
{
    if (y.rows == 0)
        return SYL_OK;
    shape s = conv_shape(w, x.rows, x.stride, y);
    s.act = act;
    return run(ctx, &s, w, x.data, NULL, y.data, err);
}

syl_status syl_onednn_product(syl_ctx *ctx, syl_mat a, syl_mat b, bool transpose_b, syl_mat c,
                              syl_error *err)
{
    shape s;
    memset(&s, 0, sizeof s);
    s.kind = PRODUCT;
    s.dtype = a.dtype;
    s.out = c.dtype;
    s.m = a.rows;
    s.k = a.cols;
    s.n = c.cols;
    s.a_stride = a.stride;
    s.c_stride = c.stride;
    s.b_row = transpose_b ? 1 : b.stride;
    s.b_col = transpose_b ? b.stride : 1;
    return run(ctx, &s, NULL, a.data, b.data, c.data, err);
}
