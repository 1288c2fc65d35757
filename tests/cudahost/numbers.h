/* Elements of matrices and tensors for the libraries' stand-ins: float32 or bf16 by index. */
#ifndef CUDAHOST_NUMBERS_H
#define CUDAHOST_NUMBERS_H

#include <cstddef>
#include <cstdint>

#include "lib/base/bf16.h"

namespace cudahost {

/* Reading and writing of one element of an array. */
struct Elements {
    void *data;
    bool bf16;

    size_t bytes() const
    {
        return bf16 ? 2 : 4;
    }
    float get(int64_t i) const
    {
        return bf16 ? syl_bf16_to_f32(((const uint16_t *)data)[i]) : ((const float *)data)[i];
    }
    void set(int64_t i, float value) const
    {
        if (bf16)
            ((uint16_t *)data)[i] = syl_f32_to_bf16(value);
        else
            ((float *)data)[i] = value;
    }
};

} // namespace cudahost

#endif
