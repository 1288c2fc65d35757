/* Word vectors in the formats of word2vec, text and binary: a line "COUNT DIM", then for each word
 * its name, a space and its vector, as decimal numbers with spaces between and a line's end, or as
 * DIM little-endian float32 (with or without a line's end).
 * Limits: names of 1 to 2,100 bytes of UTF-8 without white space; at most 2^31 - 1 words; 1 to
 * 65,536 dimensions; finite values. Memory asked for is bounded by the file's size. */
#ifndef SYL_IO_WORD_VECTORS_H
#define SYL_IO_WORD_VECTORS_H

#include "lib/base/file.h"

#define SYL_MAX_WORD 2100
#define SYL_MAX_VECTOR_DIM 65536

typedef enum syl_vector_format {
    SYL_VECTORS_TEXT,
    SYL_VECTORS_BINARY,
    SYL_VECTORS_DETECT /* reading only: text if the first entry is a line of DIM numbers */
} syl_vector_format;

typedef struct syl_word_vectors {
    int64_t count;
    int dim;
    const char **words; /* [count], in the order of the file; a word may be there twice */
    float *vectors;     /* [count][dim] */
    char *text;         /* what the words point into */
} syl_word_vectors;

/* All of it is owned by *out, which syl_word_vectors_free empties. */
syl_status syl_word_vectors_read(syl_word_vectors *out, const char *path, syl_vector_format format,
                                 syl_error *err);
/* The same from memory; `name` stands in for the path. */
syl_status syl_word_vectors_parse(syl_word_vectors *out, const void *data, size_t size,
                                  const char *name, syl_vector_format format, syl_error *err);
void syl_word_vectors_free(syl_word_vectors *vectors);

/* Writes one vector after the other; the file appears at commit. */
typedef struct syl_vector_writer {
    syl_atomic file;
    syl_vector_format format;
    int64_t count, written; /* announced; added so far */
    int dim;
} syl_vector_writer;

syl_status syl_vector_writer_open(syl_vector_writer *w, const char *path, syl_vector_format format,
                                  int64_t count, int dim, syl_error *err);
/* A name of senses is "word#1", "word#2", ... by convention. */
syl_status syl_vector_writer_add(syl_vector_writer *w, const char *word, const float *vector,
                                 syl_error *err);
/* Fewer vectors than announced are SYL_EINVAL, and nothing appears. */
syl_status syl_vector_writer_commit(syl_vector_writer *w, syl_error *err);
void syl_vector_writer_discard(syl_vector_writer *w);

#endif
