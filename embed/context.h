/* The text around a word, as ids of a model's vocabulary. */
#ifndef SYL_EMBED_CONTEXT_H
#define SYL_EMBED_CONTEXT_H

#include "embed/dsg_model.h"
#include "lib/io/lines.h"

/* Prepares texts as the model's corpus was, but drops no short line or sentence, and makes no
 * bigrams. For one thread; the model must outlive it. */
typedef struct syl_context syl_context;

syl_status syl_context_create(syl_context **out, const syl_dsg_model *model, syl_error *err);
void syl_context_free(syl_context *context);

typedef struct syl_context_ids {
    const int32_t *ids; /* [count] left, then right; valid until the next call */
    size_t count, left; /* of them to the left of the word */
} syl_context_ids;

/* UTF-8; what the vocabulary lacks is left out or UNKNOWN, as in training. window > 0: only so many
 * words to either side, those next to the word. */
syl_status syl_context_encode(syl_context *context, syl_span left, syl_span right, int window,
                              syl_context_ids *out, syl_error *err);

#endif
