/* Models in GGUF, the architectures "llama" and "gpt2". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/model.h"
#include "lib/base/memory.h"

static const syl_lm_names gpt2 = {.table = "token_embd",
                                  .positions = "position_embd",
                                  .norm = "output_norm",
                                  .head = "output",
                                  .layer = "blk.",
                                  .attention_norm = "attn_norm",
                                  .qkv = {"attn_qkv"},
                                  .out = "attn_output",
                                  .ff_norm = "ffn_norm",
                                  .up = {"ffn_up"},
                                  .down = "ffn_down"};

static const syl_lm_names llama = {.table = "token_embd",
                                   .norm = "output_norm",
                                   .head = "output",
                                   .turns = "rope_freqs",
                                   .layer = "blk.",
                                   .attention_norm = "attn_norm",
                                   .qkv = {"attn_q", "attn_k", "attn_v"},
                                   .out = "attn_output",
                                   .ff_norm = "ffn_norm",
                                   .up = {"ffn_gate", "ffn_up"},
                                   .down = "ffn_down"};

/* ---- tensors --------------------------------------------------------------------------------- */

static bool has(const void *file, const char *name)
{
    return syl_gguf_find(file, name) != NULL;
}

/* The tensor, which must have this shape. */
static syl_status find(const syl_gguf *file, const char *name, int64_t rows, int64_t cols,
                       const syl_gguf_tensor **out, syl_error *err)
{
    const syl_gguf_tensor *t = syl_gguf_find(file, name);
    if (!t)
        return syl_fail(err, SYL_EFORMAT, "%s: tensor %s is missing; is this the right model?",
                        syl_gguf_path(file), name);
    bool same = cols ? t->ndim == 2 && t->shape[0] == rows && t->shape[1] == cols
                     : t->ndim == 1 && t->shape[0] == rows;
    if (!same)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: tensor %s is of [%lld][%lld], the metadata needs [%lld][%lld]",
                        syl_gguf_path(file), name, (long long)t->rows, (long long)t->cols,
                        (long long)(cols ? rows : 1), (long long)(cols ? cols : rows));
    *out = t;
    return syl_gguf_check(file, t, err);
}

static syl_status values(const void *file, const char *name, int64_t rows, int64_t cols,
                         float **out, syl_error *err)
{
    const syl_gguf_tensor *t = NULL;
    *out = NULL;
    SYL_TRY(find(file, name, rows, cols, &t, err));
    size_t count = syl_mul_size((size_t)t->rows, (size_t)t->cols);
    float *data = syl_calloc(count, sizeof *data);
    if (!data) return syl_fail_memory(err, syl_mul_size(count, sizeof *data), name);
    syl_status status = syl_gguf_rows(file, t, 0, t->rows, data, err);
    for (size_t i = 0; i < count && status == SYL_OK; i++)
        if (!isfinite(data[i]))
            status =
                syl_fail(err, SYL_EFORMAT, "%s: tensor %s has a value that is not finite at %zu",
                         syl_gguf_path(file), name, i);
    if (status != SYL_OK) {
        free(data);
        return status;
    }
    *out = data;
    return SYL_OK;
}

static const void *blocks(const void *file, const char *name, int64_t rows, int64_t cols,
                          syl_block_kind *kind)
{
    const syl_gguf_tensor *t = NULL;
    if (cols % SYL_BLOCK_VALUES || find(file, name, rows, cols, &t, NULL) != SYL_OK) return NULL;
    if (t->type == SYL_GGUF_Q4_0)
        *kind = SYL_BLOCKS_Q4_0;
    else if (t->type == SYL_GGUF_Q4_1)
        *kind = SYL_BLOCKS_Q4_1;
    else if (t->type == SYL_GGUF_Q8_0)
        *kind = SYL_BLOCKS_Q8_0;
    else
        return NULL;
    return t->data;
}

/* ---- metadata -------------------------------------------------------------------------------- */

typedef struct reader {
    const syl_gguf *file;
    const char *architecture;
    syl_error *err;
    syl_status status; /* the first failure; later reads do nothing */
} reader;

static int read_int(reader *r, const char *key, int low, int high, int missing)
{
    char full[160];
    int64_t value = missing;
    snprintf(full, sizeof full, "%.40s.%s", r->architecture, key);
    if (r->status == SYL_OK && (missing < low || syl_gguf_has(r->file, full)))
        r->status = syl_gguf_get_int(r->file, full, low, high, &value, r->err);
    return r->status == SYL_OK ? (int)value : low;
}

