/* One chunk of a document: forward and backward. With P the padded length of a code, the first P
 * of a row of `output` meet the code, which all targets share, and the rest each target's own
 * context. */
#include "lib/compute/cpu/paragraph.h"

#include <string.h>

#include "lib/base/random.h"
#include "lib/base/vector.h"
#include "lib/compute/cpu/row_math.h"
#include "lib/compute/cpu/vmath.h"

static inline int64_t part(const syl_paragraph_model *m)
{
    return syl_paragraph_padded(m->code);
}

/* ---- a thread's room ------------------------------------------------------------------------ */

static int64_t pointers(int rows)
{
    return syl_paragraph_padded((int64_t)((size_t)rows * sizeof(float *) / sizeof(float)));
}

static int64_t widest(const syl_paragraph_model *m)
{
    int64_t dim = syl_paragraph_padded(m->dim), output = part(m) * (1 + m->context);
    return dim > output ? dim : output;
}

int64_t syl_paragraph_work_size(const syl_paragraph_model *m, int targets)
{
    int rows = targets + m->negatives;
    rows = rows > m->code ? rows : m->code; /* those of the projection are summed, too */
    int64_t units = part(m) * (1 + m->context);
    return pointers(rows) + 2 * syl_paragraph_padded(rows) + part(m) + 3 * units +
           targets * part(m) * m->context + widest(m) +
           (m->context ? syl_paragraph_padded((int64_t)targets * m->negatives) : 0);
}

static float *cut(float **room, int64_t floats)
{
    float *own = *room;
    *room += floats;
    return own;
}

void syl_paragraph_work_of(const syl_paragraph_model *m, int targets, float *room,
                           syl_paragraph_work *w)
{
    int rows = targets + m->negatives;
    rows = rows > m->code ? rows : m->code;
    int64_t units = part(m) * (1 + m->context);
    w->row = (const float **)(void *)cut(&room, pointers(rows));
    w->logit = cut(&room, syl_paragraph_padded(rows));
    w->by = cut(&room, syl_paragraph_padded(rows));
    w->z = cut(&room, part(m));
    w->mask = cut(&room, units);
    w->slope = cut(&room, units);
    w->d_h = cut(&room, units);
    w->around = cut(&room, targets * part(m) * m->context);
    w->sum = cut(&room, widest(m));
    w->negative = room;
}

/* ---- h ----------------------------------------------------------------------------------------
 */

/* 1 or 0 for each element; beyond the code's length always 0. An element's chance are 16 bits of
 * Philox. */
static void make_mask(const syl_paragraph_model *m, const syl_paragraph_chunk *c, float *mask)
{
    int64_t length = part(m), units = length * (1 + m->context);
    uint32_t limit = (uint32_t)(m->dropout * 65536.0f);
    float kept = m->function == SYL_CODE_LINEAR ? 1.0f / (1.0f - m->dropout) : 1.0f;
    for (int64_t k = 0; k < units; k += 8) {
        uint32_t word[4] = {0};
        if (limit) syl_philox(m->seed, c->stream, c->position + (uint64_t)k / 8, word);
        for (int i = 0; i < 8; i++) {
            uint32_t chance = i % 2 ? word[i / 2] >> 16 : word[i / 2] & 0xFFFF;
            mask[k + i] = (k + i) % length < m->code && chance >= limit ? kept : 0.0f;
        }
    }
}

SYL_CLONES static void code_sigmoid(const float *u, const float *mask, float low, float range,
                                    float *h, float *slope, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        float s = 1.0f / (1.0f + syl_expf(-u[k]));
        h[k] = (low + range * s) * mask[k];
        slope[k] = range * s * (1.0f - s) * mask[k];
    }
}

SYL_CLONES static void code_round(const float *u, const float *mask, float low, float *h, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        h[k] = (u[k] > 0 ? 1.0f : low) * mask[k];
}

SYL_CLONES static void code_linear(const float *u, const float *mask, float *h, float *slope,
                                   int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        h[k] = u[k] * mask[k];
        slope[k] = mask[k];
    }
}

/* h = f(u) under the mask, and its slope. */
static void forward(const syl_paragraph_model *m, const float *u, const float *mask, float *h,
                    float *slope, int64_t n)
{
    float low = m->sign ? -1.0f : 0.0f, range = m->sign ? 2.0f : 1.0f;
    if (m->function == SYL_CODE_LINEAR) {
        code_linear(u, mask, h, slope, n);
        return;
    }
    code_sigmoid(u, mask, low, range, h, slope, n);
    if (m->function == SYL_CODE_ROUND) code_round(u, mask, low, h, n);
}

