/* A picture of a stretch of speech: waveform, spectrogram, syllables with their tokens. */
#ifndef SYL_SYLBER_PLOT_H
#define SYL_SYLBER_PLOT_H

#include "lib/base/status.h"

typedef struct syl_picture {
    const char *title;
    const float *samples; /* [num_samples], one channel */
    size_t num_samples;
    int sample_rate;
    double start;                /* time of the first sample, s */
    const float *spectrogram;    /* [columns][bands], columns evenly over the samples */
    size_t columns, bands;       /* band 0 is the lowest */
    const char *band_name;       /* what the vertical axis shows, "log-mel" */
    const syl_segment *segments; /* in time order; those outside are left out */
    size_t num_segments;
    int width, height; /* pixels (points for SVG) */
} syl_picture;

/* PNG or SVG, by the ending of path; appears only when complete. SYL_EUNSUPPORTED when this
 * build is without cairo. */
syl_status syl_plot_write(const syl_picture *picture, const char *path, syl_error *err);

#endif
