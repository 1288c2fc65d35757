/* Steps and inference of paragraph vectors against tests/paragraph_case.h. */
#include "tests/cuda/memory.h"

#include "lib/compute/cuda/kernels.h"
#include "tests/paragraph_case.h"

static void *scratch(int64_t floats)
{
    return device_bytes(NULL, (size_t)floats * sizeof(float));
}

static syl_row_groups groups_on_device(const syl_row_groups *g)
{
    size_t n = (size_t)g->count, entries = (size_t)g->begin[g->count];
    return (syl_row_groups){.count = g->count,
                            .row = device_bytes(g->row, n * 4),
                            .begin = device_bytes(g->begin, (n + 1) * 4),
                            .entry = device_bytes(g->entry, entries * 4)};
}

static void release_groups(const syl_row_groups *g)
{
    release(g->row);
    release(g->begin);
    release(g->entry);
}

static syl_learnt learnt_on_device(const paragraph_case *c, int t)
{
    if (!c->value[t]) return (syl_learnt){0};
    return (syl_learnt){device_floats(c->value[t], (size_t)c->size[t]),
                        device_floats(c->square[t], (size_t)c->size[t])};
}

static syl_paragraph_model model_on_device(const paragraph_case *c)
{
    syl_paragraph_model m = c->m;
    m.documents = learnt_on_device(c, OF_DOCUMENTS);
    m.output = learnt_on_device(c, OF_OUTPUT);
    m.bias = learnt_on_device(c, OF_BIAS);
    m.words = learnt_on_device(c, OF_WORDS);
    m.projection = learnt_on_device(c, OF_PROJECTION);
    m.offset = learnt_on_device(c, OF_OFFSET);
    m.log_q = device_floats(c->log_q, (size_t)c->s.items);
    return m;
}

static void release_model(const syl_paragraph_model *m)
{
    const syl_learnt all[TABLES] = {m->documents, m->output,     m->bias,
                                    m->words,     m->projection, m->offset};
    for (int t = 0; t < TABLES; t++) {
        release(all[t].value);
        release(all[t].square);
    }
    release(m->log_q);
}

/* Room for `chunks` chunks of `targets` targets together. */
static void take_room(syl_cuda_paragraph *p, int64_t chunks, int64_t targets)
{
    const syl_paragraph_model *m = &p->model;
    int64_t part = syl_paragraph_padded(m->code), dim = syl_paragraph_padded(m->dim);
    p->h = scratch(chunks * part);
    p->d_z = scratch(chunks * part);
    p->d_logit = scratch(targets + chunks * m->negatives);
    p->vector = scratch(chunks * dim);
    p->d_vector = scratch(chunks * dim);
    p->h_around = scratch(targets * part * m->context);
    p->d_around = scratch(targets * part * m->context);
    p->d_each = scratch(targets * m->negatives);
    p->loss = scratch(chunks);
}

static void release_room(const syl_cuda_paragraph *p)
{
    release(p->h);
    release(p->d_z);
    release(p->d_logit);
    release(p->vector);
    release(p->d_vector);
    release(p->h_around);
    release(p->d_around);
    release(p->d_each);
    release(p->loss);
}

static syl_cuda_paragraph on_device(const paragraph_case *c)
{
    const syl_paragraph_batch *b = &c->b;
    size_t chunks = (size_t)b->chunks, targets = (size_t)c->targets;
    syl_cuda_paragraph p = {.model = model_on_device(c),
                            .chunks = b->chunks,
                            .document = device_bytes(b->document, chunks * 4),
                            .begin = device_bytes(b->begin, (chunks + 1) * 4),
                            .target = device_bytes(b->target, targets * 4),
                            .negative =
                                device_bytes(b->negative, chunks * (size_t)c->s.negatives * 4),
                            .around = device_bytes(b->around, targets * (size_t)c->s.context * 4),
                            .stream = device_bytes(b->stream, chunks * 8),
                            .of_output = groups_on_device(&b->of_output),
                            .of_documents = groups_on_device(&b->of_documents),
                            .of_words = groups_on_device(&b->of_words)};
    take_room(&p, b->chunks, c->targets);
    return p;
}

static void release_all(const syl_cuda_paragraph *p)
{
    release_model(&p->model);
    release_room(p);
    release(p->document);
    release(p->begin);
    release(p->target);
    release(p->negative);
    release(p->around);
    release(p->stream);
    release_groups(&p->of_output);
    release_groups(&p->of_documents);
    release_groups(&p->of_words);
}

