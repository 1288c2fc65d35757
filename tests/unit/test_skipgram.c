/* The operations of skipgram.h against plain loops in double, and their gradients against
 * differences of the loss. */
#include "tests/golden/golden.h"

#include <math.h>

#include "tests/dsg/sense_case.h"

static syl_error err;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static syl_ctx *context(int threads)
{
    syl_ctx *ctx;
    ok(syl_ctx_create(&ctx, threads, &err));
    return ctx;
}

/* ---- the loss in double ------------------------------------------------------------------------
 */

/* Values of a case's tables in double, without padding: [rows][dim] and biases behind them. */
typedef struct plain_tables {
    double *sense, *output, *choice;
} plain_tables;

static double *widen(const syl_vector_table *t)
{
    int64_t rows = t->value.rows, dim = t->value.cols;
    double *x = room((size_t)(rows * (dim + 1)), sizeof *x);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < dim; j++)
            x[i * dim + j] = (double)((float *)t->value.data)[i * t->value.stride + j];
        x[rows * dim + i] = t->bias ? (double)t->bias[i] : 0;
    }
    return x;
}

static plain_tables widen_all(const sense_case *c)
{
    return (plain_tables){widen(&c->b.sense), widen(&c->b.output), widen(&c->b.choice)};
}

static void free_plain(plain_tables *t)
{
    free(t->sense), free(t->output), free(t->choice);
}

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Logits of the senses from a context that no gradient goes through: taken from `fixed`. */
static void plain_choice(const sense_case *c, const plain_tables *t, const plain_tables *fixed,
                         int i, double *l)
{
    double *mean = room((size_t)c->dim, sizeof *mean);
    int there = 0;
    for (int j = 0; j < c->contexts[i].count; j++) {
        int32_t word = c->pool[c->contexts[i].begin + j];
        for (int d = 0; word >= 0 && d < c->dim; d++)
            mean[d] += fixed->output[word * c->dim + d];
        there += word >= 0;
    }
    int slots = c->b.slots ? c->b.slots : there ? there : 1;
    for (int k = 0; k < c->senses; k++) {
        int64_t rows = c->b.choice.value.rows;
        int row = c->b.choice_shared ? k : c->centre[i] * c->senses + k;
        l[k] = dot(mean, t->choice + row * c->dim, c->dim) / slots;
        if (c->b.choice.bias) l[k] += t->choice[rows * c->dim + row];
    }
    free(mean);
}

static void plain_softmax(double *x, int n)
{
    double sum = 0;
    for (int k = 0; k < n; k++)
        sum += x[k] = exp(x[k]);
    for (int k = 0; k < n; k++)
        x[k] /= sum;
}

static double plain_noise(const sense_case *c, int i, int k)
{
    uint32_t word[4];
    uint64_t blocks = (uint64_t)(c->senses + 3) / 4;
    syl_philox(c->b.seed, c->b.stream, (c->b.first + (uint64_t)i) * blocks + (uint64_t)k / 4, word);
    double u = (double)(word[k % 4] >> 8) / 16777216;
    u = u < 1 / 16777216.0 ? 1 / 16777216.0 : u;
    return c->b.gumbel ? -log(-log(u)) : 0;
}

/* One target of item i with vector v. */
static double plain_pair(const sense_case *c, const plain_tables *t, const double *v, int i, int j)
{
    int32_t target = c->pool[c->targets[i].begin + j];
    const double *bias = t->output + c->words * c->dim;
    double a = dot(v, t->output + target * c->dim, c->dim) + bias[target], sum = exp(a), loss = 0;
    for (int n = 0; n < c->negatives; n++) {
        int32_t row = c->negative[i / c->share * c->negatives + n];
        bool hit = false;
        for (int o = 0; o < c->targets[i].count; o++)
            hit |= c->pool[c->targets[i].begin + o] == row;
        if (hit) continue;
        double x = dot(v, t->output + row * c->dim, c->dim) + bias[row];
        sum += exp(x);
        loss += log1p(exp(x));
    }
    return c->b.loss == SYL_WINDOW_SOFTMAX ? log(sum) - a : loss + log1p(exp(-a));
}

/* The batch's loss; *entropy, *weighted: of the senses, and with lambda for each target. p or NULL.
 */
