/* The HuBERT shape (sylber/hubert_encoder.h) for training, convolutions included. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/nn/params.h"
#include "train/sylber/network.h"

#define CONV_NORM_EPS 1e-5f /* HubertModel's own, not the configuration's */
#define POSITION "encoder.pos_conv_embed.conv"
#define LAYER_DROP_STREAM ((uint64_t)1 << 63 | 0xD809)

typedef struct hubert_network {
    syl_network base;
    syl_affine conv[SYL_MAX_CONVS], conv_norm[SYL_MAX_CONVS];
    syl_affine projection_norm, projection, norm;
    syl_param *position_g, *position_v, *position_bias;
    syl_trained_block block[SYL_TRAINED_LAYERS];
} hubert_network;

static syl_conv_shape conv_of(const syl_config *c, int i)
{
    return (syl_conv_shape){.c_in = i ? c->hubert.conv_dim[i - 1] : 1,
                            .c_out = c->hubert.conv_dim[i],
                            .kernel = c->hubert.conv_kernel[i],
                            .stride = c->hubert.conv_stride[i],
                            .groups = 1};
}

static bool has_norm(const syl_config *c, int i)
{
    return i == 0 || c->hubert.conv_layer_norm;
}

static syl_status declare_convs(hubert_network *n, syl_param_set *set, syl_error *err)
{
    const syl_config *c = &n->base.config;
    char name[80];
    for (int i = 0; i < c->hubert.num_convs; i++) {
        snprintf(name, sizeof name, "feature_extractor.conv_layers.%d.conv", i);
        SYL_TRY(syl_declare_conv(set, name, conv_of(c, i), c->hubert.conv_bias, &n->conv[i], err));
        snprintf(name, sizeof name, "feature_extractor.conv_layers.%d.layer_norm", i);
        if (has_norm(c, i))
            SYL_TRY(syl_declare_norm(set, name, c->hubert.conv_dim[i], &n->conv_norm[i], err));
    }
    return SYL_OK;
}

static syl_status declare_position(hubert_network *n, syl_param_set *set, syl_error *err)
{
    const syl_config *c = &n->base.config;
    int64_t taps = c->hubert.pos_kernel;
    int64_t g[] = {1, 1, taps, 0}, v[] = {c->dim, c->dim / c->hubert.pos_groups, taps, 0};
    SYL_TRY(syl_param_add(set, POSITION ".parametrizations.weight.original0", g, false,
                          &n->position_g, err));
    SYL_TRY(syl_param_add(set, POSITION ".parametrizations.weight.original1", v, false,
                          &n->position_v, err));
    return syl_param_add(set, POSITION ".bias", (int64_t[]){c->dim, 0}, false, &n->position_bias,
                         err);
}

static syl_status declare_block(syl_param_set *set, const syl_config *c, int i,
                                syl_trained_block *b, syl_error *err)
{
    static const char *const part[] = {"q_proj", "k_proj", "v_proj"};
    char name[128];
    for (int k = 0; k < 6; k++) {
        bool bias = k >= 3;
        int64_t dims[] = {c->dim, bias ? 0 : c->dim, 0};
        snprintf(name, sizeof name, "encoder.layers.%d.attention.%s.%s", i, part[k % 3],
                 bias ? "bias" : "weight");
        SYL_TRY(syl_param_add(set, name, dims, false,
                              bias ? &b->qkv_bias[k % 3] : &b->qkv_weight[k], err));
    }
    b->parts = 3;
#define NAME(leaf) (snprintf(name, sizeof name, "encoder.layers.%d.%s", i, leaf), name)
    SYL_TRY(syl_declare_linear(set, NAME("attention.out_proj"), c->dim, c->dim, &b->out, err));
    SYL_TRY(syl_declare_norm(set, NAME("layer_norm"), c->dim, &b->norm1, err));
    SYL_TRY(syl_declare_linear(set, NAME("feed_forward.intermediate_dense"), c->ff, c->dim, &b->ff1,
                               err));
    SYL_TRY(
        syl_declare_linear(set, NAME("feed_forward.output_dense"), c->dim, c->ff, &b->ff2, err));
    return syl_declare_norm(set, NAME("final_layer_norm"), c->dim, &b->norm2, err);
#undef NAME
}

