/* Disambiguated Skip-gram (skipgram.h): each item by itself, then rows by their owners. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/compute/cpu/context.h"
#include "lib/compute/cpu/lanes.h"
#include "lib/compute/cpu/row_update.h"
#include "lib/compute/cpu/team.h"
#include "lib/compute/cpu/window_loss.h"

#define ITEMS_AT_ONCE 4 /* of a task */

/* What a batch leaves for the rows' owners, in scratch memory. */
typedef struct sense_work {
    const syl_sense_batch *b;
    int64_t n;                          /* floats of a vector: the tables' stride */
    int candidates;                     /* of an item, at most; or its contexts, if more */
    float *context, *vector, *gradient; /* [items][n]: c, v, dL/dv */
    float *p, *y, *dlogit;              /* [items][senses] */
    float *by_target;                   /* [num_words]: dL/da */
    float *by_negative;                 /* [items][negatives] */
    double *loss, *entropy;             /* [items] */
    syl_row_change *changes;            /* [threads][most_changes] */
    int64_t most_changes;
    float *room; /* [threads][room_floats] */
    int64_t room_floats;
} sense_work;

/* A thread's own room for one item. */
typedef struct sense_room {
    const float **row; /* [candidates] */
    float *logit;      /* [candidates + 3] */
    float *by, *e;     /* [candidates] */
    float **slope;     /* [candidates]: where dL/da goes */
} sense_room;

/* Whole lanes, so that each thread's pointers are aligned. */
static int64_t room_floats(int candidates)
{
    int64_t n = syl_vector_stride(candidates + SYL_VECTOR_LANES);
    return n * (3 + 2 * (int64_t)(sizeof(void *) / sizeof(float)));
}

static sense_room room_of(const sense_work *w, int thread)
{
    int64_t n = syl_vector_stride(w->candidates + SYL_VECTOR_LANES);
    float *at = w->room + thread * w->room_floats;
    sense_room r = {.row = (const float **)at};
    r.slope = (float **)(r.row + n);
    r.logit = (float *)(r.slope + n);
    r.by = r.logit + n;
    r.e = r.by + n;
    return r;
}

SYL_INLINE const float *row_of(const syl_vector_table *t, int64_t row)
{
    return (const float *)t->value.data + row * t->value.stride;
}

SYL_INLINE int64_t choice_row(const syl_sense_batch *b, int64_t i)
{
    return b->choice_shared ? 0 : (int64_t)b->centre[i] * b->senses;
}

SYL_INLINE void mean_of_context(const sense_work *w, int64_t i, const sense_room *r)
{
    const syl_sense_batch *b = w->b;
    const int32_t *word = b->words + b->contexts[i].begin;
    int count = 0;
    for (int j = 0; j < b->contexts[i].count; j++)
        if (word[j] >= 0) r->row[count++] = row_of(&b->output, word[j]);
    float by = 1.0f / (float)(b->slots > 0 ? b->slots : count > 0 ? count : 1);
    for (int j = 0; j < count; j++)
        r->by[j] = by;
    syl_lanes_combine(r->by, r->row, count, w->n, w->context + i * w->n);
}

/* softmax of n values; returns the log of the sum of their exponentials. */
SYL_INLINE float softmax_of(const float *x, int n, float *y)
{
    float top = x[0], sum = 0;
    for (int k = 1; k < n; k++)
        top = x[k] > top ? x[k] : top;
    for (int k = 0; k < n; k++)
        sum += y[k] = syl_expf(x[k] - top);
    for (int k = 0; k < n; k++)
        y[k] /= sum;
    return top + logf(sum);
}

static void add_gumbel(const syl_sense_batch *b, int64_t i, float *x)
{
    uint64_t blocks = (uint64_t)(b->senses + 3) / 4, at = (b->first + (uint64_t)i) * blocks;
    uint32_t word[4];
    for (int k = 0; k < b->senses; k++) {
        if (k % 4 == 0) syl_philox(b->seed, b->stream, at + (uint64_t)k / 4, word);
        float u = (float)(word[k % 4] >> 8) * SYL_GUMBEL_SMALLEST;
        u = u < SYL_GUMBEL_SMALLEST ? SYL_GUMBEL_SMALLEST : u;
        x[k] -= logf(-logf(u));
    }
}

