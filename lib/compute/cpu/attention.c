/* Softmax attention: all keys through oneDNN products, a window of keys directly, many queries with
 * an open side by tiles. */
#include <omp.h>

#include "lib/base/vector.h"
#include "lib/compute/cpu/attention.h"
#include "lib/compute/cpu/vmath.h"
#include "lib/compute/training.h"

#define QUERY_BLOCK 256     /* scores of so many queries exist at a time */
#define FEW_QUERIES 8       /* for which products of matrices cost more than they bring */
#define PARALLEL_FROM 32768 /* products of a query with keys; below, threads cost more */

syl_status syl_attention_check(int heads, syl_mat q, syl_mat k, syl_mat v, syl_error *err)
{
    bool good = heads >= 1 && q.cols % heads == 0 && k.cols == v.cols && k.rows == v.rows;
    int64_t dim = good ? q.cols / heads : 1;
    if (good && k.cols > 0 && k.cols % dim == 0 && heads % (k.cols / dim) == 0) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "attention of %d heads with queries of %lld columns, keys of %lld and values "
                    "of %lld",
                    heads, (long long)q.cols, (long long)k.cols, (long long)v.cols);
}

SYL_CLONES static void softmax_row(float *s, float scale, int64_t n)
{
    float top = syl_maximum(s, n), sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++) {
        s[j] = syl_expf((s[j] - top) * scale);
        sum += s[j];
    }
    float inverse = 1.0f / sum;
    for (int64_t j = 0; j < n; j++)
        s[j] *= inverse;
}

/* One head, all keys. Scores are float32; probabilities take the dtype of v. */
static syl_status attend_all(syl_ctx *ctx, float scale, syl_mat q, syl_mat k, syl_mat v, syl_mat y,
                             syl_error *err)
{
    syl_mat scores, probs;
    int64_t block = q.rows < QUERY_BLOCK ? q.rows : QUERY_BLOCK;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, block, k.rows, &scores, err));
    probs = scores;
    if (v.dtype != SYL_F32) SYL_TRY(syl_ctx_mat(ctx, v.dtype, block, k.rows, &probs, err));
    for (int64_t i = 0; i < q.rows; i += block) {
        int64_t n = q.rows - i < block ? q.rows - i : block;
        syl_mat s = syl_mat_rows(scores, 0, n), p = syl_mat_rows(probs, 0, n);
        SYL_TRY(syl_product(ctx, syl_mat_rows(q, i, n), false, k, true, false, s, err));
#pragma omp parallel for num_threads(ctx->threads)
        for (int64_t t = 0; t < n; t++) {
            softmax_row(syl_mat_rows(s, t, 1).data, scale, k.rows);
            if (v.dtype != SYL_F32) syl_mat_copy(syl_mat_rows(s, t, 1), syl_mat_rows(p, t, 1));
        }
        SYL_TRY(syl_product(ctx, p, false, v, false, false, syl_mat_rows(y, i, n), err));
    }
    return SYL_OK;
}

/* One query over keys [0, n): k and v point at the first of them, rows `stride` apart. */
SYL_CLONES static void attend_window_row(const float *q, const float *k, const float *v,
                                         int64_t stride, int64_t n, int64_t d, float scale,
                                         const float *bias, float *s, float *y)
{
    float top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) {
        float dot = 0;
#pragma omp simd reduction(+ : dot)
        for (int64_t c = 0; c < d; c++)
            dot += q[c] * k[j * stride + c];
        s[j] = dot * scale + (bias ? bias[j] : 0);
        top = s[j] > top ? s[j] : top;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++) {
        s[j] = syl_expf(s[j] - top);
        sum += s[j];
    }
    float inverse = 1.0f / sum;
    for (int64_t c = 0; c < d; c++)
        y[c] = 0;
    for (int64_t j = 0; j < n; j++) {
        float p = s[j] * inverse;
        for (int64_t c = 0; c < d; c++)
            y[c] += p * v[j * stride + c];
    }
}

