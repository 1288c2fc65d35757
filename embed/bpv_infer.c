/* Codes and vectors of documents. */
#include <stdlib.h>
#include <string.h>

#include "embed/bpv.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define MOST_ROWS 4096                   /* documents at a time */
#define STREAM_BEGIN ((uint64_t)1 << 63) /* positions of a document's first vector */

syl_bpv_infer_options syl_bpv_infer_defaults(const syl_bpv *model)
{
    syl_bpv_infer_options o = model->shape.infer;
    o.threads = 1;
    o.device = NULL;
    return o;
}

/* The device and all that stands on it for a call. */
typedef struct inference {
    const syl_bpv *m;
    const syl_bpv_infer_options *o;
    syl_device *device;
    syl_ctx *ctx;
    void *on_device[9]; /* copies there */
    int copies;
    const syl_alias *columns;
    syl_paragraph_model p;
    int64_t rows;      /* documents at a time, MOST_ROWS at most */
    float *e, *square; /* [rows][padded(dim)], the host's */
    int32_t *items;    /* of the documents at hand, known ones only */
    size_t items_room;
    int64_t *begin; /* [rows + 1] */
    uint64_t *key;  /* [rows] */
} inference;

static syl_status put(inference *q, const void *host, size_t bytes, void **out, syl_error *err)
{
    *out = (void *)(uintptr_t)host;
    if (!q->device || !host) return SYL_OK;
    SYL_TRY(syl_device_alloc(q->device, bytes, out, err));
    q->on_device[q->copies++] = *out;
    return syl_device_put(q->device, host, *out, bytes, err);
}

static syl_status put_floats(inference *q, float **array, int64_t n, syl_error *err)
{
    void *there;
    SYL_TRY(put(q, *array, (size_t)n * sizeof **array, &there, err));
    *array = there;
    return SYL_OK;
}

static syl_status place(inference *q, syl_error *err)
{
    const syl_bpv *m = q->m;
    int64_t items = m->sampler.size, part = syl_paragraph_padded(m->shape.bits);
    int64_t dim = syl_paragraph_padded(m->shape.dim);
    syl_paragraph_model *p = &q->p;
    void *there;
    SYL_TRY(put_floats(q, &p->output.value, items * part * (1 + m->shape.context), err));
    SYL_TRY(put_floats(q, &p->bias.value, items, err));
    SYL_TRY(put_floats(q, &p->words.value, items * part, err));
    SYL_TRY(put_floats(q, &p->projection.value, m->shape.bits * dim, err));
    SYL_TRY(put_floats(q, &p->offset.value, part, err));
    SYL_TRY(put(q, p->log_q, (size_t)items * sizeof(float), &there, err));
    p->log_q = there;
    SYL_TRY(put(q, m->sampler.columns, (size_t)items * sizeof *m->sampler.columns, &there, err));
    q->columns = there;
    p->documents = (syl_learnt){q->e, q->square};
    SYL_TRY(put_floats(q, &p->documents.value, q->rows * dim, err));
    return put_floats(q, &p->documents.square, q->rows * dim, err);
}

static syl_status start(inference *q, syl_error *err)
{
    const syl_bpv_infer_options *o = q->o;
    size_t dim = (size_t)syl_paragraph_padded(q->m->shape.dim), rows = (size_t)q->rows;
    syl_bpv_shape asked = q->m->shape;
    asked.infer = *o;
    SYL_TRY(syl_bpv_check_shape(&asked, err));
    if (o->threads < 1) return syl_fail(err, SYL_EINVAL, "%d threads: 1 is the least", o->threads);
    q->p = syl_bpv_paragraph(q->m);
    q->p.dropout = (float)o->dropout;
    q->p.lr = (float)o->learning_rate;
    q->p.seed = o->seed;
    if (o->sigmoid) q->p.function = SYL_CODE_SIGMOID;
    q->e = syl_calloc(rows * dim, sizeof *q->e);
    q->square = syl_calloc(rows * dim, sizeof *q->square);
    q->begin = syl_calloc(rows + 1, sizeof *q->begin);
    q->key = syl_calloc(rows, sizeof *q->key);
    if (!q->e || !q->square || !q->begin || !q->key)
        return syl_fail_memory(err, 2 * rows * dim * sizeof *q->e, "inference");
    SYL_TRY(syl_device_open(&q->device, o->device ? o->device : "cpu", err));
    SYL_TRY(syl_ctx_create_on(&q->ctx, q->device, o->threads, err));
    return place(q, err);
}

static void stop(inference *q)
{
    syl_ctx_free(q->ctx);
    for (int i = 0; i < q->copies; i++)
        syl_device_release(q->device, q->on_device[i]);
    syl_device_close(q->device);
    free(q->e);
    free(q->square);
    free(q->begin);
    free(q->key);
    free(q->items);
}

/* A document's numbers are its own, wherever it stands: their name is a hash of its items
 * (splitmix64's steps; below 2^56 as all streams of a use). */
static uint64_t key_of(const int32_t *items, int64_t n)
{
    uint64_t h = (uint64_t)n;
    for (int64_t i = 0; i < n; i++) {
        h += 0x9E3779B97F4A7C15u + (uint32_t)items[i];
        h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9u;
        h = (h ^ h >> 27) * 0x94D049BB133111EBu;
        h ^= h >> 31;
    }
    return h >> 8;
}

