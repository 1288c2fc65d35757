/* Where English sentences end. */
#ifndef SYL_IO_SENTENCES_H
#define SYL_IO_SENTENCES_H

#include <stddef.h>

/* Bytes of the first sentence of a line, all of it where there is only one. A sentence ends behind
 * . ! or ? and the quotes and brackets that follow, before white space, unless the next character
 * is a small letter, or the full stop belongs to an initial (J.) or a known abbreviation (Dr.). */
size_t syl_first_sentence(const char *line, size_t length);

#endif
