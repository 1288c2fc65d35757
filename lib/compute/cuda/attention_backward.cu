/* Attention's backward (Dao et al. 2022, algorithm 4): the probabilities are made anew from what
 * the forward kept of each query (lse), once by tiles of queries for dq and once by tiles of keys
 * for dk and dv. Each gradient so has one block that owns it: no atomics, and one order of sums.
 *
 * With p the probabilities, z the factors of dropout, g = dy . v:
 *   delta = dy . y = sum of p z g,  ds = p (z g - delta),
 *   dq = scale ds k,  dk = scale ds^T q,  dv = (p z)^T dy. */
#include "lib/compute/cuda/attention.cuh"

/* delta [heads][rows]: a warp a row of a head. */
__global__ void __launch_bounds__(SYL_BLOCK) attention_delta_kernel(syl_cuda_attention a)
{
    int lane = threadIdx.x % SYL_WARP, head = blockIdx.y;
    int64_t first = (int64_t)blockIdx.x * (SYL_BLOCK / SYL_WARP) + threadIdx.x / SYL_WARP;
    int64_t step = (int64_t)gridDim.x * (SYL_BLOCK / SYL_WARP);
    for (int64_t r = first; r < a.q.rows; r += step) {
        const float *dy = (const float *)a.dy.data + r * a.dy.stride + (int64_t)head * a.head_dim;
        int64_t at = r * a.y.stride + (int64_t)head * a.head_dim;
        float sum = 0;
        for (int c = lane; c < a.head_dim; c += SYL_WARP) {
            float y = a.y.dtype == SYL_F32 ? syl_load((const float *)a.y.data + at + c)
                                           : syl_load((const uint16_t *)a.y.data + at + c);
            sum += dy[c] * y;
        }
        sum = syl_warp_sum(sum);
        if (lane == 0) a.delta[(int64_t)head * a.q.rows + r] = sum;
    }
}

/* The query and what the forward and delta say of it; lse +inf: no query, its probabilities are
 * 0. */
typedef struct query_row {
    int head;
    int64_t at;      /* position among the keys */
    uint64_t number; /* of its row of dropout */
    float lse, delta;
} query_row;

SYL_DEVICE query_row query_at(const syl_cuda_attention *a, int head, int64_t row, int64_t at,
                              bool exists)
{
    query_row q;
    int64_t i = (int64_t)head * a->q.rows + row;
    q.head = head;
    q.at = at;
    q.number = (uint64_t)i;
    q.lse = exists ? a->lse[i] : INFINITY;
    q.delta = exists ? a->delta[i] : 0.0f;
    return q;
}

/* The probability of one key before dropout from its product s; keys: of the sequence. */
SYL_DEVICE float probability(const syl_cuda_attention *a, query_row q, int key, int keys, float s)
{
    if (key < syl_first_key(a->left, q.at) || key >= syl_end_of_keys(a->right, q.at, keys) ||
        q.lse == INFINITY)
        return 0.0f;
    s *= a->scale;
    if (a->rel_bias)
        s += a->rel_bias[(int64_t)q.head * (a->left + a->right + 1) + a->left + key - q.at];
    return __expf(s - q.lse);
}

template <int ROWS, int N> SYL_DEVICE void clear_sums(float sum[ROWS][N])
{
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++)
        SYL_UNROLL
    for (int m = 0; m < N; m++)
        sum[i][m] = 0;
}

template <int ROWS, int PAIRS>
SYL_DEVICE void put_gradient(syl_mat y, int head, int64_t begin, int n, int head_dim, float scale,
                             const float sum[ROWS][2 * PAIRS])
{
    int r = syl_row_group() * ROWS;
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++)
        if (r + i < n)
            syl_put_row<PAIRS>(y, begin + r + i, (int64_t)head * head_dim, head_dim, scale, sum[i]);
}

/* ---- dq, and the gradient of the bias ------------------------------------------------------ */