static double read_number(reader *r, const char *key, double missing)
{
    char full[160];
    double value = missing;
    snprintf(full, sizeof full, "%.40s.%s", r->architecture, key);
    if (r->status == SYL_OK && syl_gguf_has(r->file, full))
        r->status = syl_gguf_get_number(r->file, full, &value, r->err);
    return value;
}

static void refuse(reader *r, bool wrong, const char *what)
{
    if (r->status == SYL_OK && wrong)
        r->status = syl_fail(r->err, SYL_EUNSUPPORTED, "%s: %s is not supported",
                             syl_gguf_path(r->file), what);
}

static void read_rope(reader *r, syl_lm_shape *s)
{
    const char *scaling = "none";
    int head_dim = s->heads > 0 ? s->dim / s->heads : 0;
    s->rope_base = read_number(r, "rope.freq_base", 1e4);
    s->rope_adjacent = true;
    refuse(r, read_int(r, "rope.dimension_count", 1, 1 << 20, head_dim) != head_dim,
           "RoPE of a part of a head");
    refuse(r, read_int(r, "attention.key_length", 1, 1 << 20, head_dim) != head_dim,
           "a head of another size than embedding_length / head_count");
    if (r->status == SYL_OK && syl_gguf_has(r->file, "llama.rope.scaling.type"))
        r->status = syl_gguf_get_string(r->file, "llama.rope.scaling.type", &scaling, r->err);
    refuse(r, strcmp(scaling, "none") != 0, "rope scaling");
    refuse(r, read_int(r, "expert_count", 0, 1 << 20, 0) != 0, "a mixture of experts");
}

static syl_status read_shape(const syl_gguf *file, syl_lm_shape *s, syl_error *err)
{
    const char *name;
    const syl_gguf_tensor *table = syl_gguf_find(file, "token_embd.weight");
    SYL_TRY(syl_gguf_get_string(file, "general.architecture", &name, err));
    memset(s, 0, sizeof *s);
    reader r = {.file = file, .architecture = name, .err = err};
    if (strcmp(name, "gpt2") == 0)
        s->kind = SYL_LM_GPT2;
    else if (strcmp(name, "llama") == 0)
        s->kind = SYL_LM_LLAMA;
    else
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: general.architecture is \"%.60s\"; supported: gpt2, llama",
                        syl_gguf_path(file), name);
    if (!table || table->rows > 1 << 24)
        return syl_fail(err, SYL_EFORMAT, "%s: tensor token_embd.weight is missing or too large",
                        syl_gguf_path(file));
    s->vocab = (int)table->rows;
    s->dim = read_int(&r, "embedding_length", 1, 1 << 20, 0);
    s->layers = read_int(&r, "block_count", 0, 1 << 20, -1);
    s->heads = read_int(&r, "attention.head_count", 1, 1 << 20, 0);
    s->kv_heads = read_int(&r, "attention.head_count_kv", 1, 1 << 20, s->heads);
    s->ff = read_int(&r, "feed_forward_length", 1, 1 << 24, 0);
    s->context = read_int(&r, "context_length", 1, 1 << 24, 0);
    s->eps = (float)read_number(&r,
                                s->kind == SYL_LM_GPT2 ? "attention.layer_norm_epsilon"
                                                       : "attention.layer_norm_rms_epsilon",
                                1e-5);
    s->tied = !has(file, "output.weight");
    if (s->kind == SYL_LM_LLAMA) read_rope(&r, s);
    SYL_TRY(r.status);
    return syl_lm_shape_check(s, syl_gguf_path(file), err);
}

syl_status syl_lm_open_gguf(syl_lm **out, const syl_gguf *file, bool keep_blocks, syl_dtype dtype,
                            syl_device *device, syl_error *err)
{
    syl_lm_shape shape;
    syl_lm_source source = {.file = file, .has = has, .values = values};
    *out = NULL;
    SYL_TRY(read_shape(file, &shape, err));
    source.names = shape.kind == SYL_LM_GPT2 ? &gpt2 : &llama;
    if (keep_blocks && !device) source.blocks = blocks;
    return syl_lm_load(out, &source, &shape, dtype, device, err);
}
