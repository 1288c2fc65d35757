/* Any bytes as an index's file: they are refused, or all that it tells of can be read and searched,
 * checked or not. The fuzzer does not find checksums, so the header's is put right at times. */
#include <stdlib.h>
#include <string.h>

#include "embed/index.h"
#include "lib/base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(syl_index *index)
{
    static const uint8_t query[SYL_INDEX_BITS / 8];
    syl_search_options o = syl_search_options_defaults();
    syl_index_info info;
    syl_hits hits;
    syl_index_get_info(index, &info);
    if (info.dim > 1 << 16) return;
    float *vector = syl_calloc((size_t)info.dim, sizeof *vector);
    if (!vector) return;
    for (int method = SYL_INDEX_AUTO; method <= SYL_INDEX_TABLES; method++) {
        o.method = method;
        if (method == SYL_INDEX_TABLES) o.radius = 2;
        if (method && syl_index_build(index, info.bits / 16 + 1, 1, NULL)) break;
        if (!syl_index_search(index, query, 1, &o, &hits, NULL)) syl_hits_free(&hits);
        if (info.dim && !syl_index_rank(index, query, vector, 1, &o, &hits, NULL))
            syl_hits_free(&hits);
    }
    free(vector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = syl_calloc(size, 1); /* aligned as a map is */
    syl_index *index;
    if (!copy) return 0;
    if (size) memcpy(copy, data, size);
    for (int check = 0; check < 2; check++) {
        uint64_t sum = size >= 64 ? syl_index_header_sum(copy) : 0;
        if (size >= 64 && !check) memcpy(copy + 56, &sum, sizeof sum);
        if (syl_index_parse(&index, copy, size, "input", check, NULL)) continue;
        use(index);
        syl_index_free(index);
    }
    free(copy);
    return 0;
}
