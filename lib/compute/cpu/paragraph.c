/* Training steps of paragraph vectors: for each batch all chunks' gradients, then every row that
 * they name is updated by one thread. */
#include "lib/compute/cpu/paragraph.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>

#include "lib/compute/cpu/parallel.h"
#include "lib/compute/cpu/row_math.h"

#define SOME 64 /* rows that are summed at a time */

/* Arrays of a batch, large enough for all of a call. */
typedef struct steps {
    const syl_paragraph_model *m;
    const syl_paragraph_batch *b;
    int64_t part, context_part, dim; /* padded lengths: a code, all context, a document's vector */
    float *h, *h_around, *d_target, *d_negative, *d_each, *d_z, *d_document, *d_around;
    double *loss; /* [chunks] */
    const syl_paragraph_work *work;
} steps;

/* ---- gradients ------------------------------------------------------------------------------- */

/* A chunk's rows of logits' gradients: its targets, then its negatives. */
static float *logits_of(const steps *s, int32_t chunk)
{
    return s->d_target + s->b->begin[chunk] + (int64_t)chunk * s->m->negatives;
}

static void one_chunk(const steps *s, int32_t i, float *loss)
{
    const syl_paragraph_batch *b = s->b;
    int64_t at = b->begin[i];
    syl_paragraph_chunk c = {
        .targets = b->begin[i + 1] - b->begin[i],
        .target = b->target + at,
        .negative = b->negative + (int64_t)i * s->m->negatives,
        .document = s->m->documents.value + b->document[i] * s->dim,
        .stream = b->stream[i],
        .h = s->h + i * s->part,
        .d_logit = logits_of(s, i),
        .d_z = s->d_z + i * s->part,
    };
    c.d_document = s->m->projection.value ? s->d_document + i * s->dim : c.d_z;
    if (s->m->context) {
        c.around = b->around + at * s->m->context;
        c.h_around = s->h_around + at * s->context_part;
        c.d_around = s->d_around + at * s->context_part;
        c.d_negative = s->d_each + at * s->m->negatives;
    }
    *loss = (float)syl_paragraph_chunk_gradients(s->m, &c, &s->work[omp_get_thread_num()]);
}

/* ---- updates --------------------------------------------------------------------------------- */

