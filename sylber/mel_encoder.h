/* The small model: log-mel, two convolutions to half the rate, transformer layers that see a
 * window [-left, right] with a learned relative bias, layer norm, a linear head. It knows no
 * absolute position, so a stream computes exactly what a whole recording would. */
#ifndef SYL_SYLBER_MEL_ENCODER_H
#define SYL_SYLBER_MEL_ENCODER_H

#include "lib/nn/block.h"
#include "sylber/encoder.h"

typedef struct syl_mel_encoder {
    syl_encoder base;
    syl_weight *conv1, *conv2, *head;
    syl_norm norm;
    syl_block *block; /* [layers] */
} syl_mel_encoder;

syl_status syl_mel_load(syl_encoder *encoder, syl_params *params, syl_error *err);
void syl_mel_unload(syl_encoder *encoder);

/* Layer i, freed with syl_block_free; without `relative` it has no relative bias. */
syl_status syl_mel_load_block(syl_block *block, const syl_config *config, syl_params *params, int i,
                              bool relative, syl_error *err);

/* Rows of log-mel straight into an encoding, for tests: with `last`, nothing comes after. */
syl_status syl_mel_stream_rows(syl_encoding *encoding, const float *rows, int64_t n, bool last,
                               syl_error *err);

/* Frames of look-ahead, the stem's left out. */
int syl_mel_lookahead(const syl_config *config);

#endif
