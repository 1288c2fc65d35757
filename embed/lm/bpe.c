/* The vocabulary: built from what a file holds, and asked. */
#include "embed/lm/bpe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/bpe_inner.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/io/utf8.h"

#define MAX_TOKEN 65535
#define NOBODY UINT32_MAX

/* ---- what a file holds --------------------------------------------------------------------- */

syl_status syl_bpe_source_init(syl_bpe_source *s, const char *name, size_t size, size_t merges,
                               syl_error *err)
{
    *s = (syl_bpe_source){.name = name, .begin = -1, .end = -1, .unknown = -1};
    if (size == 0 || size > SYL_BPE_MAX || merges > SYL_BPE_MAX)
        return syl_fail(
            err, SYL_EFORMAT,
            "%s has %zu tokens and %zu merges; 1 to %zu tokens can be read, and as many "
            "merges",
            name, size, merges, SYL_BPE_MAX);
    s->tokens = syl_calloc(size, sizeof *s->tokens);
    s->kinds = syl_calloc(size, 1);
    s->left = syl_calloc(merges, sizeof *s->left);
    s->right = syl_calloc(merges, sizeof *s->right);
    s->size = size;
    s->merge_count = merges;
    if (!s->tokens || !s->kinds || !s->left || !s->right)
        return syl_fail_memory(err, (size + 2 * merges) * sizeof(syl_span), "a vocabulary");
    return SYL_OK;
}

void syl_bpe_source_free(syl_bpe_source *s)
{
    free(s->tokens);
    free(s->kinds);
    free(s->left);
    free(s->right);
}

syl_status syl_bpe_source_merge(syl_bpe_source *s, size_t i, syl_span text, syl_error *err)
{
    syl_span left, right;
    if (!syl_next_field(&text, ' ', &left) || !syl_next_field(&text, ' ', &right) || text.data ||
        left.size == 0 || right.size == 0)
        return syl_fail(err, SYL_EFORMAT, "%s: merge %zu is not two tokens with a space between",
                        s->name, i + 1);
    s->left[i] = left;
    s->right[i] = right;
    return SYL_OK;
}

/* ---- tokens by their text ------------------------------------------------------------------ */

static uint64_t hash_span(uint64_t hash, syl_span text)
{
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3;
    return hash;
}

/* The place of left + right in a table of tokens: its own, or the empty one where it would be. */
static size_t place_of(const uint32_t *table, size_t mask, const syl_span *tokens, syl_span left,
                       syl_span right)
{
    uint64_t hash = hash_span(hash_span(SYL_HASH_START, left), right);
    size_t at = (size_t)(hash ^ hash >> 32) & mask;
    for (; table[at] != NOBODY; at = (at + 1) & mask) {
        syl_span token = tokens[table[at]];
        if (token.size == left.size + right.size && !memcmp(token.data, left.data, left.size) &&
            !memcmp(token.data + left.size, right.data, right.size))
            break;
    }
    return at;
}

/* Of two tokens with the same text the first is found. */
static syl_status make_table(uint32_t **table, size_t *mask, const syl_span *tokens,
                             const uint8_t *kinds, size_t size, syl_error *err)
{
    size_t slots = 16;
    while (slots < 2 * size)
        slots *= 2;
    *mask = slots - 1;
    *table = syl_calloc(slots, sizeof **table);
    if (!*table) return syl_fail_memory(err, slots * sizeof **table, "a vocabulary");
    memset(*table, 0xff, slots * sizeof **table);
    for (size_t i = 0; i < size; i++) {
        if (kinds[i] == SYL_BPE_NONE) continue;
        size_t at = place_of(*table, *mask, tokens, tokens[i], (syl_span){"", 0});
        if ((*table)[at] == NOBODY) (*table)[at] = (uint32_t)i;
    }
    return SYL_OK;
}

/* ---- GPT-2's letters for bytes ------------------------------------------------------------- */