static double plain_loss(const sense_case *c, const plain_tables *t, const plain_tables *fixed,
                         double *entropy, double *weighted, double *p_out)
{
    double loss = 0, *v = room((size_t)c->dim, sizeof *v);
    *entropy = *weighted = 0;
    for (int i = 0; i < c->items; i++) {
        double p[SYL_MAX_SENSES], y[SYL_MAX_SENSES], h = 0;
        plain_choice(c, t, fixed, i, p);
        for (int k = 0; k < c->senses; k++)
            y[k] = (p[k] + plain_noise(c, i, k)) / (double)c->b.temperature;
        plain_softmax(p, c->senses);
        plain_softmax(y, c->senses);
        for (int k = 0; k < c->senses; k++) {
            h -= p[k] * log(p[k]);
            if (p_out) p_out[i * c->senses + k] = p[k];
        }
        memset(v, 0, (size_t)c->dim * sizeof *v);
        for (int k = 0; k < c->senses; k++)
            for (int d = 0; d < c->dim; d++)
                v[d] += y[k] * t->sense[(c->centre[i] * c->senses + k) * c->dim + d];
        for (int j = 0; j < c->targets[i].count; j++)
            loss += plain_pair(c, t, v, i, j);
        if (c->targets[i].count) *entropy += h;
        *weighted += (double)c->b.entropy * h * c->targets[i].count;
    }
    free(v);
    return loss;
}

/* ---- tests --------------------------------------------------------------------------------- */

/* before - after of each value is the gradient (SGD at rate 1); differences of the loss are it,
 * too. Of every `step`th value. */
static void check_gradient(const sense_case *c, plain_tables *before, const plain_tables *fixed,
                           double *x, const double *after, size_t n, size_t step, const char *what)
{
    for (size_t i = 0; i < n; i += step) {
        double keep = x[i], h = 1e-5, entropy, low, high, a, b;
        x[i] = keep + h;
        high = plain_loss(c, before, fixed, &entropy, &a, NULL) + a;
        x[i] = keep - h;
        low = plain_loss(c, before, fixed, &entropy, &b, NULL) + b;
        x[i] = keep;
        double want = (high - low) / (2 * h), got = keep - after[i];
        if (fabs(want - got) > 2e-4 * (1 + fabs(want)))
            fail_msg("%s[%zu] of dim %d, %d senses: %g, not %g", what, i, c->dim, c->senses, got,
                     want);
    }
}

static void check_case(sense_case *c, int threads)
{
    plain_tables before = widen_all(c), fixed = widen_all(c);
    double entropy, weighted, *p = room((size_t)(c->items * c->senses), sizeof *p);
    double loss = plain_loss(c, &before, &fixed, &entropy, &weighted, p);
    float *got_p = room((size_t)(c->items * c->senses), sizeof *got_p);
    syl_window_sums sums;
    syl_ctx *ctx = context(threads);
    ok(syl_sense_probabilities(ctx, &c->b, got_p, &err));
    for (int i = 0; i < c->items * c->senses; i++)
        assert_true(fabs((double)got_p[i] - p[i]) < 1e-5);
    ok(syl_sense_steps(ctx, &c->b, 1, &sums, &err));
    assert_true(fabs(sums.loss - loss) <= 1e-5 * (1 + loss));
    assert_true(fabs(sums.entropy - entropy) <= 1e-5 * (1 + entropy));
    assert_int_equal(sums.bad, -1);
    plain_tables after = widen_all(c);
    size_t n = (size_t)(c->words * (c->dim + 1));
    size_t sense = n * (size_t)c->senses - (size_t)(c->words * c->senses);
    size_t step = 1 + n * (size_t)c->senses / 150;
    check_gradient(c, &before, &fixed, before.sense, after.sense, sense, step, "sense");
    check_gradient(c, &before, &fixed, before.output, after.output, n, step, "output");
    if (c->senses > 1)
        check_gradient(c, &before, &fixed, before.choice, after.choice, n * (size_t)c->senses, step,
                       "choice");
    free_plain(&before), free_plain(&after), free_plain(&fixed);
    syl_ctx_free(ctx);
    free(p), free(got_p);
}

