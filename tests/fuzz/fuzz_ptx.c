/* Any text is a module or an error. */
#include <stddef.h>
#include <stdint.h>

#include "tests/ptx/ptx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[256];

    ptx_free(ptx_parse((const char *)data, size, "fuzz", error, sizeof error));
    return 0;
}
