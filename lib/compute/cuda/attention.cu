/* Attention's forward: the online softmax (Milakov & Gimelshein 2018) over tiles of keys
 * (FlashAttention: Dao et al. 2022), so that nothing of time by time is in memory.
 *
 * A block has 8 ROWS queries of one head and walks over the keys that any of them sees. K and V
 * take turns in one place of shared memory, so that more blocks fit into a processor; they wait for
 * memory while others compute. */
#include "lib/compute/cuda/attention.cuh"

#define NO_SCORE (-1e30f) /* below all scores, and finite: the difference of two is no NaN */

/* The head of q; blockIdx.y is that of k and v. */
SYL_DEVICE int own_head(void)
{
    return (int)(blockIdx.y * gridDim.z + blockIdx.z);
}

/* Queries [begin, begin + n) of a block: rows of q, and where the first stands among the keys. */
typedef struct query_part {
    int begin, n;
    int64_t at;
    int from, to; /* keys that any of them sees */
} query_part;

SYL_DEVICE query_part part_of_queries(const syl_cuda_attention *a, syl_cuda_tile t, int size,
                                      int number)
{
    query_part p;
    p.begin = t.query_begin + number * size;
    p.n = t.query_end - p.begin < size ? t.query_end - p.begin : size;
    p.at = (int64_t)t.offset + (p.begin - t.query_begin);
    p.from = syl_first_key(a->left, p.at);
    p.to = syl_end_of_keys(a->right, p.at + p.n - 1, t.key_end - t.key_begin);
    return p;
}

/* What the softmax of a row has come to; all threads of a row hold the same. */
typedef struct softmax_row {
    float top, sum;
} softmax_row;

SYL_DEVICE float row_max(float v)
{
    for (int o = SYL_COLUMN_GROUPS / 2; o > 0; o /= 2)
        v = fmaxf(v, __shfl_xor_sync(SYL_ALL_LANES, v, o));
    return v;
}

SYL_DEVICE float row_sum(float v)
{
    for (int o = SYL_COLUMN_GROUPS / 2; o > 0; o /= 2)
        v += __shfl_xor_sync(SYL_ALL_LANES, v, o);
    return v;
}

/* s := scale s + bias, -inf for keys that query position `at` does not see; `key`: the number of
 * the first. */
template <int N>
SYL_DEVICE void mask_row(const syl_cuda_attention *a, int head, int64_t at, int keys, int key,
                         float s[N])
{
    int first = syl_first_key(a->left, at), end = syl_end_of_keys(a->right, at, keys);
    const float *bias = NULL;
    if (a->rel_bias) bias = a->rel_bias + (int64_t)head * (a->left + a->right + 1) + (a->left - at);
    SYL_UNROLL
    for (int j = 0; j < N; j++) {
        bool seen = key + j >= first && key + j < end;
        s[j] = seen ? s[j] * a->scale + (bias ? bias[key + j] : 0.0f) : -INFINITY;
    }
}

/* s := e^(s - top), with the row's maximum and sum brought up to date; what was summed before is
 * to be multiplied by the result. */
template <int N> SYL_DEVICE float softmax_step(softmax_row *row, float s[N])
{
    float top = s[0], sum = 0;
    SYL_UNROLL
    for (int j = 1; j < N; j++)
        top = fmaxf(top, s[j]);
    top = fmaxf(row->top, row_max(top));
    SYL_UNROLL
    for (int j = 0; j < N; j++) {
        s[j] = __expf(s[j] - top);
        sum += s[j];
    }
    float keep = __expf(row->top - top);
    row->sum = row->sum * keep + row_sum(sum);
    row->top = top;
    return keep;
}

/* The sum keeps what dropout takes: it is the probabilities that are dropped. */
template <int N> SYL_DEVICE void drop_row(syl_drop d, uint64_t row, int rel, float s[N])
{
    float factor[N];
    syl_drop_factors<N>(d, row, rel, factor);
    SYL_UNROLL
    for (int j = 0; j < N; j++)
        s[j] *= factor[j];
}

template <int ROWS, int KEYS, int PAIRS>
SYL_DEVICE void score_tile(const syl_cuda_attention *a, syl_drop drop, query_part part, int keys,
                           int key, softmax_row row[ROWS], float s[ROWS][KEYS],
                           float sum[ROWS][2 * PAIRS])
{
    int head = own_head(), r = syl_row_group() * ROWS;
    key += syl_column_group() * KEYS;
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++) {
        int64_t at = part.at + r + i;
        mask_row<KEYS>(a, head, at, keys, key, s[i]);
        float keep = softmax_step<KEYS>(&row[i], s[i]);
        if (drop.limit)
            drop_row<KEYS>(drop, (uint64_t)((int64_t)head * a->q.rows + part.begin + r + i),
                           key - syl_first_key(a->left, at), s[i]);
        SYL_UNROLL
        for (int m = 0; m < 2 * PAIRS; m++)
            sum[i][m] *= keep;
    }
}

