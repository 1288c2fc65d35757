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
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };

#ifdef __cplusplus
extern "C" {
#endif

/* What tests of kernels call themselves (tests/ptx/runtime.c). */
cudaError_t cudaMalloc(void **memory, size_t bytes);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaGetDeviceCount(int *count);
const char *cudaGetErrorString(cudaError_t error);

#ifdef __cplusplus
}
#endif

#ifdef __cplusplus
#include "tests/ptx/include/device_names.h"
#endif

#endif
