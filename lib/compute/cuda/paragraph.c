/* Paragraph vectors: batches to the device, and the kernels' room. */
#include "lib/compute/cuda/cuda.h"

#define WHAT "paragraph vectors"

typedef struct sizes {
    int64_t chunks, targets;
    int most; /* targets of a chunk */
} sizes;

static sizes measure(const syl_paragraph_batch *b)
{
    sizes s = {b->chunks, b->begin[b->chunks], 1};
    for (int32_t c = 0; c < b->chunks; c++)
        if (b->begin[c + 1] - b->begin[c] > s.most) s.most = b->begin[c + 1] - b->begin[c];
    return s;
}

static syl_status take(cuda_ctx *ctx, int64_t floats, float **out, syl_error *err)
{
    void *room;
    SYL_TRY(cuda_take(ctx, (size_t)floats * sizeof **out, &room, err));
    *out = room;
    return SYL_OK;
}

static syl_status take_room(cuda_ctx *ctx, syl_cuda_paragraph *p, sizes s, syl_error *err)
{
    const syl_paragraph_model *m = &p->model;
    int64_t part = syl_paragraph_padded(m->code), dim = syl_paragraph_padded(m->dim);
    int64_t n = m->negatives, context = s.targets * part * m->context;
    SYL_TRY(take(ctx, s.chunks * part, &p->h, err));
    SYL_TRY(take(ctx, s.chunks * part, &p->d_z, err));
    SYL_TRY(take(ctx, s.targets + s.chunks * n, &p->d_logit, err));
    SYL_TRY(take(ctx, m->projection.value ? s.chunks * dim : 0, &p->vector, err));
    SYL_TRY(take(ctx, m->projection.value ? s.chunks * dim : 0, &p->d_vector, err));
    SYL_TRY(take(ctx, context, &p->h_around, err));
    SYL_TRY(take(ctx, context, &p->d_around, err));
    return take(ctx, m->context ? s.targets * n : 0, &p->d_each, err);
}

static syl_status send_ids(cuda_ctx *ctx, const int32_t *ids, int64_t n, const int32_t **out,
                           syl_error *err)
{
    void *sent;
    SYL_TRY(cuda_send(ctx, ids, (size_t)n * sizeof *ids, &sent, err));
    *out = sent;
    return SYL_OK;
}

static syl_status send_groups(cuda_ctx *ctx, const syl_row_groups *from, syl_row_groups *to,
                              syl_error *err)
{
    to->count = from->count;
    SYL_TRY(send_ids(ctx, from->row, from->count, &to->row, err));
    SYL_TRY(send_ids(ctx, from->begin, from->count + 1, &to->begin, err));
    return send_ids(ctx, from->entry, from->begin[from->count], &to->entry, err);
}

static syl_status send_batch(cuda_ctx *ctx, const syl_paragraph_batch *b, sizes s,
                             syl_cuda_paragraph *p, syl_error *err)
{
    const syl_paragraph_model *m = &p->model;
    void *stream;
    p->chunks = b->chunks;
    SYL_TRY(send_ids(ctx, b->document, s.chunks, &p->document, err));
    SYL_TRY(send_ids(ctx, b->begin, s.chunks + 1, &p->begin, err));
    SYL_TRY(send_ids(ctx, b->target, s.targets, &p->target, err));
    SYL_TRY(send_ids(ctx, b->negative, s.chunks * m->negatives, &p->negative, err));
    SYL_TRY(cuda_send(ctx, b->stream, (size_t)s.chunks * sizeof *b->stream, &stream, err));
    p->stream = stream;
    SYL_TRY(send_groups(ctx, &b->of_output, &p->of_output, err));
    SYL_TRY(send_groups(ctx, &b->of_documents, &p->of_documents, err));
    if (!m->context) return SYL_OK;
    SYL_TRY(send_ids(ctx, b->around, s.targets * m->context, &p->around, err));
    return send_groups(ctx, &b->of_words, &p->of_words, err);
}

static syl_status one_batch(cuda_ctx *ctx, const syl_paragraph_model *model,
                            const syl_paragraph_batch *b, float *loss, syl_error *err)
{
    syl_cuda_paragraph p = {.model = *model, .loss = loss};
    sizes s = measure(b);
    if (b->chunks == 0) return SYL_OK;
    SYL_TRY(send_batch(ctx, b, s, &p, err));
    SYL_TRY(take_room(ctx, &p, s, err));
    CUDA_TRY(WHAT, syl_cuda_paragraph_gradients(ctx->compute, &p, s.most));
    CUDA_TRY(WHAT, syl_cuda_paragraph_updates(ctx->compute, &p));
    return SYL_OK;
}

static syl_status all_batches(cuda_ctx *ctx, const syl_paragraph_model *model,
                              const syl_paragraph_batch *batches, int count, float *loss,
                              syl_error *err)
{
    int64_t chunks = 0, at = 0;
    float *room;
    for (int i = 0; i < count; i++)
        chunks += batches[i].chunks;
    SYL_TRY(take(ctx, chunks, &room, err));
    for (int i = 0; i < count; i++) {
        size_t mark = ctx->top;
        SYL_TRY(one_batch(ctx, model, &batches[i], room + at, err));
        ctx->top = mark;
        at += batches[i].chunks;
    }
    return chunks ? cuda_fetch(ctx, room, loss, (size_t)chunks * sizeof *loss, err) : SYL_OK;
}

syl_status cuda_op_paragraph_steps(syl_ctx *base, const syl_paragraph_model *model,
                                   const syl_paragraph_batch *batches, int count, float *loss,
                                   syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    syl_status status = all_batches(ctx, model, batches, count, loss, err);
    ctx->top = mark;
    return status;
}

static syl_status infer(cuda_ctx *ctx, const syl_paragraph_model *model,
                        const syl_paragraph_inference *from, syl_error *err)
{
    syl_cuda_paragraph_inference q = {.p.model = *model,
                                      .count = from->count,
                                      .passes = from->passes,
                                      .chunk = from->chunk,
                                      .columns = from->columns,
                                      .num_columns = from->num_columns};
    size_t count = (size_t)from->count;
    sizes s = {from->count, (int64_t)from->count * from->chunk, from->chunk};
    const int32_t *items;
    void *sent;
    SYL_TRY(cuda_send(ctx, from->begin, (count + 1) * sizeof *from->begin, &sent, err));
    q.begin = sent;
    SYL_TRY(send_ids(ctx, from->items, from->begin[count], &items, err));
    q.items = items;
    SYL_TRY(cuda_send(ctx, from->key, count * sizeof *from->key, &sent, err));
    q.key = sent;
    SYL_TRY(cuda_take(ctx, count * (size_t)model->negatives * sizeof *q.negative, &sent, err));
    q.negative = sent;
    SYL_TRY(
        cuda_take(ctx, (size_t)s.targets * (size_t)model->context * sizeof *q.around, &sent, err));
    q.around = sent;
    SYL_TRY(take_room(ctx, &q.p, s, err));
    CUDA_TRY(WHAT, syl_cuda_paragraph_infer(ctx->compute, &q));
    return SYL_OK;
}

syl_status cuda_op_paragraph_infer(syl_ctx *base, const syl_paragraph_model *model,
                                   const syl_paragraph_inference *documents, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    if (documents->count == 0) return SYL_OK;
    syl_status status = infer(ctx, model, documents, err);
    ctx->top = mark;
    return status;
}
