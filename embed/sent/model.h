/* A model of sentences, for inference: what a stage of training saved (embed/sent/config.h). */
#ifndef SYL_EMBED_SENT_MODEL_H
#define SYL_EMBED_SENT_MODEL_H

#include "embed/lm/lm.h"
#include "embed/sent/config.h"

/* Linear - GELU(erf) - linear, or one such step more. layers 0: it is not there. */
#define SYL_REASONER_LAYERS 3
typedef struct syl_reasoner_mlp {
    syl_weight *weight[SYL_REASONER_LAYERS];
    int layers, width[SYL_REASONER_LAYERS + 1]; /* of the input, between, of the output */
} syl_reasoner_mlp;

/* Read-only once open: threads share it. */
typedef struct syl_reasoner {
    syl_sent_config config;
    syl_sent_tokenizer *tokenizer;
    syl_device *device;            /* the caller's */
    syl_lm *decoder;               /* always there */
    syl_lm *encoder, *latent;      /* from the stage on that trains them, else NULL */
    syl_reasoner_mlp into, out_of; /* encoder_to_latent, latent_to_decoder */
    syl_reasoner_mlp stop;         /* the classifier, where it was trained */
} syl_reasoner;

/* Opens a file, or a folder's best.safetensors, else its model.safetensors. Products in `dtype`,
 * SYL_F32 or SYL_BF16. */
syl_status syl_reasoner_open(syl_reasoner **out, const char *path, syl_dtype dtype,
                             syl_device *device, syl_error *err);
void syl_reasoner_free(syl_reasoner *model);

#endif
