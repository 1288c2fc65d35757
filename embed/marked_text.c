#include "embed/marked_text.h"

#include <string.h>
#include <strings.h>

static void split_at(syl_span text, const char *from, const char *to, syl_span *left,
                     syl_span *right)
{
    *left = (syl_span){text.data, (size_t)(from - text.data)};
    *right = (syl_span){to, (size_t)(text.data + text.size - to)};
}

bool syl_split_marked(syl_span text, syl_span *left, syl_span *right)
{
    static const char begin[] = "<b>", end[] = "</b>";
    const char *stop = text.data + text.size;
    const char *from = memmem(text.data, text.size, begin, strlen(begin));
    if (!from) return false;
    const char *to = memmem(from, (size_t)(stop - from), end, strlen(end));
    if (!to) return false;
    split_at(text, from, to + strlen(end), left, right);
    return true;
}

/* Part of a word: letters, digits, and all that is not ASCII. */
static bool is_inside(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

void syl_find_marked(syl_span text, syl_span word, syl_span *left, syl_span *right)
{
    const char *stop = text.data + text.size;
    if (syl_split_marked(text, left, right)) return;
    for (const char *at = text.data; word.size && (size_t)(stop - at) >= word.size; at++) {
        const char *end = at + word.size;
        if (strncasecmp(at, word.data, word.size) != 0) continue;
        if ((at > text.data && is_inside(at[-1])) || (end < stop && is_inside(*end))) continue;
        split_at(text, at, end, left, right);
        return;
    }
    split_at(text, stop, stop, left, right);
}