/* z = e, or P e + offset. */
static const float *project(const syl_paragraph_model *m, const float *document,
                            const syl_paragraph_work *w)
{
    int64_t dim = syl_paragraph_padded(m->dim);
    if (!m->projection.value) return document;
    for (int b = 0; b < m->code; b++)
        w->row[b] = m->projection.value + b * dim;
    memset(w->z, 0, (size_t)part(m) * sizeof *w->z);
    syl_rows_dot(w->row, 0, m->code, document, dim, w->z);
    for (int b = 0; b < m->code; b++)
        w->z[b] += m->offset.value[b];
    return w->z;
}

/* ---- the loss -------------------------------------------------------------------------------- */

SYL_CLONES static void negative_exponentials(const float *x, float less, float *y, int64_t n,
                                             float *sum)
{
    float all = 0;
#pragma omp simd reduction(+ : all)
    for (int64_t i = 0; i < n; i++) {
        y[i] = syl_expf(x[i] - less);
        all += y[i];
    }
    *sum = all;
}

/* g = sigmoid(sign x); the loss softplus(sign x), which a product of n factors of at most 2 gives
 * with a single logarithm. NaN and infinity stay in it. */
SYL_CLONES static double softplus_sum(const float *x, float add, float sign, float *g, int64_t n)
{
    double product = 1, linear = 0;
    float strange = 0;
#pragma omp simd reduction(* : product) reduction(+ : linear, strange)
    for (int64_t i = 0; i < n; i++) {
        float v = sign * (x[i] + add);
        float e = syl_expf(v > 0 ? -v : v), one = 1.0f / (1.0f + e);
        g[i] = v > 0 ? one : e * one;
        product *= 1.0 + (double)e;
        linear += v > 0 ? (double)v : 0.0;
        strange += 0.0f * x[i];
    }
    return linear + log(product) + (double)strange;
}

/* Sampled softmax of targets that share their negatives, in O(targets + negatives): with L the log
 * of the sum of the negatives' exponentials, a target's loss is softplus(L - logit); nothing is
 * clamped. Logits become gradients, the negatives' added to d_negative. */
static double sampled_softmax(const float *logit, int targets, const float *negative, int negatives,
                              float *g, float *d_negative, float *room)
{
    float top = syl_maximum(negative, negatives), all, missing = 0;
    negative_exponentials(negative, top, room, negatives, &all);
    double loss = softplus_sum(logit, -(top + logf(all)), -1.0f, g, targets);
    for (int t = 0; t < targets; t++) {
        missing += g[t]; /* 1 - the target's chance */
        g[t] = -g[t];
    }
    for (int i = 0; i < negatives; i++)
        d_negative[i] += room[i] * (missing / all);
    return loss;
}

/* Each target counts negatives_weight negatives, whose mean stands for them. */
static double negative_sampling(const syl_paragraph_model *m, const float *logit, int targets,
                                const float *negative, int negatives, float *g, float *d_negative,
                                float *room)
{
    float weight = (float)targets * m->negatives_weight / (float)negatives;
    double loss = softplus_sum(logit, 0, -1.0f, g, targets);
    for (int t = 0; t < targets; t++)
        g[t] = -g[t];
    loss += (double)weight * softplus_sum(negative, 0, 1.0f, room, negatives);
    for (int i = 0; i < negatives; i++)
        d_negative[i] += weight * room[i];
    return loss;
}

static double sampled_loss(const syl_paragraph_model *m, const float *logit, int targets,
                           const float *negative, float *g, float *d_negative, float *room)
{
    if (m->loss == SYL_SAMPLED_SOFTMAX)
        return sampled_softmax(logit, targets, negative, m->negatives, g, d_negative, room);
    return negative_sampling(m, logit, targets, negative, m->negatives, g, d_negative, room);
}

/* ---- the chunk ------------------------------------------------------------------------------- */

