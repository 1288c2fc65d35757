#include "train/sent/corpus.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"

#define ORDER_STREAMS ((uint64_t)1 << 61)

/* The counter of the filter that a sample fails, or NULL. */
static size_t *fails(syl_sent_corpus *c, const syl_sent_tokens *t, const syl_sent_limits *limits)
{
    if (t->num_sentences > limits->sentences) return &c->many_sentences;
    for (int k = 0; k < t->num_sentences; k++)
        if (t->starts[k + 1] - t->starts[k] > limits->sentence_tokens) return &c->long_sentences;
    return t->starts[t->num_sentences] >= limits->context ? &c->long_samples : NULL;
}

static syl_status take(syl_sent_corpus *c, const syl_sent_sample *sample,
                       const syl_sent_tokenizer *tokenizer, const syl_sent_limits *limits,
                       syl_error *err)
{
    syl_sent_tokens tokens;
    SYL_TRY(syl_sent_sample_encode(&tokens, sample, tokenizer, err));
    size_t *left_out = fails(c, &tokens, limits);
    syl_status status = SYL_OK;
    if (!left_out)
        status = syl_grow((void **)&c->items, &c->room, c->count + 1, sizeof *c->items, err);
    if (left_out || status != SYL_OK)
        syl_sent_tokens_free(&tokens);
    else
        c->items[c->count++] = tokens;
    if (left_out) ++*left_out;
    return status;
}

syl_status syl_sent_corpus_make(syl_sent_corpus *out, const syl_sent_dataset *dataset,
                                const char *name, const syl_sent_tokenizer *tokenizer,
                                const syl_sent_limits *limits, syl_error *err)
{
    syl_status status = SYL_OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; status == SYL_OK && i < dataset->count; i++) {
        syl_error why = {.status = SYL_OK};
        status = take(out, &dataset->samples[i], tokenizer, limits, &why);
        if (status != SYL_OK) syl_fail(err, status, "%s, sample %zu: %s", name, i, why.message);
    }
    if (status == SYL_OK && out->count == 0)
        status = syl_fail(err, SYL_EINVAL,
                          "%s: no sample is left: %zu have a sentence of more than %d tokens, %zu "
                          "more than %d sentences, %zu do not fit a context of %d tokens",
                          name, out->long_sentences, limits->sentence_tokens, out->many_sentences,
                          limits->sentences, out->long_samples, limits->context);
    if (status != SYL_OK) syl_sent_corpus_free(out);
    return status;
}

void syl_sent_corpus_free(syl_sent_corpus *c)
{
    for (size_t i = 0; i < c->count; i++)
        syl_sent_tokens_free(&c->items[i]);
    free(c->items);
    memset(c, 0, sizeof *c);
}

/* A permutation of 2^(2 half) numbers: four rounds of a Feistel network. */
static uint64_t shuffle(uint64_t seed, uint64_t epoch, int half, uint64_t x)
{
    uint64_t mask = ((uint64_t)1 << half) - 1, left = x >> half, right = x & mask;
    for (uint64_t round = 0; round < 4; round++) {
        uint32_t word[4];
        syl_philox(seed, ORDER_STREAMS | epoch, right << 2 | round, word);
        uint64_t next = left ^ (word[0] & mask);
        left = right;
        right = next;
    }
    return left << half | right;
}

/* Numbers beyond the count are shuffled on until they are below it: still a permutation. */
size_t syl_sent_order(uint64_t seed, uint64_t number, size_t count)
{
    uint64_t epoch = number / count, x = number % count;
    int half = 1;
    while (half < 31 && (uint64_t)1 << (2 * half) < count)
        half++;
    do
        x = shuffle(seed, epoch, half, x);
    while (x >= count);
    return (size_t)x;
}
