/* The corpus of a trainer of words or documents: from a command line to numbers. */
#ifndef SYL_TRAIN_TEXTS_H
#define SYL_TRAIN_TEXTS_H

#include "lib/cli/text_args.h"
#include "lib/io/documents.h"
#include "train/ranks.h"
#include "train/watch.h"

typedef struct syl_train_texts {
    /* The caller's: */
    const char *const *paths; /* [num_paths] */
    size_t num_paths;
    const syl_text_args *args;
    const syl_ranks *ranks;
    syl_terminal *terminal;
    /* Owned, by syl_train_texts_read: */
    syl_corpus corpus;
    syl_vocabulary *vocabulary; /* whoever takes it over sets it to NULL here */
    syl_documents documents;
} syl_train_texts;

/* Exit statuses: there are paths, and none of the outputs [count] (or NULL) is one of them. */
int syl_train_texts_check(const syl_train_texts *texts, const char *command,
                          const char *const *outputs, size_t count);
/* Counts words or loads the vocabulary that the options name, saves it where they say so (rank 0),
 * and reads the texts as numbers. Standard input is read once and kept in a temporary file. */
syl_status syl_train_texts_read(syl_train_texts *texts, syl_error *err);
void syl_train_texts_free(syl_train_texts *texts);

/* What cannot be written should fail before hours of training. path NULL: nothing to write. */
syl_status syl_train_check_output(const char *path, const syl_ranks *ranks, syl_error *err);

#endif
