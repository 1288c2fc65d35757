/* The small log-mel encoder (sylber/mel_encoder.h) for training. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audio/logmel.h"
#include "lib/base/memory.h"
#include "lib/nn/params.h"
#include "train/sylber/network.h"

typedef struct mel_network {
    syl_network base;
    syl_affine conv1, conv2, norm, head;
    syl_trained_block block[SYL_TRAINED_LAYERS];
} mel_network;

static syl_conv_shape conv1_of(const syl_config *c)
{
    return (syl_conv_shape){c->mel.mels, c->dim, 3, 1, 1, 1};
}

static syl_conv_shape conv2_of(const syl_config *c)
{
    return (syl_conv_shape){c->dim, c->dim, 3, 2, 1, 1};
}

static syl_status declare_block(syl_param_set *set, const syl_config *c, int i,
                                syl_trained_block *b, syl_error *err)
{
    char name[64];
    syl_affine qkv;
#define NAME(leaf) (snprintf(name, sizeof name, "layers.%d.%s", i, leaf), name)
    SYL_TRY(syl_declare_norm(set, NAME("ln1"), c->dim, &b->norm1, err));
    SYL_TRY(syl_declare_norm(set, NAME("ln2"), c->dim, &b->norm2, err));
    SYL_TRY(syl_declare_linear(set, NAME("qkv"), 3 * c->dim, c->dim, &qkv, err));
    SYL_TRY(syl_declare_linear(set, NAME("out"), c->dim, c->dim, &b->out, err));
    SYL_TRY(syl_declare_linear(set, NAME("ff1"), c->ff, c->dim, &b->ff1, err));
    SYL_TRY(syl_declare_linear(set, NAME("ff2"), c->dim, c->ff, &b->ff2, err));
    b->parts = 1;
    b->qkv_weight[0] = qkv.weight;
    b->qkv_bias[0] = qkv.bias;
    int64_t dims[] = {c->heads, c->mel.left + c->mel.right + 1, 0};
    return syl_param_add(set, NAME("rel_bias"), dims, false, &b->rel_bias, err);
#undef NAME
}

static syl_status mel_declare(syl_network *base, syl_error *err)
{
    mel_network *n = (mel_network *)base;
    const syl_config *c = &base->config;
    SYL_TRY(syl_declare_conv(&base->set, "stem.conv1", conv1_of(c), true, &n->conv1, err));
    SYL_TRY(syl_declare_conv(&base->set, "stem.conv2", conv2_of(c), true, &n->conv2, err));
    for (int i = 0; i < c->layers; i++)
        SYL_TRY(declare_block(&base->set, c, i, &n->block[i], err));
    SYL_TRY(syl_declare_norm(&base->set, "ln", c->dim, &n->norm, err));
    return syl_declare_linear(&base->set, "head", c->mel.out_dim, c->dim, &n->head, err);
}

/* A relative bias that is not in the file falls off with the distance, head by head less, as in
 * ALiBi (Press et al. 2022). */
static void start_rel_bias(const syl_config *c, float *bias)
{
    int64_t width = c->mel.left + c->mel.right + 1;
    for (int h = 0; h < c->heads; h++) {
        float slope = 0.5f / (float)(1 << (h < 20 ? h : 20));
        for (int64_t j = 0; j < width; j++)
            bias[h * width + j] = -slope * (float)labs((long)(j - c->mel.left));
    }
}

static syl_status mel_load(syl_network *base, const syl_safetensors *file, const char *prefix,
                           syl_error *err)
{
    const syl_config *c = &base->config;
    char name[64];
    for (int i = 0; i < base->set.count; i++) {
        syl_param *p = base->set.item[i];
        syl_params from = {.file = file};
        snprintf(from.prefix, sizeof from.prefix, "%s", prefix);
        bool is_bias = sscanf(p->name, "layers.%*d.%63s", name) == 1 && !strcmp(name, "rel_bias");
        bool is_head = !strncmp(p->name, "head.", 5);
        if (is_bias && !syl_params_find(&from, p->name))
            start_rel_bias(c, p->value.data);
        else if (is_head && !syl_params_find(&from, p->name) && c->mel.out_dim == c->dim)
            for (int64_t k = 0; k < c->dim && p->value.cols == c->dim; k++)
                ((float *)p->value.data)[k * c->dim + k] = 1;
        else
            SYL_TRY(syl_param_load(p, file, prefix, p->name, err));
    }
    return SYL_OK;
}