/* Rows of output, and what their logits begin with. */
static void find_rows(const syl_paragraph_model *m, const syl_paragraph_chunk *c,
                      const syl_paragraph_work *w)
{
    int64_t width = part(m) * (1 + m->context);
    float expected = m->loss == SYL_SAMPLED_SOFTMAX ? logf((float)m->negatives) : 0;
    for (int i = 0; i < c->targets + m->negatives; i++) {
        int32_t item = i < c->targets ? c->target[i] : c->negative[i - c->targets];
        w->row[i] = m->output.value + item * width;
        w->by[i] = m->bias.value[item];
        if (m->loss == SYL_SAMPLED_SOFTMAX) w->by[i] -= m->log_q[item] + expected;
    }
}

/* A target's context: its h, and the slope into d_around. */
static void around_forward(const syl_paragraph_model *m, const syl_paragraph_chunk *c, int target,
                           const syl_paragraph_work *w, float *slope)
{
    int64_t length = part(m);
    float *h = c->h_around + target * length * m->context;
    for (int j = 0; j < m->context; j++) {
        int32_t item = c->around[target * m->context + j];
        if (item >= 0) {
            forward(m, m->words.value + item * length, w->mask + (1 + j) * length, h + j * length,
                    slope + j * length, length);
        } else {
            memset(h + j * length, 0, (size_t)length * sizeof *h);
            memset(slope + j * length, 0, (size_t)length * sizeof *slope);
        }
    }
}

static void multiply(float *y, const float *by, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        y[k] *= by[k];
}

/* Each target by itself, on top of what the code gives all (w->logit). */
static double each_target(const syl_paragraph_model *m, const syl_paragraph_chunk *c,
                          const syl_paragraph_work *w)
{
    int64_t length = part(m), width = length * m->context;
    int n = m->negatives;
    double loss = 0;
    for (int t = 0; t < c->targets; t++) {
        float *h = c->h_around + t * width, *g = c->d_negative + (int64_t)t * n, own;
        around_forward(m, c, t, w, w->slope + length);
        syl_rows_dot(w->row + t, length, 1, h, width, &own);
        syl_rows_dot(w->row + c->targets, length, n, h, width, w->negative);
        own += w->logit[t];
        for (int i = 0; i < n; i++)
            w->negative[i] += w->logit[c->targets + i];
        memset(g, 0, (size_t)n * sizeof *g);
        loss += sampled_loss(m, &own, 1, w->negative, c->d_logit + t, g, w->by);
        for (int i = 0; i < n; i++)
            c->d_logit[c->targets + i] += g[i];
        if (!c->d_around) continue;
        float *d = c->d_around + t * width;
        memset(d, 0, (size_t)width * sizeof *d);
        syl_rows_sum(w->row + t, length, c->d_logit + t, 1, width, d);
        syl_rows_sum(w->row + c->targets, length, g, n, width, d);
        multiply(d, w->slope + length, width);
    }
    return loss;
}

/* From the rows' gradients to the document's. */
static void backward(const syl_paragraph_model *m, const syl_paragraph_chunk *c,
                     const syl_paragraph_work *w)
{
    int64_t length = part(m), dim = syl_paragraph_padded(m->dim);
    memset(c->d_z, 0, (size_t)length * sizeof *c->d_z);
    syl_rows_sum(w->row, 0, c->d_logit, c->targets + m->negatives, length, c->d_z);
    multiply(c->d_z, w->slope, length);
    if (!m->projection.value) return;
    for (int b = 0; b < m->code; b++)
        w->row[b] = m->projection.value + b * dim;
    memset(c->d_document, 0, (size_t)dim * sizeof *c->d_document);
    syl_rows_sum(w->row, 0, c->d_z, m->code, dim, c->d_document);
}

double syl_paragraph_chunk_gradients(const syl_paragraph_model *m, const syl_paragraph_chunk *c,
                                     const syl_paragraph_work *w)
{
    int64_t length = part(m);
    int rows = c->targets + m->negatives;
    double loss;
    make_mask(m, c, w->mask);
    forward(m, project(m, c->document, w), w->mask, c->h, w->slope, length);
    find_rows(m, c, w);
    syl_rows_dot(w->row, 0, rows, c->h, length, w->logit);
    for (int i = 0; i < rows; i++)
        w->logit[i] += w->by[i];
    memset(c->d_logit + c->targets, 0, (size_t)m->negatives * sizeof *c->d_logit);
    if (m->context)
        loss = each_target(m, c, w);
    else
        loss = sampled_loss(m, w->logit, c->targets, w->logit + c->targets, c->d_logit,
                            c->d_logit + c->targets, w->by);
    backward(m, c, w);
    return loss;
}