/* p and y; returns H(p). */
SYL_INLINE float choose_senses(const sense_work *w, int64_t i, bool with_y)
{
    const syl_sense_batch *b = w->b;
    int senses = b->senses;
    float logit[SYL_MAX_SENSES + 3] = {0}, *p = w->p + i * senses, *y = w->y + i * senses;
    const float *row[SYL_MAX_SENSES];
    int64_t first = choice_row(b, i);
    for (int k = 0; k < senses; k++)
        row[k] = row_of(&b->choice, first + k);
    syl_lanes_dots(w->context + i * w->n, row, senses, w->n, logit);
    for (int k = 0; k < senses && b->choice.bias; k++)
        logit[k] += b->choice.bias[first + k];
    float lse = softmax_of(logit, senses, p), entropy = lse;
    for (int k = 0; k < senses; k++)
        entropy -= p[k] * logit[k];
    if (!with_y) return entropy;
    if (b->gumbel) add_gumbel(b, i, logit);
    for (int k = 0; k < senses; k++)
        logit[k] /= b->temperature;
    softmax_of(logit, senses, y);
    return entropy;
}

SYL_INLINE void mix_senses(const sense_work *w, int64_t i)
{
    const syl_sense_batch *b = w->b;
    const float *row[SYL_MAX_SENSES];
    for (int k = 0; k < b->senses; k++)
        row[k] = row_of(&b->sense, (int64_t)b->centre[i] * b->senses + k);
    syl_lanes_combine(w->y + i * b->senses, row, b->senses, w->n, w->vector + i * w->n);
}

SYL_INLINE bool names(const int32_t *word, int count, int32_t one)
{
    bool found = false;
    for (int j = 0; j < count; j++)
        found |= word[j] == one;
    return found;
}

/* Targets, then negatives; returns how many there are of both. */
SYL_INLINE int candidates_of(const sense_work *w, int64_t i, const sense_room *r)
{
    const syl_sense_batch *b = w->b;
    syl_window_span t = b->targets[i];
    const int32_t *target = b->words + t.begin;
    const int32_t *negative = b->negative + i / b->share * b->negatives;
    int n = 0;
    for (int j = 0; j < t.count; j++) {
        r->row[n] = row_of(&b->output, target[j]);
        r->by[n] = b->output.bias ? b->output.bias[target[j]] : 0;
        r->slope[n++] = w->by_target + t.begin + j;
    }
    for (int j = 0; j < b->negatives; j++) {
        float *slope = w->by_negative + i * b->negatives + j;
        *slope = 0;
        if (names(target, t.count, negative[j])) continue;
        r->row[n] = row_of(&b->output, negative[j]);
        r->by[n] = b->output.bias ? b->output.bias[negative[j]] : 0;
        r->slope[n++] = slope;
    }
    return n;
}

/* All targets share the negatives, and with them the sum over these: with Z that of the negatives,
 * the loss of a target is softplus(log Z - a), and a negative's slope e^a / Z times the sum over
 * targets of sigmoid(log Z - a). x: logits, then slopes. */
SYL_INLINE double sampled_softmax(float *x, int targets, int n, float *e)
{
    float top = -1e30f, sum = 0;
    for (int j = targets; j < n; j++)
        top = x[j] > top ? x[j] : top;
    for (int j = targets; j < n; j++)
        sum += x[j] = syl_expf(x[j] - top);
    float log_z = n > targets ? top + logf(sum) : top, miss = 0;
    for (int j = 0; j < targets; j++)
        x[j] -= log_z;
    double loss = syl_logistic_losses(x, targets, e);
    for (int j = 0; j < targets; j++) {
        miss += x[j];
        x[j] = -x[j];
    }
    for (int j = targets; j < n; j++)
        x[j] *= miss / sum;
    return loss;
}