syl_status syl_network_start_head(syl_network *base, const float *mean, const float *std,
                                  float scale, syl_error *err)
{
    const syl_config *c = &base->config;
    if (c->kind != SYL_ENCODER_MEL || c->mel.out_dim != c->dim)
        return syl_fail(err, SYL_EINVAL,
                        "only a log-mel model whose output_size is its hidden_size starts as its "
                        "teacher's standardised features");
    const mel_network *n = (const mel_network *)base;
    float *w = n->head.weight->value.data, *b = n->head.bias->value.data;
    memset(w, 0, (size_t)n->head.weight->size * sizeof *w);
    for (int k = 0; k < c->dim; k++) {
        w[(int64_t)k * c->dim + k] = scale / std[k];
        b[k] = -scale * mean[k] / std[k];
    }
    return SYL_OK;
}

static int64_t mel_cols(const syl_config *c)
{
    return c->mel.mels;
}

/* Two rows of log-mel for each whole frame of the audio, zeros behind it. */
static syl_status mel_prepare(const syl_config *c, const float *audio, int64_t samples,
                              float **rows, int64_t *n, syl_error *err)
{
    syl_logmel_config config = {.sample_rate = c->sample_rate,
                                .n_fft = c->mel.n_fft,
                                .hop = c->mel.hop,
                                .mels = c->mel.mels,
                                .log10_floor = c->mel.log10_floor};
    *n = samples / syl_config_hop(c) * 2;
    *rows = syl_calloc((size_t)*n * (size_t)c->mel.mels, sizeof(float));
    if (!*rows) return syl_fail_memory(err, (size_t)*n * (size_t)c->mel.mels * 4, "log-mel rows");
    syl_status status = syl_logmel_whole(&config, audio, (size_t)samples, (size_t)c->mel.n_fft * 2,
                                         *rows, (size_t)*n, err);
    if (status == SYL_OK) return SYL_OK;
    free(*rows);
    *rows = NULL;
    return status;
}

static syl_status mel_forward(const syl_network *base, syl_tape *tape, syl_var *x, syl_ragged in,
                              syl_var **frames, syl_ragged *out, syl_error *err)
{
    const mel_network *n = (const mel_network *)base;
    const syl_config *c = &base->config;
    syl_attention_shape window = {.heads = c->heads,
                                  .left = c->mel.left,
                                  .right = c->mel.right,
                                  .dropout = base->dropout.attention};
    syl_ragged half;
    SYL_TRY(syl_apply_conv(tape, &n->conv1, conv1_of(c), x, in, &x, &half, err));
    SYL_TRY(syl_nn_activation(tape, SYL_GELU_ERF, x, &x, err));
    SYL_TRY(syl_apply_conv(tape, &n->conv2, conv2_of(c), x, half, &x, out, err));
    SYL_TRY(syl_nn_activation(tape, SYL_GELU_ERF, x, &x, err));
    for (int i = 0; i < c->layers; i++)
        SYL_TRY(syl_apply_block(base, &n->block[i], tape, window, true, *out, x, &x, err));
    SYL_TRY(syl_apply_layer_norm(tape, &n->norm, (float)c->norm_eps, x, &x, err));
    return syl_apply_linear(tape, &n->head, x, frames, err);
}

const syl_network_ops syl_mel_network_ops = {.size = sizeof(mel_network),
                                             .declare = mel_declare,
                                             .load = mel_load,
                                             .prepare = mel_prepare,
                                             .input_cols = mel_cols,
                                             .forward = mel_forward};
