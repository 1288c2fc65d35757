/* How text is prepared: defaults, stop words, and the options as JSON. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/io/letters.h"
#include "lib/io/stop_words.h"
#include "lib/io/text_options.h"
#include "lib/io/utf8.h"

static const char *const patterns[] = {"ascii", "letters", "spaces", "tokens"};

syl_text_options syl_text_defaults(void)
{
    return (syl_text_options){.pattern = SYL_WORDS_ASCII,
                              .lowercase = true,
                              .min_length = 2,
                              .max_length = 15,
                              .stop = SYL_STOP_ENGLISH};
}

syl_text_options syl_text_disambiguated(void)
{
    return (syl_text_options){.pattern = SYL_WORDS_TOKENS,
                              .lowercase = true,
                              .min_length = 2,
                              .max_length = SYL_WORD_MAX,
                              .stop = SYL_STOP_ENGLISH,
                              .sentences = true,
                              .min_line = 10,
                              .min_sentence_words = 2,
                              .min_sentence = 10,
                              .split_hyphens = true,
                              .numbers = true,
                              .unknown = true,
                              .expand_it = true};
}

void syl_text_options_free(syl_text_options *o)
{
    free(o->stop_list);
    o->stop_list = NULL;
}

syl_status syl_text_options_copy(syl_text_options *to, const syl_text_options *from, syl_error *err)
{
    *to = *from;
    if (!from->stop_list) return SYL_OK;
    to->stop_list = strdup(from->stop_list);
    return to->stop_list
               ? SYL_OK
               : syl_fail_memory(err, strlen(from->stop_list) + 1, "a list of stop words");
}

syl_status syl_text_check_options(const syl_text_options *o, syl_error *err)
{
    if (o->min_length < 1 || o->max_length > SYL_WORD_MAX || o->min_length > o->max_length)
        return syl_fail(err, SYL_EINVAL, "words of %d to %d characters; needs 1 to %d",
                        o->min_length, o->max_length, SYL_WORD_MAX);
    if (o->min_line < 0 || o->min_sentence < 0 || o->min_sentence_words < 0)
        return syl_fail(err, SYL_EINVAL, "the least length of a line or sentence is negative");
    if (!o->sentences && (o->min_line || o->min_sentence || o->min_sentence_words))
        return syl_fail(err, SYL_EINVAL,
                        "lines and sentences have a least length only where text is split into "
                        "sentences");
    bool tokens = o->split_hyphens || o->numbers || o->unknown || o->expand_it;
    if (tokens && o->pattern != SYL_WORDS_TOKENS)
        return syl_fail(err, SYL_EINVAL,
                        "split-hyphens, numbers, unknown and expand-it are for the word pattern "
                        "tokens only, not %s: set them to no, or prepare texts as documents or "
                        "spaces",
                        patterns[o->pattern]);
    if (o->stop == SYL_STOP_LIST && !o->stop_list)
        return syl_fail(err, SYL_EINVAL, "the list of stop words is missing");
    return SYL_OK;
}

/* ---- stop words ------------------------------------------------------------------------ */

/* Words with white space between them, as a list; NULL: no memory. */
static char *list_of(const char *text, size_t size)
{
    char *list = malloc(size + 2), *to = list;
    for (size_t i = 0; list && i < size; i++) {
        if (!syl_is_blank(text[i]))
            *to++ = text[i];
        else if (to > list && to[-1] != '\n')
            *to++ = '\n';
    }
    if (!list) return NULL;
    if (to > list && to[-1] != '\n') *to++ = '\n';
    *to = 0;
    return list;
}

syl_status syl_text_read_stop_words(syl_text_options *o, const char *path, syl_error *err)
{
    syl_map map;
    SYL_TRY(syl_map_open(&map, path, err));
    const char *text = (const char *)map.data;
    char *list = NULL;
    syl_status status = SYL_OK;
    if (map.size && (memchr(text, 0, map.size) || syl_utf8_valid(text, map.size) != map.size))
        status = syl_fail(err, SYL_EFORMAT, "%s: stop words must be UTF-8 text", path);
    else if (!(list = list_of(text, map.size)))
        status = syl_fail_memory(err, map.size, "a list of stop words");
    syl_map_close(&map);
    if (status) return status;
    free(o->stop_list);
    o->stop_list = list;
    o->stop = SYL_STOP_LIST;
    return SYL_OK;
}

