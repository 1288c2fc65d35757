/* Data sets of word similarity: pairs of words with the similarity that people gave them.
 * Read are lines "word<white space>word<white space>score", as WordSim-353, SimLex-999 and MEN are
 * handed around, and SCWS's lines of tab-separated fields: number, word, part of speech, word, part
 * of speech, two contexts with the word between "<b>" and "</b>", mean score, the single scores.
 * Lines that are empty or begin with # are passed over. */
#ifndef SYL_EMBED_WORD_PAIRS_H
#define SYL_EMBED_WORD_PAIRS_H

#include <stdbool.h>

#include "lib/base/file.h"
#include "lib/io/lines.h"

typedef struct syl_word_pair {
    syl_span word[2];
    double score;
    syl_span left[2], right[2]; /* the contexts without their words; empty without contexts */
} syl_word_pair;

typedef struct syl_word_pairs {
    syl_word_pair *pairs; /* [count] */
    size_t count;
    bool contexts; /* SCWS's lines */
    char *text;    /* what the spans point into */
} syl_word_pairs;

syl_status syl_word_pairs_read(syl_word_pairs *out, const char *path, syl_error *err);
/* The same from memory, which may go away afterwards; `name` stands in for the path. */
syl_status syl_word_pairs_parse(syl_word_pairs *out, const void *data, size_t size,
                                const char *name, syl_error *err);
void syl_word_pairs_free(syl_word_pairs *pairs);

#endif