/* A thread has the gradients of diagonals of its own: scores of one distance from key to query.
 * ds [8 ROWS][16 KEYS] of queries that begin at position `at` and keys that begin at `key`. */
template <int ROWS, int KEYS>
SYL_DEVICE void add_bias_gradient(const syl_cuda_attention *a, const float *ds, int n, int64_t at,
                                  int key, float *partial)
{
    int64_t width = a->left + a->right + 1, base = a->left + key - at;
    for (int d = threadIdx.x; d < 8 * ROWS + 16 * KEYS - 1; d += SYL_ATTENTION_THREADS) {
        int shift = d - (8 * ROWS - 1); /* key - query inside of the tile */
        if (base + shift < 0 || base + shift >= width) continue;
        float sum = 0;
        for (int r = shift < 0 ? -shift : 0; r < n && r + shift < 16 * KEYS; r++) {
            int c = r + shift, place = c / KEYS + 16 * (c % KEYS);
            sum += ds[r * SYL_SCORE_STRIDE(KEYS) + place];
        }
        partial[base + shift] += sum;
    }
}

/* ds from the products s and g, in s. */
template <int ROWS, int KEYS>
SYL_DEVICE void query_gradients(const syl_cuda_attention *a, syl_drop drop, const query_row q[ROWS],
                                int keys, int key, float s[ROWS][KEYS], const float g[ROWS][KEYS])
{
    key += syl_column_group() * KEYS;
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++) {
        float z[KEYS];
        SYL_UNROLL
        for (int j = 0; j < KEYS; j++)
            z[j] = 1.0f;
        if (drop.limit)
            syl_drop_factors<KEYS>(drop, q[i].number, key - syl_first_key(a->left, q[i].at), z);
        SYL_UNROLL
        for (int j = 0; j < KEYS; j++)
            s[i][j] = probability(a, q[i], key + j, keys, s[i][j]) * (g[i][j] * z[j] - q[i].delta);
    }
}

/* One part of a tile of queries: dq of its rows. shared: q, dy, keys or values, scores. */
template <int ROWS, int KEYS, int PAIRS>
SYL_DEVICE void dq_part(const syl_cuda_attention *a, syl_drop drop, syl_cuda_tile t, int begin,
                        float *shared, float *partial)
{
    float *dy = shared + 8 * ROWS * SYL_TILE_STRIDE(PAIRS);
    float *other = dy + 8 * ROWS * SYL_TILE_STRIDE(PAIRS);
    float *ds = other + 16 * KEYS * SYL_TILE_STRIDE(PAIRS);
    float s[ROWS][KEYS], g[ROWS][KEYS], sum[ROWS][2 * PAIRS];
    query_row q[ROWS];
    int head = blockIdx.y, of_keys = head / a->group, d = a->head_dim;
    int keys = t.key_end - t.key_begin;
    int n = t.query_end - begin < 8 * ROWS ? t.query_end - begin : 8 * ROWS;
    int r = syl_row_group() * ROWS;
    int64_t at = (int64_t)t.offset + (begin - t.query_begin);
    int end = syl_end_of_keys(a->right, at + n - 1, keys);
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++)
        q[i] = query_at(a, head, (int64_t)begin + r + i, at + r + i, r + i < n);
    clear_sums<ROWS, 2 * PAIRS>(sum);
    syl_load_head<0, PAIRS>(shared, 8 * ROWS, syl_head_of(a->q, head, d), begin, n);
    syl_load_head<0, PAIRS>(dy, 8 * ROWS, syl_head_of(a->dy, head, d), begin, n);
    for (int key = syl_first_key(a->left, at); key < end; key += 16 * KEYS) {
        int64_t row = (int64_t)t.key_begin + key;
        syl_load_head<KEYS, PAIRS>(other, 16 * KEYS, syl_head_of(a->v, of_keys, d), row, end - key);
        __syncthreads();
        syl_tile_scores<ROWS, KEYS, PAIRS>(dy, other, d, g);
        __syncthreads();
        syl_load_head<KEYS, PAIRS>(other, 16 * KEYS, syl_head_of(a->k, of_keys, d), row, end - key);
        __syncthreads();
        syl_tile_scores<ROWS, KEYS, PAIRS>(shared, other, d, s);
        query_gradients<ROWS, KEYS>(a, drop, q, keys, key, s, g);
        syl_put_scores<ROWS, KEYS>(ds, s);
        __syncthreads();
        if (partial) add_bias_gradient<ROWS, KEYS>(a, ds, n, at, key, partial);
        syl_tile_accumulate<ROWS, KEYS, PAIRS>(ds, other, sum);
        __syncthreads();
    }
    put_gradient<ROWS, PAIRS>(a->dq, head, begin, n, d, a->scale, sum);
}

