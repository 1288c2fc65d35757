/* Paragraph vectors (lib/compute/paragraph.h): as lib/compute/cpu/paragraph.c and its kin, a block
 * of threads where those have a thread. Thread k of a block has elements k, k + blockDim.x, ... of
 * vectors; products with rows go to warps in turn. */
#include "lib/compute/cuda/device.cuh"

#define THREADS 128

SYL_DEVICE int64_t pg_part(const syl_paragraph_model *m)
{
    return (m->code + 15) / 16 * 16;
}

SYL_DEVICE int64_t pg_dim(const syl_paragraph_model *m)
{
    return (m->dim + 15) / 16 * 16;
}

#define PG_EACH(k, n) for (int64_t k = threadIdx.x; k < (n); k += blockDim.x)

/* A chunk that a block works at; shared arrays by its side. */
typedef struct pg_chunk {
    int targets;
    const int32_t *target, *negative, *around;
    const float *document;
    uint64_t stream, position;
    float *h, *h_around, *d_logit, *d_each, *d_z, *d_vector, *d_around;
    /* shared */
    float *slope;  /* [P] */
    float *logit;  /* [targets + negatives] */
    float *own;    /* [1 + negatives]: a target's own logits, then its gradients */
} pg_chunk;

/* Shared floats of a block. */
static inline int64_t paragraph_floats(const syl_paragraph_model *m, int targets)
{
    return (m->code + 15) / 16 * 16 + targets + m->negatives + 1 + m->negatives;
}

SYL_DEVICE void pg_share(const syl_paragraph_model *m, int targets, float *shared, pg_chunk *c)
{
    c->slope = shared;
    c->logit = c->slope + pg_part(m);
    c->own = c->logit + targets + m->negatives;
}

/* ---- h --------------------------------------------------------------------------------------- */

/* What is left of element `unit` of h after dropout. */
SYL_DEVICE float pg_mask(const syl_paragraph_model *m, const pg_chunk *c, int64_t unit)
{
    uint32_t limit = (uint32_t)(m->dropout * 65536.0f), word[4];
    float kept = m->function == SYL_CODE_LINEAR ? 1.0f / (1.0f - m->dropout) : 1.0f;
    if (unit % pg_part(m) >= m->code) return 0;
    if (limit == 0) return kept;
    syl_device_philox(m->seed, c->stream, c->position + (uint64_t)unit / 8, word);
    uint32_t two = word[unit % 8 / 2], chance = unit % 2 ? two >> 16 : two & 0xFFFF;
    return chance >= limit ? kept : 0.0f;
}

SYL_DEVICE void pg_forward(const syl_paragraph_model *m, float u, float mask, float *h,
                           float *slope)
{
    float low = m->sign ? -1.0f : 0.0f, range = m->sign ? 2.0f : 1.0f;
    if (m->function == SYL_CODE_LINEAR) {
        *h = u * mask;
        *slope = mask;
        return;
    }
    float s = syl_sigmoid(u);
    *slope = range * s * (1.0f - s) * mask;
    *h = (m->function == SYL_CODE_ROUND ? (u > 0 ? 1.0f : low) : low + range * s) * mask;
}

SYL_DEVICE float pg_dot(const float *a, const float *b, int64_t n)
{
    float sum = 0;
    for (int64_t k = threadIdx.x % SYL_WARP; k < n; k += SYL_WARP)
        sum += a[k] * b[k];
    return syl_warp_sum(sum);
}

/* h of the code. */
SYL_DEVICE void pg_code(const syl_paragraph_model *m, const pg_chunk *c)
{
    int lane = threadIdx.x % SYL_WARP, warp = threadIdx.x / SYL_WARP;
    int warps = blockDim.x / SYL_WARP;
    const float *z = c->document;
    if (m->projection.value) {
        for (int b = warp; b < m->code; b += warps) {
            float dot = pg_dot(m->projection.value + b * pg_dim(m), c->document, pg_dim(m));
            if (lane == 0) c->slope[b] = dot + m->offset.value[b];
        }
        z = c->slope;
        __syncthreads();
    }
    PG_EACH(k, pg_part(m))
    {
        float h, slope;
        pg_forward(m, k < m->code ? z[k] : 0.0f, pg_mask(m, c, k), &h, &slope);
        c->h[k] = h;
        c->slope[k] = slope;
    }
    __syncthreads();
}

/* ---- the loss -------------------------------------------------------------------------------- */

SYL_DEVICE float pg_softplus(float x)
{
    return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)));
}

