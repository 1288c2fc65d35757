/* Language models against transformers: all positions at once, one by one out of the cache, in
 * batches, from vectors; and what is refused. */
#include "tests/golden/golden.h"

#include "embed/lm/lm.h"
#include "lib/base/file.h"

#define MAX_LAYERS 8

static syl_error err;
static syl_ctx *ctx;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static int start(void **state)
{
    (void)state;
    return syl_ctx_create(&ctx, 2, &err) != SYL_OK;
}

static int stop(void **state)
{
    (void)state;
    syl_ctx_free(ctx);
    return 0;
}

/* ---- fixtures -------------------------------------------------------------------------------- */

typedef struct fixture {
    syl_safetensors *file;
    syl_lm_shape shape;
    syl_lm *lm;
    int32_t ids[64];
    int64_t n;
    float *hidden, *logits, *residual[MAX_LAYERS]; /* expected */
} fixture;

static const char *const folders[] = {"lm-gpt2", "lm-llama"};

static void read_shape(const char *folder, syl_lm_shape *shape)
{
    char name[128], path[4096];
    snprintf(name, sizeof name, "%s/config.json", folder);
    json_t *config = json_load_file(golden_path(path, sizeof path, name), 0, NULL);
    assert_non_null(config);
    ok(syl_lm_shape_from_json(shape, config, name, &err));
    json_decref(config);
}

static syl_safetensors *open_weights(const char *folder)
{
    char name[128];
    snprintf(name, sizeof name, "%s/model.safetensors", folder);
    return golden_open(name);
}

static fixture fixture_of(const char *folder, syl_dtype dtype)
{
    fixture f = {.n = 0};
    char name[128];
    size_t count;
    read_shape(folder, &f.shape);
    f.file = open_weights(folder);
    ok(syl_lm_open(&f.lm, f.file, "", &f.shape, dtype, NULL, &err));
    snprintf(name, sizeof name, "%s/expected.safetensors", folder);
    syl_safetensors *expected = golden_open(name);
    float *ids = golden_floats(expected, "ids", &count);
    assert_true(count <= 64);
    f.n = (int64_t)count;
    for (size_t i = 0; i < count; i++)
        f.ids[i] = (int32_t)ids[i];
    free(ids);
    f.hidden = golden_floats(expected, "hidden", &count);
    assert_int_equal(count, f.n * f.shape.dim);
    f.logits = golden_floats(expected, "logits", &count);
    assert_int_equal(count, f.n * f.shape.vocab);
    for (int i = 0; i < f.shape.layers; i++) {
        snprintf(name, sizeof name, "residual.%d", i);
        f.residual[i] = golden_floats(expected, name, &count);
        assert_int_equal(count, f.n * f.shape.dim);
    }
    syl_safetensors_free(expected);
    return f;
}

static void fixture_free(fixture *f)
{
    syl_lm_free(f->lm);
    syl_safetensors_free(f->file);
    free(f->hidden), free(f->logits);
    for (int i = 0; i < f->shape.layers; i++)
        free(f->residual[i]);
}

static syl_lm_cache *cache_of(const fixture *f, int64_t capacity)
{
    syl_lm_cache *cache;
    ok(syl_lm_cache_create(&cache, f->lm, capacity, &err));
    return cache;
}

static syl_mat scratch(int64_t rows, int64_t cols)
{
    syl_mat m;
    ok(syl_ctx_mat(ctx, SYL_F32, rows, cols, &m, &err));
    return m;
}

static syl_mat embedded(const fixture *f, int64_t from, int64_t n)
{
    syl_mat x = scratch(n, f->shape.dim);
    ok(syl_lm_embed(ctx, f->lm, f->ids + from, x, &err));
    return x;
}

/* Rows [from, from + got.rows) of what transformers says. */
static void assert_rows(const char *what, const float *expected, int64_t from, syl_mat got,
                        double tolerance)
{
    assert_int_equal(got.stride, got.cols);
    assert_close(what, got.data, expected + from * got.cols, (size_t)(got.rows * got.cols),
                 tolerance);
}

