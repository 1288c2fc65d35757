/* Inference of sentence models with random weights: against chains that read everything anew at
 * each step, without caches; counted operations against the closed form; threads; noise; refusals.
 */
#define PATH "test_sent_infer.safetensors"
#include "tests/unit/sent_case.h"

#include "embed/sent/infer.h"

#define MOST 512 /* positions, values of a vector */

/* ---- plain chains ----------------------------------------------------------------------- */

/* A sequence of vectors; its model reads all of it at once. */
typedef struct sequence {
    float x[MOST][24];
    int count;
} sequence;

typedef struct plain {
    const syl_reasoner *m;
    const syl_infer_options *by;
    syl_safetensors *file;
    syl_ctx *ctx;
    char *sentences[MOST];
    int count;
    int chosen[MOST]; /* tokens, of each sentence that was decoded */
    int decoded;
    bool over;
} plain;

static void push_tokens(const plain *p, const syl_lm *lm, sequence *s, const int32_t *ids,
                        int count)
{
    int dim = syl_lm_shape_of(lm)->dim;
    for (int i = 0; i < count; i++) {
        syl_mat row = syl_mat_of(s->x[s->count++], SYL_F32, 1, dim);
        ok(syl_lm_embed(p->ctx, lm, &ids[i], row, &err));
    }
}

static void push_vector(sequence *s, const float *x, int dim)
{
    memcpy(s->x[s->count++], x, (size_t)dim * sizeof *x);
}

static void last_hidden(const plain *p, const syl_lm *lm, const sequence *s, float *hidden)
{
    int dim = syl_lm_shape_of(lm)->dim;
    syl_lm_cache *cache;
    size_t mark = syl_ctx_mark(p->ctx);
    syl_mat x, y;
    ok(syl_lm_cache_create(&cache, lm, 0, &err));
    ok(syl_ctx_mat(p->ctx, SYL_F32, s->count, dim, &x, &err));
    ok(syl_ctx_mat(p->ctx, SYL_F32, 1, dim, &y, &err));
    for (int i = 0; i < s->count; i++)
        ok(syl_upload(p->ctx, s->x[i], syl_mat_rows(x, i, 1), &err));
    ok(syl_lm_forward(p->ctx, lm, cache, x, y, NULL, &err));
    ok(syl_download(p->ctx, y, hidden, &err));
    syl_ctx_release(p->ctx, mark);
    syl_lm_cache_free(cache);
}

static int32_t best_token(const plain *p, const syl_lm *lm, const float *hidden)
{
    const syl_lm_shape *s = syl_lm_shape_of(lm);
    float table[64 * 24];
    int32_t best = 0;
    double top = -1e30;
    const char *name = lm == p->m->decoder ? "decoder.wte.weight" : "latent.wte.weight";
    syl_st_to_f32(syl_safetensors_find(p->file, name), table);
    for (int v = 0; v < p->m->tokenizer->vocab; v++) {
        double sum = 0;
        for (int i = 0; i < s->dim; i++)
            sum += (double)table[v * s->dim + i] * hidden[i];
        if (sum > top) {
            top = sum;
            best = v;
        }
    }
    return best;
}

/* In double, from the file. */
static void mlp(const plain *p, const char *prefix, int layers, const float *x, float *y)
{
    double in[64], out[64];
    int n = 0;
    for (int l = 0; l < layers; l++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%d.weight", prefix, 2 * l);
        const syl_st_tensor *w = syl_safetensors_find(p->file, name);
        snprintf(name, sizeof name, "%s.%d.bias", prefix, 2 * l);
        const syl_st_tensor *b = syl_safetensors_find(p->file, name);
        float weight[64 * 64], bias[64];
        syl_st_to_f32(w, weight);
        syl_st_to_f32(b, bias);
        if (l == 0)
            for (int i = 0; i < w->shape[1]; i++)
                in[i] = x[i];
        n = (int)w->shape[0];
        for (int o = 0; o < n; o++) {
            out[o] = bias[o];
            for (int i = 0; i < w->shape[1]; i++)
                out[o] += weight[o * w->shape[1] + i] * in[i];
            if (l + 1 < layers) out[o] = out[o] * 0.5 * (1 + erf(out[o] / sqrt(2)));
        }
        memcpy(in, out, sizeof in);
    }
    for (int i = 0; i < n; i++)
        y[i] = (float)out[i];
}

