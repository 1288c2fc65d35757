/* What a backend is: one function for every operation of compute.h and training.h, in one table.
 * SYL_OPERATIONS names them once; from it come the table, the prototypes of the CPU's functions
 * (syl_cpu_...) and the public functions, which only pass on to the context's backend and, those
 * that multiply matrices, count (dispatch.c). */
#ifndef SYL_COMPUTE_BACKEND_H
#define SYL_COMPUTE_BACKEND_H

#include "lib/compute/paragraph.h"
#include "lib/compute/skipgram.h"
#include "lib/compute/training.h"

/* X(result, name, parameters, arguments). Those whose floating-point operations count: */
#define SYL_PRODUCTS(X)                                                                            \
    X(syl_status, linear,                                                                          \
      (syl_ctx * ctx, const syl_weight *w, syl_mat x, syl_act act, bool accumulate, syl_mat y,     \
       syl_error *err),                                                                            \
      (ctx, w, x, act, accumulate, y, err))                                                        \
    X(syl_status, attention,                                                                       \
      (syl_ctx * ctx, int heads, syl_attention_mask mask, syl_mat q, syl_mat k, syl_mat v,         \
       syl_mat y, syl_error *err),                                                                 \
      (ctx, heads, mask, q, k, v, y, err))                                                         \
    X(syl_status, product_bias,                                                                    \
      (syl_ctx * ctx, syl_mat a, bool transpose_a, syl_mat b, bool transpose_b, const float *bias, \
       bool accumulate, syl_mat c, syl_error *err),                                                \
      (ctx, a, transpose_a, b, transpose_b, bias, accumulate, c, err))                             \
    X(syl_status, attention_forward,                                                               \
      (syl_ctx * ctx, syl_attention_shape shape, syl_ragged sequences, syl_mat q, syl_mat k,       \
       syl_mat v, syl_mat y, float *lse, syl_error *err),                                          \
      (ctx, shape, sequences, q, k, v, y, lse, err))                                               \
    X(syl_status, attention_backward,                                                              \
      (syl_ctx * ctx, syl_attention_shape shape, syl_ragged sequences, syl_mat q, syl_mat k,       \
       syl_mat v, syl_mat y, const float *lse, syl_mat dy, syl_mat dq, syl_mat dk, syl_mat dv,     \
       float *drel_bias, syl_error *err),                                                          \
      (ctx, shape, sequences, q, k, v, y, lse, dy, dq, dk, dv, drel_bias, err))

#define SYL_OPERATIONS(X) SYL_PRODUCTS(X) SYL_OTHER_OPERATIONS(X)

