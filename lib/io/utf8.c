#include "lib/io/utf8.h"

#include <stdlib.h>
#include <string.h>

static int continues(const char *p)
{
    return ((unsigned char)*p & 0xC0) == 0x80;
}

size_t syl_utf8_decode(const char *p, size_t left, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!left) return 0;
    uint32_t c = (unsigned char)*p;
    size_t n = c < 0x80 ? 1 : c < 0xC0 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF8 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    if (n > 1) c &= 0x7Fu >> n;
    for (size_t i = 1; i < n; i++) {
        if (!continues(p + i)) return 0;
        c = c << 6 | ((unsigned char)p[i] & 0x3F);
    }
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    *character = c;
    return n;
}

size_t syl_utf8_encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(0xF00u >> n | c); /* as many leading ones as bytes */
    return n;
}

size_t syl_utf8_valid(const char *text, size_t length)
{
    size_t i = 0;
    uint32_t c;
    while (i < length) {
        uint64_t eight;
        if (length - i >= 8) { /* most text is ASCII */
            memcpy(&eight, text + i, 8);
            if (!(eight & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        size_t n = syl_utf8_decode(text + i, length - i, &c);
        if (!n) break;
        i += n;
    }
    return i;
}

size_t syl_utf8_replace(const char *text, size_t length, char *out)
{
    const size_t mark = strlen(SYL_UTF8_REPLACEMENT);
    char *to = out;
    for (size_t i = 0; i < length;) {
        size_t good = syl_utf8_valid(text + i, length - i);
        memcpy(to, text + i, good);
        to += good;
        i += good;
        if (i == length) break;
        memcpy(to, SYL_UTF8_REPLACEMENT, mark);
        to += mark;
        i++;
    }
    *to = 0;
    return (size_t)(to - out);
}

char *syl_utf8_clean(const char *text)
{
    size_t length = strlen(text);
    char *clean = malloc(3 * length + 1);
    if (clean) syl_utf8_replace(text, length, clean);
    return clean;
}
