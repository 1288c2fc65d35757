/* The index's file: a header of 64 bytes, the codes [count][words] of 64 bits, zeros to the next
 * multiple of 64 bytes, the vectors [count][dim] of float32; all little endian. What stands where
 * follows from the header's numbers. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/index.h"
#include "lib/base/clones.h"
#include "lib/base/memory.h"

#define MAGIC "SYLINDEX"
#define FORMAT_VERSION 1
#define ALIGNMENT 64

typedef struct header {
    char magic[8];
    uint32_t version, bits;
    uint64_t count, dim;
    uint64_t content; /* the checksum of what follows the header */
    uint64_t reserved[2];
    uint64_t check; /* of the header before it */
} header;
_Static_assert(sizeof(header) == ALIGNMENT, "the codes stand on a cache line");

/* ---- checksums ---------------------------------------------------------------------------- */

#define LANES 32
#define PRIME ((uint64_t)0x100000001b3) /* FNV's */

/* FNV-1a over units of 4 bytes, in lanes that take turns: every single change of one is seen. */
typedef struct checksum {
    uint64_t lane[LANES], units;
} checksum;

SYL_CLONES static void sum_index_lanes(uint64_t *lane, const uint32_t *x, size_t rounds)
{
    for (size_t r = 0; r < rounds; r++, x += LANES)
        for (int i = 0; i < LANES; i++)
            lane[i] = (lane[i] ^ x[i]) * PRIME;
}

static void sum_unit(checksum *c, uint32_t x)
{
    uint64_t *lane = &c->lane[c->units++ % LANES];
    *lane = (*lane ^ x) * PRIME;
}

/* Bytes are a multiple of 4, which data is aligned to; NULL when there are none. */
static void sum(checksum *c, const void *data, size_t bytes)
{
    const uint32_t *x = data;
    size_t n = bytes / 4;
    for (; n > 0 && c->units % LANES; n--)
        sum_unit(c, *x++);
    size_t rounds = n / LANES;
    sum_index_lanes(c->lane, x, rounds);
    c->units += rounds * LANES;
    for (size_t i = rounds * LANES; i < n; i++)
        sum_unit(c, x[i]);
}

static uint64_t sum_end(const checksum *c)
{
    uint64_t all = c->units;
    for (int i = 0; i < LANES; i++)
        all = (all ^ c->lane[i] ^ c->lane[i] >> 32) * PRIME;
    return all;
}

uint64_t syl_index_header_sum(const void *data)
{
    checksum c = {.units = 0};
    sum(&c, data, offsetof(header, check));
    return sum_end(&c);
}

/* ---- saving ------------------------------------------------------------------------------- */

typedef struct piece {
    const void *data;
    size_t bytes;
} piece;

#define PIECES 5

static const uint64_t zeros[ALIGNMENT / 8];

static size_t gap_after(size_t bytes)
{
    return (ALIGNMENT - bytes % ALIGNMENT) % ALIGNMENT;
}

static void content_of(const syl_index *index, piece pieces[PIECES])
{
    size_t code = (size_t)index->words * 8, vector = (size_t)index->dim * sizeof(float);
    size_t file = (size_t)index->in_file, added = (size_t)index->added;
    pieces[0] = (piece){index->file_codes, file * code};
    pieces[1] = (piece){index->codes, added * code};
    pieces[2] = (piece){zeros, index->dim ? gap_after((file + added) * code) : 0};
    pieces[3] = (piece){index->file_vectors, file * vector};
    pieces[4] = (piece){index->vectors, added * vector};
}

static syl_status put(syl_atomic *file, const void *data, size_t bytes, syl_error *err)
{
    if (bytes == 0 || fwrite(data, 1, bytes, file->stream) == bytes) return SYL_OK;
    syl_fail(err, SYL_EIO, "%s could not be written: %s; is the disk full?", file->path,
             strerror(errno));
    syl_atomic_discard(file);
    return SYL_EIO;
}

