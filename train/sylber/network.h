/* The encoders of sylber/ as networks that can be trained: the same tensors under the same names,
 * described on a tape. */
#ifndef SYL_TRAIN_SYLBER_NETWORK_H
#define SYL_TRAIN_SYLBER_NETWORK_H

#include "lib/nn/layers.h"
#include "sylber/config.h"

typedef struct syl_network syl_network;

#define SYL_TRAINED_LAYERS 64 /* at most */

/* Rates of dropout while training; Hugging Face's names. */
typedef struct syl_network_dropout {
    float hidden, activation, attention, feature, layer;
} syl_network_dropout;

typedef struct syl_network_ops {
    size_t size;
    syl_status (*declare)(syl_network *network, syl_error *err);
    /* Values out of a file; a network knows which other spellings it takes. */
    syl_status (*load)(syl_network *network, const syl_safetensors *file, const char *prefix,
                       syl_error *err);
    /* One recording as the network takes it: rows [*n][cols], owned by the caller. */
    syl_status (*prepare)(const syl_config *config, const float *audio, int64_t samples,
                          float **rows, int64_t *n, syl_error *err);
    int64_t (*input_cols)(const syl_config *config);
    /* Frames [rows of *out][dim] of the sequences in x [rows][cols]. */
    syl_status (*forward)(const syl_network *network, syl_tape *tape, syl_var *x, syl_ragged in,
                          syl_var **frames, syl_ragged *out, syl_error *err);
} syl_network_ops;

/* First member of each kind of network. */
struct syl_network {
    const syl_network_ops *ops;
    syl_config config;
    syl_network_dropout dropout;
    syl_param_set set;
};

extern const syl_network_ops syl_mel_network_ops, syl_hubert_network_ops;

/* A network of the configuration's kind, all parameters zero. */
syl_status syl_network_create(syl_network **out, const syl_config *config, syl_error *err);
void syl_network_free(syl_network *network);

/* Writes its tensors (float32, under their names) with this configuration; sylber/ loads it. */
syl_status syl_network_save(const syl_network *network, const syl_config *config, const char *path,
                            syl_error *err);

/* A log-mel network's head that has not been trained: (x - mean) / std * scale, channel by
 * channel, with mean and std [dim]. */
syl_status syl_network_start_head(syl_network *network, const float *mean, const float *std,
                                  float scale, syl_error *err);

/* ---- for networks ----------------------------------------------------------------------- */

/* "<base>.weight" [n_out][n_in] and "<base>.bias" [n_out], or a norm's gamma and beta. */
typedef struct syl_affine {
    syl_param *weight, *bias;
} syl_affine;

syl_status syl_declare_linear(syl_param_set *set, const char *base, int n_out, int n_in,
                              syl_affine *out, syl_error *err);
syl_status syl_declare_norm(syl_param_set *set, const char *base, int n, syl_affine *out,
                            syl_error *err);
syl_status syl_declare_conv(syl_param_set *set, const char *base, syl_conv_shape shape, bool bias,
                            syl_affine *out, syl_error *err);

syl_status syl_apply_linear(syl_tape *tape, const syl_affine *by, syl_var *x, syl_var **y,
                            syl_error *err);
syl_status syl_apply_layer_norm(syl_tape *tape, const syl_affine *by, float eps, syl_var *x,
                                syl_var **y, syl_error *err);
syl_status syl_apply_conv(syl_tape *tape, const syl_affine *by, syl_conv_shape shape, syl_var *x,
                          syl_ragged in, syl_var **y, syl_ragged *out, syl_error *err);

/* A transformer block, pre-norm or post-norm. */
typedef struct syl_trained_block {
    syl_affine norm1, norm2, out, ff1, ff2;
    syl_param *qkv_weight[3], *qkv_bias[3]; /* [0] alone when they are one in the file */
    int parts;
    syl_param *rel_bias; /* or NULL */
} syl_trained_block;

syl_status syl_apply_block(const syl_network *network, const syl_trained_block *block,
                           syl_tape *tape, syl_attention_shape shape, bool pre_norm,
                           syl_ragged sequences, syl_var *x, syl_var **y, syl_error *err);

#endif
