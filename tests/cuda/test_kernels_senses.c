/* The kernels of senses of words against the CPU's operations, which test_skipgram checks. */
#include "tests/cuda/memory.h"

#include "lib/compute/cuda/kernels.h"
#include "tests/dsg/sense_case.h"

static syl_error err;

static void fine(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static syl_vector_table upload_table(const syl_vector_table *t)
{
    size_t n = (size_t)(t->value.rows * t->value.stride), rows = (size_t)t->value.rows;
    syl_vector_table d = *t;
    d.value.data = device_floats(t->value.data, n);
    d.slot = t->slot ? device_floats(t->slot, n) : NULL;
    d.bias = t->bias ? device_floats(t->bias, rows) : NULL;
    d.bias_slot = t->bias_slot ? device_floats(t->bias_slot, rows) : NULL;
    return d;
}

static void release_table(syl_vector_table *t)
{
    release(t->value.data), release(t->slot), release(t->bias), release(t->bias_slot);
}

/* Sorted by row, in order of entries; rows below 0 are left out. */
static syl_cuda_row_changes segments(const int32_t *row, int n)
{
    int32_t *order = host_bytes((size_t)(n + 1) * 4), *rows = host_bytes((size_t)(n + 1) * 4);
    int32_t *begin = host_bytes((size_t)(n + 2) * 4), kept = 0, count = 0, most = -1;
    for (int i = 0; i < n; i++)
        most = row[i] > most ? row[i] : most;
    for (int32_t r = 0; r <= most; r++) {
        int32_t before = kept;
        for (int i = 0; i < n; i++)
            if (row[i] == r) order[kept++] = i;
        if (kept == before) continue;
        rows[count] = r;
        begin[count++] = before;
    }
    begin[count] = begin[count + 1 < n + 2 ? count + 1 : count] = kept;
    syl_cuda_row_changes c = {.order = device_bytes(order, (size_t)(n + 1) * 4),
                              .segment_row = device_bytes(rows, (size_t)(n + 1) * 4),
                              .segment_begin = device_bytes(begin, (size_t)(n + 2) * 4),
                              .segments = count + (count < n)}; /* an empty one, too */
    free(order), free(rows), free(begin);
    return c;
}

static void change(const int32_t *row, int n, int per_item, const float *by, const float *vectors,
                   syl_vector_table table, syl_row_update update)
{
    syl_cuda_row_changes c = segments(row, n);
    c.per_item = per_item, c.by = by, c.vectors = vectors;
    c.table = table, c.update = update;
    ok(syl_cuda_row_change(0, &c));
    release(c.order), release(c.segment_row), release(c.segment_begin);
}

/* Rows that entries change; -1: none. */
typedef struct entries {
    int candidates, n;
    int32_t *output, *sense, *choice;
} entries;

static entries entries_of(const sense_case *c)
{
    int candidates = c->most + c->negatives, n = c->items * candidates;
    size_t rows = (size_t)(c->items * c->senses) * 4;
    entries e = {candidates, n, host_bytes((size_t)n * 4), host_bytes(rows), host_bytes(rows)};
    for (int i = 0; i < n; i++)
        e.output[i] = -1;
    for (int i = 0; i < c->items; i++) {
        syl_window_span t = c->targets[i];
        int32_t *to = e.output + i * candidates;
        for (int j = 0; j < t.count; j++)
            to[j] = c->pool[t.begin + j];
        for (int j = 0; j < c->negatives; j++) {
            int row = c->negative[i / c->share * c->negatives + j];
            for (int k = 0; k < t.count; k++)
                if (c->pool[t.begin + k] == row) row = -1;
            to[t.count + j] = t.count ? row : -1;
        }
        for (int k = 0; k < c->senses; k++) {
            e.sense[i * c->senses + k] = t.count ? c->centre[i] * c->senses + k : -1;
            e.choice[i * c->senses + k] =
                c->b.choice_shared && t.count ? k : e.sense[i * c->senses + k];
        }
    }
    return e;
}

static syl_cuda_senses upload(const sense_case *c, const entries *e)
{
    const syl_sense_batch *b = &c->b;
    size_t items = (size_t)c->items, vectors = items * (size_t)c->dim,
           senses = items * (size_t)c->senses;
    return (syl_cuda_senses){.items = b->items,
                             .senses = b->senses,
                             .slots = b->slots,
                             .negatives = b->negatives,
                             .dim = c->dim,
                             .candidates = e->candidates,
                             .centre = device_bytes(c->centre, items * 4),
                             .words = device_bytes(c->pool, (size_t)b->num_words * 4),
                             .contexts = device_bytes(c->contexts, items * sizeof *c->contexts),
                             .targets = device_bytes(c->targets, items * sizeof *c->targets),
                             .ids = device_bytes(e->output, (size_t)e->n * 4),
                             .loss_kind = b->loss,
                             .sense = upload_table(&b->sense),
                             .output = upload_table(&b->output),
                             .choice = upload_table(&b->choice),
                             .choice_shared = b->choice_shared,
                             .gumbel = b->gumbel,
                             .temperature = b->temperature,
                             .entropy = b->entropy,
                             .seed = b->seed,
                             .stream = b->stream,
                             .first = b->first,
                             .context = device_floats(NULL, vectors),
                             .vector = device_floats(NULL, vectors),
                             .gradient = device_floats(NULL, vectors),
                             .y = device_floats(NULL, senses),
                             .dlogit = device_floats(NULL, senses),
                             .by = device_floats(NULL, (size_t)e->n),
                             .loss = device_bytes(NULL, 2 * items * sizeof(double))};
}

static void release_all(syl_cuda_senses *s)
{
    release(s->centre), release(s->words), release(s->contexts), release(s->targets);
    release(s->ids), release(s->context), release(s->vector), release(s->gradient);
    release(s->y), release(s->dlogit), release(s->by), release(s->loss);
    release_table(&s->sense), release_table(&s->output), release_table(&s->choice);
}

static void same_table(const char *what, const syl_vector_table *device,
                       const syl_vector_table *host)
{
    size_t n = (size_t)(host->value.rows * host->value.stride), rows = (size_t)host->value.rows;
    same_on_device(what, device->value.data, host->value.data, n, 1e-5);
    if (host->slot) same_on_device(what, device->slot, host->slot, n, 1e-5);
    if (host->bias) same_on_device(what, device->bias, host->bias, rows, 1e-5);
}

static void check_probabilities(const sense_case *c, syl_cuda_senses s, syl_ctx *ctx)
{
    size_t n = (size_t)(c->items * c->senses);
    float *p = host_bytes(n * sizeof *p);
    fine(syl_sense_probabilities(ctx, &c->b, p, &err));
    s.p = device_floats(NULL, n);
    s.context = NULL;
    ok(syl_cuda_senses_step(0, &s));
    same_on_device("p", s.p, p, n, 1e-5);
    release(s.p);
    free(p);
}

static void check_case(sense_case *c)
{
    entries e = entries_of(c);
    syl_cuda_senses s = upload(c, &e);
    syl_window_sums sums;
    syl_ctx *ctx;
    fine(syl_ctx_create(&ctx, 1, &err));
    if (c->senses > 1) check_probabilities(c, s, ctx);
    ok(syl_cuda_senses_step(0, &s));
    change(e.output, e.n, e.candidates, s.by, s.vector, s.output, c->b.output_update);
    change(e.sense, c->items * c->senses, c->senses, s.y, s.gradient, s.sense, c->b.sense_update);
    if (c->senses > 1)
        change(e.choice, c->items * c->senses, c->senses, s.dlogit, s.context, s.choice,
               c->b.choice_update);
    fine(syl_sense_steps(ctx, &c->b, 1, &sums, &err));
    double *loss = host_bytes(2 * (size_t)c->items * sizeof *loss), sum = 0, entropy = 0;
    fetch(loss, s.loss, 2 * (size_t)c->items * sizeof *loss);
    for (int i = 0; i < c->items; i++) {
        sum += loss[i];
        entropy += loss[c->items + i];
    }
    assert_true(fabs(sum - sums.loss) <= 1e-5 * (1 + sum));
    assert_true(fabs(entropy - sums.entropy) <= 1e-5 * (1 + entropy));
    same_table("sense", &s.sense, &c->b.sense);
    same_table("output", &s.output, &c->b.output);
    same_table("choice", &s.choice, &c->b.choice);
    free(loss);
    free(e.output), free(e.sense), free(e.choice);
    release_all(&s);
    syl_ctx_free(ctx);
}

static void items(void **state)
{
    static const int cases[][7] = {
        /* words, dim, senses, items, most, negatives, share */
        {2, 1, 1, 1, 1, 1, 1},    {5, 3, 2, 4, 3, 2, 1},   {7, 33, 5, 9, 4, 9, 3},
        {6, 130, 4, 5, 9, 40, 9}, {4, 321, 3, 4, 2, 0, 1}, {5, 70, 32, 5, 3, 5, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int variant = 0; variant < 3; variant++) {
            const int *n = cases[i];
            sense_case c = make_case(n[0], n[1], n[2], n[3], n[4], n[5], n[6],
                                     variant == 1 ? SYL_WINDOW_NEGATIVES : SYL_WINDOW_SOFTMAX);
            no_sense_bias(&c);
            syl_row_update by = {
                .rule = (syl_row_rule)variant, .lr = 0.2f, .bias_lr = 0.1f, .momentum = 0.5f};
            c.b.sense_update = c.b.output_update = c.b.choice_update = by;
            if (by.rule == SYL_ROW_MOMENTUM) {
                zero_slot_padding(&c.b.sense);
                zero_slot_padding(&c.b.output);
                zero_slot_padding(&c.b.choice);
            }
            c.b.gumbel = variant != 1;
            c.b.choice_shared = variant == 2;
            if (variant == 2) c.b.slots = 0;
            check_case(&c);
            free_case(&c);
        }
}

static void nothing_to_do(void **state)
{
    syl_cuda_senses s = {.items = 0, .dim = 8, .senses = 1};
    syl_cuda_row_changes c = {.segments = 0};
    (void)state;
    ok(syl_cuda_senses_step(0, &s));
    ok(syl_cuda_row_change(0, &c));
    s.items = 1;
    s.dim = 1025;
    assert_int_equal(syl_cuda_senses_step(0, &s), cudaErrorInvalidValue);
    s.dim = 8, s.senses = SYL_MAX_SENSES + 1;
    assert_int_equal(syl_cuda_senses_step(0, &s), cudaErrorInvalidValue);
    s.senses = 2, s.candidates = 20000;
    assert_int_equal(syl_cuda_senses_step(0, &s), cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items),
        cmocka_unit_test(nothing_to_do),
    };
    if (no_device()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
