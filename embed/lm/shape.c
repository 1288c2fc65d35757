#include "embed/lm/shape.h"

#include <stdio.h>
#include <string.h>

#include "lib/io/json_fields.h"

#define MAX_DIM 65536
#define MAX_LAYERS 1024
#define MAX_HEADS 1024
#define MAX_CONTEXT (1 << 20)
#define MAX_VOCAB (1 << 24)
#define MAX_HEAD_DIM 512

syl_status syl_lm_shape_check(const syl_lm_shape *s, const char *name, syl_error *err)
{
    bool sizes = s->vocab >= 1 && s->vocab <= MAX_VOCAB && s->dim >= 1 && s->dim <= MAX_DIM &&
                 s->layers >= 0 && s->layers <= MAX_LAYERS && s->ff >= 1 && s->ff <= 4 * MAX_DIM &&
                 s->context >= 1 && s->context <= MAX_CONTEXT;
    if (!sizes)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: a language model of vocabulary %d, dimension %d, %d layers, "
                        "feed-forward %d and context %d is beyond the limits",
                        name, s->vocab, s->dim, s->layers, s->ff, s->context);
    if (s->heads < 1 || s->heads > MAX_HEADS || s->dim % s->heads != 0)
        return syl_fail(err, SYL_EFORMAT, "%s: %d heads do not divide dimension %d", name, s->heads,
                        s->dim);
    if (s->kv_heads < 1 || s->kv_heads > s->heads || s->heads % s->kv_heads != 0)
        return syl_fail(err, SYL_EFORMAT, "%s: %d heads of keys do not divide %d heads", name,
                        s->kv_heads, s->heads);
    if (syl_lm_head_dim(s) > MAX_HEAD_DIM)
        return syl_fail(err, SYL_EUNSUPPORTED, "%s: heads of dimension %d; at most %d", name,
                        syl_lm_head_dim(s), MAX_HEAD_DIM);
    if (s->kind == SYL_LM_GPT2 && s->kv_heads != s->heads)
        return syl_fail(err, SYL_EFORMAT, "%s: GPT-2 with %d heads of keys for %d heads", name,
                        s->kv_heads, s->heads);
    if (s->kind == SYL_LM_LLAMA && (syl_lm_head_dim(s) % 2 != 0 || !(s->rope_base > 0)))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: rotary positions need heads of an even dimension (%d) and a base "
                        "above 0 (%g)",
                        name, syl_lm_head_dim(s), s->rope_base);
    return SYL_OK;
}

/* ---- reading ----------------------------------------------------------------------------- */

static void refuse(syl_json_fields *r, bool wrong, const char *what)
{
    if (r->status == SYL_OK && wrong)
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED, "%s: %s is not supported", r->name, what);
}

static void read_gpt2(syl_json_fields *r, syl_lm_shape *s)
{
    s->kind = SYL_LM_GPT2;
    s->vocab = syl_json_int(r, "vocab_size", 1, MAX_VOCAB, 0);
    s->dim = syl_json_int(r, "n_embd", 1, MAX_DIM, 0);
    s->layers = syl_json_int(r, "n_layer", 0, MAX_LAYERS, -1);
    s->heads = syl_json_int(r, "n_head", 1, MAX_HEADS, 0);
    s->kv_heads = s->heads;
    s->ff = syl_json_int(r, "n_inner", 1, 4 * MAX_DIM, 4 * s->dim);
    s->context = syl_json_int(r, "n_positions", 1, MAX_CONTEXT, 0);
    s->eps = (float)syl_json_real(r, "layer_norm_epsilon", 0, 1, 1e-5);
    s->tied = syl_json_bool(r, "tie_word_embeddings", true);
    syl_json_choice(r, "activation_function", "gelu_new", "gelu_pytorch_tanh");
    refuse(r, !syl_json_bool(r, "scale_attn_weights", true), "scale_attn_weights = false");
    refuse(r, syl_json_bool(r, "scale_attn_by_inverse_layer_idx", false),
           "scale_attn_by_inverse_layer_idx = true");
    refuse(r, syl_json_bool(r, "add_cross_attention", false), "add_cross_attention = true");
}

/* What an object of this name says of rotary positions; angles that are scaled would be others than
 * these. */
static double read_rope(syl_json_fields *r, const char *key, double base)
{
    json_t *inner = json_object_get(r->root, key);
    char name[4096];
    if (!inner || json_is_null(inner)) return base;
    snprintf(name, sizeof name, "%s: %s", r->name, key);
    syl_json_fields in = {.root = inner, .name = name, .err = r->err, .status = r->status};
    const char *type = json_object_get(inner, "rope_type") ? "rope_type" : "type";
    refuse(&in, !json_is_object(inner), "a value that is no object");
    refuse(&in, json_object_get(inner, "factor") && !json_object_get(inner, type),
           "a factor without a rope_type");
    syl_json_choice(&in, type, "default", "default");
    base = syl_json_real(&in, "rope_theta", 1e-6, 1e12, base);
    r->status = in.status;
    return base;
}

