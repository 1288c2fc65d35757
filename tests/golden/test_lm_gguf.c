/* The same fixtures in GGUF, made in memory: rows of queries and keys lie for neighbouring pairs
 * there, GPT-2's matrices the other way round. In float32 the logits are transformers'; in Q8_0,
 * nearly. */
#include "tests/golden/golden.h"

#include "embed/lm/lm.h"
#include "lib/base/f16.h"
#include "tests/gguf_builder.h"

#define MOST 64

static syl_error err;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

typedef struct tensor {
    char name[64];
    int64_t rows, cols; /* cols 0: a vector */
    float *data;
} tensor;

typedef struct model {
    syl_lm_shape shape;
    tensor list[MOST];
    int count;
} model;

static void read_shape(const char *folder, syl_lm_shape *shape)
{
    char name[128], path[4096];
    snprintf(name, sizeof name, "%s/config.json", folder);
    json_t *config = json_load_file(golden_path(path, sizeof path, name), 0, NULL);
    ok(syl_lm_shape_from_json(shape, config, name, &err));
    json_decref(config);
}

/* Rows of halves to rows of neighbouring pairs, in each of the heads. */
static void interleave(tensor *t, int heads)
{
    int64_t dim = t->rows / heads;
    float *old = t->data, *data = malloc((size_t)(t->rows * t->cols) * sizeof *data);
    assert_non_null(data);
    for (int64_t r = 0; r < t->rows; r++) {
        int64_t i = r % dim, from = r - i + (i % 2) * (dim / 2) + i / 2;
        memcpy(data + r * t->cols, old + from * t->cols, (size_t)t->cols * sizeof *data);
    }
    t->data = data;
    free(old);
}

static void turn(tensor *t)
{
    float *old = t->data, *data = malloc((size_t)(t->rows * t->cols) * sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < t->rows; i++)
        for (int64_t j = 0; j < t->cols; j++)
            data[j * t->rows + i] = old[i * t->cols + j];
    int64_t rows = t->rows;
    t->rows = t->cols, t->cols = rows;
    t->data = data;
    free(old);
}

static const char *const names[2][12][2] = {{{"ln_1", "attn_norm"},
                                             {"attn.c_attn", "attn_qkv"},
                                             {"attn.c_proj", "attn_output"},
                                             {"ln_2", "ffn_norm"},
                                             {"mlp.c_fc", "ffn_up"},
                                             {"mlp.c_proj", "ffn_down"}},
                                            {{"input_layernorm", "attn_norm"},
                                             {"self_attn.q_proj", "attn_q"},
                                             {"self_attn.k_proj", "attn_k"},
                                             {"self_attn.v_proj", "attn_v"},
                                             {"self_attn.o_proj", "attn_output"},
                                             {"post_attention_layernorm", "ffn_norm"},
                                             {"mlp.gate_proj", "ffn_gate"},
                                             {"mlp.up_proj", "ffn_up"},
                                             {"mlp.down_proj", "ffn_down"}}};
static const char *const whole[2][4][2] = {
    {{"transformer.wte", "token_embd"},
     {"transformer.wpe", "position_embd"},
     {"transformer.ln_f", "output_norm"}},
    {{"model.embed_tokens", "token_embd"}, {"model.norm", "output_norm"}, {"lm_head", "output"}}};

/* "<from>.weight" and, where there is one, its bias. */
static void take(model *m, const syl_safetensors *file, const char *from, const char *to)
{
    static const char *const leaf[] = {"weight", "bias"};
    bool gpt2 = m->shape.kind == SYL_LM_GPT2;
    for (int i = 0; i < 2; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.%s", from, leaf[i]);
        const syl_st_tensor *t = syl_safetensors_find(file, name);
        if (!t) continue;
        assert_true(m->count < MOST);
        tensor *own = &m->list[m->count++];
        snprintf(own->name, sizeof own->name, "%s.%s", to, leaf[i]);
        own->rows = t->shape[0];
        own->cols = t->ndim == 2 ? t->shape[1] : 0;
        own->data = golden_floats(file, name, NULL);
        if (gpt2 && own->cols && strncmp(from, "transformer.h.", 14) == 0) turn(own);
        if (strstr(from, "q_proj")) interleave(own, m->shape.heads);
        if (strstr(from, "k_proj")) interleave(own, m->shape.kv_heads);
    }
}

