/* For comparison only: our own model in the style of Adaptive Skip-gram (Bartunov et al. 2016), not
 * the authors' program. As there, a word's senses have a stick-breaking prior, a window's sense is
 * inferred from the product of the probabilities of its words, and senses learn by what they are
 * responsible for. Unlike there, words are predicted by negative sampling, where AdaGram has
 * hierarchical softmax:
 *   beta_k ~ Beta(1, concentration), pi_k = beta_k prod_{j<k} (1 - beta_j)
 *   L_k = sum over targets t of [log sigmoid(o_t.e_k) + negative E_n log sigmoid(-o_n.e_k)]
 *   r_k ~ exp(E log pi_k + L_k)
 *   e, o: ascent of sum_k r_k L_k;  n_k += rate (N r_k - n_k), N the word's count. */
#ifndef TESTS_DSG_ADAGRAM_H
#define TESTS_DSG_ADAGRAM_H

#include "lib/io/sampler.h"
#include "train/dsg/trainer.h"

#define ADAGRAM_MAX_SENSES 32

typedef struct adagram_options {
    int senses;             /* at most, of a word (5) */
    int dim, window;        /* (100, 5) */
    int negative;           /* that a target weighs (5) */
    int drawn;              /* negatives of a window, over which the mean is taken (10) */
    int epochs;             /* (8) */
    double concentration;   /* (0.1) */
    double first;           /* part of a word's count that its first sense begins with; the others
                               share the rest (1) */
    double rate, last_rate; /* falls linearly to that part of itself (0.025, 0.0001) */
    uint64_t seed;          /* (1) */
} adagram_options;

adagram_options adagram_defaults(void);

typedef struct adagram {
    adagram_options o;
    const syl_dsg_corpus *corpus;
    syl_sampler sampler;
    int64_t stride;
    float *sense, *output; /* [words][senses][stride], [words][stride] */
    double *counts;        /* [words][senses] n_k */
} adagram;

/* Ends the program when there is no memory. The corpus must outlive it. */
void adagram_create(adagram *a, const syl_dsg_corpus *corpus, const adagram_options *options);
void adagram_free(adagram *a);

/* E log pi_k (geometric) or E pi_k [senses] of a word. */
void adagram_log_prior(const adagram *a, int32_t word, double *log_pi);
void adagram_prior(const adagram *a, int32_t word, double *pi);

/* One step: the centre, its targets [n] and negatives [options.drawn]; r [senses] becomes the
 * responsibilities. Returns sum_k r_k L_k before the step. */
double adagram_step(adagram *a, int32_t centre, const int32_t *targets, int n,
                    const int32_t *negatives, double rate, double *r);

/* All epochs. tell, if any, gets the mean of L for a target and the part done now and then. */
void adagram_train(adagram *a, void (*tell)(double done, double mean));

/* What was learnt, borrowed. */
typedef struct adagram_view {
    const float *sense, *output; /* [words][senses][stride], [words][stride] */
    const float *priors;         /* [words][senses] */
    const int64_t *counts;       /* [words] */
    int64_t words, stride;
    int senses, negative;
    int32_t unknown; /* or -1 */
} adagram_view;

/* What is to be known of a word to choose its senses: log pi_k, and for each target
 * negative E_n log sigmoid(-o_n.e_k), over the whole vocabulary (counts to the power 0.75). */
typedef struct adagram_word {
    int32_t word;
    double log_pi[ADAGRAM_MAX_SENSES], apart[ADAGRAM_MAX_SENSES];
} adagram_word;

/* Senses whose prior is below `least` are left out (-infinity). */
void adagram_look_up(adagram_word *w, const adagram_view *v, int32_t word, double least);
/* The sense of the greatest posterior in a context; ids that are no words are passed over. */
int adagram_choose(const adagram_word *w, const adagram_view *v, const int32_t *context, size_t n);

#endif
