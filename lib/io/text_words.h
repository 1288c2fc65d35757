/* Text to items: words, and where asked for pairs of neighbouring words ("bigrams"). */
#ifndef SYL_IO_TEXT_WORDS_H
#define SYL_IO_TEXT_WORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

#define SYL_WORD_MAX 255 /* characters, at most 4 bytes each */
#define SYL_WORD_UNKNOWN "UNKNOWN"
#define SYL_WORD_NUMBER "NUMBER"

typedef enum syl_word_pattern {
    SYL_WORDS_ASCII,   /* runs of a-z and A-Z; all else separates (Binary Paragraph Vector) */
    SYL_WORDS_LETTERS, /* runs of letters of any script, by simplified ranges of Unicode */
    SYL_WORDS_SPACES,  /* what stands between white space: text that is tokenised already */
    SYL_WORDS_TOKENS   /* words, numbers and others, near NLTK's tokens (Disambiguated
                        * Skip-gram): white space and punctuation separate, but . , : ' stay inside
                        * (3,000.5, u.s); 's, n't, 're, 'll, 've, 'd, 'm are dropped */
} syl_word_pattern;

typedef enum syl_stop_words {
    SYL_STOP_NONE,
    SYL_STOP_ENGLISH, /* the list of the library */
    SYL_STOP_LIST     /* stop_list */
} syl_stop_words;

typedef struct syl_text_options {
    syl_word_pattern pattern; /* ASCII */
    bool lowercase;           /* (true) ASCII, Latin, Greek, Cyrillic and Armenian letters */
    int min_length;           /* characters, shorter words are dropped (2) */
    int max_length;           /* longer ones too, or are UNKNOWN with `unknown` (15) */
    syl_stop_words stop;      /* (ENGLISH) compared after lower-casing */
    char *stop_list;          /* LIST: words, each ended by a newline; owned */
    bool bigrams;             /* after each word the pair that it begins, "first second" (false) */
    /* sentences */
    bool sentences;         /* split at . ! ? and line ends; bigrams stay inside (false) */
    int min_line;           /* lines of fewer characters are dropped (0) */
    int min_sentence_words; /* sentences of fewer words are dropped (0) */
    int min_sentence;       /* or of fewer characters, counted in kept words and spaces (0) */
    /* TOKENS only */
    bool split_hyphens; /* - and / separate; otherwise such tokens are others (false) */
    bool numbers;       /* numbers become NUMBER; otherwise they are others (false) */
    bool unknown;       /* others, and words that the vocabulary lacks, become UNKNOWN; otherwise
                         * they are dropped (false) */
    bool expand_it;     /* "IT" becomes "information technology" (false) */
} syl_text_options;

/* As in the Binary Paragraph Vector paper, and as in Disambiguated Skip-gram's program. */
syl_text_options syl_text_defaults(void);
syl_text_options syl_text_disambiguated(void);
void syl_text_options_free(syl_text_options *options);
syl_status syl_text_options_copy(syl_text_options *to, const syl_text_options *from,
                                 syl_error *err);
/* Makes the words of a file, white space between them, the stop list. */
syl_status syl_text_read_stop_words(syl_text_options *options, const char *path, syl_error *err);

/* For model files. The object holds the stop words themselves, so that a later library's other
 * list changes nothing. NULL: no memory. `name` stands for the file in errors; every key must be
 * there. */
json_t *syl_text_options_write(const syl_text_options *options);
syl_status syl_text_options_read(syl_text_options *options, const json_t *object, const char *name,
                                 syl_error *err);

typedef struct syl_item {
    uint32_t begin, length; /* bytes of syl_items.letters */
} syl_item;

typedef struct syl_items {
    const char *letters;
    const syl_item *items; /* [count] in the order of the text: word, bigram, word, ... */
    size_t count;
    const size_t *sentence_end; /* [sentences] ends in items; one without options.sentences */
    size_t sentences;
    size_t words; /* of the items, those that are no bigrams */
} syl_items;

/* For one thread. */
typedef struct syl_words syl_words;
syl_status syl_words_create(syl_words **out, const syl_text_options *options, syl_error *err);
/* text: `length` bytes of UTF-8 (bytes that are not count as separators). *out is valid until the
 * next call. Memory: at worst some 10 times the text, 20 times with bigrams. */
syl_status syl_words_split(syl_words *words, const char *text, size_t length, syl_items *out,
                           syl_error *err);
void syl_words_free(syl_words *words);

#endif
