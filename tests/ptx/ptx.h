/* An interpreter of the PTX that `nvcc -ptx` emits: what nvcc made of a kernel is run on the host's
 * memory and watched while it runs.
 *
 *     char error[1024];
 *     ptx_module *module = ptx_load("sample.ptx", error, sizeof error);
 *     const ptx_kernel *kernel = ptx_kernel_find(module, "scale");
 *     ptx_memory *memory = ptx_memory_create();
 *     ptx_memory_add(memory, x, n * sizeof *x, "x");
 *     ptx_launch launch = {.grid = {2, 1, 1}, .block = {128, 1, 1},
 *                          .args = (const void *const[]){&x, &n}};
 *     if (!ptx_run(kernel, &launch, memory, error, sizeof error)) puts(error);
 *
 * Found, each with an error that names kernel, PTX line, instruction, block and thread: accesses
 * outside registered memory, outside a shared or local variable, misaligned; shared memory read
 * before it is written; two threads at one shared byte with no barrier between them; divergent
 * barriers, barriers that exited threads never reach; collectives whose lanes are elsewhere, read
 * from lanes that are not there; undefined values that reach a store, an address or a branch.
 * An opcode that is not known is an error when the module is loaded, never a wrong result.
 *
 * Not modelled: warp scheduling, memory order between blocks, ptxas, speed, the errors of the
 * .approx instructions (libm's exact functions stand for them), what a NaN's bits are. */
#ifndef SYL_TESTS_PTX_H
#define SYL_TESTS_PTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ptx_module ptx_module;
typedef struct ptx_function ptx_kernel;
typedef struct ptx_memory ptx_memory;

/* NULL and a message of one line when the file cannot be read or understood. Errors of the text
 * itself name `path` and the line. */
ptx_module *ptx_load(const char *path, char *error, size_t error_size);
/* The same from text; `path` is only a name. */
ptx_module *ptx_parse(const char *text, size_t size, const char *path, char *error,
                      size_t error_size);
/* Kernels go with their module. NULL is fine. */
void ptx_free(ptx_module *module);

/* Entry points in the order of the file. */
size_t ptx_kernel_count(const ptx_module *module);
const ptx_kernel *ptx_kernel_at(const ptx_module *module, size_t index);
/* By its exact name, or by a plain function's name before mangling (`_Z<length><name>...`, template
 * or not; the first of several). NULL when there is none. */
const ptx_kernel *ptx_kernel_find(const ptx_module *module, const char *name);
const char *ptx_kernel_name(const ptx_kernel *kernel);
size_t ptx_param_count(const ptx_kernel *kernel);
/* Bytes of an argument: of a struct passed by value its sizeof. */
size_t ptx_param_size(const ptx_kernel *kernel, size_t index);

/* The host's buffers that kernels may touch. Not owned; names are copied and appear in errors. */
ptx_memory *ptx_memory_create(void);
void ptx_memory_free(ptx_memory *memory);
bool ptx_memory_add(ptx_memory *memory, const void *base, size_t bytes, const char *name);
void ptx_memory_remove(ptx_memory *memory, const void *base);

typedef struct ptx_launch {
    unsigned grid[3], block[3];
    size_t shared_bytes;     /* dynamic shared memory */
    const void *const *args; /* ptx_param_count pointers to the arguments' values */
    uint64_t seed;           /* in which order blocks and threads run; 0: in theirs */
    uint64_t limit;          /* instructions after which it is an endless loop; 0: 2^40 */
    uint64_t instructions;   /* out: how many were executed */
} ptx_launch;

/* False and a message of one line. The module's .global variables keep what kernels leave there.
 * One launch of a module at a time. */
bool ptx_run(const ptx_kernel *kernel, ptx_launch *launch, const ptx_memory *memory, char *error,
             size_t error_size);

#ifdef __cplusplus
}
#endif

#endif
