#include "train/dsg/args.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const schedules[] = {"own", "public", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const losses[] = {"softmax", "negatives", NULL};
static const char *const samplers[] = {"counts", "ranks", NULL};
static const char *const noises[] = {"none", "window", "pair", NULL};
static const char *const rules[] = {"sgd", "momentum", "adagrad", NULL};

#define TEXT(name, field, help) SYL_OPTION_TEXT(syl_dsg_args, name, field, help)
#define WHOLE(name, field, low, high, help) \
    SYL_OPTION_INT(syl_dsg_args, name, field, low, high, help)
#define REAL(name, field, low, high, help) \
    SYL_OPTION_REAL(syl_dsg_args, name, field, low, high, help)
#define CHOICE(name, field, names, help) SYL_OPTION_CHOICE(syl_dsg_args, name, field, names, help)

static const syl_arg table[] = {
    SYL_OPTION_HEADING("Model (defaults below depend on the first two):"),
    WHOLE("senses", senses, 1, SYL_MAX_SENSES, "vectors a word; 1: plain skip-gram"),
    CHOICE("schedule", schedule, schedules,
           "public: the authors' program's, for very large texts with UNKNOWN"),
    WHOLE("dim", dim, 1, 4096, "length of a vector"),
    WHOLE("size", dim, 1, 4096, "the same, as word2vec calls it"),
    WHOLE("window", window, 1, 1000, "words to each side"),
    CHOICE("shrink", shrink, no_yes, "a random width for each window, as word2vec"),
    CHOICE("shuffle", shuffle, no_yes, "a new order of the sentences for each epoch"),
    REAL("sample", sample, 0, 1, "threshold of frequent words, as word2vec's; 0: none"),
    CHOICE("loss", loss, losses, "sampled softmax, or negative sampling"),
    WHOLE("negative", negative, 0, 10000, "negatives of a window"),
    CHOICE("sampler", sampler, samplers, "negatives by count^0.75, or by rank of the count"),
    CHOICE("share-negatives", share, no_yes, "all windows of a batch have the same"),
    CHOICE("pad", pad, no_yes, "what is missing of a window counts as UNKNOWN"),
    SYL_OPTION_HEADING("Choice of senses:"),
    CHOICE("gumbel", gumbel, noises, "noise for each window, or for each pair of words"),
    REAL("temperature", temperature, 1e-3, 1e3, "of the choice, at first"),
    REAL("last-temperature", last_temperature, 1e-3, 1e3, "later"),
    REAL("anneal-epochs", anneal_epochs, 0, SYL_DSG_MAX_EPOCHS, "from the one to the other"),
    REAL("entropy", entropy, -1e3, 1e3, "its weight in the loss: above 0 fewer senses"),
    WHOLE("pretrain-epochs", pretrain_epochs, 0, SYL_DSG_MAX_EPOCHS,
          "first, with one sense network for all words"),
    REAL("pretrain-entropy", pretrain_entropy, -1e3, 1e3, "below 0 keeps all senses alive"),
    REAL("choice-alpha", choice_alpha, 0, 100, "learning rate of the sense network"),
    REAL("choice-bias", choice_bias, 0, 100, "that of its biases, as a part of it"),
    REAL("pretrain-choice-alpha", pretrain_choice_alpha, 0, 100, "that of the shared network"),
    REAL("prune", prune, 0, 1, "senses of a lower prior are not counted, or written as vectors"),
    SYL_OPTION_HEADING("Optimisation:"),
    WHOLE("epochs", epochs, 1, SYL_DSG_MAX_EPOCHS, "over the texts, after those of pretraining"),
    WHOLE("iter", epochs, 1, SYL_DSG_MAX_EPOCHS, "the same, as word2vec calls it"),
    REAL("alpha", alpha, 1e-9, 100, "learning rate"),
    REAL("last-rate", last_rate, 0, 1, "what rates fall to, as a part of themselves"),
    TEXT("epoch-alpha", epoch_alpha, "rates of epochs, with commas, in their place"),
    CHOICE("rule", rule, rules, "of updates"),
    TEXT("momentum", momentum, "of epochs, with commas (--rule momentum)"),
    WHOLE("batch", batch, 1, 1 << 20, "windows whose gradients are of the same values"),
    SYL_OPTION_HEADING("The run:"),
    TEXT("state", state, "FILE where the run is kept, to be resumed"),
    REAL("state-seconds", state_seconds, 0, 1e9, "between two writings of it"),
    SYL_OPTION_FLAG(syl_dsg_args, "resume", resume, "go on from --state where it is there"),
    WHOLE("exchange-every", exchange_every, 0, 1 << 20,
          "blocks of 16384 words between exchanges of processes; 0: an epoch"),
    WHOLE("threads", threads, 1, 1024, "the model is the same bits for any number"),
    WHOLE("seed", seed, 0, INT32_MAX, "of all that is random"),
};
#define COUNT (sizeof table / sizeof *table)
_Static_assert(COUNT <= SYL_DSG_ARGS_MOST, "room for all of them");

