#include "train/dsg/windows.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"

#define BLOCK 16384 /* words: big beside what a parallel region costs, small beside the cache */
#define SAME 8      /* windows of one centre in a batch */
#define POWER 0.75  /* of the counts, Mikolov et al. 2013 */

enum {
    USE_ORDER = 0,
    USE_WIDTH = 1,
    USE_NEGATIVES = 2
}; /* added to a stream, of which the low bits are 0 */

int64_t syl_dsg_block_words(int64_t longest)
{
    return longest > BLOCK ? longest : BLOCK;
}

int64_t syl_dsg_windows_bytes(const syl_dsg_options *o, int64_t words, int64_t sentences,
                              int64_t longest)
{
    int64_t most = syl_dsg_block_words(longest), slots = 2 * (int64_t)o->window;
    int64_t ids = most * (3 + slots + o->negative);
    int64_t wide = 4 * most + 3 + sentences;
    int64_t sampler = words * (int64_t)(sizeof(syl_alias) + sizeof(float));
    return ids * 4 + wide * 8 + sampler + (o->sample > 0 ? words * 4 : 0);
}

static syl_status allocate(syl_dsg_windows *w, syl_error *err)
{
    const syl_dsg_options *o = w->options;
    size_t most = (size_t)w->most, id = sizeof(int32_t);
    w->centre = syl_calloc(most, id);
    w->words = syl_calloc(most * (size_t)w->slots, id);
    w->targets = syl_calloc(most, id);
    w->kept = syl_calloc(most, id);
    w->sentence = syl_calloc(most, sizeof *w->sentence);
    w->first = syl_calloc(most + 1, sizeof *w->first);
    w->place = syl_calloc(most + 1, sizeof *w->place);
    w->order = syl_calloc((size_t)w->corpus->sentences, sizeof *w->order);
    w->batch = syl_calloc(most + 1, sizeof *w->batch);
    w->negative = syl_calloc(most * (size_t)o->negative, id);
    if (w->centre && w->words && w->targets && w->kept && w->sentence && w->first && w->place &&
        w->order && w->batch && w->negative)
        return SYL_OK;
    return syl_fail_memory(err, most * (size_t)(w->slots + o->negative + 9) * id,
                           "windows of a block");
}

static syl_status create(syl_dsg_windows *w, syl_error *err)
{
    const syl_dsg_corpus *c = w->corpus;
    if (w->options->log_uniform)
        SYL_TRY(syl_sampler_log_uniform(&w->sampler, c->words, err));
    else
        SYL_TRY(syl_sampler_power(&w->sampler, c->counts, c->words, POWER, err));
    if (w->options->sample > 0)
        SYL_TRY(syl_subsample_create(&w->subsample, c->counts, c->words, w->options->sample, err));
    return allocate(w, err);
}

syl_status syl_dsg_windows_create(syl_dsg_windows *w, const syl_dsg_corpus *corpus,
                                  const syl_dsg_options *options, syl_error *err)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < corpus->sentences; i++) {
        int64_t n = corpus->begin[i + 1] - corpus->begin[i];
        longest = n > longest ? n : longest;
    }
    *w = (syl_dsg_windows){.corpus = corpus,
                           .options = options,
                           .slots = 2 * options->window,
                           .most = syl_dsg_block_words(longest)};
    syl_status status = create(w, err);
    if (status != SYL_OK) syl_dsg_windows_free(w);
    return status;
}

void syl_dsg_windows_free(syl_dsg_windows *w)
{
    syl_sampler_free(&w->sampler);
    syl_subsample_free(&w->subsample);
    free(w->centre), free(w->words), free(w->targets), free(w->kept);
    free(w->sentence), free(w->first), free(w->place), free(w->order), free(w->batch);
    free(w->negative), free(w->begin);
    memset(w, 0, sizeof *w);
}

/* ---- an epoch -----------------------------------------------------------------------------------
 */