#define SYL_OTHER_OPERATIONS(X)                                                                    \
    X(void, ctx_release, (syl_ctx * ctx, size_t mark), (ctx, mark))                                \
    X(syl_status, ctx_mat,                                                                         \
      (syl_ctx * ctx, syl_dtype dtype, int64_t rows, int64_t cols, syl_mat * out,                  \
       syl_error * err),                                                                           \
      (ctx, dtype, rows, cols, out, err))                                                          \
    X(syl_status, ctx_wait, (syl_ctx * ctx, syl_error * err), (ctx, err))                          \
    X(syl_status, upload, (syl_ctx * ctx, const void *host, syl_mat y, syl_error *err),            \
      (ctx, host, y, err))                                                                         \
    X(syl_status, download, (syl_ctx * ctx, syl_mat x, void *host, syl_error *err),                \
      (ctx, x, host, err))                                                                         \
    X(syl_status, conv1d,                                                                          \
      (syl_ctx * ctx, const syl_weight *w, syl_mat x, syl_act act, syl_mat y, syl_error *err),     \
      (ctx, w, x, act, y, err))                                                                    \
    X(syl_status, grouped_conv,                                                                    \
      (syl_ctx * ctx, syl_conv_shape shape, syl_dtype compute, syl_mat x, syl_mat w, syl_mat y,    \
       syl_error * err),                                                                           \
      (ctx, shape, compute, x, w, y, err))                                                         \
    X(syl_status, grouped_conv_input_gradient,                                                     \
      (syl_ctx * ctx, syl_conv_shape shape, syl_dtype compute, syl_mat dy, syl_mat w,              \
       bool accumulate, syl_mat dx, syl_error *err),                                               \
      (ctx, shape, compute, dy, w, accumulate, dx, err))                                           \
    X(syl_status, grouped_conv_weight_gradient,                                                    \
      (syl_ctx * ctx, syl_conv_shape shape, syl_dtype compute, syl_mat x, syl_mat dy, syl_mat dw,  \
       syl_error * err),                                                                           \
      (ctx, shape, compute, x, dy, dw, err))                                                       \
    X(void, conv1d_mono,                                                                           \
      (syl_ctx * ctx, const float *w, const float *bias, int kernel, int stride, const float *x,   \
       syl_act act, syl_mat y),                                                                    \
      (ctx, w, bias, kernel, stride, x, act, y))                                                   \
    X(syl_status, layer_norm,                                                                      \
      (syl_ctx * ctx, const float *gamma, const float *beta, float eps, syl_mat x, syl_act act,    \
       syl_mat y, syl_error *err),                                                                 \
      (ctx, gamma, beta, eps, x, act, y, err))                                                     \
    X(void, add, (syl_ctx * ctx, syl_mat x, syl_mat y), (ctx, x, y))                               \
    X(void, zero, (syl_ctx * ctx, syl_mat y), (ctx, y))                                            \
    X(void, fill, (syl_ctx * ctx, float value, syl_mat y), (ctx, value, y))                        \
    X(void, scale, (syl_ctx * ctx, float scale, syl_mat x, bool accumulate, syl_mat y),            \
      (ctx, scale, x, accumulate, y))                                                              \
    X(void, sum, (syl_ctx * ctx, syl_mat a, syl_mat b, syl_mat y), (ctx, a, b, y))                 \
    X(void, convert, (syl_ctx * ctx, syl_mat x, syl_mat y), (ctx, x, y))                           \
    X(void, add_bias, (syl_ctx * ctx, const float *bias, syl_mat y), (ctx, bias, y))               \
    X(void, column_sums, (syl_ctx * ctx, syl_mat x, float *sums), (ctx, x, sums))                  \
    X(double, sum_squares, (syl_ctx * ctx, const float *x, int64_t n), (ctx, x, n))                \
    X(void, activation, (syl_ctx * ctx, syl_function f, syl_mat x, syl_mat y), (ctx, f, x, y))     \
    X(void, activation_backward,                                                                   \
      (syl_ctx * ctx, syl_function f, syl_mat x, syl_mat dy, bool accumulate, syl_mat dx),         \
      (ctx, f, x, dy, accumulate, dx))                                                             \
    X(void, gated, (syl_ctx * ctx, syl_function f, syl_mat a, syl_mat b, syl_mat y),               \
      (ctx, f, a, b, y))                                                                           \
    X(void, gated_backward,                                                                        \
      (syl_ctx * ctx, syl_function f, syl_mat a, syl_mat b, syl_mat dy, bool accumulate,           \
       syl_mat da, syl_mat db),                                                                    \
      (ctx, f, a, b, dy, accumulate, da, db))                                                      \
    X(void, rotate,                                                                                \
      (syl_ctx * ctx, syl_mat turns, const int32_t *position, bool adjacent, bool back,            \
       syl_mat x),                                                                                 \
      (ctx, turns, position, adjacent, back, x))                                                   \
    X(void, dropout,                                                                               \
      (syl_ctx * ctx, uint64_t seed, uint64_t stream, float p, syl_mat x, bool accumulate,         \
       syl_mat y),                                                                                 \
      (ctx, seed, stream, p, x, accumulate, y))                                                    \
    X(void, gather, (syl_ctx * ctx, syl_mat table, const int32_t *ids, syl_mat y),                 \
      (ctx, table, ids, y))                                                                        \
    X(void, scatter_add, (syl_ctx * ctx, const int32_t *ids, syl_mat dy, syl_mat dtable),          \
      (ctx, ids, dy, dtable))                                                                      \
    X(void, row_dots, (syl_ctx * ctx, syl_mat x, syl_mat w, syl_mat y), (ctx, x, w, y))            \
    X(void, add_scaled_rows, (syl_ctx * ctx, syl_mat by, syl_mat x, bool accumulate, syl_mat y),   \
      (ctx, by, x, accumulate, y))                                                                 \
    X(void, norm_forward,                                                                          \
      (syl_ctx * ctx, syl_norm_kind kind, const float *gamma, const float *beta, float eps,        \
       syl_mat x, syl_mat y, float *stats),                                                        \
      (ctx, kind, gamma, beta, eps, x, y, stats))                                                  \
    X(void, norm_backward,                                                                         \
      (syl_ctx * ctx, syl_norm_kind kind, const float *gamma, syl_mat x, const float *stats,       \
       syl_mat dy, bool accumulate, syl_mat dx, float *dgamma, float *dbeta),                      \
      (ctx, kind, gamma, x, stats, dy, accumulate, dx, dgamma, dbeta))                             \
    X(syl_status, group_norm_forward,                                                              \
      (syl_ctx * ctx, int groups, const float *gamma, const float *beta, float eps, syl_mat x,     \
       syl_mat y, float *stats, syl_error *err),                                                   \
      (ctx, groups, gamma, beta, eps, x, y, stats, err))                                           \
    X(syl_status, group_norm_backward,                                                             \
      (syl_ctx * ctx, int groups, const float *gamma, syl_mat x, const float *stats, syl_mat dy,   \
       bool accumulate, syl_mat dx, float *dgamma, float *dbeta, syl_error *err),                  \
      (ctx, groups, gamma, x, stats, dy, accumulate, dx, dgamma, dbeta, err))                      \
    X(void, unit_rows, (syl_ctx * ctx, syl_mat x, syl_mat y, float *norms), (ctx, x, y, norms))    \
    X(void, unit_rows_backward,                                                                    \
      (syl_ctx * ctx, syl_mat y, const float *norms, syl_mat dy, bool accumulate, syl_mat dx),     \
      (ctx, y, norms, dy, accumulate, dx))                                                         \
    X(void, weight_norm, (syl_ctx * ctx, const float *g, syl_mat v, syl_mat w, float *norms),      \
      (ctx, g, v, w, norms))                                                                       \
    X(void, weight_norm_backward,                                                                  \
      (syl_ctx * ctx, const float *g, syl_mat v, const float *norms, syl_mat dw, float *dg,        \
       syl_mat dv),                                                                                \
      (ctx, g, v, norms, dw, dg, dv))                                                              \
    X(double, squared_error, (syl_ctx * ctx, syl_mat x, syl_mat target, float scale, syl_mat dx),  \
      (ctx, x, target, scale, dx))                                                                 \
    X(double, cross_entropy,                                                                       \
      (syl_ctx * ctx, syl_mat logits, const int32_t *target, float scale, syl_mat dlogits),        \
      (ctx, logits, target, scale, dlogits))                                                       \
    X(double, cosine_error,                                                                        \
      (syl_ctx * ctx, syl_mat x, syl_mat target, float eps, float scale, syl_mat dx,               \
       syl_mat dtarget),                                                                           \
      (ctx, x, target, eps, scale, dx, dtarget))                                                   \
    X(void, sampled_correction, (syl_ctx * ctx, const syl_sample *sample, syl_mat logits),         \
      (ctx, sample, logits))                                                                       \
    X(syl_status, nearest,                                                                         \
      (syl_ctx * ctx, syl_mat x, syl_mat centres, const float *bias, int32_t *id, syl_error *err), \
      (ctx, x, centres, bias, id, err))                                                            \
    X(syl_status, hamming,                                                                         \
      (syl_ctx * ctx, const uint64_t *codes, int64_t n, int words, const uint64_t *queries,        \
       int64_t num_queries, int k, int32_t *distance, int32_t *id, syl_error *err),                \
      (ctx, codes, n, words, queries, num_queries, k, distance, id, err))                          \
    X(void, adamw_update,                                                                          \
      (syl_ctx * ctx, const syl_adamw *by, float grad_scale, const float *grad, float *first,      \
       float *second, float *value, int64_t n),                                                    \
      (ctx, by, grad_scale, grad, first, second, value, n))                                        \
    X(void, moving_average,                                                                        \
      (syl_ctx * ctx, float decay, const float *value, float *average, int64_t n),                 \
      (ctx, decay, value, average, n))                                                             \
    X(syl_status, skipgram_steps,                                                                  \
      (syl_ctx * ctx, const syl_skipgram_batch *batches, int count, syl_window_sums *sums,         \
       syl_error *err),                                                                            \
      (ctx, batches, count, sums, err))                                                            \
    X(syl_status, sense_steps,                                                                     \
      (syl_ctx * ctx, const syl_sense_batch *batches, int count, syl_window_sums *sums,            \
       syl_error *err),                                                                            \
      (ctx, batches, count, sums, err))                                                            \
    X(syl_status, sense_probabilities,                                                             \
      (syl_ctx * ctx, const syl_sense_batch *batch, float *p, syl_error *err),                     \
      (ctx, batch, p, err))                                                                        \
    X(syl_status, paragraph_steps,                                                                 \
      (syl_ctx * ctx, const syl_paragraph_model *model, const syl_paragraph_batch *batches,        \
       int count, float *loss, syl_error *err),                                                    \
      (ctx, model, batches, count, loss, err))                                                     \
    X(syl_status, paragraph_infer,                                                                 \
      (syl_ctx * ctx, const syl_paragraph_model *model, const syl_paragraph_inference *documents,  \
       syl_error *err),                                                                            \
      (ctx, model, documents, err))