/* The next positions of the cache, compared. */
static void feed(const fixture *f, syl_lm_cache *cache, int64_t n, double tolerance)
{
    int64_t from = syl_lm_cache_length(cache);
    size_t mark = syl_ctx_mark(ctx);
    syl_mat x = embedded(f, from, n), hidden = scratch(n, f->shape.dim);
    syl_mat logits = scratch(n, f->shape.vocab);
    ok(syl_lm_forward(ctx, f->lm, cache, x, hidden, NULL, &err));
    ok(syl_lm_logits(ctx, f->lm, hidden, logits, &err));
    assert_int_equal(syl_lm_cache_length(cache), from + n);
    assert_rows("hidden", f->hidden, from, hidden, tolerance);
    assert_rows("logits", f->logits, from, logits, tolerance);
    syl_ctx_release(ctx, mark);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void all_at_once(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        fixture f = fixture_of(folders[k], SYL_F32);
        syl_lm_cache *cache = cache_of(&f, 0);
        syl_mat residuals[MAX_LAYERS] = {{0}}, x = embedded(&f, 0, f.n);
        syl_mat hidden = scratch(f.n, f.shape.dim), normed = scratch(f.n, f.shape.dim);
        size_t mark = syl_ctx_mark(ctx);
        assert_int_equal(syl_lm_cache_capacity(cache), f.shape.context);
        for (int i = 0; i < f.shape.layers; i++)
            if (i != 1) residuals[i] = scratch(f.n, f.shape.dim);
        ok(syl_lm_forward(ctx, f.lm, cache, x, hidden, residuals, &err));
        assert_rows("hidden", f.hidden, 0, hidden, 1e-4);
        for (int i = 0; i < f.shape.layers; i++)
            if (i != 1) assert_rows("residual", f.residual[i], 0, residuals[i], 1e-4);
        ok(syl_lm_final_norm(ctx, f.lm, residuals[f.shape.layers - 1], normed, &err));
        assert_rows("final norm", f.hidden, 0, normed, 1e-4);
        syl_lm_cache_clear(cache);
        feed(&f, cache, f.n, 1e-4);
        syl_ctx_release(ctx, mark);
        syl_lm_cache_free(cache);
        fixture_free(&f);
    }
}

/* Any division into passes gives the same; so does going back. */
static void out_of_the_cache(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        fixture f = fixture_of(folders[k], SYL_F32);
        syl_lm_cache *cache = cache_of(&f, f.n);
        for (int64_t i = 0; i < f.n; i++)
            feed(&f, cache, 1, 1e-4);
        syl_lm_cache_truncate(cache, 100);
        assert_int_equal(syl_lm_cache_length(cache), f.n);
        syl_lm_cache_truncate(cache, 11);
        assert_int_equal(syl_lm_cache_length(cache), 11);
        feed(&f, cache, 9, 1e-4);
        feed(&f, cache, 2, 1e-4);
        feed(&f, cache, f.n - 22, 1e-4);
        syl_lm_cache_clear(cache);
        assert_int_equal(syl_lm_cache_length(cache), 0);
        feed(&f, cache, 12, 1e-4);
        syl_lm_cache_free(cache);
        fixture_free(&f);
    }
}

