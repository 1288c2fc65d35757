/* What a model file says of itself: our own configuration (the metadata key "sylkit.config",
 * JSON) or Hugging Face's config.json of a HubertModel. */
#ifndef SYL_SYLBER_CONFIG_H
#define SYL_SYLBER_CONFIG_H

#include <stdbool.h>

#include <jansson.h>

#include "lib/base/status.h"

#define SYL_MAX_CONVS 16

typedef enum syl_encoder_kind { SYL_ENCODER_HUBERT, SYL_ENCODER_MEL } syl_encoder_kind;

typedef struct syl_config {
    syl_encoder_kind kind;
    int sample_rate, dim, heads, ff, layers;
    double norm_eps;
    double norm_threshold, merge_threshold;
    syl_metric metric;
    struct { /* log-mel encoder */
        int n_fft, hop, mels, left, right, out_dim;
        double log10_floor;
    } mel;
    struct { /* raw-wave encoder */
        int num_convs, conv_dim[SYL_MAX_CONVS], conv_kernel[SYL_MAX_CONVS],
            conv_stride[SYL_MAX_CONVS];
        int pos_kernel, pos_groups;
        bool conv_bias, conv_layer_norm; /* layer norm after every convolution; else one group
                                            norm after the first */
        bool pre_norm;
    } hubert;
} syl_config;

/* `name` stands in messages. Every number is checked against the limits of config.c. */
syl_status syl_config_parse(syl_config *config, const char *json, size_t size, const char *name,
                            syl_error *err);

/* Our JSON, to be stored under "sylkit.config"; freed by the caller. NULL: no memory. */
char *syl_config_write(const syl_config *config);

/* Samples between frames, and frames a second. */
int syl_config_hop(const syl_config *config);
double syl_config_frame_rate(const syl_config *config);
/* Length of the vector that a frame is given out as. */
int syl_config_dim(const syl_config *config);

syl_status syl_metric_parse(const char *text, syl_metric *out, syl_error *err);
const char *syl_metric_name(syl_metric metric);

#endif
