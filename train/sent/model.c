#include "train/sent/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/nn/layers.h"

/* ---- declaring ----------------------------------------------------------------------------- */

/* widths [layers + 1]. Layers are numbered as in an nn.Sequential with an activation after each. */
static syl_status declare_mlp(syl_param_set *set, const char *base, const int *widths, int layers,
                              syl_sent_mlp *out, syl_error *err)
{
    char name[SYL_PARAM_NAME];
    out->layers = layers;
    for (int i = 0; i < layers; i++) {
        int64_t weight[] = {widths[i + 1], widths[i], 0}, bias[] = {widths[i + 1], 0};
        snprintf(name, sizeof name, "%s.%d.weight", base, 2 * i);
        SYL_TRY(syl_param_add(set, name, weight, false, &out->weight[i], err));
        snprintf(name, sizeof name, "%s.%d.bias", base, 2 * i);
        SYL_TRY(syl_param_add(set, name, bias, false, &out->bias[i], err));
    }
    return SYL_OK;
}

static syl_status declare_projections(syl_sent_model *m, syl_param_set *set, syl_error *err)
{
    const syl_sent_config *c = &m->config;
    int outer = c->decoder.dim, inner = c->latent.dim,
        between = syl_sent_projection_width(outer, inner);
    SYL_TRY(
        declare_mlp(set, "encoder_to_latent", (int[]){outer, between, inner}, 2, &m->into, err));
    return declare_mlp(set, "latent_to_decoder", (int[]){inner, between, outer}, 2, &m->out_of,
                       err);
}

/* The language model that the stage trains, or adapts. */
static syl_status declare_trained(syl_sent_model *m, syl_lm_net **net, const syl_lm_shape *shape,
                                  const char *prefix, syl_error *err)
{
    if (!m->lora.rank) return syl_lm_net_create(net, shape, &m->trained, prefix, err);
    SYL_TRY(syl_lm_net_create(net, shape, &m->fixed, prefix, err));
    m->adapted = *net;
    return syl_lm_net_adapt(*net, &m->lora, &m->trained, err);
}

static syl_status declare_latent_stage(syl_sent_model *m, syl_error *err)
{
    const syl_sent_config *c = &m->config;
    m->training_stop = c->stop[0] > 0;
    syl_param_set *set = m->training_stop ? &m->fixed : &m->trained;
    SYL_TRY(syl_lm_net_create(&m->encoder, &c->encoder, &m->fixed, "encoder.", err));
    SYL_TRY(syl_lm_net_create(&m->decoder, &c->decoder, &m->fixed, "decoder.", err));
    SYL_TRY(m->training_stop ? syl_lm_net_create(&m->latent, &c->latent, set, "latent.", err)
                             : declare_trained(m, &m->latent, &c->latent, "latent.", err));
    SYL_TRY(declare_projections(m, set, err));
    if (!m->training_stop) return SYL_OK;
    return declare_mlp(&m->trained, "stop", (int[]){c->latent.dim, c->stop[0], c->stop[1], 1}, 3,
                       &m->stop, err);
}

static syl_status declare(syl_sent_model *m, syl_error *err)
{
    const syl_sent_config *c = &m->config;
    if (syl_sent_has_latent(c)) return declare_latent_stage(m, err);
    SYL_TRY(declare_trained(m, &m->decoder, &c->decoder, "decoder.", err));
    if (syl_sent_has_encoder(c)) m->encoder = m->decoder;
    if (c->stage != SYL_SENT_CTX_C) return SYL_OK;
    return syl_lm_net_create(&m->semantic, &c->encoder, &m->fixed, "semantic.", err);
}

syl_status syl_sent_model_create(syl_sent_model **out, const syl_sent_config *config,
                                 const syl_sent_tokenizer *tokenizer, const syl_lora *lora,
                                 syl_error *err)
{
    syl_sent_model *m = *out = syl_calloc(1, sizeof *m);
    if (!m) return syl_fail_memory(err, sizeof *m, "a model");
    m->config = *config;
    m->tokenizer = tokenizer;
    if (lora) m->lora = *lora;
    syl_status status = declare(m, err);
    if (status == SYL_OK) status = syl_param_set_finish(&m->trained, err);
    if (status == SYL_OK) status = syl_param_set_finish_fixed(&m->fixed, err);
    if (status == SYL_OK) return SYL_OK;
    syl_sent_model_free(m);
    *out = NULL;
    return status;
}

void syl_sent_model_free(syl_sent_model *m)
{
    if (!m) return;
    if (m->encoder != m->decoder) syl_lm_net_free(m->encoder);
    syl_lm_net_free(m->decoder);
    syl_lm_net_free(m->latent);
    syl_lm_net_free(m->semantic);
    syl_param_set_free(&m->trained);
    syl_param_set_free(&m->fixed);
    free(m);
}

/* ---- multi-layer perceptrons --------------------------------------------------------------- */

/* Uniform up to 1 / sqrt(inputs), as torch. */
static void start_param(syl_param *p, int64_t inputs, uint64_t seed)
{
    syl_random random = {.seed = seed, .stream = syl_hash_text(SYL_HASH_START, p->name)};
    float bound = 1 / sqrtf((float)inputs), *value = p->value.data;
    for (int64_t i = 0; i < p->size; i++)
        value[i] = bound * (2 * syl_random_uniform(&random) - 1);
}

static void start_mlp(syl_sent_mlp *mlp, uint64_t seed)
{
    for (int i = 0; i < mlp->layers; i++) {
        start_param(mlp->weight[i], mlp->weight[i]->dims[1], seed);
        start_param(mlp->bias[i], mlp->weight[i]->dims[1], seed);
    }
}

