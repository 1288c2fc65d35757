/* Word similarity: a model's against people's, by Spearman's correlation. */
#ifndef SYL_EMBED_WORDSIM_H
#define SYL_EMBED_WORDSIM_H

#include "embed/senses.h"
#include "embed/word_pairs.h"

typedef struct syl_wordsim_options {
    syl_sense_rule rule; /* of contexts (COSINE) */
    int window;          /* words of a context to either side; 0: all (0) */
} syl_wordsim_options;

syl_wordsim_options syl_wordsim_defaults(void);

typedef struct syl_wordsim_result {
    size_t pairs, covered; /* covered: both words are in the vocabulary; the others are left out */
    size_t uninformed;     /* contexts of covered pairs with no known word */
    double spearman[SYL_NUM_SIMILARITIES]; /* times 100, of the covered pairs */
    bool measured[SYL_NUM_SIMILARITIES];   /* those with contexts need pairs with contexts */
} syl_wordsim_result;

syl_status syl_wordsim_evaluate(syl_wordsim_result *out, const syl_senses *senses,
                                const syl_word_pairs *pairs, const syl_wordsim_options *options,
                                syl_error *err);

#endif
