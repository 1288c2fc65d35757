#include "lib/cli/text_args.h"

#include <limits.h>
#include <string.h>

static const char *const formats[] = {"auto", "lines", "whole", "wikipedia", NULL};
static const char *const encodings[] = {"utf8", "latin1", NULL};
static const char *const patterns[] = {"ascii", "letters", "spaces", "tokens", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};

#define TEXT(name, field, help) SYL_OPTION_TEXT(syl_text_args, name, field, help)
#define WHOLE(name, field, low, high, help) \
    SYL_OPTION_INT(syl_text_args, name, field, low, high, help)
#define FLAG(name, field, help) SYL_OPTION_FLAG(syl_text_args, name, field, help)
#define CHOICE(name, field, names, help) SYL_OPTION_CHOICE(syl_text_args, name, field, names, help)
#define YES(name, field, help) CHOICE(name, field, no_yes, help)

#define FIRST_OF_BYTES 3 /* "encoding", in: */
static const syl_arg reader[] = {
    SYL_OPTION_HEADING("How texts are read:"),
    CHOICE("format", format, formats,
           "a document a line, a file, a <doc title=\"...\">; auto: a file in folders,\n"
           "        otherwise a line"),
    FLAG("named", named, "lines are NAME, a tab, and the text"),
    CHOICE("encoding", encoding, encodings, "of the files"),
    FLAG("replace", replace,
         "bytes that are not UTF-8, and NUL, become U+FFFD; otherwise an error"),
    FLAG("truncate", truncate, "cut longer documents; otherwise they are an error"),
    WHOLE("max-document", max_document, 1, (double)SYL_TEXT_MAX_LENGTH, "bytes of a document"),
};

static const syl_arg words[] = {
    SYL_OPTION_HEADING("What words are:"),
    CHOICE("words", words, patterns,
           "runs of a-z; of letters of any script; what stands between blanks; words,\n"
           "        numbers and others"),
    FLAG("keep-case", keep_case, "do not make letters small"),
    WHOLE("min-length", min_length, 1, SYL_WORD_MAX, "characters; shorter words are dropped"),
    WHOLE("max-length", max_length, 1, SYL_WORD_MAX, "longer ones, too"),
    TEXT("stop-words", stop_words, "words that are dropped: none, english, or those of a FILE"),
};

static const syl_arg sentences[] = {
    SYL_OPTION_HEADING("Sentences:"),
    YES("sentences", sentences, "split texts at . ! ? and line ends"),
    WHOLE("min-line", min_line, 0, INT_MAX, "characters; shorter lines are dropped"),
    WHOLE("min-sentence-words", min_sentence_words, 0, INT_MAX, "sentences of fewer are dropped"),
    WHOLE("min-sentence", min_sentence, 0, INT_MAX, "characters, of a sentence's kept words"),
    YES("split-hyphens", split_hyphens, "--words tokens: - and / separate"),
    YES("numbers", numbers, "--words tokens: numbers become NUMBER"),
    YES("unknown", unknown, "--words tokens: others, and rare words, become UNKNOWN"),
    YES("expand-it", expand_it, "--words tokens: IT becomes information technology"),
};

static const syl_arg vocabulary[] = {
    SYL_OPTION_HEADING("Vocabulary:"),
    WHOLE("min-count", min_count, 1, INT_MAX, "rarer items are left out"),
    WHOLE("max-vocabulary", max_vocabulary, 0, INT_MAX, "so many of the most frequent; 0: all"),
    WHOLE("max-counted", max_counted, 1, INT_MAX,
          "different items counted at a time, 75 bytes each; with more, the rarest\n"
          "        are forgotten"),
    TEXT("vocabulary", vocabulary, "FILE of items and counts, in place of counting"),
    TEXT("save-vocabulary", save_vocabulary, "FILE to write them to"),
};

static const syl_arg bigrams[] = {
    FLAG("bigrams", bigrams, "pairs of neighbouring words are items, too"),
    WHOLE("min-bigram-count", min_bigram_count, 0, INT_MAX, "rarer pairs; 0: as --min-count"),
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))
_Static_assert(LENGTH(reader) + LENGTH(words) + LENGTH(sentences) + LENGTH(vocabulary) +
                       LENGTH(bigrams) <=
                   SYL_TEXT_ARGS_MOST,
               "room for all of them");