void syl_sent_model_start(syl_sent_model *m, uint64_t seed)
{
    start_mlp(&m->into, seed);
    start_mlp(&m->out_of, seed);
    start_mlp(&m->stop, seed);
    if (m->adapted) syl_lm_net_start_adapters(m->adapted, seed);
}

syl_status syl_sent_mlp_load(syl_sent_mlp *mlp, const syl_safetensors *file, syl_error *err)
{
    for (int i = 0; i < mlp->layers; i++) {
        SYL_TRY(syl_param_load(mlp->weight[i], file, "", mlp->weight[i]->name, err));
        SYL_TRY(syl_param_load(mlp->bias[i], file, "", mlp->bias[i]->name, err));
    }
    return SYL_OK;
}

syl_status syl_sent_mlp_apply(const syl_sent_mlp *mlp, syl_tape *tape, syl_var *x, syl_var **y,
                              syl_error *err)
{
    *y = x;
    for (int i = 0; i < mlp->layers; i++) {
        syl_var *w, *b;
        if (i > 0) SYL_TRY(syl_nn_activation(tape, SYL_GELU_ERF, *y, y, err));
        SYL_TRY(syl_tape_param(tape, mlp->weight[i], &w, err));
        SYL_TRY(syl_tape_param(tape, mlp->bias[i], &b, err));
        SYL_TRY(syl_nn_linear(tape, *y, w, b, y, err));
    }
    return SYL_OK;
}

/* ---- files --------------------------------------------------------------------------------- */

/* Tensors of a file that is being written. */
typedef struct output {
    syl_st_tensor *tensors;
    size_t count, room;
    void **owned; /* names of copies, merged weights */
    size_t num_owned, owned_room;
    syl_ctx *ctx; /* of merging */
} output;

static syl_status own(output *o, void *memory, syl_error *err)
{
    syl_status status =
        syl_grow((void **)&o->owned, &o->owned_room, o->num_owned + 1, sizeof *o->owned, err);
    if (status == SYL_OK)
        o->owned[o->num_owned++] = memory;
    else
        free(memory);
    return status;
}

static syl_status add_tensor(output *o, const syl_param *p, const float *data, const char *name,
                             syl_error *err)
{
    SYL_TRY(syl_grow((void **)&o->tensors, &o->room, o->count + 1, sizeof *o->tensors, err));
    syl_st_tensor t = {.name = name, .dtype = SYL_F32, .data = data, .count = (size_t)p->size};
    for (; t.ndim < SYL_PARAM_DIMS && p->dims[t.ndim]; t.ndim++)
        t.shape[t.ndim] = p->dims[t.ndim];
    o->tensors[o->count++] = t;
    return SYL_OK;
}

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* The decoder's tensor once more, as the encoder's. */
static syl_status add_shared(output *o, const syl_param *p, const float *data, syl_error *err)
{
    char *name = NULL;
    if (asprintf(&name, "encoder.%s", p->name + strlen("decoder.")) < 0)
        return syl_fail(err, SYL_ENOMEM, "no memory for a name");
    SYL_TRY(own(o, name, err));
    return add_tensor(o, p, data, name, err);
}

static syl_status add_param(output *o, const syl_sent_model *m, const syl_param_set *set,
                            const syl_param *p, syl_error *err)
{
    float *merged = NULL;
    bool shared = m->encoder && m->encoder == m->decoder && begins(p->name, "decoder.");
    if (m->adapted && set == &m->fixed)
        SYL_TRY(syl_lm_net_merged(m->adapted, p, o->ctx, &merged, err));
    if (merged) SYL_TRY(own(o, merged, err));
    const float *data = merged ? merged : set->values.host + p->offset;
    SYL_TRY(add_tensor(o, p, data, p->name, err));
    return shared ? add_shared(o, p, data, err) : SYL_OK;
}

static syl_status add_set(output *o, const syl_sent_model *m, const syl_param_set *set,
                          syl_error *err)
{
    for (int i = 0; i < set->count; i++) {
        const syl_param *p = set->item[i];
        if (begins(p->name, "semantic.") || strstr(p->name, ".lora_")) continue;
        SYL_TRY(add_param(o, m, set, p, err));
    }
    return SYL_OK;
}

/* JSON as a string of metadata; takes over `value`. */
static int set_text(json_t *to, const char *key, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    int failed = !text || json_object_set_new(to, key, json_string(text));
    free(text);
    json_decref(value);
    return failed;
}

static json_t *metadata_of(const syl_sent_model *m)
{
    json_t *to = json_pack("{s:s}", "format", SYL_SENT_FORMAT);
    if (to && !set_text(to, "config", syl_sent_config_to_json(&m->config)) &&
        !set_text(to, "tokenizer", m->tokenizer->to_json(m->tokenizer)))
        return to;
    json_decref(to);
    return NULL;
}

syl_status syl_sent_model_save(const syl_sent_model *m, const char *path, syl_error *err)
{
    output o = {0};
    json_t *metadata = metadata_of(m);
    syl_status status =
        metadata ? SYL_OK : syl_fail(err, SYL_ENOMEM, "no memory for a model's description");
    if (status == SYL_OK && m->adapted) status = syl_ctx_create(&o.ctx, 1, err);
    if (status == SYL_OK) status = add_set(&o, m, &m->trained, err);
    if (status == SYL_OK) status = add_set(&o, m, &m->fixed, err);
    if (status == SYL_OK) status = syl_safetensors_write(path, o.tensors, o.count, metadata, err);
    for (size_t i = 0; i < o.num_owned; i++)
        free(o.owned[i]);
    free(o.owned);
    free(o.tensors);
    syl_ctx_free(o.ctx);
    json_decref(metadata);
    return status;
}
