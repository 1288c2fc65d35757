#include "embed/sent/tokenizer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/word_table.h"

#define LONGEST 255 /* bytes of a word; what is longer becomes several, joined */
#define MAX_WORDS 10000000

static const char newline[] = "\n", eos[] = "<eos>", join[] = "<join>", blank[] = " ";

syl_status syl_sent_ids_add(syl_sent_ids *ids, int32_t id, syl_error *err)
{
    void *data = ids->data;
    SYL_TRY(syl_grow(&data, &ids->room, ids->count + 1, sizeof *ids->data, err));
    ids->data = data;
    ids->data[ids->count++] = id;
    return SYL_OK;
}

void syl_sent_ids_free(syl_sent_ids *ids)
{
    free(ids->data);
    *ids = (syl_sent_ids){0};
}

void syl_sent_tokenizer_free(syl_sent_tokenizer *t)
{
    if (t) t->free(t);
}

/* ---- cutting a text --------------------------------------------------------------------- */

/* What a character, or the word that begins with it, is: 'a' letters, '0' a digit, punctuation
 * itself, and 0 the rest (controls, nothing). */
static char kind_of(unsigned char c)
{
    if (c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return 'a';
    if (c >= '0' && c <= '9') return '0';
    return c > ' ' && c < 0x7f ? (char)c : 0;
}

static bool one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Spaces that stand between two words where nothing else is said. */
static int spaces_between(char before, char after)
{
    if (after == 'a') return one_of(before, "a0.,:;?!)#");
    if (after == '0') return one_of(before, "a:;?!#");
    return after == '(' && before == 'a';
}

/* Bytes of the word at text, which holds at least one and is no space. */
static size_t word_length(const char *text, size_t length)
{
    char kind = kind_of((unsigned char)*text);
    size_t n = 1;
    if (kind != 'a' && !one_of(kind, "#<>")) return 1;
    while (n < length && kind_of((unsigned char)text[n]) == kind)
        n++;
    if (n <= LONGEST) return n;
    for (n = LONGEST; ((unsigned char)text[n] & 0xC0) == 0x80 && n > LONGEST - 3; n--) {
    }
    return n;
}

typedef syl_status (*taker)(void *user, const char *word, size_t length, syl_error *err);

/* Hands over the words of a text one by one, and those that stand for its spacing. */
static syl_status cut(const char *text, size_t length, taker take, void *user, syl_error *err)
{
    char before = 0;
    for (size_t at = 0, n; at < length; at += n) {
        int spaces = 0;
        for (; at < length && text[at] == ' '; at++)
            spaces++;
        char kind = at < length ? kind_of((unsigned char)text[at]) : 0;
        int usual = spaces_between(before, kind);
        if (spaces < usual) SYL_TRY(take(user, join, sizeof join - 1, err));
        for (; spaces > usual; spaces--)
            SYL_TRY(take(user, blank, 1, err));
        if (at == length) break;
        n = word_length(text + at, length - at);
        SYL_TRY(take(user, text + at, n, err));
        before = kind;
    }
    return SYL_OK;
}

/* ---- a vocabulary ----------------------------------------------------------------------- */

typedef struct word_tokenizer {
    syl_sent_tokenizer base;
    syl_word_table table; /* ids in its records */
    char **words;         /* [vocab] */
} word_tokenizer;

static void free_words(syl_sent_tokenizer *base)
{
    word_tokenizer *t = (word_tokenizer *)base;
    for (int i = 0; t->words && i < base->vocab; i++)
        free(t->words[i]);
    free(t->words);
    syl_word_table_free(&t->table);
    free(t);
}

typedef struct encoder {
    const word_tokenizer *tokenizer;
    syl_sent_ids *ids;
} encoder;

static syl_status encode_word(void *user, const char *word, size_t length, syl_error *err)
{
    const encoder *e = user;
    const syl_record *r = syl_word_table_find(&e->tokenizer->table, word, length);
    if (r) return syl_sent_ids_add(e->ids, r->id, err);
    return syl_fail(err, SYL_EINVAL,
                    "\"%.*s\" is not among the %d words that the model was trained with",
                    (int)(length < 80 ? length : 80), word, e->tokenizer->base.vocab);
}

static syl_status encode(const syl_sent_tokenizer *t, const char *text, size_t length,
                         syl_sent_ids *ids, syl_error *err)
{
    encoder e = {(const word_tokenizer *)t, ids};
    return cut(text, length, encode_word, &e, err);
}

typedef struct buffer {
    char *data;
    size_t count, room;
} buffer;

static syl_status append(buffer *b, const char *text, size_t length, syl_error *err)
{
    void *data = b->data;
    SYL_TRY(syl_grow(&data, &b->room, b->count + length + 1, 1, err));
    b->data = data;
    memcpy(b->data + b->count, text, length);
    b->count += length;
    b->data[b->count] = '\0';
    return SYL_OK;
}

static syl_status decode_into(buffer *b, const word_tokenizer *t, const int32_t *ids, size_t count,
                              syl_error *err)
{
    char before = 0;
    bool joined = false;
    SYL_TRY(append(b, "", 0, err));
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= t->base.vocab)
            return syl_fail(err, SYL_EINVAL, "token %d is none of the vocabulary's %d", ids[i],
                            t->base.vocab);
        const char *word = t->words[ids[i]];
        if (ids[i] == t->base.eos) continue;
        if (!strcmp(word, join)) {
            joined = true;
        } else if (!strcmp(word, blank)) {
            SYL_TRY(append(b, blank, 1, err));
        } else {
            char kind = kind_of((unsigned char)*word);
            if (!joined && spaces_between(before, kind)) SYL_TRY(append(b, blank, 1, err));
            SYL_TRY(append(b, word, strlen(word), err));
            before = kind;
            joined = false;
        }
    }
    return SYL_OK;
}

