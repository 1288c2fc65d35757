/* Questions with their reasoning, sentence by sentence: JSON lists of
 *   {"question": "...", "steps": ["...", ...], "answer": "..."}
 * as published with arXiv 2505.22202 (section 4.1) and iCoT. Other members are passed over.
 * The last sentence of a sample says the answer; where a file's steps lack it, it is added. */
#ifndef SYL_EMBED_SENT_DATASET_H
#define SYL_EMBED_SENT_DATASET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "embed/sent/tokenizer.h"
#include "lib/base/status.h"

/* How the answer's sentence is told from the others. */
typedef enum syl_sent_marker {
    SYL_SENT_HASHES, /* "### ANSWER" */
    SYL_SENT_BARE    /* the answer alone; the steps before it begin with "<<" (GSM8K-Aug) */
} syl_sent_marker;
extern const char *const syl_sent_marker_names[]; /* "hashes", "bare"; ended by NULL */

typedef struct syl_sent_sample {
    char *question;
    char **sentences; /* [num_sentences], at least 1: the steps and, last, the answer's sentence */
    int num_sentences;
    char *answer; /* without a marker */
} syl_sent_sample;

typedef struct syl_sent_dataset {
    syl_sent_sample *samples; /* [count] */
    size_t count;
    syl_sent_marker marker;
    const char *name; /* of the file, the caller's; NULL: of none */
    size_t room;      /* inside */
} syl_sent_dataset;

/* Reads a file. Strings must be neither empty nor hold a newline, which ends a sentence; `steps`
 * may be an empty list. The marker is SYL_SENT_BARE where the first sample that has steps ends
 * with its very answer. Errors name the file and the sample's index, from 0. */
syl_status syl_sent_dataset_read(syl_sent_dataset *out, const char *path, syl_error *err);
/* Puts the file and the number of the sample that it is about before the message of err. */
void syl_sent_dataset_blame(const syl_sent_dataset *dataset, size_t sample, syl_error *err);
/* The same of `size` bytes; `name` stands in for the path. */
syl_status syl_sent_dataset_parse(syl_sent_dataset *out, const void *data, size_t size,
                                  const char *name, syl_error *err);
/* Writes `steps` with the answer's sentence, one sample a line; failed writes to a stream are found
 * by whoever closes it. */
syl_status syl_sent_dataset_print(const syl_sent_dataset *dataset, FILE *stream, syl_error *err);
syl_status syl_sent_dataset_write(const syl_sent_dataset *dataset, const char *path,
                                  syl_error *err);
/* Leaves the first `count` samples. */
void syl_sent_dataset_truncate(syl_sent_dataset *dataset, size_t count);
void syl_sent_dataset_free(syl_sent_dataset *dataset); /* a dataset of zeros is empty */

/* Appends a question alone, whose answer nobody knows: a line of UTF-8 that is not empty. */
syl_status syl_sent_dataset_ask(syl_sent_dataset *dataset, const char *question, syl_error *err);

/* Appends a sample of copies; the answer's sentence is the last of them or is added. */
syl_status syl_sent_dataset_add(syl_sent_dataset *dataset, const char *question,
                                const char *const *steps, int num_steps, const char *answer,
                                syl_error *err);

/* Adds all words of questions and sentences, to make a tokenizer of. */
syl_status syl_sent_dataset_words(const syl_sent_dataset *dataset, syl_sent_words *words,
                                  syl_error *err);

/* A sample as tokens: question "\n" sentence "\n" ... sentence "\n". */
typedef struct syl_sent_tokens {
    int32_t *ids; /* [starts[num_sentences]] */
    int *starts;  /* [num_sentences + 1]: where a sentence begins; starts[0] is the length of the
                     question, and sentence k is ids[starts[k]] to ids[starts[k + 1] - 1], which is
                     the newline */
    int num_sentences;
} syl_sent_tokens;

/* A word that the tokenizer lacks is an error that names it. */
syl_status syl_sent_sample_encode(syl_sent_tokens *out, const syl_sent_sample *sample,
                                  const syl_sent_tokenizer *tokenizer, syl_error *err);
void syl_sent_tokens_free(syl_sent_tokens *tokens);

#endif
