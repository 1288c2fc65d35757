/* A vocabulary's inside, for the files that make one. */
#ifndef SYL_IO_VOCABULARY_INNER_H
#define SYL_IO_VOCABULARY_INNER_H

#include "lib/io/vocabulary.h"
#include "lib/io/word_table.h"

struct syl_vocabulary {
    syl_word_table table; /* ids in the records */
    syl_record **by_id;   /* [size] */
    int64_t *counts;      /* [size] */
    int64_t size, total;
};

/* An empty one with room for `size` items. */
syl_status syl_vocabulary_allocate(syl_vocabulary **out, int64_t size, syl_error *err);
/* Gives the item the next id; *known: it has one already, and nothing is done. */
syl_status syl_vocabulary_append(syl_vocabulary *v, const char *text, size_t length, int64_t count,
                                 bool *known, syl_error *err);

#endif