/* The chunk of entry e of `output`: a target's is looked for. */
static int32_t chunk_of(const syl_paragraph_batch *b, int32_t target)
{
    int32_t low = 0, high = b->chunks;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (b->begin[middle] <= target)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Adds what an entry's context gives to the second part of its row: a target's own, or those of all
 * targets of a negative's chunk. */
static void add_around(const steps *s, int32_t chunk, int32_t target, int32_t negative, float *sum)
{
    const syl_paragraph_batch *b = s->b;
    const syl_paragraph_work *w = &s->work[omp_get_thread_num()];
    int64_t n = s->m->negatives;
    int32_t from = target >= 0 ? target : b->begin[chunk];
    int32_t to = target >= 0 ? target + 1 : b->begin[chunk + 1];
    for (int32_t t = from; t < to; t++) {
        w->row[t - from] = s->h_around + t * s->context_part;
        w->by[t - from] =
            target >= 0 ? logits_of(s, chunk)[t - b->begin[chunk]] : s->d_each[t * n + negative];
    }
    syl_rows_sum(w->row, 0, w->by, to - from, s->context_part, sum + s->part);
}

/* A row that comes up soon: it lies anywhere, and to wait for it takes longer than to update it. */
static void fetch_output(const steps *s, int32_t i)
{
    const syl_row_groups *of = &s->b->of_output;
    int64_t width = s->part + s->context_part;
    if (i >= of->count) return;
    int64_t at = of->row[i] * width;
    for (int64_t k = 0; k < width; k += 16) {
        __builtin_prefetch(s->m->output.value + at + k, 1);
        __builtin_prefetch(s->m->output.square + at + k, 1);
    }
}

static void update_output(const steps *s, int32_t i)
{
    const syl_paragraph_model *m = s->m;
    const syl_paragraph_batch *b = s->b;
    const syl_row_groups *of = &b->of_output;
    int32_t targets = b->begin[b->chunks];
    int64_t width = s->part + s->context_part;
    float *sum = s->work[omp_get_thread_num()].sum, bias = 0, by[SOME];
    const float *row[SOME];
    fetch_output(s, i + 2);
    memset(sum, 0, (size_t)width * sizeof *sum);
    for (int32_t e = of->begin[i]; e < of->begin[i + 1];) {
        int n = 0;
        for (; n < SOME && e < of->begin[i + 1]; n++, e++) {
            int32_t entry = of->entry[e], target = entry < targets ? entry : -1;
            int32_t chunk = target >= 0 ? chunk_of(b, entry) : (entry - targets) / m->negatives;
            int32_t negative = target >= 0 ? -1 : (entry - targets) % m->negatives;
            row[n] = s->h + chunk * s->part;
            by[n] = target >= 0
                        ? logits_of(s, chunk)[target - b->begin[chunk]]
                        : logits_of(s, chunk)[b->begin[chunk + 1] - b->begin[chunk] + negative];
            bias += by[n];
            if (m->context) add_around(s, chunk, target, negative, sum);
        }
        syl_rows_sum(row, 0, by, n, s->part, sum);
    }
    int64_t at = of->row[i] * width;
    syl_adagrad_row(m->output.value + at, m->output.square + at, sum, m->lr, width);
    syl_adagrad_value(m->bias.value + of->row[i], m->bias.square + of->row[i], bias, m->lr);
}

/* A row of a table whose entries are rows of `gradients`. */
static void update_input(const steps *s, const syl_row_groups *of, int32_t i, syl_learnt table,
                         const float *gradients, int64_t length)
{
    float *sum = s->work[omp_get_thread_num()].sum, one = 1;
    int64_t at = of->row[i] * length;
    memset(sum, 0, (size_t)length * sizeof *sum);
    for (int32_t e = of->begin[i]; e < of->begin[i + 1]; e++) {
        const float *row = gradients + of->entry[e] * length;
        syl_rows_sum(&row, 0, &one, 1, length, sum);
    }
    syl_adagrad_row(table.value + at, table.square + at, sum, s->m->lr, length);
}

/* Row `unit` of the projection, from the documents' vectors as they were. */
static void update_projection(const steps *s, const float *documents, int unit)
{
    const syl_paragraph_model *m = s->m;
    float *sum = s->work[omp_get_thread_num()].sum, offset = 0;
    memset(sum, 0, (size_t)s->dim * sizeof *sum);
    for (int32_t c = 0; c < s->b->chunks; c++) {
        const float *row = documents + c * s->dim;
        float by = s->d_z[c * s->part + unit];
        syl_rows_sum(&row, 0, &by, 1, s->dim, sum);
        offset += by;
    }
    int64_t at = unit * s->dim;
    syl_adagrad_row(m->projection.value + at, m->projection.square + at, sum, m->lr, s->dim);
    syl_adagrad_value(m->offset.value + unit, m->offset.square + unit, offset, m->lr);
}

/* ---- all ---------------------------------------------------------------------------------------
 */

typedef struct extent {
    int64_t chunks, targets;
    int longest; /* targets of a chunk */
} extent;

static extent measure(const syl_paragraph_batch *batches, int count)
{
    extent e = {1, 1, 1};
    for (int i = 0; i < count; i++) {
        const syl_paragraph_batch *b = &batches[i];
        if (b->chunks > e.chunks) e.chunks = b->chunks;
        if (b->begin[b->chunks] > e.targets) e.targets = b->begin[b->chunks];
        for (int32_t c = 0; c < b->chunks; c++)
            if (b->begin[c + 1] - b->begin[c] > e.longest)
                e.longest = b->begin[c + 1] - b->begin[c];
    }
    return e;
}

static syl_status take(syl_ctx *ctx, int64_t rows, int64_t length, float **out, syl_error *err)
{
    syl_mat m;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, rows, length, &m, err));
    *out = m.data;
    return SYL_OK;
}