static char *text_of(const plain *p, const int32_t *ids, int count)
{
    char *text;
    ok(p->m->tokenizer->decode(p->m->tokenizer, ids, (size_t)count, &text, &err));
    return text;
}

/* Up to `most` tokens out of a vector; the newline that ended them is not counted. */
static int say(plain *p, const float *prefix, int32_t *ids, int most)
{
    sequence s = {.count = 0};
    float hidden[MOST];
    int count = 0, chosen = 0;
    push_vector(&s, prefix, p->m->config.decoder.dim);
    while (count < most) {
        last_hidden(p, p->m->decoder, &s, hidden);
        int32_t id = best_token(p, p->m->decoder, hidden);
        chosen++;
        if (id == p->m->tokenizer->newline || id == p->m->tokenizer->eos) break;
        ids[count++] = id;
        push_tokens(p, p->m->decoder, &s, &id, 1);
    }
    p->chosen[p->decoded++] = chosen;
    return count;
}

/* Keeps a sentence; true where it ends the chain. */
static bool keep(plain *p, const int32_t *ids, int count)
{
    if (!count) return true;
    char *text = p->sentences[p->count++] = text_of(p, ids, count);
    return *text == '#';
}

static void plain_text(plain *p, const int32_t *question, int length)
{
    const syl_sent_tokenizer *t = p->m->tokenizer;
    sequence s = {.count = 0};
    int32_t line[MOST];
    float hidden[MOST];
    int count = 0;
    push_tokens(p, p->m->decoder, &s, question, length);
    for (;;) {
        last_hidden(p, p->m->decoder, &s, hidden);
        int32_t id = best_token(p, p->m->decoder, hidden);
        p->decoded++;
        bool ends = id == t->newline || id == t->eos;
        if (!ends) line[count++] = id;
        if (ends || count == p->by->max_tokens) {
            bool cut = !ends;
            if (keep(p, line, count) || cut || id == t->eos || p->count == p->by->max_sentences)
                return;
            count = 0;
        }
        if (s.count == p->m->config.decoder.context) return;
        push_tokens(p, p->m->decoder, &s, &id, 1);
    }
}

static void plain_rollout(plain *p, const int32_t *question, int length)
{
    sequence s = {.count = 0};
    int32_t ids[MOST];
    float h[MOST];
    push_tokens(p, p->m->encoder, &s, question, length);
    while (s.count <= p->m->config.encoder.context) {
        last_hidden(p, p->m->encoder, &s, h);
        int n = say(p, h, ids, p->by->max_tokens);
        if (keep(p, ids, n) || p->count == p->by->max_sentences) return;
        ids[n] = p->m->tokenizer->newline;
        if (s.count + n + 1 > p->m->config.encoder.context) return;
        push_tokens(p, p->m->encoder, &s, ids, n + 1);
    }
}

static void norm(const plain *p, bool own, float *x)
{
    int dim = p->m->config.latent.dim;
    double sum = 0, scale = p->by->latent_scale;
    for (int i = 0; i < dim; i++)
        sum += (double)x[i] * x[i];
    if (p->by->latent_norm == SYL_LATENT_NONE) return;
    if (p->by->latent_norm == SYL_LATENT_SCALE && !own) return;
    if (p->by->latent_norm == SYL_LATENT_RMS) scale /= sqrt(sum / dim + 1e-6);
    for (int i = 0; i < dim; i++)
        x[i] = (float)(x[i] * scale);
}

/* z of latent `at`, out of all that was written before it, read anew. */
static void encode(plain *p, const int32_t *question, int length, int32_t said[][64],
                   const int *lengths, int at, float *z)
{
    sequence s = {.count = 0};
    float h[MOST];
    bool alone = p->m->config.embedding == SYL_SENT_SEM;
    if (!alone) push_tokens(p, p->m->encoder, &s, question, length);
    for (int k = alone ? at : 0; k < at + alone; k++)
        push_tokens(p, p->m->encoder, &s, said[k], lengths[k]);
    last_hidden(p, p->m->encoder, &s, h);
    mlp(p, "encoder_to_latent", 2, h, z);
}

