/* The public operations: each passes on to the backend of its context, device or weight. */
#include "lib/compute/backend.h"

#define PASS(result, name, parameters, arguments) \
    result syl_##name parameters                  \
    {                                             \
        return ctx->backend->name arguments;      \
    }
SYL_OPERATIONS(PASS)

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
