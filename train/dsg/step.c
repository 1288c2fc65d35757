/* Batches of windows to the operations. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/dsg/run.h"

#define USE_NOISE 3 /* added to a stream, as windows.c's uses */

static int64_t most_items(const syl_dsg_options *o)
{
    return (int64_t)o->batch * (o->per_pair ? 2 * o->window : 1);
}

int64_t syl_dsg_batch_bytes(const syl_dsg_options *o)
{
    int64_t item = (int64_t)sizeof(int32_t) + 2 * (int64_t)sizeof(syl_window_span);
    return most_items(o) * (SYL_DSG_GROUP * item + o->senses * (int64_t)sizeof(float));
}

syl_status syl_dsg_batch_create(syl_dsg_batch *b, const syl_dsg_options *o, syl_error *err)
{
    size_t n = (size_t)most_items(o), all = n * SYL_DSG_GROUP;
    b->centre = syl_calloc(all, sizeof *b->centre);
    b->contexts = syl_calloc(all, sizeof *b->contexts);
    b->targets = syl_calloc(all, sizeof *b->targets);
    b->p = syl_calloc(n * (size_t)o->senses, sizeof *b->p);
    if (b->centre && b->contexts && b->targets && b->p) return SYL_OK;
    return syl_fail_memory(err, (size_t)syl_dsg_batch_bytes(o), "a group of batches");
}

void syl_dsg_batch_free(syl_dsg_batch *b)
{
    free(b->centre), free(b->contexts), free(b->targets), free(b->p);
    memset(b, 0, sizeof *b);
}

static int64_t windows_of(const syl_dsg_trainer *t, int64_t batch)
{
    return t->windows.batch[batch + 1] - t->windows.batch[batch];
}

/* Items of a batch, the `number`-th of its group: one for each window, or for each target. */
static int64_t fill_items(syl_dsg_trainer *t, int64_t batch, int number, bool pairs)
{
    const syl_dsg_windows *w = &t->windows;
    int64_t items = number * most_items(&t->options), begin = items, first = w->batch[batch];
    syl_dsg_batch *b = &t->batch;
    for (int64_t i = 0; i < windows_of(t, batch); i++) {
        int32_t at = (int32_t)(i * w->slots), targets = w->targets[first + i];
        syl_window_span contexts = {at, t->options.pad ? w->slots : targets};
        for (int32_t j = 0; j < (pairs ? targets : 1); j++) {
            b->centre[items] = w->centre[first + i];
            b->contexts[items] = contexts;
            b->targets[items++] =
                pairs ? (syl_window_span){at + j, 1} : (syl_window_span){at, targets};
        }
    }
    return items - begin;
}

static syl_sense_batch sense_batch(syl_dsg_trainer *t, int64_t batch, int number, bool pairs)
{
    int64_t items = fill_items(t, batch, number, pairs), at = number * most_items(&t->options);
    const syl_dsg_options *o = &t->options;
    const syl_dsg_windows *w = &t->windows;
    return (syl_sense_batch){.items = items,
                             .senses = o->senses,
                             .centre = t->batch.centre + at,
                             .words = w->words + w->batch[batch] * w->slots,
                             .num_words = windows_of(t, batch) * w->slots,
                             .contexts = t->batch.contexts + at,
                             .targets = t->batch.targets + at,
                             .slots = o->pad ? w->slots : 0,
                             .negative = syl_dsg_negatives(w, batch),
                             .negatives = o->negative,
                             .share = o->share ? items + 1 : 1,
                             .loss = o->loss,
                             .sense = syl_dsg_table_view(&t->tables.sense),
                             .output = syl_dsg_table_view(&t->tables.output),
                             .choice = syl_dsg_table_view(&t->tables.choice),
                             .temperature = 1,
                             .seed = o->seed};
}

/* Entropy makes each choice sharp, but only the biases can end a sense in all contexts: as lambda
 * rises to 1, they learn more, so that a large one leaves one sense. */
static float bias_part(const syl_dsg_options *o, float entropy)
{
    float least = entropy < 1 ? entropy : 1;
    return o->choice_bias > least ? o->choice_bias : least;
}

