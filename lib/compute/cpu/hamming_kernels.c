/* The inner loop of the search among codes, for several kinds of processors.
 *
 * Codes stand in slices of eight, [words][8], so that distances add up without a sum across a
 * register. Distances of a few slices are compared together, by their least: almost always all are
 * too far. The processor is asked at run time and not by the loader (lib/base/clones.h), so that
 * every version can be tested, also under sanitizers. */
#include "lib/compute/hamming.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define WITH(instructions) __attribute__((target(instructions)))
#define INLINE_WITH(instructions) static inline __attribute__((always_inline, target(instructions)))
#endif

/* ---- one slice after the other ------------------------------------------------------------ */

/* Those of `n` distances, of the codes from `first` on, that are below limit. */
static inline int keep_near(const uint64_t *distance, int first, int n, int limit, syl_near *found)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        if (distance[i] < (uint64_t)limit)
            found[count++] = (syl_near){(uint16_t)(first + i), (uint16_t)distance[i]};
    return count;
}

static inline __attribute__((always_inline)) int near_by_slices(const uint64_t *tile, int n,
                                                                int words, const uint64_t *query,
                                                                int limit, syl_near *found)
{
    int count = 0;
    for (int first = 0; first < n; first += SYL_SLICE) {
        uint64_t distance[SYL_SLICE] = {0};
        for (int w = 0; w < words; w++)
            for (int i = 0; i < SYL_SLICE; i++)
                distance[i] += (uint64_t)__builtin_popcountll(tile[w * SYL_SLICE + i] ^ query[w]);
        count += keep_near(distance, first, n - first < SYL_SLICE ? n - first : SYL_SLICE, limit,
                           found + count);
        tile += words * SYL_SLICE;
    }
    return count;
}

static int near_plain(const uint64_t *tile, int n, int words, const uint64_t *query, int limit,
                      syl_near *found)
{
    return near_by_slices(tile, n, words, query, limit, found);
}

static const syl_hamming_kernel plain = {"plain", near_plain, NULL};

#if defined(__x86_64__)

WITH("popcnt")
static int near_popcnt(const uint64_t *tile, int n, int words, const uint64_t *query, int limit,
                       syl_near *found)
{
    return near_by_slices(tile, n, words, query, limit, found);
}

static const syl_hamming_kernel popcnt = {"popcnt", near_popcnt, NULL};

/* ---- AVX-512 with VPOPCNTDQ --------------------------------------------------------------- */

#define AVX512 "avx512f,avx512vpopcntdq"
#define TOGETHER 4 /* slices whose distances are compared together */

/* Distances of a slice. */
INLINE_WITH(AVX512)
__m512i slice_avx512(const uint64_t *slice, int words, const uint64_t *query)
{
    __m512i sum = _mm512_setzero_si512();
    for (int w = 0; w < words; w++) {
        __m512i code = _mm512_loadu_si512(slice + w * SYL_SLICE);
        __m512i differ = _mm512_xor_si512(code, _mm512_set1_epi64((long long)query[w]));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(differ));
    }
    return sum;
}

INLINE_WITH(AVX512)
int keep_avx512(__m512i distance, int first, int n, int limit, syl_near *found)
{
    uint64_t d[SYL_SLICE];
    _mm512_storeu_si512(d, distance);
    return keep_near(d, first, n, limit, found);
}

/* Distances are below 2^32, so that halves of the lanes can be compared: one instruction. */
INLINE_WITH(AVX512)
bool any_near_avx512(const __m512i distance[TOGETHER], __m512i limit)
{
    __m512i least = _mm512_min_epu32(_mm512_min_epu32(distance[0], distance[1]),
                                     _mm512_min_epu32(distance[2], distance[3]));
    return _mm512_cmplt_epu64_mask(least, limit) != 0;
}

