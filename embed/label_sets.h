/* Labels of documents, and how relevant documents are for each other by them. */
#ifndef SYL_EMBED_LABEL_SETS_H
#define SYL_EMBED_LABEL_SETS_H

#include "lib/base/status.h"

#define SYL_LABEL_MAX 255 /* bytes of a label */

/* The labels that were seen, by number; shared by the sets that are to be compared. */
typedef struct syl_label_names syl_label_names;

syl_status syl_label_names_create(syl_label_names **out, syl_error *err);
void syl_label_names_free(syl_label_names *names);
int32_t syl_label_names_count(const syl_label_names *names);
const char *syl_label_name(const syl_label_names *names, int32_t label); /* lives as names does */

/* Each document's labels; read-only once made, for any number of threads. */
typedef struct syl_label_sets {
    int64_t count;          /* documents */
    int64_t *begin;         /* [count + 1]: document i has labels[begin[i]] up to begin[i + 1] */
    int32_t *labels;        /* ascending in a document, none twice */
    syl_label_names *names; /* not owned */
} syl_label_sets;

/* A text file, a line a document: labels with blanks, tabs or commas between them; an empty line
 * or a lone - is a document without any. Control characters, NUL among them, and labels longer
 * than SYL_LABEL_MAX bytes are errors that name the line. */
syl_status syl_label_sets_read(syl_label_sets *sets, syl_label_names *names, const char *path,
                               syl_error *err);
syl_status syl_label_sets_parse(syl_label_sets *sets, syl_label_names *names, const void *text,
                                size_t size, const char *name, syl_error *err);
/* One label a document: the folder that holds it, "sci.med" of "test/sci.med/59284". A name
 * without a folder has no label. */
syl_status syl_label_sets_from_paths(syl_label_sets *sets, syl_label_names *names,
                                     const char *const *paths, int64_t count, syl_error *err);
void syl_label_sets_free(syl_label_sets *sets);

/* Of a query with labels A and a document with labels B; 0 where either has none. With one label
 * a document all three are the same: 1 or 0. */
typedef enum syl_relevance {
    SYL_RELEVANCE_SHARED,  /* 1 when a label is in both */
    SYL_RELEVANCE_GRADED,  /* overlapping labels over all labels of the two, |A n B| / |A u B| */
    SYL_RELEVANCE_FRACTION /* overlapping labels over the query's, |A n B| / |A| */
} syl_relevance;

/* relevance[j] of each document for query q of `queries`, which is `documents` or has the same
 * names. `marks` is room for syl_label_names_count() bytes, all 0, and is so again afterwards. */
void syl_relevance_of(syl_relevance kind, const syl_label_sets *queries, int64_t q,
                      const syl_label_sets *documents, uint8_t *marks, float *relevance);

#endif
