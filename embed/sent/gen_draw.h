/* What the generators share: splits, and no question twice. */
#ifndef SYL_EMBED_SENT_GEN_DRAW_H
#define SYL_EMBED_SENT_GEN_DRAW_H

#include <stdbool.h>

#include "embed/sent/generate.h"
#include "lib/base/random.h"
#include "lib/io/word_table.h"

/* Questions in a row that may be known or of another split before it counts as all there are. */
#define SYL_GEN_PATIENCE 100000

typedef struct syl_gen_seen {
    syl_word_table table; /* of hashes of questions */
} syl_gen_seen;
void syl_gen_seen_free(syl_gen_seen *seen);

/* Whether the question is of the split and new; then it is known from now on. */
syl_status syl_gen_take(syl_gen_seen *seen, const char *question, syl_sent_split split, bool *take,
                        syl_error *err);
/* The same where the split is known already. */
syl_status syl_gen_new(syl_gen_seen *seen, const char *question, bool *take, syl_error *err);

/* There are no more. */
syl_status syl_gen_exhausted(const syl_sent_dataset *made, const syl_sent_draw *draw,
                             const char *remedy, syl_error *err);

/* From low to high, both included. */
int syl_gen_between(syl_random *r, int low, int high);

#endif
