/* A language model out of a GGUF file with some bytes changed: it is refused, or it opens and a
 * pass over two tokens runs. The first byte chooses the model: GPT-2 or Llama, in float32, Q8_0 or
 * Q4_0, and whether blocks are kept; then three bytes a change: where (of the metadata more often
 * than of the tensors), what. */
#include <stdbool.h>
#include <stdio.h>

#include "embed/lm/lm.h"
#include "tests/gguf_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIM = 32, HEADS = 4, KV_HEADS = 2, LAYERS = 2, FF = 64, VOCAB = 9, CONTEXT = 7 };
enum { MOST_FLOATS = 1 << 22 }; /* of a model that is opened: what larger ones do is the same */

typedef struct builder {
    gguf_bytes head, data; /* descriptions of tensors; their values */
    uint64_t tensors;
    uint32_t type; /* of matrices */
} builder;

static void put_values(builder *b, uint64_t count, uint32_t type)
{
    gguf_pad(&b->data, 32);
    for (uint64_t i = 0; i < count && type == SYL_GGUF_F32; i++)
        gguf_put(&b->data, &(float){(float)((i * 7 + b->tensors) % 13) / 8 - 0.75f}, 4);
    for (uint64_t i = 0; i < count / 32 && type != SYL_GGUF_F32; i++) {
        gguf_put(&b->data, "\0\x28", 2); /* 0.03 as a half */
        for (uint64_t k = 0; k < (type == SYL_GGUF_Q8_0 ? 32 : 16); k++)
            gguf_put(&b->data, &(uint8_t){(uint8_t)(i * 37 + k * 11)}, 1);
    }
}

/* cols 0: a vector, always in float32. */
static void put_tensor(builder *b, const char *name, uint64_t rows, uint64_t cols)
{
    uint32_t type = cols ? b->type : SYL_GGUF_F32;
    gguf_pad(&b->data, 32);
    gguf_put_string(&b->head, name);
    gguf_put_u32(&b->head, cols ? 2 : 1);
    if (cols) gguf_put_u64(&b->head, cols);
    gguf_put_u64(&b->head, rows);
    gguf_put_u32(&b->head, type);
    gguf_put_u64(&b->head, b->data.size);
    put_values(b, rows * (cols ? cols : 1), type);
    b->tensors++;
}

static void put_layer(builder *b, bool llama, int layer)
{
    static const struct {
        const char *name;
        uint64_t rows, cols;
    } of[2][12] = {{{"attn_norm.weight", DIM, 0},
                    {"attn_norm.bias", DIM, 0},
                    {"attn_qkv.weight", 3 * DIM, DIM},
                    {"attn_qkv.bias", 3 * DIM, 0},
                    {"attn_output.weight", DIM, DIM},
                    {"attn_output.bias", DIM, 0},
                    {"ffn_norm.weight", DIM, 0},
                    {"ffn_norm.bias", DIM, 0},
                    {"ffn_up.weight", FF, DIM},
                    {"ffn_up.bias", FF, 0},
                    {"ffn_down.weight", DIM, FF},
                    {"ffn_down.bias", DIM, 0}},
                   {{"attn_norm.weight", DIM, 0},
                    {"attn_q.weight", DIM, DIM},
                    {"attn_k.weight", DIM / 2, DIM},
                    {"attn_v.weight", DIM / 2, DIM},
                    {"attn_output.weight", DIM, DIM},
                    {"ffn_norm.weight", DIM, 0},
                    {"ffn_gate.weight", FF, DIM},
                    {"ffn_up.weight", FF, DIM},
                    {"ffn_down.weight", DIM, FF}}};
    char name[64];
    for (int i = 0; i < 12 && of[llama][i].name; i++) {
        snprintf(name, sizeof name, "blk.%d.%s", layer, of[llama][i].name);
        put_tensor(b, name, of[llama][i].rows, of[llama][i].cols);
    }
}

static void put_tensors(builder *b, bool llama)
{
    put_tensor(b, "token_embd.weight", VOCAB, DIM);
    if (llama) put_tensor(b, "rope_freqs.weight", DIM / HEADS / 2, 0);
    if (llama) memcpy(b->data.data + b->data.size - 16, (float[]){1, 2, 4, 8}, 16);
    if (!llama) put_tensor(b, "position_embd.weight", CONTEXT, DIM);
    put_tensor(b, "output_norm.weight", DIM, 0);
    if (!llama) put_tensor(b, "output_norm.bias", DIM, 0);
    if (llama) put_tensor(b, "output.weight", VOCAB, DIM);
    for (int i = 0; i < LAYERS; i++)
        put_layer(b, llama, i);
}