static syl_sense_batch training_batch(syl_dsg_trainer *t, int64_t batch, int number,
                                      uint64_t stream)
{
    const syl_dsg_options *o = &t->options;
    const syl_dsg_rates *r = &t->rates;
    syl_sense_batch b = sense_batch(t, batch, number, o->per_pair);
    syl_row_update update = {
        .rule = o->rule, .lr = r->alpha, .bias_lr = r->alpha, .momentum = r->momentum};
    b.sense_update = b.output_update = b.choice_update = update;
    b.choice_update.lr = r->choice_alpha;
    b.choice_update.bias_lr = r->choice_alpha * bias_part(o, r->entropy);
    if (r->pretraining) {
        b.choice = syl_dsg_table_view(&t->tables.shared);
        b.choice_shared = true;
    }
    b.gumbel = r->gumbel;
    b.temperature = r->temperature;
    b.entropy = r->entropy;
    b.stream = stream + USE_NOISE;
    b.first = (uint64_t)t->items;
    t->items += b.items;
    t->entropies += b.items;
    return b;
}

static syl_skipgram_batch plain_batch(const syl_dsg_trainer *t, int64_t batch)
{
    const syl_dsg_options *o = &t->options;
    const syl_dsg_windows *w = &t->windows;
    int64_t first = w->batch[batch];
    return (syl_skipgram_batch){.windows = windows_of(t, batch),
                                .context = w->slots,
                                .negatives = o->negative,
                                .centre = w->centre + first,
                                .contexts = w->words + first * w->slots,
                                .negative = syl_dsg_negatives(w, batch),
                                .input = syl_dsg_table_view(&t->tables.sense).value,
                                .output = syl_dsg_table_view(&t->tables.output).value,
                                .lr = t->rates.alpha};
}

/* The window of an item. */
static int64_t window_of_item(const syl_dsg_trainer *t, int64_t batch, int64_t item)
{
    int64_t first = t->windows.batch[batch];
    if (!t->options.per_pair) return first + item;
    while (item >= t->windows.targets[first])
        item -= t->windows.targets[first++];
    return first;
}

static void add_sums(syl_dsg_trainer *t, int64_t batch, const syl_window_sums *sums)
{
    const syl_dsg_windows *w = &t->windows;
    if (sums->bad >= 0 && t->bad < 0) t->bad = w->sentence[window_of_item(t, batch, sums->bad)];
    for (int64_t i = w->batch[batch]; i < w->batch[batch + 1]; i++)
        t->pairs += w->targets[i];
    t->loss += sums->loss;
    t->entropy += sums->entropy;
}

syl_status syl_dsg_steps(syl_dsg_trainer *t, int64_t first, int count, const syl_dsg_rates *rates,
                         uint64_t stream, syl_error *err)
{
    syl_skipgram_batch plain[SYL_DSG_GROUP];
    syl_sense_batch senses[SYL_DSG_GROUP] = {{0}};
    syl_window_sums sums[SYL_DSG_GROUP];
    bool is_plain = syl_dsg_is_plain(&t->options);
    for (int i = 0; i < count; i++) {
        t->rates = rates[i];
        if (is_plain)
            plain[i] = plain_batch(t, first + i);
        else
            senses[i] = training_batch(t, first + i, i, stream);
    }
    if (is_plain)
        SYL_TRY(syl_skipgram_steps(t->ctx, plain, count, sums, err));
    else
        SYL_TRY(syl_sense_steps(t->ctx, senses, count, sums, err));
    for (int i = 0; i < count; i++)
        add_sums(t, first + i, &sums[i]);
    return SYL_OK;
}

syl_status syl_dsg_count_senses(syl_dsg_trainer *t, int64_t batch, syl_error *err)
{
    int senses = t->options.senses;
    syl_sense_batch b = sense_batch(t, batch, 0, false);
    SYL_TRY(syl_sense_probabilities(t->ctx, &b, t->batch.p, err));
    for (int64_t i = 0; i < b.items; i++)
        for (int k = 0; k < senses; k++)
            t->prior_sums[(int64_t)b.centre[i] * senses + k] += (double)t->batch.p[i * senses + k];
    return SYL_OK;
}