static void plain_latents(plain *p, const int32_t *question, int length)
{
    const syl_infer_options *o = p->by;
    sequence s = {.count = 0};
    static int32_t said[MOST][64];
    int lengths[MOST];
    float y[MOST], prefix[MOST], logit, z[MOST];
    bool answered = false;
    push_tokens(p, p->m->latent, &s, question, length);
    for (int k = 0;; k++) {
        last_hidden(p, p->m->latent, &s, y);
        mlp(p, "latent_to_decoder", 2, y, prefix);
        int n = say(p, prefix, said[k], o->max_tokens);
        char *first = text_of(p, said[k], n ? 1 : 0);
        bool last = !n || *first == '#';
        free(first);
        if (o->stop == SYL_STOP_CLASSIFIER) {
            mlp(p, "stop", 3, y, &logit);
            last = logit > 0;
        }
        if (o->stop == SYL_STOP_FIXED) last = false;
        if (!answered) answered = keep(p, said[k], n) && n && o->stop == SYL_STOP_FIXED;
        if (last || k + 1 == o->max_sentences) return;
        if (s.count == p->m->config.latent.context) return;
        lengths[k] = n + 1;
        said[k][n] = p->m->tokenizer->newline;
        if (o->regime == SYL_REGIME_CONTINUOUS) {
            norm(p, true, y);
            push_vector(&s, y, p->m->config.latent.dim);
        } else {
            encode(p, question, length, said, lengths, k, z);
            norm(p, false, z);
            push_vector(&s, z, p->m->config.latent.dim);
        }
    }
}

/* ---- comparison ------------------------------------------------------------------------- */

static void plain_run(plain *p, const syl_sent_sample *sample)
{
    const syl_sent_tokenizer *t = p->m->tokenizer;
    syl_sent_ids ids = {0};
    ok(t->encode(t, sample->question, strlen(sample->question), &ids, &err));
    ok(syl_sent_ids_add(&ids, t->newline, &err));
    if (p->by->regime == SYL_REGIME_TEXT)
        plain_text(p, ids.data, (int)ids.count);
    else if (p->by->regime == SYL_REGIME_ROLLOUT)
        plain_rollout(p, ids.data, (int)ids.count);
    else
        plain_latents(p, ids.data, (int)ids.count);
    syl_sent_ids_free(&ids);
}

static void compare(const syl_reasoner *m, const syl_infer_options *o, const syl_sent_dataset *d,
                    const syl_inference *got)
{
    plain p = {.m = m, .by = o};
    int answered = 0, lines = 0;
    ok(syl_safetensors_open(&p.file, PATH, &err));
    ok(syl_ctx_create(&p.ctx, 1, &err));
    for (size_t i = 0; i < d->count; i++) {
        p.count = p.decoded = 0;
        plain_run(&p, &d->samples[i]);
        assert_int_equal(got[i].num_sentences, p.count);
        for (int k = 0; k < p.count; k++) {
            assert_string_equal(got[i].sentences[k], p.sentences[k]);
            free(p.sentences[k]);
        }
        answered += got[i].score.answered;
        lines += p.count;
        double counted = got[i].flops, closed = syl_flops_of(&m->config, &got[i].trace);
        if (fabs(counted - closed) > 0.5)
            fail_msg("question %zu: %.0f operations counted, %.0f by the closed form", i, counted,
                     closed);
        assert_true(counted > 0);
    }
    print_message("%s, %s: %d sentences, %d answers\n", syl_regime_names[o->regime],
                  syl_stop_rule_names[o->stop], lines, answered);
    syl_ctx_free(p.ctx);
    syl_safetensors_free(p.file);
}

