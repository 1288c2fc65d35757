/* Products of bytes by a panel of weights, for several kinds of processors. The processor is asked
 * at run time and not by the loader (lib/base/clones.h), so that every version can be tested, also
 * under sanitizers. */
#include "lib/compute/cpu/blocks.h"

#include "lib/base/f16.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define WITH(instructions) __attribute__((target(instructions)))
#define INLINE_WITH(instructions) static inline __attribute__((always_inline, target(instructions)))
#endif

#define ROWS SYL_PANEL_ROWS

/* d and m of a block's rows; what stands behind them. */
static const uint8_t *scales(syl_block_kind kind, const uint8_t *block, float d[ROWS],
                             float m[ROWS])
{
    const uint16_t *half = (const uint16_t *)(const void *)block;
    for (int r = 0; r < ROWS; r++)
        d[r] = syl_f16_to_f32(half[r]);
    for (int r = 0; r < ROWS; r++)
        m[r] = kind == SYL_BLOCKS_Q4_1 ? syl_f16_to_f32(half[ROWS + r])
                                       : (kind == SYL_BLOCKS_Q4_0 ? -8 : -128) * d[r];
    return block + (kind == SYL_BLOCKS_Q4_1 ? 4 : 2) * ROWS;
}

static void tile_plain(syl_block_kind kind, const uint8_t *panel, const syl_block_rows *x,
                       int64_t first, int rows, float (*out)[ROWS])
{
    memset(out, 0, (size_t)rows * sizeof *out);
    for (int64_t b = 0; b < x->blocks; b++, panel += syl_panel_block_bytes(kind)) {
        float d[ROWS], m[ROWS];
        const uint8_t *q = scales(kind, panel, d, m);
        for (int i = 0; i < rows; i++) {
            const int8_t *v = x->q + ((first + i) * x->blocks + b) * SYL_BLOCK_VALUES;
            float scale = x->scale[(first + i) * x->blocks + b];
            float total = x->sum[(first + i) * x->blocks + b];
            for (int r = 0; r < ROWS; r++) {
                int dot = 0;
                for (int k = 0; k < SYL_BLOCK_VALUES; k++) {
                    int g = k / 4, at = r * 4 + k % 4;
                    int u = kind == SYL_BLOCKS_Q8_0 ? q[g * 64 + at]
                            : g < 4                 ? q[g * 64 + at] & 15
                                                    : q[(g - 4) * 64 + at] >> 4;
                    dot += u * v[k];
                }
                out[i][r] += (float)dot * d[r] * scale + m[r] * total;
            }
        }
    }
}

static const syl_block_kernel plain = {"plain", tile_plain, false};

#if defined(__x86_64__)

/* ---- AVX-512 with VNNI ----------------------------------------------------------------------- */

#define VNNI "avx512f,avx512bw,avx512vl,avx512vnni,f16c"

#define AHEAD 2048 /* bytes that are asked for before they are wanted */

/* The operands of a block: [8] of four values of each row. */
INLINE_WITH(VNNI)
void unpack_vnni(syl_block_kind kind, const uint8_t *q, __m512i u[8])
{
    const __m512i low = _mm512_set1_epi8(15);
    for (int g = 0; g < (kind == SYL_BLOCKS_Q8_0 ? 8 : 4); g++) {
        __m512i v = _mm512_loadu_si512(q + 64 * g);
        if (kind == SYL_BLOCKS_Q8_0) {
            u[g] = v;
        } else {
            u[g] = _mm512_and_si512(v, low);
            u[g + 4] = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
        }
    }
}

INLINE_WITH(VNNI)
__m512 halves_vnni(const void *from)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(from));
}