static void gradients(void **state)
{
    static const int cases[][7] = {
        /* words, dim, senses, items, most, negatives, share */
        {2, 1, 1, 1, 1, 1, 1},  {5, 3, 2, 4, 3, 2, 1},    {9, 16, 3, 7, 5, 6, 1},
        {7, 17, 5, 9, 4, 9, 3}, {6, 31, 4, 5, 10, 20, 9}, {4, 33, 3, 6, 2, 0, 1},
        {8, 70, 6, 5, 3, 5, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int variant = 0; variant < 8; variant++) {
            const int *n = cases[i];
            sense_case c = make_case(n[0], n[1], n[2], n[3], n[4], n[5], n[6],
                                     variant & 1 ? SYL_WINDOW_NEGATIVES : SYL_WINDOW_SOFTMAX);
            no_sense_bias(&c);
            c.b.gumbel = (variant & 2) != 0;
            if (variant & 2) c.b.slots = 0;
            if (variant & 4) {
                c.b.choice_shared = true;
                c.b.entropy = -0.2f;
            }
            check_case(&c, 1 + variant % 3);
            free_case(&c);
        }
}

/* ---- plain skip-gram ------------------------------------------------------------------------ */

typedef struct plain_case {
    int words, dim, windows, most, negatives;
    syl_vector_table input, output;
    int32_t *centre, *contexts, *negative;
    syl_skipgram_batch b;
} plain_case;

static plain_case make_plain(int words, int dim, int windows, int most, int negatives)
{
    syl_random r = {.seed = (uint64_t)dim};
    plain_case c = {.words = words, .dim = dim, .windows = windows, .most = most};
    size_t n = (size_t)windows;
    c.negatives = negatives;
    c.input = make_table(&r, words, dim, 0.5f, 0);
    c.output = make_table(&r, words, dim, 0.5f, 0);
    c.centre = room(n, sizeof *c.centre);
    c.contexts = room(n * (size_t)most, sizeof *c.contexts);
    c.negative = room(n * (size_t)negatives, sizeof *c.negative);
    for (int i = 0; i < windows; i++) {
        c.centre[i] = (int32_t)syl_random_below(&r, (uint32_t)words);
        for (int j = 0; j < most; j++) /* none in the second window */
            c.contexts[i * most + j] =
                i == 1 ? -1 : (int32_t)syl_random_below(&r, (uint32_t)words + 1) - 1;
        for (int j = 0; j < negatives; j++)
            c.negative[i * negatives + j] = (int32_t)syl_random_below(&r, (uint32_t)words);
    }
    c.b = (syl_skipgram_batch){.windows = windows,
                               .context = most,
                               .negatives = negatives,
                               .centre = c.centre,
                               .contexts = c.contexts,
                               .negative = c.negative,
                               .input = c.input.value,
                               .output = c.output.value,
                               .lr = 0.7f};
    return c;
}

static void free_plain_case(plain_case *c)
{
    free_table(&c->input), free_table(&c->output);
    free(c->centre), free(c->contexts), free(c->negative);
}

/* The tables after a batch, in double: [words][dim] each. */
static double plain_skipgram(const plain_case *c, double *input, double *output)
{
    double loss = 0, *x = widen(&c->input), *o = widen(&c->output);
    for (int i = 0; i < c->windows; i++)
        for (int j = 0; j < c->most; j++)
            for (int k = -1; k < c->negatives; k++) {
                int32_t word = c->contexts[i * c->most + j], centre = c->centre[i];
                int32_t row = k < 0 ? centre : c->negative[i * c->negatives + k];
                if (word < 0 || (k >= 0 && row == centre)) continue;
                double a = dot(x + word * c->dim, o + row * c->dim, c->dim);
                loss += log1p(exp(k < 0 ? -a : a));
                double g = ((k < 0) - 1 / (1 + exp(-a))) * (double)c->b.lr;
                for (int d = 0; d < c->dim; d++) {
                    input[word * c->dim + d] += g * o[row * c->dim + d];
                    output[row * c->dim + d] += g * x[word * c->dim + d];
                }
            }
    free(x), free(o);
    return loss;
}

static void skipgram(void **state)
{
    static const int cases[][5] = {
        {2, 1, 1, 1, 1},  {3, 5, 4, 2, 0},      {5, 16, 9, 4, 5},   {9, 31, 7, 10, 3},
        {9, 33, 3, 3, 4}, {40, 100, 23, 10, 5}, {7, 130, 5, 6, 20},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int *n = cases[i];
        plain_case c = make_plain(n[0], n[1], n[2], n[3], n[4]);
        double *input = widen(&c.input), *output = widen(&c.output);
        double loss = plain_skipgram(&c, input, output);
        syl_window_sums sums;
        syl_ctx *ctx = context(1 + (int)i % 3);
        ok(syl_skipgram_steps(ctx, &c.b, 1, &sums, &err));
        syl_ctx_free(ctx);
        assert_true(fabs(sums.loss - loss) <= 1e-5 * (1 + loss));
        double *got_input = widen(&c.input), *got_output = widen(&c.output);
        for (int j = 0; j < c.words * c.dim; j++) {
            assert_true(fabs(got_input[j] - input[j]) < 1e-5);
            assert_true(fabs(got_output[j] - output[j]) < 1e-5);
        }
        free(input), free(output), free(got_input), free(got_output);
        free_plain_case(&c);
    }
}

/* One sense and one target: plain skip-gram's loss and vectors, but for the rounding
 * of sums in another order. */
static void one_sense(void **state)
{
    (void)state;
    plain_case c = make_plain(11, 37, 9, 1, 6);
    for (int i = 0; i < c.windows; i++)
        if (c.contexts[i] < 0) c.contexts[i] = 3;
    sense_case s = make_case(11, 37, 1, 9, 1, 6, 1, SYL_WINDOW_NEGATIVES);
    free(s.b.sense.bias), free(s.b.output.bias);
    s.b.sense.bias = s.b.output.bias = NULL;
    for (int i = 0; i < c.windows; i++) {
        s.centre[i] = c.contexts[i];
        s.pool[i] = c.centre[i];
        s.targets[i] = s.contexts[i] = (syl_window_span){i, 1};
    }
    s.b.num_words = c.windows;
    s.b.negative = c.negative;
    s.b.sense_update.lr = s.b.output_update.lr = c.b.lr;
    size_t bytes = (size_t)(c.words * c.input.value.stride) * sizeof(float);
    memcpy(s.b.sense.value.data, c.input.value.data, bytes);
    memcpy(s.b.output.value.data, c.output.value.data, bytes);
    syl_window_sums plain, senses;
    syl_ctx *ctx = context(2);
    ok(syl_skipgram_steps(ctx, &c.b, 1, &plain, &err));
    ok(syl_sense_steps(ctx, &s.b, 1, &senses, &err));
    assert_true(fabs(plain.loss - senses.loss) < 1e-6 * plain.loss);
    assert_true(senses.entropy == 0);
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        assert_true(fabsf(((float *)s.b.sense.value.data)[i] - ((float *)c.input.value.data)[i]) <
                    1e-6f);
        assert_true(fabsf(((float *)s.b.output.value.data)[i] - ((float *)c.output.value.data)[i]) <
                    1e-6f);
    }
    syl_ctx_free(ctx);
    free_case(&s), free_plain_case(&c);
}

