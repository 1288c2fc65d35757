/* Device functions without state: atomics, bits, arithmetic. Included by device.h. */
#ifndef CUDAHOST_DEVICE_MATH_H
#define CUDAHOST_DEVICE_MATH_H

/* ---- atomics: one CUDA thread runs at a time, so plain reads and writes will do --------- */

#define CUDAHOST_ATOMIC(name, type, result)                       \
    CUDAHOST_DEVICE_FUNCTION type name(type *address, type value) \
    {                                                             \
        type old = *address;                                      \
        *address = result;                                        \
        return old;                                               \
    }
#define CUDAHOST_ATOMIC_INTEGERS(name, result) \
    CUDAHOST_ATOMIC(name, int, result)         \
    CUDAHOST_ATOMIC(name, unsigned, result)    \
    CUDAHOST_ATOMIC(name, unsigned long long, result)
/* Sums of integers wrap. */
CUDAHOST_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)value))
CUDAHOST_ATOMIC(atomicAdd, unsigned, old + value)
CUDAHOST_ATOMIC(atomicAdd, unsigned long long, old + value)
CUDAHOST_ATOMIC(atomicAdd, float, old + value)
CUDAHOST_ATOMIC(atomicAdd, double, old + value)
CUDAHOST_ATOMIC(atomicSub, int, (int)((unsigned)old - (unsigned)value))
CUDAHOST_ATOMIC(atomicSub, unsigned, old - value)
CUDAHOST_ATOMIC_INTEGERS(atomicMax, old > value ? old : value)
CUDAHOST_ATOMIC_INTEGERS(atomicMin, old < value ? old : value)
CUDAHOST_ATOMIC_INTEGERS(atomicOr, old | value)
CUDAHOST_ATOMIC_INTEGERS(atomicAnd, old &value)
CUDAHOST_ATOMIC_INTEGERS(atomicXor, old ^ value)
CUDAHOST_ATOMIC_INTEGERS(atomicExch, value)
CUDAHOST_ATOMIC(atomicExch, float, value)

#define CUDAHOST_ATOMIC_CAS(type)                                                     \
    CUDAHOST_DEVICE_FUNCTION type atomicCAS(type *address, type expected, type value) \
    {                                                                                 \
        type old = *address;                                                          \
        if (old == expected) *address = value;                                        \
        return old;                                                                   \
    }
CUDAHOST_ATOMIC_CAS(int)
CUDAHOST_ATOMIC_CAS(unsigned)
CUDAHOST_ATOMIC_CAS(unsigned long long)

template <class T> static inline T __ldg(const T *address)
{
    return *address;
}

/* ---- bits ----------------------------------------------------------------------------- */

#define CUDAHOST_BITS(name, to, from)            \
    CUDAHOST_DEVICE_FUNCTION to name(from value) \
    {                                            \
        to bits;                                 \
        memcpy(&bits, &value, sizeof bits);      \
        return bits;                             \
    }
CUDAHOST_BITS(__float_as_uint, unsigned, float)
CUDAHOST_BITS(__float_as_int, int, float)
CUDAHOST_BITS(__uint_as_float, float, unsigned)
CUDAHOST_BITS(__int_as_float, float, int)
CUDAHOST_BITS(__double_as_longlong, long long, double)
CUDAHOST_BITS(__longlong_as_double, double, long long)

#define CUDAHOST_FUNCTION(type, name, parameters, result) \
    CUDAHOST_DEVICE_FUNCTION type name parameters         \
    {                                                     \
        return result;                                    \
    }