const char *syl_text_stop_list(const syl_text_options *o)
{
    return o->stop == SYL_STOP_LIST      ? o->stop_list
           : o->stop == SYL_STOP_ENGLISH ? syl_english_stop_words
                                         : "";
}

/* ---- JSON ------------------------------------------------------------------------------ */

typedef struct field {
    const char *key;
    size_t offset;
    bool is_bool; /* otherwise an int */
} field;

#define FIELD(name, is_bool)                             \
    {                                                    \
#name, offsetof(syl_text_options, name), is_bool \
    }
static const field fields[] = {
    FIELD(lowercase, true),
    FIELD(min_length, false),
    FIELD(max_length, false),
    FIELD(bigrams, true),
    FIELD(sentences, true),
    FIELD(min_line, false),
    FIELD(min_sentence_words, false),
    FIELD(min_sentence, false),
    FIELD(split_hyphens, true),
    FIELD(numbers, true),
    FIELD(unknown, true),
    FIELD(expand_it, true),
};
#define NUM_FIELDS (sizeof fields / sizeof *fields)

json_t *syl_text_options_write(const syl_text_options *o)
{
    json_t *object = json_object(), *stop = json_array();
    int failed = json_object_set_new(object, "pattern", json_string(patterns[o->pattern]));
    for (size_t i = 0; i < NUM_FIELDS; i++) {
        const char *at = (const char *)o + fields[i].offset;
        json_t *value =
            fields[i].is_bool ? json_boolean(*(const bool *)at) : json_integer(*(const int *)at);
        failed |= json_object_set_new(object, fields[i].key, value);
    }
    for (const char *p = syl_text_stop_list(o); *p; p += strcspn(p, "\n") + 1)
        failed |= json_array_append_new(stop, json_stringn(p, strcspn(p, "\n")));
    failed |= json_object_set_new(object, "stop_words", stop);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static syl_status read_field(syl_text_options *o, const field *f, const json_t *object,
                             const char *name, syl_error *err)
{
    json_t *v = json_object_get(object, f->key);
    char *at = (char *)o + f->offset;
    if (f->is_bool) {
        if (!json_is_boolean(v))
            return syl_fail(err, SYL_EFORMAT, "%s: text option %s must be true or false", name,
                            f->key);
        *(bool *)at = json_is_true(v);
        return SYL_OK;
    }
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT_MAX)
        return syl_fail(err, SYL_EFORMAT, "%s: text option %s must be an integer from 0", name,
                        f->key);
    *(int *)at = (int)json_integer_value(v);
    return SYL_OK;
}

static syl_status read_list(syl_text_options *o, const json_t *list, const char *name,
                            syl_error *err)
{
    size_t size = 1, n = json_array_size(list);
    if (!json_is_array(list))
        return syl_fail(err, SYL_EFORMAT, "%s: text option stop_words must be a list", name);
    for (size_t i = 0; i < n; i++) {
        const char *word = json_string_value(json_array_get(list, i));
        if (!word || !*word || strpbrk(word, " \t\n\v\f\r"))
            return syl_fail(err, SYL_EFORMAT, "%s: stop word %zu is no word", name, i + 1);
        size += strlen(word) + 1;
    }
    if (n == 0) return SYL_OK;
    char *to = o->stop_list = malloc(size);
    if (!to) return syl_fail_memory(err, size, "a list of stop words");
    o->stop = SYL_STOP_LIST;
    for (size_t i = 0; i < n; i++) {
        to = stpcpy(to, json_string_value(json_array_get(list, i)));
        *to++ = '\n';
    }
    *to = 0;
    return SYL_OK;
}

syl_status syl_text_options_read(syl_text_options *o, const json_t *object, const char *name,
                                 syl_error *err)
{
    *o = (syl_text_options){0};
    const char *pattern = json_string_value(json_object_get(object, "pattern"));
    int which = -1;
    for (int i = 0; i < 4 && pattern; i++)
        if (!strcmp(pattern, patterns[i])) which = i;
    if (which < 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: text option pattern must be ascii, letters, spaces or tokens", name);
    o->pattern = (syl_word_pattern)which;
    for (size_t i = 0; i < NUM_FIELDS; i++)
        SYL_TRY(read_field(o, &fields[i], object, name, err));
    SYL_TRY(read_list(o, json_object_get(object, "stop_words"), name, err));
    syl_error why;
    if (!syl_text_check_options(o, &why)) return SYL_OK;
    syl_text_options_free(o);
    return syl_fail(err, SYL_EFORMAT, "%s: text options: %s", name, why.message);
}
