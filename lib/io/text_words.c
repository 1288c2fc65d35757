#include "lib/io/text_words.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/letters.h"
#include "lib/io/sentences.h"
#include "lib/io/text_options.h"
#include "lib/io/utf8.h"
#include "lib/io/word_table.h"

#define WORD_BYTES (4 * SYL_WORD_MAX)

struct syl_words {
    syl_text_options options;
    syl_word_table stop;
    unsigned char letter[128]; /* an ASCII letter as it is written down, 0: none */
    /* kept words of the text, a space behind each, so that a bigram is a slice too */
    char *letters;
    size_t used, letters_room;
    syl_item *items;
    size_t count, items_room;
    size_t *ends;
    size_t sentences, ends_room;
    size_t words;
    size_t line_words; /* of the sentence so far */
    syl_item last;     /* its last word */
};

syl_status syl_words_create(syl_words **out, const syl_text_options *options, syl_error *err)
{
    *out = NULL;
    SYL_TRY(syl_text_check_options(options, err));
    syl_words *w = calloc(1, sizeof *w);
    if (!w) return syl_fail_memory(err, sizeof *w, "splitting text");
    w->options = *options;
    w->options.stop_list = NULL;
    for (int c = 0; c < 128; c++)
        if (syl_is_letter((uint32_t)c))
            w->letter[c] =
                (unsigned char)(options->lowercase ? syl_lower((uint32_t)c) : (uint32_t)c);
    syl_status status = SYL_OK;
    for (const char *p = syl_text_stop_list(options); !status && *p;) {
        size_t n = strcspn(p, "\n");
        syl_record *r;
        if (n <= WORD_BYTES) status = syl_word_table_put(&w->stop, p, n, &r, err);
        p += n + (p[n] == '\n');
    }
    if (status)
        syl_words_free(w);
    else
        *out = w;
    return status;
}

void syl_words_free(syl_words *w)
{
    if (!w) return;
    syl_word_table_free(&w->stop);
    free(w->letters);
    free(w->items);
    free(w->ends);
    free(w);
}

/* ---- writing words down ---------------------------------------------------------------- */

/* Room for one more word behind those that are there. */
static inline syl_status reserve(syl_words *w, syl_error *err)
{
    size_t need = w->used + WORD_BYTES + 1;
    if (need <= w->letters_room) return SYL_OK;
    return syl_grow((void **)&w->letters, &w->letters_room, need, 1, err);
}

static inline syl_status add_item(syl_words *w, size_t begin, size_t end, syl_error *err)
{
    if (w->count == w->items_room)
        SYL_TRY(syl_grow((void **)&w->items, &w->items_room, w->count + 1, sizeof *w->items, err));
    w->items[w->count++] = (syl_item){(uint32_t)begin, (uint32_t)(end - begin)};
    return SYL_OK;
}

/* Keeps the word whose `length` bytes stand behind the used letters, with its bigram first. */
static syl_status keep(syl_words *w, size_t length, syl_error *err)
{
    size_t begin = w->used, end = begin + length;
    if (end > UINT32_MAX - 2 * WORD_BYTES)
        return syl_fail(err, SYL_EINVAL, "a document has too much text; split it");
    if (w->options.bigrams && w->line_words) SYL_TRY(add_item(w, w->last.begin, end, err));
    SYL_TRY(add_item(w, begin, end, err));
    w->letters[end] = ' ';
    w->used = end + 1;
    w->last = w->items[w->count - 1];
    w->line_words++;
    return SYL_OK;
}

static inline bool is_stop(const syl_words *w, size_t length)
{
    return w->stop.used && syl_word_table_find(&w->stop, w->letters + w->used, length);
}

/* A word of `length` bytes and `characters` (not counted beyond max_length + 1) that stands behind
 * the used letters. */
static inline syl_status finish_word(syl_words *w, size_t length, int characters, syl_error *err)
{
    if (characters < w->options.min_length || characters > w->options.max_length) return SYL_OK;
    return is_stop(w, length) ? SYL_OK : keep(w, length, err);
}

static syl_status keep_text(syl_words *w, const char *text, syl_error *err)
{
    size_t length = strlen(text);
    SYL_TRY(reserve(w, err));
    memcpy(w->letters + w->used, text, length);
    return keep(w, length, err);
}

/* ---- the patterns ASCII, LETTERS and SPACES ----------------------------------------------- */

