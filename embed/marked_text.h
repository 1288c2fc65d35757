/* A word in a text that is given as one piece. */
#ifndef SYL_EMBED_MARKED_TEXT_H
#define SYL_EMBED_MARKED_TEXT_H

#include "lib/io/lines.h"

/* Splits "left <b>word</b> right" at the first such marks; false: there are none. */
bool syl_split_marked(syl_span text, syl_span *left, syl_span *right);

/* The same or, without marks, around the first place where the word stands between characters that
 * are no letters or digits, letters of ASCII in either case. Where it does not stand at all, left
 * is the whole text. */
void syl_find_marked(syl_span text, syl_span word, syl_span *left, syl_span *right);

#endif
