/* What an answer costs, in floating-point operations of products and attention, by a closed form
 * over what was read and written; section 2.5 of the specification. A multiplication and an
 * addition are two; norms, activations and tables are not counted, as syl_ctx_flops does not. */
#ifndef SYL_EMBED_SENT_FLOPS_H
#define SYL_EMBED_SENT_FLOPS_H

#include <stdbool.h>

#include "embed/sent/config.h"

typedef enum syl_regime {
    SYL_REGIME_AUTO,
    SYL_REGIME_TEXT,       /* token by token: CoT, No-CoT */
    SYL_REGIME_RESTORE,    /* each sentence is encoded and decoded */
    SYL_REGIME_ROLLOUT,    /* the context's embedding is decoded, and read with it (contextual) */
    SYL_REGIME_CONTINUOUS, /* the latent model reads its own outputs */
    SYL_REGIME_DISCRETIZED /* each latent is decoded, and the sentence encoded again */
} syl_regime;
extern const char *const syl_regime_names[]; /* "auto", "text", ...; ended by NULL */

typedef enum syl_stop_rule {
    SYL_STOP_DECODER,    /* the latent's first token begins an answer */
    SYL_STOP_CLASSIFIER, /* a network says so */
    SYL_STOP_FIXED       /* after so many latents */
} syl_stop_rule;
extern const char
    *const syl_stop_rule_names[]; /* "decoder", "classifier", "fixed"; ended by NULL */

/* Positions of a context that one more sentence takes, and tokens that were chosen for it. */
typedef struct syl_trace_sentence {
    int read;   /* tokens that the encoder read, with the newline; 0: it did not */
    int chosen; /* tokens that the decoder was asked for; 0: it was not */
} syl_trace_sentence;

typedef struct syl_trace {
    syl_regime regime;
    syl_stop_rule stop;
    int question;                    /* tokens, with the newline */
    int chosen;                      /* SYL_REGIME_TEXT: tokens that were chosen */
    int fed;                         /* vectors that the latent model read */
    bool encoded;                    /* the encoder read the question */
    int classified;                  /* latents that the classifier saw */
    int projected_in, projected_out; /* vectors through the projections */
    syl_trace_sentence *sentences;   /* [num_sentences], owned */
    int num_sentences, room;
} syl_trace;
syl_trace_sentence *syl_trace_add(syl_trace *trace, syl_error *err); /* NULL: no memory */
void syl_trace_free(syl_trace *trace);

/* Of one position that sees n, itself included; of positions first to last, from 1. */
double syl_flops_position(const syl_lm_shape *shape, double n);
double syl_flops_positions(const syl_lm_shape *shape, double first, double last);
double syl_flops_head(const syl_lm_shape *shape); /* logits of one position */
double syl_flops_projection(int from, int to);    /* either of the two between models */
double syl_flops_classifier(const syl_sent_config *config);

/* Of a trace; and with logits for each token of the prompt, as the published figures of CoT have
 * it, where the model reads a prompt as text. */
double syl_flops_of(const syl_sent_config *config, const syl_trace *trace);
double syl_flops_published(const syl_sent_config *config, const syl_trace *trace);

/* The closed form of the specification over means: a question of Q tokens, R sentences of L tokens,
 * of which the last, A tokens, is the answer's. */
typedef struct syl_cost_means {
    double question, sentences, tokens, answer;
} syl_cost_means;
typedef struct syl_costs {
    double cot, cot_published; /* logits of the prompt: the last, all */
    double no_cot;
    double continuous, continuous_classifier;
    double discretized;
} syl_costs;
/* config: decoder and encoder of one shape; latent. A contextual encoder. */
syl_costs syl_flops_means(const syl_sent_config *config, const syl_cost_means *means);

#endif
