#include "train/sylber/network.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"

syl_status syl_network_create(syl_network **out, const syl_config *config, syl_error *err)
{
    const syl_network_ops *ops =
        config->kind == SYL_ENCODER_MEL ? &syl_mel_network_ops : &syl_hubert_network_ops;
    *out = NULL;
    if (config->layers > SYL_TRAINED_LAYERS)
        return syl_fail(err, SYL_EUNSUPPORTED, "training %d layers; at most %d", config->layers,
                        SYL_TRAINED_LAYERS);
    syl_network *network = *out = syl_calloc(1, ops->size);
    if (!network) return syl_fail_memory(err, ops->size, "a network");
    network->ops = ops;
    network->config = *config;
    syl_status status = ops->declare(network, err);
    if (status == SYL_OK) status = syl_param_set_finish(&network->set, err);
    if (status == SYL_OK) return SYL_OK;
    syl_network_free(network);
    *out = NULL;
    return status;
}

void syl_network_free(syl_network *network)
{
    if (!network) return;
    syl_param_set_free(&network->set);
    free(network);
}

static syl_status export_all(const syl_param_set *set, syl_st_tensor *tensors, syl_error *err)
{
    for (int i = 0; i < set->count; i++) {
        const syl_param *p = set->item[i];
        syl_st_tensor *t = &tensors[i];
        *t = (syl_st_tensor){.name = p->name, .dtype = SYL_F32, .count = (size_t)p->size};
        for (; t->ndim < SYL_PARAM_DIMS && p->dims[t->ndim]; t->ndim++)
            t->shape[t->ndim] = p->dims[t->ndim];
        t->data = syl_param_export(p, set->values.host);
        if (!t->data) return syl_fail_memory(err, t->count * sizeof(float), p->name);
    }
    return SYL_OK;
}

syl_status syl_network_save(const syl_network *network, const syl_config *config, const char *path,
                            syl_error *err)
{
    const syl_param_set *set = &network->set;
    syl_st_tensor *tensors = syl_calloc((size_t)set->count, sizeof *tensors);
    char *text = syl_config_write(config);
    json_t *metadata = text ? json_pack("{s:s}", "sylkit.config", text) : NULL;
    syl_status status = SYL_OK;
    if (!tensors || !metadata) status = syl_fail(err, SYL_ENOMEM, "no memory for a model file");
    if (status == SYL_OK) status = export_all(set, tensors, err);
    if (status == SYL_OK)
        status = syl_safetensors_write(path, tensors, (size_t)set->count, metadata, err);
    for (int i = 0; tensors && i < set->count; i++)
        free((void *)(uintptr_t)tensors[i].data);
    json_decref(metadata);
    free(text);
    free(tensors);
    return status;
}

/* ---- declaring ---------------------------------------------------------------------------- */

static syl_status declare(syl_param_set *set, const char *base, const char *leaf,
                          const int64_t *dims, bool taps_first, syl_param **out, syl_error *err)
{
    char name[SYL_PARAM_NAME + 16];
    snprintf(name, sizeof name, "%.*s.%s", SYL_PARAM_NAME, base, leaf);
    return syl_param_add(set, name, dims, taps_first, out, err);
}

syl_status syl_declare_linear(syl_param_set *set, const char *base, int n_out, int n_in,
                              syl_affine *out, syl_error *err)
{
    SYL_TRY(declare(set, base, "weight", (int64_t[]){n_out, n_in, 0}, false, &out->weight, err));
    return declare(set, base, "bias", (int64_t[]){n_out, 0}, false, &out->bias, err);
}

syl_status syl_declare_norm(syl_param_set *set, const char *base, int n, syl_affine *out,
                            syl_error *err)
{
    SYL_TRY(declare(set, base, "weight", (int64_t[]){n, 0}, false, &out->weight, err));
    return declare(set, base, "bias", (int64_t[]){n, 0}, false, &out->bias, err);
}

syl_status syl_declare_conv(syl_param_set *set, const char *base, syl_conv_shape s, bool bias,
                            syl_affine *out, syl_error *err)
{
    SYL_TRY(declare(set, base, "weight", (int64_t[]){s.c_out, s.c_in, s.kernel, 0}, true,
                    &out->weight, err));
    if (!bias) return SYL_OK;
    return declare(set, base, "bias", (int64_t[]){s.c_out, 0}, false, &out->bias, err);
}