/* Grid (tile x parts, head). With a bias one block takes all parts of its tile, because they add
 * to one partial gradient: parts is then 1. */
template <int ROWS, int KEYS, int PAIRS>
__global__ void __launch_bounds__(SYL_ATTENTION_THREADS, 3)
    attention_dq_kernel(syl_cuda_attention a, syl_drop drop, int parts)
{
    SYL_DYNAMIC_SHARED(float, shared);
    int64_t tile = blockIdx.x / parts, width = a.left + a.right + 1;
    syl_cuda_tile t = a.tiles[tile];
    float *partial = NULL;
    if (a.drel_bias) {
        partial = a.partial_bias + (tile * a.heads + blockIdx.y) * width;
        for (int64_t w = threadIdx.x; w < width; w += SYL_ATTENTION_THREADS)
            partial[w] = 0; /* there are barriers before the first is added to */
    }
    for (int begin = t.query_begin + (int)(blockIdx.x % parts) * 8 * ROWS; begin < t.query_end;
         begin += parts * 8 * ROWS)
        dq_part<ROWS, KEYS, PAIRS>(&a, drop, t, begin, shared, partial);
}

/* drel_bias += the tiles' partial gradients, in their order. */
__global__ void __launch_bounds__(SYL_BLOCK) attention_bias_kernel(syl_cuda_attention a)
{
    int64_t n = (a.left + a.right + 1) * a.heads;
    int64_t i = (int64_t)blockIdx.x * SYL_BLOCK + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (int64_t t = 0; t < a.num_tiles; t++)
        sum += a.partial_bias[t * n + i];
    a.drel_bias[i] += sum;
}

/* ---- dk and dv ----------------------------------------------------------------------------- */

/* The positions of queries, from `from` up to `to`, that any key of [first, first + n) is seen
 * from, out of those up to `queries`. The keys stand at positions of their own sequence. */
SYL_DEVICE int first_query_of(int64_t right, int64_t first)
{
    return right >= 0 && first > right ? (int)(first - right) : 0;
}

SYL_DEVICE int end_of_queries(int64_t left, int64_t last, int queries)
{
    return left >= 0 && last + left + 1 < queries ? (int)(last + left + 1) : queries;
}

/* From the products s and g of keys by queries: (p z) in s, ds in g. */
template <int ROWS, int OTHERS>
SYL_DEVICE void key_gradients(const syl_cuda_attention *a, syl_drop drop, syl_cuda_tile t, int head,
                              int query, int key, float s[ROWS][OTHERS], float g[ROWS][OTHERS])
{
    int keys = t.offset + (t.key_end - t.key_begin); /* none beyond this tile is asked for */
    query += syl_column_group() * OTHERS;
    key += syl_row_group() * ROWS;
    SYL_UNROLL
    for (int j = 0; j < OTHERS; j++) {
        int64_t row = (int64_t)t.query_begin + query + j;
        query_row q = query_at(a, head, row, query + j, row < t.query_end);
        float z[ROWS];
        SYL_UNROLL
        for (int i = 0; i < ROWS; i++)
            z[i] = 1.0f;
        if (drop.limit)
            syl_drop_factors<ROWS>(drop, q.number, key - syl_first_key(a->left, q.at), z);
        SYL_UNROLL
        for (int i = 0; i < ROWS; i++) {
            float p = probability(a, q, key + i, keys, s[i][j]);
            g[i][j] = p * (g[i][j] * z[i] - q.delta);
            s[i][j] = p * z[i];
        }
    }
}

