/* Any bytes as pairs of words and as analogies: refused, or all that they point to is there. */
#include <stdlib.h>
#include <string.h>

#include "embed/analogies.h"
#include "embed/word_pairs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_span(syl_span span)
{
    size_t sum = 0;
    for (size_t i = 0; i < span.size; i++)
        sum += (size_t)span.data[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    syl_word_pairs pairs;
    syl_analogies analogies;
    volatile size_t sum = 0;
    if (!syl_word_pairs_parse(&pairs, data, size, "input", NULL)) {
        for (size_t i = 0; i < pairs.count; i++)
            for (int k = 0; k < 2; k++)
                sum += read_span(pairs.pairs[i].word[k]) + read_span(pairs.pairs[i].left[k]) +
                       read_span(pairs.pairs[i].right[k]);
        syl_word_pairs_free(&pairs);
    }
    if (syl_analogies_parse(&analogies, data, size, "input", NULL)) return 0;
    size_t questions = 0;
    for (size_t s = 0; s < analogies.num_sections; s++) {
        if (analogies.sections[s].first != questions) abort();
        questions += analogies.sections[s].count;
        sum += strlen(analogies.sections[s].name);
    }
    if (questions != analogies.count) abort();
    for (size_t i = 0; i < analogies.count; i++)
        for (int k = 0; k < 4; k++)
            sum += read_span(analogies.questions[i].word[k]);
    syl_analogies_free(&analogies);
    (void)sum; /* read, each byte of it: that is all */
    return 0;
}
