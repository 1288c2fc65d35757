/* One batch of windows to the operations. */
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
    int64_t item = (int64_t)sizeof(int32_t) + 2 * (int64_t)sizeof(syl_window_span) +
                   o->senses * (int64_t)sizeof(float);
    return most_items(o) * item;
}

syl_status syl_dsg_batch_create(syl_dsg_batch *b, const syl_dsg_options *o, syl_error *err)
{
    size_t n = (size_t)most_items(o);
    b->centre = syl_calloc(n, sizeof *b->centre);
    b->contexts = syl_calloc(n, sizeof *b->contexts);
    b->targets = syl_calloc(n, sizeof *b->targets);
    b->p = syl_calloc(n * (size_t)o->senses, sizeof *b->p);
    if (b->centre && b->contexts && b->targets && b->p) return SYL_OK;
    return syl_fail_memory(err, (size_t)syl_dsg_batch_bytes(o), "a batch of windows");
}

void syl_dsg_batch_free(syl_dsg_batch *b)
{
    free(b->centre), free(b->contexts), free(b->targets), free(b->p);
    memset(b, 0, sizeof *b);
}

static int64_t windows_of(const syl_dsg_trainer *t, int64_t first)
{
    int64_t rest = t->windows.count - first;
    return rest < t->options.batch ? rest : t->options.batch;
}

/* Items of the windows from `first` on: one for each, or for each of their targets. */
static int64_t fill_items(syl_dsg_trainer *t, int64_t first, bool pairs)
{
    const syl_dsg_windows *w = &t->windows;
    syl_dsg_batch *b = &t->batch;
    int64_t items = 0, windows = windows_of(t, first);
    for (int64_t i = 0; i < windows; i++) {
        int32_t at = (int32_t)(i * w->slots), targets = w->targets[first + i];
        syl_window_span contexts = {at, t->options.pad ? w->slots : targets};
        for (int32_t j = 0; j < (pairs ? targets : 1); j++) {
            b->centre[items] = w->centre[first + i];
            b->contexts[items] = contexts;
            b->targets[items++] =
                pairs ? (syl_window_span){at + j, 1} : (syl_window_span){at, targets};
        }
    }
    return items;
}

static syl_sense_batch sense_batch(const syl_dsg_trainer *t, int64_t first, int64_t items)
{
    const syl_dsg_options *o = &t->options;
    const syl_dsg_windows *w = &t->windows;
    int64_t set = first / o->batch * w->sets;
    return (syl_sense_batch){.items = items,
                             .senses = o->senses,
                             .centre = t->batch.centre,
                             .words = w->words + first * w->slots,
                             .num_words = windows_of(t, first) * w->slots,
                             .contexts = t->batch.contexts,
                             .targets = t->batch.targets,
                             .slots = o->pad ? w->slots : 0,
                             .negative = w->negative + set * o->negative,
                             .negatives = o->negative,
                             .share = w->sets == 1 ? items + 1 : o->share,
                             .loss = o->loss,
                             .sense = syl_dsg_table_view(&t->tables.sense),
                             .output = syl_dsg_table_view(&t->tables.output),
                             .choice = syl_dsg_table_view(&t->tables.choice),
                             .temperature = 1,
                             .seed = o->seed};
}

static syl_status sense_step(syl_dsg_trainer *t, int64_t first, const syl_dsg_rates *r,
                             uint64_t stream, syl_window_sums *sums, syl_error *err)
{
    const syl_dsg_options *o = &t->options;
    int64_t items = fill_items(t, first, o->per_pair);
    syl_sense_batch b = sense_batch(t, first, items);
    syl_row_update update = {.rule = o->rule, .lr = r->alpha, .momentum = r->momentum};
    b.sense_update = b.output_update = b.choice_update = update;
    b.choice_update.lr = r->choice_alpha;
    if (r->pretraining) {
        b.choice = syl_dsg_table_view(&t->tables.shared);
        b.choice_shared = true;
    }
    b.gumbel = r->gumbel;
    b.temperature = r->temperature;
    b.entropy = r->entropy;
    b.stream = stream + USE_NOISE;
    b.first = (uint64_t)t->items;
    t->items += items;
    t->entropies += items;
    return syl_sense_step(t->ctx, &b, sums, err);
}

static syl_status plain_step(syl_dsg_trainer *t, int64_t first, const syl_dsg_rates *r,
                             syl_window_sums *sums, syl_error *err)
{
    const syl_dsg_options *o = &t->options;
    const syl_dsg_windows *w = &t->windows;
    syl_skipgram_batch b = {.windows = windows_of(t, first),
                            .context = w->slots,
                            .negatives = o->negative,
                            .centre = w->centre + first,
                            .contexts = w->words + first * w->slots,
                            .negative = w->negative + first * o->negative,
                            .input = syl_dsg_table_view(&t->tables.sense).value,
                            .output = syl_dsg_table_view(&t->tables.output).value,
                            .lr = r->alpha};
    return syl_skipgram_step(t->ctx, &b, sums, err);
}

/* The window of an item. */
static int64_t window_of_item(const syl_dsg_trainer *t, int64_t first, int64_t item)
{
    if (!t->options.per_pair) return first + item;
    return first + t->batch.contexts[item].begin / t->windows.slots;
}

syl_status syl_dsg_step(syl_dsg_trainer *t, int64_t first, const syl_dsg_rates *rates,
                        uint64_t stream, syl_error *err)
{
    syl_window_sums sums;
    if (syl_dsg_is_plain(&t->options))
        SYL_TRY(plain_step(t, first, rates, &sums, err));
    else
        SYL_TRY(sense_step(t, first, rates, stream, &sums, err));
    if (sums.bad >= 0 && t->bad < 0)
        t->bad = t->windows.sentence[window_of_item(t, first, sums.bad)];
    for (int64_t i = 0; i < windows_of(t, first); i++)
        t->pairs += t->windows.targets[first + i];
    t->loss += sums.loss;
    t->entropy += sums.entropy;
    return SYL_OK;
}

syl_status syl_dsg_count_senses(syl_dsg_trainer *t, int64_t first, syl_error *err)
{
    int senses = t->options.senses;
    int64_t items = fill_items(t, first, false);
    syl_sense_batch b = sense_batch(t, first, items);
    SYL_TRY(syl_sense_probabilities(t->ctx, &b, t->batch.p, err));
    for (int64_t i = 0; i < items; i++)
        for (int k = 0; k < senses; k++)
            t->prior_sums[(int64_t)b.centre[i] * senses + k] +=
                (double)t->batch.p[i * senses + k];
    return SYL_OK;
}
