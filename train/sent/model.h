/* A sentence model in training: its networks and what is between them (spec: arXiv 2505.22202,
 * section 3 and appendices). Parameters lie in two sets: those that a stage trains, and those that
 * it only uses. */
#ifndef SYL_TRAIN_SENT_MODEL_H
#define SYL_TRAIN_SENT_MODEL_H

#include "embed/lm/net.h"
#include "embed/sent/saved.h"

/* Linear - GELU (erf) - linear, or one such step more. */
#define SYL_SENT_MLP_LAYERS 3
typedef struct syl_sent_mlp {
    syl_param *weight[SYL_SENT_MLP_LAYERS], *bias[SYL_SENT_MLP_LAYERS];
    int layers;
} syl_sent_mlp;

typedef struct syl_sent_model {
    syl_sent_config config;
    const syl_sent_tokenizer *tokenizer; /* the caller's */
    syl_param_set trained, fixed;
    syl_lm_net *encoder, *decoder; /* one and the same until stage latent */
    syl_lm_net *latent;
    syl_lm_net *semantic;      /* stage ctx-c: the encoder that gives the anchors; not saved */
    syl_sent_mlp into, out_of; /* encoder_to_latent, latent_to_decoder */
    syl_sent_mlp stop;
    bool training_stop;  /* the classifier alone is trained */
    syl_lora lora;       /* rank 0: the network of the stage is trained itself */
    syl_lm_net *adapted; /* the one that has adapters, or NULL */
} syl_sent_model;

/* Declares everything that the stage needs, all zero. config.stop[0] > 0 on top of stage latent:
 * the classifier is trained and all else is fixed. lora: NULL, or with a rank above 0 adapters are
 * trained in place of the language model that the stage trains; targets must outlive the model. */
syl_status syl_sent_model_create(syl_sent_model **out, const syl_sent_config *config,
                                 const syl_sent_tokenizer *tokenizer, const syl_lora *lora,
                                 syl_error *err);
void syl_sent_model_free(syl_sent_model *model);

/* Random values of what the stage begins anew: projections and the classifier as torch's nn.Linear
 * begins; adapters, which change nothing yet. */
void syl_sent_model_start(syl_sent_model *model, uint64_t seed);

syl_status syl_sent_mlp_load(syl_sent_mlp *mlp, const syl_safetensors *file, syl_error *err);
syl_status syl_sent_mlp_apply(const syl_sent_mlp *mlp, syl_tape *tape, syl_var *x, syl_var **y,
                              syl_error *err);

/* Writes the tensors of both sets, adapters merged into the weights that they are of; in the stages
 * where encoder and decoder are one, under both names. */
syl_status syl_sent_model_save(const syl_sent_model *model, const char *path, syl_error *err);

#endif
