/* Inference of language models: GPT-2 and Llama, out of safetensors with Hugging Face's names or
 * out of GGUF, with a cache of keys and values.
 *
 *   syl_lm *lm;                                             a model, shared by threads
 *   syl_lm_cache *cache;                                    a conversation
 *   syl_lm_open_file(&lm, "model.gguf", &options, device, &err);
 *   syl_lm_cache_create(&cache, lm, 1024, &err);            room for 1024 positions
 *   syl_ctx_mat(ctx, SYL_F32, n, dim, &x, &err);
 *   syl_lm_embed(ctx, lm, ids, x, &err);                    ids -> vectors
 *   syl_lm_forward(ctx, lm, cache, x, hidden, NULL, &err);  hidden: the last row or all
 *   syl_lm_logits(ctx, lm, hidden, logits, &err);
 *   syl_lm_sample(sampler, logits_on_the_host, &id, &err);
 *
 * Matrices are float32 of the context's device; ids are the host's. What a context computes is
 * counted in syl_ctx_flops (compute.h). */
#ifndef SYL_EMBED_LM_LM_H
#define SYL_EMBED_LM_LM_H

#include "embed/lm/bpe.h"
#include "embed/lm/shape.h"
#include "lib/compute/training.h"
#include "lib/io/gguf.h"

/* ---- models ------------------------------------------------------------------------------ */

/* Weights on a device; not changed after it is opened, so threads share it, each with contexts and
 * caches of its own. */
typedef struct syl_lm syl_lm;

/* Tensors `prefix`NAME of the file, NAME as Hugging Face has it: GPT-2 "wte.weight",
 * "h.0.attn.c_attn.weight" [in][out], ... (with or without "transformer." before all), Llama
 * "model.embed_tokens.weight", ...; "lm_head.weight" where the shape is not tied. Products are
 * computed in `dtype` (SYL_F32 or SYL_BF16). The file may be closed afterwards, the device must
 * stay. */
syl_status syl_lm_open(syl_lm **out, const syl_safetensors *file, const char *prefix,
                       const syl_lm_shape *shape, syl_dtype dtype, syl_device *device,
                       syl_error *err);
/* Out of GGUF, of the architectures "gpt2" and "llama". keep_blocks: on the CPU, weights of Q4_0,
 * Q4_1 and Q8_0 stay as they are and are multiplied by what syl_weight_blocks says of them; all
 * others, and all on another device, become `dtype`. */
syl_status syl_lm_open_gguf(syl_lm **out, const syl_gguf *file, bool keep_blocks, syl_dtype dtype,
                            syl_device *device, syl_error *err);
typedef struct syl_lm_open_options {
    bool keep_blocks;   /* as of syl_lm_open_gguf */
    syl_dtype dtype;    /* SYL_F32 or SYL_BF16 */
    syl_device *device; /* NULL: the CPU */
} syl_lm_open_options;

/* By its path: a GGUF file, or a folder with config.json, model.safetensors (or the index of its
 * parts) and tokenizer.json (or what else syl_bpe_load finds there). bpe: its vocabulary, or NULL
 * where it is not wanted. Both are the caller's to free. */
syl_status syl_lm_open_path(syl_lm **lm, syl_bpe **bpe, const char *path,
                            const syl_lm_open_options *options, syl_error *err);
void syl_lm_free(syl_lm *lm);
const syl_lm_shape *syl_lm_shape_of(const syl_lm *lm);
/* Whether it multiplies by blocks of few bits: passes of few rows are the fastest then. */
bool syl_lm_has_blocks(const syl_lm *lm);

/* ---- caches ------------------------------------------------------------------------------ */

/* Keys and values of the positions that a conversation has had, on the model's device. Used by one
 * thread at a time; freed before its model. */
typedef struct syl_lm_cache syl_lm_cache;

/* Room for `capacity` positions, at most the model's context (0: as many). */
syl_status syl_lm_cache_create(syl_lm_cache **out, const syl_lm *lm, int64_t capacity,
                               syl_error *err);
void syl_lm_cache_free(syl_lm_cache *cache);
int64_t syl_lm_cache_length(const syl_lm_cache *cache);
int64_t syl_lm_cache_capacity(const syl_lm_cache *cache);
/* What its passes have cost so far, as syl_ctx_flops counts; of those it shared, its own part. */
double syl_lm_cache_flops(const syl_lm_cache *cache);
void syl_lm_cache_clear(syl_lm_cache *cache);
/* Forgets the positions from `length` on; a length beyond what is there changes nothing. */
void syl_lm_cache_truncate(syl_lm_cache *cache, int64_t length);

/* ---- computation ------------------------------------------------------------------------- */

/* x [n][dim] = the embeddings of ids [n], without positions. An id outside the vocabulary is an
 * error. */
syl_status syl_lm_embed(syl_ctx *ctx, const syl_lm *lm, const int32_t *ids, syl_mat x,
                        syl_error *err);

/* The next n positions of a conversation: x [n][dim] are vectors without positions, from
 * syl_lm_embed or from anywhere; each sees those before it. hidden [m][dim], m <= n (0: none):
 * the last m rows after the final norm. residuals: NULL, or a matrix [n][dim] for each layer that
 * receives the stream behind it (without the final norm); one with data NULL is left out. An
 * error leaves the cache at its length. */
syl_status syl_lm_forward(syl_ctx *ctx, const syl_lm *lm, syl_lm_cache *cache, syl_mat x,
                          syl_mat hidden, const syl_mat *residuals, syl_error *err);

/* Several conversations in one pass: rows begin[i] to begin[i + 1] of x are the next positions of
 * caches[i], all of them different. hidden (rows 0: none) has a row for each of x, or one for each
 * conversation: its last. Results do not depend on what else is in the batch but for the rounding
 * of products. */
syl_status syl_lm_forward_batch(syl_ctx *ctx, const syl_lm *lm, syl_lm_cache *const *caches,
                                syl_ragged sequences, syl_mat x, syl_mat hidden,
                                const syl_mat *residuals, syl_error *err);

/* The final norm of any rows of the residual stream: y [n][dim]; y may be x. */
syl_status syl_lm_final_norm(syl_ctx *ctx, const syl_lm *lm, syl_mat x, syl_mat y, syl_error *err);

/* logits [n][vocab] of hidden [n][dim]. */
syl_status syl_lm_logits(syl_ctx *ctx, const syl_lm *lm, syl_mat hidden, syl_mat logits,
                         syl_error *err);

/* ---- choosing the next token ------------------------------------------------------------- */

typedef struct syl_lm_sampling {
    double temperature; /* of the softmax; 0: the most probable token (default) */
    int top_k;          /* among the k most probable; 0: all (default) */
    double top_p;       /* among the fewest whose probability reaches p (Holtzman et al. 2020);
                           1: all (default) */
    uint64_t seed;      /* default 1 */
} syl_lm_sampling;

syl_lm_sampling syl_lm_sampling_defaults(void);

/* The n-th token it chooses follows from the seed, n and the logits alone. */
typedef struct syl_lm_sampler syl_lm_sampler;
syl_status syl_lm_sampler_create(syl_lm_sampler **out, const syl_lm_sampling *options, int vocab,
                                 syl_error *err);
void syl_lm_sampler_free(syl_lm_sampler *sampler);
/* logits [vocab] (the host's). Of equal ones the first counts as the more probable. Logits that
 * are not finite are an error; -infinity is a token that cannot be. */
syl_status syl_lm_sample(syl_lm_sampler *sampler, const float *logits, int32_t *id, syl_error *err);

#endif
