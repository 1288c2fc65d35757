/* The adapters of a run as peft's files (huggingface.co/docs/peft), for a base of Hugging Face's.
 */
#ifndef SYL_TRAIN_SENT_ADAPTER_H
#define SYL_TRAIN_SENT_ADAPTER_H

#include "train/sent/model.h"

/* Writes NAME-adapter/adapter_model.safetensors and adapter_config.json for a model that is saved
 * as NAME.safetensors; base: the folder that the model began as. */
syl_status syl_sent_adapter_save(const syl_sent_model *model, const char *path, const char *base,
                                 syl_error *err);

#endif
