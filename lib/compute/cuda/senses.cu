/* Disambiguated Skip-gram (lib/compute/skipgram.h), a warp an item; and gradients into rows by the
 * rules of updates, a segment of sorted changes after the other.
 *
 * A vector is in registers: lane l has elements l, l + 32, ... Senses are one a lane. Logits of
 * the candidates, then slopes, are in shared memory. */
#include "lib/compute/cuda/device.cuh"

#define LEFT_OUT (-INFINITY) /* the logit of a candidate that is left out */

/* A warp's item. */
typedef struct sense_item {
    int64_t number;
    int lane, targets;
    int64_t sense_row, choice_row; /* first rows of its centre's senses */
    float *logit;                  /* shared [candidates] */
} sense_item;

template <int PIECES>
SYL_DEVICE void sense_load(const float *row, int dim, int lane, float x[PIECES])
{
    SYL_UNROLL
    for (int p = 0; p < PIECES; p++)
        x[p] = 32 * p + lane < dim ? row[32 * p + lane] : 0.0f;
}

template <int PIECES> SYL_DEVICE void sense_store(const float x[PIECES], int dim, int lane, float *y)
{
    SYL_UNROLL
    for (int p = 0; p < PIECES; p++)
        if (32 * p + lane < dim) y[32 * p + lane] = x[p];
}

template <int PIECES>
SYL_DEVICE void sense_add(float by, const float *row, int dim, int lane, float x[PIECES])
{
    SYL_UNROLL
    for (int p = 0; p < PIECES; p++)
        if (32 * p + lane < dim) x[p] += by * row[32 * p + lane];
}

template <int PIECES>
SYL_DEVICE float sense_dot(const float x[PIECES], const float *row, int dim, int lane)
{
    float dot = 0;
    SYL_UNROLL
    for (int p = 0; p < PIECES; p++)
        if (32 * p + lane < dim) dot += x[p] * row[32 * p + lane];
    return syl_warp_sum(dot);
}

SYL_DEVICE const float *sense_row(const syl_vector_table *t, int64_t row)
{
    return (const float *)t->value.data + row * t->value.stride;
}

template <int PIECES>
SYL_DEVICE void sense_context(const syl_cuda_senses *s, const sense_item *m, float c[PIECES])
{
    syl_window_span span = s->contexts[m->number];
    int count = 0;
    SYL_UNROLL
    for (int p = 0; p < PIECES; p++)
        c[p] = 0;
    for (int j = 0; j < span.count; j++) {
        int32_t word = s->words[span.begin + j];
        if (word < 0) continue;
        sense_add<PIECES>(1.0f, sense_row(&s->output, word), s->dim, m->lane, c);
        count++;
    }
    float by = 1.0f / (float)(s->slots > 0 ? s->slots : count > 0 ? count : 1);
    SYL_UNROLL
    for (int p = 0; p < PIECES; p++)
        c[p] *= by;
    if (s->context) sense_store<PIECES>(c, s->dim, m->lane, s->context + m->number * s->dim);
}

/* softmax over the lanes below `senses`; *lse: the log of the sum. */
SYL_DEVICE float sense_softmax(float l, bool mine, float *lse)
{
    float top = syl_warp_max(mine ? l : -INFINITY), e = mine ? expf(l - top) : 0.0f;
    float sum = syl_warp_sum(e);
    *lse = top + logf(sum);
    return e / sum;
}

SYL_DEVICE float sense_gumbel(const syl_cuda_senses *s, const sense_item *m)
{
    uint32_t word[4];
    uint64_t blocks = (uint64_t)(s->senses + 3) / 4;
    syl_device_philox(s->seed, s->stream, (s->first + (uint64_t)m->number) * blocks + m->lane / 4,
                      word);
    float u = (float)(word[m->lane % 4] >> 8) * SYL_GUMBEL_SMALLEST;
    return -logf(-logf(fmaxf(u, SYL_GUMBEL_SMALLEST)));
}

/* This lane's p and y; returns H(p). */
template <int PIECES>
SYL_DEVICE float sense_choose(const syl_cuda_senses *s, const sense_item *m,
                              const float c[PIECES], float *p, float *y)
{
    bool mine = m->lane < s->senses;
    float l = 0, lse, unused;
    for (int k = 0; k < s->senses; k++) {
        float dot = sense_dot<PIECES>(c, sense_row(&s->choice, m->choice_row + k), s->dim, m->lane);
        if (m->lane == k) l = dot;
    }
    if (mine && s->choice.bias) l += s->choice.bias[m->choice_row + m->lane];
    *p = sense_softmax(l, mine, &lse);
    float entropy = lse - syl_warp_sum(mine ? *p * l : 0.0f);
    if (s->gumbel && mine) l += sense_gumbel(s, m);
    *y = sense_softmax(l / s->temperature, mine, &unused);
    return entropy;
}

/* The row of `output` of candidate j, targets first; -1: left out. */
SYL_DEVICE int32_t sense_candidate(const syl_cuda_senses *s, const sense_item *m, int j)
{
    return s->ids[m->number * s->candidates + j];
}

