/* Search among binary codes by Hamming distance on the CPU: every code is looked at. The index
 * (embed/) and the operation syl_hamming of the CPU are made of it.
 *
 * Codes and queries are [n][words] of 64 bits; bit j of a code is bit j % 64 of word j / 64. */
#ifndef SYL_COMPUTE_HAMMING_H
#define SYL_COMPUTE_HAMMING_H

#include <stdbool.h>

#include "lib/base/status.h"

#define SYL_CODE_WORDS 16 /* of the longest code: 1024 bits */

static inline int syl_code_distance(const uint64_t *a, const uint64_t *b, int words)
{
    int sum = 0;
    for (int w = 0; w < words; w++)
        sum += __builtin_popcountll(a[w] ^ b[w]);
    return sum;
}

/* ---- a query's nearest (cpu/code_list.c) -------------------------------------------------- */

/* The k nearest of what was offered, or all within a radius: how many there are at each distance
 * says at once from which distance on an offer is in vain (counting sort). */
typedef struct syl_code_list {
    uint64_t *items; /* [size] distance << 32 | number of the code */
    size_t size, capacity;
    uint32_t *count; /* [words * 64 + 1] items offered at each distance below `limit` */
    int64_t k;
    int64_t below;     /* items at a distance below `limit`; less than k */
    int limit;         /* offers at it and beyond are in vain: there are k within it */
    int reach, radius; /* offers are taken below `reach`: limit, or one more when not ordered */
    int distances;     /* words * 64 + 1 */
    bool ordered;      /* codes are offered by rising number, so that the first of equals wins */
    bool failed;       /* there was no memory */
} syl_code_list;

/* Codes of `words`; k < 0: no bound; radius < 0: none. */
syl_status syl_code_list_create(syl_code_list *list, int words, int64_t k, int radius, bool ordered,
                                syl_error *err);
void syl_code_list_free(syl_code_list *list);
/* An offer below list->reach. */
void syl_code_list_take(syl_code_list *list, int distance, uint32_t number);
static inline void syl_code_list_offer(syl_code_list *list, int distance, uint32_t number)
{
    if (distance < list->reach) syl_code_list_take(list, distance, number);
}
/* Sorts items by distance, then number; no more than k are left. */
syl_status syl_code_list_finish(syl_code_list *list, syl_error *err);

/* ---- kernels (cpu/hamming_kernels.c) ------------------------------------------------------ */

#define SYL_SLICE 8         /* codes of a slice [words][SYL_SLICE], the kernels' layout */
#define SYL_TILE_WORDS 2048 /* of a tile: 16 kB, half of the first-level cache */
#define SYL_TILE_CODES 2048 /* at most */

typedef struct syl_near {
    uint16_t place, distance;
} syl_near;

typedef struct syl_hamming_kernel {
    const char *name; /* of the instructions: "avx512", "avx2", "popcnt", "plain" */
    /* Which of the n codes of a tile [ceil(n / 8)][words][8] are at a distance below limit, in
     * their order; returns how many. */
    int (*near)(const uint64_t *tile, int n, int words, const uint64_t *query, int limit,
                syl_near *found);
    /* The same for codes [n][words] as they stand in memory, slower for many queries; NULL where
     * that is no gain for few either. */
    int (*near_rows)(const uint64_t *codes, int n, int words, const uint64_t *query, int limit,
                     syl_near *found);
} syl_hamming_kernel;

/* Those that this processor can execute, the fastest first; *count of them, at least one. */
const syl_hamming_kernel *const *syl_hamming_kernels(int *count);

/* ---- search (cpu/hamming.c) --------------------------------------------------------------- */

/* Codes in two pieces: an index's file, and what was added to it since. */
typedef struct syl_codes {
    const uint64_t *part[2]; /* [n][words] each; NULL where n is 0 */
    int64_t n[2];
    int words;
} syl_codes;

static inline const uint64_t *syl_codes_at(const syl_codes *codes, int64_t i)
{
    return i < codes->n[0] ? codes->part[0] + i * codes->words
                           : codes->part[1] + (i - codes->n[0]) * codes->words;
}

/* Offers all codes to the (ordered) list of every query. kernel NULL: the fastest. The outcome does
 * not depend on threads or kernel. Codes are fewer than 2^31. */
syl_status syl_hamming_scan(const syl_codes *codes, const uint64_t *queries, int64_t num_queries,
                            syl_code_list *lists, const syl_hamming_kernel *kernel, int threads,
                            syl_error *err);

#endif
