/* Skip-gram with negative sampling (skipgram.h): a window is three products of small matrices. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "lib/compute/cpu/context.h"
#include "lib/compute/cpu/lanes.h"
#include "lib/compute/cpu/row_update.h"
#include "lib/compute/cpu/team.h"
#include "lib/compute/cpu/window_loss.h"

#define WINDOWS_AT_ONCE 4 /* of a task */

typedef struct skipgram_work {
    const syl_skipgram_batch *b;
    int64_t n;               /* floats of a vector */
    int candidates;          /* 1 + negatives */
    int padded;              /* candidates, rounded up to four: a row of g */
    float *d_input;          /* [windows][context][n] */
    float *d_output;         /* [windows][candidates][n] */
    double *loss;            /* [windows] */
    syl_row_change *changes; /* [threads][most_changes] */
    int64_t most_changes;
    float *room; /* [threads][room_floats] */
    int64_t room_floats;
} skipgram_work;

typedef struct skipgram_room {
    const float **u, **x; /* [context], [candidates]: rows of the tables */
    int *at;              /* [candidates]: their places in the window */
    float *g, *turned;    /* [context][padded], [candidates][context] */
    float *e;             /* [context * candidates] */
    float *flat;          /* the same */
} skipgram_room;

static int64_t skipgram_room_floats(const skipgram_work *w)
{
    int64_t pointers = (w->b->context + w->candidates) * (int64_t)(sizeof(void *) / sizeof(float));
    int64_t cells = (w->b->context + 1) * (int64_t)w->padded;
    return syl_vector_stride(pointers + w->candidates + 4 * cells + 2 * SYL_VECTOR_LANES);
}

static skipgram_room skipgram_room_of(const skipgram_work *w, int thread)
{
    int64_t cells = (w->b->context + 1) * (int64_t)w->padded;
    skipgram_room r = {.u = (const float **)(w->room + thread * w->room_floats)};
    r.x = r.u + w->b->context;
    r.at = (int *)(r.x + w->candidates);
    r.g = (float *)(r.at + w->candidates);
    r.turned = r.g + cells;
    r.e = r.turned + cells;
    r.flat = r.e + cells;
    return r;
}

/* Rows of the window that are there: contexts and candidates, the centre first. */
SYL_INLINE int window_contexts(const skipgram_work *w, int64_t i, const skipgram_room *r)
{
    const syl_skipgram_batch *b = w->b;
    const int32_t *context = b->contexts + i * b->context;
    int count = 0;
    for (int j = 0; j < b->context; j++)
        if (context[j] >= 0)
            r->u[count++] = (const float *)b->input.data + context[j] * b->input.stride;
    return count;
}

SYL_INLINE int window_candidates(const skipgram_work *w, int64_t i, const skipgram_room *r)
{
    const syl_skipgram_batch *b = w->b;
    const int32_t *negative = b->negative + i * b->negatives;
    int count = 0;
    for (int j = 0; j < w->candidates; j++) {
        int32_t row = j ? negative[j - 1] : b->centre[i];
        if (j && row == b->centre[i]) continue;
        r->x[count] = (const float *)b->output.data + row * b->output.stride;
        r->at[count++] = j;
    }
    return count;
}

/* g: products, then the slopes of the loss by them. Returns the loss. */
SYL_INLINE double window_slopes(int contexts, int candidates, int padded, const skipgram_room *r)
{
    int n = 0;
    for (int j = 0; j < contexts; j++)
        for (int c = 0; c < candidates; c++)
            r->flat[n++] = c ? -r->g[j * padded + c] : r->g[j * padded];
    double loss = syl_logistic_losses(r->flat, n, r->e);
    n = 0;
    for (int j = 0; j < contexts; j++)
        for (int c = 0; c < candidates; c++) {
            float slope = c ? r->flat[n] : -r->flat[n];
            n++;
            r->g[j * padded + c] = r->turned[c * contexts + j] = slope;
        }
    return loss;
}

SYL_INLINE void skipgram_window(const skipgram_work *w, int64_t i, const skipgram_room *r)
{
    const syl_skipgram_batch *b = w->b;
    int contexts = window_contexts(w, i, r);
    w->loss[i] = 0;
    if (contexts == 0) return;
    int candidates = window_candidates(w, i, r);
    for (int j = 0; j < contexts; j++)
        syl_lanes_dots(r->u[j], r->x, candidates, w->n, r->g + j * w->padded);
    w->loss[i] = window_slopes(contexts, candidates, w->padded, r);
    for (int j = 0; j < contexts; j++)
        syl_lanes_combine(r->g + j * w->padded, r->x, candidates, w->n,
                          w->d_input + (i * b->context + j) * w->n);
    for (int c = 0; c < candidates; c++)
        syl_lanes_combine(r->turned + c * contexts, r->u, contexts, w->n,
                          w->d_output + (i * w->candidates + r->at[c]) * w->n);
}

SYL_CLONES static void skipgram_windows(const skipgram_work *w, int64_t begin, int64_t end,
                                        const skipgram_room *r)
{
    for (int64_t i = begin; i < end; i++)
        skipgram_window(w, i, r);
}

/* ---- rows by their owners ------------------------------------------------------------------ */

