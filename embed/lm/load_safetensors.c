/* Models in safetensors, by Hugging Face's names. */
#include <stdio.h>
#include <string.h>

#include "embed/lm/model.h"
#include "lib/nn/params.h"

static const syl_lm_names gpt2 = {.table = "wte",
                                  .positions = "wpe",
                                  .norm = "ln_f",
                                  .head = "lm_head",
                                  .layer = "h.",
                                  .attention_norm = "ln_1",
                                  .qkv = {"attn.c_attn"},
                                  .out = "attn.c_proj",
                                  .ff_norm = "ln_2",
                                  .up = {"mlp.c_fc"},
                                  .down = "mlp.c_proj"};

static const syl_lm_names llama = {
    .table = "embed_tokens",
    .norm = "norm",
    .head = "lm_head",
    .layer = "layers.",
    .attention_norm = "input_layernorm",
    .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
    .out = "self_attn.o_proj",
    .ff_norm = "post_attention_layernorm",
    .up = {"mlp.gate_proj", "mlp.up_proj"},
    .down = "mlp.down_proj"};

const syl_lm_names *syl_lm_names_of(syl_lm_kind kind)
{
    return kind == SYL_LM_GPT2 ? &gpt2 : &llama;
}

const char *syl_lm_body_of(syl_lm_kind kind)
{
    return kind == SYL_LM_GPT2 ? "transformer." : "model.";
}

static syl_status values(const void *file, const char *name, int64_t rows, int64_t cols,
                         float **out, syl_error *err)
{
    syl_params params = {.file = file};
    const int64_t shape[] = {rows, cols, 0};
    return syl_params_take(&params, name, shape, out, err);
}

static bool has(const void *file, const char *name)
{
    return syl_safetensors_find(file, name) != NULL;
}

syl_status syl_lm_open(syl_lm **out, const syl_safetensors *file, const char *prefix,
                       const syl_lm_shape *shape, syl_dtype dtype, syl_device *device,
                       syl_error *err)
{
    bool is_gpt2 = shape->kind == SYL_LM_GPT2;
    const char *body = syl_lm_body_of(shape->kind);
    char table[256];
    syl_lm_source source = {.file = file,
                            .names = syl_lm_names_of(shape->kind),
                            .transposed = is_gpt2,
                            .has = has,
                            .values = values};
    *out = NULL;
    SYL_TRY(syl_lm_shape_check(shape, syl_safetensors_path(file), err));
    snprintf(table, sizeof table, "%s%s%s.weight", prefix, body, source.names->table);
    if (strlen(prefix) > 100)
        return syl_fail(err, SYL_EINVAL, "prefix \"%.40s...\" is too long", prefix);
    snprintf(source.head_prefix, sizeof source.head_prefix, "%s", prefix);
    snprintf(source.prefix, sizeof source.prefix, "%s%s", prefix, has(file, table) ? body : "");
    return syl_lm_load(out, &source, shape, dtype, device, err);
}