template <int PIECES>
SYL_DEVICE void sense_logits(const syl_cuda_senses *s, const sense_item *m, const float v[PIECES])
{
    for (int j = 0; j < m->targets + s->negatives; j++) {
        int32_t row = sense_candidate(s, m, j);
        float a = LEFT_OUT;
        if (row >= 0) {
            a = sense_dot<PIECES>(v, sense_row(&s->output, row), s->dim, m->lane);
            if (s->output.bias) a += s->output.bias[row];
        }
        if (m->lane == 0) m->logit[j] = a;
    }
    __syncwarp();
}

/* -log sigmoid(x) added to *loss; returns sigmoid(-x). */
SYL_DEVICE float sense_logistic(float x, double *loss)
{
    float e = expf(-fabsf(x));
    *loss += (double)(fmaxf(-x, 0.0f) + log1pf(e));
    return (x > 0 ? e : 1.0f) / (1.0f + e);
}

/* Logits to slopes; returns the loss. The CPU's formulas (lib/compute/cpu/senses.c). */
SYL_DEVICE double sense_softmax_slopes(const sense_item *m, int n)
{
    float top = -1e30f, sum = 0, miss = 0;
    double loss = 0;
    for (int j = m->targets + m->lane; j < n; j += SYL_WARP)
        top = fmaxf(top, m->logit[j]);
    top = syl_warp_max(top);
    for (int j = m->targets + m->lane; j < n; j += SYL_WARP)
        sum += m->logit[j] = expf(m->logit[j] - top);
    sum = syl_warp_sum(sum);
    float log_z = sum > 0 ? top + logf(sum) : top;
    for (int j = m->lane; j < m->targets; j += SYL_WARP) {
        float other = sense_logistic(m->logit[j] - log_z, &loss);
        miss += other;
        m->logit[j] = -other;
    }
    miss = syl_warp_sum(miss);
    for (int j = m->targets + m->lane; j < n; j += SYL_WARP)
        m->logit[j] *= sum > 0 ? miss / sum : 0.0f;
    return syl_warp_sum(loss);
}

SYL_DEVICE double sense_negative_slopes(const sense_item *m, int n)
{
    double loss = 0, others = 0;
    for (int j = m->lane; j < n; j += SYL_WARP) {
        float a = m->logit[j];
        if (j < m->targets)
            m->logit[j] = -sense_logistic(a, &loss);
        else
            m->logit[j] = a == LEFT_OUT ? 0.0f : (float)m->targets * sense_logistic(-a, &others);
    }
    return syl_warp_sum(loss + m->targets * others);
}

template <int PIECES>
SYL_DEVICE void sense_gradient(const syl_cuda_senses *s, const sense_item *m, float dv[PIECES])
{
    SYL_UNROLL
    for (int p = 0; p < PIECES; p++)
        dv[p] = 0;
    for (int j = 0; j < m->targets + s->negatives; j++) {
        int32_t row = sense_candidate(s, m, j);
        float by = m->logit[j];
        if (row >= 0) sense_add<PIECES>(by, sense_row(&s->output, row), s->dim, m->lane, dv);
        if (m->lane == 0) s->by[m->number * s->candidates + j] = by;
    }
    sense_store<PIECES>(dv, s->dim, m->lane, s->gradient + m->number * s->dim);
}

template <int PIECES>
SYL_DEVICE void sense_choice_gradient(const syl_cuda_senses *s, const sense_item *m,
                                      const float dv[PIECES], float p, float y, float entropy)
{
    bool mine = m->lane < s->senses;
    float dy = 0;
    for (int k = 0; k < s->senses; k++) {
        float dot = sense_dot<PIECES>(dv, sense_row(&s->sense, m->sense_row + k), s->dim, m->lane);
        if (m->lane == k) dy = dot;
    }
    float mean = syl_warp_sum(mine ? y * dy : 0.0f);
    float surprise = mine && p > 0 ? p * (logf(p) + entropy) : 0.0f;
    if (mine)
        s->dlogit[m->number * s->senses + m->lane] =
            y * (dy - mean) / s->temperature - s->entropy * (float)m->targets * surprise;
}

template <int PIECES> SYL_DEVICE void sense_learn(const syl_cuda_senses *s, const sense_item *m)
{
    float c[PIECES], v[PIECES], p = 1, y = 1, entropy = 0;
    if (s->senses > 1) {
        sense_context<PIECES>(s, m, c);
        entropy = sense_choose<PIECES>(s, m, c, &p, &y);
    }
    SYL_UNROLL
    for (int i = 0; i < PIECES; i++)
        v[i] = 0;
    for (int k = 0; k < s->senses; k++)
        sense_add<PIECES>(__shfl_sync(SYL_ALL_LANES, y, k), sense_row(&s->sense, m->sense_row + k),
                          s->dim, m->lane, v);
    sense_store<PIECES>(v, s->dim, m->lane, s->vector + m->number * s->dim);
    if (m->lane < s->senses) s->y[m->number * s->senses + m->lane] = y;
    sense_logits<PIECES>(s, m, v);
    int n = m->targets + s->negatives;
    double loss = s->loss_kind == SYL_WINDOW_SOFTMAX ? sense_softmax_slopes(m, n)
                                                     : sense_negative_slopes(m, n);
    __syncwarp();
    sense_gradient<PIECES>(s, m, v); /* v becomes dL/dv */
    if (s->senses > 1) sense_choice_gradient<PIECES>(s, m, v, p, y, entropy);
    if (m->lane == 0) {
        s->loss[m->number] = loss;
        s->loss[s->items + m->number] = (double)entropy;
    }
}

