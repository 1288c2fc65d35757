/* The CUDA runtime's names for a .cu file whose launchers are compiled by g++ and whose kernels run
 * as nvcc's PTX (tests/ptx/launch.h). Kernels' bodies compile here and never run: what only the
 * device has is declared and aborts. */
#ifndef SYL_TESTS_PTX_CUDA_RUNTIME_H
#define SYL_TESTS_PTX_CUDA_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorLaunchFailure = 719
} cudaError_t;
typedef struct CUstream_st *cudaStream_t;

#ifdef __cplusplus
#include "tests/ptx/include/device_names.h"
#endif

#endif
