/* A trained Disambiguated Skip-gram: K vectors for each word of a vocabulary, what they predict,
 * and the network that chooses among them. V words, K senses a word, D dimensions.
 *
 * On the disk one safetensors file: tensors sense_vectors [V K][D], output_vectors [V][D],
 * output_bias [V], priors [V][K], optionally disambiguation [V][D][K] and disambiguation_bias
 * [V][K], and vocabulary (bytes: a line ITEM<TAB>COUNT for each id); metadata "format"
 * (SYL_DSG_FORMAT), "text" (how the corpus was prepared, JSON) and "training" (the trainer's
 * options, JSON). */
#ifndef SYL_EMBED_DSG_MODEL_H
#define SYL_EMBED_DSG_MODEL_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/io/text_words.h"
#include "lib/io/vocabulary.h"

#define SYL_DSG_FORMAT "sylkit-dsg-1"
#define SYL_DSG_MAX_SENSES 256
#define SYL_DSG_MAX_DIM 65536

/* Whoever made it may fill the arrays; afterwards it is read-only and may be shared by threads. */
typedef struct syl_dsg_model {
    syl_vocabulary *vocabulary; /* of V words, owned */
    syl_text_options text;      /* how texts become words, owned */
    int64_t words;              /* V */
    int senses, dim;            /* K, D */
    int32_t unknown;            /* id of the word UNKNOWN where texts have it; -1: none */
    float *sense_vectors;       /* E [V K][D], sense k of word w is row w K + k */
    float *output_vectors;      /* O [V][D], which embed contexts too */
    float *output_bias;         /* ob [V] */
    float *network;             /* A [V][D][K], NULL: none */
    float *network_bias;        /* a0 [V][K], NULL: none */
    float *priors;              /* [V][K], each row sums to 1 */
    json_t *training;           /* an object for the model's file; NULL: none */
} syl_dsg_model;

/* All arrays are zero but the priors, which are 1/K. Takes over the vocabulary, also on failure;
 * copies `text`. */
syl_status syl_dsg_model_create(syl_dsg_model **out, syl_vocabulary *vocabulary,
                                const syl_text_options *text, int senses, int dim, bool network,
                                syl_error *err);
/* The arrays of a model, made by syl_calloc. */
typedef struct syl_dsg_arrays {
    float *sense_vectors, *output_vectors, *output_bias, *priors;
    float *network, *network_bias; /* both or neither */
} syl_dsg_arrays;
/* The same with arrays that are there already, in the shapes of the struct above: takes them over,
 * also on failure, as the vocabulary. */
syl_status syl_dsg_model_adopt(syl_dsg_model **out, syl_vocabulary *vocabulary,
                               const syl_text_options *text, int senses, int dim,
                               const syl_dsg_arrays *arrays, syl_error *err);
void syl_dsg_model_free(syl_dsg_model *model);

/* Bytes of the arrays of a model of this size; SIZE_MAX when it cannot be. */
size_t syl_dsg_model_bytes(int64_t words, int senses, int dim, bool network);

/* The file is complete or not there. */
syl_status syl_dsg_model_save(const syl_dsg_model *model, const char *path, syl_error *err);
/* Refuses shapes that do not fit each other or the vocabulary, values that are not finite, and
 * priors that are not distributions (SYL_EFORMAT). */
syl_status syl_dsg_model_load(syl_dsg_model **out, const char *path, syl_error *err);
/* The same from memory, which may go away afterwards; `name` stands in for the path. */
syl_status syl_dsg_model_parse(syl_dsg_model **out, const void *data, size_t size, const char *name,
                               syl_error *err);

static inline const float *syl_dsg_sense_vector(const syl_dsg_model *m, int32_t word, int sense)
{
    return m->sense_vectors + ((size_t)word * (size_t)m->senses + (size_t)sense) * (size_t)m->dim;
}

/* A word's id as it is written or, where the vocabulary lacks that, in lower case (ASCII); -1:
 * neither is there. */
int32_t syl_dsg_find_word(const syl_dsg_model *model, const char *word, size_t length);

#endif