template <int ROWS, int PAIRS>
SYL_DEVICE void put_results(const syl_cuda_attention *a, query_part part,
                            const softmax_row row[ROWS], const float sum[ROWS][2 * PAIRS])
{
    int head = own_head(), r = syl_row_group() * ROWS;
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++) {
        if (r + i >= part.n) continue;
        int64_t at = (int64_t)part.begin + r + i;
        float total = row[i].sum;
        syl_put_row<PAIRS>(a->y, at, (int64_t)head * a->head_dim, a->head_dim,
                           total > 0 ? 1.0f / total : 0.0f, sum[i]);
        if (a->lse && syl_column_group() == 0)
            a->lse[(int64_t)head * a->q.rows + at] =
                total > 0 ? row[i].top + logf(total) : -INFINITY;
    }
}

/* Grid (tile x parts, head of keys, head of those that share it). */
template <int ROWS, int KEYS, int PAIRS>
__global__ void __launch_bounds__(SYL_ATTENTION_THREADS, PAIRS == 2 ? 4 : 3)
    attention_forward_kernel(syl_cuda_attention a, syl_drop drop, int parts)
{
    SYL_DYNAMIC_SHARED(float, own);
    float *other = own + 8 * ROWS * SYL_TILE_STRIDE(PAIRS);
    float *p = other + 16 * KEYS * SYL_TILE_STRIDE(PAIRS);
    syl_cuda_tile t = a.tiles[blockIdx.x / parts];
    query_part part = part_of_queries(&a, t, 8 * ROWS, (int)(blockIdx.x % parts));
    if (part.n <= 0) return; /* the whole block */

    float s[ROWS][KEYS], sum[ROWS][2 * PAIRS];
    softmax_row row[ROWS];
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++) {
        row[i].top = NO_SCORE;
        row[i].sum = 0;
        SYL_UNROLL
        for (int m = 0; m < 2 * PAIRS; m++)
            sum[i][m] = 0;
    }
    syl_load_head<0, PAIRS>(own, 8 * ROWS, syl_head_of(a.q, own_head(), a.head_dim), part.begin,
                            part.n);
    for (int key = part.from; key < part.to; key += 16 * KEYS) {
        int64_t begin = (int64_t)t.key_begin + key;
        int n = part.to - key;
        syl_load_head<KEYS, PAIRS>(other, 16 * KEYS, syl_head_of(a.k, blockIdx.y, a.head_dim),
                                   begin, n);
        __syncthreads();
        syl_tile_scores<ROWS, KEYS, PAIRS>(own, other, a.head_dim, s);
        score_tile<ROWS, KEYS, PAIRS>(&a, drop, part, t.key_end - t.key_begin, key, row, s, sum);
        syl_put_scores<ROWS, KEYS>(p, s);
        __syncthreads();
        syl_load_head<KEYS, PAIRS>(other, 16 * KEYS, syl_head_of(a.v, blockIdx.y, a.head_dim),
                                   begin, n);
        __syncthreads();
        syl_tile_accumulate<ROWS, KEYS, PAIRS>(p, other, sum);
        __syncthreads();
    }
    put_results<ROWS, PAIRS>(&a, part, row, sum);
}

template <int ROWS, int KEYS, int PAIRS>
static cudaError_t launch_forward(cudaStream_t stream, const syl_cuda_attention *a)
{
    int parts = SYL_CUDA_QUERIES / (8 * ROWS);
    return syl_launch_tiles(attention_forward_kernel<ROWS, KEYS, PAIRS>, stream, a, syl_drop_of(a),
                            (int64_t)a->num_tiles * parts, a->heads / a->group, a->group, parts,
                            SYL_ATTENTION_SHARED(1, ROWS, KEYS, PAIRS));
}

/* Sizes: at most 64 KiB of shared memory (all that sm_75 has), no spills. */
cudaError_t syl_cuda_attention_forward(cudaStream_t stream, const syl_cuda_attention *a)
{
    if (a->num_tiles <= 0) return cudaSuccess;
    if (!syl_attention_fits(a)) return cudaErrorInvalidValue;
    if (a->head_dim <= 32) return launch_forward<8, 4, 1>(stream, a);
    if (a->head_dim <= 64) return launch_forward<8, 4, 2>(stream, a);
    if (a->head_dim <= 96) return launch_forward<8, 2, 3>(stream, a);
    if (a->head_dim <= 128) return launch_forward<8, 2, 4>(stream, a);
    return launch_forward<4, 1, 8>(stream, a);
}
