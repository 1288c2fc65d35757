/* Any bytes as word vectors, in both formats: they are refused, or all values are finite and the
 * memory is bounded by the input's size. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/word_vectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, syl_vector_format format)
{
    syl_word_vectors v;
    if (syl_word_vectors_parse(&v, data, size, "input", format, NULL)) return;
    if ((size_t)v.count * (size_t)v.dim > size) abort();
    for (int64_t i = 0; i < v.count; i++)
        if (strlen(v.words[i]) == 0 || strlen(v.words[i]) > SYL_MAX_WORD) abort();
    for (int64_t i = 0; i < v.count * v.dim; i++)
        if (!isfinite(v.vectors[i])) abort();
    syl_word_vectors_free(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size, SYL_VECTORS_DETECT);
    check(data, size, SYL_VECTORS_TEXT);
    check(data, size, SYL_VECTORS_BINARY);
    return 0;
}