/* By the first warp: as sampled_softmax and negative_sampling of lib/compute/cpu/paragraph_chunk.c.
 * Logits become gradients in their place. Every lane gets the loss. */
SYL_DEVICE double pg_softmax(float *logit, int targets, float *negative, int negatives)
{
    int lane = threadIdx.x % SYL_WARP;
    float top = -INFINITY, all = 0, missing = 0;
    double loss = 0;
    for (int i = lane; i < negatives; i += SYL_WARP)
        top = fmaxf(top, negative[i]);
    top = syl_warp_max(top);
    for (int i = lane; i < negatives; i += SYL_WARP) {
        negative[i] = expf(negative[i] - top);
        all += negative[i];
    }
    all = syl_warp_sum(all);
    float log_all = top + logf(all);
    for (int t = lane; t < targets; t += SYL_WARP) {
        float less = log_all - logit[t], g = syl_sigmoid(less);
        loss += (double)pg_softplus(less);
        missing += g;
        logit[t] = -g;
    }
    missing = syl_warp_sum(missing);
    for (int i = lane; i < negatives; i += SYL_WARP)
        negative[i] *= missing / all;
    return syl_warp_sum(loss);
}

SYL_DEVICE double pg_sampling(float *logit, int targets, float *negative, int negatives,
                              float each)
{
    int lane = threadIdx.x % SYL_WARP;
    float weight = (float)targets * each / (float)negatives;
    double loss = 0;
    for (int t = lane; t < targets; t += SYL_WARP) {
        loss += (double)pg_softplus(-logit[t]);
        logit[t] = -syl_sigmoid(-logit[t]);
    }
    for (int i = lane; i < negatives; i += SYL_WARP) {
        loss += (double)(weight * pg_softplus(negative[i]));
        negative[i] = weight * syl_sigmoid(negative[i]);
    }
    return syl_warp_sum(loss);
}

/* For all threads; only the first warp's result counts. */
SYL_DEVICE double pg_loss(const syl_paragraph_model *m, float *logit, int targets, float *negative)
{
    double loss = 0;
    if (threadIdx.x < SYL_WARP)
        loss = m->loss == SYL_SAMPLED_SOFTMAX
                   ? pg_softmax(logit, targets, negative, m->negatives)
                   : pg_sampling(logit, targets, negative, m->negatives, m->negatives_weight);
    __syncthreads();
    return loss;
}

/* ---- a chunk --------------------------------------------------------------------------------- */

SYL_DEVICE int32_t pg_item(const pg_chunk *c, int row)
{
    return row < c->targets ? c->target[row] : c->negative[row - c->targets];
}

SYL_DEVICE const float *pg_row(const syl_paragraph_model *m, const pg_chunk *c, int row)
{
    return m->output.value + pg_item(c, row) * pg_part(m) * (1 + m->context);
}

/* What the code gives to every logit. */
SYL_DEVICE void pg_logits(const syl_paragraph_model *m, const pg_chunk *c)
{
    int lane = threadIdx.x % SYL_WARP, warps = blockDim.x / SYL_WARP;
    float expected = logf((float)m->negatives);
    for (int i = threadIdx.x / SYL_WARP; i < c->targets + m->negatives; i += warps) {
        float dot = pg_dot(pg_row(m, c, i), c->h, pg_part(m));
        int32_t item = pg_item(c, i);
        float base = m->bias.value[item];
        if (m->loss == SYL_SAMPLED_SOFTMAX) base -= m->log_q[item] + expected;
        if (lane == 0) c->logit[i] = base + dot;
    }
    __syncthreads();
}

/* h of a target's context, and its slope in d_around. */
SYL_DEVICE void pg_around(const syl_paragraph_model *m, const pg_chunk *c, int target)
{
    int64_t part = pg_part(m), width = part * m->context;
    PG_EACH(k, width)
    {
        int32_t item = c->around[target * m->context + k / part];
        float h = 0, slope = 0;
        if (item >= 0)
            pg_forward(m, m->words.value[item * part + k % part], pg_mask(m, c, part + k), &h,
                       &slope);
        c->h_around[target * width + k] = h;
        c->d_around[target * width + k] = slope;
    }
    __syncthreads();
}

