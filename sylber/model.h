/* Inside of a model: an encoder and its codebooks. */
#ifndef SYL_SYLBER_MODEL_H
#define SYL_SYLBER_MODEL_H

#include "sylber/encoder.h"
#include "sylber/tokenizer.h"

struct syl_model {
    syl_config config;
    syl_encoder *encoder;
    syl_codebook *codebook, *residual; /* NULL: none */
    syl_precision precision;
    syl_device *device; /* NULL: the CPU */
    int64_t parameters;
};

/* The metadata key that holds our configuration. */
#define SYL_CONFIG_KEY "sylkit.config"

/* Opens the weights and finds the configuration: in the file itself, in config.json of a folder,
 * or in config_path when that is not NULL. */
syl_status syl_model_open(const char *path, const char *config_path, syl_safetensors **file,
                          syl_config *config, syl_error *err);

/* What stands before "feature_projection.projection.weight" and the like in the file's names. */
const char *syl_model_prefix(const syl_safetensors *file, const syl_config *config);

/* A model out of an open file. */
syl_status syl_model_build(syl_model **out, const syl_safetensors *file, const syl_config *config,
                           const syl_model_options *options, syl_error *err);

#endif
