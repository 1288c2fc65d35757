/* UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef SYL_IO_UTF8_H
#define SYL_IO_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define SYL_UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Bytes of the character at p, of which `left` bytes may be read, and the character; 0: there is
 * none. */
size_t syl_utf8_decode(const char *p, size_t left, uint32_t *character);
/* Writes 1 to 4 bytes and returns how many; the character must be one. */
size_t syl_utf8_encode(uint32_t character, char *out);
/* The length of the longest beginning that is UTF-8. */
size_t syl_utf8_valid(const char *text, size_t length);

/* Text of `length` bytes as UTF-8, bytes that are not becoming U+FFFD, and a NUL behind it. `out`
 * has room for 3 * length + 1 bytes; returns the bytes before the NUL. */
size_t syl_utf8_replace(const char *text, size_t length, char *out);

/* File names are bytes; JSON and pictures need UTF-8. A copy by syl_utf8_replace, owned by the
 * caller; NULL: no memory. */
char *syl_utf8_clean(const char *text);

#endif
