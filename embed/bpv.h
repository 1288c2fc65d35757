/* A model of paragraph vectors: what training leaves and inference reads (public: lib/sylkit.h).
 * All after creation read-only. */
#ifndef SYL_EMBED_BPV_H
#define SYL_EMBED_BPV_H

#include "lib/compute/paragraph.h"
#include "lib/io/sampler.h"
#include "lib/io/text_words.h"
#include "lib/io/vocabulary.h"

/* What a model is, and how it was made as far as inference is concerned. */
typedef struct syl_bpv_shape {
    syl_bpv_kind kind;
    int bits, dim, context;
    bool sign; /* codes of -1 and 1 */
    syl_sampled_loss loss;
    int chunk, negatives; /* items, and negatives that they share */
    double negatives_weight;
    double power;       /* of counts, which negatives are drawn by */
    double spread;      /* documents begin evenly in (-spread, spread) */
    double accumulator; /* AdaGrad's squares begin with it */
    syl_bpv_infer_options infer;
} syl_bpv_shape;

struct syl_bpv {
    syl_bpv_shape shape;
    syl_text_options text; /* how its documents were made items */
    syl_vocabulary *vocabulary;
    syl_sampler sampler;
    /* Rows padded as lib/compute/paragraph.h says. */
    float *output;     /* [items][(1 + context) padded(bits)] */
    float *bias;       /* [items] */
    float *words;      /* [items][padded(bits)], or NULL */
    float *projection; /* [bits][padded(dim)], or NULL */
    float *offset;     /* [padded(bits)], or NULL */
    int64_t num_documents;
    float *documents; /* [num_documents][padded(dim)], or NULL */
    char **names;     /* [num_documents], or NULL */
};

static inline bool syl_bpv_is_binary(syl_bpv_kind kind)
{
    return kind != SYL_BPV_DBOW && kind != SYL_BPV_DM;
}

static inline bool syl_bpv_has_context(syl_bpv_kind kind)
{
    return kind == SYL_BPV_DM || kind == SYL_BPV_BINARY_DM;
}

/* "dbow", "dm", "binary-dbow", "binary-dm", "real-binary", NULL. */
extern const char *const syl_bpv_kind_names[];

#define SYL_BPV_MOST_BITS 4096
#define SYL_BPV_MOST_DIM 4096

/* SYL_EINVAL with what is out of range. */
syl_status syl_bpv_check_shape(const syl_bpv_shape *shape, syl_error *err);
/* Arrays of the shape, all zero; `vocabulary` and what is in `text` become the model's own, also
 * when it fails. With num_documents 0: without documents. */
syl_status syl_bpv_create(syl_bpv **out, const syl_bpv_shape *shape, const syl_text_options *text,
                          syl_vocabulary *vocabulary, int64_t num_documents, syl_error *err);
/* The model's part of an operation's arguments, with the host's arrays. */
syl_paragraph_model syl_bpv_paragraph(const syl_bpv *model);

/* One safetensors file; `with_documents`: with the training set's vectors and names. */
syl_status syl_bpv_save(const syl_bpv *model, const char *path, bool with_documents,
                        syl_error *err);
/* From memory that outlives the call; `name` stands for the path. */
syl_status syl_bpv_parse(syl_bpv **out, const void *data, size_t size, const char *name,
                         syl_error *err);

/* Codes of vectors [count][padded(dim)], as syl_bpv_infer gives them. */
void syl_bpv_codes(const syl_bpv *model, const float *vectors, int64_t count, uint8_t *codes);

#endif
