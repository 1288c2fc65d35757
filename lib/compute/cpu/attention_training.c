/* Attention by tiles of queries against the keys that they can see, for training and for many
 * queries at once of a conversation; the backward makes the probabilities anew from what the
 * forward kept of each row (Dao et al. 2022). Several heads may share one of keys and values
 * (Ainslie et al. 2023). */
#include <omp.h>

#include "lib/compute/cpu/attention.h"
#include "lib/compute/cpu/parallel.h"
#include "lib/compute/cpu/small_product.h"
#include "lib/compute/cpu/vmath.h"
#include "lib/compute/training.h"

#define TILE 128      /* queries at a time */
#define SMALL_TILE 32 /* of short sequences: fewer keys that no query of the tile sees */
/* Keys of one head, in numbers, that are multiplied here: handing them to oneDNN takes longer.
 * Batches of sentences have thousands of them, of many lengths. */
#define SMALL_KEYS 16384

/* One head of one sequence; gradients only in the backward. */
typedef struct head {
    syl_ctx *ctx;
    int64_t left, right, offset; /* offset: position of the first query among the keys */
    float scale;
    const float *rel_bias; /* [left + right + 1], or NULL */
    syl_mat q, k, v, y;    /* [time][dim of a head] */
    syl_mat dy, dq, dk, dv;
    syl_mat dy_product;     /* dy in the dtype of q */
    bool small;             /* products are small_product.h's: */
    syl_mat kt, vt;         /* k, v [dim of a head][time and more] */
    float *lse, *drel_bias; /* NULL: not wanted */
    float dropout;
    uint64_t seed, stream, first_row; /* first_row: number of this head's first query */
} head;

#define MAX_KEYS ((uint64_t)1 << 24) /* elements between the rows of dropout */

/* Queries [begin, end) and the keys [first, last) that any of them sees. */
typedef struct tile {
    int64_t begin, end, first, last;
} tile;

static int64_t first_key(const head *h, int64_t query)
{
    int64_t at = query + h->offset;
    return h->left >= 0 && at > h->left ? at - h->left : 0;
}

static int64_t last_key(const head *h, int64_t query)
{
    int64_t at = query + h->offset;
    return h->right >= 0 && at + h->right + 1 < h->k.rows ? at + h->right + 1 : h->k.rows;
}

static tile tile_at(const head *h, int64_t begin)
{
    int64_t end = begin + (h->small ? SMALL_TILE : TILE);
    if (end > h->q.rows) end = h->q.rows;
    return (tile){begin, end, first_key(h, begin), last_key(h, end - 1)};
}

static const float *bias_from(const head *h, int64_t query, int64_t key)
{
    return h->rel_bias ? h->rel_bias + (key - query - h->offset + h->left) : NULL;
}

/* s [n] := s scale + bias. Returns the largest. */
SYL_CLONES static float scale_scores(float *s, float scale, const float *bias, int64_t n)
{
    if (bias)
        for (int64_t j = 0; j < n; j++)
            s[j] = s[j] * scale + bias[j];
    else
        for (int64_t j = 0; j < n; j++)
            s[j] *= scale;
    return syl_maximum(s, n);
}

/* s := e^(s - by); the sum of it. */
SYL_CLONES static float exponentials(float *s, float by, int64_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++) {
        s[j] = syl_expf(s[j] - by);
        sum += s[j];
    }
    return sum;
}

/* What a query does not see is 0; returns its first visible score and how many there are. */
static float *visible(const head *h, tile t, int64_t query, float *row, int64_t *n)
{
    int64_t from = first_key(h, query), to = last_key(h, query);
    for (int64_t j = t.first; j < from; j++)
        row[j - t.first] = 0;
    for (int64_t j = to; j < t.last; j++)
        row[j - t.first] = 0;
    *n = to - from;
    return row + (from - t.first);
}

static void drop(const head *h, int64_t query, float *row, int64_t n)
{
    if (h->dropout > 0)
        syl_dropout_row(h->seed, h->stream, (h->first_row + (uint64_t)query) * MAX_KEYS, h->dropout,
                        row, false, row, n);
}

