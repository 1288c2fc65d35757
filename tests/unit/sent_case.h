/* Small sentence models with random weights, written to the file PATH: two widths, a classifier;
 * and questions for them. */
#ifndef SYL_TESTS_SENT_CASE_H
#define SYL_TESTS_SENT_CASE_H

#include "tests/golden/golden.h"

#include "embed/sent/infer.h"
#include "lib/base/random.h"

#define SENT_CASE_TENSORS 128
#define QUESTIONS 60

static syl_error err;

static inline void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

typedef struct sent_case {
    syl_st_tensor tensors[SENT_CASE_TENSORS];
    char names[SENT_CASE_TENSORS][96];
    size_t count;
    syl_random random;
} sent_case;

static inline void sent_case_add(sent_case *c, const char *prefix, const char *name, int64_t rows,
                                 int64_t cols, float mean, float deviation)
{
    size_t n = (size_t)(rows * (cols ? cols : 1));
    float *data = malloc(n * sizeof *data);
    assert_non_null(data);
    assert_true(c->count < SENT_CASE_TENSORS);
    for (size_t i = 0; i < n; i++)
        data[i] = mean + deviation * syl_random_normal(&c->random);
    snprintf(c->names[c->count], sizeof c->names[0], "%s%s", prefix, name);
    c->tensors[c->count] = (syl_st_tensor){.name = c->names[c->count],
                                           .dtype = SYL_F32,
                                           .ndim = cols ? 2 : 1,
                                           .shape = {rows, cols},
                                           .data = data,
                                           .count = n};
    c->count++;
}

static inline void sent_case_lm(sent_case *c, const char *prefix, const syl_lm_shape *s)
{
    static const char *const norms[] = {"ln_1", "ln_2"};
    const struct {
        const char *name;
        int in, out;
    } products[] = {{"attn.c_attn", s->dim, 3 * s->dim},
                    {"attn.c_proj", s->dim, s->dim},
                    {"mlp.c_fc", s->dim, s->ff},
                    {"mlp.c_proj", s->ff, s->dim}};
    char name[64];
    sent_case_add(c, prefix, "wte.weight", s->vocab, s->dim, 0, 0.5f);
    sent_case_add(c, prefix, "wpe.weight", s->context, s->dim, 0, 0.3f);
    for (int l = 0; l < s->layers; l++) {
        for (int i = 0; i < 2; i++) {
            snprintf(name, sizeof name, "h.%d.%s.weight", l, norms[i]);
            sent_case_add(c, prefix, name, s->dim, 0, 1, 0.2f);
            snprintf(name, sizeof name, "h.%d.%s.bias", l, norms[i]);
            sent_case_add(c, prefix, name, s->dim, 0, 0, 0.2f);
        }
        for (int i = 0; i < 4; i++) {
            snprintf(name, sizeof name, "h.%d.%s.weight", l, products[i].name);
            sent_case_add(c, prefix, name, products[i].in, products[i].out, 0, 0.4f);
            snprintf(name, sizeof name, "h.%d.%s.bias", l, products[i].name);
            sent_case_add(c, prefix, name, products[i].out, 0, 0, 0.2f);
        }
    }
    sent_case_add(c, prefix, "ln_f.weight", s->dim, 0, 1, 0.2f);
    sent_case_add(c, prefix, "ln_f.bias", s->dim, 0, 0, 0.2f);
}

/* widths [layers + 1] */
static inline void sent_case_mlp(sent_case *c, const char *prefix, const int *widths, int layers)
{
    char name[64];
    for (int i = 0; i < layers; i++) {
        snprintf(name, sizeof name, ".%d.weight", 2 * i);
        sent_case_add(c, prefix, name, widths[i + 1], widths[i], 0, 0.4f);
        snprintf(name, sizeof name, ".%d.bias", 2 * i);
        sent_case_add(c, prefix, name, widths[i + 1], 0, 0, 0.3f);
    }
}

static inline syl_lm_shape sent_case_shape(int vocab, int dim, int layers, int context)
{
    return (syl_lm_shape){.kind = SYL_LM_GPT2,
                          .vocab = vocab,
                          .dim = dim,
                          .layers = layers,
                          .heads = 4,
                          .kv_heads = 4,
                          .ff = 3 * dim,
                          .context = context,
                          .eps = 1e-5f,
                          .tied = true};
}

