#include "embed/dsg_eval.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "embed/analogies.h"
#include "embed/wordsim.h"
#include "embed/wsi.h"
#include "lib/base/memory.h"

/* Takes over the object; NULL is no memory. */
static syl_status add_result(json_t *results, json_t *object, syl_error *err)
{
    if (object && json_array_append_new(results, object) == 0) return SYL_OK;
    return syl_fail(err, SYL_ENOMEM, "no memory for results");
}

/* ---- word sense induction -------------------------------------------------------------- */

static json_t *means_json(const syl_wsi_means *m)
{
    return json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "words",
                     (json_int_t)m->targets, "contexts", (json_int_t)m->contexts, "ari", m->ari,
                     "v_measure", m->v_measure, "homogeneity", m->homogeneity, "completeness",
                     m->completeness, "f_score", m->f_score, "precision", m->precision, "recall",
                     m->recall, "clusters", m->clusters, "classes", m->classes);
}

static json_t *words_json(const syl_wsi_dataset *d, const syl_wsi_result *r)
{
    json_t *all = json_array();
    for (size_t i = 0; i < d->num_targets; i++) {
        const syl_wsi_target_result *t = &r->targets[i];
        if (t->scored)
            json_array_append_new(all, json_pack("{s:s, s:b, s:I, s:f, s:f, s:f, s:i, s:i}", "word",
                                                 d->targets[i].name, "known", t->known, "contexts",
                                                 (json_int_t)t->scored, "ari", t->score.ari,
                                                 "v_measure", t->score.v_measure, "f_score",
                                                 t->score.f_score, "clusters", t->score.clusters,
                                                 "classes", t->score.classes));
    }
    return all;
}

static void print_means(FILE *to, const char *name, const syl_wsi_means *m)
{
    fprintf(to, "%-20s%8zu%10zu%9.4f%11.4f%9.4f%10.2f%9.2f\n", name, m->targets, m->contexts,
            m->ari, m->v_measure, m->f_score, m->clusters, m->classes);
}

static void print_wsi(const syl_dsg_eval *e, const syl_wsi_dataset *d, const syl_wsi_result *r)
{
    fprintf(e->table, "%-20s%8s%10s%9s%11s%9s%10s%9s\n", "", "words", "contexts", "ARI",
            "V-measure", "F", "clusters", "classes");
    for (size_t i = 0; e->per_word && i < d->num_targets; i++) {
        const syl_wsi_target_result *t = &r->targets[i];
        const syl_partition_score *s = &t->score;
        if (t->scored)
            fprintf(e->table, "%-20s%8s%10zu%9.4f%11.4f%9.4f%10d%9d\n", d->targets[i].name,
                    t->known ? "" : "unknown", t->scored, s->ari, s->v_measure, s->f_score,
                    s->clusters, s->classes);
    }
    print_means(e->table, "all", &r->all);
    if (e->senses) print_means(e->table, "in the vocabulary", &r->known);
    fprintf(e->table, "contexts of several senses, not scored: %zu", d->several);
    if (e->senses) fprintf(e->table, "; without known words: %zu", r->uninformed);
    fputc('\n', e->table);
}

/* The files of one evaluation. */
typedef struct wsi_files {
    const char *contexts, *key, *answers; /* answers: NULL, the model gives them */
} wsi_files;

static syl_status induce(const syl_dsg_eval *e, const syl_wsi_dataset *d, const wsi_files *files,
                         int32_t *clusters, bool *known, syl_wsi_result *out, syl_error *err)
{
    syl_wsi_options o = syl_wsi_defaults();
    size_t uninformed = 0;
    o.rule = e->rule;
    o.window = e->window;
    if (files->answers)
        SYL_TRY(syl_wsi_read_answers(clusters, d, files->contexts, files->answers, err));
    else
        SYL_TRY(syl_wsi_label(e->senses, d, &o, clusters, known, &uninformed, err));
    if (e->labels) SYL_TRY(syl_wsi_write_answers(e->labels, d, clusters, err));
    SYL_TRY(syl_wsi_score(out, d, clusters, files->answers ? NULL : known, err));
    out->uninformed = uninformed;
    return SYL_OK;
}

static syl_status tell_wsi(const syl_dsg_eval *e, const syl_wsi_dataset *d, const syl_wsi_result *r,
                           json_t *results, syl_error *err)
{
    if (e->table) print_wsi(e, d, r);
    json_t *all = json_pack("{s:o, s:o, s:I, s:I}", "all", means_json(&r->all), "known",
                            means_json(&r->known), "several", (json_int_t)d->several, "uninformed",
                            (json_int_t)r->uninformed);
    if (all && e->per_word) json_object_set_new(all, "words", words_json(d, r));
    return add_result(results, all, err);
}

static syl_status evaluate_wsi(const syl_dsg_eval *e, const wsi_files *files, json_t *results,
                               syl_error *err)
{
    syl_wsi_dataset d;
    syl_wsi_result r = {0};
    SYL_TRY(syl_wsi_read(&d, files->contexts, files->key, err));
    if (!d.labelled) {
        syl_wsi_free(&d);
        return syl_fail(err, SYL_EFORMAT, "%s gives no context of %s one sense: nothing to score",
                        files->key, files->contexts);
    }
    int32_t *clusters = syl_calloc(d.num_contexts + 1, sizeof *clusters);
    bool *known = syl_calloc(d.num_targets + 1, sizeof *known);
    syl_status status = clusters && known
                            ? induce(e, &d, files, clusters, known, &r, err)
                            : syl_fail_memory(err, d.num_contexts * sizeof *clusters, "clusters");
    if (status == SYL_OK) status = tell_wsi(e, &d, &r, results, err);
    free(clusters);
    free(known);
    syl_wsi_result_free(&r);
    syl_wsi_free(&d);
    return status;
}