syl_status syl_index_save(const syl_index *index, const char *path, syl_error *err)
{
    header h = {.version = FORMAT_VERSION,
                .bits = (uint32_t)index->bits,
                .count = (uint64_t)(index->in_file + index->added),
                .dim = (uint64_t)index->dim};
    piece pieces[PIECES];
    checksum content = {.units = 0};
    syl_atomic file;
    memcpy(h.magic, MAGIC, sizeof h.magic);
    content_of(index, pieces);
    for (int i = 0; i < PIECES; i++)
        sum(&content, pieces[i].data, pieces[i].bytes);
    h.content = sum_end(&content);
    h.check = syl_index_header_sum(&h);
    SYL_TRY(syl_atomic_open(&file, path, err));
    SYL_TRY(put(&file, &h, sizeof h, err));
    for (int i = 0; i < PIECES; i++)
        SYL_TRY(put(&file, pieces[i].data, pieces[i].bytes, err));
    return syl_atomic_commit(&file, err);
}

/* ---- loading ------------------------------------------------------------------------------ */

static syl_status check_header(const header *h, size_t size, const char *name, syl_error *err)
{
    if (size < sizeof *h || memcmp(h->magic, MAGIC, sizeof h->magic) != 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is not an index of codes; sylkit bpv search --add makes one", name);
    if (h->version != FORMAT_VERSION)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s has version %" PRIu32 " of the index's format, and this library reads "
                        "%d; use the library that wrote it",
                        name, h->version, FORMAT_VERSION);
    if (h->check != syl_index_header_sum(h))
        return syl_fail(err, SYL_EFORMAT, "%s: its header is damaged; copy it again", name);
    if (h->bits < 1 || h->bits > SYL_INDEX_BITS || h->count > INT32_MAX || h->dim > INT32_MAX / 4)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: %" PRIu64 " codes of %" PRIu32 " bits with vectors of %" PRIu64
                        " are outside of what an index can be",
                        name, h->count, h->bits, h->dim);
    return SYL_OK;
}

static syl_status place(syl_index *index, const header *h, size_t size, const char *name,
                        syl_error *err)
{
    size_t codes = (size_t)h->count * (size_t)index->words * 8;
    size_t vectors = syl_mul_size((size_t)h->count, (size_t)h->dim * sizeof(float));
    size_t gap = h->dim ? gap_after(codes) : 0, wanted = sizeof *h + codes + gap;
    if (vectors > SIZE_MAX - wanted || size != wanted + vectors)
        return syl_fail(err, SYL_EFORMAT,
                        "%s has %zu bytes where its header tells of %zu; copy it again", name, size,
                        vectors > SIZE_MAX - wanted ? SIZE_MAX : wanted + vectors);
    index->in_file = (int64_t)h->count;
    index->file_codes = (const uint64_t *)(h + 1);
    if (h->dim) index->file_vectors = (const float *)((const uint8_t *)h + wanted);
    return SYL_OK;
}

static syl_status check_content(const syl_index *index, const header *h, size_t size,
                                const char *name, syl_error *err)
{
    checksum c = {.units = 0};
    int rest = index->bits % 64;
    sum(&c, h + 1, size - sizeof *h);
    if (sum_end(&c) != h->content)
        return syl_fail(err, SYL_EFORMAT,
                        "%s is damaged: its content does not have its checksum; copy it again",
                        name);
    for (int64_t i = 0; rest && i < index->in_file; i++)
        if (index->file_codes[(i + 1) * index->words - 1] >> rest)
            return syl_fail(err, SYL_EFORMAT, "%s: code %" PRId64 " has bits beyond the %d it has",
                            name, i, index->bits);
    return SYL_OK;
}

syl_status syl_index_parse(syl_index **out, const void *data, size_t size, const char *name,
                           bool check, syl_error *err)
{
    const header *h = data;
    syl_index *index;
    *out = NULL;
    SYL_TRY(check_header(h, size, name, err));
    SYL_TRY(syl_index_create(&index, (int)h->bits, (int)h->dim, err));
    syl_status status = place(index, h, size, name, err);
    if (status == SYL_OK && check) status = check_content(index, h, size, name, err);
    if (status)
        syl_index_free(index);
    else
        *out = index;
    return status;
}

syl_status syl_index_load(syl_index **out, const char *path, int check, syl_error *err)
{
    syl_map map;
    *out = NULL;
    SYL_TRY(syl_map_open(&map, path, err));
    syl_status status = syl_index_parse(out, map.data, map.size, path, check, err);
    if (status)
        syl_map_close(&map);
    else
        (*out)->file = map;
    return status;
}
