/* The k nearest codes of 64-bit words by Hamming distance.
 *
 * A warp a query, eight queries a block that share a tile of codes in shared memory; blocks share
 * out the codes by chunks. Each warp keeps what it has found in shared memory: a sorted list and a
 * buffer of candidates that were below the list's last, merged when the buffer is full (warp
 * select: Johnson et al. 2017, "Billion-scale similarity search with GPUs"). A second kernel
 * merges the chunks' lists. Items are distance and number in one integer, so no two are equal and
 * the k least do not depend on any order. */
#include "lib/compute/cuda/device.cuh"

#define QUERIES 8 /* warps of a block */
#define THREADS (QUERIES * SYL_WARP)
#define TILE_WORDS 1024 /* of codes, 8 KiB */
#define MAX_WORDS 32    /* of a code at a time */
#define MIN_CHUNK 4096  /* codes of a block: fewer cost more than they share out */
#define NOTHING UINT64_MAX

/* A warp's: items [2 length], the list first, then the buffer. All lanes have the same values. */
typedef struct hamming_list {
    uint64_t *items, limit; /* candidates are below limit, the k-th of the list */
    int k, length, waiting;
} hamming_list;

/* Length of the list for k: a power of two, as the sort wants. */
static inline int hamming_length(int k)
{
    return k <= 64 ? 64 : 128;
}

SYL_DEVICE hamming_list hamming_new_list(uint64_t *items, int k, int length)
{
    hamming_list l = {items, NOTHING, k, length, 0};
    for (int i = threadIdx.x % SYL_WARP; i < 2 * length; i += SYL_WARP)
        items[i] = NOTHING;
    __syncwarp();
    return l;
}

/* Bitonic sort (Batcher 1968) of list and buffer, which leaves the least in the list. */
SYL_DEVICE void hamming_merge(hamming_list *l)
{
    int lane = threadIdx.x % SYL_WARP, n = 2 * l->length;
    __syncwarp();
    for (int size = 2; size <= n; size *= 2)
        for (int apart = size / 2; apart > 0; apart /= 2) {
            for (int i = lane; i < n / 2; i += SYL_WARP) {
                int low = 2 * i - (i & (apart - 1)), high = low + apart;
                uint64_t a = l->items[low], b = l->items[high];
                bool swap = (a > b) == ((low & size) == 0);
                l->items[low] = swap ? b : a;
                l->items[high] = swap ? a : b;
            }
            __syncwarp();
        }
    l->limit = l->items[l->k - 1];
    for (int i = l->length + lane; i < n; i += SYL_WARP)
        l->items[i] = NOTHING;
    l->waiting = 0;
    __syncwarp();
}

/* One item of each lane (NOTHING: none); all lanes come by. */
SYL_DEVICE void hamming_offer(hamming_list *l, uint64_t item)
{
    unsigned lanes = __ballot_sync(SYL_ALL_LANES, item < l->limit);
    if (lanes == 0) return;
    int before = __popc(lanes & ((1u << threadIdx.x % SYL_WARP) - 1)), count = __popc(lanes);
    if (l->waiting + count > l->length) hamming_merge(l);
    if (lanes >> threadIdx.x % SYL_WARP & 1) /* by the old limit: `before` counts those */
        l->items[l->length + l->waiting + before] = item;
    l->waiting += count;
}

/* ---- search -------------------------------------------------------------------------------- */

/* How `words` are gone through: `width` at a time, tiles of `codes` codes. Tiles of more codes than
 * a warp has lanes are there only where one pass sees whole codes. */
typedef struct hamming_shape {
    int words, width, codes;
} hamming_shape;

static inline hamming_shape hamming_shape_of(int words)
{
    hamming_shape s = {words, words < MAX_WORDS ? words : MAX_WORDS, 0};
    s.codes = TILE_WORDS / s.width / SYL_WARP * SYL_WARP;
    return s;
}

/* Words `from` on of n codes to tile [width][codes + 1], words becoming rows so that lanes read
 * side by side. */
SYL_DEVICE void hamming_load(hamming_shape s, const uint64_t *codes, int n, int from,
                             uint64_t *tile)
{
    int width = s.words - from < s.width ? s.words - from : s.width;
    for (int i = threadIdx.x; i < n * width; i += THREADS)
        tile[i % width * (s.codes + 1) + i / width] =
            codes[(int64_t)(i / width) * s.words + from + i % width];
}

/* Words `from` on of the block's queries to query [QUERIES][width]. */
SYL_DEVICE void hamming_load_queries(hamming_shape s, const uint64_t *queries, int n, int from,
                                     uint64_t *query)
{
    int width = s.words - from < s.width ? s.words - from : s.width;
    for (int i = threadIdx.x; i < n * width; i += THREADS)
        query[i / width * s.width + i % width] =
            queries[(int64_t)(i / width) * s.words + from + i % width];
}

SYL_DEVICE int hamming_distance(const uint64_t *tile, int stride, const uint64_t *query, int width)
{
    int sum = 0;
    for (int w = 0; w < width; w++)
        sum += __popcll(tile[w * stride] ^ query[w]);
    return sum;
}

/* Offers the n codes of a tile, number `first` on, to the warp's list. The barriers are the
 * block's. */
