#include "sylber/hubert_encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

/* ---- weights --------------------------------------------------------------------------- */

static syl_status load_conv0(syl_hubert_encoder *e, syl_params *p, syl_error *err)
{
    const syl_config *c = &e->base.config;
    int n = c->hubert.conv_dim[0], k = c->hubert.conv_kernel[0];
    int64_t shape[] = {n, 1, k, 0};
    float *w;
    SYL_TRY(syl_params_take(p, "feature_extractor.conv_layers.0.conv.weight", shape, &w, err));
    e->conv0 = syl_calloc((size_t)n * (size_t)k, sizeof(float));
    for (int o = 0; e->conv0 && o < n; o++)
        for (int i = 0; i < k; i++)
            e->conv0[i * n + o] = w[o * k + i];
    free(w);
    if (!e->conv0) return syl_fail_memory(err, (size_t)n * (size_t)k * sizeof(float), "a weight");
    if (!c->hubert.conv_bias) return SYL_OK;
    return syl_params_vector(p, "feature_extractor.conv_layers.0.conv", "bias", n, &e->conv0_bias,
                             err);
}

static syl_status load_convs(syl_hubert_encoder *e, syl_params *p, syl_error *err)
{
    const syl_config *c = &e->base.config;
    char base[80];
    syl_device *device = p->device;
    SYL_TRY(load_conv0(e, p, err));
    for (int i = 0; i < c->hubert.num_convs; i++) {
        snprintf(base, sizeof base, "feature_extractor.conv_layers.%d.layer_norm", i);
        if (i == 0 && !c->hubert.conv_layer_norm) p->device = NULL; /* folded on the host */
        if (i == 0 || c->hubert.conv_layer_norm)
            SYL_TRY(syl_params_norm(p, base, c->hubert.conv_dim[i], &e->conv_norm[i], err));
        p->device = device;
        if (i == 0) continue;
        syl_conv_shape shape = {.c_in = c->hubert.conv_dim[i - 1],
                                .c_out = c->hubert.conv_dim[i],
                                .kernel = c->hubert.conv_kernel[i],
                                .stride = c->hubert.conv_stride[i],
                                .groups = 1};
        snprintf(base, sizeof base, "feature_extractor.conv_layers.%d.conv", i);
        SYL_TRY(syl_params_conv(p, base, shape, c->hubert.conv_bias, &e->conv[i], err));
    }
    return SYL_OK;
}

/* v [out][in][kernel] becomes g[k] v / |v[:, :, k]| (weight norm over dimension 2). */
static void fold_weight_norm(float *v, const float *g, int64_t rows, int kernel)
{
    for (int k = 0; k < kernel; k++) {
        double squares = 0;
        for (int64_t i = 0; i < rows; i++)
            squares += (double)v[i * kernel + k] * v[i * kernel + k];
        float scale = squares > 0 ? (float)(g[k] / sqrt(squares)) : 0.0f;
        for (int64_t i = 0; i < rows; i++)
            v[i * kernel + k] *= scale;
    }
}

/* The position embedding's weight in any of its three spellings: folded, torch's old
 * weight_g / weight_v, torch's parametrization. */
static syl_status take_position(syl_params *p, const syl_config *c, float **out, syl_error *err)
{
    static const char *const base = "encoder.pos_conv_embed.conv";
    int64_t per = c->dim / c->hubert.pos_groups, kernel = c->hubert.pos_kernel;
    int64_t shape[] = {c->dim, per, kernel, 0}, g_shape[] = {1, 1, kernel, 0};
    char v_name[96], g_name[96];
    snprintf(v_name, sizeof v_name, "%s.weight", base);
    if (syl_params_find(p, v_name)) return syl_params_take(p, v_name, shape, out, err);
    snprintf(v_name, sizeof v_name, "%s.weight_v", base);
    snprintf(g_name, sizeof g_name, "%s.weight_g", base);
    if (!syl_params_find(p, v_name)) {
        snprintf(v_name, sizeof v_name, "%s.parametrizations.weight.original1", base);
        snprintf(g_name, sizeof g_name, "%s.parametrizations.weight.original0", base);
    }
    float *g;
    SYL_TRY(syl_params_take(p, v_name, shape, out, err));
    SYL_TRY(syl_params_take(p, g_name, g_shape, &g, err));
    fold_weight_norm(*out, g, c->dim * per, (int)kernel);
    free(g);
    return SYL_OK;
}

static syl_status load_position(syl_hubert_encoder *e, syl_params *p, syl_error *err)
{
    const syl_config *c = &e->base.config;
    syl_conv_shape shape = {.c_in = c->dim,
                            .c_out = c->dim,
                            .kernel = c->hubert.pos_kernel,
                            .stride = 1,
                            .pad = c->hubert.pos_kernel / 2,
                            .groups = c->hubert.pos_groups};
    float *w = NULL, *bias = NULL;
    syl_status status = take_position(p, c, &w, err);
    if (status == SYL_OK)
        status = syl_params_vector(p, "encoder.pos_conv_embed.conv", "bias", c->dim, &bias, err);
    if (status == SYL_OK)
        status = syl_weight_conv(&e->position, p->device, w, bias, shape, p->compute, err);
    free(w);
    free(bias);
    return status;
}

