/* What attention's kernels share: tiles of rows in shared memory, products of two tiles with each
 * thread's part of the result in registers, who sees whom, and dropout.
 *
 * A block is 128 threads: 8 groups of rows by 16 groups of columns, so that a row of scores is in
 * half a warp and the rows of a warp are its own. It holds 8 ROWS rows of "its own" side and walks
 * over the other side by tiles of 16 OTHERS rows. A thread has ROWS x OTHERS scores and, of the
 * result, ROWS x 2 PAIRS values: columns 32 m + 2 g and the next, for its group g. A head has up
 * to 32 PAIRS columns. */
#ifndef SYL_COMPUTE_CUDA_ATTENTION_CUH
#define SYL_COMPUTE_CUDA_ATTENTION_CUH

#include "lib/compute/cuda/device.cuh"

#define SYL_ATTENTION_THREADS 128
#define SYL_ROW_GROUPS 8
#define SYL_COLUMN_GROUPS 16

/* Floats from one row of a tile to the next: 16-byte pieces of rows one below the other are in
 * different banks since the stride is an odd number of such pieces. */
#define SYL_TILE_STRIDE(pairs) (32 * (pairs) + 4)
#define SYL_SCORE_STRIDE(others) (16 * (others) + 4)

/* Shared memory: `own` tiles of 8 rows rows, one of 16 others rows, and the scores. */
#define SYL_ATTENTION_SHARED(own, rows, others, pairs)                              \
    (sizeof(float) * (((own)*8 * (rows) + 16 * (others)) * SYL_TILE_STRIDE(pairs) + \
                      8 * (rows)*SYL_SCORE_STRIDE(others)))

static inline bool syl_attention_fits(const syl_cuda_attention *a)
{
    return a->head_dim >= 1 && a->head_dim <= 256 && a->heads >= 1 && a->heads <= 65535 &&
           a->group >= 1 && a->heads % a->group == 0;
}

#ifdef __CUDACC__
#define SYL_UNROLL_2 _Pragma("unroll 2") /* four times would spill */
#else
#define SYL_UNROLL_2
#endif

typedef struct syl_drop { /* of one call; limit 0: none */
    uint64_t seed, stream;
    uint32_t limit;
    float scale;
} syl_drop;

typedef void (*syl_attention_kernel)(syl_cuda_attention, syl_drop, int);