/* One target's logits and loss, and gradients of its context. */
SYL_DEVICE double pg_target(const syl_paragraph_model *m, const pg_chunk *c, int target)
{
    int64_t part = pg_part(m), width = part * m->context;
    int n = m->negatives, lane = threadIdx.x % SYL_WARP, warps = blockDim.x / SYL_WARP;
    const float *h = c->h_around + target * width;
    for (int i = threadIdx.x / SYL_WARP; i <= n; i += warps) {
        int row = i == 0 ? target : c->targets + i - 1;
        float dot = pg_dot(pg_row(m, c, row) + part, h, width);
        if (lane == 0) c->own[i] = c->logit[row] + dot;
    }
    __syncthreads();
    double loss = pg_loss(m, c->own, 1, c->own + 1);
    PG_EACH(i, n)
    c->d_each[(int64_t)target * n + i] = c->own[1 + i];
    if (threadIdx.x == 0) c->d_logit[target] = c->own[0];
    PG_EACH(k, width)
    {
        float sum = c->own[0] * pg_row(m, c, target)[part + k];
        for (int i = 0; i < n; i++)
            sum += c->own[1 + i] * pg_row(m, c, c->targets + i)[part + k];
        c->d_around[target * width + k] *= sum;
    }
    __syncthreads();
    return loss;
}

SYL_DEVICE double pg_targets(const syl_paragraph_model *m, const pg_chunk *c)
{
    int n = m->negatives;
    double loss = 0;
    if (m->context == 0) {
        loss = pg_loss(m, c->logit, c->targets, c->logit + c->targets);
        PG_EACH(i, c->targets + n)
        c->d_logit[i] = c->logit[i];
    } else {
        for (int t = 0; t < c->targets; t++) {
            pg_around(m, c, t);
            loss += pg_target(m, c, t);
        }
        PG_EACH(i, n)
        {
            float sum = 0;
            for (int t = 0; t < c->targets; t++)
                sum += c->d_each[(int64_t)t * n + i];
            c->d_logit[c->targets + i] = sum;
        }
    }
    __syncthreads();
    return loss;
}

/* Forward and backward. The loss counts in the first warp. */
SYL_DEVICE double pg_gradients(const syl_paragraph_model *m, const pg_chunk *c)
{
    pg_code(m, c);
    pg_logits(m, c);
    double loss = pg_targets(m, c);
    PG_EACH(k, pg_part(m))
    {
        float sum = 0;
        for (int i = 0; i < c->targets + m->negatives; i++)
            sum += c->d_logit[i] * pg_row(m, c, i)[k];
        c->d_z[k] = sum * c->slope[k];
    }
    __syncthreads();
    if (!m->projection.value) return loss;
    PG_EACH(k, pg_dim(m))
    {
        float sum = 0;
        for (int b = 0; b < m->code; b++)
            sum += c->d_z[b] * m->projection.value[b * pg_dim(m) + k];
        c->d_vector[k] = sum;
    }
    __syncthreads();
    return loss;
}

/* ---- training -------------------------------------------------------------------------------- */

/* Where the room of chunk i of a batch is. */
SYL_DEVICE void pg_room(const syl_cuda_paragraph *p, int32_t i, int64_t target, pg_chunk *c)
{
    const syl_paragraph_model *m = &p->model;
    int64_t part = pg_part(m), width = part * m->context;
    c->h = p->h + i * part;
    c->d_z = p->d_z + i * part;
    c->d_logit = p->d_logit + target + (int64_t)i * m->negatives;
    c->d_vector = m->projection.value ? p->d_vector + i * pg_dim(m) : c->d_z;
    c->h_around = p->h_around + target * width;
    c->d_around = p->d_around + target * width;
    c->d_each = p->d_each + target * m->negatives;
}

__global__ void paragraph_gradients_kernel(syl_cuda_paragraph p, int most)
{
    SYL_DYNAMIC_SHARED(float, shared);
    const syl_paragraph_model *m = &p.model;
    int32_t i = (int32_t)blockIdx.x;
    pg_chunk c;
    c.targets = p.begin[i + 1] - p.begin[i];
    c.target = p.target + p.begin[i];
    c.negative = p.negative + (int64_t)i * m->negatives;
    c.around = p.around + (int64_t)p.begin[i] * m->context;
    c.document = m->documents.value + p.document[i] * pg_dim(m);
    c.stream = p.stream[i];
    c.position = 0;
    pg_room(&p, i, p.begin[i], &c);
    pg_share(m, most, shared, &c);
    if (m->projection.value) {
        PG_EACH(k, pg_dim(m))
        p.vector[i * pg_dim(m) + k] = c.document[k];
    }
    double loss = pg_gradients(m, &c);
    if (threadIdx.x == 0) p.loss[i] = (float)loss;
}