static void take_all(model *m, const char *folder)
{
    char name[128], to[64];
    int kind = m->shape.kind == SYL_LM_LLAMA;
    snprintf(name, sizeof name, "%s/model.safetensors", folder);
    syl_safetensors *file = golden_open(name);
    for (int i = 0; i < 4 && whole[kind][i][0]; i++)
        take(m, file, whole[kind][i][0], whole[kind][i][1]);
    for (int layer = 0; layer < m->shape.layers; layer++)
        for (int i = 0; i < 12 && names[kind][i][0]; i++) {
            snprintf(name, sizeof name, "%s%d.%s", kind ? "model.layers." : "transformer.h.", layer,
                     names[kind][i][0]);
            snprintf(to, sizeof to, "blk.%d.%s", layer, names[kind][i][1]);
            take(m, file, name, to);
        }
    syl_safetensors_free(file);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* A positive number as float16, cut off. */
static uint16_t half_of(float x)
{
    uint16_t h = 0;
    while (h < 0x7BFF && syl_f16_to_f32((uint16_t)(h + 1)) <= x)
        h++;
    return h;
}

static void put_q8(gguf_bytes *b, const float *x, int64_t n)
{
    for (int64_t at = 0; at < n; at += 32) {
        float top = 0;
        for (int i = 0; i < 32; i++)
            top = fabsf(x[at + i]) > top ? fabsf(x[at + i]) : top;
        uint16_t h = (uint16_t)(half_of(top / 127) + 1);
        float d = syl_f16_to_f32(h);
        gguf_put(b, &h, 2);
        for (int i = 0; i < 32; i++)
            gguf_put(b, &(int8_t){(int8_t)lrintf(x[at + i] / d)}, 1);
    }
}

static void put_key(gguf_bytes *b, const char *architecture, const char *key, int value)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", architecture, key);
    gguf_put_int(b, name, (uint32_t)value);
}

static void put_metadata(gguf_bytes *b, const model *m)
{
    const syl_lm_shape *s = &m->shape;
    bool gpt2 = s->kind == SYL_LM_GPT2;
    const char *name = gpt2 ? "gpt2" : "llama";
    float base = (float)s->rope_base;
    gguf_put_head(b, 3, (uint64_t)m->count, 9);
    gguf_put_text(b, "general.architecture", name);
    put_key(b, name, "embedding_length", s->dim);
    put_key(b, name, "block_count", s->layers);
    put_key(b, name, "attention.head_count", s->heads);
    put_key(b, name, "attention.head_count_kv", s->kv_heads);
    put_key(b, name, "feed_forward_length", s->ff);
    put_key(b, name, "context_length", s->context);
    gguf_put_value(b, "llama.rope.freq_base", G_F32, &base, 4);
    gguf_put_value(
        b, gpt2 ? "gpt2.attention.layer_norm_epsilon" : "llama.attention.layer_norm_rms_epsilon",
        G_F32, &s->eps, 4);
}

static gguf_bytes file_of(const model *m, bool blocks)
{
    gguf_bytes b = {NULL, 0}, data = {NULL, 0};
    put_metadata(&b, m);
    for (int i = 0; i < m->count; i++) {
        const tensor *t = &m->list[i];
        int64_t n = t->rows * (t->cols ? t->cols : 1);
        bool q8 = blocks && t->cols;
        gguf_pad(&data, 32);
        gguf_put_string(&b, t->name);
        gguf_put_u32(&b, t->cols ? 2 : 1);
        if (t->cols) gguf_put_u64(&b, (uint64_t)t->cols);
        gguf_put_u64(&b, (uint64_t)t->rows);
        gguf_put_u32(&b, q8 ? SYL_GGUF_Q8_0 : SYL_GGUF_F32);
        gguf_put_u64(&b, data.size);
        if (q8)
            put_q8(&data, t->data, n);
        else
            gguf_put(&data, t->data, (size_t)n * sizeof *t->data);
    }
    gguf_pad(&b, 32);
    gguf_put(&b, data.data, data.size);
    free(data.data);
    return b;
}

