/* Word vectors in training: the host sorts the rows that a batch changes, kernels do the rest. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/compute/cuda/cuda.h"

/* Losses and, behind them, entropies [items] of a batch, waited for. */
static syl_status get_sums(cuda_ctx *ctx, const double *from, int64_t items, bool entropies,
                           syl_window_sums *sums, syl_error *err)
{
    size_t count = (size_t)items * (entropies ? 2 : 1);
    double *got = syl_calloc(count, sizeof *got);
    if (!got) return syl_fail_memory(err, count * sizeof *got, "losses");
    syl_status status = cuda_fetch(ctx, from, got, count * sizeof *got, err);
    *sums = (syl_window_sums){.bad = -1};
    for (int64_t i = 0; status == SYL_OK && i < items; i++) {
        sums->loss += got[i];
        if (entropies) sums->entropy += got[items + i];
        if (sums->bad < 0 && !isfinite(got[i] + (entropies ? got[items + i] : 0))) sums->bad = i;
    }
    free(got);
    return status;
}

static syl_status take_floats(cuda_ctx *ctx, int64_t count, float **out, syl_error *err)
{
    void *memory;
    SYL_TRY(cuda_take(ctx, (size_t)(count + 1) * sizeof(float), &memory, err));
    *out = memory;
    return SYL_OK;
}

/* ---- plain skip-gram ---------------------------------------------------------------------------
 */

/* Rows of `output` of each window's candidates; -1 where a negative is left out. */
static int32_t *candidate_ids(const syl_skipgram_batch *b)
{
    int candidates = 1 + b->negatives;
    int32_t *ids = syl_calloc((size_t)(b->windows * candidates), sizeof *ids);
    for (int64_t i = 0; ids && i < b->windows; i++)
        for (int j = 0; j < candidates; j++) {
            int32_t row = j ? b->negative[i * b->negatives + j - 1] : b->centre[i];
            ids[i * candidates + j] = j && row == b->centre[i] ? -1 : row;
        }
    return ids;
}

static syl_status send_windows(cuda_ctx *ctx, const syl_skipgram_batch *b, syl_cuda_skipgram *s,
                               syl_error *err)
{
    size_t windows = (size_t)b->windows, id = sizeof(int32_t);
    void *centre, *contexts, *negative, *loss;
    *s = (syl_cuda_skipgram){.windows = b->windows,
                             .context = b->context,
                             .negatives = b->negatives,
                             .dim = (int)b->input.cols,
                             .lr = b->lr,
                             .input = b->input,
                             .output = b->output};
    SYL_TRY(cuda_send(ctx, b->centre, windows * id, &centre, err));
    SYL_TRY(cuda_send(ctx, b->contexts, windows * (size_t)b->context * id, &contexts, err));
    SYL_TRY(cuda_send(ctx, b->negative, windows * (size_t)b->negatives * id, &negative, err));
    SYL_TRY(cuda_take(ctx, windows * sizeof(double), &loss, err));
    s->centre = centre, s->contexts = contexts, s->negative = negative, s->loss = loss;
    SYL_TRY(take_floats(ctx, b->windows * b->context * s->dim, &s->d_input, err));
    return take_floats(ctx, b->windows * (1 + b->negatives) * s->dim, &s->d_output, err);
}

static syl_status add_gradients(cuda_ctx *ctx, const int32_t *ids, int64_t n, float *gradients,
                                syl_mat table, syl_error *err)
{
    cuda_segments s = {0};
    SYL_TRY(cuda_send_segments(ctx, ids, n, &s, err));
    CUDA_TRY("a step of skip-gram",
             syl_cuda_scatter_segments(ctx->compute, s.order, s.row, s.begin, s.count,
                                       syl_mat_of(gradients, SYL_F32, n, table.cols), table));
    return SYL_OK;
}

static syl_status skipgram_step(cuda_ctx *ctx, const syl_skipgram_batch *b, const int32_t *ids,
                                syl_window_sums *sums, syl_error *err)
{
    syl_cuda_skipgram s;
    SYL_TRY(send_windows(ctx, b, &s, err));
    CUDA_TRY("a step of skip-gram", syl_cuda_skipgram_step(ctx->compute, &s));
    SYL_TRY(add_gradients(ctx, b->contexts, b->windows * b->context, s.d_input, b->input, err));
    SYL_TRY(add_gradients(ctx, ids, b->windows * (1 + b->negatives), s.d_output, b->output, err));
    return get_sums(ctx, s.loss, b->windows, false, sums, err);
}