static syl_status split_ascii(syl_words *w, const char *p, const char *end, syl_error *err)
{
    const unsigned char *letter = w->letter;
    int most = w->options.max_length + 1;
    while (p < end) {
        SYL_TRY(reserve(w, err));
        char *to = w->letters + w->used;
        int n = 0;
        for (; p < end && (unsigned char)*p < 128 && letter[(unsigned char)*p]; p++)
            if (n < most) to[n++] = (char)letter[(unsigned char)*p];
        if (n) SYL_TRY(finish_word(w, (size_t)n, n, err));
        while (p < end && ((unsigned char)*p >= 128 || !letter[(unsigned char)*p]))
            p++;
    }
    return SYL_OK;
}

/* A character and its length; bytes that are none are U+FFFD, one at a time. */
static inline size_t next_character(const char *p, const char *end, uint32_t *c)
{
    size_t n = syl_utf8_decode(p, (size_t)(end - p), c);
    if (n) return n;
    *c = 0xFFFD;
    return 1;
}

static syl_status split_characters(syl_words *w, const char *p, const char *end, syl_error *err)
{
    bool spaces = w->options.pattern == SYL_WORDS_SPACES;
    while (p < end) {
        size_t length = 0, n;
        int characters = 0;
        uint32_t c;
        SYL_TRY(reserve(w, err));
        for (; p < end; p += n) {
            n = next_character(p, end, &c);
            if (spaces ? syl_is_space(c) || c == 0xFFFD : !syl_is_letter(c)) break;
            if (characters > w->options.max_length) continue;
            if (w->options.lowercase) c = syl_lower(c);
            length += syl_utf8_encode(c, w->letters + w->used + length);
            characters++;
        }
        if (characters) SYL_TRY(finish_word(w, length, characters, err));
        if (p < end) p += n;
    }
    return SYL_OK;
}

/* ---- the pattern TOKENS ------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether the character is part of a token where it stands; `digits`: between two digits. */
static bool in_token(const syl_words *w, uint32_t c, bool digits, bool doubled)
{
    if (c >= 0x80) return syl_is_letter(c) || c == 0x2019; /* the apostrophe of typography */
    if (w->letter[c] || is_digit((char)c) || c == '\'') return true;
    if (c == '.') return !doubled;
    if (c == ',' || c == ':') return digits;
    if (c == '-' || c == '/') return !w->options.split_hyphens && !doubled;
    return false;
}

/* Copies the token that begins at p in its lower case behind the used letters, at most WORD_BYTES
 * of it, and moves p behind it. */
static size_t read_token(syl_words *w, const char **at, const char *begin, const char *end)
{
    const char *p = *at;
    char *to = w->letters + w->used;
    size_t length = 0, n;
    uint32_t c;
    for (; p < end; p += n) {
        n = next_character(p, end, &c);
        bool digits = p > begin && p + 1 < end && is_digit(p[-1]) && is_digit(p[1]);
        bool doubled = p + 1 < end && p[1] == *p;
        doubled |= p > begin && p[-1] == *p;
        if (!in_token(w, c, digits, doubled)) break;
        if (length + 4 > WORD_BYTES) continue;
        if (c == 0x2019) c = '\'';
        length += syl_utf8_encode(w->options.lowercase ? syl_lower(c) : c, to + length);
    }
    *at = p;
    return length;
}

/* The token without marks at its ends and without what follows an apostrophe in contractions;
 * *skip receives what is cut off its beginning. */
static size_t trim_token(const char *t, size_t length, size_t *skip)
{
    static const char *const endings[] = {"n't", "'s", "'re", "'ll", "'ve", "'d", "'m"};
    size_t first = 0;
    while (length && memchr(".'-/", t[length - 1], 4))
        length--;
    while (first < length && memchr(".'-/", t[first], 4))
        first++;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (length - first >= n && !strncasecmp(t + length - n, endings[i], n)) {
            length -= n;
            break;
        }
    }
    *skip = first;
    return length - first;
}

typedef enum token_kind { WORD, NUMBER, OTHER } token_kind;

static token_kind kind_of(const syl_words *w, const char *t, size_t length)
{
    size_t letters = 0, digits = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)t[i];
        letters += c < 128 && w->letter[c];
        digits += is_digit(t[i]) || (i && memchr(".,:", t[i], 3));
    }
    if (letters == length) return WORD;
    return digits == length && w->options.numbers ? NUMBER : OTHER;
}