/* Each negative stands beside each target. */
SYL_INLINE double negative_sampling(float *x, int targets, int n, float *e)
{
    for (int j = targets; j < n; j++)
        x[j] = -x[j];
    double loss = syl_logistic_losses(x, targets, e);
    loss += targets * syl_logistic_losses(x + targets, n - targets, e);
    for (int j = 0; j < targets; j++)
        x[j] = -x[j];
    for (int j = targets; j < n; j++)
        x[j] *= (float)targets;
    return loss;
}

SYL_INLINE void choice_gradient(const sense_work *w, int64_t i, float entropy)
{
    const syl_sense_batch *b = w->b;
    int senses = b->senses;
    float dy[SYL_MAX_SENSES + 3], mean = 0;
    float *p = w->p + i * senses, *y = w->y + i * senses, *dl = w->dlogit + i * senses;
    float lambda = b->entropy * (float)b->targets[i].count;
    const float *row[SYL_MAX_SENSES];
    for (int k = 0; k < senses; k++)
        row[k] = row_of(&b->sense, (int64_t)b->centre[i] * senses + k);
    syl_lanes_dots(w->gradient + i * w->n, row, senses, w->n, dy);
    for (int k = 0; k < senses; k++)
        mean += y[k] * dy[k];
    for (int k = 0; k < senses; k++) {
        float surprise = p[k] > 0 ? p[k] * (logf(p[k]) + entropy) : 0;
        dl[k] = y[k] * (dy[k] - mean) / b->temperature - lambda * surprise;
    }
}

SYL_INLINE void sense_item(const sense_work *w, int64_t i, const sense_room *r)
{
    const syl_sense_batch *b = w->b;
    int targets = b->targets[i].count;
    float entropy = 0;
    w->loss[i] = w->entropy[i] = 0;
    if (targets == 0) return;
    if (b->senses > 1) {
        mean_of_context(w, i, r);
        entropy = choose_senses(w, i, true);
    } else
        w->y[i] = 1;
    mix_senses(w, i);
    int n = candidates_of(w, i, r);
    syl_lanes_dots(w->vector + i * w->n, r->row, n, w->n, r->logit);
    for (int j = 0; j < n; j++)
        r->logit[j] += r->by[j];
    w->loss[i] = b->loss == SYL_WINDOW_SOFTMAX ? sampled_softmax(r->logit, targets, n, r->e)
                                               : negative_sampling(r->logit, targets, n, r->e);
    w->entropy[i] = (double)entropy;
    for (int j = 0; j < n; j++)
        *r->slope[j] = r->logit[j];
    syl_lanes_combine(r->logit, r->row, n, w->n, w->gradient + i * w->n);
    if (b->senses > 1) choice_gradient(w, i, entropy);
}

SYL_CLONES static void sense_items(const sense_work *w, int64_t begin, int64_t end,
                                   const sense_room *r)
{
    for (int64_t i = begin; i < end; i++)
        sense_item(w, i, r);
}

SYL_CLONES static void sense_choices(const sense_work *w, int64_t begin, int64_t end,
                                     const sense_room *r)
{
    for (int64_t i = begin; i < end; i++) {
        mean_of_context(w, i, r);
        choose_senses(w, i, false);
    }
}

/* ---- rows by their owners ------------------------------------------------------------------ */

/* Without a branch that half of the rows would mispredict. */
SYL_INLINE int64_t keep_owned(syl_row_change *to, int64_t n, const float *vector, float by,
                              int32_t row, bool own)
{
    to[n] = (syl_row_change){vector, by, row};
    return n + own;
}

