/* What a language model is made of; for the files of inference. */
#ifndef SYL_EMBED_LM_MODEL_H
#define SYL_EMBED_LM_MODEL_H

#include "embed/lm/lm.h"

typedef struct syl_lm_norm {
    float *gamma, *beta; /* [dim], on the device; beta NULL: an RMS norm */
} syl_lm_norm;

typedef struct syl_lm_layer {
    syl_lm_norm attention_norm, ff_norm;
    syl_weight *qkv;  /* [(heads + 2 kv_heads) head_dim][dim] */
    syl_weight *out;  /* [dim][dim] */
    syl_weight *up;   /* GPT-2 [ff][dim]; Llama [2 ff][dim]: the gate, then what it lets through */
    syl_weight *down; /* [dim][ff] */
} syl_lm_layer;

struct syl_lm {
    syl_lm_shape shape;
    syl_device *device;  /* NULL: the CPU */
    syl_lm_layer *layer; /* [layers] */
    syl_lm_norm norm;    /* the final one */
    syl_mat table;       /* [vocab][dim] embeddings, on the device; data NULL: quantised */
    uint8_t *rows;       /* of a quantised table: [vocab] rows of row_bytes, on the host */
    syl_block_kind row_kind;
    size_t row_bytes;
    bool has_blocks;   /* some weights are multiplied by as blocks */
    syl_weight *head;  /* [vocab][dim], or NULL: logits by the table */
    syl_mat positions; /* GPT-2: [context][dim] */
    double *angle;     /* Llama: [head_dim / 2], of rotary positions */
};

struct syl_lm_cache {
    const syl_lm *lm;
    int64_t capacity, length;
    double flops; /* that its passes have cost */
    float *data;  /* [layers][capacity][2][kv_heads head_dim]: a position's keys, then its values */
};

/* Columns of keys: kv_heads head_dim. */
static inline int64_t syl_lm_key_cols(const syl_lm_shape *s)
{
    return (int64_t)s->kv_heads * syl_lm_head_dim(s);
}

/* ---- loading ----------------------------------------------------------------------------- */

/* Names of tensors, without ".weight" and ".bias": those of the model, then those of a layer behind
 * "<layer>N.". Lists end with NULL. */
typedef struct syl_lm_names {
    const char *table, *positions, *norm, *head;
    const char *turns; /* divisors of the angles of rotary positions, or NULL; may be missing */
    const char *layer, *attention_norm, *qkv[4], *out, *ff_norm, *up[3], *down;
} syl_lm_names;
/* Those of Hugging Face's files. */
const syl_lm_names *syl_lm_names_of(syl_lm_kind kind);
/* What stands before those of all but the head. */
const char *syl_lm_body_of(syl_lm_kind kind);

/* Where tensors come from: a file of either format. What a function is asked for is checked against
 * the shape, and an error says which tensor is missing or wrong. */
typedef struct syl_lm_source {
    const void *file;
    const syl_lm_names *names;
    char prefix[160], head_prefix[160]; /* before the names */
    bool transposed;                    /* matrices are [in][out]: GPT-2 of Hugging Face */
    bool (*has)(const void *file, const char *name);
    /* rows * cols floats, all finite, freed by the caller; cols 0: a vector of `rows`. */
    syl_status (*values)(const void *file, const char *name, int64_t rows, int64_t cols,
                         float **out, syl_error *err);
    /* The same tensor's rows of blocks as they are in the file, or NULL where it has none that
     * syl_weight_blocks takes; the member is NULL where they are not wanted. */
    const void *(*blocks)(const void *file, const char *name, int64_t rows, int64_t cols,
                          syl_block_kind *kind);
} syl_lm_source;

/* A new model of what a source holds. */
syl_status syl_lm_load(syl_lm **out, const syl_lm_source *source, const syl_lm_shape *shape,
                       syl_dtype dtype, syl_device *device, syl_error *err);

#endif
