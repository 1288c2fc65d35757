/* Inside embed/lm/bpe*.c: the vocabulary, and what its files hold. */
#ifndef SYL_EMBED_LM_BPE_INNER_H
#define SYL_EMBED_LM_BPE_INNER_H

#include "embed/lm/bpe.h"
#include "embed/lm/pieces.h"

/* A merge takes 21 bits for each of its tokens and 21 for its rank in one word, so that a table of
 * them stays in the cache; the highest number is nobody's. */
#define SYL_BPE_BITS 21
#define SYL_BPE_MAX (((size_t)1 << SYL_BPE_BITS) - 2)
#define SYL_BPE_NO_MERGE UINT64_MAX
#define SYL_BPE_NO_RANK UINT32_MAX

typedef enum syl_bpe_kind {
    SYL_BPE_NONE = 0, /* a number that is no token */
    SYL_BPE_NORMAL,   /* in GPT-2's letters for bytes */
    SYL_BPE_ADDED,    /* found in text before it is split into pieces */
    SYL_BPE_SPECIAL   /* found likewise, where that is asked for */
} syl_bpe_kind;

struct syl_bpe {
    syl_bpe_info info;
    syl_span *tokens; /* [size], into bytes */
    uint8_t *kinds;   /* [size] syl_bpe_kind */
    char *bytes;
    uint32_t
        *found; /* [found_mask + 1] numbers of tokens by the hash of their bytes, then UINT32_MAX */
    size_t found_mask;
    int32_t of_byte[256]; /* the token of a byte, or the unknown one; -1: none */
    uint64_t *merges;     /* [merge_mask + 1]: left, right, rank; SYL_BPE_NO_MERGE: nothing here */
    size_t merge_mask;
    int merge_shift;  /* a hash's high bits are the place */
    uint32_t *merged; /* [merge_count] the token that a rank makes */
    size_t merge_count;
    int32_t *added; /* [num_added] added and special tokens, in the order of their bytes */
    size_t num_added;
    bool added_first[256]; /* bytes that one of them begins with */
    bool any_plain;        /* one of them is not special */
    syl_pieces pieces;
};

/* What a file holds, for syl_bpe_build. Texts belong to the reader. */
typedef struct syl_bpe_source {
    const char *name; /* for messages */
    syl_span *tokens; /* [size]; normal ones in GPT-2's letters for bytes */
    uint8_t *kinds;   /* [size] syl_bpe_kind */
    size_t size;
    syl_span *left, *right; /* [merge_count], the first merge first */
    size_t merge_count;
    bool single_digits, add_begin;
    int32_t begin, end, unknown; /* -1: none, or <|endoftext|> where there is such a token */
} syl_bpe_source;

/* Room for `size` tokens and `merges` merges; freed by syl_bpe_source_free also after an error. */
syl_status syl_bpe_source_init(syl_bpe_source *source, const char *name, size_t size, size_t merges,
                               syl_error *err);
void syl_bpe_source_free(syl_bpe_source *source);
/* "left right", with one space. */
syl_status syl_bpe_source_merge(syl_bpe_source *source, size_t i, syl_span text, syl_error *err);
syl_status syl_bpe_build(syl_bpe **out, const syl_bpe_source *source, syl_error *err);

/* The rank of merging two tokens, SYL_BPE_NO_RANK: they do not merge. */
static inline uint32_t syl_bpe_rank(const syl_bpe *bpe, uint32_t left, uint32_t right)
{
    uint64_t key = (uint64_t)left << SYL_BPE_BITS | right;
    size_t at = (size_t)(key * 0x9E3779B97F4A7C15u >> bpe->merge_shift);
    for (;; at = (at + 1) & bpe->merge_mask) {
        uint64_t merge = bpe->merges[at];
        if (merge >> SYL_BPE_BITS == key)
            return (uint32_t)(merge & (((size_t)1 << SYL_BPE_BITS) - 1));
        if (merge == SYL_BPE_NO_MERGE) return SYL_BPE_NO_RANK;
    }
}

/* Tokens of one piece, of at most `length` of them, and how many. `room` grows as it needs. */
typedef struct syl_bpe_room {
    void *symbols; /* [capacity], bpe_merge.c knows what */
    uint64_t *heap;
    size_t capacity, heap_capacity;
} syl_bpe_room;

syl_status syl_bpe_merge(const syl_bpe *bpe, const char *piece, size_t length, syl_bpe_room *room,
                         int32_t *ids, size_t *count, syl_error *err);
void syl_bpe_room_free(syl_bpe_room *room);

#endif