/* ---- applying ----------------------------------------------------------------------------- */

static syl_status vars_of(syl_tape *tape, const syl_affine *by, syl_var **w, syl_var **b,
                          syl_error *err)
{
    *b = NULL;
    SYL_TRY(syl_tape_param(tape, by->weight, w, err));
    return by->bias ? syl_tape_param(tape, by->bias, b, err) : SYL_OK;
}

syl_status syl_apply_linear(syl_tape *tape, const syl_affine *by, syl_var *x, syl_var **y,
                            syl_error *err)
{
    syl_var *w, *b;
    SYL_TRY(vars_of(tape, by, &w, &b, err));
    return syl_nn_linear(tape, x, w, b, y, err);
}

syl_status syl_apply_layer_norm(syl_tape *tape, const syl_affine *by, float eps, syl_var *x,
                                syl_var **y, syl_error *err)
{
    syl_var *w, *b;
    SYL_TRY(vars_of(tape, by, &w, &b, err));
    return syl_nn_norm(tape, SYL_LAYER_NORM, x, w, b, eps, y, err);
}

syl_status syl_apply_conv(syl_tape *tape, const syl_affine *by, syl_conv_shape shape, syl_var *x,
                          syl_ragged in, syl_var **y, syl_ragged *out, syl_error *err)
{
    syl_var *w, *b;
    SYL_TRY(vars_of(tape, by, &w, &b, err));
    return syl_nn_conv(tape, shape, x, in, w, b, y, out, err);
}

/* ---- the transformer block ------------------------------------------------------------------ */

static syl_status self_attention(const syl_trained_block *b, syl_tape *tape,
                                 syl_attention_shape shape, syl_ragged sequences, syl_var *x,
                                 syl_var **y, syl_error *err)
{
    syl_var *w, *bias, *qkv, *rel = NULL, *seen;
    SYL_TRY(syl_tape_joined(tape, b->qkv_weight, b->parts, &w, err));
    SYL_TRY(syl_tape_joined(tape, b->qkv_bias, b->parts, &bias, err));
    if (b->rel_bias) SYL_TRY(syl_tape_param(tape, b->rel_bias, &rel, err));
    SYL_TRY(syl_nn_linear(tape, x, w, bias, &qkv, err));
    SYL_TRY(syl_nn_attention(tape, shape, shape.heads, sequences, qkv, rel, &seen, err));
    return syl_apply_linear(tape, &b->out, seen, y, err);
}

static syl_status feed_forward(const syl_network *n, const syl_trained_block *b, syl_tape *tape,
                               syl_var *x, syl_var **y, syl_error *err)
{
    SYL_TRY(syl_apply_linear(tape, &b->ff1, x, y, err));
    SYL_TRY(syl_nn_activation(tape, SYL_GELU_ERF, *y, y, err));
    SYL_TRY(syl_nn_dropout(tape, n->dropout.activation, *y, y, err));
    SYL_TRY(syl_apply_linear(tape, &b->ff2, *y, y, err));
    return syl_nn_dropout(tape, n->dropout.hidden, *y, y, err);
}

syl_status syl_apply_block(const syl_network *n, const syl_trained_block *b, syl_tape *tape,
                           syl_attention_shape shape, bool pre_norm, syl_ragged sequences,
                           syl_var *x, syl_var **y, syl_error *err)
{
    float eps = (float)n->config.norm_eps;
    syl_var *h = x, *f;
    if (pre_norm) SYL_TRY(syl_apply_layer_norm(tape, &b->norm1, eps, h, &h, err));
    SYL_TRY(self_attention(b, tape, shape, sequences, h, &h, err));
    SYL_TRY(syl_nn_dropout(tape, n->dropout.hidden, h, &h, err));
    SYL_TRY(syl_nn_add(tape, x, h, &x, err));
    if (!pre_norm) SYL_TRY(syl_apply_layer_norm(tape, &b->norm1, eps, x, &x, err));
    f = x;
    if (pre_norm) SYL_TRY(syl_apply_layer_norm(tape, &b->norm2, eps, x, &f, err));
    SYL_TRY(feed_forward(n, b, tape, f, &f, err));
    SYL_TRY(syl_nn_add(tape, x, f, y, err));
    if (!pre_norm) SYL_TRY(syl_apply_layer_norm(tape, &b->norm2, eps, *y, y, err));
    return SYL_OK;
}
