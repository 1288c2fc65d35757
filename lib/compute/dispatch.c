/* The public operations: each passes on to the backend of its context, device or weight. Products
 * and attention count their floating-point operations. */
#include "lib/compute/backend.h"

#define PASS(result, name, parameters, arguments) \
    result syl_##name parameters                  \
    {                                             \
        return ctx->backend->name arguments;      \
    }
SYL_OTHER_OPERATIONS(PASS)

double syl_ctx_flops(const syl_ctx *ctx)
{
    return ctx->flops;
}

/* The work that an operation does by way of others of the same context counts once. */
static syl_status counted(syl_ctx *ctx, double before, double flops, syl_status status)
{
    ctx->flops = before + (status == SYL_OK ? flops : 0);
    return status;
}

syl_status syl_linear(syl_ctx *ctx, const syl_weight *w, syl_mat x, syl_act act, bool accumulate,
                      syl_mat y, syl_error *err)
{
    double before = ctx->flops, flops = 2.0 * (double)x.rows * (double)x.cols * (double)y.cols;
    return counted(ctx, before, flops, ctx->backend->linear(ctx, w, x, act, accumulate, y, err));
}

syl_status syl_product_bias(syl_ctx *ctx, syl_mat a, bool transpose_a, syl_mat b, bool transpose_b,
                            const float *bias, bool accumulate, syl_mat c, syl_error *err)
{
    double before = ctx->flops, inner = (double)(transpose_a ? a.rows : a.cols);
    return counted(
        ctx, before, 2.0 * (double)c.rows * (double)c.cols * inner,
        ctx->backend->product_bias(ctx, a, transpose_a, b, transpose_b, bias, accumulate, c, err));
}

/* Keys that `queries` from position `offset` on see of `keys`, all together. */
static double seen(int64_t left, int64_t right, int64_t offset, int64_t queries, int64_t keys)
{
    double sum = 0;
    for (int64_t at = offset; at < offset + queries; at++) {
        int64_t from = left >= 0 && at > left ? at - left : 0;
        int64_t to = right >= 0 && at + right + 1 < keys ? at + right + 1 : keys;
        if (to > from) sum += (double)(to - from);
    }
    return sum;
}

static double seen_in_all(syl_attention_shape shape, syl_ragged r)
{
    double sum = 0;
    for (int i = 0; i < r.count; i++) {
        int64_t n = r.begin[i + 1] - r.begin[i];
        sum += seen(shape.left, shape.right, 0, n, n);
    }
    return sum;
}

syl_status syl_attention(syl_ctx *ctx, int heads, syl_attention_mask mask, syl_mat q, syl_mat k,
                         syl_mat v, syl_mat y, syl_error *err)
{
    double before = ctx->flops, pairs = seen(mask.left, mask.right, mask.offset, q.rows, k.rows);
    return counted(ctx, before, 4.0 * pairs * (double)q.cols,
                   ctx->backend->attention(ctx, heads, mask, q, k, v, y, err));
}

syl_status syl_attention_forward(syl_ctx *ctx, syl_attention_shape shape, syl_ragged sequences,
                                 syl_mat q, syl_mat k, syl_mat v, syl_mat y, float *lse,
                                 syl_error *err)
{
    double before = ctx->flops, pairs = seen_in_all(shape, sequences);
    return counted(ctx, before, 4.0 * pairs * (double)q.cols,
                   ctx->backend->attention_forward(ctx, shape, sequences, q, k, v, y, lse, err));
}

/* Five products of time by time: the scores made anew, and a gradient of each of q, k, v and the
 * probabilities. */
syl_status syl_attention_backward(syl_ctx *ctx, syl_attention_shape shape, syl_ragged sequences,
                                  syl_mat q, syl_mat k, syl_mat v, syl_mat y, const float *lse,
                                  syl_mat dy, syl_mat dq, syl_mat dk, syl_mat dv, float *drel_bias,
                                  syl_error *err)
{
    double before = ctx->flops, pairs = seen_in_all(shape, sequences);
    return counted(ctx, before, 10.0 * pairs * (double)q.cols,
                   ctx->backend->attention_backward(ctx, shape, sequences, q, k, v, y, lse, dy, dq,
                                                    dk, dv, drel_bias, err));
}

syl_status syl_product(syl_ctx *ctx, syl_mat a, bool transpose_a, syl_mat b, bool transpose_b,
                       bool accumulate, syl_mat c, syl_error *err)
{
    return syl_product_bias(ctx, a, transpose_a, b, transpose_b, NULL, accumulate, c, err);
}

static const syl_backend *backend_of(const syl_device *device)
{
    return device ? device->backend : &syl_cpu_backend;
}

/* ---- devices ------------------------------------------------------------------------------ */

const char *syl_device_name(const syl_device *device)
{
    return device ? device->name : "cpu";
}

