/* The decoder of a sentence model as a language model by itself. */
#ifndef SYL_EMBED_SENT_DECODER_H
#define SYL_EMBED_SENT_DECODER_H

#include "embed/lm/lm.h"

/* Whether the path looks like a sentence model's: a file NAME.safetensors, or a folder with a
 * model.safetensors but no config.json. */
bool syl_sent_is_saved(const char *path);

/* As syl_lm_open_path; the model's tokenizer must be byte-level BPE. */
syl_status syl_sent_decoder_open(syl_lm **lm, syl_bpe **bpe, const char *path,
                                 const syl_lm_open_options *options, syl_error *err);

#endif
