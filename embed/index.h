/* The index of binary codes inside. Codes that came from a file stay there; what was added since is
 * in memory. */
#ifndef SYL_EMBED_INDEX_H
#define SYL_EMBED_INDEX_H

#include "lib/base/file.h"
#include "lib/compute/hamming.h"

/* Multi-index hashing: for each of `parts` substrings of `bits` bits the codes' numbers, by the
 * substring's value. */
typedef struct syl_index_tables {
    int parts, bits;
    uint32_t *begin; /* [parts][2^bits + 1] */
    uint32_t *ids;   /* [parts][n] rising inside a bucket */
    int64_t n;
} syl_index_tables;

typedef struct syl_index_device syl_index_device; /* index_device.c */

struct syl_index {
    int bits, bytes, words, dim;
    int64_t in_file, added;
    syl_map file;
    const uint64_t *file_codes;      /* [in_file][words], in the map */
    const float *file_vectors;       /* [in_file][dim], in the map; NULL: none */
    uint64_t *codes;                 /* [added][words] */
    float *vectors;                  /* [added][dim] */
    size_t codes_room, vectors_room; /* elements */
    syl_index_tables tables;         /* parts 0: not built */
    syl_index_device *device;        /* NULL: the CPU */
};

static inline syl_codes syl_index_codes(const syl_index *index)
{
    return (syl_codes){
        {index->file_codes, index->codes}, {index->in_file, index->added}, index->words};
}

static inline const float *syl_index_vector(const syl_index *index, int64_t i)
{
    return i < index->in_file ? index->file_vectors + i * index->dim
                              : index->vectors + (i - index->in_file) * index->dim;
}

/* SYL_EINVAL names the first of the packed codes [n][bytes] with bits past the length, the first of
 * the vectors [n][dim] that is not finite; `what` they are. */
syl_status syl_index_check(const syl_index *index, const char *what, const uint8_t *packed,
                           int64_t n, syl_error *err);
syl_status syl_index_check_finite(const syl_index *index, const char *what, const float *vectors,
                                  int64_t n, syl_error *err);
/* Packed codes [n][bytes] to words, and those of the index, [first, first + n), to packed. */
void syl_index_unpack(const syl_index *index, const uint8_t *packed, int64_t n, uint64_t *words);
void syl_index_pack(const syl_index *index, int64_t first, int64_t n, uint8_t *packed);

/* An index over the bytes of a file, which outlive it; `name` stands in for the path. */
syl_status syl_index_parse(syl_index **out, const void *data, size_t size, const char *name,
                           bool check, syl_error *err);
/* What belongs in the last 8 of the 64 bytes that a file begins with. */
uint64_t syl_index_header_sum(const void *header);

/* ---- tables (index_tables.c) -------------------------------------------------------------- */

void syl_index_tables_free(syl_index_tables *tables);
/* Offers what is near the query to the (unordered) list. False, with any number of offers made,
 * once that has cost as much as `budget` looks at random places of memory. */
bool syl_index_tables_search(const syl_index *index, const uint64_t *query, int64_t budget,
                             syl_code_list *list);

/* ---- a device (index_device.c) ------------------------------------------------------------ */

void syl_index_device_free(syl_index_device *device);
/* Whether the scan for the k nearest is to be done on a device. */
bool syl_index_device_takes(const syl_index *index, int64_t k);
/* Offers the k nearest to each of n queries to its (ordered) list. */
syl_status syl_index_device_scan(const syl_index *index, const uint64_t *queries, int64_t n,
                                 int64_t k, syl_code_list *lists, syl_error *err);

#endif
