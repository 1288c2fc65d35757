/* What a sentence model is (arXiv 2505.22202): the member "config" of model.safetensors' metadata,
 * beside "format": "sylkit-sent" and "tokenizer".
 *
 * Its tensors, as far as its stage has come: "decoder." and "encoder." (GPT-2 or Llama under
 * Hugging Face's names, without "transformer." or "model."), "latent." (the same),
 * "encoder_to_latent.0" and ".2", "latent_to_decoder.0" and ".2" (linear - GELU(erf) - linear),
 * "stop.0", ".2", ".4" (the same with two GELUs and one output, the logit of "this latent is the
 * answer's"). */
#ifndef SYL_EMBED_SENT_CONFIG_H
#define SYL_EMBED_SENT_CONFIG_H

#include <jansson.h>

#include "embed/lm/shape.h"
#include "embed/sent/dataset.h"

#define SYL_SENT_FORMAT "sylkit-sent"

typedef enum syl_sent_stage {
    SYL_SENT_COT,   /* language model of question, steps, answer: decoder alone */
    SYL_SENT_NOCOT, /* of question and answer */
    SYL_SENT_SEM,   /* encoder and decoder restore a sentence (semantic embedding) */
    SYL_SENT_CTX_B, /* they predict the next one (contextual, base) */
    SYL_SENT_CTX_C, /* the same, drawn to semantic embeddings (contextual, contrastive) */
    SYL_SENT_LATENT /* with a model that goes from latent to latent */
} syl_sent_stage;
extern const char *const syl_sent_stage_names[]; /* "cot", "nocot", "sem", ...; ended by NULL */

/* How a latent is brought to the length of those that the latent model has learnt to read. z: what
 * encoder_to_latent gives, y: what the latent model gives and is fed back. */
typedef enum syl_latent_norm {
    SYL_LATENT_NONE,  /* fed as they are (the paper) */
    SYL_LATENT_SCALE, /* latent_scale y, the ratio of the mean lengths; z as it is */
    SYL_LATENT_RMS    /* latent_scale x / rms(x) of both, rms(x)^2 = mean of squares + 1e-6 */
} syl_latent_norm;
extern const char *const syl_latent_norm_names[]; /* "none", "scale", "rms"; ended by NULL */
#define SYL_LATENT_RMS_EPS 1e-6f

typedef struct syl_sent_config {
    syl_sent_stage stage;
    /* SYL_SENT_SEM, _CTX_B or _CTX_C: what the encoder was trained as, and the decoder, which is
     * another where a semantic encoder meets a contextual decoder; from stage sem on. */
    syl_sent_stage embedding, decoder_embedding;
    syl_sent_marker marker; /* of the answer's sentence */
    syl_lm_shape decoder, encoder, latent;
    syl_latent_norm latent_norm;
    double latent_scale;
    int stop[2]; /* widths inside the classifier; 0: there is none */
} syl_sent_config;

static inline bool syl_sent_has_encoder(const syl_sent_config *c)
{
    return c->stage >= SYL_SENT_SEM;
}

static inline bool syl_sent_has_latent(const syl_sent_config *c)
{
    return c->stage == SYL_SENT_LATENT;
}

/* Width inside the projections between models of width a and b. */
static inline int syl_sent_projection_width(int a, int b)
{
    return (a + b) / 2;
}

/* `name` of the file is for messages. */
syl_status syl_sent_config_from_json(syl_sent_config *config, const json_t *json, const char *name,
                                     syl_error *err);
/* A new object; NULL: no memory. */
json_t *syl_sent_config_to_json(const syl_sent_config *config);

#endif
