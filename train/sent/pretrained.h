/* Language models of others to begin with: a folder as Hugging Face has it, with config.json,
 * model.safetensors and tokenizer.json, or vocab.json and merges.txt (byte-level BPE). */
#ifndef SYL_TRAIN_SENT_PRETRAINED_H
#define SYL_TRAIN_SENT_PRETRAINED_H

#include "embed/sent/saved.h"

/* Whether the path is such a folder. */
bool syl_sent_is_pretrained(const char *path);

/* Opens it as if it were of stage cot; its tensors stand under no prefix. Closed by
 * syl_sent_saved_close. */
syl_status syl_sent_pretrained_open(syl_sent_saved *out, const char *folder, syl_error *err);

/* Puts the files of a model's tokenizer into the folder of another model; nothing for a tokenizer
 * that has none. */
syl_status syl_sent_copy_tokenizer(const syl_sent_saved *from, const char *folder, syl_error *err);

#endif