/* Keys that query i sees: first, and how many. */
static int64_t seen_keys(const syl_attention_mask *mask, int64_t i, int64_t keys, int64_t *first)
{
    int64_t at = i + mask->offset, to = keys;
    *first = mask->left >= 0 && at > mask->left ? at - mask->left : 0;
    if (mask->right >= 0 && at + mask->right + 1 < keys) to = at + mask->right + 1;
    return to - *first;
}

static const float *first_of(syl_mat m, int64_t row, int64_t col)
{
    return (const float *)m.data + row * m.stride + col;
}

/* All heads, float32. scores is [threads][keys that a query sees at most]. */
static void attend_window(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q, syl_mat k,
                          syl_mat v, syl_mat scores, syl_mat y)
{
    int64_t d = q.cols / heads, group = q.cols / k.cols, width = mask.left + mask.right + 1;
    int64_t n = q.rows * heads;
    float scale = 1.0f / sqrtf((float)d);
#pragma omp parallel for num_threads(ctx->threads) if (n * scores.cols > PARALLEL_FROM)
    for (int64_t t = 0; t < n; t++) {
        int64_t i = t / heads, h = t % heads, from, count;
        count = seen_keys(&mask, i, k.rows, &from);
        const float *bias = mask.rel_bias;
        if (bias) bias += h * width + (from - i - mask.offset + mask.left);
        attend_window_row(first_of(q, i, h * d), first_of(k, from, h / group * d),
                          first_of(v, from, h / group * d), k.stride, count, d, scale, bias,
                          syl_mat_rows(scores, omp_get_thread_num(), 1).data,
                          (float *)syl_mat_rows(y, i, 1).data + h * d);
    }
}

static syl_status as_f32(syl_ctx *ctx, syl_mat *m, bool copy, syl_error *err)
{
    if (m->dtype == SYL_F32) return SYL_OK;
    syl_mat wide;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, m->rows, m->cols, &wide, err));
    if (copy) syl_mat_copy(*m, wide);
    *m = wide;
    return SYL_OK;
}

static syl_status window_attention(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q,
                                   syl_mat k, syl_mat v, syl_mat y, syl_error *err)
{
    syl_mat scores, wide = y;
    int64_t most = mask.left + mask.right + 1;
    if (mask.left < 0 || mask.right < 0 || most > k.rows) most = k.rows;
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, ctx->threads, most, &scores, err));
    SYL_TRY(as_f32(ctx, &q, true, err));
    SYL_TRY(as_f32(ctx, &k, true, err));
    SYL_TRY(as_f32(ctx, &v, true, err));
    SYL_TRY(as_f32(ctx, &wide, false, err));
    attend_window(ctx, heads, mask, q, k, v, scores, wide);
    if (y.dtype != SYL_F32) syl_mat_copy(wide, y);
    return SYL_OK;
}

static syl_status full_attention(syl_ctx *ctx, int heads, syl_mat q, syl_mat k, syl_mat v,
                                 syl_mat y, syl_error *err)
{
    int64_t d = q.cols / heads, group = q.cols / k.cols;
    float scale = 1.0f / sqrtf((float)d);
    for (int64_t h = 0; h < heads; h++) {
        size_t mark = syl_ctx_mark(ctx);
        int64_t at = h / group * d;
        SYL_TRY(attend_all(ctx, scale, syl_mat_cols(q, h * d, d), syl_mat_cols(k, at, d),
                           syl_mat_cols(v, at, d), syl_mat_cols(y, h * d, d), err));
        syl_ctx_release(ctx, mark);
    }
    return SYL_OK;
}

syl_status syl_cpu_attention(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q, syl_mat k,
                             syl_mat v, syl_mat y, syl_error *err)
{
    if (q.rows == 0) return SYL_OK;
    SYL_TRY(syl_attention_check(heads, q, k, v, err));
    bool open = mask.left < 0 || mask.right < 0;
    if (mask.left < 0 && mask.right < 0 && q.rows > 1)
        return full_attention(ctx, heads, q, k, v, y, err);
    if (open && q.rows > FEW_QUERIES)
        return syl_attention_cached(ctx, heads, mask, q, k, v, y, err);
    size_t mark = syl_ctx_mark(ctx);
    syl_status status = window_attention(ctx, heads, mask, q, k, v, y, err);
    syl_ctx_release(ctx, mark);
    return status;
}