static void begin_vector(const inference *q, int64_t i)
{
    const syl_bpv_shape *s = &q->m->shape;
    int64_t dim = syl_paragraph_padded(s->dim);
    syl_random r = {.seed = q->o->seed, .stream = q->key[i], .position = STREAM_BEGIN};
    for (int64_t k = 0; k < dim; k++) {
        q->e[i * dim + k] = k < s->dim ? (float)s->spread * (2 * syl_random_uniform(&r) - 1) : 0.0f;
        q->square[i * dim + k] = (float)s->accumulator;
    }
}

/* Known items of documents first ... to q's arrays. */
static syl_status take(inference *q, const int32_t *items, const int64_t *begin, int64_t count,
                       syl_error *err)
{
    int64_t known = q->m->sampler.size, n = 0;
    SYL_TRY(syl_grow((void **)&q->items, &q->items_room, (size_t)(begin[count] - begin[0]) + 1,
                     sizeof *q->items, err));
    for (int64_t i = 0; i < count; i++) {
        q->begin[i] = n;
        for (int64_t k = begin[i]; k < begin[i + 1]; k++)
            if (items[k] >= 0 && items[k] < known) q->items[n++] = items[k];
        q->key[i] = key_of(q->items + q->begin[i], n - q->begin[i]);
        begin_vector(q, i);
    }
    q->begin[count] = n;
    return SYL_OK;
}

static syl_status run(inference *q, int64_t count, syl_error *err)
{
    size_t bytes = (size_t)(count * syl_paragraph_padded(q->m->shape.dim)) * sizeof(float);
    syl_paragraph_inference documents = {.count = (int32_t)count,
                                         .begin = q->begin,
                                         .items = q->items,
                                         .key = q->key,
                                         .passes = q->o->passes,
                                         .chunk = q->m->shape.chunk,
                                         .columns = q->columns,
                                         .num_columns = q->m->sampler.size};
    if (q->device) {
        SYL_TRY(syl_device_put(q->device, q->e, q->p.documents.value, bytes, err));
        SYL_TRY(syl_device_put(q->device, q->square, q->p.documents.square, bytes, err));
    }
    SYL_TRY(syl_paragraph_infer(q->ctx, &q->p, &documents, err));
    SYL_TRY(syl_ctx_wait(q->ctx, err));
    return q->device ? syl_device_get(q->device, q->p.documents.value, q->e, bytes, err) : SYL_OK;
}

static void give(const inference *q, int64_t first, int64_t count, uint8_t *codes, float *vectors,
                 uint8_t *empty)
{
    const syl_bpv_shape *s = &q->m->shape;
    int64_t dim = syl_paragraph_padded(s->dim), bytes = (s->bits + 7) / 8;
    if (codes) syl_bpv_codes(q->m, q->e, count, codes + first * bytes);
    for (int64_t i = 0; i < count; i++) {
        bool nothing = q->begin[i] == q->begin[i + 1];
        size_t length = (size_t)s->dim * sizeof *vectors;
        if (vectors) memcpy(vectors + (first + i) * s->dim, q->e + i * dim, length);
        if (vectors && nothing) memset(vectors + (first + i) * s->dim, 0, length);
        if (codes && nothing) memset(codes + (first + i) * bytes, 0, (size_t)bytes);
        if (empty) empty[first + i] = nothing;
    }
}

syl_status syl_bpv_infer(const syl_bpv *model, const int32_t *items, const int64_t *begin,
                         int64_t count, const syl_bpv_infer_options *options, uint8_t *codes,
                         float *vectors, uint8_t *empty, syl_error *err)
{
    syl_bpv_infer_options defaults = syl_bpv_infer_defaults(model);
    inference q = {.m = model,
                   .o = options ? options : &defaults,
                   .rows = count < MOST_ROWS ? count : MOST_ROWS};
    if (count <= 0)
        return count ? syl_fail(err, SYL_EINVAL, "%lld documents", (long long)count) : SYL_OK;
    for (int64_t i = 0; i < count; i++)
        if (begin[i] > begin[i + 1] || begin[0] < 0)
            return syl_fail(err, SYL_EINVAL, "document %lld ends before it begins", (long long)i);
    syl_status status = start(&q, err);
    for (int64_t i = 0; status == SYL_OK && i < count; i += q.rows) {
        int64_t n = count - i < q.rows ? count - i : q.rows;
        status = take(&q, items, begin + i, n, err);
        if (status == SYL_OK) status = run(&q, n, err);
        if (status == SYL_OK) give(&q, i, n, codes, vectors, empty);
    }
    stop(&q);
    return status;
}

/* Training leaves zeros for a document without a single item. */
static bool learnt_nothing(const float *vector, int64_t dim)
{
    for (int64_t k = 0; k < dim; k++)
        if (vector[k] != 0) return false;
    return true;
}

syl_status syl_bpv_documents(const syl_bpv *m, uint8_t *codes, float *vectors, syl_error *err)
{
    int64_t dim = syl_paragraph_padded(m->shape.dim), bytes = (m->shape.bits + 7) / 8;
    if (!m->num_documents)
        return syl_fail(err, SYL_EINVAL,
                        "the model has no documents' vectors; train it so that it keeps them, or "
                        "infer them");
    if (codes) syl_bpv_codes(m, m->documents, m->num_documents, codes);
    for (int64_t i = 0; codes && i < m->num_documents; i++)
        if (learnt_nothing(m->documents + i * dim, dim))
            memset(codes + i * bytes, 0, (size_t)bytes); /* a projection's offset is no code */
    for (int64_t i = 0; vectors && i < m->num_documents; i++)
        memcpy(vectors + i * m->shape.dim, m->documents + i * dim,
               (size_t)m->shape.dim * sizeof *vectors);
    return SYL_OK;
}
