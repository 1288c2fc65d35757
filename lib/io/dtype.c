/* Sizes of the dtypes, apart from all that reads files: modules of a device want no more. */
#include "lib/io/safetensors.h"

size_t syl_dtype_size(syl_dtype dtype)
{
    static const size_t size[] = {
        [SYL_F32] = 4, [SYL_BF16] = 2, [SYL_F16] = 2, [SYL_S8] = 1, [SYL_I32] = 4};
    return size[dtype];
}
