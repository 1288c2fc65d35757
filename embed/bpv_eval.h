/* The evaluation of documents' codes and vectors by their labels, and its report: what sylkit bpv
 * eval does once texts and files are read. */
#ifndef SYL_EMBED_BPV_EVAL_H
#define SYL_EMBED_BPV_EVAL_H

#include <jansson.h>
#include <stdio.h>

#include "embed/bpv_arrays.h"
#include "embed/hashing.h"
#include "embed/retrieval.h"

#define SYL_EVAL_MOST_ROWS 8

/* Documents, what represents them, and their labels. */
typedef struct syl_eval_side {
    syl_arrays arrays;
    syl_label_sets labels;
} syl_eval_side;

typedef struct syl_eval_row {
    const char *name; /* "codes", "vectors", or the kind of hashing */
    int length;       /* bits of a code, dimensions of a vector */
    syl_retrieval_score score;
} syl_eval_row;

typedef struct syl_eval {
    const syl_eval_side *queries, *database; /* database NULL: the queries rank each other */
    syl_retrieval_options options;
    syl_eval_row rows[SYL_EVAL_MOST_ROWS];
    int num_rows;
    syl_radius_score *radius; /* [max_radius + 1] */
    int max_radius;           /* -1: none */
} syl_eval;

/* Adds the rows "codes" and "vectors", of what both sides have. */
syl_status syl_eval_arrays(syl_eval *eval, syl_error *err);
/* Adds a row of codes of the vectors, fitted to `fit` [n][dim], or to the database's with NULL. */
syl_status syl_eval_hash(syl_eval *eval, const syl_hash_options *hash, const float *fit, int64_t n,
                         syl_error *err);
/* Documents within each radius ranked by their vectors. */
syl_status syl_eval_radius(syl_eval *eval, int max_radius, syl_error *err);
void syl_eval_free(syl_eval *eval);

/* Names of kinds of hashing: "sign", "median", "planes", "itq", NULL. */
extern const char *const syl_hash_names[];

void syl_eval_print(const syl_eval *eval, FILE *to);
json_t *syl_eval_json(const syl_eval *eval); /* NULL: no memory */
/* Precision over recall, PNG or SVG. */
syl_status syl_eval_curve(const syl_eval *eval, const char *path, syl_error *err);

#endif