/* ---- comparison ------------------------------------------------------------------------------ */

static void check_logits(const char *folder, const syl_lm *lm, double tolerance, double least)
{
    const syl_lm_shape *s = syl_lm_shape_of(lm);
    char name[128];
    size_t n, count;
    int32_t ids[64];
    syl_ctx *ctx;
    syl_lm_cache *cache;
    syl_mat x, hidden, logits;
    snprintf(name, sizeof name, "%s/expected.safetensors", folder);
    syl_safetensors *file = golden_open(name);
    float *want = golden_floats(file, "logits", &count), *numbers = golden_floats(file, "ids", &n);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)numbers[i];
    ok(syl_ctx_create(&ctx, 1, &err));
    ok(syl_lm_cache_create(&cache, lm, 0, &err));
    ok(syl_ctx_mat(ctx, SYL_F32, (int64_t)n, s->dim, &x, &err));
    ok(syl_ctx_mat(ctx, SYL_F32, (int64_t)n, s->dim, &hidden, &err));
    ok(syl_ctx_mat(ctx, SYL_F32, (int64_t)n, s->vocab, &logits, &err));
    ok(syl_lm_embed(ctx, lm, ids, x, &err));
    ok(syl_lm_forward(ctx, lm, cache, x, hidden, NULL, &err));
    ok(syl_lm_logits(ctx, lm, hidden, logits, &err));
    if (tolerance > 0) assert_close(folder, logits.data, want, count, tolerance);
    double near = cosine(logits.data, want, count);
    if (!(near > least)) fail_msg("%s: a cosine of %.6f", folder, near);
    syl_lm_cache_free(cache);
    syl_ctx_free(ctx);
    free(want), free(numbers);
    syl_safetensors_free(file);
}

/* least: cosine of the logits by weights unpacked to float32; by weights kept as they are. */
static void check(const char *folder, bool blocks, double tolerance, const double least[2])
{
    model m = {.count = 0};
    syl_gguf *file;
    syl_lm *lm;
    read_shape(folder, &m.shape);
    take_all(&m, folder);
    gguf_bytes b = file_of(&m, blocks);
    for (int keep = 0; keep < 2; keep++) {
        ok(syl_gguf_parse(&file, b.data, b.size, "made", &err));
        ok(syl_lm_open_gguf(&lm, file, keep, SYL_F32, NULL, &err));
        syl_gguf_free(file);
        check_logits(folder, lm, tolerance, least[keep]);
        syl_lm_free(lm);
    }
    for (int i = 0; i < m.count; i++)
        free(m.list[i].data);
    free(b.data);
}

static void in_f32(void **state)
{
    (void)state;
    check("lm-gpt2", false, 1e-4, (const double[]){0.99999, 0.99999});
    check("lm-llama", false, 1e-4, (const double[]){0.99999, 0.99999});
}

static void in_blocks(void **state)
{
    (void)state;
    /* Beside weights that are kept, activations are bytes, too, on some processors. */
    check("lm-llama", true, 0, (const double[]){0.999, 0.997});
}

static void refused(void **state)
{
    model m = {.count = 0};
    syl_gguf *file;
    syl_lm *lm;
    (void)state;
    read_shape("lm-llama", &m.shape);
    take_all(&m, "lm-llama");
    m.shape.layers++;
    gguf_bytes b = file_of(&m, false);
    ok(syl_gguf_parse(&file, b.data, b.size, "made", &err));
    assert_int_equal(syl_lm_open_gguf(&lm, file, true, SYL_F32, NULL, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "blk.3."));
    assert_null(lm);
    syl_gguf_free(file);
    free(b.data);
    m.shape.layers--;
    m.shape.ff++;
    b = file_of(&m, true);
    ok(syl_gguf_parse(&file, b.data, b.size, "made", &err));
    assert_int_equal(syl_lm_open_gguf(&lm, file, true, SYL_F32, NULL, &err), SYL_EFORMAT);
    assert_non_null(strstr(err.message, "ffn_"));
    syl_gguf_free(file);
    free(b.data);
    for (int i = 0; i < m.count; i++)
        free(m.list[i].data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_f32),
        cmocka_unit_test(in_blocks),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
