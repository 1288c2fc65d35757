/* Any bytes as a .npy file: they are refused, or all of the data can be read. */
#include <stdlib.h>

#include "lib/io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volatile float sum = 0;
    size_t count = 1;
    syl_npy npy;

    if (syl_npy_parse(&npy, data, size, "input", NULL)) return 0;
    for (int i = 0; i < npy.ndim; i++)
        count *= (size_t)npy.shape[i];
    if (count != npy.count) abort();
    for (size_t i = 0; i < npy.count; i++)
        sum += npy.data[i];
    syl_npy_free(&npy);
    (void)sum; /* read, each byte of it: that is all */
    return 0;
}
