/* The pieces that text is split into before byte-level BPE, within which tokens stay. GPT-2's rule:
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * and SmolLM2's, which first takes each \p{N} as a piece of its own and uses GPT-2's rule on what
 * lies between. A byte that begins no UTF-8 character counts as U+FFFD, one by one. */
#ifndef SYL_EMBED_LM_PIECES_H
#define SYL_EMBED_LM_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct syl_pieces {
    bool single_digits;            /* SmolLM2's rule */
    uint8_t ascii[128];            /* class of each character below 128 */
    uint8_t classes[0x110000 / 4]; /* of all, 2 bits each, low bits first */
} syl_pieces;

/* Constant afterwards; any number of threads may share it. */
void syl_pieces_init(syl_pieces *pieces, bool single_digits);
/* Bytes of the piece at the beginning of `text`, of which `left` bytes (1 or more) are there. The
 * text must begin where a piece does and end where the text to split ends. */
size_t syl_pieces_next(const syl_pieces *pieces, const char *text, size_t left);

#endif
