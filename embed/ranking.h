/* Documents ranked for a query: by Hamming distance of codes or by cosine of vectors. */
#ifndef SYL_EMBED_RANKING_H
#define SYL_EMBED_RANKING_H

#include "lib/base/status.h"

/* What is compared. Either may be missing. */
typedef struct syl_representations {
    int64_t count;
    const uint8_t *codes; /* [count][(bits + 7) / 8]: bit j is bit j % 8 of byte j / 8; what lies
                             behind the last bit does not count. NULL: none */
    int bits;
    const float *vectors; /* [count][dim]; NULL: none */
    int dim;
} syl_representations;

typedef enum syl_ranking_by { SYL_RANK_HAMMING, SYL_RANK_COSINE } syl_ranking_by;

/* Whether they can be ranked that way: fewer than 2^31, codes or vectors there, values finite.
 * Messages begin with `which` documents these are. */
syl_status syl_representations_check(const syl_representations *documents, syl_ranking_by by,
                                     const char *which, syl_error *err);

/* A set of documents made ready for ranking. They are kept in an order drawn from a seed, in which
 * documents with equal keys stay: files are sorted by class, and Hamming distances are tied by the
 * hundred, so that their own order would show in the result. Read-only once made, for any number
 * of threads. */
typedef struct syl_ranking {
    syl_ranking_by by;
    int64_t count;
    int bits, words;   /* by Hamming distance: words of 64 bits a code */
    int dim;           /* by cosine */
    int32_t *document; /* [count] number of the document that stands here */
    uint64_t *codes;   /* [count][words] */
    float *vectors;    /* [count][dim], of length 1; a vector of zeros stays one */
} syl_ranking;

/* Copies what it needs, after syl_representations_check(). */
syl_status syl_ranking_create(syl_ranking *ranking, syl_ranking_by by,
                              const syl_representations *documents, uint64_t seed, syl_error *err);
void syl_ranking_free(syl_ranking *ranking);

/* One code or vector laid out as the ranking's own: words or dim elements. */
void syl_pack_code(const uint8_t *code, int bits, uint64_t *words);
void syl_unit_vector(const float *vector, int dim, float *unit);

/* Number of a document in the order of nearness, with its key: a larger key is farther, equal
 * keys are ties. */
typedef struct syl_ranked {
    uint32_t key;
    int32_t document;
} syl_ranked;

/* Nearest first. `query` is in the ranking's layout (uint64_t or float); document `except` (-1:
 * none) is left out. `ranked` and `room` are [count]; returns how many were ranked. The key is the
 * Hamming distance, or falls as the cosine grows. */
int64_t syl_rank(const syl_ranking *ranking, const void *query, int64_t except, syl_ranked *ranked,
                 syl_ranked *room);

/* Keys of documents [first, first + n) of the ranking's order, not sorted. */
void syl_rank_keys(const syl_ranking *ranking, const void *query, int64_t first, int64_t n,
                   uint32_t *keys);

/* Sorts n entries by their lowest `bits` of key, equal ones in the order in which they stand.
 * `room` is [n]. */
void syl_sort_ranked(syl_ranked *ranked, int64_t n, int bits, syl_ranked *room);

#endif
