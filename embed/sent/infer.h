/* How a sentence model answers a question (arXiv 2505.22202, section 3.4). */
#ifndef SYL_EMBED_SENT_INFER_H
#define SYL_EMBED_SENT_INFER_H

#include "embed/sent/answer.h"
#include "embed/sent/flops.h"
#include "embed/sent/noise.h"
#include "embed/sent/worker.h"

typedef struct syl_infer_options {
    syl_regime regime;   /* SYL_REGIME_AUTO: what the model's stage was trained for; a latent model
                            runs continuously (default) */
    syl_stop_rule stop;  /* of chains of latents (decoder) */
    int max_sentences;   /* of a chain; SYL_STOP_FIXED: that many latents, always (20) */
    int max_tokens;      /* of a sentence (100) */
    int latent_norm;     /* a syl_latent_norm in place of the model's, or -1 (-1) */
    double latent_scale; /* in place of the model's, or 0 (0) */
    syl_noise noise;     /* (none) */
    bool verbalise; /* decode all latents, of which the answer's alone is needed (false). It is not
                       part of the counts and the time */
} syl_infer_options;
syl_infer_options syl_infer_defaults(void);

/* What the model said. */
typedef struct syl_inference {
    char **sentences; /* [num_sentences]: those that were decoded, the answer's last if there is
                         one; UTF-8 */
    int num_sentences;
    syl_sent_score score; /* stage sem: right means all sentences, and their number is below */
    int restored;         /* SYL_REGIME_RESTORE: sentences that came back as they were */
    syl_trace trace;      /* what was computed */
    int64_t calls;        /* of language models, one after the other */
    double flops;         /* counted in the products and in attention as they were made */
    double seconds;
} syl_inference;
void syl_inference_free(syl_inference *inference); /* zeros are fine */

/* Fills in what is left to the model, and refuses what it cannot do. */
syl_status syl_infer_check(const syl_reasoner *model, syl_infer_options *options, syl_error *err);

/* Answers one question by checked options; `number` of the sample chooses its noise. The sample's
 * sentences are read in SYL_REGIME_RESTORE and its answer for the score, nothing else. */
syl_status syl_infer(syl_worker *worker, const syl_infer_options *options,
                     const syl_sent_sample *sample, uint64_t number, syl_inference *out,
                     syl_error *err);

/* An output y [dim] of the latent model as it is fed back to it (checked options). */
void syl_infer_feed_back(const syl_infer_options *options, float *y, int dim);

/* Answers all samples, with one result for each: results [count]. They are shared among `threads`,
 * each of which has `batch` questions under way at a time, whose steps it makes together
 * (embed/sent/team.h). progress (or NULL) is called by any of them, one at a time, with how many
 * are done; false stops. Errors name the sample. Results do not depend on the number of threads,
 * nor on the batch but for the rounding of products; `seconds` of a question in a batch are its
 * share. */
typedef bool (*syl_infer_progress)(void *user, size_t done);
syl_status syl_infer_all(const syl_reasoner *model, const syl_infer_options *options,
                         const syl_sent_dataset *dataset, int threads, int batch,
                         syl_infer_progress progress, void *user, syl_inference *results,
                         syl_error *err);

#endif
