/* Weights rearranged once for oneDNN. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/bf16.h"
#include "lib/base/memory.h"
#include "lib/compute/cpu/blocks.h"

#define TYPICAL_ROWS 256

shape syl_linear_shape(const packed_weight *w, int64_t rows, int64_t x_stride, syl_mat y)
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
    s.a_col = 1;
    s.c_stride = y.stride;
    return s;
}

shape syl_conv_shape_of(const packed_weight *w)
{
    syl_mat y = syl_mat_of(NULL, w->dtype, SYL_CONV_TILE, w->conv.c_out);
    shape s = syl_linear_shape(w, SYL_CONV_TILE, w->conv.c_in, y);
    s.kind = CONV;
    s.k = 0;
    s.c_in = w->conv.c_in;
    s.kernel = w->conv.kernel;
    s.groups = w->conv.groups;
    s.t_in = SYL_CONV_TILE + w->conv.kernel - 1;
    return s;
}

static syl_status plain_desc(const packed_weight *w, mem_desc *md, syl_error *err)
{
    if (w->kind == LINEAR) {
        dnnl_dims_t dims = {w->n_in, w->n_out}, by = {1, w->n_in};
        DNN(desc_strided(md, 2, dims, dnnl_f32, by));
        return SYL_OK;
    }
    const syl_conv_shape *c = &w->conv;
    dnnl_dim_t in = c->c_in / c->groups, out = c->c_out / c->groups;
    dnnl_dims_t dims = {c->groups, out, in, c->kernel};
    dnnl_dims_t by = {out * in * c->kernel, in * c->kernel, c->kernel, 1};
    DNN(desc_strided(md, 4, dims, dnnl_f32, by));
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
    if (done == dnnl_success) done = dnnl_stream_wait(stream);
    dnnl_primitive_destroy(reorder);
    DNN(done);
    return SYL_OK;
}

static syl_status pack(packed_weight *w, const float *data, syl_error *err)
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
    if (from) dnnl_memory_destroy(from);
    if (stream) dnnl_stream_destroy(stream);
    desc_free(&plain);
    return status;
}

/* Float32 in place of bf16: of the same values. */
static syl_status pack_rounded(packed_weight *w, const float *data, syl_error *err)
{
    size_t per_row = (size_t)(w->kind == CONV ? w->n_in / w->conv.groups : w->n_in);
    size_t n = (size_t)w->n_out * per_row;
    float *rounded = syl_calloc(n, sizeof *rounded);
    if (!rounded) return syl_fail_memory(err, n * sizeof *rounded, "a weight");
    for (size_t i = 0; i < n; i++)
        rounded[i] = syl_bf16_to_f32(syl_f32_to_bf16(data[i]));
    syl_status status = pack(w, rounded, err);
    free(rounded);
    return status;
}

/* Whether oneDNN can make what it described. */
static syl_status try_out(const_dnnl_primitive_desc_t pd, syl_error *err)
{
    dnnl_primitive_t trial;
    DNN(dnnl_primitive_create(&trial, pd));
    DNN(dnnl_primitive_destroy(trial));
    return SYL_OK;
}