static syl_status take_all(syl_ctx *ctx, steps *s, extent e, float **documents,
                           syl_paragraph_work *work, syl_error *err)
{
    const syl_paragraph_model *m = s->m;
    int64_t n = m->negatives, size = syl_paragraph_work_size(m, e.longest);
    float *room;
    SYL_TRY(take(ctx, e.chunks, s->part, &s->h, err));
    SYL_TRY(take(ctx, e.chunks, s->part, &s->d_z, err));
    SYL_TRY(take(ctx, 1, e.targets + e.chunks * n, &s->d_target, err));
    if (m->projection.value) SYL_TRY(take(ctx, e.chunks, s->dim, &s->d_document, err));
    if (m->projection.value) SYL_TRY(take(ctx, e.chunks, s->dim, documents, err));
    if (m->context) {
        SYL_TRY(take(ctx, e.targets, s->context_part, &s->h_around, err));
        SYL_TRY(take(ctx, e.targets, s->context_part, &s->d_around, err));
        SYL_TRY(take(ctx, e.targets, n, &s->d_each, err));
    }
    for (int i = 0; i < ctx->threads; i++) {
        SYL_TRY(take(ctx, 1, size, &room, err));
        syl_paragraph_work_of(m, e.longest, room, &work[i]);
    }
    return SYL_OK;
}

/* By each thread of the team: the batch's gradients, a barrier, its updates, a barrier. These are
 * not OpenMP's own, at which threads turn round and round for milliseconds when another program
 * has the processor of one of them. */
static void one_batch(const steps *s, float *documents, float *loss, pthread_barrier_t *barrier)
{
    const syl_paragraph_model *m = s->m;
    const syl_paragraph_batch *b = s->b;
#pragma omp for schedule(dynamic, 4) nowait
    for (int32_t c = 0; c < b->chunks; c++) {
        one_chunk(s, c, loss + c);
        if (m->projection.value)
            memcpy(documents + c * s->dim, m->documents.value + b->document[c] * s->dim,
                   (size_t)s->dim * sizeof *documents);
    }
    pthread_barrier_wait(barrier);
#pragma omp for schedule(dynamic, 32) nowait
    for (int32_t i = 0; i < b->of_output.count; i++)
        update_output(s, i);
    if (m->context) {
#pragma omp for schedule(dynamic, 32) nowait
        for (int32_t i = 0; i < b->of_words.count; i++)
            update_input(s, &b->of_words, i, m->words, s->d_around, s->part);
    }
    if (m->projection.value) {
#pragma omp for schedule(dynamic, 1) nowait
        for (int unit = 0; unit < m->code; unit++)
            update_projection(s, documents, unit);
    }
#pragma omp for schedule(dynamic, 8) nowait
    for (int32_t i = 0; i < b->of_documents.count; i++)
        update_input(s, &b->of_documents, i, m->documents,
                     m->projection.value ? s->d_document : s->d_z, s->dim);
    pthread_barrier_wait(barrier);
}

static void all_batches(syl_ctx *ctx, const steps *all, const syl_paragraph_batch *batches,
                        int count, float *documents, float *loss)
{
    pthread_barrier_t barrier;
    (void)ctx;
#pragma omp parallel num_threads(ctx->threads)
    {
        steps s = *all;
        float *to = loss;
#pragma omp single
        pthread_barrier_init(&barrier, NULL, (unsigned)omp_get_num_threads());
        for (int i = 0; i < count; i++) {
            s.b = &batches[i];
            one_batch(&s, documents, to, &barrier);
            to += batches[i].chunks;
        }
    }
    pthread_barrier_destroy(&barrier);
}

syl_status syl_cpu_paragraph_steps(syl_ctx *ctx, const syl_paragraph_model *model,
                                   const syl_paragraph_batch *batches, int count, float *loss,
                                   syl_error *err)
{
    size_t mark = syl_ctx_mark(ctx);
    int64_t code = syl_paragraph_padded(model->code);
    steps s = {.m = model,
               .part = code,
               .context_part = code * model->context,
               .dim = syl_paragraph_padded(model->dim)};
    float *documents = NULL, *room = NULL;
    syl_status status = take(ctx, 1, ctx->threads * (int64_t)sizeof *s.work, &room, err);
    syl_paragraph_work *work = (void *)room;
    if (status == SYL_OK)
        status = take_all(ctx, &s, measure(batches, count), &documents, work, err);
    s.work = work;
    if (status == SYL_OK) all_batches(ctx, &s, batches, count, documents, loss);
    syl_ctx_release(ctx, mark);
    return status;
}