/* As `one` says, by several threads and several questions at a time. */
static void run_shared(const syl_reasoner *m, const syl_infer_options *o, const syl_sent_dataset *d,
                       const syl_inference *one, int threads, int batch)
{
    syl_inference many[QUESTIONS] = {0};
    ok(syl_infer_all(m, o, d, threads, batch, NULL, NULL, many, &err));
    for (size_t i = 0; i < d->count; i++) {
        assert_int_equal(one[i].num_sentences, many[i].num_sentences);
        for (int k = 0; k < one[i].num_sentences; k++)
            assert_string_equal(one[i].sentences[k], many[i].sentences[k]);
        assert_true(one[i].flops == many[i].flops && one[i].calls == many[i].calls);
        assert_true(many[i].seconds > 0);
        syl_inference_free(&many[i]);
    }
}

static void run_all(const syl_reasoner *m, syl_infer_options o, bool plainly)
{
    static const int ways[][2] = {{3, 1}, {1, 4}, {2, 3}};
    /* What a chain of random weights says after a thousand latents hangs on every rounding. */
    bool chaotic = o.stop == SYL_STOP_FIXED && o.max_sentences == 1000;
    size_t num_ways = chaotic ? 1 : sizeof ways / sizeof *ways;
    syl_sent_dataset d = questions();
    syl_inference one[QUESTIONS] = {0};
    ok(syl_infer_check(m, &o, &err));
    ok(syl_infer_all(m, &o, &d, 1, 1, NULL, NULL, one, &err));
    if (plainly) compare(m, &o, &d, one);
    for (size_t i = 0; i < num_ways; i++)
        run_shared(m, &o, &d, one, ways[i][0], ways[i][1]);
    for (size_t i = 0; i < d.count; i++)
        syl_inference_free(&one[i]);
    syl_sent_dataset_free(&d);
}

static void test_text(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_COT, SYL_SENT_COT);
    syl_reasoner *m = model_of(&c, 1);
    syl_infer_options o = options_of(SYL_REGIME_AUTO, SYL_STOP_DECODER);
    (void)state;
    run_all(m, o, true);
    o.max_sentences = 1000; /* until the context is full */
    o.max_tokens = 1000;
    run_all(m, o, true);
    syl_reasoner_free(m);
}

static void test_rollout(void **state)
{
    (void)state;
    for (uint64_t seed = 2; seed < 4; seed++) {
        syl_sent_config c = config_of(SYL_SENT_CTX_B, SYL_SENT_CTX_B);
        syl_reasoner *m = model_of(&c, seed);
        syl_infer_options o = options_of(SYL_REGIME_AUTO, SYL_STOP_DECODER);
        run_all(m, o, true);
        o.max_sentences = 1000;
        run_all(m, o, true);
        syl_reasoner_free(m);
    }
}

static void test_latents(void **state)
{
    static const syl_sent_stage embeddings[] = {SYL_SENT_SEM, SYL_SENT_CTX_B, SYL_SENT_CTX_C};
    (void)state;
    for (int i = 0; i < 3; i++)
        for (int n = 0; n < 3; n++) {
            syl_sent_config c = config_of(SYL_SENT_LATENT, embeddings[i]);
            c.latent_norm = (syl_latent_norm)n;
            syl_reasoner *m = model_of(&c, (uint64_t)(10 + 3 * i + n));
            for (int r = SYL_REGIME_CONTINUOUS; r <= SYL_REGIME_DISCRETIZED; r++)
                for (int s = SYL_STOP_DECODER; s <= SYL_STOP_FIXED; s++)
                    run_all(m, options_of((syl_regime)r, (syl_stop_rule)s), true);
            syl_reasoner_free(m);
        }
}

/* Until the latent model's context is full: nothing is an error. */
static void test_full_context(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_LATENT, SYL_SENT_CTX_B);
    syl_reasoner *m = model_of(&c, 20);
    syl_infer_options o = options_of(SYL_REGIME_CONTINUOUS, SYL_STOP_FIXED);
    (void)state;
    o.max_sentences = 1000;
    run_all(m, o, true);
    o.regime = SYL_REGIME_DISCRETIZED;
    run_all(m, o, false);
    syl_reasoner_free(m);
}

