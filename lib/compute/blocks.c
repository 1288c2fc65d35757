/* Weights of few bits in blocks, value by value. */
#include <string.h>

#include "lib/base/f16.h"
#include "lib/compute/compute.h"

static const struct {
    size_t bytes, quants; /* of a block; where its integers begin */
} layout[] = {
    [SYL_BLOCKS_Q4_0] = {18, 2}, [SYL_BLOCKS_Q4_1] = {20, 4}, [SYL_BLOCKS_Q8_0] = {34, 2}};

size_t syl_block_row_bytes(syl_block_kind kind, int64_t cols)
{
    return (size_t)(cols / SYL_BLOCK_VALUES) * layout[kind].bytes;
}

static float half(const uint8_t *from)
{
    return syl_f16_to_f32((uint16_t)(from[0] | from[1] << 8));
}

void syl_block_values(syl_block_kind kind, const void *row, int64_t cols, float *values)
{
    const uint8_t *block = row;
    for (int64_t at = 0; at < cols; at += SYL_BLOCK_VALUES, block += layout[kind].bytes) {
        const uint8_t *q = block + layout[kind].quants;
        float d = half(block), m = kind == SYL_BLOCKS_Q4_1 ? half(block + 2) : 0;
        if (kind == SYL_BLOCKS_Q4_0) m = -8 * d;
        for (int i = 0; i < SYL_BLOCK_VALUES; i++) {
            int n = kind == SYL_BLOCKS_Q8_0 ? (int8_t)q[i] : i < 16 ? q[i] & 15 : q[i - 16] >> 4;
            values[at + i] = d * (float)n + m;
        }
    }
}