static int64_t length_of(const syl_dsg_corpus *c, int64_t sentence)
{
    return c->begin[sentence + 1] - c->begin[sentence];
}

/* Fisher and Yates' shuffle. */
static void shuffle(int64_t *order, int64_t n, uint64_t seed, uint64_t stream)
{
    uint32_t word[4];
    for (int64_t i = n - 1; i > 0; i--) {
        syl_philox(seed, stream + USE_ORDER, (uint64_t)i, word);
        int64_t j = (int64_t)(((uint64_t)word[0] << 32 | word[1]) % (uint64_t)(i + 1));
        int64_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

static syl_status add_block(syl_dsg_windows *w, int64_t first, syl_error *err)
{
    SYL_TRY(syl_grow((void **)&w->begin, &w->room, (size_t)w->blocks + 2, sizeof *w->begin, err));
    w->begin[w->blocks++] = first;
    w->begin[w->blocks] = w->corpus->sentences;
    return SYL_OK;
}

/* As many sentences as fit. */
static syl_status cut_blocks(syl_dsg_windows *w, syl_error *err)
{
    int64_t words = 0;
    w->blocks = 0;
    for (int64_t i = 0; i < w->corpus->sentences; i++) {
        words += length_of(w->corpus, w->order[i]);
        if (i > 0 && words <= w->most && i - w->begin[w->blocks - 1] < w->most) continue;
        SYL_TRY(add_block(w, i, err));
        words = length_of(w->corpus, w->order[i]);
    }
    return SYL_OK;
}

syl_status syl_dsg_windows_begin(syl_dsg_windows *w, uint64_t stream, syl_error *err)
{
    for (int64_t i = 0; i < w->corpus->sentences; i++)
        w->order[i] = i;
    if (w->options->shuffle) shuffle(w->order, w->corpus->sentences, w->options->seed, stream);
    return cut_blocks(w, err);
}

int64_t syl_dsg_windows_words(const syl_dsg_windows *w, int64_t block)
{
    int64_t words = 0;
    for (int64_t i = w->begin[block]; i < w->begin[block + 1]; i++)
        words += length_of(w->corpus, w->order[i]);
    return words;
}

/* ---- a block ------------------------------------------------------------------------------------
 */

/* Plain skip-gram has no use for unknown words. */
static int64_t keep_words(syl_dsg_windows *w, int64_t sentence, int epoch, int32_t *to)
{
    const syl_dsg_corpus *c = w->corpus;
    const int32_t *item = c->items + c->begin[sentence];
    int64_t n = length_of(c, sentence), kept = 0;
    if (w->subsample.keep)
        n = syl_subsample_items(&w->subsample, item, n, w->options->seed, (uint32_t)epoch, sentence,
                                to);
    else
        memcpy(to, item, (size_t)n * sizeof *to);
    if (w->options->senses > 1 || c->unknown < 0) return n;
    for (int64_t i = 0; i < n; i++) {
        to[kept] = to[i];
        kept += to[i] != c->unknown;
    }
    return kept;
}

static int width_of(const syl_dsg_windows *w, uint64_t stream, int64_t number)
{
    uint32_t word[4];
    if (!w->options->shrink) return w->options->window;
    syl_philox(w->options->seed, stream + USE_WIDTH, (uint64_t)number, word);
    return 1 + (int)((uint64_t)word[0] * (uint64_t)w->options->window >> 32);
}

/* Where the i-th window of the text comes in the block. Windows that stand together name the same
 * words, and a batch of them, all of the same values, would change these ten times at once; so
 * with senses windows are dealt out to the batches like cards. Plain skip-gram is fast because its
 * windows stand together, and changes less. */
static int64_t dealt(const syl_dsg_windows *w, int64_t i)
{
    if (w->options->senses == 1) return i;
    int64_t hands = (w->count + w->options->batch - 1) / w->options->batch;
    int64_t hand = i % hands, rest = w->count % hands;
    return hand * (w->count / hands) + (hand < rest ? hand : rest) + i / hands;
}

/* Window i of the block: word `at` of n. */
static void make_window(syl_dsg_windows *w, int64_t i, const int32_t *word, int64_t n, int64_t at,
                        int width)
{
    int32_t *to = w->words + i * w->slots, unknown = w->corpus->unknown;
    int count = 0;
    for (int64_t j = at > width ? at - width : 0; j <= at + width && j < n; j++) {
        to[count] = word[j];
        count += j != at && word[j] != unknown;
    }
    w->centre[i] = word[at];
    w->targets[i] = count;
    for (int j = count; j < w->slots; j++)
        to[j] = w->options->pad ? unknown : -1;
}

static void draw_set(const syl_dsg_windows *w, uint64_t stream, int64_t set, int32_t *to)
{
    int n = w->options->negative;
    uint64_t blocks = (uint64_t)(n + 1) / 2;
    uint32_t word[4];
    for (int j = 0; j < n; j++) {
        if (j % 2 == 0)
            syl_philox(w->options->seed, stream + USE_NEGATIVES,
                       (uint64_t)set * blocks + (uint64_t)j / 2, word);
        to[j] = syl_sampler_draw(&w->sampler, word[j % 2 * 2], word[j % 2 * 2 + 1]);
    }
}

/* Windows of the `sentences` from order[from] on. */
static void make_windows(syl_dsg_windows *w, int64_t from, int64_t sentences, uint64_t stream)
{
#pragma omp parallel for num_threads(w->options->threads) schedule(dynamic, 8)
    for (int64_t s = 0; s < sentences; s++) {
        const int32_t *word = w->kept + w->place[s];
        int64_t first = w->first[s], n = w->first[s + 1] - first;
        for (int64_t at = 0; at < n; at++) {
            int64_t i = dealt(w, first + at);
            w->sentence[i] = w->order[from + s];
            make_window(w, i, word, n, at, width_of(w, stream, i));
        }
    }
}

/* Whether window i would be one too many of its centre in the batch from `first` on. */
static bool is_crowded(const syl_dsg_windows *w, int64_t first, int64_t i)
{
    int same = 0;
    for (int64_t j = first; j < i; j++)
        same += w->centre[j] == w->centre[i];
    return same >= SAME;
}

static void cut_batches(syl_dsg_windows *w)
{
    int64_t first = 0;
    w->batches = 0;
    for (int64_t i = 0; i < w->count; i++) {
        if (i > 0 && i - first < w->options->batch && !is_crowded(w, first, i)) continue;
        w->batch[w->batches++] = first = i;
    }
    w->batch[w->batches] = w->count;
}

static void draw_negatives(syl_dsg_windows *w, uint64_t stream)
{
    int64_t sets = w->options->share ? w->batches : w->count;
#pragma omp parallel for num_threads(w->options->threads)
    for (int64_t i = 0; i < sets; i++)
        draw_set(w, stream, i, w->negative + i * w->options->negative);
}

void syl_dsg_windows_make(syl_dsg_windows *w, int64_t block, int epoch, uint64_t stream)
{
    int64_t from = w->begin[block], sentences = w->begin[block + 1] - from;
    for (int64_t s = 0; s < sentences; s++)
        w->place[s + 1] = w->place[s] + length_of(w->corpus, w->order[from + s]);
#pragma omp parallel for num_threads(w->options->threads) schedule(dynamic, 8)
    for (int64_t s = 0; s < sentences; s++)
        w->first[s + 1] = keep_words(w, w->order[from + s], epoch, w->kept + w->place[s]);
    w->first[0] = 0;
    for (int64_t s = 0; s < sentences; s++)
        w->first[s + 1] += w->first[s];
    w->count = w->first[sentences];
    make_windows(w, from, sentences, stream);
    cut_batches(w);
    draw_negatives(w, stream);
}
