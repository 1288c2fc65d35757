/* Vectors of unseen documents: a thread takes a document through all of its steps. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/compute/cpu/paragraph.h"
#include "lib/compute/cpu/parallel.h"
#include "lib/compute/cpu/row_math.h"

/* A thread's arrays: those of a chunk. */
typedef struct room {
    syl_paragraph_chunk chunk;
    int32_t *negative, *around;
    syl_paragraph_work work;
} room;

static void draw(const syl_paragraph_model *m, const syl_paragraph_inference *q,
                 const syl_paragraph_chunk *c, int32_t *negative)
{
    syl_sampler sampler = {.size = q->num_columns, .columns = (syl_alias *)(uintptr_t)q->columns};
    uint32_t word[4];
    for (int i = 0; i < m->negatives; i++) {
        if (i % 2 == 0)
            syl_philox(m->seed, c->stream, c->position + SYL_PARAGRAPH_NEGATIVES + (uint64_t)i / 2,
                       word);
        negative[i] = syl_sampler_draw(&sampler, word[i % 2 * 2], word[i % 2 * 2 + 1]);
    }
}

/* The items before each target, the nearest first. */
static void look_around(const syl_paragraph_model *m, const int32_t *items, int64_t at, int targets,
                        int32_t *around)
{
    for (int t = 0; t < targets; t++)
        for (int j = 0; j < m->context; j++)
            around[t * m->context + j] = at + t - 1 - j >= 0 ? items[at + t - 1 - j] : -1;
}

static void infer_document(const syl_paragraph_model *m, const syl_paragraph_inference *q,
                           int32_t d, room *r)
{
    const int32_t *items = q->items + q->begin[d];
    int64_t length = q->begin[d + 1] - q->begin[d], dim = syl_paragraph_padded(m->dim);
    uint64_t step = 0;
    syl_paragraph_chunk *c = &r->chunk;
    float *e = m->documents.value + d * dim, *square = m->documents.square + d * dim;
    c->document = e;
    c->stream = q->key[d];
    for (int pass = 0; pass < q->passes; pass++) {
        for (int64_t at = 0; at < length; at += q->chunk, step++) {
            c->targets = (int)(length - at < q->chunk ? length - at : q->chunk);
            c->target = items + at;
            c->position = step * SYL_PARAGRAPH_NUMBERS;
            draw(m, q, c, r->negative);
            if (m->context) look_around(m, items, at, c->targets, r->around);
            (void)syl_paragraph_chunk_gradients(m, c, &r->work);
            syl_adagrad_row(e, square, c->d_document, m->lr, dim);
        }
    }
}

static syl_status take(syl_ctx *ctx, int64_t length, float **out, syl_error *err)
{
    syl_mat m;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, 1, length ? length : 1, &m, err));
    *out = m.data;
    return SYL_OK;
}

static syl_status take_room(syl_ctx *ctx, const syl_paragraph_model *m, int targets, room *r,
                            syl_error *err)
{
    int64_t part = syl_paragraph_padded(m->code), n = m->negatives;
    syl_paragraph_chunk *c = &r->chunk;
    float *ids, *work;
    *c = (syl_paragraph_chunk){0};
    SYL_TRY(take(ctx, n, &ids, err));
    r->negative = (void *)ids;
    SYL_TRY(take(ctx, (int64_t)targets * m->context, &ids, err));
    r->around = (void *)ids;
    c->negative = r->negative;
    c->around = r->around;
    SYL_TRY(take(ctx, part, &c->h, err));
    SYL_TRY(take(ctx, part, &c->d_z, err));
    SYL_TRY(take(ctx, targets * part * m->context, &c->h_around, err));
    SYL_TRY(take(ctx, targets + n, &c->d_logit, err));
    SYL_TRY(take(ctx, m->context ? targets * n : 0, &c->d_negative, err));
    c->d_document = c->d_z;
    if (m->projection.value) SYL_TRY(take(ctx, syl_paragraph_padded(m->dim), &c->d_document, err));
    SYL_TRY(take(ctx, syl_paragraph_work_size(m, targets), &work, err));
    syl_paragraph_work_of(m, targets, work, &r->work);
    return SYL_OK;
}

syl_status syl_cpu_paragraph_infer(syl_ctx *ctx, const syl_paragraph_model *model,
                                   const syl_paragraph_inference *q, syl_error *err)
{
    size_t mark = syl_ctx_mark(ctx);
    float *own;
    syl_status status = take(ctx, ctx->threads * (int64_t)sizeof(room), &own, err);
    room *rooms = (void *)own;
    for (int i = 0; status == SYL_OK && i < ctx->threads; i++)
        status = take_room(ctx, model, q->chunk, &rooms[i], err);
    if (status == SYL_OK) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(ctx->threads)
        for (int32_t d = 0; d < q->count; d++)
            infer_document(model, q, d, &rooms[omp_get_thread_num()]);
    }
    syl_ctx_release(ctx, mark);
    return status;
}
