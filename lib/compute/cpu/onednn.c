/* Primitives of oneDNN: made once for a shape, kept, run. */
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/compute/cpu/onednn_api.h"

#define CACHE_SIZE 256 /* primitives kept by a context; the least recently used goes */
#define MAX_ARGS 4

static dnnl_data_type_t type_of(syl_dtype dtype)
{
    return dtype == SYL_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* ---- primitives ------------------------------------------------------------------------ */

typedef struct primitive {
    shape key;
    uint64_t used;
    dnnl_primitive_t handle;
    dnnl_memory_t src, factor, bias, dst; /* factor, bias: of a PRODUCT */
} primitive;

struct syl_onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    primitive cache[CACHE_SIZE];
    int count;
    uint64_t clock;
    bool bf16; /* it has products of bf16 for this processor */
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
    dnnl_dims_t src_by = {s->a_stride, s->a_col}, dst_by = {s->c_stride, 1}, bias_by = {s->n, 1};
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
    dnnl_dims_t w = {s->groups, s->n / s->groups, s->c_in / s->groups, s->kernel};
    DNN(desc_any(&d->w, 4, w, type));
    return SYL_OK;
}

static syl_status make_attr(const shape *s, dnnl_primitive_attr_t *attr, dnnl_post_ops_t *ops,
                            syl_error *err)
{
    DNN(dnnl_primitive_attr_create(attr));
    DNN(dnnl_post_ops_create(ops));
    if (s->accumulate) DNN(append_sum(*ops));
    if (s->act == SYL_ACT_GELU) DNN(append_gelu(*ops));
    DNN(dnnl_primitive_attr_set_post_ops(*attr, *ops));
    return SYL_OK;
}

static syl_status make_pd_with(const shape *s, const descs *d, const mem_desc *w,
                               dnnl_primitive_attr_t attr, dnnl_engine_t engine,
                               dnnl_primitive_desc_t *pd, syl_error *err)
{
    const mem_desc *bias = s->bias ? &d->bias : NULL;
    if (s->kind == CONV)
        DNN(conv_pd(pd, engine, &d->src, w, bias, &d->dst, attr));
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
    if (status == SYL_OK) status = make_attr(s, &attr, &ops, err);
    if (status == SYL_OK) status = make_pd_with(s, d, fixed ? fixed : &d->w, attr, engine, pd, err);
    if (ops) dnnl_post_ops_destroy(ops);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return status;
}

static void primitive_free(primitive *p)
{
    if (p->src) dnnl_memory_destroy(p->src);
    if (p->factor) dnnl_memory_destroy(p->factor);
    if (p->bias) dnnl_memory_destroy(p->bias);
    if (p->dst) dnnl_memory_destroy(p->dst);
    if (p->handle) dnnl_primitive_destroy(p->handle);
    memset(p, 0, sizeof *p);
}

syl_status syl_onednn_describe(const shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t *pd,
                               syl_error *err)
{
    descs d;
    memset(&d, 0, sizeof d);
    syl_status status = make_pd(s, NULL, engine, &d, pd, err);
    descs_free(&d);
    return status;
}

static syl_status primitive_finish(primitive *p, dnnl_primitive_desc_t pd, const descs *d,
                                   dnnl_engine_t engine, syl_error *err)
{
    dnnl_status_t made = dnnl_primitive_create(&p->handle, pd);
    if (made != dnnl_success)
        return syl_fail(err, SYL_ECOMPUTE,
                        "oneDNN could not prepare %s of %lld x %lld x %lld, dtype %d (status %d)",
                        p->key.kind == CONV ? "a convolution" : "a product", (long long)p->key.m,
                        (long long)p->key.n, (long long)(p->key.k ? p->key.k : p->key.kernel),
                        (int)p->key.dtype, (int)made);
    DNN(memory_create(&p->src, &d->src, engine, DNNL_MEMORY_NONE));
    DNN(memory_create(&p->dst, &d->dst, engine, DNNL_MEMORY_NONE));
    if (p->key.kind == PRODUCT) DNN(memory_create(&p->factor, &d->w, engine, DNNL_MEMORY_NONE));
    if (p->key.kind == PRODUCT && p->key.bias)
        DNN(memory_create(&p->bias, &d->bias, engine, DNNL_MEMORY_NONE));
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
    if (status == SYL_OK) status = primitive_finish(p, pd, &d, engine, err);
    if (pd) dnnl_primitive_desc_destroy(pd);
    descs_free(&d);
    if (status != SYL_OK) primitive_free(p);
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
        if (p->used < oldest->used) oldest = p;
    }
    primitive *p = o->count < CACHE_SIZE ? &o->cache[o->count++] : oldest;
    primitive_free(p);
    p->used = ++o->clock;
    *out = p;
    return primitive_make(p, key, fixed, o->engine, err);
}

