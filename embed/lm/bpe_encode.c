/* Text to tokens: added tokens first, pieces between them, merges within pieces, which are
 * remembered. */
#include <stdlib.h>
#include <string.h>

#include "embed/lm/bpe_inner.h"
#include "lib/base/memory.h"

#define SLOT_BITS 15
#define SLOT_BYTES 32 /* of longer pieces nothing is remembered */
#define SLOT_TOKENS 7
#define WORTH_REMEMBERING \
    65536             /* bytes of a text from which on an encoder for it alone has slots */
#define PORTION 16384 /* tokens from which on a portion is handed out */

/* One cache line for a piece: the bytes (then zeros), how many, and its tokens. */
typedef struct slot {
    uint64_t text[SLOT_BYTES / 8];
    uint8_t length, count; /* length 0: nothing is here */
    int32_t ids[SLOT_TOKENS];
} slot;

struct syl_bpe_encoder {
    const syl_bpe *bpe;
    slot *slots; /* [1 << SLOT_BITS], NULL: nothing is remembered */
    syl_bpe_room room;
    int32_t *ids;
    size_t capacity, count;
    /* the text: pieces up to `stop`, then the added token `added`, if it is not -1 */
    const char *text;
    size_t length, at, stop, added_length;
    int32_t added;
    bool special;
};

static syl_status create(syl_bpe_encoder **out, const syl_bpe *bpe, bool remember, syl_error *err)
{
    syl_bpe_encoder *e = syl_calloc(1, sizeof *e);
    *out = NULL;
    if (!e) return syl_fail_memory(err, sizeof *e, "an encoder");
    e->bpe = bpe;
    e->text = "";
    e->added = -1;
    if (remember) e->slots = syl_calloc((size_t)1 << SLOT_BITS, sizeof *e->slots);
    if (remember && !e->slots) {
        free(e);
        return syl_fail_memory(err, sizeof(slot) << SLOT_BITS, "an encoder");
    }
    *out = e;
    return SYL_OK;
}

syl_status syl_bpe_encoder_create(syl_bpe_encoder **out, const syl_bpe *bpe, syl_error *err)
{
    return create(out, bpe, true, err);
}

void syl_bpe_encoder_free(syl_bpe_encoder *encoder)
{
    if (!encoder) return;
    free(encoder->slots);
    free(encoder->ids);
    syl_bpe_room_free(&encoder->room);
    free(encoder);
}

/* ---- added tokens -------------------------------------------------------------------------- */

/* The longest added token that the text begins with, -1: none. The tokens that agree with the first
 * k bytes are a range of the sorted list; each byte narrows it. */
static int32_t added_at(const syl_bpe *b, const char *text, size_t left, bool special)
{
    size_t low = 0, high = b->num_added;
    int32_t best = -1;

    for (size_t k = 0; k < left && low < high; k++) {
        unsigned char byte = (unsigned char)text[k];
        for (size_t end = high; low < end;) { /* the first that is not below the byte here */
            size_t middle = low + (end - low) / 2;
            syl_span t = b->tokens[b->added[middle]];
            if (t.size <= k || (unsigned char)t.data[k] < byte)
                low = middle + 1;
            else
                end = middle;
        }
        for (size_t begin = low; begin < high;) { /* and the first that is above it */
            size_t middle = begin + (high - begin) / 2;
            if ((unsigned char)b->tokens[b->added[middle]].data[k] <= byte)
                begin = middle + 1;
            else
                high = middle;
        }
        if (low == high) break;
        int32_t id = b->added[low]; /* the shortest of the range */
        if (b->tokens[id].size == k + 1 && (special || b->kinds[id] == SYL_BPE_ADDED)) best = id;
    }
    return best;
}

/* Looks for the next added token from e->at on. */
static void find_stop(syl_bpe_encoder *e)
{
    const syl_bpe *b = e->bpe;
    e->stop = e->length;
    e->added = -1;
    if (b->num_added == 0 || !(e->special || b->any_plain)) return;
    for (size_t i = e->at; i < e->length; i++) {
        if (!b->added_first[(unsigned char)e->text[i]]) continue;
        int32_t id = added_at(b, e->text + i, e->length - i, e->special);
        if (id < 0) continue;
        e->added = id;
        e->added_length = b->tokens[id].size;
        e->stop = i;
        return;
    }
}

/* ---- pieces -------------------------------------------------------------------------------- */

/* The bytes of a piece of at most SLOT_BYTES, then zeros. `left` bytes may be read. */
static inline void load_piece(uint64_t text[SLOT_BYTES / 8], const char *piece, size_t length,
                              size_t left)
{
    static const uint8_t keep[2 * SLOT_BYTES] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    uint64_t mask[SLOT_BYTES / 8];

    if (left < SLOT_BYTES) {
        memset(text, 0, SLOT_BYTES);
        memcpy(text, piece, length);
        return;
    }
    memcpy(text, piece, SLOT_BYTES);
    memcpy(mask, keep + SLOT_BYTES - length, SLOT_BYTES);
    for (int i = 0; i < SLOT_BYTES / 8; i++)
        text[i] &= mask[i];
}

