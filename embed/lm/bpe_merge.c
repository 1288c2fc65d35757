/* The merges of one piece: of all pairs of neighbours the one with the lowest rank, of equal ones
 * the leftmost, until none is left. */
#include <stdlib.h>
#include <string.h>

#include "embed/lm/bpe_inner.h"
#include "lib/base/memory.h"

#define SHORT 48 /* bytes up to which looking at all pairs is faster than a heap */

void syl_bpe_room_free(syl_bpe_room *room)
{
    free(room->symbols);
    free(room->heap);
    *room = (syl_bpe_room){NULL, NULL, 0, 0};
}

/* The bytes' tokens; those without one are left out. */
static size_t first_tokens(const syl_bpe *b, const char *piece, size_t length, uint32_t *ids)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        int32_t id = b->of_byte[(unsigned char)piece[i]];
        ids[n] = (uint32_t)id;
        n += id >= 0;
    }
    return n;
}

static size_t merge_short(const syl_bpe *b, const char *piece, size_t length, int32_t *out)
{
    uint32_t ids[SHORT + 1], ranks[SHORT + 1]; /* ranks[i]: of merging i and i + 1 */
    size_t n = first_tokens(b, piece, length, ids);

    for (size_t i = 0; i + 1 < n; i++)
        ranks[i] = syl_bpe_rank(b, ids[i], ids[i + 1]);
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            best = ranks[i] < ranks[best] ? i : best;
        if (ranks[best] == SYL_BPE_NO_RANK) break;
        ids[best] = b->merged[ranks[best]];
        n--;
        memmove(ids + best + 1, ids + best + 2, (n - best - 1) * sizeof *ids);
        memmove(ranks + best + 1, ranks + best + 2, (n - best - 1) * sizeof *ranks);
        if (best > 0) ranks[best - 1] = syl_bpe_rank(b, ids[best - 1], ids[best]);
        if (best + 1 < n) ranks[best] = syl_bpe_rank(b, ids[best], ids[best + 1]);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)ids[i];
    return n;
}

/* ---- long pieces: a list of symbols and a heap of (rank, place) ---------------------------- */

typedef struct symbol {
    uint32_t id, before, after, rank; /* rank: of merging it with the one after it */
} symbol;

#define NO_SYMBOL UINT32_MAX

static void heap_push(syl_bpe_room *room, size_t *n, uint64_t item)
{
    uint64_t *heap = room->heap;
    size_t at = (*n)++;
    for (; at > 0 && heap[(at - 1) / 2] > item; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = item;
}

static uint64_t heap_pop(syl_bpe_room *room, size_t *n)
{
    uint64_t *heap = room->heap, top = heap[0], item = heap[--*n];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= *n) break;
        if (child + 1 < *n && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= item) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
    return top;
}

/* The rank of the symbol at `at` and the one behind it, anew. */
static void rank_pair(const syl_bpe *b, symbol *s, uint32_t at, syl_bpe_room *room, size_t *n)
{
    uint32_t after = s[at].after;
    s[at].rank = after == NO_SYMBOL ? SYL_BPE_NO_RANK : syl_bpe_rank(b, s[at].id, s[after].id);
    if (s[at].rank != SYL_BPE_NO_RANK) heap_push(room, n, (uint64_t)s[at].rank << 32 | at);
}

static size_t link_symbols(const syl_bpe *b, const char *piece, size_t length, symbol *s)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        int32_t id = b->of_byte[(unsigned char)piece[i]];
        if (id < 0) continue;
        s[n] = (symbol){(uint32_t)id, (uint32_t)n - 1, (uint32_t)n + 1, SYL_BPE_NO_RANK};
        n++;
    }
    if (n > 0) s[n - 1].after = NO_SYMBOL; /* before of the first is NO_SYMBOL as it is */
    return n;
}

static size_t merge_long(const syl_bpe *b, const char *piece, size_t length, syl_bpe_room *room,
                         int32_t *out)
{
    symbol *s = room->symbols;
    size_t count = link_symbols(b, piece, length, s), n = 0, made = 0;

    for (size_t i = 0; i < count; i++)
        rank_pair(b, s, (uint32_t)i, room, &n);
    while (n > 0) {
        uint64_t top = heap_pop(room, &n);
        uint32_t at = (uint32_t)top, rank = (uint32_t)(top >> 32);
        if (s[at].rank != rank) continue; /* one of the two has been merged meanwhile */
        uint32_t gone = s[at].after;
        s[at].id = b->merged[rank];
        s[at].after = s[gone].after;
        s[gone].rank = SYL_BPE_NO_RANK;
        if (s[at].after != NO_SYMBOL) s[s[at].after].before = at;
        rank_pair(b, s, at, room, &n);
        if (s[at].before != NO_SYMBOL) rank_pair(b, s, s[at].before, room, &n);
    }
    for (uint32_t at = count > 0 ? 0 : NO_SYMBOL; at != NO_SYMBOL; at = s[at].after)
        out[made++] = (int32_t)s[at].id;
    return made;
}

syl_status syl_bpe_merge(const syl_bpe *bpe, const char *piece, size_t length, syl_bpe_room *room,
                         int32_t *ids, size_t *count, syl_error *err)
{
    if (length <= SHORT) {
        *count = merge_short(bpe, piece, length, ids);
        return SYL_OK;
    }
    if (length > (size_t)1 << 30)
        return syl_fail(
            err, SYL_EINVAL,
            "a piece of %zu bytes without a place to split is too long to encode; break "
            "the text by spaces",
            length);
    /* Each pair once, and two more for each merge. */
    SYL_TRY(syl_grow(&room->symbols, &room->capacity, length, sizeof(symbol), err));
    SYL_TRY(
        syl_grow((void **)&room->heap, &room->heap_capacity, 3 * length, sizeof *room->heap, err));
    *count = merge_long(bpe, piece, length, room, ids);
    return SYL_OK;
}
