/* How a stage's model begins: anew, or out of models of the stages before. */
#ifndef SYL_TRAIN_SENT_BEGIN_H
#define SYL_TRAIN_SENT_BEGIN_H

#include "train/sent/model.h"

typedef struct syl_sent_beginning {
    syl_sent_stage stage;
    bool stop; /* stage latent: its classifier */
    /* Paths of models (see syl_sent_saved_open), or NULL: what to go on from, which may also be a
     * folder of Hugging Face's (pretrained.h); ctx-c: where anchors
     * come from; latent: another encoder, another language model for the latent model to begin as
     * (NULL: the decoder of `from`). */
    const char *from, *semantic, *encoder, *latent;
    syl_lm_shape shape; /* of a new language model, but for the vocabulary */
    syl_sent_marker marker;
    syl_latent_norm latent_norm;
    float dropout; /* inside what is trained */
    syl_lora lora; /* rank 0: none */
    uint64_t seed;
} syl_sent_beginning;

/* What is read before the model can be made. */
typedef struct syl_sent_sources {
    syl_sent_saved from, semantic, encoder, latent; /* closed where there is none */
    bool pretrained;                                /* from: tensors without a prefix */
    syl_sent_tokenizer *made;                       /* of a new model's vocabulary */
} syl_sent_sources;

/* Opens the models; checks that they are of the stages that they should be, and speak one
 * vocabulary. */
syl_status syl_sent_sources_open(syl_sent_sources *out, const syl_sent_beginning *by,
                                 syl_error *err);
void syl_sent_sources_close(syl_sent_sources *sources);
/* A new model's words: of every sample of the datasets. */
syl_status syl_sent_sources_vocabulary(syl_sent_sources *sources, const syl_sent_dataset *const *of,
                                       int count, syl_error *err);
const syl_sent_tokenizer *syl_sent_sources_tokenizer(const syl_sent_sources *sources);

/* The model, with its values; the sources may be closed afterwards but for the tokenizer. */
syl_status syl_sent_begin(syl_sent_model **out, const syl_sent_beginning *by,
                          const syl_sent_sources *sources, syl_error *err);

#endif
