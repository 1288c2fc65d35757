/* CUDA kernels and the CUDA backend's host code run on the host, for tests without a GPU: what
 * tests set and ask. The APIs themselves are in include/.
 *
 * Everything runs at once and in the caller's thread; launches of several threads take turns. Each
 * CUDA thread is a fiber. Blocks, warps and lanes run in an order shuffled from a seed, shared and
 * fresh device memory holds NaN bytes (0xFF).
 *
 * Seen as a fault (a message, then abort): barriers and warp collectives that diverge or that a
 * thread never reaches, a shuffle from a lane outside of the mask, the host's or a kernel's access
 * to device memory outside of an allocation (to the byte under ASan, else when it leaves the
 * pages), the overflow of a CUDA thread's stack.
 * Seen only as wrong results under some seeds: a missing __syncthreads or __syncwarp.
 * Not seen: order of memory between blocks that run at once, a kernel's reads of the host's
 * memory, a static __shared__ array's overrun without gcc's ASan, too much static shared memory or
 * too many registers for a launch, a kernel that waits for another block (it hangs). */
#ifndef CUDAHOST_CUDAHOST_H
#define CUDAHOST_CUDAHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Programs that cannot call these set the environment: CUDAHOST_SEED, CUDAHOST_MEMORY (bytes),
 * CUDAHOST_DEVICES, CUDAHOST_DRIVER (the driver's code), CUDAHOST_UNPROTECTED, CUDAHOST_LATE (see
 * stream.cc), and CUDAHOST_CALLS, a file that receives how often each API function was called. */

/* Order of blocks, warps and lanes from now on; 0: ascending. The first seed is the environment's
 * CUDAHOST_SEED, or 1. */
void cudahost_seed(uint64_t seed);

/* Called with a fault's message in place of printing it; abort follows when it returns. NULL: none.
 * It runs on the stack of the CUDA thread at fault. */
void cudahost_on_fault(void (*handler)(const char *message));

/* The call number `after` from now on (1: the next) of an API function, or of "kernel" for
 * launches, does nothing and gives `code`, in that API's own enum. Not sticky. */
void cudahost_fail(const char *function, int after, int code);

/* How often an API function, or "kernel", was called since the start or cudahost_reset. */
long cudahost_calls(const char *function);

/* Every device's memory: what cudaMalloc gives out at most. Default 4 GiB. */
void cudahost_memory(size_t bytes);
/* Bytes that cudaMalloc gave out and cudaFree did not take back, of all devices. */
size_t cudahost_memory_used(void);

/* n devices (default 1); where driver_code is not 0 (35: the driver is too old or absent) every
 * call gives that. */
void cudahost_devices(int n, int driver_code);

/* Whether device memory is out of the host's reach but while device work runs (default true, but
 * under ASan, where it is plain heap memory). A change takes effect for memory from then on. Where
 * the processor has no protection keys it stays within reach after 15 of 16 pieces of device work;
 * the next one is the first of 16. */
void cudahost_protect(bool protect);

/* All of the above as at the start; forgets the last error. Memory and streams stay. */
void cudahost_reset(void);

#ifdef __cplusplus
}
#endif

#endif