static syl_status as_dtype(syl_ctx *ctx, syl_dtype dtype, syl_mat *m, syl_error *err)
{
    if (m->dtype == dtype) return SYL_OK;
    syl_mat copy;
    SYL_TRY(syl_ctx_mat(ctx, dtype, m->rows, m->cols, &copy, err));
    syl_mat_copy(*m, copy);
    *m = copy;
    return SYL_OK;
}

/* y = a times some keys or values transposed, those of the tile. */
static syl_status by_keys(const head *h, syl_mat a, syl_mat some, syl_mat all_transposed, tile t,
                          syl_mat y, syl_error *err)
{
    if (!h->small) return syl_product(h->ctx, a, false, some, true, false, y, err);
    syl_small_product(a, false, syl_mat_cols(all_transposed, t.first, some.rows), false, y);
    return SYL_OK;
}

/* y := (+=) a b, b of the columns of a head. */
static syl_status mixed(const head *h, syl_mat a, bool transposed, syl_mat b, bool accumulate,
                        syl_mat y, syl_error *err)
{
    if (!h->small) return syl_product(h->ctx, a, transposed, b, false, accumulate, y, err);
    syl_small_product(a, transposed, b, accumulate, y);
    return SYL_OK;
}

static syl_status scores_of(const head *h, tile t, syl_mat *scores, syl_error *err)
{
    int64_t n = t.end - t.begin, keys = t.last - t.first;
    syl_mat q = syl_mat_rows(h->q, t.begin, n);
    SYL_TRY(syl_ctx_mat(h->ctx, SYL_F32, n, keys, scores, err));
    return by_keys(h, q, syl_mat_rows(h->k, t.first, keys), h->kt, t, *scores, err);
}

/* s [n], the scores of the keys that query i sees, become what values are multiplied by. */
static void probabilities(const head *h, int64_t i, float *s, int64_t n)
{
    float top = scale_scores(s, h->scale, bias_from(h, i, first_key(h, i)), n);
    float sum = exponentials(s, top, n);
    syl_scale_row(1.0f / sum, s, false, s, n);
    drop(h, i, s, n);
    if (h->lse) h->lse[i] = top + logf(sum);
}

static syl_status forward_tile(const head *h, tile t, syl_error *err)
{
    syl_mat p;
    SYL_TRY(scores_of(h, t, &p, err));
    for (int64_t i = t.begin; i < t.end; i++) {
        int64_t n;
        float *s = visible(h, t, i, syl_row(p, i - t.begin), &n);
        probabilities(h, i, s, n);
    }
    SYL_TRY(as_dtype(h->ctx, h->v.dtype, &p, err));
    return mixed(h, p, false, syl_mat_rows(h->v, t.first, p.cols), false,
                 syl_mat_rows(h->y, t.begin, p.rows), err);
}

/* s [n], scores of the keys that query i sees, become probabilities as v has been multiplied by
 * them; d [n] = dy v^T becomes the gradients of the scores. */
static void query_gradients(const head *h, int64_t i, float *s, float *d, int64_t n)
{
    int64_t from = first_key(h, i);
    scale_scores(s, h->scale, bias_from(h, i, from), n);
    exponentials(s, h->lse[i], n);
    float along = syl_dot(syl_row(h->dy, i), syl_row(h->y, i), h->y.cols);
    drop(h, i, d, n);
    for (int64_t j = 0; j < n; j++)
        d[j] = s[j] * (d[j] - along);
    drop(h, i, s, n);
    if (h->drel_bias) syl_scale_row(1, d, true, h->drel_bias + (from - i + h->left), n);
    syl_scale_row(h->scale, d, false, d, n);
}

static void score_gradients(const head *h, tile t, syl_mat p, syl_mat ds)
{
    for (int64_t i = t.begin; i < t.end; i++) {
        int64_t n;
        float *s = visible(h, t, i, syl_row(p, i - t.begin), &n);
        float *d = visible(h, t, i, syl_row(ds, i - t.begin), &n);
        query_gradients(h, i, s, d, n);
    }
}

