/* Skip-gram with negative sampling (Mikolov et al. 2013), a warp a window. As products of small
 * matrices with negatives that the window shares (Ji et al. 2016; FULL-W2V, Randall et al. 2021):
 * with u the window's context vectors and v its candidates, the centre first and then negatives,
 *   g = (label - sigmoid(u v^T)) lr,  du = g v,  dv = g^T u,
 * all from the values that they have when the window begins.
 *
 * Candidates and g are in shared memory, a context's vector or a gradient in registers: lane l has
 * elements l, l + 32, ... Every vector so comes from memory once as a candidate and, as a context,
 * once for g and once for each GROUP candidates. */
#include "lib/compute/cuda/device.cuh"

#define GROUP 8 /* candidates whose gradients are summed at a time; g's rows are padded to it */
#define PAIR 2  /* pieces of 32 elements of such a sum */

/* A warp's window. */
typedef struct skipgram_window {
    int64_t number;
    int candidates, padded; /* candidates: 1 + negatives */
    const int32_t *contexts, *negative;
    int32_t centre;
    float *v; /* shared [candidates][dim] */
    float *g; /* shared [context][padded]: products, then gradients */
} skipgram_window;

static inline int skipgram_padded(const syl_cuda_skipgram *s)
{
    return (1 + s->negatives + GROUP - 1) / GROUP * GROUP;
}

/* Shared floats of a warp; a multiple of four since g is read by vectors. */
static inline int64_t skipgram_floats(const syl_cuda_skipgram *s)
{
    int64_t v = (int64_t)(1 + s->negatives) * s->dim;
    return (v + 3) / 4 * 4 + (int64_t)s->context * skipgram_padded(s);
}

SYL_DEVICE int skipgram_lane(void)
{
    return threadIdx.x % SYL_WARP;
}

/* The row of `output` of candidate c; -1 where it is left out: none, or a negative that is the
 * centre, which cannot be both. */
SYL_DEVICE int32_t skipgram_row(const skipgram_window *w, int c)
{
    if (c == 0) return w->centre;
    int32_t row = w->negative[c - 1];
    return row == w->centre ? -1 : row;
}

SYL_DEVICE void skipgram_load_candidates(const syl_cuda_skipgram *s, skipgram_window *w)
{
    for (int c = 0; c < w->candidates; c++) {
        int32_t row = skipgram_row(w, c);
        const float *from = (const float *)s->output.data + (int64_t)row * s->output.stride;
        for (int i = skipgram_lane(); i < s->dim; i += SYL_WARP)
            w->v[c * s->dim + i] = row >= 0 ? from[i] : 0.0f;
    }
    __syncwarp();
}

/* The products of every context with every candidate, to g. */
template <int PIECES>
SYL_DEVICE void skipgram_products(const syl_cuda_skipgram *s, skipgram_window *w)
{
    int lane = skipgram_lane();
    for (int j = 0; j < s->context; j++) {
        int32_t row = w->contexts[j];
        if (row < 0) continue;
        const float *from = (const float *)s->input.data + (int64_t)row * s->input.stride;
        float u[PIECES];
        SYL_UNROLL
        for (int p = 0; p < PIECES; p++)
            u[p] = 32 * p + lane < s->dim ? from[32 * p + lane] : 0.0f;
        SYL_UNROLL_4
        for (int c = 0; c < w->candidates; c++) {
            const float *v = w->v + c * s->dim;
            float dot = 0;
            SYL_UNROLL
            for (int p = 0; p < PIECES; p++)
                if (32 * p + lane < s->dim) dot += u[p] * v[32 * p + lane];
            dot = syl_warp_sum(dot);
            if (lane == 0) w->g[j * w->padded + c] = dot;
        }
    }
    __syncwarp();
}

/* Products to gradients, 0 where nobody is; the lanes share them out. Returns this lane's loss. */
SYL_DEVICE double skipgram_gradients(const syl_cuda_skipgram *s, skipgram_window *w)
{
    double loss = 0;
    for (int i = skipgram_lane(); i < s->context * w->padded; i += SYL_WARP) {
        int j = i / w->padded, c = i % w->padded;
        float g = 0;
        if (c < w->candidates && w->contexts[j] >= 0 && skipgram_row(w, c) >= 0) {
            float x = c == 0 ? w->g[i] : -w->g[i]; /* the loss is -log sigmoid(x) */
            float e = expf(-fabsf(x)), other = (x > 0 ? e : 1.0f) / (1.0f + e); /* sigmoid(-x) */
            loss += (double)(fmaxf(-x, 0.0f) + log1pf(e));
            g = (c == 0 ? other : -other) * s->lr;
        }
        w->g[i] = g;
    }
    __syncwarp();
    return loss;
}

SYL_DEVICE void skipgram_add(float *to, float by, bool atomic)
{
    if (atomic)
        atomicAdd(to, by);
    else
        *to = by;
}

/* Gradients of candidates `first` ... of elements `at` and at + 32, summed over the contexts. */
SYL_DEVICE void skipgram_output_sums(const syl_cuda_skipgram *s, const skipgram_window *w,
                                     int first, int at, float sum[GROUP][PAIR])
{
    SYL_UNROLL
    for (int c = 0; c < GROUP; c++)
        sum[c][0] = sum[c][1] = 0;
    for (int j = 0; j < s->context; j++) {
        int32_t row = w->contexts[j];
        if (row < 0) continue;
        const float *u = (const float *)s->input.data + (int64_t)row * s->input.stride;
        float low = at < s->dim ? u[at] : 0.0f, high = at + 32 < s->dim ? u[at + 32] : 0.0f;
        float g[GROUP];
        syl_load4(w->g + j * w->padded + first, g);
        syl_load4(w->g + j * w->padded + first + 4, g + 4);
        SYL_UNROLL
        for (int c = 0; c < GROUP; c++) {
            sum[c][0] += g[c] * low;
            sum[c][1] += g[c] * high;
        }
    }
}

