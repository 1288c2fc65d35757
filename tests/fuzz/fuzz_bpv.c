/* Any bytes as a model of documents: they are refused, or infer. */
#include <stdlib.h>

#include "embed/bpv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int32_t items[3] = {0, 1, -1};
    const int64_t begin[2] = {0, 3};
    uint8_t code[SYL_BPV_MOST_BITS / 8];
    syl_bpv *model;

    if (size > 1 << 16 || syl_bpv_parse(&model, data, size, "input", NULL)) return 0;
    syl_bpv_infer_options o = syl_bpv_infer_defaults(model);
    if (o.passes > 2) o.passes = 2;
    if (syl_bpv_infer(model, items, begin, 1, &o, code, NULL, NULL, NULL)) abort();
    syl_bpv_free(model);
    return 0;
}
