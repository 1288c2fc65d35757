/* GGUF, the one-file format of language models, version 2 and 3, little endian: metadata by key,
 * then tensors in blocks of few bits. Read by mmap, every length checked against the file.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * Limits: 100,000 keys and as many tensors, names of 65,535 bytes, arrays of arrays 4 deep
 * (checked, but not handed out), 4 dimensions. A file that is open is constant: any number of
 * threads may read it. */
#ifndef SYL_IO_GGUF_H
#define SYL_IO_GGUF_H

#include <stdbool.h>

#include "lib/base/file.h"
#include "lib/io/lines.h"

/* The types whose values can be had, by their numbers in the file. */
typedef enum syl_gguf_type {
    SYL_GGUF_F32 = 0,
    SYL_GGUF_F16 = 1,
    SYL_GGUF_Q4_0 = 2,  /* 32 values: f16 d, 16 bytes; d * (nibble - 8), low nibbles first */
    SYL_GGUF_Q4_1 = 3,  /* 32 values: f16 d, f16 m, 16 bytes; d * nibble + m */
    SYL_GGUF_Q8_0 = 8,  /* 32 values: f16 d, 32 int8; d * integer */
    SYL_GGUF_Q4_K = 12, /* 256 values: f16 d, f16 m, 8 scales and minima of 6 bits, 128 bytes */
    SYL_GGUF_Q6_K = 14, /* 256 values: 128 + 64 bytes, 16 scales of 8 bits, f16 d */
    SYL_GGUF_BF16 = 30
} syl_gguf_type;

typedef struct syl_gguf_tensor {
    const char *name; /* owned by the file */
    uint32_t type;    /* a syl_gguf_type, or a number that is none of them */
    int ndim;
    int64_t shape[4];    /* slowest dimension first (the file has them the other way round) */
    int64_t rows, cols;  /* cols: the last dimension; rows: the product of the others */
    size_t row_bytes;    /* 0 where the type is unknown */
    const uint8_t *data; /* [rows][row_bytes] in the map; NULL where the type is unknown. Aligned to
                            general.alignment, at least 8 bytes, in a file that was opened */
} syl_gguf_tensor;

typedef struct syl_gguf syl_gguf;

syl_status syl_gguf_open(syl_gguf **out, const char *path, syl_error *err);
/* The same over memory that outlives the object; `name` stands in for the path. */
syl_status syl_gguf_parse(syl_gguf **out, const void *data, size_t size, const char *name,
                          syl_error *err);
void syl_gguf_free(syl_gguf *file);
const char *syl_gguf_path(const syl_gguf *file);

/* ---- metadata. A key that is missing or of another kind is an error that names it --------------
 */

bool syl_gguf_has(const syl_gguf *file, const char *key);
/* An integer of any width, within [low, high]. */
syl_status syl_gguf_get_int(const syl_gguf *file, const char *key, int64_t low, int64_t high,
                            int64_t *out, syl_error *err);
/* A float of either width, or an integer; finite. */
syl_status syl_gguf_get_number(const syl_gguf *file, const char *key, double *out, syl_error *err);
syl_status syl_gguf_get_bool(const syl_gguf *file, const char *key, bool *out, syl_error *err);
/* NUL-terminated, owned by the file; a NUL inside is an error. */
syl_status syl_gguf_get_string(const syl_gguf *file, const char *key, const char **out,
                               syl_error *err);

/* Arrays; *out [*count] is freed by the caller. Strings lie in the map. */
syl_status syl_gguf_get_strings(const syl_gguf *file, const char *key, syl_span **out,
                                size_t *count, syl_error *err);
syl_status syl_gguf_get_ints(const syl_gguf *file, const char *key, int64_t **out, size_t *count,
                             syl_error *err); /* integers and bools */
syl_status syl_gguf_get_floats(const syl_gguf *file, const char *key, float **out, size_t *count,
                               syl_error *err);

/* ---- tensors -----------------------------------------------------------------------------------
 */

size_t syl_gguf_count(const syl_gguf *file);
const syl_gguf_tensor *syl_gguf_at(const syl_gguf *file, size_t i);           /* by name */
const syl_gguf_tensor *syl_gguf_find(const syl_gguf *file, const char *name); /* or NULL */

/* "Q4_1"; "unknown" for a number that the format did not have when this was written. */
const char *syl_gguf_type_name(uint32_t type);
/* Values and bytes of a block; false: the type is unknown. */
bool syl_gguf_type_block(uint32_t type, int *values, int *bytes);
/* SYL_OK when syl_gguf_rows can read the tensor, else a message that names file, tensor and type.
 */
syl_status syl_gguf_check(const syl_gguf *file, const syl_gguf_tensor *tensor, syl_error *err);
/* Rows [first, first + n) as float32 [n][cols], equal to the bit to what the Python package gguf
 * gives. SYL_EINVAL where there are no such rows. */
syl_status syl_gguf_rows(const syl_gguf *file, const syl_gguf_tensor *tensor, int64_t first,
                         int64_t n, float *dst, syl_error *err);
/* cols values of one row of a type that syl_gguf_check allowed: nothing is checked. */
void syl_gguf_row(uint32_t type, const uint8_t *row, int64_t cols, float *dst);

#endif
