/* GPT-2 and Llama in training: the transformers of embed/lm described on a tape, with the names and
 * shapes of Hugging Face's files. Its input is tokens, vectors, or both mixed;
 * gradients go through to the vectors, also where the network itself is frozen.
 *
 * A network's parameters lie in a set that may hold other networks too. One network may stand on a
 * tape several times. */
#ifndef SYL_EMBED_LM_NET_H
#define SYL_EMBED_LM_NET_H

#include "embed/lm/shape.h"
#include "lib/nn/tape.h"

/* Rates of dropout while training (GPT-2: 0.1 each). */
typedef struct syl_lm_net_dropout {
    float embedding; /* of the sum of embeddings and positions */
    float residual;  /* of what a layer adds */
    float attention; /* of probabilities */
} syl_lm_net_dropout;

typedef struct syl_lm_net syl_lm_net;

/* Declares the parameters in `set`, which must outlive the network, under `prefix` + their name
 * without "transformer." or "model.". */
syl_status syl_lm_net_create(syl_lm_net **out, const syl_lm_shape *shape, syl_param_set *set,
                             const char *prefix, syl_error *err);
void syl_lm_net_free(syl_lm_net *net);

const syl_lm_shape *syl_lm_net_shape(const syl_lm_net *net);
void syl_lm_net_set_dropout(syl_lm_net *net, syl_lm_net_dropout dropout);
/* A frozen network has no gradients of its own. */
void syl_lm_net_freeze(syl_lm_net *net, bool frozen);

/* Once the set is finished and before it is placed: values as GPT-2 begins (normal of deviation
 * 0.02, that of products into the residual stream divided by sqrt(2 layers), norms 1, biases 0), or
 * as Llama does (the same without that division), a function of seed and name alone. */
void syl_lm_net_start(syl_lm_net *net, uint64_t seed);
/* Or out of a file, under prefix + name or prefix + "transformer." ("model.") + name. */
syl_status syl_lm_net_load(syl_lm_net *net, const syl_safetensors *file, const char *prefix,
                           syl_error *err);
/* Or those of a network of the same shape. */
void syl_lm_net_copy(syl_lm_net *to, const syl_lm_net *from);

/* ---- low-rank adapters -------------------------------------------------------------------- */

/* LoRA (Hu et al. 2021): to a product x W of a layer is added alpha / rank dropout(x) A B, and the
 * network itself stays as it is. */
typedef struct syl_lora {
    int rank; /* 0: none */
    float alpha, dropout;
    /* Names of products by commas, each whole or from a dot on, as peft's target_modules: "c_proj"
     * is attn.c_proj and mlp.c_proj. NULL: c_attn,c_proj of GPT-2, the four of attention of Llama.
     */
    const char *targets;
} syl_lora;

const char *syl_lora_targets(const syl_lora *lora, syl_lm_kind kind);

/* Declares adapters in `set`, under the weights' names with lora_A [rank][in] and lora_B
 * [out][rank] before ".weight". A target that the model has not is an error that names those it
 * has. */
syl_status syl_lm_net_adapt(syl_lm_net *net, const syl_lora *lora, syl_param_set *set,
                            syl_error *err);
/* Values that change nothing: A as peft begins, B zero. Once the set is finished. */
void syl_lm_net_start_adapters(syl_lm_net *net, uint64_t seed);
/* The weight with its adapter in it, from the host's values, freed by the caller; NULL where it has
 * no adapter. ctx: the CPU's. */
syl_status syl_lm_net_merged(const syl_lm_net *net, const syl_param *weight, syl_ctx *ctx,
                             float **out, syl_error *err);

/* ---- the pass ----------------------------------------------------------------------------- */

/* Sequences one behind the other; positions begin at 0 in each. Row i is the embedding of ids[i]
 * (none where that is negative, or ids is NULL) plus row vector_rows[i] of vectors (none where
 * that is negative; row i where vector_rows is NULL; vectors may be NULL). The arrays stay the
 * caller's until the tape is cleared. */
typedef struct syl_lm_net_input {
    syl_ragged sequences;
    const int32_t *ids; /* [rows] */
    syl_var *vectors;   /* [n][dim] */
    const int32_t *vector_rows;
} syl_lm_net_input;

/* hidden [rows][dim]: after the final norm. residuals: NULL, or [layers] places for the stream
 * behind each layer, without the final norm. */
syl_status syl_lm_net_forward(const syl_lm_net *net, syl_tape *tape, const syl_lm_net_input *input,
                              syl_var **hidden, syl_var **residuals, syl_error *err);

/* logits [rows][vocab] of hidden rows. */
syl_status syl_lm_net_logits(const syl_lm_net *net, syl_tape *tape, syl_var *hidden,
                             syl_var **logits, syl_error *err);

#endif
