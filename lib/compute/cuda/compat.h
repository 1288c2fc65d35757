/* One spelling of a launch and of dynamic shared memory, for nvcc and for the host's compiler
 * (tests/cudahost/). SYL_LAUNCH is an expression of type cudaError_t. */
#ifndef SYL_COMPUTE_CUDA_COMPAT_H
#define SYL_COMPUTE_CUDA_COMPAT_H

#include <cuda_runtime.h>

#ifdef __CUDACC__
#define SYL_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
    (kernel<<<(grid), (block), (shared_bytes), (stream)>>>(__VA_ARGS__), cudaGetLastError())
#define SYL_DYNAMIC_SHARED(type, name)                                   \
    extern __shared__ __align__(16) unsigned char syl_dynamic_shared[]; \
    type *name = (type *)syl_dynamic_shared
#elif defined(SYL_PTX_LAUNCH) /* launchers by the host's compiler, kernels as nvcc's PTX */
#include "tests/ptx/launch.h"
#endif

#endif