static void change_output(const sense_work *w, syl_row_change *to, int thread, int threads)
{
    const syl_sense_batch *b = w->b;
    int64_t n = 0;
    for (int64_t i = 0; i < b->items; i++) {
        const float *v = w->vector + i * w->n;
        syl_window_span t = b->targets[i];
        const int32_t *negative = b->negative + i / b->share * b->negatives;
        const float *by = w->by_negative + i * b->negatives;
        for (int32_t j = t.begin; j < t.begin + t.count; j++)
            n = keep_owned(to, n, v, w->by_target[j], b->words[j],
                           syl_row_owner(b->words[j], threads) == thread);
        for (int j = 0; t.count > 0 && j < b->negatives; j++)
            n = keep_owned(to, n, v, by[j], negative[j],
                           by[j] != 0 && syl_row_owner(negative[j], threads) == thread);
    }
    syl_row_changes(&b->output, &b->output_update, to, n);
}

/* The rows of the centres' senses: by * vectors into `table`. */
static void change_senses(const sense_work *w, const syl_vector_table *table,
                          const syl_row_update *update, const float *by, const float *vectors,
                          bool shared, syl_row_change *to, int thread, int threads)
{
    const syl_sense_batch *b = w->b;
    int64_t n = 0;
    for (int64_t i = 0; i < b->items; i++)
        for (int k = 0; b->targets[i].count > 0 && k < b->senses; k++) {
            int32_t row = shared ? k : b->centre[i] * b->senses + k;
            n = keep_owned(to, n, vectors + i * w->n, by[i * b->senses + k], row,
                           syl_row_owner(shared ? k : b->centre[i], threads) == thread);
        }
    syl_row_changes(table, update, to, n);
}

/* The rows of one owner. to: a thread's room. */
static void change_rows(const sense_work *w, syl_row_change *to, int owner, int owners)
{
    const syl_sense_batch *b = w->b;
    change_output(w, to, owner, owners);
    change_senses(w, &b->sense, &b->sense_update, w->y, w->gradient, false, to, owner, owners);
    if (b->senses > 1)
        change_senses(w, &b->choice, &b->choice_update, w->dlogit, w->context, b->choice_shared, to,
                      owner, owners);
}

/* ---- a batch ----------------------------------------------------------------------------------
 */

/* The most that a batch of them wants. */
typedef struct sense_sizes {
    int64_t items, num_words, negatives, changes;
    int candidates;
} sense_sizes;

static void add_sizes(sense_sizes *s, const syl_sense_batch *b)
{
    int64_t targets = 0, rows = b->items * b->senses;
    for (int64_t i = 0; i < b->items; i++) {
        int room = b->targets[i].count + b->negatives;
        room = room > b->contexts[i].count ? room : b->contexts[i].count;
        s->candidates = room > s->candidates ? room : s->candidates;
        targets += b->targets[i].count;
    }
    int64_t negatives = b->items * b->negatives, changes = targets + negatives;
    changes = (changes > rows ? changes : rows) + 1;
    s->items = b->items > s->items ? b->items : s->items;
    s->num_words = b->num_words > s->num_words ? b->num_words : s->num_words;
    s->negatives = negatives > s->negatives ? negatives : s->negatives;
    s->changes = changes > s->changes ? changes : s->changes;
}

/* Room for any of the batches, which are of one model. */
static syl_status prepare(syl_ctx *ctx, const syl_sense_batch *batches, int count, sense_work *w,
                          syl_error *err)
{
    sense_sizes most = {0};
    for (int i = 0; i < count; i++)
        add_sizes(&most, &batches[i]);
    size_t items = (size_t)most.items, n = (size_t)batches->output.value.stride,
           senses = (size_t)batches->senses, threads = (size_t)ctx->threads;
    *w = (sense_work){.n = (int64_t)n,
                      .candidates = most.candidates,
                      .most_changes = most.changes,
                      .room_floats = room_floats(most.candidates)};
    SYL_TRY(syl_cpu_take(ctx, items * n, sizeof(float), &w->context, err));
    SYL_TRY(syl_cpu_take(ctx, items * n, sizeof(float), &w->vector, err));
    SYL_TRY(syl_cpu_take(ctx, items * n, sizeof(float), &w->gradient, err));
    SYL_TRY(syl_cpu_take(ctx, items * senses, sizeof(float), &w->p, err));
    SYL_TRY(syl_cpu_take(ctx, items * senses, sizeof(float), &w->y, err));
    SYL_TRY(syl_cpu_take(ctx, items * senses, sizeof(float), &w->dlogit, err));
    SYL_TRY(syl_cpu_take(ctx, (size_t)most.num_words, sizeof(float), &w->by_target, err));
    SYL_TRY(syl_cpu_take(ctx, (size_t)most.negatives, sizeof(float), &w->by_negative, err));
    SYL_TRY(syl_cpu_take(ctx, items, sizeof(double), &w->loss, err));
    SYL_TRY(syl_cpu_take(ctx, items, sizeof(double), &w->entropy, err));
    SYL_TRY(
        syl_cpu_take(ctx, threads * (size_t)w->most_changes, sizeof *w->changes, &w->changes, err));
    return syl_cpu_take(ctx, threads * (size_t)w->room_floats, sizeof(float), &w->room, err);
}