syl_status syl_dsg_eval_wsi(const syl_dsg_eval *e, const char *contexts, const char *key,
                            json_t *results, syl_error *err)
{
    return evaluate_wsi(e, &(wsi_files){contexts, key, NULL}, results, err);
}

syl_status syl_dsg_eval_answers(const syl_dsg_eval *e, const char *answers, const char *contexts,
                                const char *key, json_t *results, syl_error *err)
{
    return evaluate_wsi(e, &(wsi_files){contexts, key, answers}, results, err);
}

/* ---- similarity ------------------------------------------------------------------------- */

static syl_status tell_pairs(const syl_dsg_eval *e, const char *path, const syl_wordsim_result *r,
                             json_t *results, syl_error *err)
{
    json_t *scores = json_object();
    if (e->table) fprintf(e->table, "%s: %zu of %zu pairs\n", path, r->covered, r->pairs);
    for (int k = 0; k < SYL_NUM_SIMILARITIES; k++) {
        if (!r->measured[k]) continue;
        if (e->table)
            fprintf(e->table, "    %-12s%8.2f\n", syl_similarity_names[k], r->spearman[k]);
        json_object_set_new(scores, syl_similarity_names[k], json_real(r->spearman[k]));
    }
    return add_result(results,
                      json_pack("{s:s, s:I, s:I, s:I, s:o}", "file", path, "pairs",
                                (json_int_t)r->pairs, "covered", (json_int_t)r->covered,
                                "uninformed", (json_int_t)r->uninformed, "spearman", scores),
                      err);
}

static syl_status evaluate_pairs(const syl_dsg_eval *e, const char *path,
                                 const syl_word_pairs *pairs, bool with_contexts, json_t *results,
                                 syl_error *err)
{
    syl_wordsim_options o = syl_wordsim_defaults();
    syl_wordsim_result r;
    o.rule = e->rule;
    o.window = e->window;
    if (!pairs->count) return syl_fail(err, SYL_EFORMAT, "%s has no pairs of words", path);
    if (with_contexts && !pairs->contexts)
        return syl_fail(err, SYL_EINVAL, "%s has no contexts; see sylkit dsg eval wordsim", path);
    SYL_TRY(syl_wordsim_evaluate(&r, e->senses, pairs, &o, err));
    return tell_pairs(e, path, &r, results, err);
}

syl_status syl_dsg_eval_pairs(const syl_dsg_eval *e, const char *path, bool with_contexts,
                              json_t *results, syl_error *err)
{
    syl_word_pairs pairs;
    SYL_TRY(syl_word_pairs_read(&pairs, path, err));
    syl_status status = evaluate_pairs(e, path, &pairs, with_contexts, results, err);
    syl_word_pairs_free(&pairs);
    return status;
}

/* ---- analogies -------------------------------------------------------------------------- */

static double percent(size_t part, size_t of)
{
    return of ? 100.0 * (double)part / (double)of : 0;
}

static json_t *analogy_json(const char *name, const syl_analogy_score *s)
{
    return json_pack("{s:s, s:I, s:I, s:f, s:f}", "name", name, "questions",
                     (json_int_t)s->questions, "covered", (json_int_t)s->covered, "cos_add",
                     percent(s->add, s->covered), "cos_mul", percent(s->multiply, s->covered));
}

static void print_analogies(FILE *to, const char *name, const syl_analogy_score *s)
{
    fprintf(to, "%-32s%10zu%10zu%10.2f%10.2f\n", name, s->questions, s->covered,
            percent(s->add, s->covered), percent(s->multiply, s->covered));
}

static syl_status tell_analogies(const syl_dsg_eval *e, const char *path, const syl_analogies *a,
                                 const syl_analogies_result *r, json_t *results, syl_error *err)
{
    json_t *sections = json_array(), *all = analogy_json(path, &r->total);
    if (e->table)
        fprintf(e->table, "%-32s%10s%10s%10s%10s\n", path, "questions", "covered", "3CosAdd %",
                "3CosMul %");
    for (size_t i = 0; i < a->num_sections; i++) {
        if (e->table) print_analogies(e->table, a->sections[i].name, &r->sections[i]);
        json_array_append_new(sections, analogy_json(a->sections[i].name, &r->sections[i]));
    }
    if (e->table) print_analogies(e->table, "all", &r->total);
    if (all)
        json_object_set_new(all, "sections", sections);
    else
        json_decref(sections);
    return add_result(results, all, err);
}

syl_status syl_dsg_eval_analogies(const syl_dsg_eval *e, const char *path, json_t *results,
                                  syl_error *err)
{
    syl_analogies a;
    syl_analogies_result r = {0};
    SYL_TRY(syl_analogies_read(&a, path, err));
    syl_status status = a.count ? SYL_OK : syl_fail(err, SYL_EFORMAT, "%s has no questions", path);
    if (status == SYL_OK)
        status = syl_analogies_evaluate(&r, e->senses, &a, e->candidates, e->threads, err);
    if (status == SYL_OK) status = tell_analogies(e, path, &a, &r, results, err);
    syl_analogies_result_free(&r);
    syl_analogies_free(&a);
    return status;
}
