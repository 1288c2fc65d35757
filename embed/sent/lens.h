/* SentenceLens (arXiv 2505.22202, section 6): what a latent model has in mind, layer by layer, as
 * sentences of its decoder. */
#ifndef SYL_EMBED_SENT_LENS_H
#define SYL_EMBED_SENT_LENS_H

#include <jansson.h>
#include <stdio.h>

#include "embed/sent/infer.h"

typedef struct syl_lens_options {
    syl_infer_options infer; /* how the chain goes on: continuous; stop, norm, limits */
    bool final_norm;         /* before all layers are decoded, not the last alone (false) */
} syl_lens_options;
syl_lens_options syl_lens_defaults(void); /* at most 50 tokens a sentence, as the authors' */

typedef struct syl_lens {
    int iterations, layers;
    char **texts; /* [iterations][layers], owned, UTF-8 */
} syl_lens;
void syl_lens_free(syl_lens *lens); /* zeros are fine */

/* Runs the chain of a question with checked options; the residual stream behind each layer of its
 * last position is projected and decoded. The iteration that answers is the last. */
syl_status syl_lens_look(syl_worker *worker, const syl_lens_options *options,
                         const syl_sent_sample *sample, syl_lens *out, syl_error *err);

/* {"iteration_0": {"layer_0": "...", ...}, ...}; NULL: no memory. */
json_t *syl_lens_to_json(const syl_lens *lens);

/* A page of tables, one for each question: head, tables, foot. Failed writes are found by whoever
 * closes the stream. */
void syl_lens_page_begin(FILE *out, const char *title);
void syl_lens_page_add(FILE *out, const syl_sent_sample *sample, const syl_lens *lens);
void syl_lens_page_end(FILE *out);

#endif