INLINE_WITH(AVX512)
int near_words_avx512(const uint64_t *tile, int n, int words, const uint64_t *query, int limit,
                      syl_near *found)
{
    const __m512i limits = _mm512_set1_epi64(limit);
    const int step = words * SYL_SLICE;
    int count = 0, first = 0;
    for (; first + TOGETHER * SYL_SLICE <= n; first += TOGETHER * SYL_SLICE) {
        __m512i distance[TOGETHER];
        for (int s = 0; s < TOGETHER; s++)
            distance[s] = slice_avx512(tile + s * step, words, query);
        tile += TOGETHER * step;
        if (__builtin_expect(!any_near_avx512(distance, limits), 1)) continue;
        for (int s = 0; s < TOGETHER; s++)
            count +=
                keep_avx512(distance[s], first + s * SYL_SLICE, SYL_SLICE, limit, found + count);
    }
    for (; first < n; first += SYL_SLICE, tile += step)
        count += keep_avx512(slice_avx512(tile, words, query), first,
                             n - first < SYL_SLICE ? n - first : SYL_SLICE, limit, found + count);
    return count;
}

WITH(AVX512)
static int near_avx512(const uint64_t *tile, int n, int words, const uint64_t *query, int limit,
                       syl_near *found)
{
    if (words == 1) return near_words_avx512(tile, n, 1, query, limit, found);
    if (words == 2) return near_words_avx512(tile, n, 2, query, limit, found);
    if (words == 4) return near_words_avx512(tile, n, 4, query, limit, found);
    return near_words_avx512(tile, n, words, query, limit, found);
}

/* Sums of neighbouring lanes: a's in the even ones, b's in the odd ones. */
INLINE_WITH(AVX512)
__m512i sum_pairs_avx512(__m512i a, __m512i b)
{
    return _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/* The same for neighbouring pairs: a's in the first half, b's in the second. */
INLINE_WITH(AVX512)
__m512i sum_quarters_avx512(__m512i a, __m512i b)
{
    return _mm512_add_epi64(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xdd));
}

/* How many bits of `words` (8 at most) differ, by word. */
INLINE_WITH(AVX512)
__m512i differ_avx512(const uint64_t *code, const uint64_t *query, int words)
{
    __mmask8 there = (__mmask8)((1u << words) - 1);
    return _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_maskz_loadu_epi64(there, code),
                                                _mm512_maskz_loadu_epi64(there, query)));
}

/* Distances of eight codes [8][words]. */
INLINE_WITH(AVX512)
__m512i rows_avx512(const uint64_t *codes, int words, const uint64_t *query)
{
    __m512i sum[SYL_SLICE];
    if (words == 1) return slice_avx512(codes, 1, query);
    if (words == 2) {
        __m512i both = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)query));
        for (int i = 0; i < 2; i++)
            sum[i] = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(codes + 8 * i), both));
        return _mm512_permutexvar_epi64(_mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0),
                                        sum_pairs_avx512(sum[0], sum[1]));
    }
    for (int i = 0; i < SYL_SLICE; i++) {
        const uint64_t *code = codes + i * words;
        sum[i] = differ_avx512(code, query, words < 8 ? words : 8);
        if (words > 8)
            sum[i] = _mm512_add_epi64(sum[i], differ_avx512(code + 8, query + 8, words - 8));
    }
    for (int i = 0; i < 4; i++)
        sum[i] = sum_pairs_avx512(sum[2 * i], sum[2 * i + 1]);
    for (int i = 0; i < 2; i++)
        sum[i] = sum_quarters_avx512(sum[2 * i], sum[2 * i + 1]);
    /* [0]: codes 0 1 0 1 2 3 2 3, [1]: 4 5 4 5 6 7 6 7 */
    const __m512i first = _mm512_set_epi64(13, 12, 9, 8, 5, 4, 1, 0);
    const __m512i second = _mm512_set_epi64(15, 14, 11, 10, 7, 6, 3, 2);
    return _mm512_add_epi64(_mm512_permutex2var_epi64(sum[0], first, sum[1]),
                            _mm512_permutex2var_epi64(sum[0], second, sum[1]));
}

/* One query is bound by memory, and prefetchers of the hardware stop at every page's end. */
#define LINE_WORDS 8    /* of a cache line */
#define AHEAD_WORDS 512 /* a page */

