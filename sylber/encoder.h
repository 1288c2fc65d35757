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

/* As in syl_stream_options. */
typedef struct syl_encoding_options {
    int threads;
    double hop_seconds, lookahead_seconds, prior_seconds;
} syl_encoding_options;

/* What each kind of encoder does. */
typedef struct syl_encoder_ops {
    size_t encoder_size, encoding_size;
    syl_status (*load)(syl_encoder *encoder, syl_params *params, syl_error *err);
    void (*unload)(syl_encoder *encoder); /* what load made, also half of it */
    syl_status (*open)(syl_encoding *encoding, syl_error *err);
    /* Samples are one channel at the encoder's rate, finite. */
    syl_status (*scan)(syl_encoding *encoding, const float *samples, size_t n, syl_error *err);
    syl_status (*feed)(syl_encoding *encoding, const float *samples, size_t n, syl_error *err);
    syl_status (*finish)(syl_encoding *encoding, syl_error *err);
    void (*close)(syl_encoding *encoding); /* what open made, also half of it */
} syl_encoder_ops;

/* First member of each kind of encoder and encoding. */
struct syl_encoder {
    const syl_encoder_ops *ops;
    syl_config config;
    syl_dtype compute;
    syl_device *device; /* NULL: the CPU */
};

struct syl_encoding {
    const syl_encoder *encoder;
    syl_encoding_options options;
    syl_ctx *ctx;
    syl_frame_sink sink;
    void *user;
};

extern const syl_encoder_ops syl_mel_ops;    /* sylber/mel_stream.c */
extern const syl_encoder_ops syl_hubert_ops; /* sylber/hubert_stream.c */

/* Takes what the configuration's kind needs from params, whose count then tells the number of
 * weights. */
syl_status syl_encoder_load(syl_encoder **out, const syl_config *config, syl_params *params,
                            syl_error *err);
void syl_encoder_free(syl_encoder *encoder);

syl_status syl_encoding_open(syl_encoding **out, const syl_encoder *encoder,
                             const syl_encoding_options *options, syl_frame_sink sink, void *user,
                             syl_error *err);
void syl_encoding_close(syl_encoding *encoding);

#endif