static syl_dsg_options schedule_options(int senses, int schedule)
{
    return schedule == SYL_DSG_SCHEDULE_PUBLIC ? syl_dsg_public_schedule(senses)
                                               : syl_dsg_defaults(senses);
}

/* 0.04f as 0.04: what a person would have written. */
static double written(float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", (double)value);
    return strtod(text, NULL);
}

syl_dsg_args syl_dsg_args_defaults(int senses, syl_dsg_schedule schedule)
{
    syl_dsg_options o = schedule_options(senses, schedule);
    return (syl_dsg_args){.senses = senses,
                          .schedule = (int)schedule,
                          .dim = o.dim,
                          .window = o.window,
                          .shrink = o.shrink,
                          .shuffle = o.shuffle,
                          .loss = (int)o.loss,
                          .negative = o.negative,
                          .sampler = o.log_uniform,
                          .share = o.share,
                          .pad = o.pad,
                          .gumbel = o.gumbel ? 1 + o.per_pair : 0,
                          .epochs = o.epochs,
                          .pretrain_epochs = o.pretrain_epochs,
                          .rule = (int)o.rule,
                          .batch = o.batch,
                          .threads = o.threads,
                          .seed = (int)o.seed,
                          .exchange_every = o.exchange_every,
                          .sample = o.sample,
                          .alpha = written(o.alpha),
                          .last_rate = written(o.last_rate),
                          .choice_alpha = written(o.choice_alpha),
                          .choice_bias = written(o.choice_bias),
                          .pretrain_choice_alpha = written(o.pretrain_choice_alpha),
                          .temperature = written(o.temperature),
                          .last_temperature = written(o.last_temperature),
                          .anneal_epochs = written(o.anneal_epochs),
                          .entropy = written(o.entropy),
                          .pretrain_entropy = written(o.pretrain_entropy),
                          .prune = written(o.prune),
                          .state_seconds = o.checkpoint_seconds};
}

syl_arg *syl_dsg_args_table(syl_arg *to, size_t offset)
{
    return syl_args_append(to, table, COUNT, offset);
}

/* Numbers with commas between; *count of them. */
static int take_list(const char *command, const char *option, const char *text, double most,
                     float *to, int *count)
{
    char number[64];
    for (*count = 0; *count < SYL_DSG_MAX_SCHEDULED; ++*count) {
        size_t n = strcspn(text, ",");
        double value;
        snprintf(number, sizeof number, "%.*s", (int)n, text);
        int code = syl_option_double(command, option, number, 0, most, &value);
        if (code != SYL_EXIT_OK) return code;
        to[*count] = (float)value;
        if (!text[n]) {
            ++*count;
            return SYL_EXIT_OK;
        }
        text += n + 1;
    }
    return syl_usage(command, "%s has more than %d numbers", option, SYL_DSG_MAX_SCHEDULED);
}

static int take_schedule(const syl_dsg_args *a, const char *command, syl_dsg_options *o)
{
    int momenta = o->scheduled > 0 ? o->scheduled : 1, code = SYL_EXIT_OK;
    if (a->epoch_alpha)
        code =
            take_list(command, "--epoch-alpha", a->epoch_alpha, 100, o->epoch_alpha, &o->scheduled);
    if (code == SYL_EXIT_OK && a->momentum)
        code = take_list(command, "--momentum", a->momentum, 0.9999, o->momentum, &momenta);
    if (code != SYL_EXIT_OK) return code;
    if (a->momentum && momenta > 1 && !o->scheduled)
        return syl_usage(command, "--momentum of several epochs needs --epoch-alpha");
    /* The last number of either list stands for all further epochs. */
    for (; o->scheduled && o->scheduled < momenta; o->scheduled++)
        o->epoch_alpha[o->scheduled] = o->epoch_alpha[o->scheduled - 1];
    for (int i = momenta; i < SYL_DSG_MAX_SCHEDULED; i++)
        o->momentum[i] = o->momentum[momenta - 1];
    return SYL_EXIT_OK;
}

