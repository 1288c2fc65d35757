/* The shape of a language model, as Hugging Face's config.json has it: GPT-2 (Radford et al. 2019)
 * and Llama (Touvron et al. 2023), whose kind many others are (SmolLM, TinyLlama). */
#ifndef SYL_EMBED_LM_SHAPE_H
#define SYL_EMBED_LM_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/status.h"

/* GPT-2: layer norms before attention and feed-forward, learned positions, GELU (tanh), biases.
 * Llama: RMS norms, rotary positions (RoPE), SiLU-gated feed-forward, no biases. */
typedef enum syl_lm_kind { SYL_LM_GPT2, SYL_LM_LLAMA } syl_lm_kind;

typedef struct syl_lm_shape {
    syl_lm_kind kind;
    int vocab, dim, layers;
    int heads, kv_heads; /* kv_heads divides heads, heads divides dim */
    int ff;              /* width inside the feed-forward */
    int context;         /* positions there are */
    float eps;           /* of the norms */
    double rope_base;    /* Llama */
    bool rope_adjacent;  /* RoPE turns pairs (2i, 2i + 1), as GGUF's rows lie; else the two halves
                            (i, i + head_dim / 2), as Hugging Face's */
    bool tied;           /* logits by the table of embeddings */
} syl_lm_shape;

static inline int syl_lm_head_dim(const syl_lm_shape *s)
{
    return s->dim / s->heads;
}

/* Whether the numbers fit each other and the limits; `name` stands for the file in messages. */
syl_status syl_lm_shape_check(const syl_lm_shape *shape, const char *name, syl_error *err);

/* From the object of a config.json; what its keys ask for and this code has not is an error. */
syl_status syl_lm_shape_from_json(syl_lm_shape *shape, const json_t *config, const char *name,
                                  syl_error *err);
/* A new object that syl_lm_shape_from_json reads back, and transformers too as long as
 * rope_adjacent is false; NULL when there is no memory. */
json_t *syl_lm_shape_to_json(const syl_lm_shape *shape);

#endif
