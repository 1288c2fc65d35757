/* Any bytes as a model of senses: they are refused, or every value can be read and is finite. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/dsg_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    syl_dsg_model *m;
    if (syl_dsg_model_parse(&m, data, size, "input", NULL)) return 0;
    size_t v = (size_t)m->words, k = (size_t)m->senses, d = (size_t)m->dim;
    const float *arrays[] = {m->sense_vectors, m->output_vectors, m->output_bias,
                             m->priors,        m->network,        m->network_bias};
    size_t counts[] = {v * k * d, v * d, v, v * k, v * d * k, v * k};
    for (int a = 0; a < 6; a++)
        for (size_t i = 0; arrays[a] && i < counts[a]; i++)
            if (!isfinite(arrays[a][i])) abort();
    for (int64_t w = 0; w < m->words; w++) {
        const char *word = syl_vocabulary_word(m->vocabulary, w);
        if (syl_dsg_find_word(m, word, strlen(word)) != w) abort();
    }
    syl_dsg_model_free(m);
    return 0;
}
