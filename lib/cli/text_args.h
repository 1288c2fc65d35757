/* Options of the subcommands that read text: how files are read, made words, and counted. */
#ifndef SYL_CLI_TEXT_ARGS_H
#define SYL_CLI_TEXT_ARGS_H

#include "lib/cli/option_table.h"
#include "lib/io/text_reader.h"
#include "lib/io/text_words.h"
#include "lib/io/vocabulary.h"

typedef struct syl_text_args {
    /* reader */
    int format, encoding, max_document;
    bool named, replace, truncate;
    /* words */
    int words, min_length, max_length;
    bool keep_case, bigrams;
    const char *stop_words; /* "none", "english" or a file */
    /* sentences */
    int sentences, min_line, min_sentence_words, min_sentence; /* the first: 1 for yes */
    int split_hyphens, numbers, unknown, expand_it;            /* 1 for yes */
    /* vocabulary */
    int min_count, min_bigram_count, max_vocabulary, max_counted;
    const char *vocabulary, *save_vocabulary; /* files, or NULL */
} syl_text_args;

/* Parts of the table; a command takes those that it needs. */
enum {
    SYL_TEXT_ARGS_READER = 1,
    SYL_TEXT_ARGS_WORDS = 2,
    SYL_TEXT_ARGS_SENTENCES = 4,
    SYL_TEXT_ARGS_VOCABULARY = 8,
    SYL_TEXT_ARGS_BIGRAMS = 16,
    SYL_TEXT_ARGS_BYTES =
        32 /* of the reader what does not depend on how documents are told apart */
};
#define SYL_TEXT_ARGS_MOST 32 /* entries of all parts */

/* Ways to prepare texts that set many options at once, and their names. */
typedef enum syl_preparation {
    SYL_PREPARE_DISAMBIGUATED, /* syl_text_disambiguated() */
    SYL_PREPARE_DOCUMENTS,     /* syl_text_defaults() */
    SYL_PREPARE_SPACES         /* words between blanks as they are, as word2vec reads */
} syl_preparation;
extern const char *const syl_preparation_names[];
syl_text_options syl_prepare_text(syl_preparation preparation);

/* The library's defaults, with words made as `words` says. */
syl_text_args syl_text_args_defaults(const syl_text_options *words);
/* Appends the parts for a syl_text_args at `offset` of a command's struct; returns the place
 * behind them. */
syl_arg *syl_text_args_table(syl_arg *to, unsigned parts, size_t offset);

syl_text_reader_options syl_text_args_reader(const syl_text_args *args);
syl_vocabulary_options syl_text_args_vocabulary(const syl_text_args *args);
/* Reads the stop words if they are in a file. *out is the caller's to syl_text_options_free. */
syl_status syl_text_args_words(const syl_text_args *args, syl_text_options *out, syl_error *err);

#endif