/* `kind` and `rows` are constants where it is called. */
INLINE_WITH(VNNI)
void tile_of_vnni(syl_block_kind kind, int rows, const uint8_t *panel, const syl_block_rows *x,
                  int64_t first, float (*out)[ROWS])
{
    const size_t step = kind == SYL_BLOCKS_Q8_0 ? 544 : kind == SYL_BLOCKS_Q4_1 ? 320 : 288;
    const int8_t *q = x->q + first * x->blocks * SYL_BLOCK_VALUES;
    const float *scale = x->scale + first * x->blocks, *total = x->sum + first * x->blocks;
    __m512 sum[SYL_BLOCK_TILE];
    for (int i = 0; i < rows; i++)
        sum[i] = _mm512_setzero_ps();
    for (int64_t b = 0; b < x->blocks; b++, panel += step) {
        __m512i u[8];
        __m512 d = halves_vnni(panel), m;
        if (rows == 1) /* then all is bound by memory, and pages end what processors foresee */
            for (size_t at = 0; at < step; at += 64)
                _mm_prefetch((const char *)panel + AHEAD + at, _MM_HINT_T0);
        if (kind == SYL_BLOCKS_Q4_1)
            m = halves_vnni(panel + 2 * ROWS);
        else
            m = _mm512_mul_ps(d, _mm512_set1_ps(kind == SYL_BLOCKS_Q4_0 ? -8 : -128));
        unpack_vnni(kind, panel + (kind == SYL_BLOCKS_Q4_1 ? 4 : 2) * ROWS, u);
        for (int i = 0; i < rows; i++) {
            const int8_t *v = q + (i * x->blocks + b) * SYL_BLOCK_VALUES;
            __m512i dot = _mm512_setzero_si512();
            for (int g = 0; g < 8; g++) {
                int32_t four;
                memcpy(&four, v + 4 * g, sizeof four);
                dot = _mm512_dpbusd_epi32(dot, u[g], _mm512_set1_epi32(four));
            }
            __m512 by_d = _mm512_mul_ps(_mm512_cvtepi32_ps(dot), d);
            sum[i] = _mm512_fmadd_ps(by_d, _mm512_set1_ps(scale[i * x->blocks + b]), sum[i]);
            sum[i] = _mm512_fmadd_ps(m, _mm512_set1_ps(total[i * x->blocks + b]), sum[i]);
        }
    }
    for (int i = 0; i < rows; i++)
        _mm512_storeu_ps(out[i], sum[i]);
}

INLINE_WITH(VNNI)
void rows_of_vnni(syl_block_kind kind, int rows, const uint8_t *panel, const syl_block_rows *x,
                  int64_t first, float (*out)[ROWS])
{
    switch (rows) {
    case 8:
        tile_of_vnni(kind, 8, panel, x, first, out);
        return;
    case 7:
    case 6:
    case 5:
    case 4:
        tile_of_vnni(kind, 4, panel, x, first, out);
        for (int i = 4; i < rows; i++)
            tile_of_vnni(kind, 1, panel, x, first + i, out + i);
        return;
    default:
        for (int i = 0; i < rows; i++)
            tile_of_vnni(kind, 1, panel, x, first + i, out + i);
    }
}

WITH(VNNI)
static void tile_vnni(syl_block_kind kind, const uint8_t *panel, const syl_block_rows *x,
                      int64_t first, int rows, float (*out)[ROWS])
{
    if (kind == SYL_BLOCKS_Q4_1)
        rows_of_vnni(SYL_BLOCKS_Q4_1, rows, panel, x, first, out);
    else if (kind == SYL_BLOCKS_Q4_0)
        rows_of_vnni(SYL_BLOCKS_Q4_0, rows, panel, x, first, out);
    else
        rows_of_vnni(SYL_BLOCKS_Q8_0, rows, panel, x, first, out);
}

static const syl_block_kernel vnni = {"vnni", tile_vnni, true};

/* ---- AVX2 ------------------------------------------------------------------------------------ */

#define AVX2 "avx2,fma,f16c"

/* Sums of four products of bytes; u is at most 15 without `is_signed`, so that no sum of two passes
 * 16 bits, else u is a signed byte and 128. */
