/* How well Disambiguated Skip-gram finds planted senses; under mpirun by several ranks.
 * Usage: planted_senses [--small | --read FOLDER] [--k-means] [--widest WORDS] [--OPTION VALUE ...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/dsg/planted.h"

static bool set_option(syl_dsg_options *o, const char *name, const char *value)
{
    struct {
        const char *name;
        int *whole;
        float *real;
        bool *flag;
    } all[] = {{"dim", &o->dim, 0, 0},
               {"window", &o->window, 0, 0},
               {"negative", &o->negative, 0, 0},
               {"epochs", &o->epochs, 0, 0},
               {"pretrain-epochs", &o->pretrain_epochs, 0, 0},
               {"batch", &o->batch, 0, 0},
               {"threads", &o->threads, 0, 0},
               {"alpha", 0, &o->alpha, 0},
               {"last-rate", 0, &o->last_rate, 0},
               {"choice-alpha", 0, &o->choice_alpha, 0},
               {"choice-bias", 0, &o->choice_bias, 0},
               {"pretrain-choice-alpha", 0, &o->pretrain_choice_alpha, 0},
               {"entropy", 0, &o->entropy, 0},
               {"pretrain-entropy", 0, &o->pretrain_entropy, 0},
               {"temperature", 0, &o->temperature, 0},
               {"last-temperature", 0, &o->last_temperature, 0},
               {"anneal-epochs", 0, &o->anneal_epochs, 0},
               {"momentum", 0, &o->momentum[0], 0},
               {"gumbel", 0, 0, &o->gumbel},
               {"per-pair", 0, 0, &o->per_pair},
               {"share", 0, 0, &o->share},
               {"shrink", 0, 0, &o->shrink},
               {"shuffle", 0, 0, &o->shuffle},
               {"log-uniform", 0, 0, &o->log_uniform}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(name, all[i].name) != 0) continue;
        if (all[i].whole) *all[i].whole = atoi(value);
        if (all[i].real) *all[i].real = strtof(value, NULL);
        if (all[i].flag) *all[i].flag = atoi(value) != 0;
        return true;
    }
    if (strcmp(name, "seed") == 0)
        o->seed = strtoull(value, NULL, 10);
    else if (strcmp(name, "sample") == 0)
        o->sample = strtod(value, NULL);
    else if (strcmp(name, "rule") == 0)
        o->rule = (syl_row_rule)atoi(value);
    else if (strcmp(name, "loss") == 0)
        o->loss = (syl_window_loss)atoi(value);
    else
        return false;
    return true;
}

static bool report(void *user, const syl_dsg_report *r)
{
    (void)user;
    if (r->course->round == r->course->rounds)
        fprintf(stderr, "epoch %d: loss %.4f entropy %.3f, %.0f words/s\n", r->course->epoch + 1,
                r->course->loss, r->entropy, r->course->words_per_second);
    return true;
}

/* Contexts of `window` words to each side. */
static void print_scores(const planted *p, const syl_dsg_result *r, const syl_dsg_options *o,
                         int window, bool k_means, double seconds)
{
    planted_score s = planted_evaluate(p, r, window, o->prune, k_means);
    printf("seed %llu, contexts of %d: ARI cosine %.3f network %.3f k-means %.3f purity %.3f; "
           "senses a word %.2f, a pseudo-word %.2f; entropy %.3f; loss %.4f; %.1f s\n",
           (unsigned long long)o->seed, window, s.cosine, s.network, s.k_means, s.purity, s.senses,
           s.pseudo_senses, s.entropy, r->loss, seconds);
}

int main(int argc, char **argv)
{
    planted_rules rules = planted_full();
    const char *folder = NULL;
    bool k_means = false;
    int senses = 3, widest = 0;
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--senses") == 0) senses = atoi(argv[i + 1]);
    syl_dsg_options o = syl_dsg_defaults(senses);
    o.dim = 64;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--small") == 0)
            rules = planted_small();
        else if (strcmp(argv[i], "--k-means") == 0)
            k_means = true;
        else if (i + 1 == argc || strncmp(argv[i], "--", 2) != 0)
            return fprintf(stderr, "%s: no such option, or no value\n", argv[i]), 2;
        else if (strcmp(argv[i], "--read") == 0)
            folder = argv[++i];
        else if (strcmp(argv[i], "--senses") == 0)
            i++;
        else if (strcmp(argv[i], "--widest") == 0) /* contexts of window, twice that, ... words */
            widest = atoi(argv[++i]);
        else if (!set_option(&o, argv[i] + 2, argv[i + 1]))
            return fprintf(stderr, "%s: no such option\n", argv[i]), 2;
        else
            i++;
    }
    planted p = folder ? planted_read(folder, 100) : planted_make(&rules);
    syl_ranks ranks;
    syl_dsg_watch watch = {.report = report};
    syl_dsg_trainer *t;
    syl_error err;
    if (syl_ranks_start(&ranks, &err) != SYL_OK) return fprintf(stderr, "%s\n", err.message), 1;
    double began = syl_clock_seconds();
    if (syl_dsg_trainer_create(&t, &p.corpus, &o, &ranks, &err) != SYL_OK ||
        syl_dsg_trainer_run(t, &watch, &err) != SYL_OK)
        return fprintf(stderr, "%s\n", err.message), 1;
    double seconds = syl_clock_seconds() - began;
    syl_dsg_result r = syl_dsg_trainer_result(t);
    bool first = ranks.rank == 0;
    syl_ranks_finish(&ranks, false);
    if (!first) return 0;
    widest = widest > o.window ? widest : o.window;
    for (int window = o.window; window <= widest; window *= 2)
        print_scores(&p, &r, &o, window, k_means, seconds);
    syl_dsg_trainer_free(t);
    planted_free(&p);
    return 0;
}