static void add_up(const sense_work *w, syl_window_sums *sums)
{
    *sums = (syl_window_sums){.bad = -1};
    for (int64_t i = 0; i < w->b->items; i++) {
        sums->loss += w->loss[i];
        sums->entropy += w->entropy[i];
        if (sums->bad < 0 && !isfinite(w->loss[i] + w->entropy[i])) sums->bad = i;
    }
}

/* Items, then rows by their owners, of which there are as many as threads. */
static void learn_batch(syl_team_stage *stage, const sense_work *w, const sense_room *room,
                        syl_row_change *changes, int owners, syl_window_sums *sums)
{
    int64_t items = w->b->items;
    syl_team_begin(stage, (items + ITEMS_AT_ONCE - 1) / ITEMS_AT_ONCE);
    for (int64_t i; (i = syl_team_take(stage)) >= 0; syl_team_done(stage)) {
        int64_t begin = i * ITEMS_AT_ONCE, end = begin + ITEMS_AT_ONCE;
        sense_items(w, begin, end < items ? end : items, room);
    }
    syl_team_wait(stage);
    syl_team_begin(stage, owners);
    for (int64_t i; (i = syl_team_take(stage)) >= 0; syl_team_done(stage)) {
        if (i == 0) add_up(w, sums);
        change_rows(w, changes, (int)i, owners);
    }
    syl_team_wait(stage);
}

syl_status syl_cpu_sense_steps(syl_ctx *ctx, const syl_sense_batch *batches, int count,
                               syl_window_sums *sums, syl_error *err)
{
    sense_work all;
    syl_team team = {0};
    size_t mark = syl_ctx_mark(ctx);
    syl_status status = count > 0 ? prepare(ctx, batches, count, &all, err) : SYL_OK;
    if (status == SYL_OK && count > 0) {
#pragma omp parallel num_threads(ctx->threads)
        {
            sense_work w = all;
            int thread = omp_get_thread_num(), owners = omp_get_num_threads();
            sense_room room = room_of(&w, thread);
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

/* As syl_sense_probabilities, with more than one sense. */
static syl_status probabilities(syl_ctx *ctx, const syl_sense_batch *b, float *p, syl_error *err)
{
    sense_work w;
    SYL_TRY(prepare(ctx, b, 1, &w, err));
    w.b = b;
#pragma omp parallel num_threads(ctx->threads)
    {
        sense_room room = room_of(&w, omp_get_thread_num());
#pragma omp for
        for (int64_t i = 0; i < b->items; i++)
            sense_choices(&w, i, i + 1, &room);
    }
    memcpy(p, w.p, (size_t)(b->items * b->senses) * sizeof *p);
    return SYL_OK;
}

syl_status syl_cpu_sense_probabilities(syl_ctx *ctx, const syl_sense_batch *batch, float *p,
                                       syl_error *err)
{
    size_t mark = syl_ctx_mark(ctx);
    syl_status status = SYL_OK;
    if (batch->senses > 1)
        status = probabilities(ctx, batch, p, err);
    else
        for (int64_t i = 0; i < batch->items; i++)
            p[i] = 1;
    syl_ctx_release(ctx, mark);
    return status;
}
