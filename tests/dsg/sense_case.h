/* A batch of senses with its tables, and the numbers that they are made of. */
#ifndef TESTS_DSG_SENSE_CASE_H
#define TESTS_DSG_SENSE_CASE_H

#include <stdlib.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/compute/skipgram.h"

typedef struct sense_case {
    int words, dim, senses, negatives, items, share, most; /* most: words of a window */
    syl_sense_batch b;
    int32_t *centre, *pool, *negative;
    syl_window_span *contexts, *targets;
} sense_case;

static inline void *room(size_t count, size_t size)
{
    void *p = NULL;
    size_t bytes = (count * size + 127) / 64 * 64;
    if (posix_memalign(&p, 64, bytes) != 0) abort();
    memset(p, 0, bytes);
    return p;
}

static inline syl_vector_table make_table(syl_random *r, int rows, int dim, float scale, float slot)
{
    int64_t stride = syl_vector_stride(dim);
    size_t n = (size_t)(rows * stride);
    syl_vector_table t = {.value = syl_mat_of(room(n, sizeof(float)), SYL_F32, rows, dim)};
    t.value.stride = stride;
    t.slot = room(n, sizeof(float));
    t.bias = room((size_t)rows, sizeof(float));
    t.bias_slot = room((size_t)rows, sizeof(float));
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < stride; j++) {
            if (j < dim) ((float *)t.value.data)[i * stride + j] = scale * syl_random_normal(r);
            t.slot[i * stride + j] = slot;
        }
        t.bias[i] = scale * syl_random_normal(r);
        t.bias_slot[i] = slot;
    }
    return t;
}

static inline void free_table(syl_vector_table *t)
{
    free(t->value.data), free(t->slot), free(t->bias), free(t->bias_slot);
}

/* Words repeat inside of windows, some contexts are missing, some negatives are targets. */
static inline void make_items(sense_case *c, syl_random *r)
{
    size_t items = (size_t)c->items, sets = (items + (size_t)c->share - 1) / (size_t)c->share;
    int at = 0;
    c->centre = room(items, sizeof *c->centre);
    c->pool = room(items * 2 * (size_t)c->most, sizeof *c->pool);
    c->negative = room(sets * (size_t)c->negatives, sizeof *c->negative);
    c->contexts = room(items, sizeof *c->contexts);
    c->targets = room(items, sizeof *c->targets);
    for (int i = 0; i < c->items; i++) {
        int contexts = (int)syl_random_below(r, (uint32_t)c->most + 1);
        int targets = i == 2 ? 0 : (int)syl_random_below(r, (uint32_t)c->most + 1);
        c->centre[i] = (int32_t)syl_random_below(r, (uint32_t)c->words);
        c->contexts[i] = (syl_window_span){at, contexts};
        for (int j = 0; j < contexts; j++)
            c->pool[at++] = (int32_t)syl_random_below(r, (uint32_t)c->words + 1) - 1;
        c->targets[i] = (syl_window_span){at, targets};
        for (int j = 0; j < targets; j++)
            c->pool[at++] = (int32_t)syl_random_below(r, (uint32_t)c->words);
    }
    for (size_t i = 0; i < sets * (size_t)c->negatives; i++)
        c->negative[i] = (int32_t)syl_random_below(r, (uint32_t)c->words);
    c->b.num_words = at;
}

static inline sense_case make_case(int words, int dim, int senses, int items, int most,
                                   int negatives, int share, syl_window_loss loss)
{
    syl_random r = {.seed = (uint64_t)(dim * 100 + senses)};
    sense_case c = {words, dim, senses, negatives, items, share, most, {0}, 0, 0, 0, 0, 0};
    make_items(&c, &r);
    c.b.items = items, c.b.senses = senses, c.b.share = share, c.b.loss = loss;
    c.b.centre = c.centre, c.b.words = c.pool, c.b.contexts = c.contexts, c.b.targets = c.targets;
    c.b.negative = c.negative, c.b.negatives = negatives;
    c.b.slots = 2 * most;
    c.b.sense = make_table(&r, words * senses, dim, 0.4f, 0.1f);
    c.b.output = make_table(&r, words, dim, 0.4f, 0.1f);
    c.b.choice = make_table(&r, words * senses, dim, 0.8f, 0.1f);
    c.b.sense_update = c.b.output_update = c.b.choice_update =
        (syl_row_update){.rule = SYL_ROW_SGD, .lr = 1, .bias_lr = 1};
    c.b.temperature = 0.7f, c.b.gumbel = true, c.b.entropy = 0.3f;
    c.b.seed = 5, c.b.stream = 6, c.b.first = 7;
    return c;
}

static inline void free_case(sense_case *c)
{
    free_table(&c->b.sense), free_table(&c->b.output), free_table(&c->b.choice);
    free(c->centre), free(c->pool), free(c->negative), free(c->contexts), free(c->targets);
}

/* Slots of momentum begin at 0 behind the last column, or what is there would move. */
static inline void zero_slot_padding(syl_vector_table *t)
{
    for (int64_t i = 0; i < t->value.rows; i++)
        for (int64_t j = t->value.cols; j < t->value.stride; j++)
            t->slot[i * t->value.stride + j] = 0;
}

/* Sense rows have no bias in the model. */
static inline void no_sense_bias(sense_case *c)
{
    free(c->b.sense.bias);
    c->b.sense.bias = NULL;
}

#endif