static bool prints(unsigned byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/* Bytes that print stand for themselves, the 68 others for U+0100 and what follows, in their order.
 */
static void byte_letters(uint32_t letter[256])
{
    uint32_t next = 256;
    for (unsigned b = 0; b < 256; b++)
        letter[b] = prints(b) ? b : next++;
}

/* The bytes that letters stand for; as it is where a letter stands for none. Returns how many
 * bytes. */
static size_t write_bytes(syl_span token, const int16_t of_letter[324], char *out)
{
    size_t at = 0, n = 0, bytes;
    uint32_t c;
    for (; at < token.size; at += bytes) {
        bytes = syl_utf8_decode(token.data + at, token.size - at, &c);
        if (bytes == 0 || c >= 324 || of_letter[c] < 0) {
            memcpy(out, token.data, token.size);
            return token.size;
        }
        out[n++] = (char)of_letter[c];
    }
    return n;
}

/* bpe->tokens and bytes from the source's. */
static syl_status set_tokens(syl_bpe *b, const syl_bpe_source *s, syl_error *err)
{
    size_t room = 0, at = 0;
    uint32_t letter[256];
    int16_t of_letter[324]; /* bytes stand for letters below 256 + 68 */

    for (size_t i = 0; i < s->size; i++) {
        if (s->tokens[i].size > MAX_TOKEN)
            return syl_fail(err, SYL_EFORMAT, "%s: token %zu has %zu bytes (at most %d)", s->name,
                            i, s->tokens[i].size, MAX_TOKEN);
        room += s->tokens[i].size;
    }
    b->bytes = syl_calloc(room + 1, 1);
    if (!b->bytes) return syl_fail_memory(err, room + 1, "a vocabulary");
    byte_letters(letter);
    memset(of_letter, 0xff, sizeof of_letter);
    for (int i = 0; i < 256; i++)
        of_letter[letter[i]] = (int16_t)i;
    for (size_t i = 0; i < s->size; i++) {
        size_t n = s->tokens[i].size;
        b->kinds[i] = s->kinds[i];
        if (s->kinds[i] == SYL_BPE_NONE) continue;
        if (s->kinds[i] == SYL_BPE_NORMAL)
            n = write_bytes(s->tokens[i], of_letter, b->bytes + at);
        else if (n > 0)
            memcpy(b->bytes + at, s->tokens[i].data, n);
        b->tokens[i] = (syl_span){b->bytes + at, n};
        at += n;
    }
    return SYL_OK;
}

/* `table` finds the source's texts. */
static void set_bytes(syl_bpe *b, const syl_bpe_source *s, const uint32_t *table, size_t mask)
{
    uint32_t letter[256];
    byte_letters(letter);
    for (int i = 0; i < 256; i++) {
        char text[4];
        syl_span span = {text, syl_utf8_encode(letter[i], text)};
        uint32_t id = table[place_of(table, mask, s->tokens, span, (syl_span){"", 0})];
        bool there = id != NOBODY && s->kinds[id] == SYL_BPE_NORMAL;
        b->of_byte[i] = there ? (int32_t)id : s->unknown;
        b->info.bytes += there;
    }
}

/* ---- merges -------------------------------------------------------------------------------- */

/* Of a pair that is there twice, the later rank counts, as in Hugging Face's library. */
static void put_merge(syl_bpe *b, uint32_t left, uint32_t right, size_t rank)
{
    uint64_t key = (uint64_t)left << SYL_BPE_BITS | right;
    size_t at = (size_t)(key * 0x9E3779B97F4A7C15u >> b->merge_shift);
    while (b->merges[at] != SYL_BPE_NO_MERGE && b->merges[at] >> SYL_BPE_BITS != key)
        at = (at + 1) & b->merge_mask;
    b->merges[at] = key << SYL_BPE_BITS | rank;
}

static syl_status set_merges(syl_bpe *b, const syl_bpe_source *s, const uint32_t *table,
                             size_t mask, syl_error *err)
{
    int bits = 4;
    while ((size_t)1 << bits < 2 * s->merge_count)
        bits++;
    b->merge_mask = ((size_t)1 << bits) - 1;
    b->merge_shift = 64 - bits;
    b->merges = syl_calloc(b->merge_mask + 1, sizeof *b->merges);
    b->merged = syl_calloc(s->merge_count, sizeof *b->merged);
    if (!b->merges || !b->merged)
        return syl_fail_memory(err, (b->merge_mask + 1) * sizeof *b->merges, "a vocabulary");
    memset(b->merges, 0xff, (b->merge_mask + 1) * sizeof *b->merges);
    for (size_t i = 0; i < s->merge_count; i++) {
        const syl_span none = {"", 0};
        uint32_t left = table[place_of(table, mask, s->tokens, s->left[i], none)];
        uint32_t right = table[place_of(table, mask, s->tokens, s->right[i], none)];
        uint32_t made = table[place_of(table, mask, s->tokens, s->left[i], s->right[i])];
        if (left == NOBODY || right == NOBODY || made == NOBODY)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: merge %zu, of \"%.*s\" and \"%.*s\", has or makes no token of the "
                            "vocabulary; the two are not of one model",
                            s->name, i + 1, (int)(s->left[i].size < 40 ? s->left[i].size : 40),
                            s->left[i].data, (int)(s->right[i].size < 40 ? s->right[i].size : 40),
                            s->right[i].data);
        put_merge(b, left, right, i);
        b->merged[i] = made;
    }
    b->merge_count = s->merge_count;
    return SYL_OK;
}