static void take_numbers(const syl_dsg_args *a, syl_dsg_options *o)
{
    o->dim = a->dim;
    o->window = a->window;
    o->shrink = a->shrink == 1;
    o->shuffle = a->shuffle == 1;
    o->loss = (syl_window_loss)a->loss;
    o->negative = a->negative;
    o->log_uniform = a->sampler == 1;
    o->share = a->share == 1;
    o->pad = a->pad == 1;
    o->gumbel = a->gumbel > 0;
    o->per_pair = a->gumbel > 1;
    o->epochs = a->epochs;
    o->pretrain_epochs = a->pretrain_epochs;
    o->rule = (syl_row_rule)a->rule;
    o->batch = a->batch;
    o->threads = a->threads;
    o->seed = (uint64_t)a->seed;
    o->exchange_every = a->exchange_every;
    o->sample = a->sample;
    o->alpha = (float)a->alpha;
    o->last_rate = (float)a->last_rate;
    o->choice_alpha = (float)a->choice_alpha;
    o->choice_bias = (float)a->choice_bias;
    o->pretrain_choice_alpha = (float)a->pretrain_choice_alpha;
    o->temperature = (float)a->temperature;
    o->last_temperature = (float)a->last_temperature;
    o->anneal_epochs = (float)a->anneal_epochs;
    o->entropy = (float)a->entropy;
    o->pretrain_entropy = (float)a->pretrain_entropy;
    o->prune = (float)a->prune;
    o->checkpoint = a->state;
    o->resume = a->resume;
    o->checkpoint_seconds = a->state_seconds;
}

int syl_dsg_args_options(const syl_dsg_args *a, const char *command, syl_dsg_options *out)
{
    *out = schedule_options(a->senses, a->schedule);
    take_numbers(a, out);
    if (a->resume && !a->state)
        return syl_usage(command, "--resume needs --state FILE: the run that it goes on with");
    if (a->gumbel == 2 && !a->share)
        return syl_usage(command, "--gumbel pair needs --share-negatives yes");
    if (a->loss == SYL_WINDOW_SOFTMAX && !a->negative)
        return syl_usage(command, "--loss softmax needs --negative 1 or more");
    if (a->senses == 1 && a->loss == SYL_WINDOW_NEGATIVES && a->rule != SYL_ROW_SGD)
        return syl_usage(command, "--rule %s: with one sense it is for --loss softmax",
                         rules[a->rule]);
    if (a->senses == 1 && a->loss == SYL_WINDOW_NEGATIVES && (a->share || a->pad))
        return syl_usage(command, "%s yes: with one sense it is for --loss softmax",
                         a->share ? "--share-negatives" : "--pad");
    if (a->momentum && a->rule != SYL_ROW_MOMENTUM)
        return syl_usage(command, "--momentum is for --rule momentum");
    return take_schedule(a, command, out);
}

/* Other names of an option, and what does not change the model. */
static bool is_recorded(const syl_arg *a)
{
    static const char *const others[] = {"size",   "iter",          "state",
                                         "resume", "state-seconds", "threads"};
    for (size_t i = 0; a->kind != SYL_ARG_HEADING && i < sizeof others / sizeof *others; i++)
        if (!strcmp(a->name, others[i])) return false;
    return a->kind != SYL_ARG_HEADING;
}

json_t *syl_dsg_args_record(const syl_dsg_args *args)
{
    syl_arg recorded[COUNT];
    syl_args_append(recorded, table, COUNT, 0);
    for (size_t i = 0; i < COUNT; i++)
        recorded[i].recorded = is_recorded(&recorded[i]);
    char *text = syl_args_record(recorded, COUNT, args);
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return object;
}
