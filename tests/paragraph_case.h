/* Paragraph vectors as lib/compute/paragraph.h has them, in double and by the book: a softmax over
 * each target and all negatives, every gradient added where it belongs. For the tests of the
 * operations on the CPU, on a device, and of the kernels. */
#ifndef TESTS_PARAGRAPH_CASE_H
#define TESTS_PARAGRAPH_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/compute/paragraph.h"

enum { OF_DOCUMENTS, OF_OUTPUT, OF_BIAS, OF_WORDS, OF_PROJECTION, OF_OFFSET, TABLES };

typedef struct paragraph_shape {
    int code, dim, context;
    syl_code_function function;
    bool sign;
    float dropout;
    syl_sampled_loss loss;
    int negatives, items, documents, chunks, most; /* most: targets of a chunk */
} paragraph_shape;

typedef struct paragraph_case {
    paragraph_shape s;
    int64_t size[TABLES];
    float *value[TABLES], *square[TABLES], *log_q;
    syl_paragraph_model m; /* over value, square, log_q */
    syl_paragraph_batch b;
    int64_t targets;
} paragraph_case;

static inline int64_t case_part(const paragraph_case *c)
{
    return syl_paragraph_padded(c->s.code);
}

static inline int64_t case_dim(const paragraph_case *c)
{
    return syl_paragraph_padded(c->s.dim);
}

/* ---- a problem ------------------------------------------------------------------------------- */

static float case_uniform(syl_random *r, float low, float high)
{
    return low + (high - low) * syl_random_uniform(r);
}

/* `rows` of `parts` pieces, of which `length` elements are used. */
static void case_table(paragraph_case *c, int which, int64_t rows, int64_t parts, int64_t length,
                       float range, syl_random *r)
{
    int64_t padded = which == OF_BIAS ? 1 : syl_paragraph_padded(length);
    int64_t n = rows * parts * padded;
    c->size[which] = n;
    c->value[which] = calloc((size_t)n + 1, sizeof(float));
    c->square[which] = calloc((size_t)n + 1, sizeof(float));
    for (int64_t i = 0; i < n; i++) {
        if (i % padded < length) c->value[which][i] = case_uniform(r, -range, range);
        c->square[which][i] = case_uniform(r, 0.1f, 1);
    }
}

static syl_row_groups case_groups(const int32_t *row_of, int64_t entries, int32_t rows)
{
    int32_t *row = calloc((size_t)entries + 1, 4), *begin = calloc((size_t)entries + 2, 4);
    int32_t *entry = calloc((size_t)entries + 1, 4), count = 0, end = 0;
    for (int32_t r = rows - 1; r >= 0; r--) {
        int32_t from = end;
        for (int64_t e = 0; e < entries; e++)
            if (row_of[e] == r) entry[end++] = (int32_t)e;
        if (end == from) continue;
        row[count] = r;
        begin[count++] = from;
        begin[count] = end;
    }
    return (syl_row_groups){.count = count, .row = row, .begin = begin, .entry = entry};
}

static void case_free_groups(const syl_row_groups *g)
{
    free((void *)(uintptr_t)g->row);
    free((void *)(uintptr_t)g->begin);
    free((void *)(uintptr_t)g->entry);
}

static void case_batch(paragraph_case *c, syl_random *r)
{
    const paragraph_shape *s = &c->s;
    int32_t *document = calloc((size_t)s->chunks, 4), *begin = calloc((size_t)s->chunks + 1, 4);
    uint64_t *stream = calloc((size_t)s->chunks, 8);
    for (int i = 0; i < s->chunks; i++) {
        document[i] = (int32_t)syl_random_below(r, (uint32_t)s->documents);
        begin[i + 1] = begin[i] + (int32_t)syl_random_below(r, (uint32_t)s->most + 1);
        stream[i] = (uint64_t)syl_random_u32(r) << 20 | (uint64_t)i;
    }
    c->targets = begin[s->chunks];
    int64_t n = (int64_t)s->chunks * s->negatives;
    int32_t *row = calloc((size_t)(c->targets + n) + 1, 4);
    int32_t *around = calloc((size_t)(c->targets * s->context) + 1, 4);
    for (int64_t i = 0; i < c->targets + n; i++)
        row[i] = (int32_t)syl_random_below(r, (uint32_t)s->items);
    for (int64_t i = 0; i < c->targets * s->context; i++)
        around[i] = (int32_t)syl_random_below(r, (uint32_t)s->items + 1) - 1;
    c->b =
        (syl_paragraph_batch){.chunks = s->chunks,
                              .document = document,
                              .begin = begin,
                              .target = row,
                              .negative = row + c->targets,
                              .around = s->context ? around : NULL,
                              .stream = stream,
                              .of_output = case_groups(row, c->targets + n, s->items),
                              .of_documents = case_groups(document, s->chunks, s->documents),
                              .of_words = case_groups(around, c->targets * s->context, s->items)};
    if (!s->context) free(around);
}

