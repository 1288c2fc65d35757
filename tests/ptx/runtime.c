/* The few calls of the CUDA runtime that tests of kernels make, over the interpreter's memory: the
 * same tests run on nvcc's PTX. The environment: PTX_FOLDER has the NAME.ptx files, PTX_SEED
 * shuffles blocks and threads, PTX_LAUNCHED names a file to which the kernels that ran are added,
 * one a line with the threads of a block and the bytes of dynamic shared memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_runtime.h>

#include "tests/ptx/launch.h"

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    *memory = ptx_alloc(bytes, "cudaMalloc");
    return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFree(void *memory)
{
    ptx_dealloc(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind)
{
    (void)kind;
    memcpy(to, from, bytes);
    return cudaSuccess;
}

/* Everything is done at once. */
cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    (void)stream;
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error)
{
    return error == cudaErrorLaunchFailure ? ptx_last_error() : "an error of a launch";
}

static void write_launched(FILE *file)
{
    static const char *const files[] = {"attention.cu",  "attention_backward.cu",
                                        "conv.cu",       "elements.cu",
                                        "gated.cu",      "gather.cu",
                                        "group_norm.cu", "hamming.cu",
                                        "loss.cu",       "nearest.cu",
                                        "norm.cu",       "optimizer.cu",
                                        "paragraph.cu",  "rows.cu",
                                        "senses.cu",     "skipgram.cu",
                                        "sums.cu"};
    const char *name;
    unsigned threads;
    size_t shared;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++)
        for (size_t i = 0; (name = ptx_file_kernel(files[f], i)); i++)
            if (ptx_was_launched(name, &threads, &shared))
                fprintf(file, "%s %u %zu\n", name, threads, shared);
}

static void end(void)
{
    const char *path = getenv("PTX_LAUNCHED"), *error = ptx_last_error();
    FILE *file = path ? fopen(path, "a") : NULL;
    if (*error) fprintf(stderr, "%s\n", error);
    if (file) {
        write_launched(file);
        fclose(file);
    }
    ptx_finish();
}

__attribute__((constructor)) static void begin(void)
{
    if (getenv("PTX_FOLDER")) ptx_set_folder(getenv("PTX_FOLDER"));
    if (getenv("PTX_SEED")) ptx_set_seed(strtoull(getenv("PTX_SEED"), NULL, 10));
    ptx_last_error(); /* what it needs is there now, and goes after end */
    atexit(end);
}
