/* Kernels with a mistake each, which the interpreter must find. */
#include <cuda_runtime.h>

__global__ void missing_barrier(float *x)
{
    __shared__ float s[64];

    s[threadIdx.x] = 0;
    __syncthreads();
    s[threadIdx.x] = x[threadIdx.x];
    x[threadIdx.x] = s[63 - threadIdx.x];
}

__global__ void missing_second_barrier(float *x)
{
    __shared__ float s[64];

    for (int i = 0; i < 2; i++) {
        s[threadIdx.x] = x[threadIdx.x] + i;
        __syncthreads();
        x[threadIdx.x] = s[threadIdx.x ^ 1];
    }
}

__global__ void missing_warp_barrier(float *x)
{
    __shared__ float s[32];

    s[threadIdx.x] = 0;
    __syncthreads();
    s[threadIdx.x] = x[threadIdx.x];
    __shfl_sync(0xffffffffu, x[0], 0);
    x[threadIdx.x] = s[31 - threadIdx.x];
}

__global__ void with_warp_barrier(float *x)
{
    __shared__ float s[32];

    s[threadIdx.x] = x[threadIdx.x];
    __syncwarp();
    x[threadIdx.x] = s[31 - threadIdx.x];
}

__global__ void global_bounds(float *x, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i <= n) x[i] = i;
}

__global__ void shared_bounds(float *x, int i)
{
    __shared__ float s[32];
    __shared__ float other[32];

    other[threadIdx.x] = s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = s[threadIdx.x + i] + other[31 - threadIdx.x];
}

__global__ void dynamic_bounds(float *x)
{
    extern __shared__ float s[];

    s[threadIdx.x] = x[threadIdx.x];
}

__global__ void divergent_shuffle(float *x)
{
    float v = x[threadIdx.x];

    if (threadIdx.x < 20) v = __shfl_xor_sync(0xffffffffu, v, 1);
    __syncthreads();
    x[threadIdx.x] = v;
}

__global__ void divergent_barrier(float *x)
{
    if (threadIdx.x < 40) {
        x[threadIdx.x] += 1;
        __syncthreads();
        x[threadIdx.x] += 2;
    } else {
        x[threadIdx.x] += 3;
        __syncthreads();
        x[threadIdx.x] *= x[threadIdx.x - 1];
    }
}

__global__ void early_return(float *x, int n)
{
    if (threadIdx.x >= n) return;
    x[threadIdx.x] += 1;
    __syncthreads();
    x[threadIdx.x] += x[n - 1 - threadIdx.x];
}

__global__ void unwritten_shared(float *x)
{
    __shared__ float s[64];

    if (threadIdx.x < 63) s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = s[63 - threadIdx.x];
}

__global__ void misaligned(const char *x, float4 *y)
{
    *y = *(const float4 *)(x + 4);
}

__global__ void exited_lane(float *x)
{
    float v = x[threadIdx.x];

    if (threadIdx.x == 7) return;
    x[threadIdx.x] = __shfl_xor_sync(0xffffffffu, v, 1);
}

__global__ void inactive_lane(float *x)
{
    if (threadIdx.x < 8) x[threadIdx.x] = __shfl_sync(0xffu, x[threadIdx.x], threadIdx.x + 1);
}

__global__ void endless(volatile int *x)
{
    while (*x == 0) {
    }
}