static int characters_of(const char *t, size_t length)
{
    int n = 0;
    for (size_t i = 0; i < length; i++)
        n += ((unsigned char)t[i] & 0xC0) != 0x80;
    return n;
}

/* The token of `length` bytes that stands behind the used letters. */
static syl_status finish_token(syl_words *w, size_t length, syl_error *err)
{
    char *t = w->letters + w->used;
    size_t skip;
    length = trim_token(t, length, &skip);
    memmove(t, t + skip, length);
    int characters = characters_of(t, length);
    if (characters < w->options.min_length || is_stop(w, length)) return SYL_OK;
    token_kind kind = kind_of(w, t, length);
    if (kind == NUMBER) return keep_text(w, SYL_WORD_NUMBER, err);
    if (kind == WORD && characters <= w->options.max_length) return keep(w, length, err);
    return w->options.unknown ? keep_text(w, SYL_WORD_UNKNOWN, err) : SYL_OK;
}

static syl_status split_tokens(syl_words *w, const char *p, const char *end, syl_error *err)
{
    const char *begin = p;
    while (p < end) {
        uint32_t c;
        const char *first = p;
        SYL_TRY(reserve(w, err));
        size_t length = read_token(w, &p, begin, end);
        if (length == 0) {
            p += next_character(p, end, &c);
        } else if (w->options.expand_it && p - first == 2 && !memcmp(first, "IT", 2)) {
            SYL_TRY(keep_text(w, "information", err));
            SYL_TRY(keep_text(w, "technology", err));
        } else {
            SYL_TRY(finish_token(w, length, err));
        }
    }
    return SYL_OK;
}

/* ---- texts -------------------------------------------------------------------------------- */

static syl_status split_span(syl_words *w, const char *p, const char *end, syl_error *err)
{
    w->line_words = 0;
    switch (w->options.pattern) {
    case SYL_WORDS_ASCII:
        return split_ascii(w, p, end, err);
    case SYL_WORDS_TOKENS:
        return split_tokens(w, p, end, err);
    default:
        return split_characters(w, p, end, err);
    }
}

static syl_status end_sentence(syl_words *w, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&w->ends, &w->ends_room, w->sentences + 1, sizeof *w->ends, err));
    w->ends[w->sentences++] = w->count;
    w->words += w->line_words;
    return SYL_OK;
}

/* A sentence that turns out too short leaves nothing. */
static syl_status split_sentence(syl_words *w, const char *p, const char *end, syl_error *err)
{
    size_t used = w->used, count = w->count;
    SYL_TRY(split_span(w, p, end, err));
    size_t length = w->used - used; /* a space behind each word */
    bool enough = w->line_words >= (size_t)w->options.min_sentence_words &&
                  (!w->options.min_sentence ||
                   characters_of(w->letters + used, length) > w->options.min_sentence);
    if (w->line_words && enough) return end_sentence(w, err);
    w->used = used;
    w->count = count;
    return SYL_OK;
}

static syl_status split_line(syl_words *w, const char *p, const char *end, syl_error *err)
{
    if (characters_of(p, (size_t)(end - p)) < w->options.min_line) return SYL_OK;
    while (p < end) {
        const char *next = p + syl_first_sentence(p, (size_t)(end - p));
        SYL_TRY(split_sentence(w, p, next, err));
        p = next;
    }
    return SYL_OK;
}

static syl_status split_text(syl_words *w, const char *p, const char *end, syl_error *err)
{
    if (!w->options.sentences) {
        SYL_TRY(split_span(w, p, end, err));
        return end_sentence(w, err);
    }
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        SYL_TRY(split_line(w, p, newline ? newline : end, err));
        p = newline ? newline + 1 : end;
    }
    return SYL_OK;
}

syl_status syl_words_split(syl_words *w, const char *text, size_t length, syl_items *out,
                           syl_error *err)
{
    w->used = w->count = w->sentences = w->words = 0;
    *out = (syl_items){0};
    SYL_TRY(split_text(w, text, text + length, err));
    *out = (syl_items){.letters = w->letters,
                       .items = w->items,
                       .count = w->count,
                       .sentence_end = w->ends,
                       .sentences = w->sentences,
                       .words = w->words};
    return SYL_OK;
}
