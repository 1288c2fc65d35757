/* What the parts of tests/cudahost/ share. */
#ifndef CUDAHOST_INTERNAL_H
#define CUDAHOST_INTERNAL_H

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tests/cudahost/cudahost.h"
#include "tests/cudahost/sanitizer.h"

namespace cudahost {

/* ---- control.cc ----------------------------------------------------------------------- */

/* Counts a call; the code that was asked for in its place, or 0. */
int begin_call(const char *function);
/* The same, and the lack of a driver or a device. */
cudaError_t begin_runtime_call(const char *function);
bool device_usable();
int device_count();
int current_device();
size_t memory_limit();
/* Keeps it for cudaGetLastError, and gives it back. */
cudaError_t result(cudaError_t error);
/* Says what is wrong, by the handler if there is one, and aborts. */
[[noreturn]] void die(const std::string &message);

/* A pseudo-random number, 0 where the order is to be ascending. */
uint64_t next_random();
/* The numbers 0 ... n - 1 in an order of its own; cheap, not any permutation. */
class Order {
  public:
    explicit Order(uint64_t n);
    uint64_t operator[](uint64_t i) const
    {
        return (i * step + first) % n;
    }

  private:
    uint64_t n, step, first;
};

/* First line of a runtime function. */
#define CUDAHOST_RUNTIME_CALL()                                     \
    do {                                                            \
        cudaError_t code_ = cudahost::begin_runtime_call(__func__); \
        if (code_ != cudaSuccess) return cudahost::result(code_);   \
    } while (0)

/* ---- memory.cc ------------------------------------------------------------------------ */

/* While one lives, its thread can touch device memory, and no other does device work. Nests. */
class DeviceWork {
  public:
    DeviceWork();
    ~DeviceWork();
    DeviceWork(const DeviceWork &) = delete;
    DeviceWork &operator=(const DeviceWork &) = delete;
};

/* All of it within one allocation. */
bool on_device(const void *pointer, size_t bytes);
/* Signals name what was touched; before anything that may fault. */
void watch_faults();

/* ---- stream.cc ------------------------------------------------------------------------ */

/* Runs the work, or records it where the stream is being captured. */
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
/* All work that was put off (CUDAHOST_LATE) is done. */
void finish_all();
/* For calls that a capture does not allow: an error, and the capture is void, if there is one. */
cudaError_t forbid_in_capture();

/* ---- block.cc ------------------------------------------------------------------------- */

void run_kernel(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()> &thread);
bool in_fiber_guard(const void *address);

/* ---- shared.cc ------------------------------------------------------------------------ */

/* NaN bytes into every __shared__ variable. */
void poison_static_shared();

} // namespace cudahost

#endif
