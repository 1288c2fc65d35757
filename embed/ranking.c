#include "embed/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bf16.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/base/vector.h"

/* ---- layout --------------------------------------------------------------------------------- */

void syl_pack_code(const uint8_t *code, int bits, uint64_t *words)
{
    int bytes = (bits + 7) / 8;
    memset(words, 0, (size_t)(bits + 63) / 64 * sizeof *words);
    for (int j = 0; j < bytes; j++) {
        uint64_t byte = code[j];
        if (j == bytes - 1 && bits % 8) byte &= (1u << bits % 8) - 1;
        words[j / 8] |= byte << 8 * (j % 8);
    }
}

/* By the largest value first: squares of what float32 can hold may be beyond it. */
void syl_unit_vector(const float *vector, int dim, float *unit)
{
    float top = 0;
    for (int i = 0; i < dim; i++)
        top = fmaxf(top, fabsf(vector[i]));
    for (int i = 0; i < dim; i++)
        unit[i] = top > 0 ? vector[i] / top : 0;
    syl_scale_to(unit, dim, 1);
}

static void shuffle(int32_t *order, int64_t n, uint64_t seed)
{
    syl_random rng = {.seed = seed};
    for (int64_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
        uint32_t j = syl_random_below(&rng, (uint32_t)i + 1);
        int32_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

static syl_status check_finite(const syl_representations *d, const char *which, syl_error *err)
{
    for (int64_t i = 0; i < d->count; i++)
        for (int j = 0; j < d->dim; j++) {
            float value = d->vectors[i * d->dim + j];
            if (!isfinite(value))
                return syl_fail(err, SYL_EINVAL,
                                "%s: value %d of vector %lld is %g; vectors must be finite", which,
                                j, (long long)i, value);
        }
    return SYL_OK;
}

syl_status syl_representations_check(const syl_representations *d, syl_ranking_by by,
                                     const char *which, syl_error *err)
{
    if (d->count < 0 || d->count >= INT32_MAX)
        return syl_fail(err, SYL_EINVAL, "%s: %lld documents; at most %d can be ranked", which,
                        (long long)d->count, INT32_MAX - 1);
    if (by == SYL_RANK_HAMMING) {
        if (d->codes && d->bits >= 1) return SYL_OK;
        return syl_fail(err, SYL_EINVAL, "%s: Hamming distance needs codes of at least 1 bit",
                        which);
    }
    if (d->vectors && d->dim >= 1) return check_finite(d, which, err);
    return syl_fail(err, SYL_EINVAL, "%s: the cosine needs vectors of at least 1 dimension", which);
}

static void lay_out(syl_ranking *r, const syl_representations *d)
{
    size_t bytes = ((size_t)d->bits + 7) / 8;
    for (int64_t i = 0; i < r->count; i++) {
        size_t from = (size_t)r->document[i];
        if (r->by == SYL_RANK_HAMMING)
            syl_pack_code(d->codes + from * bytes, d->bits, r->codes + i * r->words);
        else
            syl_unit_vector(d->vectors + from * (size_t)d->dim, d->dim, r->vectors + i * r->dim);
    }
}

syl_status syl_ranking_create(syl_ranking *r, syl_ranking_by by, const syl_representations *d,
                              uint64_t seed, syl_error *err)
{
    *r = (syl_ranking){.by = by, .count = d->count};
    SYL_TRY(syl_representations_check(d, by, "documents to be ranked", err));
    size_t n = (size_t)d->count, room;
    if (by == SYL_RANK_HAMMING) {
        r->bits = d->bits;
        r->words = (d->bits - 1) / 64 + 1;
        room = syl_mul_size(n, (size_t)r->words * sizeof *r->codes);
        r->codes = syl_calloc(room, 1);
    } else {
        r->dim = d->dim;
        room = syl_mul_size(n, (size_t)r->dim * sizeof *r->vectors);
        r->vectors = syl_calloc(room, 1);
    }
    r->document = syl_calloc(n, sizeof *r->document);
    if (!r->document || (!r->codes && !r->vectors)) {
        syl_ranking_free(r);
        return syl_fail_memory(err, room, "documents to be ranked");
    }
    shuffle(r->document, r->count, seed);
    lay_out(r, d);
    return SYL_OK;
}

void syl_ranking_free(syl_ranking *r)
{
    free(r->document);
    free(r->codes);
    free(r->vectors);
    *r = (syl_ranking){0};
}

/* ---- keys ----------------------------------------------------------------------------------- */

SYL_CLONES static void ranking_distances(const uint64_t *codes, int64_t n, int words,
                                         const uint64_t *query, uint32_t *keys)
{
    if (words == 1) {
        for (int64_t i = 0; i < n; i++)
            keys[i] = (uint32_t)__builtin_popcountll(codes[i] ^ query[0]);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        uint32_t distance = 0;
        for (int w = 0; w < words; w++)
            distance += (uint32_t)__builtin_popcountll(codes[i * words + w] ^ query[w]);
        keys[i] = distance;
    }
}

/* Floats in descending order as unsigned numbers in ascending order. */
static uint32_t descending_key(float f)
{
    uint32_t u = syl_float_to_bits(f + 0.0f); /* -0 becomes 0 */
    return u >> 31 ? u : ~u & 0x7fffffff;
}

void syl_rank_keys(const syl_ranking *r, const void *query, int64_t first, int64_t n,
                   uint32_t *keys)
{
    if (r->by == SYL_RANK_HAMMING) {
        ranking_distances(r->codes + first * r->words, n, r->words, query, keys);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        keys[i] = descending_key(syl_dot(r->vectors + (first + i) * r->dim, query, r->dim));
}

/* ---- order ---------------------------------------------------------------------------------- */

#define RADIX_BITS 8
#define RADIX (1 << RADIX_BITS)

static void counting_pass(const syl_ranked *from, syl_ranked *to, int64_t n, int shift)
{
    int64_t place[RADIX] = {0}, sum = 0;
    for (int64_t i = 0; i < n; i++)
        place[from[i].key >> shift & (RADIX - 1)]++;
    for (int d = 0; d < RADIX; d++) {
        int64_t count = place[d];
        place[d] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n; i++)
        to[place[from[i].key >> shift & (RADIX - 1)]++] = from[i];
}

void syl_sort_ranked(syl_ranked *ranked, int64_t n, int bits, syl_ranked *room)
{
    syl_ranked *from = ranked, *to = room, *turn;
    for (int shift = 0; shift < bits; shift += RADIX_BITS) {
        counting_pass(from, to, n, shift);
        turn = from;
        from = to;
        to = turn;
    }
    if (from != ranked && n) memcpy(ranked, from, (size_t)n * sizeof *ranked);
}

static int bits_of(uint32_t top)
{
    int bits = 1;
    while (top >>= 1)
        bits++;
    return bits;
}

int64_t syl_rank(const syl_ranking *r, const void *query, int64_t except, syl_ranked *ranked,
                 syl_ranked *room)
{
    uint32_t *keys = (uint32_t *)room; /* gone before the sort wants the room */
    int64_t n = 0;
    syl_rank_keys(r, query, 0, r->count, keys);
    for (int64_t i = 0; i < r->count; i++)
        if (r->document[i] != except) ranked[n++] = (syl_ranked){keys[i], r->document[i]};
    syl_sort_ranked(ranked, n, r->by == SYL_RANK_HAMMING ? bits_of((uint32_t)r->bits) : 32, room);
    return n;
}
