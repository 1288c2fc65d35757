/* A hash table of items with their counts and ids: open addressing over records that stay where
 * they are. Private to the vocabulary. */
#ifndef SYL_IO_WORD_TABLE_H
#define SYL_IO_WORD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/io/text_words.h"

/* The longest item: two words and the space between them. */
#define SYL_ITEM_MAX (2 * 4 * SYL_WORD_MAX + 1)

typedef struct syl_record {
    int64_t count;
    int32_t id; /* as its user likes */
    uint32_t length;
    char text[]; /* and a NUL */
} syl_record;

typedef struct syl_record_chunk {
    char *data;
    size_t used;
} syl_record_chunk;

typedef struct syl_word_table {
    uint64_t *slots; /* [mask + 1] 0: free; high bits of the hash, and where the record is */
    size_t mask, used;
    syl_record_chunk *chunks;
    size_t num_chunks, chunks_room;
} syl_word_table;

/* A table of zeros is empty. */
void syl_word_table_free(syl_word_table *table);

/* NULL: it is not there. */
syl_record *syl_word_table_find(const syl_word_table *table, const char *text, size_t length);
/* The record of an item of at most SYL_ITEM_MAX bytes, made with count 0 and id -1 where it is not
 * there. */
syl_status syl_word_table_put(syl_word_table *table, const char *text, size_t length,
                              syl_record **out, syl_error *err);

/* The same of many, which hides the time that memory takes: counts n items up; or finds their ids,
 * `missing` for those that are not there. `letters` is what items point into. */
syl_status syl_word_table_count(syl_word_table *table, const char *letters, const syl_item *items,
                                size_t n, syl_error *err);
void syl_word_table_ids(const syl_word_table *table, const char *letters, const syl_item *items,
                        size_t n, int32_t missing, int32_t *ids);

/* Records in the order of their making: start with *chunk = *at = 0; NULL after the last. */
syl_record *syl_word_table_next(const syl_word_table *table, size_t *chunk, size_t *at);

#endif
