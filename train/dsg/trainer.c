#include "train/dsg/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/dsg/run.h"

/* ---- create, free, result -----------------------------------------------------------------------
 */

/* The correction for sampling stands in the bias (skipgram.h). */
static float correction(const syl_dsg_trainer *t, int64_t word)
{
    float log_q = t->windows.sampler.log_q[word] + logf((float)t->options.negative);
    return isfinite(log_q) ? log_q : 0;
}

static syl_status create(syl_dsg_trainer *t, syl_error *err)
{
    const syl_dsg_options *o = &t->options;
    size_t rows = (size_t)t->corpus->words, priors = rows * (size_t)o->senses;
    SYL_TRY(syl_dsg_tables_create(&t->tables, o, t->corpus->words, err));
    SYL_TRY(syl_dsg_windows_create(&t->windows, t->corpus, &t->options, err));
    SYL_TRY(syl_dsg_batch_create(&t->batch, o, err));
    SYL_TRY(syl_ctx_create_on(&t->ctx, o->device, o->threads, err));
    t->prior_sums = syl_calloc(priors, sizeof *t->prior_sums);
    t->priors = syl_calloc(priors, sizeof *t->priors);
    t->output_bias = syl_calloc(rows, sizeof *t->output_bias);
    if (!t->prior_sums || !t->priors || !t->output_bias)
        return syl_fail_memory(err, priors * 12, "priors of senses");
    for (int64_t i = 0; i < t->tables.output.bias.size; i++)
        t->tables.output.bias.host[i] = -correction(t, i);
    return t->tables.output.bias.host ? syl_mirror_push(&t->tables.output.bias, err) : SYL_OK;
}

syl_status syl_dsg_trainer_create(syl_dsg_trainer **out, const syl_dsg_corpus *corpus,
                                  const syl_dsg_options *options, const syl_ranks *ranks,
                                  syl_error *err)
{
    *out = NULL;
    SYL_TRY(syl_dsg_check(corpus, options, err));
    syl_dsg_trainer *t = syl_calloc(1, sizeof *t);
    if (!t) return syl_fail_memory(err, sizeof *t, "a trainer");
    t->corpus = corpus;
    t->options = *options;
    t->ranks = ranks;
    t->bad = -1;
    syl_status status = create(t, err);
    if (status != SYL_OK) {
        syl_dsg_trainer_free(t);
        return status;
    }
    *out = t;
    return SYL_OK;
}

void syl_dsg_trainer_free(syl_dsg_trainer *t)
{
    if (!t) return;
    syl_ctx_free(t->ctx);
    syl_dsg_tables_free(&t->tables);
    syl_dsg_windows_free(&t->windows);
    syl_dsg_batch_free(&t->batch);
    free(t->prior_sums), free(t->priors), free(t->output_bias);
    free(t);
}

syl_dsg_result syl_dsg_trainer_result(const syl_dsg_trainer *t)
{
    const syl_dsg_tables *all = &t->tables;
    return (syl_dsg_result){.words = t->corpus->words,
                            .dim = t->options.dim,
                            .senses = t->options.senses,
                            .stride = all->sense.stride,
                            .sense = all->sense.value.host,
                            .output = all->output.value.host,
                            .output_bias = all->output.bias.host ? t->output_bias : NULL,
                            .choice = all->choice.value.host,
                            .choice_bias = all->choice.bias.host,
                            .priors = t->priors,
                            .loss = t->pairs ? t->loss / (double)t->pairs : 0,
                            .entropy = t->entropies ? t->entropy / (double)t->entropies : 0};
}

/* ---- the course
 * ----------------------------------------------------------------------------------- */

static int all_epochs(const syl_dsg_options *o)
{
    return o->pretrain_epochs + o->epochs;
}

