/* CUDA's language and device functions for g++ and clang++; included by cuda_runtime.h.
 *
 * Warp collectives and barriers take their place in the source as default arguments, so that a
 * fault can name it. A mask must name lanes that exist and arrive; CUDA also allows those that
 * have returned, which is left out as a likely mistake. */
#ifndef CUDAHOST_DEVICE_H
#define CUDAHOST_DEVICE_H

#include <math.h>
#include <string.h>

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

/* ---- qualifiers ----------------------------------------------------------------------- */

#define __global__ __attribute__((unused))
#define __device__ __attribute__((unused))
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

/* Shared variables are statics, as one block runs at a time. Each is in a section of its own,
 * found by its name (shared.cc) and filled with NaN bytes before each block: one section for all
 * would not do, as gcc cannot mix those of templates and of plain functions. "used" keeps the
 * compiler from thinking that it sees all that writes to them. */
#define CUDAHOST_TEXT_(x) #x
#define CUDAHOST_TEXT(x) CUDAHOST_TEXT_(x)
#define __shared__ \
    static __attribute__((used, section("cudahost_shared_" CUDAHOST_TEXT(__COUNTER__))))
#define SYL_DYNAMIC_SHARED(type, name) type *name = (type *)cudahost_dynamic_shared()

/* ---- types ---------------------------------------------------------------------------- */

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

#define CUDAHOST_VECTOR2(name, type)                     \
    struct __align__(2 * sizeof(type)) name##2           \
    {                                                    \
        type x, y;                                       \
    };                                                   \
    static inline name##2 make_##name##2(type x, type y) \
    {                                                    \
        return {x, y};                                   \
    }
#define CUDAHOST_VECTOR4(name, type)                                     \
    struct __align__(16) name##4                                         \
    {                                                                    \
        type x, y, z, w;                                                 \
    };                                                                   \
    static inline name##4 make_##name##4(type x, type y, type z, type w) \
    {                                                                    \
        return {x, y, z, w};                                             \
    }
CUDAHOST_VECTOR2(float, float)
CUDAHOST_VECTOR2(double, double)
CUDAHOST_VECTOR2(int, int)
CUDAHOST_VECTOR2(uint, unsigned)
CUDAHOST_VECTOR4(float, float)
CUDAHOST_VECTOR4(int, int)
CUDAHOST_VECTOR4(uint, unsigned)

/* ---- where a thread is; the scheduler (block.cc) sets these at each switch -------------- */

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

extern "C" {
void *cudahost_dynamic_shared(void);
void cudahost_barrier(const char *file, int line);
int cudahost_lane(void);
}

enum cudahost_collective_kind { CUDAHOST_SYNC, CUDAHOST_SHUFFLE, CUDAHOST_BALLOT };
/* Waits until every lane of the mask is at this very call; gives the value of lane `source`
 * (shuffle) or the lanes whose value is not 0 (ballot). */
extern "C" uint64_t cudahost_collective(unsigned mask, cudahost_collective_kind kind,
                                        uint64_t value, int source, const char *file, int line);

#define CUDAHOST_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define CUDAHOST_DEVICE_FUNCTION static inline __attribute__((unused))

CUDAHOST_DEVICE_FUNCTION void __syncthreads(CUDAHOST_HERE)
{
    cudahost_barrier(file, line);
}

CUDAHOST_DEVICE_FUNCTION void __syncwarp(unsigned mask = 0xFFFFFFFFu, CUDAHOST_HERE)
{
    cudahost_collective(mask, CUDAHOST_SYNC, 0, 0, file, line);
}

/* Blocks run one after another, so memory is always in order. */
CUDAHOST_DEVICE_FUNCTION void __threadfence()
{
}
CUDAHOST_DEVICE_FUNCTION void __threadfence_block()
{
}

CUDAHOST_DEVICE_FUNCTION unsigned __ballot_sync(unsigned mask, int predicate, CUDAHOST_HERE)
{
    return (unsigned)cudahost_collective(mask, CUDAHOST_BALLOT, predicate != 0, 0, file, line);
}
CUDAHOST_DEVICE_FUNCTION int __any_sync(unsigned mask, int predicate, CUDAHOST_HERE)
{
    return __ballot_sync(mask, predicate, file, line) != 0;
}
CUDAHOST_DEVICE_FUNCTION int __all_sync(unsigned mask, int predicate, CUDAHOST_HERE)
{
    return __ballot_sync(mask, predicate, file, line) == mask;
}

template <class T>
static inline T cudahost_shuffle(unsigned mask, T value, int source, const char *file, int line)
{
    static_assert(std::is_arithmetic<T>::value && sizeof(T) <= 8, "CUDA shuffles numbers only");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = cudahost_collective(mask, CUDAHOST_SHUFFLE, bits, source, file, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Lanes outside of their segment of `width` lanes give the reader its own value. */
template <class T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, CUDAHOST_HERE)
{
    int first = cudahost_lane() & ~(width - 1);
    return cudahost_shuffle(mask, value, first | (source & (width - 1)), file, line);
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32, CUDAHOST_HERE)
{
    int lane = cudahost_lane(), end = (lane & ~(width - 1)) + width, source = lane ^ with;
    return cudahost_shuffle(mask, value, source < end ? source : lane, file, line);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32, CUDAHOST_HERE)
{
    int lane = cudahost_lane(), end = (lane & ~(width - 1)) + width, source = lane + (int)by;
    return cudahost_shuffle(mask, value, source < end ? source : lane, file, line);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, CUDAHOST_HERE)
{
    int lane = cudahost_lane(), first = lane & ~(width - 1), source = lane - (int)by;
    return cudahost_shuffle(mask, value, source >= first ? source : lane, file, line);
}

#include "device_math.h"

/* ---- launches ------------------------------------------------------------------------- */

cudaError_t cudahost_launch(const void *kernel, dim3 grid, dim3 block, size_t shared_bytes,
                            cudaStream_t stream, std::function<void()> thread);

/* Arguments are copied when it is called, as a launch does: a graph replays those values. */
template <class... P, class... A>
static inline cudaError_t cudahost_call(void (*kernel)(P...), dim3 grid, dim3 block,
                                        size_t shared_bytes, cudaStream_t stream, A &&...arguments)
{
    std::tuple<std::decay_t<P>...> values(std::forward<A>(arguments)...);
    return cudahost_launch((const void *)kernel, grid, block, shared_bytes, stream,
                           [kernel, values] { std::apply(kernel, values); });
}

#define SYL_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
    cudahost_call(kernel, (grid), (block), (shared_bytes), (stream), ##__VA_ARGS__)

template <class... P>
static inline cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute attr,
                                               int value)
{
    return cudaFuncSetAttribute((const void *)kernel, attr, value);
}
template <class T> static inline cudaError_t cudaMalloc(T **pointer, size_t size)
{
    return cudaMalloc((void **)pointer, size);
}
template <class T> static inline cudaError_t cudaMallocHost(T **pointer, size_t size)
{
    return cudaMallocHost((void **)pointer, size);
}

#endif
