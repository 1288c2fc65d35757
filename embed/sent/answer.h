/* Where a chain of sentences ends, what it answers, and whether that is right. */
#ifndef SYL_EMBED_SENT_ANSWER_H
#define SYL_EMBED_SENT_ANSWER_H

#include <stdbool.h>

#include "embed/sent/dataset.h"

/* Whether a sentence is the answer's, by its beginning, of which a first token is enough: one with
 * "#", or (SYL_SENT_BARE) one without "<". An empty one is none. */
bool syl_sent_begins_answer(syl_sent_marker marker, const char *sentence);

/* What an answer's sentence says: the text behind "###", or all of it behind the last ">>", without
 * blanks around it; a part of `sentence`. NULL: it is none. */
const char *syl_sent_answer_of(syl_sent_marker marker, const char *sentence, size_t *length);

/* What sentences are worth. */
typedef struct syl_sent_score {
    bool answered;      /* there is an answer's sentence */
    bool right;         /* it is the sample's, letter by letter */
    bool is_plan;       /* the question is about blocks: */
    bool plan_valid;    /* the moves among the sentences can be made and reach the goal */
    bool plan_shortest; /* and are as few as the sample's answer says */
} syl_sent_score;

/* The answer is that of the last of sentences [count]. */
syl_sent_score syl_sent_score_of(const syl_sent_sample *sample, syl_sent_marker marker,
                                 char *const *sentences, int count);

#endif
