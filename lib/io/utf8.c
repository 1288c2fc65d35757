#include "lib/io/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Bytes of the UTF-8 character at p, 0: there is none. jansson knows all the rules. */
static size_t utf8_length(const char *p, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++) {
        json_t *character = json_stringn(p, n);
        json_decref(character);
        if (character) return n;
    }
    return 0;
}

char *syl_utf8_clean(const char *text)
{
    size_t left = strlen(text);
    char *clean = malloc(left * strlen(REPLACEMENT) + 1), *to = clean;
    if (!clean) return NULL;
    while (left) {
        size_t n = utf8_length(text, left), size = n ? n : strlen(REPLACEMENT);
        memcpy(to, n ? text : REPLACEMENT, size);
        to += size;
        n = n ? n : 1;
        text += n;
        left -= n;
    }
    *to = 0;
    return clean;
}