static inline size_t slot_of(const uint64_t text[SLOT_BYTES / 8])
{
    uint64_t h = (text[0] ^ (text[2] << 1)) * 0x9E3779B97F4A7C15u;
    h ^= h >> 32;
    h = (h + text[1] + (text[3] << 1)) * 0xD6E8FEB86659FD93u;
    return (size_t)(h >> (64 - SLOT_BITS));
}

static inline bool same_text(const uint64_t a[SLOT_BYTES / 8], const uint64_t b[SLOT_BYTES / 8])
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

/* Makes room for n more tokens, and those that a slot's copy writes beyond them. */
static inline syl_status reserve(syl_bpe_encoder *e, size_t n, syl_error *err)
{
    if (e->count + n + SLOT_TOKENS <= e->capacity) return SYL_OK;
    return syl_grow((void **)&e->ids, &e->capacity, e->count + n + SLOT_TOKENS, sizeof *e->ids,
                    err);
}

static syl_status add_piece(syl_bpe_encoder *e, const char *piece, size_t length, size_t left,
                            syl_error *err)
{
    uint64_t text[SLOT_BYTES / 8];
    slot *s = NULL;
    size_t n = 0;

    SYL_TRY(reserve(e, length, err));
    if (e->slots && length <= SLOT_BYTES) {
        load_piece(text, piece, length, left);
        s = &e->slots[slot_of(text)];
        if (s->length == length && same_text(s->text, text)) {
            memcpy(e->ids + e->count, s->ids, sizeof s->ids);
            e->count += s->count;
            return SYL_OK;
        }
    }
    SYL_TRY(syl_bpe_merge(e->bpe, piece, length, &e->room, e->ids + e->count, &n, err));
    if (s && n <= SLOT_TOKENS) {
        memcpy(s->text, text, sizeof text);
        s->length = (uint8_t)length;
        s->count = (uint8_t)n;
        memcpy(s->ids, e->ids + e->count, n * sizeof *s->ids);
    }
    e->count += n;
    return SYL_OK;
}

/* ---- texts --------------------------------------------------------------------------------- */

void syl_bpe_encoder_begin(syl_bpe_encoder *encoder, const char *text, size_t length, bool special)
{
    encoder->text = text;
    encoder->length = length;
    encoder->at = 0;
    encoder->special = special;
    find_stop(encoder);
}

syl_status syl_bpe_encoder_next(syl_bpe_encoder *e, const int32_t **ids, size_t *count,
                                syl_error *err)
{
    e->count = 0;
    while (e->count < PORTION && (e->at < e->stop || e->added >= 0)) {
        if (e->at < e->stop) {
            const char *piece = e->text + e->at;
            size_t n = syl_pieces_next(&e->bpe->pieces, piece, e->stop - e->at);
            SYL_TRY(add_piece(e, piece, n, e->length - e->at, err));
            e->at += n;
            continue;
        }
        SYL_TRY(reserve(e, 1, err));
        e->ids[e->count++] = e->added;
        e->at += e->added_length;
        find_stop(e);
    }
    *ids = e->ids;
    *count = e->count;
    return SYL_OK;
}

/* All that is left of the encoder's text. */
static syl_status collect(syl_bpe_encoder *e, int32_t **ids, size_t *count, syl_error *err)
{
    size_t capacity = 0, n;
    const int32_t *some;

    *ids = NULL;
    *count = 0;
    SYL_TRY(syl_grow((void **)ids, &capacity, 1, sizeof **ids, err));
    do {
        SYL_TRY(syl_bpe_encoder_next(e, &some, &n, err));
        SYL_TRY(syl_grow((void **)ids, &capacity, *count + n, sizeof **ids, err));
        if (n > 0) memcpy(*ids + *count, some, n * sizeof *some);
        *count += n;
    } while (n > 0);
    return SYL_OK;
}

syl_status syl_bpe_encode(const syl_bpe *bpe, const char *text, size_t length, bool special,
                          int32_t **ids, size_t *count, syl_error *err)
{
    syl_bpe_encoder *e;
    syl_status status;

    *ids = NULL;
    SYL_TRY(create(&e, bpe, length > WORTH_REMEMBERING, err));
    syl_bpe_encoder_begin(e, text, length, special);
    status = collect(e, ids, count, err);
    syl_bpe_encoder_free(e);
    if (status) {
        free(*ids);
        *ids = NULL;
    }
    return status;
}
