/* What a trained Disambiguated Skip-gram knows of words: their senses with priors, the neighbours
 * of each, which sense a word has in a context, how similar two words are.
 *
 *     syl_senses *senses;
 *     syl_sense_choice choice;
 *     if (syl_senses_create(&senses, model, 0.05, 1, &err)) goto fail;
 *     int32_t bank = syl_dsg_find_word(model, "bank", 4);
 *     if (syl_senses_choose(senses, bank, ids, n, SYL_RULE_COSINE, &choice, &err)) goto fail;
 *     printf("bank#%d\n", choice.best + 1);
 *
 * The object is read-only: any number of threads may share it. */
#ifndef SYL_EMBED_SENSES_H
#define SYL_EMBED_SENSES_H

#include "embed/dsg_model.h"

#define SYL_PRUNE_PRIOR 0.05 /* as published */

typedef struct syl_senses syl_senses;

/* A sense that was not pruned. */
typedef struct syl_sense {
    int32_t word, sense;
    float prior;
} syl_sense;

/* Senses of a prior below `prune` (0 to 1) do not take part; of a word whose priors are all below
 * it the most probable one stays. The model must outlive the object. threads: of products. */
syl_status syl_senses_create(syl_senses **out, const syl_dsg_model *model, double prune,
                             int threads, syl_error *err);
void syl_senses_free(syl_senses *senses);
const syl_dsg_model *syl_senses_model(const syl_senses *senses);

/* The inventory of a word of the vocabulary, *count of them (at least 1), by sense number. */
const syl_sense *syl_senses_of(const syl_senses *senses, int32_t word, int *count);
/* Those of all words, word by word. */
const syl_sense *syl_senses_all(const syl_senses *senses, int64_t *count);

/* words [K + 1]: how many words (without UNKNOWN) have so many senses; words[0] is 0. */
void syl_senses_histogram(const syl_senses *senses, int64_t *words);

#define SYL_SENSE_NAME (8 * SYL_WORD_MAX + 16) /* room for any name below */

/* What a sense is called: "word" where it is the only one that is left of its word, else
 * "word#(k + 1)". Returns the length. */
int syl_sense_name(const syl_senses *senses, int32_t word, int32_t sense,
                   char name[SYL_SENSE_NAME]);

/* mean [D]: one vector for a word, the mean of its senses weighted by their priors. */
void syl_senses_global_vector(const syl_senses *senses, int32_t word, float *mean);

/* ---- neighbours ---------------------------------------------------------------------------- */

typedef struct syl_neighbour {
    int32_t word, sense; /* -1: there are not so many */
    float cosine;
} syl_neighbour;

/* For each of n vectors [n][D] the `top` nearest of all senses by cosine, nearest first, equal ones
 * by word and sense, into out [n][top]. Senses of the word without[i] (NULL: of none) and of
 * UNKNOWN are left out; a vector of zeros has cosine 0 to all. */
syl_status syl_senses_nearest(const syl_senses *senses, const float *vectors, size_t n,
                              const int32_t *without, int top, syl_neighbour *out, syl_error *err);

/* ---- a word in its context ------------------------------------------------------------------ */

typedef enum syl_sense_rule {
    /* (1 + cos(E[w, k], c)) / 2, c the mean over the context's words of the mean of their senses:
     * as published for word sense induction */
    SYL_RULE_COSINE,
    /* softmax(c A[w] + a0[w]) over the senses that are left, c the mean of the context's output
     * vectors: the network that was trained (mode 1: no noise, temperature 1) */
    SYL_RULE_NETWORK
} syl_sense_rule;

typedef struct syl_sense_choice {
    int best;                         /* the sense of the highest score, the first of equals */
    bool informed;                    /* false: no word of the context is known */
    float score[SYL_DSG_MAX_SENSES];  /* [K] as above; 0 of pruned senses */
    float weight[SYL_DSG_MAX_SENSES]; /* [K] scores that sum to 1 */
} syl_sense_choice;

/* The sense of `word` among the words `context` [n] around it. Ids of the context that are no
 * words (-1) or UNKNOWN are passed over; where nothing is left, scores and weights are the priors.
 * SYL_EINVAL: word is not one of the vocabulary (-1), or the model has no network; SYL_EFORMAT:
 * vectors of the context whose sum is too large for a float. */
syl_status syl_senses_choose(const syl_senses *senses, int32_t word, const int32_t *context,
                             size_t n, syl_sense_rule rule, syl_sense_choice *out, syl_error *err);

/* ---- similarity ----------------------------------------------------------------------------- */

/* Of two words, from (1 + cos) / 2 of pairs of senses (Reisinger and Mooney 2010, Huang et al.
 * 2012). */
typedef enum syl_similarity {
    SYL_SIM_AVERAGE,   /* avgSim: the mean over all pairs of senses */
    SYL_SIM_MAXIMUM,   /* maxSim: of the most similar pair */
    SYL_SIM_GLOBAL,    /* of the words' global vectors */
    SYL_SIM_AVERAGE_C, /* avgSimC: the mean weighted by both words' weights in their contexts */
    SYL_SIM_LOCAL,     /* localSim: of the best senses in their contexts */
    SYL_NUM_SIMILARITIES
} syl_similarity;

/* "avgSim", ... in the order of the enum. */
extern const char *const syl_similarity_names[SYL_NUM_SIMILARITIES];

/* Both words are of the vocabulary; choices are used by the last two kinds only and may be NULL
 * otherwise. */
double syl_senses_similarity(const syl_senses *senses, syl_similarity kind, int32_t a, int32_t b,
                             const syl_sense_choice *choice_a, const syl_sense_choice *choice_b);

#endif