/* The layout of a product's weights does not depend on the number of rows. */
static syl_status choose_layout(packed_weight *w, syl_error *err)
{
    syl_mat y = syl_mat_of(NULL, w->dtype, TYPICAL_ROWS, w->n_out);
    shape s =
        w->kind == CONV ? syl_conv_shape_of(w) : syl_linear_shape(w, TYPICAL_ROWS, w->n_in, y);
    dnnl_primitive_desc_t pd = NULL;
    if (w->kind == CONV) s.act = SYL_ACT_GELU; /* some can be made only without it */
    SYL_TRY(syl_onednn_describe(&s, w->engine, &pd, err));
    syl_status status = w->kind == CONV ? try_out(pd, err) : SYL_OK;
    if (status == SYL_OK) w->packed_md = desc_of_weights(pd);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

/* oneDNN has no bf16 for processors without AVX-512, and 2.6 describes some grouped convolutions
 * that it then cannot make; those are computed in float32. */
static syl_status choose_layout_or_widen(packed_weight *w, syl_error *err)
{
    if (w->dtype != SYL_F32) {
        if (choose_layout(w, NULL) == SYL_OK) return SYL_OK;
        w->dtype = SYL_F32;
    }
    return choose_layout(w, err);
}

static syl_status bind_bias(packed_weight *w, const float *bias, syl_error *err)
{
    if (!bias) return SYL_OK;
    mem_desc md;
    int n = w->n_out;
    dnnl_dims_t one = {n}, one_by = {1}, two = {1, n}, two_by = {n, 1};
    w->bias_data = syl_calloc((size_t)n, sizeof(float));
    if (!w->bias_data) return syl_fail_memory(err, (size_t)n * sizeof(float), "a bias");
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

static syl_status weight_make(syl_weight **out, packed_weight like, const float *data,
                              const float *bias, syl_error *err)
{
    *out = NULL;
    packed_weight *w = syl_calloc(1, sizeof *w);
    if (!w) return syl_fail_memory(err, sizeof *w, "a weight");
    *w = like;
    w->base.backend = &syl_cpu_backend;
    syl_status status = SYL_OK;
    if (dnnl_engine_create(&w->engine, dnnl_cpu, 0) != dnnl_success)
        status = syl_fail(err, SYL_ECOMPUTE, "oneDNN gave no CPU engine");
    if (status == SYL_OK) status = bind_bias(w, bias, err);
    if (status == SYL_OK) status = choose_layout_or_widen(w, err);
    bool widened = w->dtype != like.dtype;
    if (status == SYL_OK) status = widened ? pack_rounded(w, data, err) : pack(w, data, err);
    if (status != SYL_OK) {
        syl_cpu_weight_free(&w->base);
        return status;
    }
    *out = &w->base;
    return SYL_OK;
}

syl_status syl_cpu_weight_linear(syl_weight **out, syl_device *device, const float *w,
                                 const float *bias, int n_out, int n_in, syl_dtype dtype,
                                 syl_error *err)
{
    (void)device;
    packed_weight like = {.kind = LINEAR, .dtype = dtype, .n_out = n_out, .n_in = n_in};
    return weight_make(out, like, w, bias, err);
}

syl_status syl_cpu_weight_conv(syl_weight **out, syl_device *device, const float *w,
                               const float *bias, syl_conv_shape conv, syl_dtype dtype,
                               syl_error *err)
{
    (void)device;
    packed_weight like = {.kind = conv.groups > 1 ? CONV : LINEAR,
                          .dtype = dtype,
                          .n_out = conv.c_out,
                          .n_in = conv.c_in * conv.kernel,
                          .conv = conv};
    *out = NULL;
    if (conv.groups > 1 && conv.stride != 1)
        return syl_fail(err, SYL_EUNSUPPORTED, "a grouped convolution of stride %d", conv.stride);
    if (conv.groups > 1) return weight_make(out, like, w, bias, err);
    float *taps = syl_weights_by_tap(w, conv);
    if (!taps)
        return syl_fail_memory(err, (size_t)like.n_in * (size_t)like.n_out * sizeof *taps,
                               "a weight");
    syl_status status = weight_make(out, like, taps, bias, err);
    free(taps);
    return status;
}

void syl_cpu_weight_free(syl_weight *base)
{
    packed_weight *w = (packed_weight *)base;
    if (!w) return;
    if (w->kind == BLOCKS) {
        syl_blocks_free((block_weight *)base);
        return;
    }
    if (w->packed) dnnl_memory_destroy(w->packed);
    if (w->bias) dnnl_memory_destroy(w->bias);
    desc_free(&w->packed_md);
    if (w->engine) dnnl_engine_destroy(w->engine);
    free(w->bias_data);
    free(w);
}
