/* What the student hears and what it is to say: crops of recordings with noise, other speakers and
 * changed voices. An example is a pure function of (seed, number, attempt). */
#ifndef SYL_TRAIN_SYLBER_EXAMPLE_H
#define SYL_TRAIN_SYLBER_EXAMPLE_H

#include "lib/base/random.h"
#include "train/sylber/network.h"
#include "train/sylber/utterances.h"

typedef struct syl_range {
    float low, high;
} syl_range;

typedef struct syl_example_options {
    int64_t frames; /* of a crop, at most */
    /* false: a crop of one recording, shorter when that is. true: as many recordings as fill the
     * crop, with gaps of 0 to max_gap frames between them and a gain in dB for each. */
    bool collage;
    int max_gap;
    syl_range gain_db;

    /* The denoising mixer of Sylber: with probability mix_noise a clip of `noises` (scaled by
     * noise_gain) or, in mix_speech of those cases, another recording, of which only one side of a
     * random place is heard (speech_gain). */
    float mix_noise, mix_speech;
    syl_range noise_gain, speech_gain;
    /* Noise of some colour (white, low-passed, pink, brown), and a babble of a few other
     * recordings, each with a probability and at a signal-to-noise ratio in dB. */
    float coloured_noise, babble;
    syl_range snr_db, babble_snr_db;
    float no_speech; /* probability of a crop with nothing but noise */

    /* Changes of the voice that the target does not follow; they need targets from a file
     * (collage). Probability and range of the factor by which a recording is resampled. */
    float change_speed;
    syl_range speed;
    /* Log-mel only: a smooth random offset of the channels (standard deviation; 0: none), and a
     * factor by which the channels are moved up or down (1 to 1: none). */
    float equalise;
    syl_range warp;
} syl_example_options;

typedef struct syl_example_source {
    const syl_config *config;
    const syl_network_ops *ops;
    syl_example_options options;
    syl_utterances *speech, *noises; /* noises may be NULL */
    bool clean;                      /* the teacher needs the clean input too */
    uint64_t seed;
} syl_example_source;

typedef struct syl_example {
    float *rows, *clean_rows; /* [num_rows][cols] as the network takes it; clean_rows or NULL */
    int64_t num_rows, frames;
    int32_t (*segments)[2]; /* [num_segments] of the crop's frames */
    int num_segments, room;
    float *target; /* [frames][dim]: means of the segments, 0 outside; NULL with `clean`, where the
                      teacher gives the target */
    double seconds;
    const char *path; /* of its first recording; owned by the source */
} syl_example;

syl_status syl_example_make(const syl_example_source *source, uint64_t number, int attempt,
                            syl_example *out, syl_error *err);
void syl_example_clear(syl_example *example);

/* ---- parts, for tests ------------------------------------------------------------------------ */

/* Adds noise and other speech to audio [n] as the options say. */
syl_status syl_example_mix(const syl_example_source *source, syl_random *random, float *audio,
                           int64_t n, syl_error *err);
/* Offsets and moves the channels of rows [n][mels]. */
void syl_example_perturb_rows(const syl_example_options *options, syl_random *random, float *rows,
                              int64_t n, int mels);

float syl_range_draw(syl_range range, syl_random *random);

#endif