/* Queries, keys and values as one product. */
static syl_status load_qkv(syl_block *b, syl_params *p, const char *base, syl_error *err)
{
    static const char *const part[] = {"q_proj", "k_proj", "v_proj"};
    size_t d = (size_t)b->dim;
    int64_t w_shape[] = {b->dim, b->dim, 0}, b_shape[] = {b->dim, 0};
    float *all = syl_calloc(3 * d, (d + 1) * sizeof(float));
    if (!all) return syl_fail_memory(err, 3 * d * (d + 1) * sizeof(float), base);
    float *bias = all + 3 * d * d;
    syl_status status = SYL_OK;
    for (size_t i = 0; i < 6 && status == SYL_OK; i++) {
        char name[256];
        float *data;
        bool is_bias = i % 2;
        snprintf(name, sizeof name, "%s.%s.%s", base, part[i / 2], is_bias ? "bias" : "weight");
        status = syl_params_take(p, name, is_bias ? b_shape : w_shape, &data, err);
        if (status != SYL_OK) break;
        memcpy(is_bias ? bias + i / 2 * d : all + i / 2 * d * d, data,
               (is_bias ? d : d * d) * sizeof(float));
        free(data);
    }
    if (status == SYL_OK)
        status =
            syl_weight_linear(&b->qkv, p->device, all, bias, 3 * b->dim, b->dim, p->compute, err);
    free(all);
    return status;
}

static syl_status load_block(syl_block *b, const syl_config *c, syl_params *p, int i,
                             syl_error *err)
{
    char base[64], name[160];
    snprintf(base, sizeof base, "encoder.layers.%d", i);
#define NAME(leaf) (snprintf(name, sizeof name, "%s.%s", base, leaf), name)
    *b = (syl_block){.pre_norm = c->hubert.pre_norm,
                     .dim = c->dim,
                     .heads = c->heads,
                     .ff = c->ff,
                     .eps = (float)c->norm_eps};
    SYL_TRY(load_qkv(b, p, NAME("attention"), err));
    SYL_TRY(syl_params_linear(p, NAME("attention.out_proj"), c->dim, c->dim, &b->out, err));
    SYL_TRY(syl_params_norm(p, NAME("layer_norm"), c->dim, &b->norm1, err));
    SYL_TRY(
        syl_params_linear(p, NAME("feed_forward.intermediate_dense"), c->ff, c->dim, &b->ff1, err));
    SYL_TRY(syl_params_linear(p, NAME("feed_forward.output_dense"), c->dim, c->ff, &b->ff2, err));
    return syl_params_norm(p, NAME("final_layer_norm"), c->dim, &b->norm2, err);
#undef NAME
}

syl_status syl_hubert_load(syl_encoder *base, syl_params *p, syl_error *err)
{
    syl_hubert_encoder *e = (syl_hubert_encoder *)base;
    const syl_config *c = &e->base.config;
    int channels = c->hubert.conv_dim[c->hubert.num_convs - 1];
    SYL_TRY(load_convs(e, p, err));
    SYL_TRY(
        syl_params_norm(p, "feature_projection.layer_norm", channels, &e->projection_norm, err));
    SYL_TRY(syl_params_linear(p, "feature_projection.projection", c->dim, channels, &e->projection,
                              err));
    SYL_TRY(load_position(e, p, err));
    SYL_TRY(syl_params_norm(p, "encoder.layer_norm", c->dim, &e->norm, err));
    e->block = syl_calloc((size_t)c->layers, sizeof *e->block);
    if (!e->block) return syl_fail_memory(err, (size_t)c->layers * sizeof *e->block, "layers");
    for (int i = 0; i < c->layers; i++)
        SYL_TRY(load_block(&e->block[i], c, p, i, err));
    return SYL_OK;
}

void syl_hubert_unload(syl_encoder *base)
{
    syl_hubert_encoder *e = (syl_hubert_encoder *)base;
    free(e->conv0);
    free(e->conv0_bias);
    for (int i = 0; i < SYL_MAX_CONVS; i++) {
        syl_norm_free(&e->conv_norm[i]);
        syl_weight_free(e->conv[i]);
    }
    syl_norm_free(&e->projection_norm);
    syl_norm_free(&e->norm);
    syl_weight_free(e->projection);
    syl_weight_free(e->position);
    for (int i = 0; e->block && i < base->config.layers; i++)
        syl_block_free(&e->block[i]);
    free(e->block);
}
