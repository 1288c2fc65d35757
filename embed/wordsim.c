#include "embed/wordsim.h"

#include <stdlib.h>

#include "embed/context.h"
#include "embed/rank_correlation.h"
#include "lib/base/memory.h"

syl_wordsim_options syl_wordsim_defaults(void)
{
    return (syl_wordsim_options){.rule = SYL_RULE_COSINE};
}

typedef struct evaluation {
    const syl_senses *senses;
    const syl_wordsim_options *options;
    syl_wordsim_result *out;
    syl_context *context; /* NULL: pairs without contexts */
    size_t room;
    double *people; /* [room] scores of the covered pairs */
    double *model;  /* [SYL_NUM_SIMILARITIES][room] */
} evaluation;

static syl_status choose(evaluation *e, const syl_word_pair *pair, const int32_t word[2],
                         syl_sense_choice choice[2], syl_error *err)
{
    for (int i = 0; i < 2; i++) {
        syl_context_ids ids;
        SYL_TRY(syl_context_encode(e->context, pair->left[i], pair->right[i], e->options->window,
                                   &ids, err));
        SYL_TRY(syl_senses_choose(e->senses, word[i], ids.ids, ids.count, e->options->rule,
                                  &choice[i], err));
        e->out->uninformed += !choice[i].informed;
    }
    return SYL_OK;
}

static syl_status compare_pair(evaluation *e, const syl_word_pair *pair, syl_error *err)
{
    syl_sense_choice choice[2];
    int32_t word[2];
    for (int i = 0; i < 2; i++) {
        word[i] =
            syl_dsg_find_word(syl_senses_model(e->senses), pair->word[i].data, pair->word[i].size);
        if (word[i] < 0) return SYL_OK;
    }
    if (e->context) SYL_TRY(choose(e, pair, word, choice, err));
    size_t at = e->out->covered++;
    e->people[at] = pair->score;
    for (int kind = 0; kind < SYL_NUM_SIMILARITIES; kind++)
        if (e->out->measured[kind])
            e->model[(size_t)kind * e->room + at] = syl_senses_similarity(
                e->senses, (syl_similarity)kind, word[0], word[1], &choice[0], &choice[1]);
    return SYL_OK;
}

static syl_status compare_all(evaluation *e, const syl_word_pairs *pairs, syl_error *err)
{
    for (size_t i = 0; i < pairs->count; i++)
        SYL_TRY(compare_pair(e, &pairs->pairs[i], err));
    for (int kind = 0; kind < SYL_NUM_SIMILARITIES; kind++) {
        if (!e->out->measured[kind]) continue;
        SYL_TRY(syl_spearman(&e->out->spearman[kind], e->model + (size_t)kind * e->room, e->people,
                             e->out->covered, err));
        e->out->spearman[kind] *= 100;
    }
    return SYL_OK;
}

syl_status syl_wordsim_evaluate(syl_wordsim_result *out, const syl_senses *senses,
                                const syl_word_pairs *pairs, const syl_wordsim_options *options,
                                syl_error *err)
{
    evaluation e = {.senses = senses, .options = options, .out = out, .room = pairs->count};
    *out = (syl_wordsim_result){.pairs = pairs->count};
    for (int kind = 0; kind < SYL_NUM_SIMILARITIES; kind++)
        out->measured[kind] =
            pairs->contexts || (kind != SYL_SIM_AVERAGE_C && kind != SYL_SIM_LOCAL);
    if (pairs->contexts) SYL_TRY(syl_context_create(&e.context, syl_senses_model(senses), err));
    e.people = syl_calloc(e.room, (1 + SYL_NUM_SIMILARITIES) * sizeof *e.people);
    e.model = e.people ? e.people + e.room : NULL;
    syl_status status = e.people ? compare_all(&e, pairs, err)
                                 : syl_fail_memory(err, e.room * 6 * sizeof *e.people, "scores");
    free(e.people);
    syl_context_free(e.context);
    return status;
}