/* ---- added tokens -------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b, void *tokens)
{
    syl_span x = ((const syl_span *)tokens)[*(const int32_t *)a];
    syl_span y = ((const syl_span *)tokens)[*(const int32_t *)b];
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    return order ? order : (x.size > y.size) - (x.size < y.size);
}

static syl_status set_added(syl_bpe *b, const char *name, syl_error *err)
{
    size_t n = 0;
    for (int32_t i = 0; i < b->info.size; i++)
        n += b->kinds[i] >= SYL_BPE_ADDED;
    b->added = syl_calloc(n, sizeof *b->added);
    if (!b->added) return syl_fail_memory(err, n * sizeof *b->added, "a vocabulary");
    for (int32_t i = 0; i < b->info.size; i++) {
        if (b->kinds[i] < SYL_BPE_ADDED) continue;
        if (b->tokens[i].size == 0)
            return syl_fail(err, SYL_EFORMAT, "%s: the added token %" PRId32 " is empty", name, i);
        b->added_first[(unsigned char)b->tokens[i].data[0]] = true;
        b->any_plain |= b->kinds[i] == SYL_BPE_ADDED;
        b->added[b->num_added++] = i;
    }
    if (n > 0) qsort_r(b->added, n, sizeof *b->added, by_bytes, b->tokens);
    return SYL_OK;
}

/* ---- building ------------------------------------------------------------------------------ */

static syl_status check_named(const syl_bpe_source *s, int32_t id, const char *what, syl_error *err)
{
    if (id >= -1 && (id == -1 || ((size_t)id < s->size && s->kinds[id] != SYL_BPE_NONE)))
        return SYL_OK;
    return syl_fail(err, SYL_EFORMAT, "%s: its %s token %" PRId32 " is none of its %zu", s->name,
                    what, id, s->size);
}

static syl_status build(syl_bpe *b, const syl_bpe_source *s, syl_error *err)
{
    static const char end_of_text[] = "<|endoftext|>";
    uint32_t *table = NULL;
    size_t mask = 0;
    syl_status status;

    SYL_TRY(check_named(s, s->begin, "first", err));
    SYL_TRY(check_named(s, s->end, "last", err));
    SYL_TRY(check_named(s, s->unknown, "unknown", err));
    b->info = (syl_bpe_info){
        .size = (int32_t)s->size, .add_begin = s->add_begin, .single_digits = s->single_digits};
    b->tokens = syl_calloc(s->size, sizeof *b->tokens);
    b->kinds = syl_calloc(s->size, 1);
    if (!b->tokens || !b->kinds)
        return syl_fail_memory(err, s->size * sizeof *b->tokens, "a vocabulary");
    SYL_TRY(set_tokens(b, s, err));
    status = make_table(&table, &mask, s->tokens, s->kinds, s->size, err);
    if (!status) set_bytes(b, s, table, mask);
    if (!status) status = set_merges(b, s, table, mask, err);
    free(table);
    SYL_TRY(status);
    SYL_TRY(make_table(&b->found, &b->found_mask, b->tokens, b->kinds, s->size, err));
    SYL_TRY(set_added(b, s->name, err));
    syl_pieces_init(&b->pieces, s->single_digits);
    int32_t end = syl_bpe_find(b, end_of_text, sizeof end_of_text - 1);
    b->info.begin = s->begin < 0 ? end : s->begin;
    b->info.end = s->end < 0 ? end : s->end;
    return SYL_OK;
}

syl_status syl_bpe_build(syl_bpe **out, const syl_bpe_source *source, syl_error *err)
{
    syl_bpe *b = syl_calloc(1, sizeof *b);
    *out = NULL;
    if (!b) return syl_fail_memory(err, sizeof *b, "a vocabulary");
    syl_status status = build(b, source, err);
    if (status)
        syl_bpe_free(b);
    else
        *out = b;
    return status;
}

void syl_bpe_free(syl_bpe *bpe)
{
    if (!bpe) return;
    free(bpe->tokens);
    free(bpe->kinds);
    free(bpe->bytes);
    free(bpe->found);
    free(bpe->merges);
    free(bpe->merged);
    free(bpe->added);
    free(bpe);
}

/* ---- asking -------------------------------------------------------------------------------- */

syl_bpe_info syl_bpe_get_info(const syl_bpe *bpe)
{
    return bpe->info;
}

int32_t syl_bpe_find(const syl_bpe *bpe, const char *text, size_t length)
{
    const syl_span none = {"", 0};
    uint32_t id = bpe->found[place_of(bpe->found, bpe->found_mask, bpe->tokens,
                                      (syl_span){text, length}, none)];
    return id == NOBODY ? -1 : (int32_t)id;
}

syl_span syl_bpe_token(const syl_bpe *bpe, int32_t id)
{
    return id >= 0 && id < bpe->info.size ? bpe->tokens[id] : (syl_span){NULL, 0};
}

bool syl_bpe_special(const syl_bpe *bpe, int32_t id)
{
    return id >= 0 && id < bpe->info.size && bpe->kinds[id] == SYL_BPE_SPECIAL;
}