/* Three conversations of the same text at different places; one of them gets nothing. */
static void in_a_batch(void **state)
{
    static const int64_t begin[] = {0, 1, 1, 6};
    (void)state;
    for (int k = 0; k < 2; k++) {
        fixture f = fixture_of(folders[k], SYL_F32);
        syl_lm_cache *caches[3];
        syl_ragged sequences = {3, begin};
        int32_t ids[6] = {f.ids[7]};
        for (int i = 0; i < 3; i++)
            caches[i] = cache_of(&f, 20);
        feed(&f, caches[0], 7, 1e-4);
        memcpy(ids + 1, f.ids, 5 * sizeof *ids);
        syl_mat x = scratch(6, f.shape.dim), all = scratch(6, f.shape.dim);
        ok(syl_lm_embed(ctx, f.lm, ids, x, &err));
        ok(syl_lm_forward_batch(ctx, f.lm, caches, sequences, x, all, NULL, &err));
        assert_rows("batch, first", f.hidden, 7, syl_mat_rows(all, 0, 1), 1e-4);
        assert_rows("batch, third", f.hidden, 0, syl_mat_rows(all, 1, 5), 1e-4);
        assert_int_equal(syl_lm_cache_length(caches[0]), 8);
        assert_int_equal(syl_lm_cache_length(caches[1]), 0);
        assert_int_equal(syl_lm_cache_length(caches[2]), 5);
        syl_mat last = scratch(2, f.shape.dim);
        syl_lm_cache *two[] = {caches[0], caches[2]};
        static const int64_t ends[] = {0, 2, 5};
        memcpy(ids, f.ids + 8, 2 * sizeof *ids);
        memcpy(ids + 2, f.ids + 5, 3 * sizeof *ids);
        ok(syl_lm_embed(ctx, f.lm, ids, syl_mat_rows(x, 0, 5), &err));
        ok(syl_lm_forward_batch(ctx, f.lm, two, (syl_ragged){2, ends}, syl_mat_rows(x, 0, 5), last,
                                NULL, &err));
        assert_rows("batch, last of first", f.hidden, 9, syl_mat_rows(last, 0, 1), 1e-4);
        assert_rows("batch, last of second", f.hidden, 7, syl_mat_rows(last, 1, 1), 1e-4);
        for (int i = 0; i < 3; i++)
            syl_lm_cache_free(caches[i]);
        fixture_free(&f);
    }
}

/* Counted: products of all weights and attention, but for the head nothing. */
static void counts_operations(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        fixture f = fixture_of(folders[k], SYL_F32);
        const syl_lm_shape *s = &f.shape;
        syl_lm_cache *cache = cache_of(&f, 0);
        syl_mat x = embedded(&f, 0, 9), hidden = scratch(1, s->dim), logits = scratch(1, s->vocab);
        double keys = (double)s->kv_heads * s->dim / s->heads;
        double up = s->kind == SYL_LM_GPT2 ? s->ff : 2.0 * s->ff;
        double weights = s->dim * (2.0 * s->dim + 2 * keys + up + s->ff);
        double before = syl_ctx_flops(ctx);
        ok(syl_lm_forward(ctx, f.lm, cache, x, hidden, NULL, &err));
        double want = s->layers * (9 * 2 * weights + 4.0 * s->dim * (9 * 10 / 2));
        assert_true(syl_ctx_flops(ctx) - before == want);
        ok(syl_lm_logits(ctx, f.lm, hidden, logits, &err));
        assert_true(syl_ctx_flops(ctx) - before == want + 2.0 * s->dim * s->vocab);
        syl_lm_cache_free(cache);
        fixture_free(&f);
    }
}

static void in_bf16(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        fixture f = fixture_of(folders[k], SYL_BF16);
        syl_lm_cache *cache = cache_of(&f, 0);
        syl_mat x = embedded(&f, 0, f.n), hidden = scratch(f.n, f.shape.dim);
        syl_mat logits = scratch(f.n, f.shape.vocab);
        ok(syl_lm_forward(ctx, f.lm, cache, x, hidden, NULL, &err));
        ok(syl_lm_logits(ctx, f.lm, hidden, logits, &err));
        size_t n = (size_t)(f.n * f.shape.vocab);
        assert_true(cosine(logits.data, f.logits, n) > 0.999);
        syl_lm_cache_free(cache);
        fixture_free(&f);
    }
}

/* With the names of a GPT2Model, whose prefix the caller gives; a name of a layer without. */
static void prefixes(void **state)
{
    fixture f = fixture_of(folders[0], SYL_F32);
    syl_lm *lm;
    (void)state;
    syl_lm_free(f.lm);
    ok(syl_lm_open(&f.lm, f.file, "transformer.", &f.shape, SYL_F32, NULL, &err));
    syl_lm_cache *cache = cache_of(&f, 0);
    feed(&f, cache, f.n, 1e-4);
    assert_int_equal(syl_lm_open(&lm, f.file, "encoder.", &f.shape, SYL_F32, NULL, &err),
                     SYL_EFORMAT);
    assert_non_null(strstr(err.message, "encoder.wte.weight"));
    assert_null(lm);
    syl_lm_cache_free(cache);
    fixture_free(&f);
}

