/* Audio to frames. An encoder holds weights and is shared; an encoding is one stream's state.
 * Both encoders answer the same calls; frames go to a sink as soon as they are final. */
#ifndef SYL_SYLBER_ENCODER_H
#define SYL_SYLBER_ENCODER_H

#include "lib/nn/params.h"
#include "sylber/config.h"

typedef struct syl_encoder syl_encoder;
typedef struct syl_encoding syl_encoding;

/* frames [n][dim], valid during the call. */
typedef syl_status (*syl_frame_sink)(void *user, const float *frames, int64_t n, syl_error *err);

typedef struct syl_encoder_ops {
    syl_status (*open)(syl_encoding **out, const syl_encoder *encoder, int threads,
                       syl_frame_sink sink, void *user, syl_error *err);
    /* Samples are one channel at the encoder's rate, finite. */
    syl_status (*scan)(syl_encoding *encoding, const float *samples, size_t n, syl_error *err);
    syl_status (*feed)(syl_encoding *encoding, const float *samples, size_t n, syl_error *err);
    syl_status (*finish)(syl_encoding *encoding, syl_error *err);
    void (*close)(syl_encoding *encoding);
    void (*free)(syl_encoder *encoder);
} syl_encoder_ops;

/* First member of each kind of encoder and encoding. */
struct syl_encoder {
    const syl_encoder_ops *ops;
    syl_config config;
    syl_dtype compute;
};

struct syl_encoding {
    const syl_encoder *encoder;
    syl_ctx *ctx;
    syl_frame_sink sink;
    void *user;
};

/* Each takes what it needs from params, whose count then tells the number of weights. */
syl_status syl_mel_encoder_load(syl_encoder **out, const syl_config *config, syl_params *params,
                                syl_error *err);
syl_status syl_hubert_encoder_load(syl_encoder **out, const syl_config *config, syl_params *params,
                                   syl_error *err);

#endif
