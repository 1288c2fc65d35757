/* Steps of paragraph vectors (Le and Mikolov 2014) and of their binary kin (Grzegorczyk and
 * Kurdziel 2017): whole batches of documents' chunks at a time, so that little is waited for.
 *
 * A chunk is some items (the targets) of one document. With e the document's vector, and for
 * PV-DM c_1 ... c_n the vectors of a target's context words,
 *     z = e, or P e + offset;    u = [z | c_1 | ... | c_n];    h = f(u), masked by dropout;
 *     logit of item w = output[w] . h + bias[w].
 * f is the identity, [u > 0] (the code; Krizhevsky's backward: as if it were the sigmoid) or the
 * sigmoid. A target is weighed against the chunk's negatives, which its targets share: sampled
 * softmax (Jean et al. 2015), each logit less the log of how often its item is expected among the
 * negatives, or negative sampling (Mikolov et al. 2013).
 *
 * All gradients of a batch are those at its beginning; a row that it has several of gets their sum
 * and one step of AdaGrad (Duchi et al. 2011): q += g^2, x -= lr g / sqrt(q). Results do not depend
 * on the number of threads. */
#ifndef SYL_COMPUTE_PARAGRAPH_H
#define SYL_COMPUTE_PARAGRAPH_H

#include "lib/compute/compute.h"
#include "lib/io/sampler.h"

typedef enum syl_code_function {
    SYL_CODE_LINEAR, /* h = u */
    SYL_CODE_ROUND,  /* h = [u > 0]; slope of the sigmoid */
    SYL_CODE_SIGMOID /* h = sigmoid(u) */
} syl_code_function;

typedef enum syl_sampled_loss { SYL_SAMPLED_SOFTMAX, SYL_NEGATIVE_SAMPLING } syl_sampled_loss;

/* Values that are learnt, and AdaGrad's sums of their squared gradients. */
typedef struct syl_learnt {
    float *value, *square;
} syl_learnt;

/* Vectors stand in rows of whole pieces of 16 floats; what is beyond their length is zero (in
 * `square`: positive). */
static inline int64_t syl_paragraph_padded(int64_t length)
{
    return (length + 15) / 16 * 16;
}

/* A row of `output` has a part for the code, then one for each word of context. All arrays are the
 * device's. */
typedef struct syl_paragraph_model {
    int code;    /* length of z, and of a context word's vector */
    int dim;     /* of a document's vector: `code` where there is no projection */
    int context; /* words of context; 0: PV-DBOW */
    syl_code_function function;
    bool sign;     /* codes of -1 and 1: h = 2 f(u) - 1 */
    float dropout; /* of the elements of h; what is left is scaled by 1 / (1 - dropout) in LINEAR */
    syl_sampled_loss loss;
    int negatives;          /* of a chunk */
    float negatives_weight; /* of NEGATIVE_SAMPLING: negatives that count for each target */
    float lr;
    uint64_t seed;         /* of dropout, and of the negatives of syl_paragraph_infer */
    syl_learnt documents;  /* [][padded(dim)] */
    syl_learnt output;     /* [items][(1 + context) padded(code)] */
    syl_learnt bias;       /* [items] */
    syl_learnt words;      /* [items][padded(code)]; NULL without context */
    syl_learnt projection; /* [code][padded(dim)], or NULL */
    syl_learnt offset;     /* [padded(code)], or NULL */
    const float *log_q;    /* [items]: log of the chance of an item at one draw */
} syl_paragraph_model;

/* Which entries name a row, of all rows that are named at all; entries of a row in order. */
typedef struct syl_row_groups {
    int32_t count;
    const int32_t *row;   /* [count], all different */
    const int32_t *begin; /* [count + 1] */
    const int32_t *entry; /* [begin[count]] */
} syl_row_groups;

/* All arrays are the host's. */
typedef struct syl_paragraph_batch {
    int32_t chunks;
    const int32_t *document; /* [chunks]: rows of documents */
    const int32_t *begin;    /* [chunks + 1]: their targets */
    const int32_t *target;   /* [targets] */
    const int32_t *negative; /* [chunks][negatives] */
    const int32_t *around;   /* [targets][context]: items, -1: none; NULL without context */
    const uint64_t *stream;  /* [chunks]: names the chunk's numbers for dropout */
    /* What updates each row. Entries of `output`: target t has number t, negative i of chunk c
     * number targets + c negatives + i. Of `documents`: the chunk. Of `words`: the place in
     * `around`. */
    syl_row_groups of_output, of_documents, of_words;
} syl_paragraph_batch;

/* The most targets of a chunk, and negatives. */
#define SYL_PARAGRAPH_MOST_TARGETS 512
#define SYL_PARAGRAPH_MOST_NEGATIVES 512
#define SYL_PARAGRAPH_MOST_CONTEXT 16

/* A chunk's numbers are Philox blocks of its stream: dropout from its position on, eight elements
 * of h a block (16 bits each), and its negatives from SYL_PARAGRAPH_NEGATIVES after that, two a
 * block. A chunk of training has position 0. */
#define SYL_PARAGRAPH_NEGATIVES ((uint64_t)1 << 16)
#define SYL_PARAGRAPH_NUMBERS ((uint64_t)1 << 17)

/* Documents whose vectors are sought, with all else as it is. */
typedef struct syl_paragraph_inference {
    int32_t count;        /* documents; rows of the model's `documents`, which hold beginnings */
    const int64_t *begin; /* [count + 1], the host's */
    const int32_t *items; /* the host's */
    const uint64_t *key;  /* [count], the host's: names the numbers of a document */
    int passes, chunk;    /* over the items; targets of a step */
    const syl_alias
        *columns; /* [num_columns], the device's: those of a syl_sampler, for the negatives */
    int64_t num_columns;
} syl_paragraph_inference;

/* The batches one after the other. loss (the host's) receives each chunk's sum over its targets,
 * before its batch's update; chunks of all batches in a row. */
syl_status syl_paragraph_steps(syl_ctx *ctx, const syl_paragraph_model *model,
                               const syl_paragraph_batch *batches, int count, float *loss,
                               syl_error *err);

/* Each document's steps follow one another; documents know nothing of one another. Only the
 * model's `documents` change. Step n of a
 * document has its key as the stream and position n SYL_PARAGRAPH_NUMBERS. */
syl_status syl_paragraph_infer(syl_ctx *ctx, const syl_paragraph_model *model,
                               const syl_paragraph_inference *documents, syl_error *err);

#endif