/* One part of a tile of keys, over all heads of q that share them. shared: k, v, queries or their
 * dy, scores. */
template <int ROWS, int OTHERS, int PAIRS>
SYL_DEVICE void dkv_part(const syl_cuda_attention *a, syl_drop drop, syl_cuda_tile t, int begin,
                         float *shared)
{
    float *v = shared + 8 * ROWS * SYL_TILE_STRIDE(PAIRS);
    float *other = v + 8 * ROWS * SYL_TILE_STRIDE(PAIRS);
    float *p = other + 16 * OTHERS * SYL_TILE_STRIDE(PAIRS);
    float s[ROWS][OTHERS], g[ROWS][OTHERS], dk[ROWS][2 * PAIRS], dv[ROWS][2 * PAIRS];
    int of_keys = blockIdx.y, d = a->head_dim;
    int n = t.key_end - begin < 8 * ROWS ? t.key_end - begin : 8 * ROWS;
    int key = t.offset + (begin - t.key_begin);
    int first = first_query_of(a->right, key);
    int end = end_of_queries(a->left, key + n - 1, t.query_end - t.query_begin);
    clear_sums<ROWS, 2 * PAIRS>(dk);
    clear_sums<ROWS, 2 * PAIRS>(dv);
    syl_load_head<0, PAIRS>(shared, 8 * ROWS, syl_head_of(a->k, of_keys, d), begin, n);
    syl_load_head<0, PAIRS>(v, 8 * ROWS, syl_head_of(a->v, of_keys, d), begin, n);
    /* Over the heads and, in each, the queries: one loop takes fewer registers than two. */
    int head = of_keys * a->group, query = first;
    SYL_NO_UNROLL
    while (head < (of_keys + 1) * a->group && first < end) {
        int64_t row = (int64_t)t.query_begin + query;
        syl_head_view dy = syl_head_of(a->dy, head, d), q = syl_head_of(a->q, head, d);
        syl_load_head<OTHERS, PAIRS>(other, 16 * OTHERS, q, row, end - query);
        __syncthreads();
        syl_tile_scores<ROWS, OTHERS, PAIRS>(shared, other, d, s);
        __syncthreads();
        syl_load_head<OTHERS, PAIRS>(other, 16 * OTHERS, dy, row, end - query);
        __syncthreads();
        syl_tile_scores<ROWS, OTHERS, PAIRS>(v, other, d, g);
        key_gradients<ROWS, OTHERS>(a, drop, t, head, query, key, s, g);
        syl_put_scores<ROWS, OTHERS>(p, s);
        __syncwarp(); /* a warp's rows are its own */
        syl_tile_accumulate<ROWS, OTHERS, PAIRS>(p, other, dv);
        __syncthreads();
        /* The queries a second time: room for both at once would halve the blocks of an SM. */
        syl_load_head<OTHERS, PAIRS>(other, 16 * OTHERS, q, row, end - query);
        syl_put_scores<ROWS, OTHERS>(p, g);
        __syncthreads();
        syl_tile_accumulate<ROWS, OTHERS, PAIRS>(p, other, dk);
        __syncthreads();
        query += 16 * OTHERS;
        if (query < end) continue;
        query = first;
        head++;
    }
    put_gradient<ROWS, PAIRS>(a->dk, of_keys, begin, n, d, a->scale, dk);
    put_gradient<ROWS, PAIRS>(a->dv, of_keys, begin, n, d, 1.0f, dv);
}

