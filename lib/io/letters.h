/* Letters of all scripts by ranges of Unicode: a simplification in place of the locale's tables,
 * which depend on the machine. */
#ifndef SYL_IO_LETTERS_H
#define SYL_IO_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

/* ASCII letters, and above U+007F all characters but the known ranges of punctuation, symbols,
 * digits, space, emoji and private use. Combining marks count as letters: they are parts of words.
 */
bool syl_is_letter(uint32_t character);
/* The white space of ASCII, for text that may be cut into bytes. */
static inline bool syl_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
bool syl_is_space(uint32_t character); /* Unicode's White_Space, and U+200B */
/* Lower case of ASCII, Latin, Greek, Cyrillic and Armenian capitals that have one of as many bytes;
 * others as they are. */
uint32_t syl_lower(uint32_t character);

#endif
