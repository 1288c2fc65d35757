/* A corpus as numbers: each document a run of item ids (words and bigrams) of a vocabulary. */
#ifndef SYL_IO_DOCUMENTS_H
#define SYL_IO_DOCUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/io/text_reader.h"
#include "lib/io/text_words.h"
#include "lib/io/vocabulary.h"

typedef struct syl_documents {
    int64_t count;
    int64_t *begin;  /* [count + 1], into items; an empty document stays one */
    int32_t *items;  /* [begin[count]] ids, in the order of the text */
    char **names;    /* [count]; NULL where sentences are documents */
    int64_t dropped; /* words and bigrams that the vocabulary lacks; with options.unknown: words
                      * that became UNKNOWN for that reason */
} syl_documents;

/* What was read so far; false stops the pass with SYL_ECANCELLED. */
typedef bool (*syl_text_progress)(void *user, int64_t documents, int64_t bytes);

/* Where texts come from and how they are prepared. Borrowed for the length of a call. */
typedef struct syl_corpus {
    const char *const *paths; /* files, folders, "-" */
    size_t num_paths;
    syl_text_reader_options reader;
    syl_text_options text;
    syl_text_progress progress; /* may be NULL; called every thousand documents */
    void *user;
} syl_corpus;

/* The first pass: counts, and the vocabulary from them. Refuses a corpus in which no item comes
 * min_count times. */
syl_status syl_corpus_vocabulary(syl_vocabulary **out, const syl_corpus *corpus,
                                 const syl_vocabulary_options *options, syl_error *err);
/* The second: documents as ids, in the order of the reader. With corpus->text.sentences each
 * sentence that is kept becomes a document of its own, without a name. Standard input can be read
 * only once, so a corpus with "-" in it can be encoded or counted, not both. */
syl_status syl_corpus_documents(syl_documents *out, const syl_corpus *corpus,
                                const syl_vocabulary *vocabulary, syl_error *err);
void syl_documents_free(syl_documents *documents);

/* One text at a time, prepared as the corpus was: for inference. An encoder is for one thread; the
 * vocabulary, which must outlive it, may be shared. */
typedef struct syl_text_encoder syl_text_encoder;
syl_status syl_text_encoder_create(syl_text_encoder **out, const syl_text_options *options,
                                   const syl_vocabulary *vocabulary, syl_error *err);
void syl_text_encoder_free(syl_text_encoder *encoder);

typedef struct syl_encoded {
    const int32_t *items; /* [count], valid until the encoder's next text */
    int64_t count;
    const int64_t
        *sentence_end; /* [sentences] ends in items; one sentence without options.sentences */
    int64_t sentences;
    int64_t dropped; /* as in syl_documents, of this text */
} syl_encoded;
/* text: UTF-8, `length` bytes. */
syl_status syl_text_encode(syl_text_encoder *encoder, const char *text, size_t length,
                           syl_encoded *out, syl_error *err);

#endif
