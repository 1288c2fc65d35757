/* The HuBERT-shaped encoder of Sylber (Hsu et al. 2021): raw wave, convolutions, feature
 * projection, convolutional position embedding, transformer. Names as in transformers'
 * HubertModel. */
#ifndef SYL_SYLBER_HUBERT_ENCODER_H
#define SYL_SYLBER_HUBERT_ENCODER_H

#include "lib/nn/block.h"
#include "sylber/encoder.h"

typedef struct syl_hubert_encoder {
    syl_encoder base;
    float *conv0;                      /* [kernel][channels] */
    float *conv0_bias;                 /* [channels], or NULL */
    syl_norm conv_norm[SYL_MAX_CONVS]; /* [0] alone is a group norm when !conv_layer_norm */
    syl_weight *conv[SYL_MAX_CONVS];   /* from [1] */
    syl_norm projection_norm, norm;
    syl_weight *projection, *position;
    syl_block *block; /* [layers] */
} syl_hubert_encoder;

syl_status syl_hubert_load(syl_encoder *encoder, syl_params *params, syl_error *err);
void syl_hubert_unload(syl_encoder *encoder);

/* Moments of a recording, from which z-normalisation and the group norm of the first
 * convolution follow exactly: the convolution is linear, so its outputs' mean and variance are
 * w'mu and w'Cw with the mean mu and covariance C of the samples under its kernel. */
typedef struct syl_moments {
    int64_t samples;
    double sum, squares;
    int64_t windows; /* positions of the kernel */
    double first[64], second[64][64];
    float tail[128]; /* samples from the next position on */
    int tail_size;
} syl_moments;

void syl_moments_add(syl_moments *m, const syl_config *config, const float *samples, size_t n);

/* Frames that n samples give. */
int64_t syl_hubert_num_frames(const syl_config *config, int64_t samples);

/* Samples that so many frames (at least 1) are made of. */
int64_t syl_hubert_num_samples(const syl_config *config, int64_t frames);

/* Called after each step with what it computed; for the tests. step: "conv.0" ... "output". */
typedef void (*syl_trace)(void *user, const char *step, int index, syl_mat x);

/* frames [T][dim], float32, of samples that give T = syl_hubert_num_frames(n) > 0 frames; trace
 * may be NULL. */
syl_status syl_hubert_forward(syl_ctx *ctx, const syl_hubert_encoder *encoder,
                              const syl_moments *moments, const float *samples, syl_mat frames,
                              syl_trace trace, void *user, syl_error *err);

#endif