/* ---- rules of updates -------------------------------------------------------------------------
 */

/* Two batches: slots matter in the second. Gradients come from steps by SGD on copies. */
static void update_rules(void **state)
{
    (void)state;
    for (int rule = SYL_ROW_MOMENTUM; rule <= SYL_ROW_ADAGRAD; rule++) {
        /* one item, one target, no negatives but one: no row has two changes */
        sense_case plain = make_case(9, 21, 2, 1, 1, 1, 1, SYL_WINDOW_NEGATIVES);
        sense_case ruled = make_case(9, 21, 2, 1, 1, 1, 1, SYL_WINDOW_NEGATIVES);
        sense_case *both[2] = {&plain, &ruled};
        for (int i = 0; i < 2; i++) {
            no_sense_bias(both[i]);
            both[i]->targets[0] = (syl_window_span){0, 1};
            both[i]->contexts[0] = (syl_window_span){0, 1};
            both[i]->pool[0] = 4;
            both[i]->negative[0] = 7;
            both[i]->b.num_words = 1;
        }
        syl_row_update by = {
            .rule = (syl_row_rule)rule, .lr = 0.3f, .bias_lr = 0.3f, .momentum = 0.6f};
        ruled.b.sense_update = ruled.b.output_update = ruled.b.choice_update = by;
        syl_ctx *ctx = context(1);
        syl_window_sums sums;
        size_t n = (size_t)(plain.words * 32);
        float *slot = room(n, sizeof *slot);
        for (size_t i = 0; i < n; i++)
            slot[i] = 0.1f;
        for (int step = 0; step < 2; step++) {
            float *want = room(n, sizeof *want), *output = plain.b.output.value.data;
            memcpy(output, ruled.b.output.value.data, n * sizeof *want);
            memcpy(plain.b.sense.value.data, ruled.b.sense.value.data, 2 * n * sizeof *want);
            memcpy(plain.b.choice.value.data, ruled.b.choice.value.data, 2 * n * sizeof *want);
            memcpy(plain.b.choice.bias, ruled.b.choice.bias, 18 * sizeof *want);
            memcpy(plain.b.output.bias, ruled.b.output.bias, 9 * sizeof *want);
            memcpy(want, output, n * sizeof *want);
            ok(syl_sense_steps(ctx, &plain.b, 1, &sums, &err));
            for (size_t i = 0; i < n; i++) {
                int row = (int)i / 32, column = (int)i % 32;
                float g = want[i] - output[i];
                if ((row != 4 && row != 7) || column >= 21) continue;
                slot[i] = rule == SYL_ROW_MOMENTUM ? 0.6f * slot[i] + g : slot[i] + g * g;
                want[i] -= 0.3f * (rule == SYL_ROW_MOMENTUM ? slot[i] : g / sqrtf(slot[i]));
            }
            ok(syl_sense_steps(ctx, &ruled.b, 1, &sums, &err));
            for (size_t i = 0; i < n; i++)
                if (i % 32 < 21 &&
                    fabsf(((float *)ruled.b.output.value.data)[i] - want[i]) >= 1e-5f)
                    fail_msg("rule %d, step %d, value %zu: %g, not %g", rule, step, i,
                             ((float *)ruled.b.output.value.data)[i], want[i]);
            free(want);
        }
        free(slot);
        syl_ctx_free(ctx);
        free_case(&plain), free_case(&ruled);
    }
}