static paragraph_case *case_create(paragraph_shape s, uint64_t seed)
{
    paragraph_case *c = calloc(1, sizeof *c);
    syl_random r = {.seed = seed};
    c->s = s;
    case_table(c, OF_DOCUMENTS, s.documents, 1, s.dim, 1, &r);
    case_table(c, OF_OUTPUT, s.items, 1 + s.context, s.code, 0.7f, &r);
    case_table(c, OF_BIAS, s.items, 1, 1, 0.5f, &r);
    if (s.context) case_table(c, OF_WORDS, s.items, 1, s.code, 1, &r);
    if (s.dim != s.code) {
        case_table(c, OF_PROJECTION, s.code, 1, s.dim, 0.5f, &r);
        case_table(c, OF_OFFSET, 1, 1, s.code, 0.5f, &r);
    }
    c->log_q = calloc((size_t)s.items, sizeof(float));
    for (int i = 0; i < s.items; i++)
        c->log_q[i] = case_uniform(&r, -6, -2);
    c->m = (syl_paragraph_model){.code = s.code,
                                 .dim = s.dim,
                                 .context = s.context,
                                 .function = s.function,
                                 .sign = s.sign,
                                 .dropout = s.dropout,
                                 .loss = s.loss,
                                 .negatives = s.negatives,
                                 .negatives_weight = 3,
                                 .lr = 0.1f,
                                 .seed = 77,
                                 .documents = {c->value[0], c->square[0]},
                                 .output = {c->value[1], c->square[1]},
                                 .bias = {c->value[2], c->square[2]},
                                 .words = {c->value[3], c->square[3]},
                                 .projection = {c->value[4], c->square[4]},
                                 .offset = {c->value[5], c->square[5]},
                                 .log_q = c->log_q};
    case_batch(c, &r);
    return c;
}

static void case_free(paragraph_case *c)
{
    for (int i = 0; i < TABLES; i++) {
        free(c->value[i]);
        free(c->square[i]);
    }
    free(c->log_q);
    free((void *)(uintptr_t)c->b.document);
    free((void *)(uintptr_t)c->b.begin);
    free((void *)(uintptr_t)c->b.target);
    free((void *)(uintptr_t)c->b.around);
    free((void *)(uintptr_t)c->b.stream);
    case_free_groups(&c->b.of_output);
    case_free_groups(&c->b.of_documents);
    case_free_groups(&c->b.of_words);
    free(c);
}

/* ---- the reference --------------------------------------------------------------------------- */

/* Values or gradients of all tables in double. */
typedef struct case_values {
    double *of[TABLES];
} case_values;

static case_values case_values_create(const paragraph_case *c, bool copy)
{
    case_values v;
    for (int i = 0; i < TABLES; i++) {
        v.of[i] = calloc((size_t)c->size[i] + 1, sizeof(double));
        for (int64_t k = 0; copy && k < c->size[i]; k++)
            v.of[i][k] = (double)c->value[i][k];
    }
    return v;
}

static void case_values_free(case_values v)
{
    for (int i = 0; i < TABLES; i++)
        free(v.of[i]);
}

static double case_mask(const paragraph_case *c, int chunk, int64_t unit)
{
    uint32_t word[4];
    double kept = c->s.function == SYL_CODE_LINEAR ? 1 / (1 - (double)c->s.dropout) : 1;
    if (unit % case_part(c) >= c->s.code) return 0;
    syl_philox(c->m.seed, c->b.stream[chunk], (uint64_t)unit / 8, word);
    uint32_t chance = word[unit % 8 / 2] >> (unit % 2 * 16) & 0xFFFF;
    return chance < (uint32_t)(c->s.dropout * 65536.0f) ? 0 : kept;
}

static double case_function(const paragraph_case *c, double u, double *slope)
{
    double s = 1 / (1 + exp(-u)), range = c->s.sign ? 2 : 1;
    *slope = c->s.function == SYL_CODE_LINEAR ? 1 : range * s * (1 - s);
    if (c->s.function == SYL_CODE_LINEAR) return u;
    if (c->s.function == SYL_CODE_ROUND) s = u > 0;
    return c->s.sign ? 2 * s - 1 : s;
}

