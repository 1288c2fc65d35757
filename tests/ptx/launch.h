/* A backend's launchers, compiled by g++, whose kernels run as nvcc's PTX.
 *
 * The .cu file is compiled as C++ with -DSYL_PTX_LAUNCH, tests/ptx/include before other folders and
 * -fno-ipa-icf; compat.h then takes SYL_LAUNCH from here. Kernels are found in NAME.ptx of the
 * folder that ptx_set_folder gave (NAME.cu: the file that is compiled) by the symbol of the
 * function that is launched, so that templates, overloads and pointers to kernels work. Memory that
 * kernels touch comes from ptx_alloc. */
#ifndef SYL_TESTS_PTX_LAUNCH_H
#define SYL_TESTS_PTX_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where NAME.ptx files are; forgets those loaded from another. Copied. */
void ptx_set_folder(const char *folder);
/* In which order blocks and threads of later launches run; 0 at first: in theirs. */
void ptx_set_seed(uint64_t seed);

/* Memory that kernels may touch, filled with 0xFF (NaNs), 256-byte aligned, its bounds watched.
 * `name` appears in errors. */
void *ptx_alloc(size_t bytes, const char *name);
void ptx_dealloc(void *memory);

/* The first error since the last call, "" for none: launches give cudaErrorLaunchFailure, here is
 * why. Valid until the next call. */
const char *ptx_last_error(void);
/* Instructions executed and kernels launched so far. */
uint64_t ptx_instructions(void);
uint64_t ptx_launches(void);
/* Whether a kernel (a PTX name) was launched, and the most threads of a block and bytes of dynamic
 * shared memory; and all kernels of a file: for a test that none was forgotten. NULL behind the
 * last. */
bool ptx_was_launched(const char *kernel, unsigned *threads, size_t *shared_bytes);
const char *ptx_file_kernel(const char *file, size_t index);
/* Frees modules and memory. */
void ptx_finish(void);

#ifdef __cplusplus
}

#include <cuda_runtime.h>

#include <tuple>
#include <utility>

/* How many arguments of which sizes: compared with what the kernel takes. */
cudaError_t ptx_launch_packed(const char *file, const void *kernel, dim3 grid, dim3 block,
                              size_t shared_bytes, const void *const *args, const size_t *sizes,
                              size_t count);

template <typename... P, size_t... I>
cudaError_t ptx_launch_values(const char *file, const void *kernel, dim3 grid, dim3 block,
                              size_t shared_bytes, const std::tuple<P...> &values,
                              std::index_sequence<I...>)
{
    const void *const args[] = {static_cast<const void *>(&std::get<I>(values))..., nullptr};
    const size_t sizes[] = {sizeof(P)..., 0};

    return ptx_launch_packed(file, kernel, grid, block, shared_bytes, args, sizes, sizeof...(P));
}

/* Arguments become what the kernel's parameters are, as in a call. */
template <typename... P, typename... A>
cudaError_t ptx_launch_kernel(const char *file, void (*kernel)(P...), dim3 grid, dim3 block,
                              size_t shared_bytes, const A &...args)
{
    static_assert(sizeof...(P) == sizeof...(A),
                  "a kernel launched with another number of arguments");
    const std::tuple<P...> values{static_cast<P>(args)...};

    return ptx_launch_values(file, reinterpret_cast<const void *>(kernel), grid, block,
                             shared_bytes, values, std::index_sequence_for<P...>{});
}

#define SYL_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
    ((void)(stream),                                               \
     ptx_launch_kernel(__BASE_FILE__, (kernel), (grid), (block), (shared_bytes), __VA_ARGS__))
#define SYL_DYNAMIC_SHARED(type, name) type *name = (abort(), nullptr)
#endif

#endif
