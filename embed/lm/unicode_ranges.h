/* Classes of characters of Unicode 16.0, in rising order: what the regular expressions of
 * tokenizers call \p{L}, \p{N} and \s. The tables are made by make_unicode_ranges.py. */
#ifndef SYL_EMBED_LM_UNICODE_RANGES_H
#define SYL_EMBED_LM_UNICODE_RANGES_H

#include <stddef.h>
#include <stdint.h>

typedef struct syl_range {
    uint32_t first, last;
} syl_range;

extern const syl_range syl_letters[], syl_numbers[], syl_spaces[];
extern const size_t syl_letters_count, syl_numbers_count, syl_spaces_count;

#endif