static void put_metadata(gguf_bytes *b, bool llama)
{
    static const struct {
        const char *key;
        uint32_t value;
    } keys[] = {{"embedding_length", DIM},       {"block_count", LAYERS},
                {"attention.head_count", HEADS}, {"attention.head_count_kv", 0},
                {"feed_forward_length", FF},     {"context_length", CONTEXT}};
    char name[64];
    gguf_put_text(b, "general.architecture", llama ? "llama" : "gpt2");
    for (size_t i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%s.%s", llama ? "llama" : "gpt2", keys[i].key);
        gguf_put_int(b, name, i == 3 ? (uint32_t)(llama ? KV_HEADS : HEADS) : keys[i].value);
    }
    gguf_put_value(b, "llama.rope.freq_base", G_F32, &(float){500}, 4);
}

/* *head: bytes before the tensors' values. */
static gguf_bytes model_file(bool llama, uint32_t type, size_t *head)
{
    builder t = {.type = type};
    gguf_bytes b = {NULL, 0};
    put_tensors(&t, llama);
    gguf_put_head(&b, 3, t.tensors, 8);
    put_metadata(&b, llama);
    gguf_put(&b, t.head.data, t.head.size);
    gguf_pad(&b, 32);
    *head = b.size;
    gguf_put(&b, t.data.data, t.data.size);
    free(t.head.data);
    free(t.data.data);
    return b;
}

static void run(const syl_lm *lm)
{
    const syl_lm_shape *s = syl_lm_shape_of(lm);
    const int32_t ids[] = {0, s->vocab - 1};
    int64_t n = s->context < 2 ? s->context : 2;
    static syl_ctx *ctx;
    syl_lm_cache *cache = NULL;
    syl_mat x, logits;
    if (!ctx && syl_ctx_create(&ctx, 1, NULL)) abort();
    size_t mark = syl_ctx_mark(ctx);
    if (syl_ctx_mat(ctx, SYL_F32, n, s->dim, &x, NULL) ||
        syl_ctx_mat(ctx, SYL_F32, n, s->vocab, &logits, NULL) ||
        syl_lm_cache_create(&cache, lm, n, NULL) || syl_lm_embed(ctx, lm, ids, x, NULL) ||
        syl_lm_forward(ctx, lm, cache, x, x, NULL, NULL) || syl_lm_logits(ctx, lm, x, logits, NULL))
        abort(); /* a model that has opened runs */
    syl_lm_cache_free(cache);
    syl_ctx_release(ctx, mark);
}

/* What the tensors of a file make as floats is bounded by its size, for any type. */
static bool is_small(const syl_gguf *file)
{
    int64_t total = 0;
    for (size_t i = 0; i < syl_gguf_count(file); i++) {
        const syl_gguf_tensor *t = syl_gguf_at(file, i);
        if (t->rows > MOST_FLOATS || t->cols > MOST_FLOATS) return false;
        total += t->rows * t->cols;
        if (total > MOST_FLOATS) return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t types[] = {SYL_GGUF_F32, SYL_GGUF_Q8_0, SYL_GGUF_Q4_0};
    static gguf_bytes made[2][3];
    static size_t heads[2][3];
    syl_gguf *file;
    syl_lm *lm;
    if (!size) return 0;
    int llama = data[0] & 1, type = data[0] / 2 % 3;
    bool keep = data[0] / 6 % 2;
    gguf_bytes *b = &made[llama][type];
    if (!b->data) *b = model_file(llama, types[type], &heads[llama][type]);
    /* Exact, so that the sanitizer sees a read beyond it; cut off where the input says so. */
    size_t n = data[0] > 250 && size > 2 ? (data[1] | data[2] << 8) % b->size : b->size;
    uint8_t *copy = malloc(n + 1);
    if (!copy) return 0;
    memcpy(copy, b->data, n);
    for (size_t i = 1; i + 3 <= size && n; i += 3) {
        size_t at = data[i] | (data[i + 1] & 127) << 8;
        size_t part = data[i + 1] & 128 ? n : heads[llama][type];
        copy[at % (part < n ? part : n)] = data[i + 2];
    }
    if (!syl_gguf_parse(&file, copy, n, "input", NULL)) {
        if (is_small(file) && !syl_lm_open_gguf(&lm, file, keep, SYL_F32, NULL, NULL)) {
            run(lm);
            syl_lm_free(lm);
        } else if (size == 1) {
            abort(); /* nothing was changed */
        }
        syl_gguf_free(file);
    } else if (size == 1) {
        abort();
    }
    free(copy);
    return 0;
}
