/* Hits of one batch of queries after the other. */
#ifndef SYL_EMBED_INDEX_HITS_H
#define SYL_EMBED_INDEX_HITS_H

#include "embed/index.h"

typedef struct syl_hits_builder {
    syl_hits hits;
    size_t ids_room, distances_room, cosines_room; /* elements */
} syl_hits_builder;

/* For n queries in all. On failure there is nothing to free, and after a failure of the calls below
 * hits is to be freed with syl_hits_free. */
syl_status syl_hits_begin(syl_hits_builder *b, int64_t n, bool ranked, syl_error *err);
/* n queries' lists, finished. */
syl_status syl_hits_append(syl_hits_builder *b, const syl_code_list *lists, int64_t n,
                           syl_error *err);
/* The same, ordered by the cosine to vectors [n][dim]; the first options->k of them. */
syl_status syl_hits_rank(syl_hits_builder *b, const syl_index *index, const syl_code_list *lists,
                         const float *vectors, int64_t n, const syl_search_options *options,
                         syl_error *err);

#endif