static syl_status decode(const syl_sent_tokenizer *t, const int32_t *ids, size_t count, char **text,
                         syl_error *err)
{
    buffer b = {0};
    *text = NULL;
    syl_status status = decode_into(&b, (const word_tokenizer *)t, ids, count, err);
    if (status)
        free(b.data);
    else
        *text = b.data;
    return status;
}

static json_t *to_json(const syl_sent_tokenizer *base)
{
    const word_tokenizer *t = (const word_tokenizer *)base;
    json_t *tokens = json_array();
    for (int i = 0; tokens && i < base->vocab; i++)
        if (json_array_append_new(tokens, json_string(t->words[i]))) {
            json_decref(tokens);
            return NULL;
        }
    return tokens ? json_pack("{s:s, s:o}", "type", "words", "tokens", tokens) : NULL;
}

/* The id of a word that must be there. */
static syl_status find(const word_tokenizer *t, const char *word, int32_t *id, const char *name,
                       syl_error *err)
{
    const syl_record *r = syl_word_table_find(&t->table, word, strlen(word));
    if (!r)
        return syl_fail(err, SYL_EFORMAT, "%s: the tokenizer's words lack %s", name,
                        *word == '\n' ? "the newline" : word);
    *id = r->id;
    return SYL_OK;
}

/* Takes over copies of words [count], which must differ. */
static syl_status fill(word_tokenizer *t, const char *const *words, size_t count, const char *name,
                       syl_error *err)
{
    syl_record *r;
    t->base = (syl_sent_tokenizer){
        .encode = encode, .decode = decode, .to_json = to_json, .free = free_words};
    t->words = syl_calloc(count, sizeof *t->words);
    if (!t->words) return syl_fail_memory(err, count * sizeof *t->words, "a vocabulary");
    for (; (size_t)t->base.vocab < count; t->base.vocab++) {
        const char *word = words[t->base.vocab];
        SYL_TRY(syl_word_table_put(&t->table, word, strlen(word), &r, err));
        if (r->id >= 0)
            return syl_fail(err, SYL_EFORMAT, "%s: the tokenizer's word %d, \"%.80s\", is also %d",
                            name, t->base.vocab, word, r->id);
        r->id = t->base.vocab;
        t->words[t->base.vocab] = strdup(word);
        if (!t->words[t->base.vocab]) return syl_fail_memory(err, strlen(word), "a word");
    }
    SYL_TRY(find(t, newline, &t->base.newline, name, err));
    return find(t, eos, &t->base.eos, name, err);
}

