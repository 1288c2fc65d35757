/* Questions made by rule, with their reasoning: chain arithmetic, paths in graphs of nonsense words
 * (ProsQA, arXiv 2412.06769 section 4.1) and plans of moving blocks (arXiv 2505.22202 section 4.1).
 * The same options and seed give the same questions on every machine. No two of a data set are
 * alike, and none is in two splits, whatever the seeds. */
#ifndef SYL_EMBED_SENT_GENERATE_H
#define SYL_EMBED_SENT_GENERATE_H

#include <stdbool.h>

#include "embed/sent/dataset.h"

typedef enum syl_sent_split { SYL_SENT_TRAIN, SYL_SENT_VALID, SYL_SENT_TEST } syl_sent_split;
extern const char *const syl_sent_split_names[]; /* "train", "valid", "test"; ended by NULL */

typedef struct syl_sent_draw {
    size_t count;
    uint64_t seed;
    syl_sent_split split;
} syl_sent_draw;

/* Question "3+4*5": left to right, no precedence, digits modulo 10. Steps "3+4=7", "7*5=5". Four
 * fifths of all questions are train's, a tenth each valid's and test's, by a hash. */
typedef struct syl_arith_options {
    int min_operations, max_operations; /* 1 to 20; which it is, is drawn evenly (2, 4) */
} syl_arith_options;
syl_arith_options syl_arith_defaults(void);
syl_status syl_sent_gen_arith(syl_sent_dataset *out, const syl_arith_options *options,
                              const syl_sent_draw *draw, syl_error *err);

/* A graph without circles grown from two roots, people. The question lists its edges in any order
 * ("Tom is a yumpus.", "Every yumpus is a rempus.") and asks what one root is. The target is a node
 * without children that only this root reaches, as far from it as there is one (of the two roots
 * the one with the longer path is asked about); the other choice is one that only the other root
 * reaches. The steps are a shortest path. Split as arithmetic is. */
typedef struct syl_prosqa_options {
    int min_nodes, max_nodes; /* that have edges, 6 to 38; which it is, is drawn evenly (20, 26) */
    int min_steps, max_steps; /* of the path (3, 6) */
} syl_prosqa_options;
syl_prosqa_options syl_prosqa_defaults(void); /* like the published set */
syl_prosqa_options syl_prosqa_small(void);    /* 8 to 10 nodes, 2 to 4 steps */
syl_status syl_sent_gen_prosqa(syl_sent_dataset *out, const syl_prosqa_options *options,
                               const syl_sent_draw *draw, syl_error *err);

/* Two different configurations of blocks, and a shortest plan from one to the other: of all moves
 * that come nearer, that of the first block by name, to the table or else onto the first block.
 * States are shared out: 70 % are train's, 15 % each valid's and test's, and a question's two
 * states are of its split. */
typedef struct syl_blocksworld_options {
    int blocks;         /* 3 to 7 (7) */
    bool short_wording; /* without the sentences that explain the rules */
} syl_blocksworld_options;
syl_blocksworld_options syl_blocksworld_defaults(void);
syl_status syl_sent_gen_blocksworld(syl_sent_dataset *out, const syl_blocksworld_options *options,
                                    const syl_sent_draw *draw, syl_error *err);

#endif
