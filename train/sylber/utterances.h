/* The recordings that a trainer draws from, each read when it is needed and kept as 16-bit samples
 * at the model's rate as long as there is room. */
#ifndef SYL_TRAIN_SYLBER_UTTERANCES_H
#define SYL_TRAIN_SYLBER_UTTERANCES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"

typedef struct syl_utterance {
    int16_t *audio; /* [samples] */
    int64_t samples;
    float scale, shift;     /* a sample is scale * audio + shift */
    int32_t (*segments)[2]; /* [num_segments] frames, or NULL */
    float *means;           /* [num_segments][dim] targets, or NULL */
    int num_segments;
} syl_utterance;

typedef struct syl_utterances syl_utterances;

typedef struct syl_utterances_options {
    int sample_rate, hop;             /* hop: samples of a frame */
    int dim;                          /* of the means; 0: they are not wanted */
    int64_t min_samples, max_samples; /* shorter ones are refused, longer ones cut; 0: no limit */
    bool unit_variance;   /* mean 0 and variance 1 over the recording (Wav2Vec2Processor) */
    const char *segments; /* folder of `sylkit presegment`, or NULL */
    size_t max_bytes;     /* kept in memory, beyond what is in use; 0: no limit */
} syl_utterances_options;

/* paths [count] of recordings; keys [count]: what their segments are called in the folder, without
 * ending. Both are copied. */
syl_status syl_utterances_create(syl_utterances **out, const syl_utterances_options *options,
                                 const char *const *paths, const char *const *keys, int count,
                                 syl_error *err);
void syl_utterances_free(syl_utterances *all);
int syl_utterances_count(const syl_utterances *all);
const char *syl_utterances_path(const syl_utterances *all, int i);

/* Number i, read now or before; valid until it is given back. Safe from several threads. One that
 * could not be read says the same again, and is not to be given back. */
syl_status syl_utterances_get(syl_utterances *all, int i, const syl_utterance **out,
                              syl_error *err);
void syl_utterances_release(syl_utterances *all, const syl_utterance *utterance);

#endif
