/* Corpora with planted senses: pseudo-words, each of which stands for two words of different
 * topics, and how well a trained model tells the two apart. */
#ifndef TESTS_DSG_PLANTED_H
#define TESTS_DSG_PLANTED_H

#include "train/dsg/trainer.h"

typedef struct planted {
    syl_dsg_corpus corpus;
    int32_t *items;
    int64_t *begin, *counts;
    int8_t *gold; /* [items]: which of the two; -1: no pseudo-word */
    int pseudo;   /* the first so many words are pseudo-words */
} planted;

/* Topics of words by Zipf's law, seven of ten words from a sentence's topic, the others common. */
typedef struct planted_rules {
    int64_t tokens;
    int topics, topic_words, common_words, pseudo;
    uint64_t seed;
} planted_rules;

/* 1 million words: 20 topics of 200 words, 400 common ones, 100 pseudo-words. */
planted_rules planted_full(void);
/* A tenth of it, for make check. */
planted_rules planted_small(void);
/* Ends the program when there is no memory. */
planted planted_make(const planted_rules *rules);
/* A folder with tok (int32), off (int64), cnt (int64), gold (int8), of so many pseudo-words. */
planted planted_read(const char *folder, int pseudo);
void planted_free(planted *p);

typedef struct planted_score {
    double cosine, network; /* ARI, mean over pseudo-words, by either rule of disambiguation */
    double k_means; /* of the mean output vectors of the contexts, as many means as senses */
    double purity;  /* by the cosine rule */
    double senses, pseudo_senses; /* left by pruning: mean over words, over pseudo-words */
    double entropy;               /* mean H of the network's p over the pseudo-words */
} planted_score;

/* Contexts are `window` words to each side. with_k_means: it takes a while. */
planted_score planted_evaluate(const planted *p, const syl_dsg_result *r, int window, float prune,
                               bool with_k_means);

#endif
