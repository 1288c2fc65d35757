/* A model's senses as files of word vectors, and the reverse. */
#ifndef SYL_EMBED_SENSE_VECTORS_H
#define SYL_EMBED_SENSE_VECTORS_H

#include "embed/senses.h"
#include "lib/io/word_vectors.h"

/* Writes the senses that are left (not UNKNOWN's), word by word, under the names of
 * syl_sense_name: "word#1", "word#3", or "word" where it has one. */
syl_status syl_sense_vectors_write(const syl_senses *senses, const char *path,
                                   syl_vector_format format, syl_error *err);

/* A model of any word vectors, for the evaluations: ids in the order of first appearance (counts
 * are made up to fall along it), the senses that are there equally probable, nothing else known (no
 * network, output vectors 0). With `numbered`, "word#3" is sense 2 of "word" and "word" its sense
 * 0; K is the greatest number, at most SYL_DSG_MAX_SENSES; otherwise each name is a word of one
 * sense. A name that is there again is passed over. text: how contexts become words. Names that
 * are not UTF-8 are SYL_EFORMAT. */
syl_status syl_sense_vectors_model(syl_dsg_model **out, const syl_word_vectors *vectors,
                                   bool numbered, const syl_text_options *text, syl_error *err);

#endif
