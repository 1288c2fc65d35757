/* Steps of paragraph vectors on the CPU against tests/paragraph_case.h, and that one against finite
 * differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/compute/paragraph.h"
#include "lib/io/sampler.h"
#include "tests/paragraph_case.h"

static syl_error err;
#define OK(expr)                                                      \
    do {                                                              \
        if ((expr) != SYL_OK) fail_msg("%s: %s", #expr, err.message); \
    } while (0)

static const char *const tables[TABLES] = {"documents", "output",     "bias",
                                           "words",     "projection", "offset"};

static void near(const char *what, int shape, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
        fail_msg("shape %d: %s is %.9g, not %.9g", shape, what, got, want);
}

/* ---- the reference itself -------------------------------------------------------------------- */

/* Rounding is replaced by the sigmoid, whose slope it uses. */
static void finite_differences(void **state)
{
    const double step = 1e-5;
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++) {
        paragraph_shape s = paragraph_shapes[i];
        if (s.function == SYL_CODE_ROUND) s.function = SYL_CODE_SIGMOID;
        paragraph_case *c = case_create(s, 100 + (uint64_t)i);
        case_values v = case_values_create(c, true), g = case_values_create(c, false);
        case_gradients(c, &v, NULL, &g);
        syl_random r = {.seed = (uint64_t)i};
        for (int n = 0; n < 120; n++) {
            int t = (int)syl_random_below(&r, TABLES);
            if (c->size[t] == 0) continue;
            int64_t k = syl_random_below(&r, (uint32_t)c->size[t]);
            double at = v.of[t][k];
            v.of[t][k] = at + step;
            double above = case_gradients(c, &v, NULL, NULL);
            v.of[t][k] = at - step;
            double below = case_gradients(c, &v, NULL, NULL);
            v.of[t][k] = at;
            /* Nothing is learnt beyond a row's length. */
            if (t == OF_WORDS || t == OF_DOCUMENTS || t == OF_PROJECTION || t == OF_OFFSET)
                if (g.of[t][k] == 0 && c->value[t][k] == 0) continue;
            near(tables[t], i, g.of[t][k], (above - below) / (2 * step), 1e-5);
        }
        case_values_free(v);
        case_values_free(g);
        case_free(c);
    }
}

/* ---- training -------------------------------------------------------------------------------- */

static void check_step(int shape, int threads)
{
    paragraph_case *c = case_create(paragraph_shapes[shape], 5 + (uint64_t)shape);
    float *value[TABLES], *square[TABLES], *got = calloc((size_t)c->s.chunks, sizeof *got);
    double *loss = calloc((size_t)c->s.chunks, sizeof *loss);
    syl_ctx *ctx;
    OK(syl_ctx_create(&ctx, threads, &err));
    case_step(c, value, square, loss);
    OK(syl_paragraph_steps(ctx, &c->m, &c->b, 1, got, &err));
    for (int i = 0; i < c->s.chunks; i++)
        near("loss", shape, (double)got[i], loss[i], 1e-5);
    for (int t = 0; t < TABLES; t++) {
        for (int64_t k = 0; k < c->size[t]; k++) {
            near(tables[t], shape, (double)c->value[t][k], (double)value[t][k], 3e-6);
            near(tables[t], shape, (double)c->square[t][k], (double)square[t][k], 1e-5);
        }
        free(value[t]);
        free(square[t]);
    }
    syl_ctx_free(ctx);
    free(loss);
    free(got);
    case_free(c);
}

static void steps(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++) {
        check_step(i, 1);
        check_step(i, 2);
    }
}