INLINE_WITH(AVX512)
int near_rows_of_avx512(const uint64_t *codes, int n, int words, const uint64_t *query, int limit,
                        syl_near *found)
{
    const __m512i limits = _mm512_set1_epi64(limit);
    const int together = TOGETHER * SYL_SLICE;
    int count = 0, first = 0;
    for (; first + together <= n; first += together) {
        __m512i distance[TOGETHER];
        for (int line = 0; line < together * words; line += LINE_WORDS)
            __builtin_prefetch(codes + first * words + line + AHEAD_WORDS);
        for (int s = 0; s < TOGETHER; s++)
            distance[s] = rows_avx512(codes + (first + s * SYL_SLICE) * words, words, query);
        if (__builtin_expect(!any_near_avx512(distance, limits), 1)) continue;
        for (int s = 0; s < TOGETHER; s++)
            count +=
                keep_avx512(distance[s], first + s * SYL_SLICE, SYL_SLICE, limit, found + count);
    }
    for (; first < n; first++) {
        uint64_t d = (uint64_t)syl_code_distance(codes + first * words, query, words);
        count += keep_near(&d, first, 1, limit, found + count);
    }
    return count;
}

WITH(AVX512)
static int near_rows_avx512(const uint64_t *codes, int n, int words, const uint64_t *query,
                            int limit, syl_near *found)
{
    if (words == 1) return near_rows_of_avx512(codes, n, 1, query, limit, found);
    if (words == 2) return near_rows_of_avx512(codes, n, 2, query, limit, found);
    if (words == 4) return near_rows_of_avx512(codes, n, 4, query, limit, found);
    return near_rows_of_avx512(codes, n, words, query, limit, found);
}

static const syl_hamming_kernel avx512 = {"avx512", near_avx512, near_rows_avx512};

/* ---- AVX2: counts by a table of half-bytes (Mula et al. 2018) ------------------------------ */

INLINE_WITH("avx2")
__m256i bytes_avx2(__m256i x)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(x, low));
    __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
    return _mm256_add_epi8(a, b);
}

/* Distances of half a slice; sums of bytes stay below 256 (SYL_CODE_WORDS * 8). */
INLINE_WITH("avx2")
__m256i half_avx2(const uint64_t *slice, int words, const uint64_t *query)
{
    __m256i sum = _mm256_setzero_si256();
    for (int w = 0; w < words; w++) {
        __m256i code = _mm256_loadu_si256((const __m256i *)(slice + w * SYL_SLICE));
        __m256i differ = _mm256_xor_si256(code, _mm256_set1_epi64x((long long)query[w]));
        sum = _mm256_add_epi8(sum, bytes_avx2(differ));
    }
    return _mm256_sad_epu8(sum, _mm256_setzero_si256());
}

INLINE_WITH("avx2")
int near_words_avx2(const uint64_t *tile, int n, int words, const uint64_t *query, int limit,
                    syl_near *found)
{
    const __m256i limits = _mm256_set1_epi64x(limit);
    int count = 0;
    for (int first = 0; first < n; first += SYL_SLICE, tile += words * SYL_SLICE) {
        __m256i a = half_avx2(tile, words, query), b = half_avx2(tile + 4, words, query);
        uint64_t d[SYL_SLICE];
        if (_mm256_testz_si256(_mm256_cmpgt_epi64(limits, _mm256_min_epu32(a, b)),
                               _mm256_set1_epi64x(-1)))
            continue;
        _mm256_storeu_si256((__m256i *)d, a);
        _mm256_storeu_si256((__m256i *)(d + 4), b);
        count += keep_near(d, first, n - first < SYL_SLICE ? n - first : SYL_SLICE, limit,
                           found + count);
    }
    return count;
}

WITH("avx2")
static int near_avx2(const uint64_t *tile, int n, int words, const uint64_t *query, int limit,
                     syl_near *found)
{
    if (words == 1) return near_words_avx2(tile, n, 1, query, limit, found);
    if (words == 2) return near_words_avx2(tile, n, 2, query, limit, found);
    return near_words_avx2(tile, n, words, query, limit, found);
}

static const syl_hamming_kernel avx2 = {"avx2", near_avx2, NULL};

static const syl_hamming_kernel *const kernels[] = {&avx512, &avx2, &popcnt, &plain};

const syl_hamming_kernel *const *syl_hamming_kernels(int *count)
{
    int first = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq") ? 0
                : __builtin_cpu_supports("avx2")                                               ? 1
                : __builtin_cpu_supports("popcnt")                                             ? 2
                                                                                               : 3;
    *count = 4 - first;
    return kernels + first;
}

#else

static const syl_hamming_kernel *const kernels[] = {&plain};

const syl_hamming_kernel *const *syl_hamming_kernels(int *count)
{
    *count = 1;
    return kernels;
}

#endif