/* What holds at `done` (0 ... 1) of the current epoch. */
static syl_dsg_rates rates_at(const syl_dsg_trainer *t, double done)
{
    const syl_dsg_options *o = &t->options;
    bool pretraining = t->epoch < o->pretrain_epochs;
    int epoch = pretraining ? t->epoch : t->epoch - o->pretrain_epochs;
    int epochs = pretraining ? o->pretrain_epochs : o->epochs;
    double at = epoch + done;
    float factor = 1 + (o->last_rate - 1) * (float)(at / epochs), momentum = o->momentum[0];
    float cooled = o->anneal_epochs > 0 ? (float)(at / (double)o->anneal_epochs) : 1;
    cooled = cooled < 1 ? cooled : 1;
    if (o->scheduled > 0 && !pretraining) {
        int e = epoch < o->scheduled ? epoch : o->scheduled - 1;
        factor = o->epoch_alpha[e] / o->alpha;
        momentum = o->momentum[e];
    }
    return (syl_dsg_rates){
        .alpha = o->alpha * factor,
        .choice_alpha = (pretraining ? o->pretrain_choice_alpha : o->choice_alpha) * factor,
        .momentum = momentum,
        .temperature =
            pretraining ? 1 : o->temperature + (o->last_temperature - o->temperature) * cooled,
        .entropy = pretraining ? o->pretrain_entropy : o->entropy,
        .gumbel = o->gumbel && !pretraining,
        .pretraining = pretraining};
}

/* A stream of random numbers for each block of each epoch; its low bits are for uses. */
static uint64_t stream_of(const syl_dsg_trainer *t, int64_t block)
{
    return ((uint64_t)t->epoch << 40 | (uint64_t)block) << 2;
}

static void begin_sums(syl_dsg_trainer *t)
{
    t->items = t->pairs = t->entropies = 0;
    t->loss = t->entropy = 0;
}

static int64_t rounds_of(const syl_dsg_trainer *t)
{
    return (t->windows.blocks + t->ranks->count - 1) / t->ranks->count;
}

static syl_status train_block(syl_dsg_trainer *t, int64_t block, syl_error *err)
{
    syl_dsg_rates rates[SYL_DSG_GROUP];
    uint64_t stream = stream_of(t, block);
    const syl_dsg_windows *w = &t->windows;
    syl_dsg_windows_make(&t->windows, block, t->epoch, stream);
    for (int64_t first = 0; first < w->batches && t->bad < 0; first += SYL_DSG_GROUP) {
        int count = 0;
        while (count < SYL_DSG_GROUP && first + count < w->batches) {
            double part = (double)w->batch[first + count] / (double)w->count;
            rates[count++] = rates_at(t, ((double)block + part) / (double)w->blocks);
        }
        SYL_TRY(syl_dsg_steps(t, first, count, rates, stream, err));
    }
    return SYL_OK;
}

/* ---- what the trainer is to the course (train/course.h) -----------------------------------------
 */

static syl_status begin_epoch(void *user, int epoch, int64_t *rounds, syl_error *err)
{
    syl_dsg_trainer *t = user;
    t->epoch = epoch;
    SYL_TRY(syl_dsg_windows_begin(&t->windows, stream_of(t, 0), err));
    *rounds = rounds_of(t);
    return SYL_OK;
}

/* Blocks go to the ranks in turn. */
static syl_status one_round(void *user, int epoch, int64_t round, float learning_rate,
                            syl_course_sums *sums, syl_error *err)
{
    syl_dsg_trainer *t = user;
    const syl_dsg_options *o = &t->options;
    int64_t block = round * t->ranks->count + t->ranks->rank;
    (void)learning_rate; /* the trainer's own falls batch by batch */
    begin_sums(t);
    if (block < t->windows.blocks) {
        SYL_TRY(train_block(t, block, err));
        sums->words = (double)syl_dsg_windows_words(&t->windows, block);
        sums->documents = (double)(t->windows.begin[block + 1] - t->windows.begin[block]);
    }
    sums->loss = t->loss;
    sums->weight = (double)t->pairs;
    bool spread = o->senses > 1 && epoch + 1 == o->pretrain_epochs && round + 1 == rounds_of(t);
    return spread ? syl_dsg_tables_spread(&t->tables, o, err) : SYL_OK;
}

static void blame(void *user, char *text, size_t size)
{
    const syl_dsg_trainer *t = user;
    snprintf(text, size, "sentence %lld", (long long)t->bad + 1);
}

/* The ranks' tables become their mean. */
static syl_status take_means(void *user, const syl_ranks *ranks, syl_error *err)
{
    syl_dsg_trainer *t = user;
    syl_mirror *m;
    for (int i = 0; (m = syl_dsg_tables_array(&t->tables, i, NULL)); i++) {
        SYL_TRY(syl_mirror_pull(m, err));
        SYL_TRY(syl_ranks_sum(ranks, m->host, m->size, err));
        for (int64_t j = 0; j < m->size; j++)
            m->host[j] /= (float)ranks->count;
        SYL_TRY(syl_mirror_push(m, err));
    }
    return SYL_OK;
}

