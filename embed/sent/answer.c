#include "embed/sent/answer.h"

#include <stdio.h>
#include <string.h>

#include "embed/sent/blocks.h"
#include "lib/io/lines.h"

bool syl_sent_begins_answer(syl_sent_marker marker, const char *sentence)
{
    if (!*sentence) return false;
    return marker == SYL_SENT_HASHES ? *sentence == '#' : *sentence != '<';
}

const char *syl_sent_answer_of(syl_sent_marker marker, const char *sentence, size_t *length)
{
    syl_span text = {sentence, strlen(sentence)};
    *length = 0;
    if (marker == SYL_SENT_HASHES) {
        const char *mark = strstr(sentence, "###");
        if (!mark) return NULL;
        text = (syl_span){mark + 3, strlen(mark + 3)};
    } else {
        for (const char *mark = sentence; (mark = strstr(mark, ">>")); mark += 2)
            text = (syl_span){mark + 2, strlen(mark + 2)};
    }
    text = syl_trim(text);
    *length = text.size;
    return text.size ? text.data : NULL;
}

/* Follows the moves among the sentences; what is no move is passed over. */
static void score_plan(syl_sent_score *score, const syl_sent_sample *sample, char *const *sentences,
                       int count)
{
    syl_blocks at, goal;
    syl_block_move move;
    char wanted[16];
    int moves = 0;
    score->is_plan = syl_blocks_parse_question(&at, &goal, sample->question);
    if (!score->is_plan) return;
    for (int i = 0; i < count; i++) {
        if (!syl_block_move_parse(&move, sentences[i])) continue;
        if (!syl_blocks_may_move(&at, move)) return;
        syl_blocks_move(&at, move);
        moves++;
    }
    score->plan_valid = syl_blocks_equal(&at, &goal);
    snprintf(wanted, sizeof wanted, "%d", moves);
    score->plan_shortest = score->plan_valid && !strcmp(wanted, sample->answer);
}

syl_sent_score syl_sent_score_of(const syl_sent_sample *sample, syl_sent_marker marker,
                                 char *const *sentences, int count)
{
    syl_sent_score score = {0};
    const char *last = count > 0 ? sentences[count - 1] : "";
    size_t length = 0;
    const char *answer = NULL;
    if (syl_sent_begins_answer(marker, last)) answer = syl_sent_answer_of(marker, last, &length);
    syl_span wanted = syl_trim((syl_span){sample->answer, strlen(sample->answer)});
    score.answered = answer != NULL;
    score.right = answer && length == wanted.size && !memcmp(answer, wanted.data, length);
    score_plan(&score, sample, sentences, count);
    return score;
}
