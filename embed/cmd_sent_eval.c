/* sylkit sent eval: how often a sentence model is right, and what that costs. */
#include <stdio.h>

#include "embed/bpv_arrays.h"
#include "embed/cmd.h"
#include "embed/sent_run.h"

#define COMMAND "sent eval"
#define MOST_SENTENCES 64 /* longer chains are counted together */

typedef struct arguments {
    syl_sent_run_args run;
} arguments;

/* Of questions whose reasoning has so many sentences. */
typedef struct tally {
    size_t count, right;
} tally;

typedef struct summary {
    size_t answered, plans, valid, shortest, sentences, restored;
    tally all, by_sentences[MOST_SENTENCES + 1];
    double flops, published, closed_form, calls, seconds, latents;
} summary;

static void add(summary *s, const syl_sent_run *run, size_t i)
{
    const syl_sent_sample *sample = &run->dataset.samples[i];
    const syl_inference *r = &run->results[i];
    const syl_sent_config *c = &run->model->config;
    int n = sample->num_sentences < MOST_SENTENCES ? sample->num_sentences : MOST_SENTENCES;
    s->all.count++;
    s->all.right += r->score.right;
    s->by_sentences[n].count++;
    s->by_sentences[n].right += r->score.right;
    s->answered += r->score.answered;
    s->plans += r->score.is_plan;
    s->valid += r->score.plan_valid;
    s->shortest += r->score.plan_shortest;
    s->sentences += (size_t)sample->num_sentences;
    s->restored += (size_t)r->restored;
    s->flops += r->flops;
    s->closed_form += syl_flops_of(c, &r->trace);
    s->published += syl_flops_published(c, &r->trace) - syl_flops_of(c, &r->trace) + r->flops;
    s->calls += (double)r->calls;
    s->seconds += r->seconds;
    s->latents += r->trace.num_sentences ? r->trace.num_sentences : r->num_sentences;
}

static double share(size_t part, size_t of)
{
    return of ? (double)part / (double)of : 0;
}

static json_t *by_sentences(const summary *s)
{
    json_t *object = json_object();
    char key[16];
    for (int n = 0; n <= MOST_SENTENCES; n++) {
        const tally *t = &s->by_sentences[n];
        if (!t->count) continue;
        snprintf(key, sizeof key, "%d", n);
        json_object_set_new(object, key,
                            json_pack("{s:I, s:f}", "questions", (json_int_t)t->count, "accuracy",
                                      share(t->right, t->count)));
    }
    return object;
}

static void set_costs(json_t *line, const summary *s, const syl_sent_run *run)
{
    double n = (double)s->all.count;
    json_object_set_new(line, "sentences", json_real(s->latents / n));
    json_object_set_new(line, "calls", json_real(s->calls / n));
    json_object_set_new(line, "mflops", json_real(s->flops / n / 1e6));
    json_object_set_new(line, "mflops_published", json_real(s->published / n / 1e6));
    json_object_set_new(line, "mflops_closed_form", json_real(s->closed_form / n / 1e6));
    json_object_set_new(line, "ms", json_real(1e3 * s->seconds / n));
    json_object_set_new(line, "seconds", json_real(run->seconds));
}

static syl_status report(const syl_sent_run *run, const char *model, const char *data,
                         syl_error *err)
{
    summary s = {0};
    const syl_infer_options *o = &run->options;
    for (size_t i = 0; i < run->dataset.count; i++)
        add(&s, run, i);
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:f, s:f}", "model", model, "data", data, "stage",
                  syl_sent_stage_names[run->model->config.stage], "regime",
                  syl_regime_names[o->regime], "questions", (json_int_t)s.all.count, "accuracy",
                  share(s.all.right, s.all.count), "answered", share(s.answered, s.all.count));
    if (!line) return syl_fail(err, SYL_EINVAL, "a file name that is not UTF-8 cannot be reported");
    json_object_set_new(line, "by_sentences", by_sentences(&s));
    if (o->regime == SYL_REGIME_RESTORE)
        json_object_set_new(line, "restored", json_real(share(s.restored, s.sentences)));
    if (s.plans) {
        json_object_set_new(line, "plans_valid", json_real(share(s.valid, s.plans)));
        json_object_set_new(line, "plans_shortest", json_real(share(s.shortest, s.plans)));
    }
    if (syl_sent_has_latent(&run->model->config)) {
        json_object_set_new(line, "stop", json_string(syl_stop_rule_names[o->stop]));
        json_object_set_new(line, "latent_norm",
                            json_string(syl_latent_norm_names[o->latent_norm]));
        json_object_set_new(line, "latent_scale", json_real(o->latent_scale));
    }
    if (o->noise.place) {
        json_object_set_new(line, "noise", json_string(syl_noise_place_names[o->noise.place]));
        json_object_set_new(line, "noise_sigma", json_real(o->noise.sigma));
    }
    set_costs(line, &s, run);
    return syl_print_json(line, err);
}

static int start(void *args, int argc, char **argv)
{
    const arguments *a = args;
    syl_error err;
    syl_sent_run run = {0};
    if (argc != 2) return syl_usage(COMMAND, "name a MODEL and a file of questions");
    syl_status status = syl_sent_run_args_read(&a->run, argv[1], &run.dataset, &err);
    if (!status) status = syl_sent_run_all(&run, &a->run, argv[0], &err);
    if (!status) status = report(&run, argv[0], argv[1], &err);
    syl_sent_run_free(&run);
    return syl_exit_code(status, &err);
}

static const char usage[] =
    "Usage: sylkit sent eval [OPTIONS] MODEL DATA.json\n"
    "How often a model answers rightly, and what an answer costs: one JSON object.\n";

int syl_cmd_sent_eval(int argc, char **argv)
{
    syl_arg table[SYL_SENT_ARGS_MOST], *end;
    unsigned parts = SYL_SENT_ARGS_MODEL | SYL_SENT_ARGS_RUN | SYL_SENT_ARGS_REGIME;
    end = syl_sent_run_args_table(table, parts, offsetof(arguments, run));
    syl_arg_command command = {COMMAND, usage, .table = table, .count = (size_t)(end - table),
                               .start = start};
    arguments a = {.run = syl_sent_run_args_defaults()};
    return syl_args_run(&command, &a, &a, argc, argv);
}
