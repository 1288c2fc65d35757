/* Data sets of word sense induction, as SemEval-2010 task 14 is handed around with AdaGram: a file
 * of contexts, "word.pos COUNT" and then COUNT lines "left<TAB>right" for each target, and a key,
 * lines "word.pos word.pos.N word.pos.SENSE", N from 1 in the order of the contexts. Several senses
 * ("1&&2", or more than one column) are kept apart as SYL_WSI_SEVERAL and not scored. SemEval-2007,
 * -2013 and WWSI come in the same form.
 * Limits: names of targets of 1 to 200 bytes; at most 2^31 - 1 contexts. */
#ifndef SYL_EMBED_WSI_DATASET_H
#define SYL_EMBED_WSI_DATASET_H

#include "lib/base/file.h"
#include "lib/io/lines.h"

#define SYL_WSI_NO_KEY (-1)  /* not in the key */
#define SYL_WSI_SEVERAL (-2) /* several senses at once */

typedef struct syl_wsi_context {
    syl_span left, right; /* of the target word; text as in the file */
    int32_t sense;        /* from 0 for each target, in the order of their names in the key; or one
                             of the above */
} syl_wsi_context;

typedef struct syl_wsi_target {
    const char *name; /* "access.n" */
    const char *word; /* "access": the name up to its last dot, or all of it */
    size_t first;     /* of its contexts */
    size_t count;     /* of them */
    int senses;       /* different ones in the key */
} syl_wsi_target;

typedef struct syl_wsi_dataset {
    syl_wsi_context *contexts; /* [num_contexts] */
    syl_wsi_target *targets;   /* [num_targets], names all different */
    size_t num_contexts, num_targets;
    size_t labelled, several, unlabelled; /* contexts of each kind */
    char *text;                           /* what all of it points into */
} syl_wsi_dataset;

/* A target or number in the key that the contexts do not have, one that is there twice, and a
 * file that breaks the format are SYL_EFORMAT with the line. */
syl_status syl_wsi_read(syl_wsi_dataset *out, const char *contexts_path, const char *key_path,
                        syl_error *err);
/* The same from memory, which may go away afterwards; the names stand in for paths. */
syl_status syl_wsi_parse(syl_wsi_dataset *out, syl_span contexts, const char *contexts_name,
                         syl_span key, const char *key_name, syl_error *err);
void syl_wsi_free(syl_wsi_dataset *dataset);

/* The senses that a system gave to the contexts, in the format of the key: numbers from 0 for each
 * target, into clusters [num_contexts]; 0 of contexts that the key does not score and that have no
 * answer. Several senses or none where the key has one are SYL_EFORMAT, as is all that is with a
 * key. */
syl_status syl_wsi_read_answers(int32_t *clusters, const syl_wsi_dataset *dataset,
                                const char *contexts_path, const char *answers_path,
                                syl_error *err);
/* Sense 0 is written as 1. */
syl_status syl_wsi_write_answers(const char *path, const syl_wsi_dataset *dataset,
                                 const int32_t *clusters, syl_error *err);

#endif