/* Of the layout below and of the operations; a module of another version is refused. */
#define SYL_BACKEND_VERSION 5

typedef struct syl_backend {
    int version;
    const char *name;

    /* number: which of the machine's devices; options: what stood behind a + in its name, "" for
     * nothing. */
    syl_status (*device_open)(syl_device **out, int number, const char *options, syl_error *err);
    void (*device_close)(syl_device *device);
    syl_status (*device_count)(int *count, syl_error *err);
    /* Zeroed memory, and copies that are done when they return. */
    syl_status (*alloc)(syl_device *device, size_t bytes, void **out, syl_error *err);
    void (*release)(syl_device *device, void *memory);
    syl_status (*put)(syl_device *device, const void *host, void *to, size_t bytes, syl_error *err);
    syl_status (*get)(syl_device *device, const void *from, void *host, size_t bytes,
                      syl_error *err);
    syl_status (*ctx_create)(syl_ctx **out, syl_device *device, int threads, syl_error *err);
    void (*ctx_free)(syl_ctx *ctx);
    size_t (*ctx_mark)(const syl_ctx *ctx);
    syl_status (*weight_linear)(syl_weight **out, syl_device *device, const float *w,
                                const float *bias, int n_out, int n_in, syl_dtype dtype,
                                syl_error *err);
    syl_status (*weight_conv)(syl_weight **out, syl_device *device, const float *w,
                              const float *bias, syl_conv_shape shape, syl_dtype dtype,
                              syl_error *err);
    void (*weight_free)(syl_weight *weight);
    /* A fixed sequence of work, recorded once; NULL where the backend has no such thing. */
    syl_status (*record)(syl_ctx *ctx, syl_error *err);
    syl_status (*recorded)(syl_ctx *ctx, syl_recording **out, syl_error *err);
    syl_status (*replay)(syl_ctx *ctx, syl_recording *recording, syl_error *err);
    syl_status (*recording_sum)(syl_ctx *ctx, syl_recording *recording, int index, double *sum,
                                syl_error *err);
    void (*recording_free)(syl_recording *recording);
    /* Sums over the devices of several processes (NCCL); NULL: over the host's memory only. */
    syl_status (*group_id)(uint8_t id[SYL_GROUP_ID], syl_error *err);
    syl_status (*group_join)(syl_group **out, syl_device *device, const uint8_t id[SYL_GROUP_ID],
                             int rank, int count, syl_error *err);
    syl_status (*group_sum)(syl_group *group, syl_ctx *ctx, float *data, int64_t n, syl_error *err);
    void (*group_leave)(syl_group *group, bool together);

#define SYL_MEMBER(result, name, parameters, arguments) result(*name) parameters;
    SYL_OPERATIONS(SYL_MEMBER)
#undef SYL_MEMBER
} syl_backend;

/* First member of what a backend makes of each. */
struct syl_device {
    const syl_backend *backend;
    void *module; /* to be closed after it, or NULL */
    int number;
    char name[160]; /* as "cuda:0 NVIDIA H100 (80 GB, sm_90)" */
};
struct syl_ctx {
    const syl_backend *backend;
    syl_device *device; /* NULL: the CPU */
    int threads;
    double flops; /* counted by dispatch.c */
};
struct syl_weight {
    const syl_backend *backend;
};

extern const syl_backend syl_cpu_backend;

/* An ungrouped convolution is a product with the rows under its kernel side by side: its weights as
 * [out][kernel][in], freed by the caller; NULL when there is no memory. */
float *syl_weights_by_tap(const float *w, syl_conv_shape conv);

/* What a module offers, under the symbol "sylkit_backend". */
typedef const syl_backend *syl_backend_entry(void);

#endif