/* Blocks of (tile, head, one of `group`); more shared memory than 48 KiB has to be asked for. */
static inline cudaError_t syl_launch_tiles(syl_attention_kernel kernel, cudaStream_t stream,
                                           const syl_cuda_attention *a, syl_drop drop,
                                           int64_t blocks, int heads, int group, int parts,
                                           size_t bytes)
{
    if (bytes > 48 * 1024) {
        cudaError_t e = cudaFuncSetAttribute(
            (const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
        if (e != cudaSuccess) {
            (void)cudaGetLastError(); /* or the next launch would report it */
            return e;
        }
    }
    return SYL_LAUNCH(kernel, dim3((unsigned)blocks, (unsigned)heads, (unsigned)group),
                      dim3(SYL_ATTENTION_THREADS, 1, 1), bytes, stream, *a, drop, parts);
}

SYL_DEVICE int syl_row_group(void)
{
    return (int)threadIdx.x / SYL_COLUMN_GROUPS;
}

SYL_DEVICE int syl_column_group(void)
{
    return (int)threadIdx.x % SYL_COLUMN_GROUPS;
}

/* ---- loading ------------------------------------------------------------------------------- */

template <typename T> SYL_DEVICE void syl_tile_values(const T *row, int n, bool fours, float v[4])
{
    if (fours && n >= 4) {
        syl_load4(row, v);
        return;
    }
    for (int e = 0; e < 4; e++)
        v[e] = e < n ? syl_load(row + e) : 0.0f;
}

/* Rows begin .. begin + n of a head into a tile of `size` rows, what is beyond them as zeros.
 * Sixteen threads read a row side by side. With OTHERS, row r goes to place r / OTHERS +
 * 16 (r % OTHERS): a thread then has OTHERS rows that follow one another and reads them without
 * conflicts of banks. `fours`: rows are aligned for vectors. */
template <int OTHERS, int PAIRS, typename T>
SYL_DEVICE void syl_load_tile(float *tile, int size, const T *m, int64_t stride, int64_t begin,
                              int n, int head_dim, bool fours)
{
    for (int place = syl_row_group(); place < size; place += SYL_ROW_GROUPS) {
        int r = OTHERS ? place % 16 * OTHERS + place / 16 : place;
        for (int c = 4 * syl_column_group(); c < 32 * PAIRS; c += 64) {
            float v[4] = {0, 0, 0, 0};
            if (r < n) syl_tile_values(m + (begin + r) * stride + c, head_dim - c, fours, v);
            syl_store4(tile + place * SYL_TILE_STRIDE(PAIRS) + c, v);
        }
    }
}

/* A head's columns of a matrix of either dtype. */
typedef struct syl_head_view {
    const void *data;
    int64_t stride;
    int head_dim;
    bool wide, fours; /* wide: float32 */
} syl_head_view;

SYL_DEVICE syl_head_view syl_head_of(syl_mat m, int head, int head_dim)
{
    syl_head_view h;
    bool wide = m.dtype == SYL_F32;
    int64_t first = (int64_t)head * head_dim;
    h.data = wide ? (const void *)((const float *)m.data + first)
                  : (const void *)((const uint16_t *)m.data + first);
    h.stride = m.stride;
    h.head_dim = head_dim;
    h.wide = wide;
    h.fours = m.stride % 4 == 0 && (uintptr_t)h.data % (wide ? 16 : 8) == 0;
    return h;
}

template <int OTHERS, int PAIRS>
SYL_DEVICE void syl_load_head(float *tile, int size, syl_head_view h, int64_t begin, int n)
{
    if (h.wide)
        syl_load_tile<OTHERS, PAIRS>(tile, size, (const float *)h.data, h.stride, begin, n,
                                     h.head_dim, h.fours);
    else
        syl_load_tile<OTHERS, PAIRS>(tile, size, (const uint16_t *)h.data, h.stride, begin, n,
                                     h.head_dim, h.fours);
}

/* ---- products ------------------------------------------------------------------------------ */

/* s = own rows . other rows, over head_dim columns. */
template <int ROWS, int OTHERS, int PAIRS>
SYL_DEVICE void syl_tile_scores(const float *own, const float *other, int head_dim,
                                float s[ROWS][OTHERS])
{
    own += syl_row_group() * ROWS * SYL_TILE_STRIDE(PAIRS);
    other += syl_column_group() * SYL_TILE_STRIDE(PAIRS);
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++)
        SYL_UNROLL
    for (int j = 0; j < OTHERS; j++)
        s[i][j] = 0;
    SYL_UNROLL_2
    for (int c = 0; c < head_dim; c += 4) {
        float4 b[OTHERS];
        SYL_UNROLL
        for (int j = 0; j < OTHERS; j++)
            b[j] = *(const float4 *)(other + j * 16 * SYL_TILE_STRIDE(PAIRS) + c);
        SYL_UNROLL
        for (int i = 0; i < ROWS; i++) {
            float4 a = *(const float4 *)(own + i * SYL_TILE_STRIDE(PAIRS) + c);
            SYL_UNROLL
            for (int j = 0; j < OTHERS; j++)
                s[i][j] += a.x * b[j].x + a.y * b[j].y + a.z * b[j].z + a.w * b[j].w;
        }
    }
}

/* The thread's scores to its warp's rows of shared memory; column = place of the other row. */
template <int ROWS, int OTHERS>
SYL_DEVICE void syl_put_scores(float *p, const float s[ROWS][OTHERS])
{
    p += syl_row_group() * ROWS * SYL_SCORE_STRIDE(OTHERS) + syl_column_group();
    SYL_UNROLL
    for (int i = 0; i < ROWS; i++)
        SYL_UNROLL
    for (int j = 0; j < OTHERS; j++)
        p[i * SYL_SCORE_STRIDE(OTHERS) + 16 * j] = s[i][j];
}

SYL_DEVICE float syl_part(float4 f, int e)
{
    return e == 0 ? f.x : e == 1 ? f.y : e == 2 ? f.z : f.w;
}

/* sum += scores . other rows. */
template <int ROWS, int OTHERS, int PAIRS>
SYL_DEVICE void syl_tile_accumulate(const float *p, const float *other, float sum[ROWS][2 * PAIRS])
{
    p += syl_row_group() * ROWS * SYL_SCORE_STRIDE(OTHERS);
    other += 2 * syl_column_group();
    SYL_NO_UNROLL
    for (int at = 0; at < 16 * OTHERS; at += 4) {
        float4 s[ROWS];
        SYL_UNROLL
        for (int i = 0; i < ROWS; i++)
            s[i] = *(const float4 *)(p + i * SYL_SCORE_STRIDE(OTHERS) + at);
        SYL_UNROLL
        for (int e = 0; e < 4; e++)
            SYL_UNROLL
        for (int m = 0; m < PAIRS; m++) {
            float2 v = *(const float2 *)(other + (at + e) * SYL_TILE_STRIDE(PAIRS) + 32 * m);
            SYL_UNROLL
            for (int i = 0; i < ROWS; i++) {
                sum[i][2 * m] += syl_part(s[i], e) * v.x;
                sum[i][2 * m + 1] += syl_part(s[i], e) * v.y;
            }
        }
    }
}

/* The thread's values of row `i` of its rows, times `scale`, to a head's row of y. */
template <int PAIRS>
SYL_DEVICE void syl_put_row(syl_mat y, int64_t row, int64_t first, int head_dim, float scale,
                            const float sum[2 * PAIRS])
{
    SYL_UNROLL
    for (int m = 0; m < 2 * PAIRS; m++) {
        int c = 32 * (m / 2) + 2 * syl_column_group() + m % 2;
        int64_t at = row * y.stride + first + c;
        if (c >= head_dim) continue;
        if (y.dtype == SYL_F32)
            syl_store((float *)y.data + at, scale * sum[m]);
        else
            syl_store((uint16_t *)y.data + at, scale * sum[m]);
    }
}

/* ---- the mask ------------------------------------------------------------------------------ */

/* Keys from `first` up to `end` are seen from position `at` of a sequence of n keys. */
SYL_DEVICE int syl_first_key(int64_t left, int64_t at)
{
    return left >= 0 && at > left ? (int)(at - left) : 0;
}

SYL_DEVICE int syl_end_of_keys(int64_t right, int64_t at, int n)
{
    return right >= 0 && at + right + 1 < n ? (int)(at + right + 1) : n;
}

/* ---- dropout ------------------------------------------------------------------------------- */

static inline syl_drop syl_drop_of(const syl_cuda_attention *a)
{
    syl_drop d = {a->seed, a->stream, 0, 1.0f};
    if (a->dropout > 0) {
        d.limit = syl_dropout_limit(a->dropout);
        d.scale = 1.0f / (1.0f - a->dropout);
    }
    return d;
}

/* Factors of the probabilities of n <= 4 keys from number `rel` (of those that the query sees; may
 * be negative for keys that it does not). Four elements share one block of Philox, and mostly one
 * block is all. `row`: head times rows plus row of q; 2^24 elements a row, as on the CPU. */
template <int N>
SYL_DEVICE void syl_drop_factors(syl_drop d, uint64_t row, int rel, float factor[N])
{
    uint64_t block = (row << 22) + (uint64_t)(int64_t)(rel >> 2);
    uint32_t word[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    int shift = rel & 3;
    syl_device_philox(d.seed, d.stream, block, word);
    if (shift + N > 4) syl_device_philox(d.seed, d.stream, block + 1, word + 4);
    SYL_UNROLL
    for (int e = 0; e < N; e++) {
        uint32_t w = word[e];
        SYL_UNROLL
        for (int o = 1; o < 4; o++) /* not word[e + shift]: that would be an array in memory */
            w = shift == o ? word[e + o] : w;
        factor[e] = w >= d.limit ? d.scale : 0.0f;
    }
}

#endif