syl_status syl_device_alloc(syl_device *device, size_t bytes, void **out, syl_error *err)
{
    return backend_of(device)->alloc(device, bytes, out, err);
}

void syl_device_release(syl_device *device, void *memory)
{
    if (memory) backend_of(device)->release(device, memory);
}

syl_status syl_device_put(syl_device *device, const void *host, void *to, size_t bytes,
                          syl_error *err)
{
    return backend_of(device)->put(device, host, to, bytes, err);
}

syl_status syl_device_get(syl_device *device, const void *from, void *host, size_t bytes,
                          syl_error *err)
{
    return backend_of(device)->get(device, from, host, bytes, err);
}

/* ---- contexts ----------------------------------------------------------------------------- */

syl_status syl_ctx_create(syl_ctx **out, int threads, syl_error *err)
{
    return syl_ctx_create_on(out, NULL, threads, err);
}

syl_status syl_ctx_create_on(syl_ctx **out, syl_device *device, int threads, syl_error *err)
{
    return backend_of(device)->ctx_create(out, device, threads, err);
}

void syl_ctx_free(syl_ctx *ctx)
{
    if (ctx) ctx->backend->ctx_free(ctx);
}

size_t syl_ctx_mark(const syl_ctx *ctx)
{
    return ctx->backend->ctx_mark(ctx);
}

syl_device *syl_ctx_device(const syl_ctx *ctx)
{
    return ctx->device;
}

/* ---- weights ------------------------------------------------------------------------------ */

syl_status syl_weight_linear(syl_weight **out, syl_device *device, const float *w,
                             const float *bias, int n_out, int n_in, syl_dtype dtype,
                             syl_error *err)
{
    return backend_of(device)->weight_linear(out, device, w, bias, n_out, n_in, dtype, err);
}

syl_status syl_weight_conv(syl_weight **out, syl_device *device, const float *w, const float *bias,
                           syl_conv_shape shape, syl_dtype dtype, syl_error *err)
{
    return backend_of(device)->weight_conv(out, device, w, bias, shape, dtype, err);
}

void syl_weight_free(syl_weight *weight)
{
    if (weight) weight->backend->weight_free(weight);
}

/* ---- recordings --------------------------------------------------------------------------- */

bool syl_ctx_records(const syl_ctx *ctx)
{
    return ctx->backend->record != NULL;
}

static syl_status no_recordings(syl_error *err)
{
    return syl_fail(err, SYL_EUNSUPPORTED, "this device records no work");
}

syl_status syl_ctx_record(syl_ctx *ctx, syl_error *err)
{
    return syl_ctx_records(ctx) ? ctx->backend->record(ctx, err) : no_recordings(err);
}

syl_status syl_ctx_recorded(syl_ctx *ctx, syl_recording **out, syl_error *err)
{
    return syl_ctx_records(ctx) ? ctx->backend->recorded(ctx, out, err) : no_recordings(err);
}

syl_status syl_ctx_replay(syl_ctx *ctx, syl_recording *recording, syl_error *err)
{
    return syl_ctx_records(ctx) ? ctx->backend->replay(ctx, recording, err) : no_recordings(err);
}

syl_status syl_recording_sum(syl_ctx *ctx, syl_recording *recording, int index, double *sum,
                             syl_error *err)
{
    return syl_ctx_records(ctx) ? ctx->backend->recording_sum(ctx, recording, index, sum, err)
                                : no_recordings(err);
}

void syl_recording_free(syl_ctx *ctx, syl_recording *recording)
{
    if (recording) ctx->backend->recording_free(recording);
}

/* ---- groups ------------------------------------------------------------------------------- */

bool syl_device_has_groups(const syl_device *device)
{
    return backend_of(device)->group_join != NULL;
}

static syl_status no_groups(syl_error *err)
{
    return syl_fail(err, SYL_EUNSUPPORTED, "this device forms no groups");
}

syl_status syl_group_id(syl_device *device, uint8_t id[SYL_GROUP_ID], syl_error *err)
{
    if (!syl_device_has_groups(device)) return no_groups(err);
    return device->backend->group_id(id, err);
}

syl_status syl_group_join(syl_group **out, syl_device *device, const uint8_t id[SYL_GROUP_ID],
                          int rank, int count, syl_error *err)
{
    if (!syl_device_has_groups(device)) return no_groups(err);
    return device->backend->group_join(out, device, id, rank, count, err);
}

syl_status syl_group_sum(syl_device *device, syl_group *group, syl_ctx *ctx, float *data, int64_t n,
                         syl_error *err)
{
    if (!syl_device_has_groups(device)) return no_groups(err);
    return device->backend->group_sum(group, ctx, data, n, err);
}

void syl_group_leave(syl_device *device, syl_group *group, bool together)
{
    if (group) device->backend->group_leave(group, together);
}
