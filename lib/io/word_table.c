/* Slots hold 20 bits of the hash and 44 of the record's place, plus 1, in units of 8 bytes; so a
 * look-up seldom reads a record other than its own. */
#include "lib/io/word_table.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define CHUNK_BITS 20
#define CHUNK_SIZE ((size_t)1 << CHUNK_BITS)
#define PLACE_BITS 44
#define PLACE_MASK (((uint64_t)1 << PLACE_BITS) - 1)
#define FIRST_SLOTS 1024
#define BLOCK 32 /* look-ups that are under way together */

static uint64_t eight_bytes(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint64_t mix(uint64_t hash, uint64_t x)
{
    hash = (hash ^ x) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_of(const char *text, size_t n)
{
    uint64_t hash = n * 0xD6E8FEB86659FD93u, rest = 0;
    for (; n > 8; text += 8, n -= 8)
        hash = mix(hash, eight_bytes(text));
    if (n >= 4) {
        uint32_t head, tail;
        memcpy(&head, text, 4);
        memcpy(&tail, text + n - 4, 4);
        rest = (uint64_t)head << 32 | tail;
    } else {
        for (size_t i = 0; i < n; i++)
            rest = rest << 8 | (unsigned char)text[i];
    }
    hash = mix(hash, rest);
    return mix(hash, hash >> 32);
}

static syl_record *record_at(const syl_word_table *t, uint64_t slot)
{
    uint64_t place = ((slot & PLACE_MASK) - 1) * 8;
    return (syl_record *)(t->chunks[place >> CHUNK_BITS].data + (place & (CHUNK_SIZE - 1)));
}

/* The slot that holds the item, or the free one where it would be. */
static size_t slot_of(const syl_word_table *t, const char *text, size_t length, uint64_t hash)
{
    size_t i = hash & t->mask;
    for (; t->slots[i]; i = (i + 1) & t->mask) {
        if (t->slots[i] >> PLACE_BITS != hash >> PLACE_BITS) continue;
        const syl_record *r = record_at(t, t->slots[i]);
        if (r->length == length && !memcmp(r->text, text, length)) break;
    }
    return i;
}

static size_t record_size(size_t length)
{
    return (offsetof(syl_record, text) + length + 1 + 7) / 8 * 8;
}

/* ---- growth -------------------------------------------------------------------------- */

static void place_all(syl_word_table *t, uint64_t *slots, size_t mask)
{
    for (size_t c = 0; c < t->num_chunks; c++) {
        for (size_t at = 0; at < t->chunks[c].used;) {
            const syl_record *r = (const syl_record *)(t->chunks[c].data + at);
            uint64_t hash = hash_of(r->text, r->length);
            size_t i = hash & mask;
            while (slots[i])
                i = (i + 1) & mask;
            slots[i] = hash >> PLACE_BITS << PLACE_BITS | (((c << CHUNK_BITS | at) / 8) + 1);
            at += record_size(r->length);
        }
    }
}

/* Room for `more` items, at most 5/8 of the slots being used. */
static syl_status reserve(syl_word_table *t, size_t more, syl_error *err)
{
    size_t need = t->used + more, room = t->slots ? t->mask + 1 : FIRST_SLOTS;
    if (t->slots && need <= room / 8 * 5) return SYL_OK;
    while (need > room / 8 * 5)
        room *= 2;
    uint64_t *slots = syl_calloc(room, sizeof *slots);
    if (!slots) return syl_fail_memory(err, room * sizeof *slots, "a vocabulary");
    place_all(t, slots, room - 1);
    free(t->slots);
    t->slots = slots;
    t->mask = room - 1;
    return SYL_OK;
}

static syl_status new_record(syl_word_table *t, const char *text, size_t length, uint64_t *place,
                             syl_error *err)
{
    size_t size = record_size(length);
    if (!t->num_chunks || t->chunks[t->num_chunks - 1].used + size > CHUNK_SIZE) {
        SYL_TRY(syl_grow((void **)&t->chunks, &t->chunks_room, t->num_chunks + 1, sizeof *t->chunks,
                         err));
        char *data = malloc(CHUNK_SIZE);
        if (!data) return syl_fail_memory(err, CHUNK_SIZE, "a vocabulary");
        t->chunks[t->num_chunks++] = (syl_record_chunk){data, 0};
    }
    syl_record_chunk *chunk = &t->chunks[t->num_chunks - 1];
    syl_record *r = (syl_record *)(chunk->data + chunk->used);
    r->count = 0;
    r->id = -1;
    r->length = (uint32_t)length;
    memcpy(r->text, text, length);
    r->text[length] = 0;
    *place = (t->num_chunks - 1) << CHUNK_BITS | chunk->used;
    chunk->used += size;
    return SYL_OK;
}

/* There must be room for one more. */
static syl_status put(syl_word_table *t, const char *text, size_t length, uint64_t hash,
                      syl_record **out, syl_error *err)
{
    size_t i = slot_of(t, text, length, hash);
    if (!t->slots[i]) {
        uint64_t place = 0;
        SYL_TRY(new_record(t, text, length, &place, err));
        t->slots[i] = hash >> PLACE_BITS << PLACE_BITS | (place / 8 + 1);
        t->used++;
    }
    *out = record_at(t, t->slots[i]);
    return SYL_OK;
}

/* ---- one ------------------------------------------------------------------------------ */

syl_record *syl_word_table_find(const syl_word_table *t, const char *text, size_t length)
{
    if (!t->slots) return NULL;
    uint64_t slot = t->slots[slot_of(t, text, length, hash_of(text, length))];
    return slot ? record_at(t, slot) : NULL;
}

syl_status syl_word_table_put(syl_word_table *t, const char *text, size_t length, syl_record **out,
                              syl_error *err)
{
    SYL_TRY(reserve(t, 1, err));
    return put(t, text, length, hash_of(text, length), out, err);
}

/* ---- many ----------------------------------------------------------------------------- */

/* Asks for the memory of n <= BLOCK look-ups: first all slots, then all records. */
static void look_ahead(const syl_word_table *t, const char *letters, const syl_item *items,
                       size_t n, uint64_t *hash)
{
    for (size_t i = 0; i < n; i++) {
        hash[i] = hash_of(letters + items[i].begin, items[i].length);
        __builtin_prefetch(&t->slots[hash[i] & t->mask], 0);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t slot = t->slots[hash[i] & t->mask];
        if (slot) __builtin_prefetch(record_at(t, slot), 1);
    }
}

syl_status syl_word_table_count(syl_word_table *t, const char *letters, const syl_item *items,
                                size_t n, syl_error *err)
{
    uint64_t hash[BLOCK];
    syl_record *r;
    for (size_t first = 0; first < n; first += BLOCK, items += BLOCK) {
        size_t some = n - first < BLOCK ? n - first : BLOCK;
        SYL_TRY(reserve(t, some, err));
        look_ahead(t, letters, items, some, hash);
        for (size_t i = 0; i < some; i++) {
            SYL_TRY(put(t, letters + items[i].begin, items[i].length, hash[i], &r, err));
            r->count++;
        }
    }
    return SYL_OK;
}

void syl_word_table_ids(const syl_word_table *t, const char *letters, const syl_item *items,
                        size_t n, int32_t missing, int32_t *ids)
{
    uint64_t hash[BLOCK];
    for (size_t first = 0; first < n; first += BLOCK, items += BLOCK, ids += BLOCK) {
        size_t some = n - first < BLOCK ? n - first : BLOCK;
        if (t->slots) look_ahead(t, letters, items, some, hash);
        for (size_t i = 0; i < some; i++) {
            uint64_t slot = 0;
            if (t->slots)
                slot = t->slots[slot_of(t, letters + items[i].begin, items[i].length, hash[i])];
            ids[i] = slot ? record_at(t, slot)->id : missing;
        }
    }
}

syl_record *syl_word_table_next(const syl_word_table *t, size_t *chunk, size_t *at)
{
    if (*chunk < t->num_chunks && *at == t->chunks[*chunk].used) {
        ++*chunk;
        *at = 0;
    }
    if (*chunk == t->num_chunks) return NULL;
    syl_record *r = (syl_record *)(t->chunks[*chunk].data + *at);
    *at += record_size(r->length);
    return r;
}

void syl_word_table_free(syl_word_table *t)
{
    for (size_t c = 0; c < t->num_chunks; c++)
        free(t->chunks[c].data);
    free(t->chunks);
    free(t->slots);
    *t = (syl_word_table){0};
}