syl_status cuda_op_skipgram_steps(syl_ctx *base, const syl_skipgram_batch *batches, int count,
                                  syl_window_sums *sums, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    SYL_TRY(cuda_ctx_check(ctx, err));
    for (int i = 0; i < count; i++) {
        size_t mark = ctx->top;
        int32_t *ids = candidate_ids(&batches[i]);
        syl_status status = ids ? skipgram_step(ctx, &batches[i], ids, &sums[i], err)
                                : syl_fail(err, SYL_ENOMEM, "no memory for a batch's rows");
        free(ids);
        ctx->top = mark;
        SYL_TRY(status);
    }
    return SYL_OK;
}

/* ---- senses -----------------------------------------------------------------------------------
 */

/* The host's arrays of a batch, made for sorting. */
typedef struct sense_ids {
    int candidates;          /* of an item, at most */
    int32_t *output;         /* [items][candidates], as syl_cuda_senses.ids */
    int32_t *sense, *choice; /* [items][senses] rows; -1: not changed */
} sense_ids;

static void free_ids(sense_ids *ids)
{
    free(ids->output), free(ids->sense), free(ids->choice);
}

static int32_t kept_negative(const syl_sense_batch *b, int64_t i, int32_t row)
{
    syl_window_span t = b->targets[i];
    for (int32_t j = t.begin; j < t.begin + t.count; j++)
        if (b->words[j] == row) return -1;
    return t.count > 0 ? row : -1;
}

static void fill_item(const syl_sense_batch *b, int64_t i, sense_ids *ids)
{
    syl_window_span t = b->targets[i];
    const int32_t *negative = b->negative + i / b->share * b->negatives;
    int32_t *output = ids->output + i * ids->candidates;
    int n = 0;
    for (int32_t j = 0; j < t.count; j++)
        output[n++] = b->words[t.begin + j];
    for (int j = 0; j < b->negatives; j++)
        output[n++] = kept_negative(b, i, negative[j]);
    while (n < ids->candidates)
        output[n++] = -1;
    for (int k = 0; k < b->senses; k++) {
        int32_t row = t.count > 0 ? b->centre[i] * b->senses + k : -1;
        ids->sense[i * b->senses + k] = row;
        ids->choice[i * b->senses + k] = b->choice_shared && row >= 0 ? k : row;
    }
}

static syl_status make_ids(const syl_sense_batch *b, sense_ids *ids, syl_error *err)
{
    int targets = 0;
    for (int64_t i = 0; i < b->items; i++)
        targets = b->targets[i].count > targets ? b->targets[i].count : targets;
    size_t items = (size_t)b->items, id = sizeof(int32_t);
    *ids = (sense_ids){.candidates = targets + b->negatives};
    ids->output = syl_calloc(items * (size_t)ids->candidates, id);
    ids->sense = syl_calloc(items * (size_t)b->senses, id);
    ids->choice = syl_calloc(items * (size_t)b->senses, id);
    if (!ids->output || !ids->sense || !ids->choice)
        return syl_fail_memory(err, items * (size_t)ids->candidates * id, "a batch's rows");
    for (int64_t i = 0; i < b->items; i++)
        fill_item(b, i, ids);
    return SYL_OK;
}

/* What every use of the kernel wants. */
static syl_status send_items(cuda_ctx *ctx, const syl_sense_batch *b, syl_cuda_senses *s,
                             syl_error *err)
{
    size_t items = (size_t)b->items, span = sizeof(syl_window_span);
    void *centre, *words, *contexts, *targets;
    SYL_TRY(cuda_send(ctx, b->centre, items * sizeof *b->centre, &centre, err));
    SYL_TRY(cuda_send(ctx, b->words, (size_t)b->num_words * sizeof *b->words, &words, err));
    SYL_TRY(cuda_send(ctx, b->contexts, items * span, &contexts, err));
    SYL_TRY(cuda_send(ctx, b->targets, items * span, &targets, err));
    *s = (syl_cuda_senses){.items = b->items,
                           .senses = b->senses,
                           .slots = b->slots,
                           .negatives = b->negatives,
                           .dim = (int)b->output.value.cols,
                           .centre = centre,
                           .words = words,
                           .contexts = contexts,
                           .targets = targets,
                           .loss_kind = b->loss,
                           .sense = b->sense,
                           .output = b->output,
                           .choice = b->choice,
                           .choice_shared = b->choice_shared,
                           .gumbel = b->gumbel,
                           .temperature = b->temperature,
                           .entropy = b->entropy,
                           .seed = b->seed,
                           .stream = b->stream,
                           .first = b->first};
    return SYL_OK;
}