static void check_step(int shape)
{
    paragraph_case *c = case_create(paragraph_shapes[shape], 40 + (uint64_t)shape);
    float *value[TABLES], *square[TABLES];
    double *loss = host_bytes((size_t)c->s.chunks * sizeof *loss);
    float *want = host_bytes((size_t)c->s.chunks * sizeof *want);
    syl_cuda_paragraph p = on_device(c);
    case_step(c, value, square, loss);
    ok(syl_cuda_paragraph_gradients(0, &p, c->s.most));
    ok(syl_cuda_paragraph_updates(0, &p));
    for (int i = 0; i < c->s.chunks; i++)
        want[i] = (float)loss[i];
    same_on_device("loss", p.loss, want, (size_t)c->s.chunks, 1e-5);
    const syl_learnt got[TABLES] = {p.model.documents, p.model.output,     p.model.bias,
                                    p.model.words,     p.model.projection, p.model.offset};
    for (int t = 0; t < TABLES; t++) {
        if (c->size[t]) {
            same_on_device("values", got[t].value, value[t], (size_t)c->size[t], 1e-5);
            same_on_device("squares", got[t].square, square[t], (size_t)c->size[t], 1e-4);
        }
        free(value[t]);
        free(square[t]);
    }
    release_all(&p);
    free(loss);
    free(want);
    case_free(c);
}

static void steps(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++)
        check_step(i);
}

/* Against the CPU's own inference, which tests/unit/test_paragraph.c checks. */
static void check_inference(int shape)
{
    paragraph_case *c = case_create(paragraph_shapes[shape], 60 + (uint64_t)shape);
    int64_t counts[64], begin[4] = {0, 3, 3, 9};
    int32_t items[9];
    uint64_t key[3] = {5, 6, 7};
    syl_sampler sampler;
    syl_ctx *ctx;
    syl_error err;
    int count = c->s.documents < 3 ? c->s.documents : 3;
    for (int i = 0; i < c->s.items; i++)
        counts[i] = 1 + i % 5;
    for (int i = 0; i < 9; i++)
        items[i] = (5 * i + 2) % c->s.items;
    assert_int_equal(syl_sampler_power(&sampler, counts, c->s.items, 0.75, &err), SYL_OK);
    size_t columns = (size_t)sampler.size * sizeof *sampler.columns;
    syl_cuda_paragraph_inference q = {.p.model = model_on_device(c),
                                      .count = count,
                                      .begin = device_bytes(begin, sizeof begin),
                                      .items = device_bytes(items, sizeof items),
                                      .key = device_bytes(key, sizeof key),
                                      .passes = 2,
                                      .chunk = 4,
                                      .columns = device_bytes(sampler.columns, columns),
                                      .num_columns = sampler.size,
                                      .negative = scratch(count * c->s.negatives),
                                      .around = scratch(count * 4 * c->s.context)};
    syl_paragraph_inference host = {.count = count,
                                    .begin = begin,
                                    .items = items,
                                    .key = key,
                                    .passes = 2,
                                    .chunk = 4,
                                    .columns = sampler.columns,
                                    .num_columns = sampler.size};
    take_room(&q.p, count, count * 4);
    ok(syl_cuda_paragraph_infer(0, &q));
    assert_int_equal(syl_ctx_create(&ctx, 1, &err), SYL_OK);
    assert_int_equal(syl_paragraph_infer(ctx, &c->m, &host, &err), SYL_OK);
    same_on_device("vectors", q.p.model.documents.value, c->value[OF_DOCUMENTS],
                   (size_t)c->size[OF_DOCUMENTS], 1e-4);
    syl_ctx_free(ctx);
    syl_sampler_free(&sampler);
    release_model(&q.p.model);
    release_room(&q.p);
    release(q.begin);
    release(q.items);
    release(q.key);
    release(q.columns);
    release(q.negative);
    release(q.around);
    case_free(c);
}

static void inference(void **state)
{
    (void)state;
    for (int i = 0; i < PARAGRAPH_SHAPES; i++)
        check_inference(i);
}

static void nothing_to_do(void **state)
{
    syl_cuda_paragraph p = {.model = {.code = 8, .dim = 8, .negatives = 4}};
    syl_cuda_paragraph_inference q = {.p = p};
    (void)state;
    ok(syl_cuda_paragraph_gradients(0, &p, 1));
    ok(syl_cuda_paragraph_updates(0, &p));
    ok(syl_cuda_paragraph_infer(0, &q));
    p.chunks = 1;
    p.model.negatives = SYL_PARAGRAPH_MOST_NEGATIVES + 1;
    assert_int_equal(syl_cuda_paragraph_gradients(0, &p, 1), cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(inference),
        cmocka_unit_test(nothing_to_do),
    };
    if (no_device()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
