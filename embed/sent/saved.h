/* Sentence models that were saved: the file, what it says of itself, and its tokenizer. */
#ifndef SYL_EMBED_SENT_SAVED_H
#define SYL_EMBED_SENT_SAVED_H

#include "embed/sent/config.h"
#include "lib/io/safetensors.h"

typedef struct syl_sent_saved {
    syl_safetensors *file;
    syl_sent_config config;
    syl_sent_tokenizer *tokenizer; /* the caller's to free, and to set to NULL where it is kept */
} syl_sent_saved;

/* Opens a file, or the best.safetensors, else the model.safetensors of a folder. */
syl_status syl_sent_saved_open(syl_sent_saved *out, const char *path, syl_error *err);
void syl_sent_saved_close(syl_sent_saved *saved); /* a struct of zeros is closed */

#endif