static syl_status make(syl_sent_tokenizer **out, const char *const *words, size_t count,
                       const char *name, syl_error *err)
{
    word_tokenizer *t = syl_calloc(1, sizeof *t);
    *out = NULL;
    if (!t) return syl_fail_memory(err, sizeof *t, "a tokenizer");
    syl_status status = fill(t, words, count, name, err);
    if (status)
        free_words(&t->base);
    else
        *out = &t->base;
    return status;
}

/* ---- from a model's metadata ------------------------------------------------------------ */

static syl_status check_word(const json_t *item, size_t i, const char *name, syl_error *err)
{
    size_t length = json_is_string(item) ? json_string_length(item) : 0;
    if (length >= 1 && length <= LONGEST) return SYL_OK;
    return syl_fail(err, SYL_EFORMAT, "%s: word %zu of the tokenizer is no text of 1 to %d bytes",
                    name, i, LONGEST);
}

syl_status syl_sent_tokenizer_from_json(syl_sent_tokenizer **out, const json_t *json,
                                        const char *name, syl_error *err)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *tokens = json_object_get(json, "tokens");
    size_t count = json_array_size(tokens);
    *out = NULL;
    const char *file = json_string_value(json_object_get(json, "file"));
    if (type && !strcmp(type, "bpe")) return syl_sent_bpe_beside(out, file ? file : "", name, err);
    if (!type || strcmp(type, "words"))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: a tokenizer of type \"%.40s\", neither \"words\" nor \"bpe\"", name,
                        type ? type : "");
    if (!count || count > MAX_WORDS)
        return syl_fail(err, SYL_EFORMAT, "%s: \"tokens\" of the tokenizer is no list of words",
                        name);
    const char **words = syl_calloc(count, sizeof *words);
    if (!words) return syl_fail_memory(err, count * sizeof *words, "a vocabulary");
    syl_status status = SYL_OK;
    for (size_t i = 0; i < count && !status; i++) {
        status = check_word(json_array_get(tokens, i), i, name, err);
        words[i] = json_string_value(json_array_get(tokens, i));
    }
    if (!status) status = make(out, words, count, name, err);
    free(words);
    return status;
}

/* ---- from texts ------------------------------------------------------------------------- */

struct syl_sent_words {
    syl_word_table table;
};

syl_status syl_sent_words_create(syl_sent_words **out, syl_error *err)
{
    *out = syl_calloc(1, sizeof **out);
    return *out ? SYL_OK : syl_fail_memory(err, sizeof **out, "a vocabulary");
}

void syl_sent_words_free(syl_sent_words *words)
{
    if (!words) return;
    syl_word_table_free(&words->table);
    free(words);
}

static syl_status count_word(void *user, const char *word, size_t length, syl_error *err)
{
    syl_sent_words *words = user;
    syl_record *r;
    if (words->table.used >= MAX_WORDS - 2)
        return syl_fail(err, SYL_EINVAL, "more than %d different words", MAX_WORDS - 2);
    SYL_TRY(syl_word_table_put(&words->table, word, length, &r, err));
    r->count++;
    return SYL_OK;
}

syl_status syl_sent_words_add(syl_sent_words *words, const char *text, size_t length,
                              syl_error *err)
{
    return cut(text, length, count_word, words, err);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

syl_status syl_sent_words_finish(const syl_sent_words *words, syl_sent_tokenizer **out,
                                 syl_error *err)
{
    size_t count = 2, chunk = 0, at = 0;
    const char **list = syl_calloc(words->table.used + 2, sizeof *list);
    *out = NULL;
    if (!list) return syl_fail_memory(err, words->table.used * sizeof *list, "a vocabulary");
    list[0] = newline;
    list[1] = eos;
    for (const syl_record *r; (r = syl_word_table_next(&words->table, &chunk, &at));)
        if (strcmp(r->text, newline)) list[count++] = r->text;
    qsort(list + 2, count - 2, sizeof *list, by_bytes);
    syl_status status = make(out, list, count, "the texts' vocabulary", err);
    free(list);
    return status;
}