template <int PIECES> __global__ void senses_kernel(syl_cuda_senses s)
{
    SYL_DYNAMIC_SHARED(float, shared);
    int warp = threadIdx.x / SYL_WARP;
    sense_item m;
    m.number = (int64_t)blockIdx.x * (blockDim.x / SYL_WARP) + warp;
    if (m.number >= s.items) return; /* the whole warp */
    m.lane = threadIdx.x % SYL_WARP;
    m.sense_row = (int64_t)s.centre[m.number] * s.senses;
    m.choice_row = s.choice_shared ? 0 : m.sense_row;
    m.logit = shared + warp * s.candidates;
    m.targets = s.targets[m.number].count;
    if (s.p) {
        float c[PIECES], p, y;
        sense_context<PIECES>(&s, &m, c);
        sense_choose<PIECES>(&s, &m, c, &p, &y);
        if (m.lane < s.senses) s.p[m.number * s.senses + m.lane] = p;
    } else if (m.targets > 0) {
        sense_learn<PIECES>(&s, &m);
    } else if (m.lane == 0) {
        s.loss[m.number] = s.loss[s.items + m.number] = 0;
    }
}

/* As many warps a block as share out 48 KiB, one where even that is too little. */
template <int PIECES>
static cudaError_t launch_senses(cudaStream_t stream, const syl_cuda_senses *s)
{
    void (*kernel)(syl_cuda_senses) = senses_kernel<PIECES>;
    size_t bytes = sizeof(float) * (size_t)s->candidates;
    unsigned warps = 4;
    while (warps > 1 && warps * bytes > 48 * 1024)
        warps /= 2;
    if (bytes > 48 * 1024) return cudaErrorInvalidValue;
    return SYL_LAUNCH(kernel, dim3((unsigned)syl_ceil_div(s->items, warps), 1, 1),
                      dim3(warps * SYL_WARP, 1, 1), warps * bytes, stream, *s);
}

cudaError_t syl_cuda_senses_step(cudaStream_t stream, const syl_cuda_senses *s)
{
    if (s->items <= 0) return cudaSuccess;
    if (s->dim < 1 || s->dim > 1024 || s->senses < 1 || s->senses > SYL_MAX_SENSES)
        return cudaErrorInvalidValue;
    if (s->dim <= 128) return launch_senses<4>(stream, s);
    if (s->dim <= 320) return launch_senses<10>(stream, s);
    return launch_senses<32>(stream, s);
}

/* ---- changes of rows ------------------------------------------------------------------------- */

SYL_DEVICE float changed(const syl_row_update *u, float g, float *slot)
{
    if (u->rule == SYL_ROW_MOMENTUM) return *slot = u->momentum * *slot + g;
    if (u->rule == SYL_ROW_ADAGRAD) {
        *slot += g * g;
        return g / sqrtf(*slot);
    }
    return g;
}

/* A thread owns its elements of a row, for all changes of it in order. */
__global__ void row_changes_kernel(syl_cuda_row_changes c)
{
    SYL_COVER_ROWS (s, c.segments) {
        int32_t begin = c.segment_begin[s], end = c.segment_begin[s + 1];
        if (begin == end) continue; /* its row may be another segment's */
        int64_t row = c.segment_row[s], at = row * c.table.value.stride;
        float *value = (float *)c.table.value.data + at;
        float *slots = c.table.slot ? c.table.slot + at : NULL;
        SYL_COVER_COLS (i, c.table.value.cols) {
            float x = value[i], slot = slots ? slots[i] : 0.0f;
            for (int32_t j = begin; j < end; j++) {
                int32_t e = c.order[j];
                int64_t item = e / c.per_item;
                float g = c.by[e] * c.vectors[item * c.table.value.cols + i];
                x -= c.update.lr * changed(&c.update, g, &slot);
            }
            value[i] = x;
            if (slots) slots[i] = slot;
        }
        if (!c.table.bias || blockIdx.x != 0 || threadIdx.x != 0) continue;
        float x = c.table.bias[row], slot = c.table.bias_slot ? c.table.bias_slot[row] : 0.0f;
        for (int32_t j = begin; j < end; j++)
            x -= c.update.bias_lr * changed(&c.update, c.by[c.order[j]], &slot);
        c.table.bias[row] = x;
        if (c.table.bias_slot) c.table.bias_slot[row] = slot;
    }
}

cudaError_t syl_cuda_row_change(cudaStream_t stream, const syl_cuda_row_changes *c)
{
    if (c->segments <= 0) return cudaSuccess;
    syl_launch_shape shape = syl_cover(c->segments, c->table.value.cols);
    return SYL_LAUNCH(row_changes_kernel, shape.grid, shape.block, 0, stream, *c);
}
