/* The index of binary codes: what is in it. */
#include "embed/index.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

syl_status syl_index_create(syl_index **out, int bits, int dim, syl_error *err)
{
    *out = NULL;
    if (bits < 1 || bits > SYL_INDEX_BITS)
        return syl_fail(err, SYL_EINVAL, "codes of %d bits; an index takes 1 to %d", bits,
                        SYL_INDEX_BITS);
    if (dim < 0 || dim > INT32_MAX / 4)
        return syl_fail(err, SYL_EINVAL, "vectors of %d dimensions; give 0 (none) to %d", dim,
                        INT32_MAX / 4);
    syl_index *index = syl_calloc(1, sizeof *index);
    if (!index) return syl_fail_memory(err, sizeof *index, "an index");
    index->bits = bits;
    index->bytes = (bits + 7) / 8;
    index->words = (bits + 63) / 64;
    index->dim = dim;
    *out = index;
    return SYL_OK;
}

void syl_index_free(syl_index *index)
{
    if (!index) return;
    syl_index_device_free(index->device);
    syl_index_tables_free(&index->tables);
    syl_map_close(&index->file);
    free(index->codes);
    free(index->vectors);
    free(index);
}

void syl_index_get_info(const syl_index *index, syl_index_info *info)
{
    *info = (syl_index_info){.bits = index->bits,
                             .dim = index->dim,
                             .count = index->in_file + index->added,
                             .tables = index->tables.parts,
                             .table_bits = index->tables.bits,
                             .in_file = index->in_file};
}

/* ---- packed codes ------------------------------------------------------------------------- */

/* Words are read as bytes are in memory, least first. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "codes are packed for little endian");

syl_status syl_index_check(const syl_index *index, const char *what, const uint8_t *packed,
                           int64_t n, syl_error *err)
{
    int rest = index->bits % 8;
    for (int64_t i = 0; rest && i < n; i++)
        if (packed[(i + 1) * index->bytes - 1] >> rest)
            return syl_fail(err, SYL_EINVAL,
                            "%s %" PRId64
                            " has bits beyond the %d of this index; set the bits past "
                            "the length to 0, or make an index of its length",
                            what, i, index->bits);
    return SYL_OK;
}

void syl_index_unpack(const syl_index *index, const uint8_t *packed, int64_t n, uint64_t *words)
{
    memset(words, 0, (size_t)n * (size_t)index->words * sizeof *words);
    for (int64_t i = 0; i < n; i++)
        memcpy(words + i * index->words, packed + i * index->bytes, (size_t)index->bytes);
}

void syl_index_pack(const syl_index *index, int64_t first, int64_t n, uint8_t *packed)
{
    syl_codes codes = syl_index_codes(index);
    for (int64_t i = 0; i < n; i++)
        memcpy(packed + i * index->bytes, syl_codes_at(&codes, first + i), (size_t)index->bytes);
}

/* ---- adding and reading ------------------------------------------------------------------- */

syl_status syl_index_check_finite(const syl_index *index, const char *what, const float *vectors,
                                  int64_t n, syl_error *err)
{
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < index->dim; j++)
            if (!isfinite(vectors[i * index->dim + j]))
                return syl_fail(err, SYL_EINVAL,
                                "%s %" PRId64
                                " has the value %g in place %d; vectors must be finite",
                                what, i, (double)vectors[i * index->dim + j], j);
    return SYL_OK;
}

static syl_status check_added(const syl_index *index, const float *vectors, int64_t n,
                              syl_error *err)
{
    if (n < 0 || n > INT32_MAX - index->in_file - index->added)
        return syl_fail(err, SYL_EINVAL,
                        "%" PRId64 " codes cannot be added to %" PRId64 "; an index takes %d", n,
                        index->in_file + index->added, INT32_MAX);
    if (index->dim && !vectors && n)
        return syl_fail(err, SYL_EINVAL,
                        "this index has vectors of %d dimensions; add the codes with theirs",
                        index->dim);
    if (!index->dim && vectors)
        return syl_fail(err, SYL_EINVAL, "this index has no vectors; create one with them");
    return SYL_OK;
}

static syl_status grow(syl_index *index, int64_t n, syl_error *err)
{
    size_t words = (size_t)(index->added + n) * (size_t)index->words;
    size_t values = syl_mul_size((size_t)(index->added + n), (size_t)index->dim);
    void *codes = index->codes, *vectors = index->vectors;
    syl_status status =
        syl_grow(&codes, &index->codes_room, words, sizeof *index->codes, err);
    index->codes = codes;
    if (status == SYL_OK && index->dim)
        status =
            syl_grow(&vectors, &index->vectors_room, values, sizeof *index->vectors, err);
    index->vectors = vectors;
    return status;
}

syl_status syl_index_add(syl_index *index, const uint8_t *codes, const float *vectors, int64_t n,
                         syl_error *err)
{
    SYL_TRY(check_added(index, vectors, n, err));
    if (n == 0) return SYL_OK;
    SYL_TRY(syl_index_check(index, "code", codes, n, err));
    SYL_TRY(syl_index_check_finite(index, "vector", vectors, n, err));
    SYL_TRY(grow(index, n, err));
    syl_index_unpack(index, codes, n, index->codes + index->added * index->words);
    if (index->dim)
        memcpy(index->vectors + index->added * index->dim, vectors,
               (size_t)n * (size_t)index->dim * sizeof *vectors);
    index->added += n;
    syl_index_tables_free(&index->tables);
    return SYL_OK;
}

syl_status syl_index_get(const syl_index *index, int64_t first, int64_t n, uint8_t *codes,
                         float *vectors, syl_error *err)
{
    int64_t count = index->in_file + index->added;
    if (first < 0 || n < 0 || first > count || n > count - first)
        return syl_fail(err, SYL_EINVAL,
                        "codes %" PRId64 " and the %" PRId64 " from there on were asked for; there "
                        "are %" PRId64,
                        first, n, count);
    if (vectors && !index->dim) return syl_fail(err, SYL_EINVAL, "this index has no vectors");
    if (codes) syl_index_pack(index, first, n, codes);
    for (int64_t i = 0; vectors && i < n; i++)
        memcpy(vectors + i * index->dim, syl_index_vector(index, first + i),
               (size_t)index->dim * sizeof *vectors);
    return SYL_OK;
}