static void refused(const syl_lm_shape *shape, const syl_safetensors *file, const char *word)
{
    syl_lm *lm;
    assert_int_equal(syl_lm_open(&lm, file, "", shape, SYL_F32, NULL, &err), SYL_EFORMAT);
    if (!strstr(err.message, word)) fail_msg("\"%s\" says nothing of %s", err.message, word);
    assert_null(lm);
}

static void wrong_models(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        fixture f = fixture_of(folders[k], SYL_F32);
        syl_lm_shape s = f.shape;
        s.layers++;
        refused(&s, f.file, ".3.");
        s = f.shape;
        s.ff++;
        refused(&s, f.file, "mlp.");
        s = f.shape;
        s.vocab--;
        refused(&s, f.file, k ? "embed_tokens" : "wte");
        s = f.shape;
        s.kind = k ? SYL_LM_GPT2 : SYL_LM_LLAMA;
        s.rope_base = 100;
        s.kv_heads = s.heads;
        refused(&s, f.file, "missing");
        s = f.shape;
        s.heads = 5;
        refused(&s, f.file, "heads");
        fixture_free(&f);
    }
}

/* A value that is not finite, in a copy of the file. */
static void damaged_weights(void **state)
{
    char path[4096];
    syl_map map;
    (void)state;
    ok(syl_map_open(&map, golden_path(path, sizeof path, "lm-llama/model.safetensors"), &err));
    uint8_t *copy = malloc(map.size);
    assert_non_null(copy);
    memcpy(copy, map.data, map.size);
    memset(copy + map.size - 4, 0xFF, 4);
    syl_safetensors *file;
    syl_lm_shape shape;
    read_shape("lm-llama", &shape);
    ok(syl_safetensors_parse(&file, copy, map.size, "damaged", &err));
    refused(&shape, file, "not finite");
    syl_safetensors_free(file);
    free(copy);
    syl_map_close(&map);
}

static void wrong_passes(void **state)
{
    fixture f = fixture_of(folders[1], SYL_F32);
    syl_lm_cache *cache = cache_of(&f, 5), *none;
    syl_mat x = embedded(&f, 0, 6), hidden = scratch(6, f.shape.dim);
    int32_t ids[] = {0, 300};
    (void)state;
    assert_int_equal(syl_lm_forward(ctx, f.lm, cache, x, hidden, NULL, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "cache of 5"));
    assert_int_equal(syl_lm_cache_length(cache), 0);
    ok(syl_lm_forward(ctx, f.lm, cache, syl_mat_rows(x, 0, 5), syl_mat_rows(hidden, 0, 2), NULL,
                      &err));
    assert_int_equal(syl_lm_forward(ctx, f.lm, cache, syl_mat_rows(x, 0, 1),
                                    syl_mat_rows(hidden, 0, 1), NULL, &err),
                     SYL_EINVAL);
    ok(syl_lm_forward(ctx, f.lm, cache, syl_mat_rows(x, 0, 0), syl_mat_rows(hidden, 0, 0), NULL,
                      &err));
    assert_int_equal(syl_lm_embed(ctx, f.lm, ids, syl_mat_rows(x, 0, 2), &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "300"));
    assert_int_equal(syl_lm_forward(ctx, f.lm, cache, syl_mat_cols(x, 0, 3), hidden, NULL, &err),
                     SYL_EINVAL);
    assert_int_equal(syl_lm_logits(ctx, f.lm, hidden, x, &err), SYL_EINVAL);
    assert_int_equal(syl_lm_cache_create(&none, f.lm, f.shape.context + 1, &err), SYL_EINVAL);
    syl_lm_cache_free(cache);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_once),  cmocka_unit_test(out_of_the_cache),
        cmocka_unit_test(in_a_batch),   cmocka_unit_test(counts_operations),
        cmocka_unit_test(in_bf16),      cmocka_unit_test(prefixes),
        cmocka_unit_test(wrong_models), cmocka_unit_test(damaged_weights),
        cmocka_unit_test(wrong_passes),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