/* ---- signals ----------------------------------------------------------------------------
 * The products of oneDNN before 3.12 and late versions of 3.11 let the stack pointer point into the
 * heap, so that a signal's handler would run over what lies there (its issue 4845). No signal is
 * taken meanwhile, but for those that a thread raises itself and the two of the C library's own. */

static void hold_signals(sigset_t *before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

/* OpenMP's other threads would be given what the calling thread does not take: they never take any.
 * Each time, as they may be others than before. */
static void hold_team(int threads)
{
#pragma omp parallel num_threads(threads)
    if (omp_get_thread_num() > 0) {
        sigset_t before;
        hold_signals(&before);
    }
}

static dnnl_status_t run_held(syl_ctx *ctx, dnnl_primitive_t primitive, const dnnl_exec_arg_t *args,
                              int count)
{
    syl_onednn *o = syl_ctx_onednn(ctx);
    sigset_t signals;
    hold_signals(&signals);
    if (ctx->threads > 1) hold_team(ctx->threads);
    dnnl_status_t status = dnnl_primitive_execute(primitive, o->stream, count, args);
    dnnl_status_t waited = dnnl_stream_wait(o->stream);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return status == dnnl_success ? waited : status;
}

/* ---- running ---------------------------------------------------------------------------- */

static syl_status execute(syl_ctx *ctx, const shape *key, const packed_weight *w, const void *a,
                          factor f, void *c, syl_error *err)
{
    primitive *p;
    SYL_TRY(find(syl_ctx_onednn(ctx), key, w ? &w->packed_md : NULL, &p, err));
    DNN(dnnl_memory_set_data_handle(p->src, (void *)(uintptr_t)a));
    DNN(dnnl_memory_set_data_handle(p->dst, c));
    if (p->factor) DNN(dnnl_memory_set_data_handle(p->factor, (void *)(uintptr_t)f.b));
    if (p->bias) DNN(dnnl_memory_set_data_handle(p->bias, (void *)(uintptr_t)f.bias));
    dnnl_exec_arg_t args[MAX_ARGS] = {{DNNL_ARG_SRC, p->src},
                                      {DNNL_ARG_DST, p->dst},
                                      {DNNL_ARG_WEIGHTS, w ? w->packed : p->factor},
                                      {DNNL_ARG_BIAS, w ? w->bias : p->bias}};
    DNN(run_held(ctx, p->handle, args, key->bias ? 4 : 3));
    return SYL_OK;
}

/* oneDNN asks OpenMP for its number of threads; the setting is the calling thread's own and is
 * put back. */
syl_status syl_onednn_run(syl_ctx *ctx, const shape *key, const packed_weight *w, const void *a,
                          factor f, void *c, syl_error *err)
{
    int before = omp_get_max_threads();
    omp_set_num_threads(ctx->threads);
    syl_status status = execute(ctx, key, w, a, f, c, err);
    omp_set_num_threads(before);
    return status;
}

/* By trying: what a version can do on a processor is not told. */
static bool has_bf16(dnnl_engine_t engine)
{
    enum { SIDE = 16 };
    shape s = {.kind = PRODUCT, .dtype = SYL_BF16, .out = SYL_BF16};
    dnnl_primitive_desc_t pd = NULL;
    s.m = s.n = s.k = s.a_stride = s.c_stride = s.b_row = SIDE;
    s.a_col = s.b_col = 1;
    bool has = syl_onednn_describe(&s, engine, &pd, NULL) == SYL_OK;
    if (pd) dnnl_primitive_desc_destroy(pd);
    return has;
}

bool syl_onednn_has_bf16(syl_ctx *ctx)
{
    return syl_ctx_onednn(ctx)->bf16;
}

syl_status syl_onednn_create(syl_onednn **out, syl_error *err)
{
    syl_onednn *o = syl_calloc(1, sizeof *o);
    *out = o;
    if (!o) return syl_fail_memory(err, sizeof *o, "the primitive cache");
    DNN(dnnl_engine_create(&o->engine, dnnl_cpu, 0));
    DNN(dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags));
    o->bf16 = has_bf16(o->engine);
    return SYL_OK;
}

void syl_onednn_free(syl_onednn *o)
{
    if (!o) return;
    for (int i = 0; i < o->count; i++)
        primitive_free(&o->cache[i]);
    if (o->stream) dnnl_stream_destroy(o->stream);
    if (o->engine) dnnl_engine_destroy(o->engine);
    free(o);
}