SYL_DEVICE void pg_adagrad(syl_learnt table, int64_t at, float g, float lr)
{
    float q = table.square[at] + g * g;
    table.square[at] = q;
    table.value[at] -= lr * g / sqrtf(q);
}

SYL_DEVICE int32_t pg_chunk_of(const syl_cuda_paragraph *p, int32_t target)
{
    int32_t low = 0, high = p->chunks;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (p->begin[middle] <= target)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Element k of the gradient that an entry gives to its row of output, and to the row's bias. */
SYL_DEVICE float pg_entry(const syl_cuda_paragraph *p, int32_t entry, int64_t k, float *bias)
{
    const syl_paragraph_model *m = &p->model;
    int64_t part = pg_part(m), width = part * m->context, n = m->negatives;
    int32_t targets = p->begin[p->chunks];
    bool is_target = entry < targets;
    int32_t chunk = is_target ? pg_chunk_of(p, entry) : (int32_t)((entry - targets) / n);
    int64_t negative = is_target ? 0 : (entry - targets) % n;
    int64_t first = p->begin[chunk], last = p->begin[chunk + 1];
    const float *d = p->d_logit + first + chunk * n;
    float g = is_target ? d[entry - first] : d[last - first + negative], sum = 0;
    *bias = g;
    if (k < part) return g * p->h[chunk * part + k];
    if (is_target) return g * p->h_around[entry * width + k - part];
    for (int64_t t = first; t < last; t++)
        sum += p->d_each[t * n + negative] * p->h_around[t * width + k - part];
    return sum;
}

__global__ void paragraph_output_kernel(syl_cuda_paragraph p)
{
    const syl_paragraph_model *m = &p.model;
    const syl_row_groups *of = &p.of_output;
    int64_t width = pg_part(m) * (1 + m->context), row = of->row[blockIdx.x];
    int32_t begin = of->begin[blockIdx.x], end = of->begin[blockIdx.x + 1];
    PG_EACH(k, width)
    {
        float sum = 0, bias = 0, one;
        for (int32_t e = begin; e < end; e++) {
            sum += pg_entry(&p, of->entry[e], k, &one);
            bias += one;
        }
        pg_adagrad(m->output, row * width + k, sum, m->lr);
        if (k == 0) pg_adagrad(m->bias, row, bias, m->lr);
    }
}

/* Rows whose entries are rows of `gradients`. */
__global__ void paragraph_input_kernel(syl_row_groups of, syl_learnt table, const float *gradients,
                                       int64_t length, float lr)
{
    int64_t row = of.row[blockIdx.x];
    PG_EACH(k, length)
    {
        float sum = 0;
        for (int32_t e = of.begin[blockIdx.x]; e < of.begin[blockIdx.x + 1]; e++)
            sum += gradients[of.entry[e] * length + k];
        pg_adagrad(table, row * length + k, sum, lr);
    }
}

__global__ void paragraph_projection_kernel(syl_cuda_paragraph p)
{
    const syl_paragraph_model *m = &p.model;
    int64_t dim = pg_dim(m), part = pg_part(m), unit = blockIdx.x;
    PG_EACH(k, dim)
    {
        float sum = 0, offset = 0;
        for (int32_t c = 0; c < p.chunks; c++) {
            float by = p.d_z[c * part + unit];
            sum += by * p.vector[c * dim + k];
            offset += by;
        }
        pg_adagrad(m->projection, unit * dim + k, sum, m->lr);
        if (k == 0) pg_adagrad(m->offset, unit, offset, m->lr);
    }
}

/* ---- inference ------------------------------------------------------------------------------- */

SYL_DEVICE void pg_draw(const syl_cuda_paragraph_inference *q, const pg_chunk *c,
                        int32_t *negative)
{
    const syl_paragraph_model *m = &q->p.model;
    PG_EACH(i, m->negatives)
    {
        uint32_t word[4];
        syl_device_philox(m->seed, c->stream,
                          c->position + SYL_PARAGRAPH_NEGATIVES + (uint64_t)i / 2, word);
        uint32_t slot = i % 2 ? word[2] : word[0], chance = i % 2 ? word[3] : word[1];
        uint32_t column = (uint32_t)(((uint64_t)slot * (uint64_t)q->num_columns) >> 32);
        negative[i] = chance < q->columns[column].threshold ? (int32_t)column
                                                            : q->columns[column].other;
    }
}

__global__ void paragraph_infer_kernel(syl_cuda_paragraph_inference q)
{
    SYL_DYNAMIC_SHARED(float, shared);
    const syl_paragraph_model *m = &q.p.model;
    int32_t d = (int32_t)blockIdx.x;
    const int32_t *items = q.items + q.begin[d];
    int64_t length = q.begin[d + 1] - q.begin[d], dim = pg_dim(m);
    int32_t *negative = q.negative + (int64_t)d * m->negatives;
    int32_t *around = q.around + (int64_t)d * q.chunk * m->context;
    uint64_t step = 0;
    pg_chunk c;
    c.document = m->documents.value + d * dim;
    c.stream = q.key[d];
    c.negative = negative;
    c.around = around;
    pg_room(&q.p, d, (int64_t)d * q.chunk, &c);
    pg_share(m, q.chunk, shared, &c);
    for (int pass = 0; pass < q.passes; pass++) {
        for (int64_t at = 0; at < length; at += q.chunk, step++) {
            c.targets = (int)(length - at < q.chunk ? length - at : q.chunk);
            c.target = items + at;
            c.position = step * SYL_PARAGRAPH_NUMBERS;
            pg_draw(&q, &c, negative);
            PG_EACH(i, c.targets * m->context)
            {
                int64_t before = at + i / m->context - 1 - i % m->context;
                around[i] = before >= 0 ? items[before] : -1;
            }
            __syncthreads();
            pg_gradients(m, &c);
            PG_EACH(k, dim)
            pg_adagrad(m->documents, d * dim + k, c.d_vector[k], m->lr);
            __syncthreads();
        }
    }
}

/* ---- launches -------------------------------------------------------------------------------- */

static bool pg_fits(const syl_paragraph_model *m, int targets, size_t *bytes)
{
    *bytes = sizeof(float) * (size_t)paragraph_floats(m, targets);
    return targets <= SYL_PARAGRAPH_MOST_TARGETS && m->negatives <= SYL_PARAGRAPH_MOST_NEGATIVES &&
           *bytes <= 48 * 1024;
}

cudaError_t syl_cuda_paragraph_gradients(cudaStream_t stream, const syl_cuda_paragraph *p, int most)
{
    size_t bytes;
    if (p->chunks <= 0) return cudaSuccess;
    if (!pg_fits(&p->model, most, &bytes)) return cudaErrorInvalidValue;
    return SYL_LAUNCH(paragraph_gradients_kernel, dim3((unsigned)p->chunks, 1, 1),
                      dim3(THREADS, 1, 1), bytes, stream, *p, most);
}

static cudaError_t pg_input(cudaStream_t stream, const syl_row_groups *of, syl_learnt table,
                            const float *gradients, int64_t length, float lr)
{
    if (of->count <= 0) return cudaSuccess;
    return SYL_LAUNCH(paragraph_input_kernel, dim3((unsigned)of->count, 1, 1), dim3(THREADS, 1, 1),
                      0, stream, *of, table, gradients, length, lr);
}

cudaError_t syl_cuda_paragraph_updates(cudaStream_t stream, const syl_cuda_paragraph *p)
{
    const syl_paragraph_model *m = &p->model;
    int64_t part = (m->code + 15) / 16 * 16, dim = (m->dim + 15) / 16 * 16;
    cudaError_t e = cudaSuccess;
    if (p->chunks <= 0) return e;
    e = SYL_LAUNCH(paragraph_output_kernel, dim3((unsigned)p->of_output.count, 1, 1),
                   dim3(THREADS, 1, 1), 0, stream, *p);
    if (e == cudaSuccess && m->context)
        e = pg_input(stream, &p->of_words, m->words, p->d_around, part, m->lr);
    if (e == cudaSuccess && m->projection.value)
        e = SYL_LAUNCH(paragraph_projection_kernel, dim3((unsigned)m->code, 1, 1),
                       dim3(THREADS, 1, 1), 0, stream, *p);
    if (e == cudaSuccess)
        e = pg_input(stream, &p->of_documents, m->documents,
                     m->projection.value ? p->d_vector : p->d_z, dim, m->lr);
    return e;
}

cudaError_t syl_cuda_paragraph_infer(cudaStream_t stream, const syl_cuda_paragraph_inference *q)
{
    size_t bytes;
    if (q->count <= 0) return cudaSuccess;
    if (!pg_fits(&q->p.model, q->chunk, &bytes)) return cudaErrorInvalidValue;
    return SYL_LAUNCH(paragraph_infer_kernel, dim3((unsigned)q->count, 1, 1), dim3(THREADS, 1, 1),
                      bytes, stream, *q);
}