/* What a target of a chunk predicts from, for one or all. */
typedef struct case_hidden {
    double *u, *h, *slope; /* [(1 + context) P] */
} case_hidden;

static void case_forward(const paragraph_case *c, const case_values *v, int chunk, int64_t target,
                         const case_hidden *x)
{
    const double *e = v->of[OF_DOCUMENTS] + c->b.document[chunk] * case_dim(c);
    int64_t part = case_part(c);
    for (int64_t k = 0; k < part * (1 + c->s.context); k++) {
        int64_t j = k / part - 1, i = k % part;
        int32_t word = j < 0 ? 0 : c->b.around[target * c->s.context + j];
        x->u[k] = 0;
        if (j < 0 && c->value[OF_PROJECTION] && i < c->s.code) {
            x->u[k] = v->of[OF_OFFSET][i];
            for (int64_t d = 0; d < case_dim(c); d++)
                x->u[k] += v->of[OF_PROJECTION][i * case_dim(c) + d] * e[d];
        } else if (j < 0 && i < c->s.code) {
            x->u[k] = e[i];
        } else if (j >= 0 && word >= 0) {
            x->u[k] = v->of[OF_WORDS][word * part + i];
        }
        double mask = word >= 0 ? case_mask(c, chunk, k) : 0;
        x->h[k] = case_function(c, x->u[k], &x->slope[k]) * mask;
        x->slope[k] *= mask;
    }
}

static void case_backward(const paragraph_case *c, const case_values *v, int chunk, int64_t target,
                          const case_hidden *x, const double *d_h, case_values *g)
{
    int64_t part = case_part(c), dim = case_dim(c), row = c->b.document[chunk];
    for (int64_t k = 0; k < part * (1 + c->s.context); k++) {
        int64_t j = k / part - 1, i = k % part;
        double d = d_h[k] * x->slope[k];
        if (i >= c->s.code) continue;
        if (j >= 0) {
            int32_t word = c->b.around[target * c->s.context + j];
            if (word >= 0) g->of[OF_WORDS][word * part + i] += d;
        } else if (c->value[OF_PROJECTION]) {
            g->of[OF_OFFSET][i] += d;
            for (int64_t l = 0; l < dim; l++) {
                g->of[OF_PROJECTION][i * dim + l] += d * v->of[OF_DOCUMENTS][row * dim + l];
                g->of[OF_DOCUMENTS][row * dim + l] += d * v->of[OF_PROJECTION][i * dim + l];
            }
        } else {
            g->of[OF_DOCUMENTS][row * dim + i] += d;
        }
    }
}

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* The loss of logits [1 + n], the target's first; gradients in their place. */
static double case_loss(const paragraph_case *c, double *logit)
{
    int n = c->s.negatives;
    double top = -INFINITY, all = 0, loss = 0, weight = (double)c->m.negatives_weight / n;
    if (c->s.loss == SYL_NEGATIVE_SAMPLING) {
        loss = softplus(-logit[0]);
        for (int i = 1; i <= n; i++)
            loss += weight * softplus(logit[i]);
        logit[0] = -1 / (1 + exp(logit[0]));
        for (int i = 1; i <= n; i++)
            logit[i] = weight / (1 + exp(-logit[i]));
        return loss;
    }
    for (int i = 0; i <= n; i++)
        top = fmax(top, logit[i]);
    for (int i = 0; i <= n; i++)
        all += exp(logit[i] - top);
    loss = top + log(all) - logit[0];
    for (int i = 0; i <= n; i++)
        logit[i] = exp(logit[i] - top) / all - (i == 0);
    return loss;
}

static double case_target(const paragraph_case *c, const case_values *v, int chunk, int64_t target,
                          const case_hidden *x, double *d_h, double *logit, case_values *g)
{
    int64_t width = case_part(c) * (1 + c->s.context);
    int n = c->s.negatives;
    case_forward(c, v, chunk, target, x);
    for (int i = 0; i <= n; i++) {
        int32_t item = i == 0 ? c->b.target[target] : c->b.negative[chunk * n + i - 1];
        logit[i] = v->of[OF_BIAS][item];
        for (int64_t k = 0; k < width; k++)
            logit[i] += v->of[OF_OUTPUT][item * width + k] * x->h[k];
        if (c->s.loss == SYL_SAMPLED_SOFTMAX) logit[i] -= (double)c->log_q[item] + log((double)n);
    }
    double loss = case_loss(c, logit);
    if (!g) return loss;
    memset(d_h, 0, (size_t)width * sizeof *d_h);
    for (int i = 0; i <= n; i++) {
        int32_t item = i == 0 ? c->b.target[target] : c->b.negative[chunk * n + i - 1];
        g->of[OF_BIAS][item] += logit[i];
        for (int64_t k = 0; k < width; k++) {
            d_h[k] += logit[i] * v->of[OF_OUTPUT][item * width + k];
            g->of[OF_OUTPUT][item * width + k] += logit[i] * x->h[k];
        }
    }
    case_backward(c, v, chunk, target, x, d_h, g);
    return loss;
}