/* Three steps with any number of threads: the same bits. */
static void threads_make_no_difference(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++) {
        paragraph_case *c[2];
        for (int n = 0; n < 2; n++) {
            float loss[64];
            syl_ctx *ctx;
            c[n] = case_create(paragraph_shapes[i], 9);
            OK(syl_ctx_create(&ctx, n == 0 ? 1 : 3, &err));
            syl_paragraph_batch b[3] = {c[n]->b, c[n]->b, c[n]->b};
            OK(syl_paragraph_steps(ctx, &c[n]->m, b, 3, loss, &err));
            syl_ctx_free(ctx);
        }
        for (int t = 0; t < TABLES; t++)
            if (c[0]->size[t])
                assert_memory_equal(c[0]->value[t], c[1]->value[t],
                                    (size_t)c[0]->size[t] * sizeof(float));
        case_free(c[0]);
        case_free(c[1]);
    }
}

/* Targets whose logits dwarf the negatives', and the other way round: nothing is clamped, nothing
 * overflows. */
static void far_logits(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        paragraph_case *c = case_create(paragraph_shapes[0], 3);
        float loss[64], *value[TABLES], *square[TABLES];
        double want[64];
        syl_ctx *ctx;
        for (int i = 0; i < c->s.items; i++)
            c->value[OF_BIAS][i] = 0;
        for (int64_t t = 0; t < c->targets; t++)
            c->value[OF_BIAS][c->b.target[t]] = way ? -300 : 300;
        OK(syl_ctx_create(&ctx, 1, &err));
        case_step(c, value, square, want);
        OK(syl_paragraph_steps(ctx, &c->m, &c->b, 1, loss, &err));
        for (int i = 0; i < c->s.chunks; i++)
            near("loss", way, (double)loss[i], want[i], 1e-4);
        for (int t = 0; t < TABLES; t++) {
            for (int64_t k = 0; k < c->size[t]; k++)
                assert_true(isfinite(c->value[t][k]));
            free(value[t]);
            free(square[t]);
        }
        syl_ctx_free(ctx);
        case_free(c);
    }
}

static void infinity_is_seen(void **state)
{
    paragraph_case *c = case_create(paragraph_shapes[0], 3);
    float loss[64];
    syl_ctx *ctx;
    (void)state;
    int item = c->b.target[0], chunk = 0;
    while (c->b.begin[chunk + 1] == 0)
        chunk++;
    c->value[OF_BIAS][item] = NAN;
    OK(syl_ctx_create(&ctx, 1, &err));
    OK(syl_paragraph_steps(ctx, &c->m, &c->b, 1, loss, &err));
    assert_false(isfinite(loss[chunk]));
    syl_ctx_free(ctx);
    case_free(c);
}

/* ---- inference ------------------------------------------------------------------------------- */

/* Two documents, step by step with the reference: batches of one chunk whose documents alone are
 * kept. The negatives' first draws are checked by hand. */
static void check_inference(int shape)
{
    paragraph_case *c = case_create(paragraph_shapes[shape], 21);
    int64_t counts[64], begin[3] = {0, 5, 12};
    int32_t items[12];
    uint64_t key[2] = {77, 78};
    syl_sampler sampler;
    syl_ctx *ctx;
    float *before[TABLES];
    if (c->s.documents < 2) {
        case_free(c);
        return;
    }
    for (int i = 0; i < c->s.items; i++)
        counts[i] = 1 + i;
    for (int i = 0; i < 12; i++)
        items[i] = (7 * i + 1) % c->s.items;
    OK(syl_sampler_power(&sampler, counts, c->s.items, 0.75, &err));
    for (int t = 0; t < TABLES; t++) {
        before[t] = calloc((size_t)c->size[t] + 1, sizeof(float));
        if (c->size[t]) memcpy(before[t], c->value[t], (size_t)c->size[t] * sizeof(float));
    }
    syl_paragraph_inference q = {.count = 2,
                                 .begin = begin,
                                 .items = items,
                                 .key = key,
                                 .passes = 2,
                                 .chunk = 4,
                                 .columns = sampler.columns,
                                 .num_columns = sampler.size};
    OK(syl_ctx_create(&ctx, 2, &err));
    OK(syl_paragraph_infer(ctx, &c->m, &q, &err));
    for (int t = OF_OUTPUT; t < TABLES; t++)
        if (c->size[t])
            assert_memory_equal(before[t], c->value[t], (size_t)c->size[t] * sizeof(float));
    bool moved = memcmp(before[0], c->value[0], 2 * (size_t)case_dim(c) * sizeof(float)) != 0;
    assert_true(moved);
    /* Alone, the second document's vector is the same. */
    float *together = calloc((size_t)case_dim(c), sizeof(float));
    memcpy(together, c->value[0] + case_dim(c), (size_t)case_dim(c) * sizeof(float));
    paragraph_case *d = case_create(paragraph_shapes[shape], 21);
    memcpy(d->value[0], d->value[0] + case_dim(d), (size_t)case_dim(d) * sizeof(float));
    memcpy(d->square[0], d->square[0] + case_dim(d), (size_t)case_dim(d) * sizeof(float));
    int64_t alone[2] = {0, 7};
    q.count = 1, q.begin = alone, q.items = items + 5, q.key = key + 1;
    OK(syl_paragraph_infer(ctx, &d->m, &q, &err));
    assert_memory_equal(together, d->value[0], (size_t)case_dim(d) * sizeof(float));
    for (int t = 0; t < TABLES; t++)
        free(before[t]);
    free(together);
    syl_sampler_free(&sampler);
    syl_ctx_free(ctx);
    case_free(c);
    case_free(d);
}

