/* What kernels' bodies name, so that they compile. Nothing of it may run on the host. */
#ifndef SYL_TESTS_PTX_DEVICE_NAMES_H
#define SYL_TESTS_PTX_DEVICE_NAMES_H

#include <math.h>
#include <stdlib.h>

#define __global__
#define __device__
#define __host__
#define __shared__
#define __constant__
#define __align__(n) __attribute__((aligned(n)))
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c)
    {
    }
};
typedef dim3 uint3;
extern const uint3 threadIdx, blockIdx;
extern const dim3 blockDim, gridDim;
extern const int warpSize;

#define PTX_VECTOR(T, name, align)                           \
    struct alignas(align) name##2                            \
    {                                                        \
        T x, y;                                              \
    };                                                       \
    struct alignas(2 * align) name##4                        \
    {                                                        \
        T x, y, z, w;                                        \
    };                                                       \
    static inline name##2 make_##name##2(T x, T y)           \
    {                                                        \
        return {x, y};                                       \
    }                                                        \
    static inline name##4 make_##name##4(T x, T y, T z, T w) \
    {                                                        \
        return {x, y, z, w};                                 \
    }
PTX_VECTOR(float, float, 8)
PTX_VECTOR(int, int, 8)
PTX_VECTOR(unsigned, uint, 8)
PTX_VECTOR(unsigned short, ushort, 4)
PTX_VECTOR(short, short, 4)
PTX_VECTOR(unsigned char, uchar, 2)
struct alignas(16) double2 {
    double x, y;
};

/* A function of any arguments that gives a value of some type, and is never called. */
#define PTX_DEVICE(type, name)                             \
    template <typename... A> static inline type name(A...) \
    {                                                      \
        abort();                                           \
    }
/* One that gives what its argument at that place is. */
#define PTX_SHUFFLE(name)                                                        \
    template <typename T, typename... A> static inline T name(unsigned, T, A...) \
    {                                                                            \
        abort();                                                                 \
    }
#define PTX_ATOMIC(name)                                                 \
    template <typename T, typename... A> static inline T name(T *, A...) \
    {                                                                    \
        abort();                                                         \
    }

PTX_DEVICE(void, __syncthreads)
PTX_DEVICE(void, __syncwarp)
PTX_DEVICE(int, __syncthreads_count)
PTX_DEVICE(int, __syncthreads_and)
PTX_DEVICE(int, __syncthreads_or)
PTX_DEVICE(void, __threadfence)
PTX_DEVICE(void, __threadfence_block)
PTX_DEVICE(void, __trap)
PTX_DEVICE(unsigned, __activemask)
PTX_DEVICE(unsigned, __ballot_sync)
PTX_DEVICE(int, __any_sync)
PTX_DEVICE(int, __all_sync)
PTX_SHUFFLE(__shfl_sync)
PTX_SHUFFLE(__shfl_xor_sync)
PTX_SHUFFLE(__shfl_up_sync)
PTX_SHUFFLE(__shfl_down_sync)
PTX_SHUFFLE(__reduce_add_sync)
PTX_SHUFFLE(__reduce_min_sync)
PTX_SHUFFLE(__reduce_max_sync)
PTX_ATOMIC(atomicAdd)
PTX_ATOMIC(atomicSub)
PTX_ATOMIC(atomicMax)
PTX_ATOMIC(atomicMin)
PTX_ATOMIC(atomicCAS)
PTX_ATOMIC(atomicExch)
PTX_ATOMIC(atomicOr)
PTX_ATOMIC(atomicAnd)
PTX_DEVICE(int, __popc)
PTX_DEVICE(int, __popcll)
PTX_DEVICE(int, __clz)
PTX_DEVICE(int, __clzll)
PTX_DEVICE(int, __ffs)
PTX_DEVICE(int, __ffsll)
PTX_DEVICE(unsigned, __brev)
PTX_DEVICE(unsigned, __umulhi)
PTX_DEVICE(unsigned long long, __umul64hi)
PTX_DEVICE(unsigned, __byte_perm)
PTX_DEVICE(unsigned, __funnelshift_l)
PTX_DEVICE(unsigned, __funnelshift_r)
PTX_DEVICE(unsigned, __float_as_uint)
PTX_DEVICE(int, __float_as_int)
PTX_DEVICE(float, __uint_as_float)
PTX_DEVICE(float, __int_as_float)
PTX_DEVICE(float, __expf)
PTX_DEVICE(float, __logf)
PTX_DEVICE(float, __saturatef)
PTX_DEVICE(float, __fdividef)
PTX_DEVICE(float, __frcp_rn)
PTX_DEVICE(float, __fmaf_rn)
PTX_DEVICE(float, __fmul_rn)
PTX_DEVICE(float, __fadd_rn)
PTX_DEVICE(double, __dmul_rn)
PTX_DEVICE(double, __dadd_rn)
PTX_DEVICE(float, rsqrtf)
PTX_ATOMIC(__ldg)

enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
    cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
/* Launches with more than 48 KiB of dynamic shared memory want this first, as on a GPU. */
void ptx_allow_shared(const void *kernel, int bytes);
template <typename F>
static inline cudaError_t cudaFuncSetAttribute(F *kernel, cudaFuncAttribute attribute, int value)
{
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize)
        ptx_allow_shared(reinterpret_cast<const void *>(kernel), value);
    return cudaSuccess;
}
static inline cudaError_t cudaGetLastError()
{
    return cudaSuccess;
}

#endif
