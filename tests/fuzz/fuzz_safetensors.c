/* Any bytes as a safetensors file: they are refused, or every listed tensor can be read. */
#include <stdlib.h>

#include "lib/io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    syl_safetensors *file;

    if (syl_safetensors_parse(&file, data, size, "input", NULL)) return 0;
    for (size_t i = 0; i < syl_safetensors_count(file); i++) {
        const syl_st_tensor *t = syl_safetensors_at(file, i);
        float *values = malloc((t->count + 1) * sizeof *values);
        if (!values) break;
        if (syl_safetensors_find(file, t->name) == NULL) abort();
        syl_st_to_f32(t, values);
        free(values);
    }
    syl_safetensors_metadata(file, "format");
    syl_safetensors_free(file);
    return 0;
}