static void inference(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++)
        check_inference(i);
}

/* One step of inference is one step of training, as far as the document goes. */
static void inference_is_training(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++) {
        paragraph_shape s = paragraph_shapes[i];
        s.chunks = 1;
        s.documents = 1;
        paragraph_case *c = case_create(s, 33), *d = case_create(s, 33);
        int64_t counts[64], begin[2] = {0, c->targets};
        syl_sampler sampler;
        syl_ctx *ctx;
        float loss;
        for (int k = 0; k < s.items; k++)
            counts[k] = 1;
        OK(syl_sampler_power(&sampler, counts, s.items, 0.75, &err));
        int32_t *negative = (int32_t *)(uintptr_t)c->b.negative;
        for (int k = 0; k < s.negatives; k++) {
            uint32_t word[4];
            syl_philox(c->m.seed, c->b.stream[0], SYL_PARAGRAPH_NEGATIVES + (uint64_t)k / 2, word);
            negative[k] = syl_sampler_draw(&sampler, word[k % 2 * 2], word[k % 2 * 2 + 1]);
        }
        int32_t *around = (int32_t *)(uintptr_t)c->b.around;
        for (int64_t k = 0; k < c->targets * s.context; k++) {
            int64_t at = k / s.context - 1 - k % s.context;
            around[k] = at >= 0 ? c->b.target[at] : -1;
        }
        case_free_groups(&c->b.of_output);
        c->b.of_output = case_groups(c->b.target, c->targets + s.negatives, s.items);
        case_free_groups(&c->b.of_words);
        c->b.of_words = case_groups(c->b.around, c->targets * s.context, s.items);
        syl_paragraph_inference q = {.count = 1,
                                     .begin = begin,
                                     .items = d->b.target,
                                     .key = c->b.stream,
                                     .passes = 1,
                                     .chunk = 100,
                                     .columns = sampler.columns,
                                     .num_columns = sampler.size};
        OK(syl_ctx_create(&ctx, 1, &err));
        OK(syl_paragraph_steps(ctx, &c->m, &c->b, 1, &loss, &err));
        OK(syl_paragraph_infer(ctx, &d->m, &q, &err));
        if (c->targets)
            assert_memory_equal(c->value[0], d->value[0], (size_t)c->size[0] * sizeof(float));
        syl_ctx_free(ctx);
        syl_sampler_free(&sampler);
        case_free(c);
        case_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finite_differences),         cmocka_unit_test(steps),
        cmocka_unit_test(threads_make_no_difference), cmocka_unit_test(far_logits),
        cmocka_unit_test(infinity_is_seen),           cmocka_unit_test(inference),
        cmocka_unit_test(inference_is_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