/* Without verbalising: the same answers, operations and calls. */
static void test_silent(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_LATENT, SYL_SENT_CTX_B);
    syl_reasoner *m = model_of(&c, 21);
    syl_sent_dataset d = questions();
    (void)state;
    for (int s = SYL_STOP_DECODER; s <= SYL_STOP_CLASSIFIER; s++) {
        syl_inference loud[QUESTIONS] = {0}, silent[QUESTIONS] = {0};
        syl_infer_options o = options_of(SYL_REGIME_CONTINUOUS, (syl_stop_rule)s);
        ok(syl_infer_check(m, &o, &err));
        ok(syl_infer_all(m, &o, &d, 1, 1, NULL, NULL, loud, &err));
        o.verbalise = false;
        ok(syl_infer_all(m, &o, &d, 1, 1, NULL, NULL, silent, &err));
        for (size_t i = 0; i < d.count; i++) {
            assert_int_equal(loud[i].score.answered, silent[i].score.answered);
            assert_int_equal(loud[i].score.right, silent[i].score.right);
            assert_true(loud[i].flops == silent[i].flops);
            assert_int_equal(loud[i].calls, silent[i].calls);
            assert_int_equal(loud[i].trace.num_sentences, silent[i].trace.num_sentences);
            assert_true(silent[i].num_sentences <= 1);
            syl_inference_free(&loud[i]);
            syl_inference_free(&silent[i]);
        }
    }
    syl_sent_dataset_free(&d);
    syl_reasoner_free(m);
}

static void test_restore(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_SEM, SYL_SENT_SEM);
    syl_reasoner *m = model_of(&c, 22);
    syl_sent_dataset d = questions();
    syl_inference got[QUESTIONS] = {0};
    syl_infer_options o = options_of(SYL_REGIME_AUTO, SYL_STOP_DECODER);
    (void)state;
    ok(syl_infer_check(m, &o, &err));
    assert_int_equal(o.regime, SYL_REGIME_RESTORE);
    ok(syl_infer_all(m, &o, &d, 1, 1, NULL, NULL, got, &err));
    for (size_t i = 0; i < d.count; i++) {
        assert_int_equal(got[i].num_sentences, 3);
        assert_true(got[i].flops == syl_flops_of(&c, &got[i].trace));
        assert_int_equal(got[i].score.right, got[i].restored == 3);
        syl_inference_free(&got[i]);
    }
    syl_sent_dataset_free(&d);
    syl_reasoner_free(m);
}

/* ---- noise ---------------------------------------------------------------------------------- */

static void test_noisy_chains(void **state)
{
    syl_sent_config c = config_of(SYL_SENT_LATENT, SYL_SENT_CTX_B);
    syl_reasoner *m = model_of(&c, 23);
    syl_sent_dataset d = questions();
    (void)state;
    for (int place = SYL_NOISE_LATENT; place <= SYL_NOISE_OUTPUT; place++) {
        syl_inference got[2][QUESTIONS] = {0};
        syl_infer_options o = options_of(SYL_REGIME_DISCRETIZED, SYL_STOP_FIXED);
        int differ = 0;
        for (int i = 0; i < 2; i++) {
            o.noise = (syl_noise){i ? (syl_noise_place)place : SYL_NOISE_NONE, 1, 0.5, 9};
            if (i) run_all(m, o, false); /* the same for any number of threads */
            ok(syl_infer_check(m, &o, &err));
            ok(syl_infer_all(m, &o, &d, 2, 1, NULL, NULL, got[i], &err));
        }
        for (size_t i = 0; i < d.count; i++) {
            for (int k = 0; k < got[0][i].num_sentences && k < got[1][i].num_sentences; k++)
                differ += strcmp(got[0][i].sentences[k], got[1][i].sentences[k]) != 0;
            syl_inference_free(&got[0][i]);
            syl_inference_free(&got[1][i]);
        }
        assert_true(differ > 10);
    }
    syl_sent_dataset_free(&d);
    syl_reasoner_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),         cmocka_unit_test(test_rollout),
        cmocka_unit_test(test_latents),      cmocka_unit_test(test_full_context),
        cmocka_unit_test(test_silent),       cmocka_unit_test(test_restore),
        cmocka_unit_test(test_noisy_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