/* The base is a key of its own or, in newer files, one of rope_parameters'. */
static double read_rope_base(syl_json_fields *r)
{
    double base = syl_json_real(r, "rope_theta", 1e-6, 1e12, 1e4);
    base = read_rope(r, "rope_scaling", base);
    return read_rope(r, "rope_parameters", base);
}

static void read_llama(syl_json_fields *r, syl_lm_shape *s)
{
    s->kind = SYL_LM_LLAMA;
    s->vocab = syl_json_int(r, "vocab_size", 1, MAX_VOCAB, 0);
    s->dim = syl_json_int(r, "hidden_size", 1, MAX_DIM, 0);
    s->layers = syl_json_int(r, "num_hidden_layers", 0, MAX_LAYERS, -1);
    s->heads = syl_json_int(r, "num_attention_heads", 1, MAX_HEADS, 0);
    s->kv_heads = syl_json_int(r, "num_key_value_heads", 1, MAX_HEADS, s->heads);
    s->ff = syl_json_int(r, "intermediate_size", 1, 4 * MAX_DIM, 0);
    s->context = syl_json_int(r, "max_position_embeddings", 1, MAX_CONTEXT, 0);
    s->eps = (float)syl_json_real(r, "rms_norm_eps", 0, 1, 1e-6);
    s->rope_base = read_rope_base(r);
    s->rope_adjacent = syl_json_bool(r, "rope_interleaved", false);
    s->tied = syl_json_bool(r, "tie_word_embeddings", false);
    syl_json_choice(r, "hidden_act", "silu", "silu");
    refuse(r, syl_json_bool(r, "attention_bias", false), "attention_bias = true");
    refuse(r, syl_json_bool(r, "mlp_bias", false), "mlp_bias = true");
    if (r->status == SYL_OK && s->dim % s->heads == 0)
        refuse(r, syl_json_int(r, "head_dim", 1, MAX_DIM, s->dim / s->heads) != s->dim / s->heads,
               "a head_dim other than hidden_size / num_attention_heads");
}

syl_status syl_lm_shape_from_json(syl_lm_shape *shape, const json_t *config, const char *name,
                                  syl_error *err)
{
    memset(shape, 0, sizeof *shape);
    if (!json_is_object(config))
        return syl_fail(err, SYL_EFORMAT, "%s: configuration is no JSON object", name);
    syl_json_fields r = {.root = config, .name = name, .err = err};
    const char *type = syl_json_text(&r, "model_type");
    SYL_TRY(r.status);
    if (type && strcmp(type, "gpt2") == 0)
        read_gpt2(&r, shape);
    else if (type && strcmp(type, "llama") == 0)
        read_llama(&r, shape);
    else
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: model_type is \"%.60s\"; supported: gpt2, llama", name,
                        type ? type : "(missing)");
    SYL_TRY(r.status);
    return syl_lm_shape_check(shape, name, err);
}

/* ---- writing ----------------------------------------------------------------------------- */

/* The decimal number that reads back as this float: eps is one of few digits. */
static double short_real(float x)
{
    char text[32];
    double value = x;
    snprintf(text, sizeof text, "%.6g", (double)x);
    sscanf(text, "%lf", &value);
    return (float)value == x ? value : x;
}

json_t *syl_lm_shape_to_json(const syl_lm_shape *s)
{
    if (s->kind == SYL_LM_GPT2)
        return json_pack("{s:s, s:[s], s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:s, s:b}", "model_type",
                         "gpt2", "architectures", "GPT2LMHeadModel", "vocab_size", s->vocab,
                         "n_embd", s->dim, "n_layer", s->layers, "n_head", s->heads, "n_inner",
                         s->ff, "n_positions", s->context, "layer_norm_epsilon", short_real(s->eps),
                         "activation_function", "gelu_new", "tie_word_embeddings", s->tied);
    return json_pack(
        "{s:s, s:[s], s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:s, s:b}", "model_type",
        "llama", "architectures", "LlamaForCausalLM", "vocab_size", s->vocab, "hidden_size", s->dim,
        "num_hidden_layers", s->layers, "num_attention_heads", s->heads, "num_key_value_heads",
        s->kv_heads, "intermediate_size", s->ff, "max_position_embeddings", s->context,
        "rms_norm_eps", short_real(s->eps), "rope_theta", s->rope_base, "rope_interleaved",
        s->rope_adjacent, "hidden_act", "silu", "tie_word_embeddings", s->tied);
}
