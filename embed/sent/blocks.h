/* Blocks on a table: configurations, moves, and the sentences that tell them. */
#ifndef SYL_EMBED_SENT_BLOCKS_H
#define SYL_EMBED_SENT_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYL_BLOCKS_MOST 26 /* A to Z */

typedef struct syl_blocks {
    int count;
    int8_t on[SYL_BLOCKS_MOST]; /* what a block stands on: a block, or -1 for the table */
} syl_blocks;

typedef struct syl_block_move {
    int8_t block, from, to; /* -1: the table */
} syl_block_move;

/* Whether there is no circle and no block bears two. */
bool syl_blocks_valid(const syl_blocks *blocks);
bool syl_blocks_equal(const syl_blocks *a, const syl_blocks *b);
/* Nothing stands on it. */
bool syl_blocks_clear(const syl_blocks *blocks, int block);
/* Whether both the block and where it goes are clear, and it goes elsewhere. */
bool syl_blocks_may_move(const syl_blocks *blocks, syl_block_move move);
/* Moves a block that may be moved. */
void syl_blocks_move(syl_blocks *blocks, syl_block_move move);

#define SYL_BLOCKS_TEXT 1024 /* room for the longest configuration as text */
#define SYL_BLOCK_MOVE_TEXT 48

/* "A is on D, B is on the table" */
void syl_blocks_format(const syl_blocks *blocks, char text[SYL_BLOCKS_TEXT]);
/* "<<Move C from G to the table>>" */
void syl_block_move_format(syl_block_move move, char text[SYL_BLOCK_MOVE_TEXT]);
/* The same sentence, whole, and nothing else. */
bool syl_block_move_parse(syl_block_move *move, const char *text);
/* The two configurations of a question "... Initial state: ... . Goal state: ... ."; false: it has
 * them not, or one cannot be. */
bool syl_blocks_parse_question(syl_blocks *initial, syl_blocks *goal, const char *question);

#endif
