/* What an open file of tensors is made of; for the files that read them. */
#ifndef SYL_IO_SAFETENSORS_INNER_H
#define SYL_IO_SAFETENSORS_INNER_H

#include "lib/io/safetensors.h"

struct syl_safetensors {
    syl_map map;
    char *path;
    json_t *root;           /* owns the names and the metadata */
    syl_st_tensor *tensors; /* [count], by name */
    size_t count;
    syl_safetensors **shards; /* [num_shards] whose tensors these are, owned; none: its own */
    size_t num_shards;
};

/* Refuses a JSON text of too many levels or values, without making any of them. */
syl_status syl_st_count_values(const char *text, size_t n, const char *name, syl_error *err);
int syl_st_by_name(const void *a, const void *b); /* of qsort, for syl_st_tensor */

#endif
