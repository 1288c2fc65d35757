/* How near a stream comes to the whole recording at once, and how late it is. */
#ifndef SYL_SYLBER_STREAM_EVAL_H
#define SYL_SYLBER_STREAM_EVAL_H

#include "sylber/boundaries.h"

/* Numbers to take quantiles of; freed with free(values). */
typedef struct syl_sample {
    double *values;
    size_t count, capacity;
} syl_sample;

/* The value below which the part p of them lies (the nearest rank); NaN when there is none. */
double syl_sample_quantile(syl_sample *sample, double p);

/* Sums over recordings. */
typedef struct syl_stream_score {
    double seconds;                            /* of sound */
    double compute_seconds;                    /* of the clock, for the stream */
    syl_sample cosine;                         /* of each frame, where both are voiced or not */
    int64_t frames, voiced_same;               /* voiced_same: both under or over the threshold */
    int64_t ref_segments, hyp_segments, exact; /* exact: start and end are those of the whole */
    int64_t same_token;                        /* of the exact ones */
    syl_boundaries *ref, *hyp;                 /* [recordings] */
    size_t recordings, ref_capacity, hyp_capacity;
    int64_t provisional, revised; /* revised: the next segment did not have its end */
    /* Seconds of sound from a syllable's end to its final event, for those that came before the
     * stream's end; `ahead` until the encoder knew its last frame, `lag` from there on; `first`:
     * the first syllable of each stream, all. */
    syl_sample total, ahead, lag, first;
} syl_stream_score;

/* Adds one recording: samples [n] at options->sample_rate, one channel, fed in pieces of
 * feed_seconds, against syl_tokenize without hop_seconds. */
syl_status syl_stream_score_add(syl_stream_score *score, const syl_model *model,
                                const syl_stream_options *options, double feed_seconds,
                                const float *samples, size_t n, syl_error *err);
void syl_stream_score_free(syl_stream_score *score);

#endif