static syl_status take_results(cuda_ctx *ctx, syl_cuda_senses *s, syl_error *err)
{
    void *loss;
    SYL_TRY(take_floats(ctx, s->items * s->dim, &s->context, err));
    SYL_TRY(take_floats(ctx, s->items * s->dim, &s->vector, err));
    SYL_TRY(take_floats(ctx, s->items * s->dim, &s->gradient, err));
    SYL_TRY(take_floats(ctx, s->items * s->senses, &s->y, err));
    SYL_TRY(take_floats(ctx, s->items * s->senses, &s->dlogit, err));
    SYL_TRY(take_floats(ctx, s->items * s->candidates, &s->by, err));
    SYL_TRY(cuda_take(ctx, (size_t)s->items * 2 * sizeof(double), &loss, err));
    s->loss = loss;
    return SYL_OK;
}

/* c: all but the segments. ids [n], the host's. */
static syl_status change_rows(cuda_ctx *ctx, const int32_t *ids, int64_t n, syl_cuda_row_changes c,
                              syl_error *err)
{
    cuda_segments s = {0};
    SYL_TRY(cuda_send_segments(ctx, ids, n, &s, err));
    c.order = s.order, c.segment_row = s.row, c.segment_begin = s.begin, c.segments = s.count;
    CUDA_TRY("a step of senses", syl_cuda_row_change(ctx->compute, &c));
    return SYL_OK;
}

static syl_status sense_step(cuda_ctx *ctx, const syl_sense_batch *b, const sense_ids *ids,
                             syl_window_sums *sums, syl_error *err)
{
    int64_t n = b->items * ids->candidates, rows = b->items * b->senses;
    syl_cuda_senses s;
    void *output;
    SYL_TRY(send_items(ctx, b, &s, err));
    s.candidates = ids->candidates;
    SYL_TRY(take_results(ctx, &s, err));
    SYL_TRY(cuda_send(ctx, ids->output, (size_t)n * sizeof(int32_t), &output, err));
    s.ids = output;
    CUDA_TRY("a step of senses", syl_cuda_senses_step(ctx->compute, &s));
    syl_cuda_row_changes of_output = {.per_item = ids->candidates,
                                      .by = s.by,
                                      .vectors = s.vector,
                                      .table = b->output,
                                      .update = b->output_update};
    SYL_TRY(change_rows(ctx, ids->output, n, of_output, err));
    syl_cuda_row_changes of_sense = {.per_item = b->senses,
                                     .by = s.y,
                                     .vectors = s.gradient,
                                     .table = b->sense,
                                     .update = b->sense_update};
    SYL_TRY(change_rows(ctx, ids->sense, rows, of_sense, err));
    syl_cuda_row_changes of_choice = {.per_item = b->senses,
                                      .by = s.dlogit,
                                      .vectors = s.context,
                                      .table = b->choice,
                                      .update = b->choice_update};
    if (b->senses > 1) SYL_TRY(change_rows(ctx, ids->choice, rows, of_choice, err));
    return get_sums(ctx, s.loss, b->items, true, sums, err);
}

syl_status cuda_op_sense_steps(syl_ctx *base, const syl_sense_batch *batches, int count,
                               syl_window_sums *sums, syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    SYL_TRY(cuda_ctx_check(ctx, err));
    for (int i = 0; i < count; i++) {
        size_t mark = ctx->top;
        sense_ids ids;
        syl_status status = make_ids(&batches[i], &ids, err);
        if (status == SYL_OK) status = sense_step(ctx, &batches[i], &ids, &sums[i], err);
        free_ids(&ids);
        ctx->top = mark;
        SYL_TRY(status);
    }
    return SYL_OK;
}

static syl_status probabilities(cuda_ctx *ctx, const syl_sense_batch *b, float *p, syl_error *err)
{
    syl_cuda_senses s;
    SYL_TRY(send_items(ctx, b, &s, err));
    SYL_TRY(take_floats(ctx, s.items * s.senses, &s.p, err));
    CUDA_TRY("a choice of senses", syl_cuda_senses_step(ctx->compute, &s));
    return cuda_fetch(ctx, s.p, p, (size_t)(s.items * s.senses) * sizeof *p, err);
}

syl_status cuda_op_sense_probabilities(syl_ctx *base, const syl_sense_batch *batch, float *p,
                                       syl_error *err)
{
    cuda_ctx *ctx = cuda_own(base);
    size_t mark = ctx->top;
    SYL_TRY(cuda_ctx_check(ctx, err));
    for (int64_t i = 0; batch->senses == 1 && i < batch->items; i++)
        p[i] = 1;
    syl_status status =
        batch->senses > 1 && batch->items > 0 ? probabilities(ctx, batch, p, err) : SYL_OK;
    ctx->top = mark;
    return status;
}
