/* Inside lib/io/gguf*.c: the open file. */
#ifndef SYL_IO_GGUF_INNER_H
#define SYL_IO_GGUF_INNER_H

#include "lib/io/gguf.h"

/* Types of metadata, by their numbers in the file. */
enum {
    V_U8,
    V_I8,
    V_U16,
    V_I16,
    V_U32,
    V_I32,
    V_F32,
    V_BOOL,
    V_STRING,
    V_ARRAY,
    V_U64,
    V_I64,
    V_F64,
    V_TYPES
};
extern const uint8_t syl_gguf_value_size[V_TYPES]; /* bytes; 0: it varies */

typedef struct syl_gguf_value {
    char *key, *text;    /* owned; text: a string's bytes and a NUL */
    uint32_t type, item; /* item: an array's elements' */
    uint64_t count;      /* an array's elements, a string's bytes */
    const uint8_t *data; /* in the map; of an array its first element */
} syl_gguf_value;

struct syl_gguf {
    syl_map map;
    char *path;
    syl_gguf_value *values;   /* [value_count], by key */
    syl_gguf_tensor *tensors; /* [tensor_count], by name */
    size_t value_count, tensor_count;
};

/* An unsigned integer of 1 to 8 bytes. */
uint64_t syl_gguf_load(const uint8_t *p, size_t bytes);
/* Order of values, for qsort. */
int syl_gguf_by_key(const void *a, const void *b);

#endif
