/* A scanner for the regular expression of pieces.h. */
#include "embed/lm/pieces.h"

#include <string.h>

#include "embed/lm/unicode_ranges.h"
#include "lib/io/utf8.h"

enum { OTHER, LETTER, NUMBER, SPACE };

static void set_classes(syl_pieces *p, const syl_range *ranges, size_t count, unsigned class)
{
    for (size_t i = 0; i < count; i++)
        for (uint32_t c = ranges[i].first; c <= ranges[i].last; c++)
            p->classes[c / 4] |= (uint8_t)(class << 2 * (c % 4));
}

static unsigned class_of(const syl_pieces *p, uint32_t c)
{
    return p->classes[c / 4] >> 2 * (c % 4) & 3;
}

void syl_pieces_init(syl_pieces *pieces, bool single_digits)
{
    memset(pieces, 0, sizeof *pieces);
    pieces->single_digits = single_digits;
    set_classes(pieces, syl_letters, syl_letters_count, LETTER);
    set_classes(pieces, syl_numbers, syl_numbers_count, NUMBER);
    set_classes(pieces, syl_spaces, syl_spaces_count, SPACE);
    for (uint32_t c = 0; c < 128; c++)
        pieces->ascii[c] = (uint8_t)class_of(pieces, c);
}

/* The class of the character at the beginning of text and its bytes. */
static inline unsigned next_class(const syl_pieces *p, const char *text, size_t left, size_t *bytes)
{
    uint32_t c = (unsigned char)*text;
    *bytes = 1;
    if (c < 128) return p->ascii[c];
    size_t n = syl_utf8_decode(text, left, &c);
    if (n == 0) return OTHER;
    *bytes = n;
    return class_of(p, c);
}

/* Where the run of a class ends that has begun before `at`. */
static size_t run_end(const syl_pieces *p, const char *text, size_t at, size_t left, unsigned class)
{
    size_t bytes;
    while (at < left && next_class(p, text + at, left - at, &bytes) == class)
        at += bytes;
    return at;
}

/* Bytes of 's, 't, 're, 've, 'm, 'll or 'd behind an apostrophe, with it; 0: none. */
static size_t contraction(const char *text, size_t left)
{
    if (left < 2) return 0;
    if (memchr("stmd", text[1], 4)) return 2;
    if (left < 3) return 0;
    return !memcmp(text + 1, "re", 2) || !memcmp(text + 1, "ve", 2) || !memcmp(text + 1, "ll", 2)
               ? 3
               : 0;
}

/* White space leaves its last character to what follows, unless that is the end, or it has but one.
 */
static size_t space_end(const syl_pieces *p, const char *text, size_t left)
{
    size_t at = 0, last = 0, bytes = 0;
    unsigned class = SPACE;
    while (at < left && (class = next_class(p, text + at, left - at, &bytes)) == SPACE) {
        last = at;
        at += bytes;
    }
    if (at == left || last == 0 || (p->single_digits && class == NUMBER)) return at;
    return last;
}

size_t syl_pieces_next(const syl_pieces *pieces, const char *text, size_t left)
{
    size_t bytes, at = 0;
    unsigned class = next_class(pieces, text, left, &bytes);

    if (*text == '\'') {
        size_t n = contraction(text, left);
        if (n) return n;
    }
    if (*text == ' ' && left > 1) { /* it goes with what follows, if that is no space */
        size_t behind;
        unsigned next = next_class(pieces, text + 1, left - 1, &behind);
        if (next != SPACE && !(next == NUMBER && pieces->single_digits)) {
            class = next;
            bytes = behind;
            at = 1;
        }
    }
    if (class == SPACE) return space_end(pieces, text, left);
    if (class == NUMBER && pieces->single_digits) return bytes;
    return run_end(pieces, text, at + bytes, left, class);
}
