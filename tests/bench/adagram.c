/* A model in the style of Adaptive Skip-gram (tests/dsg/adagram.h: ours, for comparison), on the
 * very corpus of a model of sylkit dsg train, whose vocabulary and preparation it takes over.
 * Usage: adagram train LIKE TEXT FORMAT OUT [--OPTION VALUE ...]
 *        adagram answers MODEL CONTEXTS KEY ANSWERS [--window N] [--least PRIOR] [--negative N]
 * OUT is a model for the commands of sylkit dsg, its priors E pi and without a network; ANSWERS are
 * the senses of the greatest posterior, for sylkit dsg eval answers. FORMAT: lines or wikipedia. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/context.h"
#include "embed/wsi_dataset.h"
#include "lib/base/clock.h"
#include "tests/dsg/adagram.h"
#include "tests/dsg/like.h"

/* ---- training ---------------------------------------------------------------------------- */

static bool set_option(adagram_options *o, const char *name, const char *value)
{
    struct {
        const char *name;
        int *whole;
        double *real;
    } all[] = {{"senses", &o->senses, 0},       {"dim", &o->dim, 0},
               {"window", &o->window, 0},       {"negative", &o->negative, 0},
               {"drawn", &o->drawn, 0},         {"epochs", &o->epochs, 0},
               {"first", 0, &o->first},         {"concentration", 0, &o->concentration},
               {"last-rate", 0, &o->last_rate}, {"alpha", 0, &o->rate}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(name, all[i].name) != 0) continue;
        if (all[i].whole) *all[i].whole = atoi(value);
        if (all[i].real) *all[i].real = strtod(value, NULL);
        return true;
    }
    if (strcmp(name, "seed") != 0) return false;
    o->seed = strtoull(value, NULL, 10);
    return true;
}

static void tell(double done, double mean)
{
    fprintf(stderr, "%5.1f%%  log-likelihood of a word %.4f\n", 100 * done, mean);
}

/* What was learnt goes where a model of that shape has it. */
static void fill(syl_dsg_model *m, const adagram *a)
{
    double pi[ADAGRAM_MAX_SENSES];
    size_t row = (size_t)m->dim * sizeof(float);
    for (int64_t i = 0; i < m->words * m->senses; i++)
        memcpy(m->sense_vectors + i * m->dim, a->sense + i * a->stride, row);
    for (int64_t w = 0; w < m->words; w++) {
        memcpy(m->output_vectors + w * m->dim, a->output + w * a->stride, row);
        adagram_prior(a, (int32_t)w, pi);
        for (int k = 0; k < m->senses; k++)
            m->priors[w * m->senses + k] = (float)pi[k];
    }
}

static void save(const adagram *a, syl_dsg_model *like, const char *path)
{
    syl_error err;
    syl_dsg_model *m;
    syl_vocabulary *vocabulary = like->vocabulary;
    like->vocabulary = NULL;
    if (syl_dsg_model_create(&m, vocabulary, &like->text, a->o.senses, a->o.dim, false, &err) !=
        SYL_OK)
        like_stop(&err);
    fill(m, a);
    if (syl_dsg_model_save(m, path, &err) != SYL_OK) like_stop(&err);
    syl_dsg_model_free(m);
}

static void train(char **name, const adagram_options *options)
{
    syl_error err;
    syl_dsg_model *like;
    adagram a;
    if (syl_dsg_model_load(&like, name[0], &err) != SYL_OK) like_stop(&err);
    double began = syl_clock_seconds();
    syl_documents d = like_read(like, name[1], name[2]);
    syl_dsg_corpus corpus = {.items = d.items,
                             .begin = d.begin,
                             .sentences = d.count,
                             .counts = syl_vocabulary_counts(like->vocabulary),
                             .words = like->words,
                             .unknown = like->unknown};
    adagram_create(&a, &corpus, options);
    adagram_train(&a, tell);
    printf("{\"sentences\": %lld, \"words\": %lld, \"seconds\": %.3f}\n", (long long)d.count,
           (long long)d.begin[d.count], syl_clock_seconds() - began);
    save(&a, like, name[3]);
    adagram_free(&a);
    syl_documents_free(&d);
    syl_dsg_model_free(like);
}

/* ---- answers ----------------------------------------------------------------------------- */

static adagram_view view_of(const syl_dsg_model *m, int negative)
{
    return (adagram_view){.sense = m->sense_vectors,
                          .output = m->output_vectors,
                          .priors = m->priors,
                          .counts = syl_vocabulary_counts(m->vocabulary),
                          .words = m->words,
                          .stride = m->dim,
                          .senses = m->senses,
                          .negative = negative,
                          .unknown = m->unknown};
}

static void answer(const syl_dsg_model *m, const syl_wsi_dataset *d, int window, int negative,
                   double least, int32_t *clusters)
{
    syl_error err;
    syl_context *context;
    syl_context_ids ids;
    adagram_word w;
    adagram_view v = view_of(m, negative);
    if (syl_context_create(&context, m, &err) != SYL_OK) like_stop(&err);
    for (size_t t = 0; t < d->num_targets; t++) {
        const syl_wsi_target *target = &d->targets[t];
        int32_t word = syl_dsg_find_word(m, target->word, strlen(target->word));
        if (word >= 0) adagram_look_up(&w, &v, word, least);
        for (size_t i = target->first; i < target->first + target->count && word >= 0; i++) {
            const syl_wsi_context *c = &d->contexts[i];
            if (syl_context_encode(context, c->left, c->right, window, &ids, &err) != SYL_OK)
                like_stop(&err);
            clusters[i] = adagram_choose(&w, &v, ids.ids, ids.count);
        }
    }
    syl_context_free(context);
}

static void answers(char **name, int window, int negative, double least)
{
    syl_error err;
    syl_dsg_model *m;
    syl_wsi_dataset d;
    if (syl_dsg_model_load(&m, name[0], &err) != SYL_OK ||
        syl_wsi_read(&d, name[1], name[2], &err) != SYL_OK)
        like_stop(&err);
    int32_t *clusters = like_room(d.num_contexts, sizeof *clusters);
    answer(m, &d, window, negative, least, clusters);
    if (syl_wsi_write_answers(name[3], &d, clusters, &err) != SYL_OK) like_stop(&err);
    free(clusters);
    syl_wsi_free(&d);
    syl_dsg_model_free(m);
}

int main(int argc, char **argv)
{
    adagram_options o = adagram_defaults();
    double least = 1e-3;
    bool learns = argc > 1 && strcmp(argv[1], "train") == 0;
    if (argc < 6 || (!learns && strcmp(argv[1], "answers") != 0))
        return fprintf(stderr, "see adagram.c for how to use it\n"), 2;
    if (!learns) o.window = 0;
    for (int i = 6; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--least") == 0)
            least = strtod(argv[i + 1], NULL);
        else if (strncmp(argv[i], "--", 2) != 0 || !set_option(&o, argv[i] + 2, argv[i + 1]))
            return fprintf(stderr, "%s: no such option\n", argv[i]), 2;
    if (o.senses < 1 || o.senses > ADAGRAM_MAX_SENSES || o.dim < 1)
        return fprintf(stderr, "senses or dimensions out of range\n"), 2;
    if (learns)
        train(argv + 2, &o);
    else
        answers(argv + 2, o.window, o.negative, least);
    return 0;
}
