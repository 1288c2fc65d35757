#include "embed/wsi.h"

#include <stdlib.h>
#include <string.h>

#include "embed/context.h"
#include "lib/base/memory.h"

syl_wsi_options syl_wsi_defaults(void)
{
    return (syl_wsi_options){.rule = SYL_RULE_COSINE};
}

/* ---- senses ----------------------------------------------------------------------------- */

static syl_status label_target(const syl_senses *senses, const syl_wsi_dataset *dataset,
                               const syl_wsi_target *target, int32_t word, syl_context *context,
                               const syl_wsi_options *options, int32_t *clusters,
                               size_t *uninformed, syl_error *err)
{
    for (size_t i = target->first; i < target->first + target->count; i++) {
        const syl_wsi_context *c = &dataset->contexts[i];
        syl_context_ids ids;
        syl_sense_choice choice;
        SYL_TRY(syl_context_encode(context, c->left, c->right, options->window, &ids, err));
        SYL_TRY(syl_senses_choose(senses, word, ids.ids, ids.count, options->rule, &choice, err));
        clusters[i] = choice.best;
        *uninformed += !choice.informed;
    }
    return SYL_OK;
}

syl_status syl_wsi_label(const syl_senses *senses, const syl_wsi_dataset *dataset,
                         const syl_wsi_options *options, int32_t *clusters, bool *known,
                         size_t *uninformed, syl_error *err)
{
    const syl_dsg_model *model = syl_senses_model(senses);
    syl_context *context;
    syl_status status = SYL_OK;
    SYL_TRY(syl_context_create(&context, model, err));
    *uninformed = 0;
    for (size_t i = 0; i < dataset->num_contexts; i++)
        clusters[i] = 0;
    for (size_t t = 0; t < dataset->num_targets && !status; t++) {
        const syl_wsi_target *target = &dataset->targets[t];
        int32_t word = syl_dsg_find_word(model, target->word, strlen(target->word));
        known[t] = word >= 0;
        if (known[t])
            status = label_target(senses, dataset, target, word, context, options, clusters,
                                  uninformed, err);
    }
    syl_context_free(context);
    return status;
}

/* ---- scores ----------------------------------------------------------------------------- */

static void add_to(syl_wsi_means *m, const syl_wsi_target_result *t)
{
    m->targets++;
    m->contexts += t->scored;
    m->ari += t->score.ari;
    m->v_measure += t->score.v_measure;
    m->homogeneity += t->score.homogeneity;
    m->completeness += t->score.completeness;
    m->f_score += t->score.f_score;
    m->precision += t->score.precision;
    m->recall += t->score.recall;
    m->clusters += t->score.clusters;
    m->classes += t->score.classes;
}

static void divide(syl_wsi_means *m)
{
    double *const sums[] = {&m->ari,          &m->v_measure, &m->homogeneity,
                            &m->completeness, &m->f_score,   &m->precision,
                            &m->recall,       &m->clusters,  &m->classes};
    for (size_t i = 0; i < sizeof sums / sizeof *sums && m->targets; i++)
        *sums[i] /= (double)m->targets;
}

/* room [2 num_contexts] */
static syl_status score_target(syl_wsi_target_result *out, const syl_wsi_dataset *dataset,
                               const syl_wsi_target *target, const int32_t *clusters, int32_t *room,
                               syl_error *err)
{
    int32_t *of_key = room, *of_model = room + dataset->num_contexts;
    for (size_t i = target->first; i < target->first + target->count; i++) {
        if (dataset->contexts[i].sense < 0) continue;
        of_key[out->scored] = dataset->contexts[i].sense;
        of_model[out->scored++] = clusters[i];
    }
    return syl_partition_scores(&out->score, of_key, of_model, out->scored, err);
}

static syl_status score_all(syl_wsi_result *out, const syl_wsi_dataset *dataset,
                            const int32_t *clusters, const bool *known, int32_t *room,
                            syl_error *err)
{
    for (size_t t = 0; t < dataset->num_targets; t++) {
        syl_wsi_target_result *result = &out->targets[t];
        result->known = !known || known[t];
        SYL_TRY(score_target(result, dataset, &dataset->targets[t], clusters, room, err));
        if (!result->scored) continue;
        add_to(&out->all, result);
        if (result->known) add_to(&out->known, result);
    }
    divide(&out->all);
    divide(&out->known);
    return SYL_OK;
}

syl_status syl_wsi_score(syl_wsi_result *out, const syl_wsi_dataset *dataset,
                         const int32_t *clusters, const bool *known, syl_error *err)
{
    syl_status status;
    *out = (syl_wsi_result){.targets = syl_calloc(dataset->num_targets, sizeof *out->targets)};
    int32_t *room = syl_calloc(dataset->num_contexts, 2 * sizeof *room);
    if (!room || !out->targets)
        status = syl_fail_memory(err, dataset->num_contexts * 2 * sizeof *room, "scores");
    else
        status = score_all(out, dataset, clusters, known, room, err);
    free(room);
    if (status) syl_wsi_result_free(out);
    return status;
}

syl_status syl_wsi_evaluate(syl_wsi_result *out, const syl_senses *senses,
                            const syl_wsi_dataset *dataset, const syl_wsi_options *options,
                            syl_error *err)
{
    int32_t *clusters = syl_calloc(dataset->num_contexts, sizeof *clusters);
    bool *known = syl_calloc(dataset->num_targets, sizeof *known);
    size_t uninformed = 0;
    syl_status status = SYL_OK;
    *out = (syl_wsi_result){0};
    if (!clusters || !known)
        status = syl_fail_memory(err, dataset->num_contexts * sizeof *clusters, "senses");
    if (!status)
        status = syl_wsi_label(senses, dataset, options, clusters, known, &uninformed, err);
    if (!status) status = syl_wsi_score(out, dataset, clusters, known, err);
    out->uninformed = uninformed;
    free(clusters);
    free(known);
    return status;
}

void syl_wsi_result_free(syl_wsi_result *result)
{
    free(result->targets);
    *result = (syl_wsi_result){0};
}
