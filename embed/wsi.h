/* Word sense induction: a data set's contexts given senses, and scored. */
#ifndef SYL_EMBED_WSI_H
#define SYL_EMBED_WSI_H

#include "embed/partition_scores.h"
#include "embed/senses.h"
#include "embed/wsi_dataset.h"

typedef struct syl_wsi_target_result {
    syl_partition_score score; /* over the contexts with one sense in the key */
    size_t scored;             /* of them; 0: the target is in no mean */
    bool known;                /* its word is in the vocabulary */
} syl_wsi_target_result;

/* Means over targets, each counted once, as ARI is published. */
typedef struct syl_wsi_means {
    size_t targets, contexts; /* that were scored */
    double ari, v_measure, homogeneity, completeness, f_score, precision, recall;
    double clusters, classes; /* a target */
} syl_wsi_means;

typedef struct syl_wsi_result {
    syl_wsi_target_result *targets; /* [num_targets] of the data set, owned */
    syl_wsi_means all;              /* a word that is not in the vocabulary has one cluster */
    syl_wsi_means known;            /* without such words */
    size_t uninformed;              /* contexts, of words that are known, with no known word */
} syl_wsi_result;

typedef struct syl_wsi_options {
    syl_sense_rule rule; /* COSINE */
    int window;          /* words to either side; 0: the whole context (0) */
} syl_wsi_options;

syl_wsi_options syl_wsi_defaults(void);

/* The senses of all contexts [num_contexts] by the model into clusters; 0 of words that it does not
 * know. known [num_targets] and *uninformed are as in the result. */
syl_status syl_wsi_label(const syl_senses *senses, const syl_wsi_dataset *dataset,
                         const syl_wsi_options *options, int32_t *clusters, bool *known,
                         size_t *uninformed, syl_error *err);
/* Scores any clusters [num_contexts]; known [num_targets], NULL: all are. */
syl_status syl_wsi_score(syl_wsi_result *out, const syl_wsi_dataset *dataset,
                         const int32_t *clusters, const bool *known, syl_error *err);
/* Both. */
syl_status syl_wsi_evaluate(syl_wsi_result *out, const syl_senses *senses,
                            const syl_wsi_dataset *dataset, const syl_wsi_options *options,
                            syl_error *err);
void syl_wsi_result_free(syl_wsi_result *result);

#endif