INLINE_WITH(AVX2)
__m256i dot_avx2(__m256i sum, __m256i u, __m256i v, bool is_signed)
{
    __m256i pairs;
    if (is_signed) {
        __m256i w = _mm256_xor_si256(u, _mm256_set1_epi8(-128));
        pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(v, w));
    } else {
        pairs = _mm256_maddubs_epi16(u, v);
    }
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* Half a panel: eight rows, of one row of x. */
INLINE_WITH(AVX2)
__m256 half_of_avx2(syl_block_kind kind, int half, const uint8_t *panel, const int8_t *q,
                    const float *scale, const float *total, int64_t blocks)
{
    const size_t step = kind == SYL_BLOCKS_Q8_0 ? 544 : kind == SYL_BLOCKS_Q4_1 ? 320 : 288;
    const __m256i low = _mm256_set1_epi8(15);
    __m256 sum = _mm256_setzero_ps();
    for (int64_t b = 0; b < blocks; b++, panel += step, q += SYL_BLOCK_VALUES) {
        const uint8_t *u = panel + (kind == SYL_BLOCKS_Q4_1 ? 4 : 2) * ROWS + 32 * half;
        __m256 d = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(panel + 16 * half)));
        __m256i dot = _mm256_setzero_si256();
        for (int g = 0; g < (kind == SYL_BLOCKS_Q8_0 ? 8 : 4); g++) {
            int32_t four, upper;
            __m256i v = _mm256_loadu_si256((const void *)(u + 64 * g));
            memcpy(&four, q + 4 * g, sizeof four);
            if (kind == SYL_BLOCKS_Q8_0) {
                dot = dot_avx2(dot, v, _mm256_set1_epi32(four), true);
                continue;
            }
            memcpy(&upper, q + 16 + 4 * g, sizeof upper);
            dot = dot_avx2(dot, _mm256_and_si256(v, low), _mm256_set1_epi32(four), false);
            v = _mm256_and_si256(_mm256_srli_epi16(v, 4), low);
            dot = dot_avx2(dot, v, _mm256_set1_epi32(upper), false);
        }
        __m256 by_d = _mm256_mul_ps(_mm256_cvtepi32_ps(dot), d), m = d;
        sum = _mm256_fmadd_ps(by_d, _mm256_set1_ps(scale[b]), sum);
        if (kind == SYL_BLOCKS_Q8_0) continue;
        if (kind == SYL_BLOCKS_Q4_1)
            m = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(panel + 2 * ROWS + 16 * half)));
        else
            m = _mm256_mul_ps(d, _mm256_set1_ps(-8));
        sum = _mm256_fmadd_ps(m, _mm256_set1_ps(total[b]), sum);
    }
    return sum;
}

INLINE_WITH(AVX2)
void tile_of_avx2(syl_block_kind kind, const uint8_t *panel, const syl_block_rows *x, int64_t first,
                  int rows, float (*out)[ROWS])
{
    for (int i = 0; i < rows; i++) {
        int64_t at = (first + i) * x->blocks;
        const int8_t *q = x->q + at * SYL_BLOCK_VALUES;
        for (int half = 0; half < 2; half++)
            _mm256_storeu_ps(out[i] + 8 * half, half_of_avx2(kind, half, panel, q, x->scale + at,
                                                             x->sum + at, x->blocks));
    }
}

WITH(AVX2)
static void tile_avx2(syl_block_kind kind, const uint8_t *panel, const syl_block_rows *x,
                      int64_t first, int rows, float (*out)[ROWS])
{
    if (kind == SYL_BLOCKS_Q4_1)
        tile_of_avx2(SYL_BLOCKS_Q4_1, panel, x, first, rows, out);
    else if (kind == SYL_BLOCKS_Q4_0)
        tile_of_avx2(SYL_BLOCKS_Q4_0, panel, x, first, rows, out);
    else
        tile_of_avx2(SYL_BLOCKS_Q8_0, panel, x, first, rows, out);
}

static const syl_block_kernel avx2 = {"avx2", tile_avx2, false};

static int processor_kernels(const syl_block_kernel **out)
{
    int n = 0;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
        out[n++] = &vnni;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out[n++] = &avx2;
    return n;
}
#else
static int processor_kernels(const syl_block_kernel **out)
{
    (void)out;
    return 0;
}
#endif

int syl_block_kernels(const syl_block_kernel *out[4])
{
    int n = processor_kernels(out);
    out[n] = &plain;
    return n + 1;
}
