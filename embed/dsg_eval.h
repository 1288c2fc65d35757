/* The evaluations of sylkit dsg eval: from files to a table or JSON. */
#ifndef SYL_EMBED_DSG_EVAL_H
#define SYL_EMBED_DSG_EVAL_H

#include <jansson.h>
#include <stdio.h>

#include "embed/senses.h"

typedef struct syl_dsg_eval {
    const syl_senses *senses; /* NULL for answers */
    syl_sense_rule rule;
    int window;         /* words of a context to either side; 0: all */
    bool per_word;      /* wsi */
    const char *labels; /* wsi: a file in the format of the key, or NULL */
    int64_t candidates; /* analogies; 0: all words */
    int threads;
    FILE *table; /* where a table goes; NULL: only JSON is made */
} syl_dsg_eval;

/* Each appends an object to the array `results`. */
syl_status syl_dsg_eval_wsi(const syl_dsg_eval *eval, const char *contexts, const char *key,
                            json_t *results, syl_error *err);
/* The same of answers that any system gave, a file in the format of the key. */
syl_status syl_dsg_eval_answers(const syl_dsg_eval *eval, const char *answers, const char *contexts,
                                const char *key, json_t *results, syl_error *err);
/* with_contexts: the file must have contexts (SCWS). */
syl_status syl_dsg_eval_pairs(const syl_dsg_eval *eval, const char *path, bool with_contexts,
                              json_t *results, syl_error *err);
syl_status syl_dsg_eval_analogies(const syl_dsg_eval *eval, const char *path, json_t *results,
                                  syl_error *err);

#endif