syl_arg *syl_text_args_table(syl_arg *to, unsigned parts, size_t offset)
{
    if (parts & SYL_TEXT_ARGS_READER) to = syl_args_append(to, reader, LENGTH(reader), offset);
    if (parts & SYL_TEXT_ARGS_BYTES) {
        to = syl_args_append(to, reader, 1, offset); /* the heading */
        to = syl_args_append(to, reader + FIRST_OF_BYTES, LENGTH(reader) - FIRST_OF_BYTES, offset);
    }
    if (parts & SYL_TEXT_ARGS_WORDS) to = syl_args_append(to, words, LENGTH(words), offset);
    if (parts & SYL_TEXT_ARGS_SENTENCES)
        to = syl_args_append(to, sentences, LENGTH(sentences), offset);
    if (parts & SYL_TEXT_ARGS_VOCABULARY)
        to = syl_args_append(to, vocabulary, LENGTH(vocabulary), offset);
    if (parts & SYL_TEXT_ARGS_BIGRAMS) to = syl_args_append(to, bigrams, LENGTH(bigrams), offset);
    return to;
}

const char *const syl_preparation_names[] = {"disambiguated", "documents", "spaces", NULL};

syl_text_options syl_prepare_text(syl_preparation preparation)
{
    if (preparation == SYL_PREPARE_DISAMBIGUATED) return syl_text_disambiguated();
    if (preparation == SYL_PREPARE_DOCUMENTS) return syl_text_defaults();
    return (syl_text_options){.pattern = SYL_WORDS_SPACES,
                              .min_length = 1,
                              .max_length = SYL_WORD_MAX,
                              .stop = SYL_STOP_NONE};
}

syl_text_args syl_text_args_defaults(const syl_text_options *w)
{
    syl_text_reader_options r = syl_text_reader_defaults();
    syl_vocabulary_options v = syl_vocabulary_defaults();
    return (syl_text_args){.format = (int)r.format,
                           .encoding = r.latin1,
                           .max_document = (int)r.max_length,
                           .words = (int)w->pattern,
                           .min_length = w->min_length,
                           .max_length = w->max_length,
                           .keep_case = !w->lowercase,
                           .bigrams = w->bigrams,
                           .stop_words = w->stop == SYL_STOP_NONE ? "none" : "english",
                           .sentences = w->sentences,
                           .min_line = w->min_line,
                           .min_sentence_words = w->min_sentence_words,
                           .min_sentence = w->min_sentence,
                           .split_hyphens = w->split_hyphens,
                           .numbers = w->numbers,
                           .unknown = w->unknown,
                           .expand_it = w->expand_it,
                           .min_count = (int)v.min_count,
                           .min_bigram_count = (int)v.min_bigram_count,
                           .max_vocabulary = (int)v.max_size,
                           .max_counted = (int)v.max_counted};
}

syl_text_reader_options syl_text_args_reader(const syl_text_args *a)
{
    return (syl_text_reader_options){.format = (syl_text_format)a->format,
                                     .named = a->named,
                                     .latin1 = a->encoding == 1,
                                     .replace = a->replace,
                                     .truncate = a->truncate,
                                     .max_length = (size_t)a->max_document};
}

syl_vocabulary_options syl_text_args_vocabulary(const syl_text_args *a)
{
    return (syl_vocabulary_options){.min_count = a->min_count,
                                    .min_bigram_count = a->min_bigram_count,
                                    .max_size = a->max_vocabulary,
                                    .max_counted = a->max_counted,
                                    .unknown = a->unknown == 1};
}

syl_status syl_text_args_words(const syl_text_args *a, syl_text_options *out, syl_error *err)
{
    bool english = !strcmp(a->stop_words, "english"), none = !strcmp(a->stop_words, "none");
    *out = (syl_text_options){.pattern = (syl_word_pattern)a->words,
                              .lowercase = !a->keep_case,
                              .min_length = a->min_length,
                              .max_length = a->max_length,
                              .stop = english ? SYL_STOP_ENGLISH : SYL_STOP_NONE,
                              .bigrams = a->bigrams,
                              .sentences = a->sentences == 1,
                              .min_line = a->min_line,
                              .min_sentence_words = a->min_sentence_words,
                              .min_sentence = a->min_sentence,
                              .split_hyphens = a->split_hyphens == 1,
                              .numbers = a->numbers == 1,
                              .unknown = a->unknown == 1,
                              .expand_it = a->expand_it == 1};
    return english || none ? SYL_OK : syl_text_read_stop_words(out, a->stop_words, err);
}