SYL_DEVICE void skipgram_update_output(const syl_cuda_skipgram *s, const skipgram_window *w)
{
    bool atomic = s->d_output == NULL;
    for (int first = 0; first < w->candidates; first += GROUP)
        for (int at = skipgram_lane(); at < (s->dim + 31) / 32 * 32; at += 32 * PAIR) {
            float sum[GROUP][PAIR];
            skipgram_output_sums(s, w, first, at, sum);
            SYL_UNROLL
            for (int c = 0; c < GROUP; c++) {
                if (first + c >= w->candidates) continue;
                int32_t row = skipgram_row(w, first + c);
                if (atomic && row < 0) continue;
                float *to = atomic ? (float *)s->output.data + (int64_t)row * s->output.stride
                                   : s->d_output + (w->number * w->candidates + first + c) * s->dim;
                if (at < s->dim) skipgram_add(to + at, sum[c][0], atomic);
                if (at + 32 < s->dim) skipgram_add(to + at + 32, sum[c][1], atomic);
            }
        }
    __syncwarp(); /* all have read the contexts before they change */
}

template <int PIECES>
SYL_DEVICE void skipgram_update_input(const syl_cuda_skipgram *s, const skipgram_window *w)
{
    int lane = skipgram_lane();
    bool atomic = s->d_input == NULL;
    for (int j = 0; j < s->context; j++) {
        int32_t row = w->contexts[j];
        if (atomic && row < 0) continue;
        float sum[PIECES];
        SYL_UNROLL
        for (int p = 0; p < PIECES; p++)
            sum[p] = 0;
        for (int c = 0; c < w->candidates; c++) {
            const float *v = w->v + c * s->dim;
            float g = w->g[j * w->padded + c];
            SYL_UNROLL
            for (int p = 0; p < PIECES; p++)
                if (32 * p + lane < s->dim) sum[p] += g * v[32 * p + lane];
        }
        float *to = atomic ? (float *)s->input.data + (int64_t)row * s->input.stride
                           : s->d_input + (w->number * s->context + j) * s->dim;
        SYL_UNROLL
        for (int p = 0; p < PIECES; p++)
            if (32 * p + lane < s->dim) skipgram_add(to + 32 * p + lane, sum[p], atomic);
    }
}

/* A window a warp; warps work each for themselves. */
template <int PIECES> __global__ void skipgram_kernel(syl_cuda_skipgram s, int padded, int floats)
{
    SYL_DYNAMIC_SHARED(float, shared);
    int warp = threadIdx.x / SYL_WARP;
    skipgram_window w;
    w.number = (int64_t)blockIdx.x * (blockDim.x / SYL_WARP) + warp;
    if (w.number >= s.windows) return; /* the whole warp */
    w.candidates = 1 + s.negatives;
    w.padded = padded;
    w.contexts = s.contexts + w.number * s.context;
    w.negative = s.negative + w.number * s.negatives;
    w.centre = s.centre[w.number];
    w.v = shared + warp * floats;
    w.g = w.v + ((int64_t)w.candidates * s.dim + 3) / 4 * 4;
    skipgram_load_candidates(&s, &w);
    skipgram_products<PIECES>(&s, &w);
    double loss = syl_warp_sum(skipgram_gradients(&s, &w));
    if (s.loss && skipgram_lane() == 0) s.loss[w.number] = loss;
    skipgram_update_output(&s, &w);
    skipgram_update_input<PIECES>(&s, &w);
}

/* As many warps a block as share out 48 KiB, one where even that is too little. */
template <int PIECES>
static cudaError_t launch_skipgram(cudaStream_t stream, const syl_cuda_skipgram *s)
{
    void (*kernel)(syl_cuda_skipgram, int, int) = skipgram_kernel<PIECES>;
    size_t bytes = sizeof(float) * (size_t)skipgram_floats(s);
    unsigned warps = 4;
    while (warps > 1 && warps * bytes > 48 * 1024)
        warps /= 2;
    if (bytes > 48 * 1024) {
        cudaError_t e = cudaFuncSetAttribute(
            (const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
        if (e != cudaSuccess) {
            (void)cudaGetLastError(); /* or the next launch would report it */
            return e;
        }
    }
    return SYL_LAUNCH(kernel, dim3((unsigned)syl_ceil_div(s->windows, warps), 1, 1),
                      dim3(warps * SYL_WARP, 1, 1), warps * bytes, stream, *s, skipgram_padded(s),
                      (int)skipgram_floats(s));
}

cudaError_t syl_cuda_skipgram_step(cudaStream_t stream, const syl_cuda_skipgram *s)
{
    if (s->windows <= 0) return cudaSuccess;
    if (s->dim < 1 || s->dim > 1024 || s->context < 0 || s->negatives < 0)
        return cudaErrorInvalidValue;
    if (s->dim <= 128) return launch_skipgram<4>(stream, s);
    if (s->dim <= 256) return launch_skipgram<8>(stream, s);
    if (s->dim <= 320) return launch_skipgram<10>(stream, s);
    if (s->dim <= 512) return launch_skipgram<16>(stream, s);
    return launch_skipgram<32>(stream, s);
}