CUDAHOST_FUNCTION(int, __popc, (unsigned x), __builtin_popcount(x))
CUDAHOST_FUNCTION(int, __popcll, (unsigned long long x), __builtin_popcountll(x))
CUDAHOST_FUNCTION(int, __clz, (int x), x ? __builtin_clz((unsigned)x) : 32)
CUDAHOST_FUNCTION(int, __clzll, (long long x), x ? __builtin_clzll((unsigned long long)x) : 64)
CUDAHOST_FUNCTION(int, __ffs, (int x), __builtin_ffs(x))
CUDAHOST_FUNCTION(int, __ffsll, (long long x), __builtin_ffsll(x))
CUDAHOST_FUNCTION(unsigned, __umulhi, (unsigned a, unsigned b), (unsigned)((uint64_t)a *b >> 32))
CUDAHOST_FUNCTION(int, __mulhi, (int a, int b), (int)((int64_t)a *b >> 32))
CUDAHOST_FUNCTION(unsigned long long, __umul64hi, (unsigned long long a, unsigned long long b),
                  (unsigned long long)((unsigned __int128)a *b >> 64))

/* ---- arithmetic; what is only nearly right on a GPU is as right as the host's ----------- */

/* Macros, as glibc declares functions of these names for itself. */
#define __expf(x) expf(x)
#define __exp10f(x) powf(10.0f, x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)

CUDAHOST_FUNCTION(float, rsqrtf, (float x), 1.0f / sqrtf(x))
CUDAHOST_FUNCTION(double, rsqrt, (double x), 1.0 / sqrt(x))
CUDAHOST_FUNCTION(float, __fdividef, (float a, float b), a / b)
CUDAHOST_FUNCTION(float, __frcp_rn, (float x), 1.0f / x)
CUDAHOST_FUNCTION(float, __frsqrt_rn, (float x), 1.0f / sqrtf(x))
CUDAHOST_FUNCTION(float, __fsqrt_rn, (float x), sqrtf(x))
CUDAHOST_FUNCTION(float, __fdiv_rn, (float a, float b), a / b)
CUDAHOST_FUNCTION(float, __fadd_rn, (float a, float b), a + b)
CUDAHOST_FUNCTION(float, __fsub_rn, (float a, float b), a - b)
CUDAHOST_FUNCTION(float, __fmul_rn, (float a, float b), a *b)
CUDAHOST_FUNCTION(float, __fmaf_rn, (float a, float b, float c), fmaf(a, b, c))
CUDAHOST_FUNCTION(int, __float2int_rn, (float x), (int)rintf(x))
CUDAHOST_FUNCTION(int, __float2int_rz, (float x), (int)x)
CUDAHOST_FUNCTION(float, __saturatef, (float x), x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f)

#define CUDAHOST_MIN_MAX(result, a_type, b_type)                     \
    CUDAHOST_FUNCTION(result, min, (a_type a, b_type b),             \
                      (result)a < (result)b ? (result)a : (result)b) \
    CUDAHOST_FUNCTION(result, max, (a_type a, b_type b),             \
                      (result)a > (result)b ? (result)a : (result)b)
#define CUDAHOST_MIN_MAX_MIXED(u, s) \
    CUDAHOST_MIN_MAX(s, s, s)        \
    CUDAHOST_MIN_MAX(u, u, u)        \
    CUDAHOST_MIN_MAX(u, s, u)        \
    CUDAHOST_MIN_MAX(u, u, s)
CUDAHOST_MIN_MAX_MIXED(unsigned, int)
CUDAHOST_MIN_MAX_MIXED(unsigned long, long)
CUDAHOST_MIN_MAX_MIXED(unsigned long long, long long)
/* Those of floats pass a NaN over, as fminf and fmaxf do. */
CUDAHOST_FUNCTION(float, min, (float a, float b), fminf(a, b))
CUDAHOST_FUNCTION(float, max, (float a, float b), fmaxf(a, b))
CUDAHOST_FUNCTION(double, min, (double a, double b), fmin(a, b))
CUDAHOST_FUNCTION(double, max, (double a, double b), fmax(a, b))
CUDAHOST_FUNCTION(double, min, (float a, double b), fmin(a, b))
CUDAHOST_FUNCTION(double, max, (float a, double b), fmax(a, b))
CUDAHOST_FUNCTION(double, min, (double a, float b), fmin(a, b))
CUDAHOST_FUNCTION(double, max, (double a, float b), fmax(a, b))

#endif
