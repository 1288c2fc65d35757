/* The samples that a sentence model learns from, as tokens, and in which order they come. */
#ifndef SYL_TRAIN_SENT_CORPUS_H
#define SYL_TRAIN_SENT_CORPUS_H

#include "embed/sent/dataset.h"

/* The published filters; a sample beyond them is left out and counted. */
typedef struct syl_sent_limits {
    int sentence_tokens; /* of one sentence with its newline */
    int sentences;       /* of a sample */
    int context;         /* tokens of a sample, with its end */
} syl_sent_limits;

typedef struct syl_sent_corpus {
    syl_sent_tokens *items; /* [count] */
    size_t count;
    size_t long_sentences, many_sentences, long_samples; /* left out for which reason */
    size_t room;                                         /* inside */
} syl_sent_corpus;

/* Samples whose words the tokenizer lacks are an error that names the sample, and so is a dataset
 * of which none is left. `name` is for messages. */
syl_status syl_sent_corpus_make(syl_sent_corpus *out, const syl_sent_dataset *dataset,
                                const char *name, const syl_sent_tokenizer *tokenizer,
                                const syl_sent_limits *limits, syl_error *err);
void syl_sent_corpus_free(syl_sent_corpus *corpus);

/* Which of `count` samples is the number-th of a run: each once in an epoch, in an order that
 * depends on seed and epoch alone. */
size_t syl_sent_order(uint64_t seed, uint64_t number, size_t count);

#endif
