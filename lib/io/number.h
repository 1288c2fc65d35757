/* Decimal numbers in text, the same whatever the program's locale is. */
#ifndef SYL_IO_NUMBER_H
#define SYL_IO_NUMBER_H

#include <stdbool.h>

#include "lib/io/lines.h"

/* [+-]digits[.digits][e[+-]digits], the whole text and nothing else; exact to a few units in the
 * 16th digit. Neither infinity nor nan; false for anything else and for what a double cannot
 * hold. */
bool syl_parse_number(syl_span text, double *value);
/* Digits alone, at most INT64_MAX. */
bool syl_parse_count(syl_span text, int64_t *value);

#define SYL_NUMBER_ROOM 32
/* With nine digits, from which the same float is read again; returns the length. */
int syl_format_float(char text[SYL_NUMBER_ROOM], float value);

#endif