/* Grid (tile of keys x parts, head of keys). */
template <int ROWS, int OTHERS, int PAIRS>
__global__ void __launch_bounds__(SYL_ATTENTION_THREADS, 3)
    attention_dkv_kernel(syl_cuda_attention a, syl_drop drop, int parts)
{
    SYL_DYNAMIC_SHARED(float, shared);
    syl_cuda_tile t = a.key_tiles[blockIdx.x / parts];
    int begin = t.key_begin + (int)(blockIdx.x % parts) * 8 * ROWS;
    if (begin >= t.key_end) return; /* the whole block */
    dkv_part<ROWS, OTHERS, PAIRS>(&a, drop, t, begin, shared);
}

/* ---- launches ------------------------------------------------------------------------------ */

static cudaError_t launch_delta(cudaStream_t stream, const syl_cuda_attention *a)
{
    int64_t blocks = syl_at_most(syl_ceil_div(a->q.rows, SYL_BLOCK / SYL_WARP), SYL_MAX_BLOCKS);
    if (blocks <= 0) return cudaSuccess;
    return SYL_LAUNCH(attention_delta_kernel, dim3((unsigned)blocks, (unsigned)a->heads, 1),
                      dim3(SYL_BLOCK, 1, 1), 0, stream, *a);
}

static cudaError_t launch_bias(cudaStream_t stream, const syl_cuda_attention *a)
{
    int64_t n = (a->left + a->right + 1) * a->heads;
    if (!a->drel_bias) return cudaSuccess;
    return SYL_LAUNCH(attention_bias_kernel, dim3((unsigned)syl_ceil_div(n, SYL_BLOCK), 1, 1),
                      dim3(SYL_BLOCK, 1, 1), 0, stream, *a);
}

template <int ROWS, int OTHERS, int PAIRS>
static cudaError_t launch_gradients(cudaStream_t stream, const syl_cuda_attention *a)
{
    int parts = SYL_CUDA_QUERIES / (8 * ROWS), query_parts = a->drel_bias ? 1 : parts;
    size_t bytes = SYL_ATTENTION_SHARED(2, ROWS, OTHERS, PAIRS);
    cudaError_t e = cudaSuccess;
    if (a->num_tiles > 0)
        e = syl_launch_tiles(attention_dq_kernel<ROWS, OTHERS, PAIRS>, stream, a, syl_drop_of(a),
                             (int64_t)a->num_tiles * query_parts, a->heads, 1, query_parts, bytes);
    if (e == cudaSuccess && a->num_key_tiles > 0)
        e = syl_launch_tiles(attention_dkv_kernel<ROWS, OTHERS, PAIRS>, stream, a, syl_drop_of(a),
                             (int64_t)a->num_key_tiles * parts, a->heads / a->group, 1, parts,
                             bytes);
    return e;
}

static cudaError_t launch_by_size(cudaStream_t stream, const syl_cuda_attention *a)
{
    if (a->head_dim <= 32) return launch_gradients<4, 4, 1>(stream, a);
    if (a->head_dim <= 64) return launch_gradients<4, 4, 2>(stream, a);
    if (a->head_dim <= 96) return launch_gradients<4, 4, 3>(stream, a);
    if (a->head_dim <= 128) return launch_gradients<4, 2, 4>(stream, a);
    return launch_gradients<2, 1, 8>(stream, a);
}

cudaError_t syl_cuda_attention_backward(cudaStream_t stream, const syl_cuda_attention *a)
{
    if (a->num_tiles <= 0 && a->num_key_tiles <= 0) return cudaSuccess;
    if (!syl_attention_fits(a)) return cudaErrorInvalidValue;
    cudaError_t e = launch_delta(stream, a);
    if (e == cudaSuccess) e = launch_by_size(stream, a);
    if (e == cudaSuccess) e = launch_bias(stream, a);
    return e;
}
