#include "lib/io/sentences.h"

#include <stdbool.h>
#include <string.h>

#include "lib/io/letters.h"

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Whether `word` (without the full stop) seldom ends a sentence. */
static bool is_abbreviation(const char *word, size_t n)
{
    static const char known[] =
        "\nmr\nmrs\nms\ndr\nprof\nst\nmt\nrev\nhon\ngen\ncol\ncapt\nlt\nsgt\nmaj\ncmdr\nadm\ngov\n"
        "sen\nrep\npres\njr\nsr\nvs\netc\neg\nie\ncf\nca\nno\nnos\nvol\nvols\ned\neds\npp\nfig\n"
        "figs\nch\nsec\nal\ninc\nltd\nco\ncorp\nbros\ndept\nuniv\nassn\nave\nblvd\nrd\njan\nfeb\n"
        "mar\napr\njun\njul\naug\nsep\nsept\noct\nnov\ndec\nmon\ntue\nwed\nthu\nfri\nsat\nsun\n"
        "approx\nest\nborn\nlat\nlit\nfr\nger\nrus\njp\n";
    char key[16];
    if (n == 1 && is_capital(*word)) return true;
    if (memchr(word, '.', n)) return true; /* U.S., e.g. */
    if (n == 0 || n > sizeof key - 3) return false;
    key[0] = key[n + 1] = '\n';
    key[n + 2] = 0;
    for (size_t i = 0; i < n; i++)
        key[i + 1] = is_capital(word[i]) ? (char)(word[i] + 0x20) : word[i];
    return strstr(known, key) != NULL;
}

/* Bytes of a closing quote or bracket at p; 0: there is none. */
static size_t closing(const char *p, size_t left)
{
    if (memchr("\"')]", *p, 4)) return 1;
    /* the right quotation marks, single and double */
    bool quote = left >= 3 && (!memcmp(p, "\xE2\x80\x99", 3) || !memcmp(p, "\xE2\x80\x9D", 3));
    return quote ? 3 : 0;
}

static bool stops_at(const char *line, size_t at)
{
    if (line[at] == '!' || line[at] == '?') return true;
    if (line[at] != '.') return false;
    size_t begin = at;
    while (begin > 0 && !syl_is_blank(line[begin - 1]) && line[begin - 1] != '(')
        begin--;
    return !is_abbreviation(line + begin, at - begin);
}

size_t syl_first_sentence(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] != '.' && line[i] != '!' && line[i] != '?') continue;
        size_t end = i + 1, n;
        while (end < length && memchr(".!?", line[end], 3))
            end++;
        while (end < length && (n = closing(line + end, length - end)))
            end += n;
        size_t next = end;
        while (next < length && syl_is_blank(line[next]))
            next++;
        if (next == length) return length;
        if (next > end && !is_small(line[next]) && stops_at(line, i)) return end;
        i = end - 1;
    }
    return length;
}