SYL_DEVICE void hamming_tile(hamming_shape s, const uint64_t *codes, const uint64_t *queries,
                             int num_queries, int64_t first, int n, uint64_t *tile, uint64_t *query,
                             hamming_list *list)
{
    int lane = threadIdx.x % SYL_WARP, warp = threadIdx.x / SYL_WARP, carried = 0;
    for (int from = 0; from < s.words; from += s.width) {
        int width = s.words - from < s.width ? s.words - from : s.width;
        __syncthreads();
        hamming_load(s, codes + first * s.words, n, from, tile);
        hamming_load_queries(s, queries, num_queries, from, query);
        __syncthreads();
        if (warp >= num_queries) continue;
        for (int c = lane; c < s.codes; c += SYL_WARP) {
            int d = carried;
            if (c < n) d += hamming_distance(tile + c, s.codes + 1, query + warp * s.width, width);
            carried = s.width < s.words ? d : 0;
            if (from + s.width < s.words) continue;
            uint64_t item = (uint64_t)(uint32_t)d << 32 | (uint32_t)(first + c);
            hamming_offer(list, c < n ? item : NOTHING);
        }
    }
}

/* found [chunks][num_queries][k] = each chunk's nearest. Grid (groups of queries, chunks). */
__global__ void __launch_bounds__(THREADS)
    hamming_search_kernel(const uint64_t *codes, int64_t n, const uint64_t *queries,
                          int64_t num_queries, hamming_shape s, int k, int length, int64_t chunk,
                          uint64_t *found)
{
    SYL_DYNAMIC_SHARED(uint64_t, shared);
    int warp = threadIdx.x / SYL_WARP;
    uint64_t *tile = shared + QUERIES * 2 * length, *query = tile + s.width * (s.codes + 1);
    hamming_list list = hamming_new_list(shared + warp * 2 * length, k, length);
    int64_t group = (int64_t)blockIdx.x * QUERIES, left = num_queries - group;
    int64_t begin = blockIdx.y * chunk, end = begin + chunk < n ? begin + chunk : n;
    int here = left < QUERIES ? (int)left : QUERIES;
    for (int64_t first = begin; first < end; first += s.codes)
        hamming_tile(s, codes, queries + group * s.words, here, first,
                     end - first < s.codes ? (int)(end - first) : s.codes, tile, query, &list);
    hamming_merge(&list);
    if (warp >= here) return;
    found += ((int64_t)blockIdx.y * num_queries + group + warp) * k;
    for (int i = threadIdx.x % SYL_WARP; i < k; i += SYL_WARP)
        found[i] = list.items[i];
}

/* ---- the chunks' lists together ------------------------------------------------------------ */

__global__ void __launch_bounds__(THREADS)
    hamming_merge_kernel(const uint64_t *found, int64_t num_queries, int chunks, int k, int length,
                         int32_t *distance, int32_t *id)
{
    SYL_DYNAMIC_SHARED(uint64_t, shared);
    int warp = threadIdx.x / SYL_WARP, lane = threadIdx.x % SYL_WARP;
    int64_t query = (int64_t)blockIdx.x * QUERIES + warp;
    if (query >= num_queries) return; /* the whole warp; there are no barriers of the block */
    hamming_list list = hamming_new_list(shared + warp * 2 * length, k, length);
    for (int c = 0; c < chunks; c++) {
        const uint64_t *items = found + ((int64_t)c * num_queries + query) * k;
        for (int i = lane; i < (k + SYL_WARP - 1) / SYL_WARP * SYL_WARP; i += SYL_WARP)
            hamming_offer(&list, i < k ? items[i] : NOTHING);
    }
    hamming_merge(&list);
    for (int i = lane; i < k; i += SYL_WARP) {
        bool none = list.items[i] == NOTHING;
        distance[query * k + i] = none ? -1 : (int32_t)(list.items[i] >> 32);
        id[query * k + i] = none ? -1 : (int32_t)(uint32_t)list.items[i];
    }
}

/* Codes of a block, so that there are some eight blocks for every processor of an H100. */
static int64_t hamming_chunk(int64_t num_queries, int64_t n)
{
    int64_t groups = syl_ceil_div(num_queries, QUERIES);
    int64_t chunks = syl_at_most(syl_ceil_div(1024, groups), syl_ceil_div(n, MIN_CHUNK));
    return syl_ceil_div(n, chunks);
}

size_t syl_cuda_hamming_work(int64_t queries, int64_t n, int k)
{
    if (queries <= 0 || n <= 0 || k <= 0) return 0;
    size_t chunks = (size_t)syl_ceil_div(n, hamming_chunk(queries, n));
    return chunks * (size_t)queries * (size_t)k * sizeof(uint64_t);
}

cudaError_t syl_cuda_hamming_search(cudaStream_t stream, const uint64_t *codes, int64_t n,
                                    const uint64_t *queries, int64_t num_queries, int words, int k,
                                    int32_t *distance, int32_t *id, void *work)
{
    if (num_queries <= 0 || k <= 0) return cudaSuccess;
    if (k > SYL_HAMMING_K || words < 1 || n > INT32_MAX) return cudaErrorInvalidValue;
    int64_t chunk = n > 0 ? hamming_chunk(num_queries, n) : 1, chunks = syl_ceil_div(n, chunk);
    hamming_shape s = hamming_shape_of(words);
    int length = hamming_length(k);
    size_t lists = sizeof(uint64_t) * QUERIES * 2 * (size_t)length;
    size_t tiles = sizeof(uint64_t) * (size_t)(s.width * (s.codes + 1) + QUERIES * s.width);
    unsigned groups = (unsigned)syl_ceil_div(num_queries, QUERIES);
    uint64_t *found = (uint64_t *)work;
    cudaError_t e = cudaSuccess;
    if (n > 0)
        e = SYL_LAUNCH(hamming_search_kernel, dim3(groups, (unsigned)chunks, 1),
                       dim3(THREADS, 1, 1), lists + tiles, stream, codes, n, queries, num_queries,
                       s, k, length, chunk, found);
    if (e != cudaSuccess) return e;
    return SYL_LAUNCH(hamming_merge_kernel, dim3(groups, 1, 1), dim3(THREADS, 1, 1), lists, stream,
                      found, num_queries, (int)chunks, k, length, distance, id);
}