static void change_input(const skipgram_work *w, syl_row_change *to, int thread, int threads)
{
    const syl_skipgram_batch *b = w->b;
    syl_vector_table table = {.value = b->input};
    syl_row_update update = {.rule = SYL_ROW_SGD, .lr = b->lr};
    int64_t n = 0;
    for (int64_t i = 0; i < b->windows; i++) {
        const int32_t *context = b->contexts + i * b->context;
        const float *d = w->d_input + i * b->context * w->n;
        for (int j = 0; j < b->context; j++) {
            to[n] = (syl_row_change){d, 1, context[j]};
            n += context[j] >= 0 && syl_row_owner(context[j], threads) == thread;
            d += context[j] >= 0 ? w->n : 0;
        }
    }
    syl_row_changes(&table, &update, to, n);
}

static void change_candidates(const skipgram_work *w, syl_row_change *to, int thread, int threads)
{
    const syl_skipgram_batch *b = w->b;
    syl_vector_table table = {.value = b->output};
    syl_row_update update = {.rule = SYL_ROW_SGD, .lr = b->lr};
    int64_t n = 0;
    for (int64_t i = 0; i < b->windows; i++) {
        bool any = false;
        for (int j = 0; j < b->context; j++)
            any |= b->contexts[i * b->context + j] >= 0;
        for (int j = 0; any && j < w->candidates; j++) {
            int32_t row = j ? b->negative[i * b->negatives + j - 1] : b->centre[i];
            to[n] = (syl_row_change){w->d_output + (i * w->candidates + j) * w->n, 1, row};
            n += (j == 0 || row != b->centre[i]) && syl_row_owner(row, threads) == thread;
        }
    }
    syl_row_changes(&table, &update, to, n);
}

/* ---- a batch ----------------------------------------------------------------------------------
 */

/* Room for any of the batches, which are of one shape but for the windows. */
static syl_status prepare(syl_ctx *ctx, const syl_skipgram_batch *batches, int count,
                          skipgram_work *w, syl_error *err)
{
    size_t n = (size_t)batches->output.stride, context = (size_t)batches->context;
    size_t threads = (size_t)ctx->threads, windows = 0;
    for (int i = 0; i < count; i++)
        windows = (size_t)batches[i].windows > windows ? (size_t)batches[i].windows : windows;
    *w = (skipgram_work){.b = batches, .n = (int64_t)n, .candidates = 1 + batches->negatives};
    w->padded = (w->candidates + 3) / 4 * 4;
    int most = w->candidates > batches->context ? w->candidates : batches->context;
    w->most_changes = (int64_t)windows * most + 1;
    w->room_floats = skipgram_room_floats(w);
    SYL_TRY(syl_cpu_take(ctx, windows * context * n, sizeof(float), &w->d_input, err));
    SYL_TRY(
        syl_cpu_take(ctx, windows * (size_t)w->candidates * n, sizeof(float), &w->d_output, err));
    SYL_TRY(syl_cpu_take(ctx, windows, sizeof(double), &w->loss, err));
    SYL_TRY(
        syl_cpu_take(ctx, threads * (size_t)w->most_changes, sizeof *w->changes, &w->changes, err));
    return syl_cpu_take(ctx, threads * (size_t)w->room_floats, sizeof(float), &w->room, err);
}

static void add_up(const skipgram_work *w, syl_window_sums *sums)
{
    *sums = (syl_window_sums){.bad = -1};
    for (int64_t i = 0; i < w->b->windows; i++) {
        sums->loss += w->loss[i];
        if (sums->bad < 0 && !isfinite(w->loss[i])) sums->bad = i;
    }
}

/* Windows, then rows by their owners, of which there are as many as threads. */
static void learn_batch(syl_team_stage *stage, const skipgram_work *w, const skipgram_room *room,
                        syl_row_change *changes, int owners, syl_window_sums *sums)
{
    int64_t windows = w->b->windows;
    syl_team_begin(stage, (windows + WINDOWS_AT_ONCE - 1) / WINDOWS_AT_ONCE);
    for (int64_t i; (i = syl_team_take(stage)) >= 0; syl_team_done(stage)) {
        int64_t begin = i * WINDOWS_AT_ONCE, end = begin + WINDOWS_AT_ONCE;
        skipgram_windows(w, begin, end < windows ? end : windows, room);
    }
    syl_team_wait(stage);
    syl_team_begin(stage, owners);
    for (int64_t i; (i = syl_team_take(stage)) >= 0; syl_team_done(stage)) {
        if (i == 0) add_up(w, sums);
        change_input(w, changes, (int)i, owners);
        change_candidates(w, changes, (int)i, owners);
    }
    syl_team_wait(stage);
}

syl_status syl_cpu_skipgram_steps(syl_ctx *ctx, const syl_skipgram_batch *batches, int count,
                                  syl_window_sums *sums, syl_error *err)
{
    skipgram_work all;
    syl_team team = {0};
    size_t mark = syl_ctx_mark(ctx);
    syl_status status = count > 0 ? prepare(ctx, batches, count, &all, err) : SYL_OK;
    if (status == SYL_OK && count > 0) {
#pragma omp parallel num_threads(ctx->threads)
        {
            skipgram_work w = all;
            int thread = omp_get_thread_num(), owners = omp_get_num_threads();
            skipgram_room room = skipgram_room_of(&w, thread);
            syl_row_change *changes = w.changes + thread * w.most_changes;
            syl_team_stage stage = {.team = &team};
            for (int i = 0; i < count; i++) {
                w.b = &batches[i];
                learn_batch(&stage, &w, &room, changes, owners, &sums[i]);
            }
        }
    }
    syl_ctx_release(ctx, mark);
    return status;
}