static syl_status hubert_declare(syl_network *base, syl_error *err)
{
    hubert_network *n = (hubert_network *)base;
    const syl_config *c = &base->config;
    syl_param_set *set = &base->set;
    int channels = c->hubert.conv_dim[c->hubert.num_convs - 1];
    SYL_TRY(declare_convs(n, set, err));
    SYL_TRY(
        syl_declare_norm(set, "feature_projection.layer_norm", channels, &n->projection_norm, err));
    SYL_TRY(syl_declare_linear(set, "feature_projection.projection", c->dim, channels,
                               &n->projection, err));
    SYL_TRY(declare_position(n, set, err));
    SYL_TRY(syl_declare_norm(set, "encoder.layer_norm", c->dim, &n->norm, err));
    for (int i = 0; i < c->layers; i++)
        SYL_TRY(declare_block(set, c, i, &n->block[i], err));
    return SYL_OK;
}

/* ---- values out of a file ------------------------------------------------------------------- */

/* A position weight that was folded is unfolded again: g is the length of v at each tap. */
static void unfold(const syl_param *v, syl_param *g)
{
    int64_t taps = g->size;
    float *out = g->value.data;
    const float *in = v->value.data;
    for (int64_t k = 0; k < taps; k++) {
        double squares = 0;
        for (int64_t i = k; i < v->size; i += taps)
            squares += (double)in[i] * in[i];
        out[k] = (float)sqrt(squares);
    }
}

static syl_status load_position(hubert_network *n, const syl_safetensors *file, const char *prefix,
                                syl_error *err)
{
    syl_params from = {.file = file};
    syl_param *g = n->position_g, *v = n->position_v;
    snprintf(from.prefix, sizeof from.prefix, "%s", prefix);
    if (syl_params_find(&from, POSITION ".weight")) {
        SYL_TRY(syl_param_load(v, file, prefix, POSITION ".weight", err));
        unfold(v, g);
        return SYL_OK;
    }
    bool old = syl_params_find(&from, POSITION ".weight_v") != NULL;
    SYL_TRY(syl_param_load(v, file, prefix, old ? POSITION ".weight_v" : v->name, err));
    return syl_param_load(g, file, prefix, old ? POSITION ".weight_g" : g->name, err);
}

static syl_status hubert_load(syl_network *base, const syl_safetensors *file, const char *prefix,
                              syl_error *err)
{
    hubert_network *n = (hubert_network *)base;
    for (int i = 0; i < base->set.count; i++) {
        syl_param *p = base->set.item[i];
        if (p != n->position_g && p != n->position_v)
            SYL_TRY(syl_param_load(p, file, prefix, p->name, err));
    }
    return load_position(n, file, prefix, err);
}

/* ---- forward -------------------------------------------------------------------------------- */

static int64_t hubert_cols(const syl_config *c)
{
    (void)c;
    return 1;
}

/* Half a frame of zeros on both sides, so that audio of n hops gives n frames. */
static syl_status hubert_prepare(const syl_config *c, const float *audio, int64_t samples,
                                 float **rows, int64_t *n, syl_error *err)
{
    int64_t pad = syl_config_hop(c) / 2;
    *n = samples + 2 * pad;
    *rows = syl_calloc((size_t)*n, sizeof(float));
    if (!*rows) return syl_fail_memory(err, (size_t)*n * sizeof(float), "a recording");
    memcpy(*rows + pad, audio, (size_t)samples * sizeof(float));
    return SYL_OK;
}

static syl_status group_norm(const hubert_network *n, syl_tape *tape, syl_var *x, syl_ragged in,
                             syl_var **y, syl_error *err)
{
    syl_var *gamma, *beta;
    SYL_TRY(syl_tape_param(tape, n->conv_norm[0].weight, &gamma, err));
    SYL_TRY(syl_tape_param(tape, n->conv_norm[0].bias, &beta, err));
    return syl_nn_group_norm(tape, n->base.config.hubert.conv_dim[0], x, in, gamma, beta,
                             CONV_NORM_EPS, y, err);
}