/* ---- threads ------------------------------------------------------------------------------------
 */

static void same_table(const syl_vector_table *a, const syl_vector_table *b)
{
    size_t n = (size_t)(a->value.rows * a->value.stride) * sizeof(float);
    assert_memory_equal(a->value.data, b->value.data, n);
    if (a->bias) assert_memory_equal(a->bias, b->bias, (size_t)a->value.rows * sizeof(float));
}

/* Several batches at once, by one thread and by more: the same bits. */
static void threads(void **state)
{
    (void)state;
    for (int rule = SYL_ROW_SGD; rule <= SYL_ROW_ADAGRAD; rule++) {
        syl_sense_batch last[4];
        sense_case c[4];
        for (int t = 0; t < 4; t++) {
            c[t] = make_case(13, 45, 3, 41, 6, 7, 2, SYL_WINDOW_SOFTMAX);
            syl_row_update by = {
                .rule = (syl_row_rule)rule, .lr = 0.1f, .bias_lr = 0.2f, .momentum = 0.5f};
            c[t].b.sense_update = c[t].b.output_update = c[t].b.choice_update = by;
            syl_sense_batch batches[3] = {c[t].b, c[t].b, c[t].b};
            batches[1].items = 7, batches[1].first = 100;
            syl_window_sums sums[3];
            syl_ctx *ctx = context(1 + t);
            ok(syl_sense_steps(ctx, batches, 3, sums, &err));
            assert_true(sums[2].loss < sums[0].loss); /* it learns */
            syl_ctx_free(ctx);
            last[t] = c[t].b;
            same_table(&last[0].sense, &last[t].sense);
            same_table(&last[0].output, &last[t].output);
            same_table(&last[0].choice, &last[t].choice);
        }
        for (int t = 0; t < 4; t++)
            free_case(&c[t]);
    }
}

/* The first window that is not finite is told. */
static void not_finite(void **state)
{
    (void)state;
    sense_case c = make_case(13, 20, 2, 20, 4, 3, 1, SYL_WINDOW_SOFTMAX);
    syl_window_sums sums;
    syl_ctx *ctx = context(2);
    for (int i = 0; i < c.items; i++)
        c.centre[i] = i == 11 || i == 17 ? 5 : 4;
    c.targets[11].count = 1;
    c.targets[11].begin = 0;
    ((float *)c.b.sense.value.data)[10 * c.b.sense.value.stride] = NAN;
    ok(syl_sense_steps(ctx, &c.b, 1, &sums, &err));
    assert_int_equal(sums.bad, 11);
    syl_ctx_free(ctx);
    free_case(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),    cmocka_unit_test(skipgram), cmocka_unit_test(one_sense),
        cmocka_unit_test(update_rules), cmocka_unit_test(threads),  cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