static syl_status backward_tile(const head *h, tile t, syl_error *err)
{
    int64_t n = t.end - t.begin, keys = t.last - t.first;
    syl_mat k = syl_mat_rows(h->k, t.first, keys), v = syl_mat_rows(h->v, t.first, keys);
    syl_mat q = syl_mat_rows(h->q, t.begin, n), dy = syl_mat_rows(h->dy_product, t.begin, n);
    syl_mat p, ds;
    SYL_TRY(scores_of(h, t, &p, err));
    SYL_TRY(syl_ctx_mat(h->ctx, SYL_F32, n, keys, &ds, err));
    SYL_TRY(by_keys(h, dy, v, h->vt, t, ds, err));
    score_gradients(h, t, p, ds);
    SYL_TRY(as_dtype(h->ctx, h->q.dtype, &p, err));
    SYL_TRY(as_dtype(h->ctx, h->q.dtype, &ds, err));
    SYL_TRY(mixed(h, ds, false, k, false, syl_mat_rows(h->dq, t.begin, n), err));
    SYL_TRY(mixed(h, ds, true, q, true, syl_mat_rows(h->dk, t.first, keys), err));
    return mixed(h, p, true, dy, true, syl_mat_rows(h->dv, t.first, keys), err);
}

/* Keys and values the other way round, where that is worth it. */
static syl_status prepare(head *h, bool backward, syl_error *err)
{
    int64_t d = h->q.cols, room = (h->k.rows / SYL_SMALL_LANES + 2) * SYL_SMALL_LANES;
    bool f32 = h->q.dtype == SYL_F32 && h->y.dtype == SYL_F32 && h->dy_product.dtype == SYL_F32;
    h->small = f32 && d % SYL_SMALL_LANES == 0 && h->k.rows * d <= SMALL_KEYS;
    if (!h->small) return SYL_OK;
    SYL_TRY(syl_ctx_mat(h->ctx, SYL_F32, d, room, &h->kt, err));
    syl_small_transpose(h->k, h->kt);
    if (!backward) return SYL_OK;
    SYL_TRY(syl_ctx_mat(h->ctx, SYL_F32, d, room, &h->vt, err));
    syl_small_transpose(h->v, h->vt);
    return SYL_OK;
}

static syl_status run_tiles(head *h, bool backward, syl_error *err)
{
    size_t all = syl_ctx_mark(h->ctx);
    syl_status status = prepare(h, backward, err);
    for (int64_t i = 0; i < h->q.rows && status == SYL_OK;) {
        size_t mark = syl_ctx_mark(h->ctx);
        tile t = tile_at(h, i);
        status = backward ? backward_tile(h, t, err) : forward_tile(h, t, err);
        syl_ctx_release(h->ctx, mark);
        i = t.end;
    }
    syl_ctx_release(h->ctx, all);
    return status;
}

/* ---- heads and sequences ---------------------------------------------------------------- */

/* What all heads share: matrices of all heads and all sequences. */
typedef struct call {
    syl_attention_shape shape;
    syl_ragged sequences;
    bool cached; /* one sequence, whose keys are all rows of k and begin before the queries */
    int64_t offset;
    syl_mat q, k, v, y, dy, dq, dk, dv, dy_product;
    float *lse, *drel_bias;
    bool backward;
} call;

static syl_mat part(syl_mat m, int64_t begin, int64_t rows, int64_t col, int64_t cols)
{
    return m.data ? syl_mat_cols(syl_mat_rows(m, begin, rows), col, cols) : m;
}

static syl_status run_sequence(const call *c, int number, int i, syl_ctx *ctx, syl_error *err)
{
    int64_t d = c->q.cols / c->shape.heads, at = number * d;
    int64_t key_at = number / (c->q.cols / c->k.cols) * d;
    int64_t from = c->sequences.begin[i], n = c->sequences.begin[i + 1] - from;
    int64_t key_from = c->cached ? 0 : from, keys = c->cached ? c->k.rows : n;
    int64_t width = c->shape.left + c->shape.right + 1;
    head h = {.ctx = ctx,
              .left = c->shape.left,
              .right = c->shape.right,
              .offset = c->offset,
              .scale = 1.0f / sqrtf((float)d),
              .dropout = c->shape.dropout,
              .seed = c->shape.seed,
              .stream = c->shape.stream,
              .first_row = (uint64_t)(number * c->q.rows + from),
              .rel_bias = c->shape.rel_bias ? c->shape.rel_bias + number * width : NULL,
              .q = part(c->q, from, n, at, d),
              .k = part(c->k, key_from, keys, key_at, d),
              .v = part(c->v, key_from, keys, key_at, d),
              .y = part(c->y, from, n, at, d),
              .dy = part(c->dy, from, n, at, d),
              .dq = part(c->dq, from, n, at, d),
              .dk = part(c->dk, key_from, keys, key_at, d),
              .dv = part(c->dv, key_from, keys, key_at, d),
              .dy_product = part(c->dy_product, from, n, at, d),
              .lse = c->lse ? c->lse + number * c->q.rows + from : NULL,
              .drel_bias = c->drel_bias ? c->drel_bias + number * width : NULL};
    return run_tiles(&h, c->backward, err);
}

