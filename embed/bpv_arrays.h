/* Codes, vectors and names of documents in files, for the subcommands. */
#ifndef SYL_EMBED_BPV_ARRAYS_H
#define SYL_EMBED_BPV_ARRAYS_H

#include <jansson.h>

#include "lib/base/status.h"

/* Names of documents, a line each in a file. */
typedef struct syl_names {
    int64_t count;
    char **items; /* [count] */
    size_t room;
} syl_names;

syl_status syl_names_add(syl_names *names, const char *name, syl_error *err);
/* Appends the lines of the file. */
syl_status syl_names_read(syl_names *names, const char *path, syl_error *err);
/* The first `count`. A name with a line break, which a line cannot hold, is SYL_EINVAL. */
syl_status syl_names_write(const syl_names *names, const char *path, syl_error *err);
void syl_names_free(syl_names *names);

/* Documents as arrays. */
typedef struct syl_arrays {
    int64_t count;
    int bits;       /* 0: no codes */
    uint8_t *codes; /* [count][(bits + 7) / 8] */
    size_t codes_room;
    int dim;        /* 0: no vectors */
    float *vectors; /* [count][dim] */
    size_t vectors_room;
    syl_names names; /* of all documents, or of none */
} syl_arrays;

/* Reads those of the .npy files that are not NULL, which must be of as many documents. bits: of the
 * codes, 0: eight times the bytes of one. */
syl_status syl_arrays_read(syl_arrays *arrays, const char *codes, int bits, const char *vectors,
                           syl_error *err);
/* Appends n documents; the arrays that there are grow. */
syl_status syl_arrays_add(syl_arrays *arrays, const uint8_t *codes, const float *vectors, int64_t n,
                          syl_error *err);
void syl_arrays_free(syl_arrays *arrays);

/* Writes arrays of their own as .npy. */
syl_status syl_codes_write(const char *path, const uint8_t *codes, int64_t count, int bits,
                           syl_error *err);
syl_status syl_vectors_write(const char *path, const float *vectors, int64_t count, int dim,
                             syl_error *err);

/* The bytes of a code as hexadecimal digits; NULL: no memory. */
json_t *syl_code_json(const uint8_t *code, int bits);
json_t *syl_vector_json(const float *vector, int dim);
/* A name as UTF-8. */
json_t *syl_name_json(const char *name);
/* Prints the object on a line of standard output, which is flushed, and gives it up. SYL_ECANCELLED
 * when nobody reads any more: that is told at the end of the program (lib/cli/options.h). */
syl_status syl_print_json(json_t *object, syl_error *err);

#endif
