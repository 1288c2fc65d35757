/* Items (words and bigrams) with their counts; an item's id is its rank. */
#ifndef SYL_IO_VOCABULARY_H
#define SYL_IO_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/io/text_words.h"

typedef struct syl_vocabulary_options {
    int64_t min_count;        /* rarer items are left out (1) */
    int64_t min_bigram_count; /* rarer bigrams; 0: as min_count (0) */
    int64_t max_size;         /* so many of the most frequent; 0: all (0) */
    int64_t max_counted;      /* different items that are counted at a time (20 million, of some 75
                               * bytes each). Where there are more, those counted once are
                               * forgotten, the next time those counted at most twice, and so on,
                               * as word2vec does: rare items may then be counted too low. */
    bool unknown;             /* UNKNOWN is item 0 and counts whatever is left out (false) */
} syl_vocabulary_options;

syl_vocabulary_options syl_vocabulary_defaults(void);

typedef struct syl_vocabulary syl_vocabulary;

/* ---- counting ------------------------------------------------------------------------ */

typedef struct syl_counter syl_counter;
syl_status syl_counter_create(syl_counter **out, const syl_vocabulary_options *options,
                              syl_error *err);
syl_status syl_counter_add(syl_counter *counter, const syl_items *items, syl_error *err);
/* Ids by decreasing count, then by bytes. Ends the counter, which can only be freed then. Refuses
 * a vocabulary of nothing. */
syl_status syl_counter_finish(syl_counter *counter, syl_vocabulary **out, syl_error *err);
void syl_counter_free(syl_counter *counter);

/* ---- using: safe from several threads ------------------------------------------------ */

int64_t syl_vocabulary_size(const syl_vocabulary *v);
int64_t syl_vocabulary_total(const syl_vocabulary *v);         /* sum of the counts */
const int64_t *syl_vocabulary_counts(const syl_vocabulary *v); /* [size] */
const char *syl_vocabulary_word(const syl_vocabulary *v, int64_t id);
/* -1: it is not there. */
int32_t syl_vocabulary_find(const syl_vocabulary *v, const char *word, size_t length);
/* The same of many, faster. */
void syl_vocabulary_find_all(const syl_vocabulary *v, const syl_items *items, int32_t *ids);
void syl_vocabulary_free(syl_vocabulary *v);

/* ---- files: a line ITEM<TAB>COUNT for each id ------------------------------------------ */

syl_status syl_vocabulary_save(const syl_vocabulary *v, const char *path, syl_error *err);
syl_status syl_vocabulary_load(syl_vocabulary **out, const char *path, syl_error *err);
/* The same in memory, for model files; *data is owned by the caller. */
syl_status syl_vocabulary_write(const syl_vocabulary *v, char **data, size_t *size, syl_error *err);
syl_status syl_vocabulary_parse(syl_vocabulary **out, const char *data, size_t size,
                                const char *name, syl_error *err);

#endif
