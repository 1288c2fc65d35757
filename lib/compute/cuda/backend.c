/* The table, which is all that the module shows. */
#include "lib/compute/cuda/cuda.h"

static const syl_backend table = {.version = SYL_BACKEND_VERSION,
                                  .name = "cuda",
                                  .device_open = cuda_device_open,
                                  .device_close = cuda_device_close,
                                  .device_count = cuda_device_count,
                                  .alloc = cuda_device_alloc,
                                  .release = cuda_device_release,
                                  .put = cuda_device_put,
                                  .get = cuda_device_get,
                                  .ctx_create = cuda_ctx_create,
                                  .ctx_free = cuda_ctx_free,
                                  .ctx_mark = cuda_ctx_mark,
                                  .weight_linear = cuda_weight_linear,
                                  .weight_conv = cuda_weight_conv,
                                  .weight_free = cuda_weight_free,
                                  .record = cuda_record,
                                  .recorded = cuda_recorded,
                                  .replay = cuda_replay,
                                  .recording_sum = cuda_recording_sum,
                                  .recording_free = cuda_recording_free,
#ifdef HAVE_NCCL
                                  .group_id = cuda_group_id,
                                  .group_join = cuda_group_join,
                                  .group_sum = cuda_group_sum,
                                  .group_leave = cuda_group_leave,
#endif
#define ENTRY(result, name, parameters, arguments) .name = cuda_op_##name,
                                  SYL_OPERATIONS(ENTRY)
#undef ENTRY
};

__attribute__((visibility("default"))) const syl_backend *sylkit_backend(void)
{
    return &table;
}
