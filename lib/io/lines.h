/* Text in memory, line by line and field by field, without copies. */
#ifndef SYL_IO_LINES_H
#define SYL_IO_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a text that somebody else owns; not terminated. */
typedef struct syl_span {
    const char *data;
    size_t size;
} syl_span;

typedef struct syl_lines {
    const char *at, *end;
    int64_t number; /* of the line that was last read, from 1; 0 before the first */
} syl_lines;

static inline syl_lines syl_lines_of(const void *text, size_t size)
{
    const char *at = text;
    return (syl_lines){at, size ? at + size : at, 0};
}

/* The next line without its end (\n or \r\n); false: there is none. A last line may lack its end.
 */
bool syl_next_line(syl_lines *lines, syl_span *line);

/* The next field of `rest`, which begins behind it afterwards; runs of white space (space, tab)
 * lie between fields. false: there is none. */
bool syl_next_word(syl_span *rest, syl_span *field);
/* The text up to the next `separator` (which is passed over) or the end; false when rest is used
 * up, and rest->data is NULL then. Empty fields are fields. */
bool syl_next_field(syl_span *rest, char separator, syl_span *field);

/* The text without white space on either side. */
syl_span syl_trim(syl_span text);
bool syl_span_is(syl_span span, const char *text);

#endif