/* Ranks that have trained since their last exchange would differ: a state is their mean, too. */
static syl_status gather(void *user, const syl_ranks *ranks, syl_error *err)
{
    syl_dsg_trainer *t = user;
    return ranks->count > 1 ? take_means(t, ranks, err) : syl_dsg_tables_pull(&t->tables, err);
}

static bool tell(void *user, const syl_course_progress *progress)
{
    syl_dsg_trainer *t = user;
    syl_dsg_report report = {.course = progress,
                             .pretraining = t->rates.pretraining,
                             .entropy = t->entropies ? t->entropy / (double)t->entropies : 0,
                             .alpha = t->rates.alpha,
                             .temperature = t->rates.temperature};
    return !t->watch || !t->watch->report || t->watch->report(t->watch->user, &report);
}

/* ---- priors -------------------------------------------------------------------------------------
 */

/* A word that the corpus lacks has one sense. */
static void normalise_priors(syl_dsg_trainer *t)
{
    int senses = t->options.senses;
    for (int64_t w = 0; w < t->corpus->words; w++) {
        double sum = 0, *s = t->prior_sums + w * senses;
        for (int k = 0; k < senses; k++)
            sum += s[k];
        for (int k = 0; k < senses; k++)
            t->priors[w * senses + k] = (float)(sum > 0 ? s[k] / sum : k == 0);
    }
}

/* The mean of p over all windows of a word: temperature 1, no noise. */
static syl_status count_priors(syl_dsg_trainer *t, syl_error *err)
{
    size_t n = (size_t)(t->corpus->words * t->options.senses);
    memset(t->prior_sums, 0, n * sizeof *t->prior_sums);
    t->epoch = all_epochs(&t->options);
    SYL_TRY(syl_dsg_windows_begin(&t->windows, stream_of(t, 0), err));
    for (int64_t b = t->ranks->rank; t->options.senses > 1 && b < t->windows.blocks;
         b += t->ranks->count) {
        syl_dsg_windows_make(&t->windows, b, t->epoch, stream_of(t, b));
        for (int64_t i = 0; i < t->windows.batches; i++)
            SYL_TRY(syl_dsg_count_senses(t, i, err));
    }
    SYL_TRY(syl_ranks_sum_doubles(t->ranks, t->prior_sums, (int64_t)n, err));
    normalise_priors(t);
    return SYL_OK;
}

/* ---- a run --------------------------------------------------------------------------------------
 */

static syl_status run_course(syl_dsg_trainer *t, const char *identity, syl_error *err)
{
    const syl_dsg_options *o = &t->options;
    syl_course_block blocks[SYL_DSG_MAX_ARRAYS];
    syl_mirror *m;
    int n = 0;
    for (const char *name; (m = syl_dsg_tables_array(&t->tables, n, &name)); n++)
        blocks[n] = (syl_course_block){.name = name, .data = m->host, .size = m->size, .mirror = m};
    syl_course_task task = {.user = t,
                            .blocks = blocks,
                            .num_blocks = n,
                            .identity = identity,
                            .begin = begin_epoch,
                            .round = one_round,
                            .blame = blame,
                            .exchange = take_means,
                            .gather = gather};
    syl_course_options course = {.epochs = all_epochs(o),
                                 .learning_rate = (double)o->alpha,
                                 .last_rate = (double)(o->alpha * o->last_rate),
                                 .exchange_every = o->exchange_every,
                                 .state = o->checkpoint,
                                 .state_seconds = o->checkpoint_seconds,
                                 .resume = o->resume,
                                 .ranks = t->ranks,
                                 .progress = tell,
                                 .user = t};
    return syl_course_run(&task, &course, err);
}

syl_status syl_dsg_trainer_run(syl_dsg_trainer *t, const syl_dsg_watch *watch, syl_error *err)
{
    char *identity = syl_dsg_identity(t->corpus, &t->options, t->ranks->count);
    if (!identity) return syl_fail(err, SYL_ENOMEM, "no memory for the options");
    t->watch = watch;
    syl_status status = run_course(t, identity, err);
    free(identity);
    SYL_TRY(status);
    SYL_TRY(count_priors(t, err));
    for (int64_t i = 0; i < t->tables.output.bias.size; i++)
        t->output_bias[i] = t->tables.output.bias.host[i] + correction(t, i);
    return SYL_OK;
}
