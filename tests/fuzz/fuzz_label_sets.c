/* libFuzzer: labels of documents. */
#include <stdlib.h>

#include "embed/label_sets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    syl_label_names *names;
    syl_label_sets sets;
    if (syl_label_names_create(&names, NULL) != SYL_OK) return 0;
    if (syl_label_sets_parse(&sets, names, data, size, "fuzz", NULL) == SYL_OK && sets.count) {
        size_t labels = (size_t)syl_label_names_count(names);
        uint8_t *marks = calloc(labels + 1, 1);
        float *relevance = calloc((size_t)sets.count, sizeof *relevance);
        for (int kind = SYL_RELEVANCE_SHARED; kind <= SYL_RELEVANCE_FRACTION; kind++)
            syl_relevance_of(kind, &sets, sets.count / 2, &sets, marks, relevance);
        free(relevance);
        free(marks);
    }
    syl_label_sets_free(&sets);
    syl_label_names_free(names);
    return 0;
}