static syl_status convolutions(const hubert_network *n, syl_tape *tape, syl_var **x,
                               syl_ragged *sequences, syl_error *err)
{
    const syl_config *c = &n->base.config;
    for (int i = 0; i < c->hubert.num_convs; i++) {
        SYL_TRY(
            syl_apply_conv(tape, &n->conv[i], conv_of(c, i), *x, *sequences, x, sequences, err));
        if (c->hubert.conv_layer_norm)
            SYL_TRY(syl_apply_layer_norm(tape, &n->conv_norm[i], CONV_NORM_EPS, *x, x, err));
        else if (i == 0)
            SYL_TRY(group_norm(n, tape, *x, *sequences, x, err));
        SYL_TRY(syl_nn_activation(tape, SYL_GELU_ERF, *x, x, err));
    }
    return SYL_OK;
}

static syl_status positions(const hubert_network *n, syl_tape *tape, syl_var *x, syl_ragged in,
                            syl_var **y, syl_error *err)
{
    const syl_config *c = &n->base.config;
    syl_conv_shape shape = {
        c->dim, c->dim, c->hubert.pos_kernel, 1, c->hubert.pos_kernel / 2, c->hubert.pos_groups};
    syl_var *g, *v, *bias, *p;
    SYL_TRY(syl_tape_param(tape, n->position_g, &g, err));
    SYL_TRY(syl_tape_param(tape, n->position_v, &v, err));
    SYL_TRY(syl_tape_param(tape, n->position_bias, &bias, err));
    SYL_TRY(syl_nn_positional_conv(tape, shape, x, in, g, v, bias, &p, err));
    SYL_TRY(syl_nn_activation(tape, SYL_GELU_ERF, p, &p, err));
    return syl_nn_add(tape, x, p, y, err);
}

/* Whether this layer is left out of this step (Fan et al. 2020). */
static bool is_dropped(const syl_network *base, const syl_tape *tape, int layer)
{
    const syl_tape_options *o = syl_tape_settings(tape);
    syl_random r = {o->seed, LAYER_DROP_STREAM, o->step * SYL_TRAINED_LAYERS + (uint64_t)layer};
    return o->training && base->dropout.layer > 0 && syl_random_uniform(&r) < base->dropout.layer;
}

static syl_status hubert_forward(const syl_network *base, syl_tape *tape, syl_var *x, syl_ragged in,
                                 syl_var **frames, syl_ragged *out, syl_error *err)
{
    const hubert_network *n = (const hubert_network *)base;
    const syl_config *c = &base->config;
    float eps = (float)c->norm_eps;
    syl_attention_shape all = {
        .heads = c->heads, .left = -1, .right = -1, .dropout = base->dropout.attention};
    *out = in;
    SYL_TRY(convolutions(n, tape, &x, out, err));
    SYL_TRY(syl_apply_layer_norm(tape, &n->projection_norm, eps, x, &x, err));
    SYL_TRY(syl_apply_linear(tape, &n->projection, x, &x, err));
    SYL_TRY(syl_nn_dropout(tape, base->dropout.feature, x, &x, err));
    SYL_TRY(positions(n, tape, x, *out, &x, err));
    if (!c->hubert.pre_norm) SYL_TRY(syl_apply_layer_norm(tape, &n->norm, eps, x, &x, err));
    SYL_TRY(syl_nn_dropout(tape, base->dropout.hidden, x, &x, err));
    for (int i = 0; i < c->layers; i++)
        if (!is_dropped(base, tape, i))
            SYL_TRY(syl_apply_block(base, &n->block[i], tape, all, c->hubert.pre_norm, *out, x, &x,
                                    err));
    if (c->hubert.pre_norm) SYL_TRY(syl_apply_layer_norm(tape, &n->norm, eps, x, &x, err));
    *frames = x;
    return SYL_OK;
}

const syl_network_ops syl_hubert_network_ops = {.size = sizeof(hubert_network),
                                                .declare = hubert_declare,
                                                .load = hubert_load,
                                                .prepare = hubert_prepare,
                                                .input_cols = hubert_cols,
                                                .forward = hubert_forward};