/* The batch's loss, of each chunk in loss (or NULL); gradients added to g (or NULL). */
static double case_gradients(const paragraph_case *c, const case_values *v, double *loss,
                             case_values *g)
{
    size_t width = (size_t)(case_part(c) * (1 + c->s.context));
    double *room = calloc(4 * width + (size_t)c->s.negatives + 1, sizeof *room), sum = 0;
    case_hidden x = {room, room + width, room + 2 * width};
    for (int i = 0; i < c->s.chunks; i++) {
        double own = 0;
        for (int64_t t = c->b.begin[i]; t < c->b.begin[i + 1]; t++)
            own += case_target(c, v, i, t, &x, room + 3 * width, room + 4 * width, g);
        if (loss) loss[i] = own;
        sum += own;
    }
    free(room);
    return sum;
}

/* The tables after one step, and each chunk's loss. */
static inline void case_step(const paragraph_case *c, float *value[TABLES], float *square[TABLES],
                             double *loss)
{
    case_values v = case_values_create(c, true), g = case_values_create(c, false);
    case_gradients(c, &v, loss, &g);
    for (int i = 0; i < TABLES; i++) {
        value[i] = calloc((size_t)c->size[i] + 1, sizeof(float));
        square[i] = calloc((size_t)c->size[i] + 1, sizeof(float));
        for (int64_t k = 0; k < c->size[i]; k++) {
            double q = (double)c->square[i][k] + g.of[i][k] * g.of[i][k];
            square[i][k] = (float)q;
            value[i][k] = (float)(v.of[i][k] - (double)c->m.lr * g.of[i][k] / sqrt(q));
        }
    }
    case_values_free(v);
    case_values_free(g);
}

/* Every model, at odd sizes. */
static const paragraph_shape paragraph_shapes[] = {
    {16, 16, 0, SYL_CODE_LINEAR, false, 0, SYL_SAMPLED_SOFTMAX, 5, 40, 4, 7, 9},
    {33, 33, 0, SYL_CODE_LINEAR, false, 0.3f, SYL_SAMPLED_SOFTMAX, 32, 30, 5, 9, 25},
    {128, 128, 0, SYL_CODE_ROUND, false, 0, SYL_SAMPLED_SOFTMAX, 32, 50, 5, 6, 25},
    {31, 31, 0, SYL_CODE_ROUND, false, 0.7f, SYL_SAMPLED_SOFTMAX, 7, 20, 3, 8, 3},
    {24, 24, 0, SYL_CODE_SIGMOID, true, 0.2f, SYL_SAMPLED_SOFTMAX, 9, 30, 4, 5, 10},
    {17, 17, 0, SYL_CODE_ROUND, true, 0.5f, SYL_NEGATIVE_SAMPLING, 9, 30, 4, 5, 10},
    {20, 20, 1, SYL_CODE_LINEAR, false, 0, SYL_SAMPLED_SOFTMAX, 6, 25, 4, 5, 7},
    {20, 20, 2, SYL_CODE_SIGMOID, false, 0.4f, SYL_NEGATIVE_SAMPLING, 6, 25, 4, 5, 7},
    {32, 32, 1, SYL_CODE_ROUND, false, 0.5f, SYL_SAMPLED_SOFTMAX, 33, 40, 6, 6, 12},
    {28, 50, 0, SYL_CODE_ROUND, false, 0, SYL_SAMPLED_SOFTMAX, 12, 40, 6, 8, 9},
    {9, 35, 0, SYL_CODE_SIGMOID, false, 0.25f, SYL_SAMPLED_SOFTMAX, 1, 12, 3, 4, 5},
    {1, 1, 0, SYL_CODE_LINEAR, false, 0, SYL_NEGATIVE_SAMPLING, 3, 3, 1, 2, 1},
};
#define PARAGRAPH_SHAPES ((int)(sizeof paragraph_shapes / sizeof *paragraph_shapes))

#endif