/* All heads that share head `number` of the keys; in order, since they add to its gradients. */
static syl_status run_group(const call *c, int number, syl_ctx *ctx, syl_error *err)
{
    int group = (int)(c->q.cols / c->k.cols);
    for (int h = number * group; h < (number + 1) * group; h++)
        for (int i = 0; i < c->sequences.count; i++)
            SYL_TRY(run_sequence(c, h, i, ctx, err));
    return SYL_OK;
}

/* Heads of keys are shared out to the threads; each writes columns of its own. A forward has no
 * gradients to add up, so that its heads are all on their own. */
static syl_status run_heads(syl_ctx *ctx, const call *c, syl_error *err)
{
    syl_ctx **worker;
    syl_status result = SYL_OK;
    int group = (int)(c->q.cols / c->k.cols), heads = c->shape.heads;
    int shares = c->backward ? heads / group : heads;
    SYL_TRY(syl_ctx_workers(ctx, &worker, err));
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int h = 0; h < shares; h++) {
        syl_error own = {.status = SYL_OK};
        syl_status status = SYL_OK;
        syl_ctx *mine = worker[omp_get_thread_num()];
        if (c->backward) status = run_group(c, h, mine, &own);
        for (int i = 0; !c->backward && i < c->sequences.count && status == SYL_OK; i++)
            status = run_sequence(c, h, i, mine, &own);
        if (status == SYL_OK) continue;
#pragma omp critical
        {
            result = status;
            if (err) *err = own;
        }
    }
    return result;
}

syl_status syl_cpu_attention_forward(syl_ctx *ctx, syl_attention_shape shape, syl_ragged sequences,
                                     syl_mat q, syl_mat k, syl_mat v, syl_mat y, float *lse,
                                     syl_error *err)
{
    call c = {.shape = shape, .sequences = sequences, .q = q, .k = k, .v = v, .y = y, .lse = lse};
    SYL_TRY(syl_attention_check(shape.heads, q, k, v, err));
    return run_heads(ctx, &c, err);
}

syl_status syl_attention_cached(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q,
                                syl_mat k, syl_mat v, syl_mat y, syl_error *err)
{
    const int64_t begin[] = {0, q.rows};
    call c = {.shape = {.heads = heads, .left = mask.left, .right = mask.right},
              .sequences = {1, begin},
              .cached = true,
              .offset = mask.offset,
              .q = q,
              .k = k,
              .v = v,
              .y = y};
    return run_heads(ctx, &c, err);
}

syl_status syl_cpu_attention_backward(syl_ctx *ctx, syl_attention_shape shape, syl_ragged sequences,
                                      syl_mat q, syl_mat k, syl_mat v, syl_mat y, const float *lse,
                                      syl_mat dy, syl_mat dq, syl_mat dk, syl_mat dv,
                                      float *drel_bias, syl_error *err)
{
    call c = {.shape = shape,
              .sequences = sequences,
              .q = q,
              .k = k,
              .v = v,
              .y = y,
              .dy = dy,
              .dq = dq,
              .dk = dk,
              .dv = dv,
              .dy_product = dy,
              .lse = (float *)(uintptr_t)lse,
              .drel_bias = drel_bias,
              .backward = true};
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_attention_check(shape.heads, q, k, v, err));
    syl_fill(ctx, 0, dk);
    syl_fill(ctx, 0, dv);
    syl_status status = as_dtype(ctx, q.dtype, &c.dy_product, err);
    if (status == SYL_OK) status = run_heads(ctx, &c, err);
    syl_ctx_release(ctx, mark);
    return status;
}