/* The tensors that the configuration asks for. */
static inline void sent_case_write(const char *path, const syl_sent_config *config,
                                   const syl_sent_tokenizer *tokenizer, uint64_t seed)
{
    static sent_case c;
    syl_error err;
    c = (sent_case){.random = {.seed = seed}};
    sent_case_lm(&c, "decoder.", &config->decoder);
    if (syl_sent_has_encoder(config)) sent_case_lm(&c, "encoder.", &config->encoder);
    if (syl_sent_has_latent(config)) {
        int a = config->encoder.dim, b = config->latent.dim, between = (a + b) / 2;
        sent_case_lm(&c, "latent.", &config->latent);
        sent_case_mlp(&c, "encoder_to_latent", (int[]){a, between, b}, 2);
        sent_case_mlp(&c, "latent_to_decoder", (int[]){b, between, a}, 2);
        if (config->stop[0])
            sent_case_mlp(&c, "stop", (int[]){b, config->stop[0], config->stop[1], 1}, 3);
    }
    json_t *own = syl_sent_config_to_json(config), *words = tokenizer->to_json(tokenizer);
    char *own_text = json_dumps(own, 0), *words_text = json_dumps(words, 0);
    json_t *metadata = json_pack("{s:s, s:s, s:s}", "format", SYL_SENT_FORMAT, "config", own_text,
                                 "tokenizer", words_text);
    assert_non_null(metadata);
    if (syl_safetensors_write(path, c.tensors, c.count, metadata, &err))
        fail_msg("%s", err.message);
    json_decref(metadata);
    json_decref(own);
    json_decref(words);
    free(own_text);
    free(words_text);
    for (size_t i = 0; i < c.count; i++)
        free((void *)c.tensors[i].data);
}

/* ---- models and questions --------------------------------------------------------------- */

static inline syl_sent_tokenizer *words(void)
{
    static const char text[] = "0123456789+-*=###<< >>";
    syl_sent_words *w;
    syl_sent_tokenizer *t;
    ok(syl_sent_words_create(&w, &err));
    ok(syl_sent_words_add(w, text, sizeof text - 1, &err));
    ok(syl_sent_words_finish(w, &t, &err));
    syl_sent_words_free(w);
    return t;
}

static inline syl_sent_dataset questions(void)
{
    syl_sent_dataset d = {0};
    syl_random r = {.seed = 5};
    for (int i = 0; i < QUESTIONS; i++) {
        char text[16] = "", step[8];
        int n = 1 + (int)syl_random_below(&r, 12);
        for (int k = 0; k < n; k++)
            text[k] = "0123456789+-*"[syl_random_below(&r, 13)];
        snprintf(step, sizeof step, "%d+%d", i % 10, i / 10);
        ok(syl_sent_dataset_add(&d, text, (const char *[]){step, "1=1"}, 2, "7", &err));
    }
    return d;
}

static inline syl_sent_config config_of(syl_sent_stage stage, syl_sent_stage embedding)
{
    int vocab = 24;
    return (syl_sent_config){.stage = stage,
                             .embedding = embedding,
                             .decoder_embedding = embedding,
                             .decoder = sent_case_shape(vocab, 16, 2, 64),
                             .encoder = sent_case_shape(vocab, 16, 2, 64),
                             .latent = sent_case_shape(vocab, 24, 3, 32),
                             .latent_scale = 0.7,
                             .stop = {12, 6}};
}

static inline syl_reasoner *model_of(const syl_sent_config *config, uint64_t seed)
{
    syl_reasoner *m;
    syl_sent_tokenizer *t = words();
    assert_true(t->vocab <= config->decoder.vocab);
    sent_case_write(PATH, config, t, seed);
    syl_sent_tokenizer_free(t);
    ok(syl_reasoner_open(&m, PATH, SYL_F32, NULL, &err));
    return m;
}

static inline syl_infer_options options_of(syl_regime regime, syl_stop_rule stop)
{
    syl_infer_options o = syl_infer_defaults();
    o.regime = regime;
    o.stop = stop;
    o.max_sentences = 6;
    o.max_tokens = 9;
    o.verbalise = true;
    return o;
}

#endif
