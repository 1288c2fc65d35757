/* Device memory, copies and fills.
 *
 * Without ASan an allocation has pages of its own in a large reserve of addresses, with an unused
 * page behind it and its end as near to that as an alignment of 256 bytes allows. The pages can be
 * touched only by a thread that does device work, and addresses are not given out twice. The
 * processor's protection keys see to it where it has them. Elsewhere mprotect does, which costs as
 * much as there are pages and would be most of a test's time: there memory stays within reach after
 * most pieces of device work. With ASan it is heap memory of the exact size. */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <vector>

#include "tests/cudahost/internal.h"

namespace cudahost {
namespace {

constexpr size_t alignment = 256; /* what cudaMalloc promises */
constexpr size_t reserve_bytes = (size_t)1 << 38;

struct Allocation {
    size_t bytes;
    int device;
    char *pages; /* NULL: heap */
    size_t page_bytes;
};

std::recursive_mutex device_lock;
int depth; /* DeviceWorks that live */
constexpr unsigned shut_one_in = 16;
unsigned shuttings; /* asked for, without keys */
bool is_shut = true;
std::map<char *, Allocation> allocations;
std::map<int, size_t> used;
char *reserve, *reserve_next;
#ifdef CUDAHOST_ASAN
bool protect_new = false;
#else
bool protect_new = !getenv("CUDAHOST_UNPROTECTED");
#endif

/* Of this process, without access; below 0: this machine has none. */
int new_key()
{
    int key = pkey_alloc(0, PKEY_DISABLE_ACCESS);
    if (key >= 0 && pkey_set(key, PKEY_DISABLE_ACCESS) == 0) return key;
    if (key >= 0) pkey_free(key);
    return -1;
}

/* The key of all device memory. A thread has the access of the one that made it, or none. */
int protection_key()
{
    static const int key = new_key();
    return key;
}

/* Without keys: whether any thread may touch device memory. */
void set_rights(bool access)
{
    if (is_shut == !access) return;
    is_shut = !access;
    for (const auto &a : allocations)
        if (a.second.pages && mprotect(a.second.pages, a.second.page_bytes,
                                       access ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) {
            perror("cudahost: mprotect");
            abort();
        }
}

/* Whether this thread may touch device memory. */
void set_access(bool access)
{
    int key = protection_key();
    if (key >= 0)
        pkey_set(key, access ? 0 : PKEY_DISABLE_ACCESS);
    else if (access || shuttings++ % shut_one_in == 0)
        set_rights(access);
}

/* ---- faults; ASan reports them itself --------------------------------------------------- */

#ifndef CUDAHOST_ASAN

const char *what_was_touched(const char *address, int code)
{
    if (code == SEGV_PKUERR) return "the host touched device memory";
    if (in_fiber_guard(address)) return "the stack of a CUDA thread overflowed";
    if (!reserve || address < reserve || address >= reserve + reserve_bytes)
        return "segmentation fault";
    if (depth > 0) return "device work touched device memory outside of any allocation";
    return "the host touched device memory";
}

/* Says what it was; on return the access faults again and ends the process. */
void on_segv(int number, siginfo_t *info, void *)
{
    char text[160];
    int n = snprintf(text, sizeof text, "cudahost: %s, address %p\n",
                     what_was_touched((const char *)info->si_addr, info->si_code), info->si_addr);
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) _exit(1);
    signal(number, SIG_DFL);
}
#endif

/* ---- pages ---------------------------------------------------------------------------- */

char *allocate_pages(size_t bytes, Allocation &a)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!reserve) {
        void *memory = mmap(nullptr, reserve_bytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) return nullptr;
        reserve = reserve_next = (char *)memory;
    }
    a.page_bytes = (bytes + page - 1) / page * page;
    if (a.page_bytes + page > (size_t)(reserve + reserve_bytes - reserve_next)) return nullptr;
    a.pages = reserve_next;
    if (pkey_mprotect(a.pages, a.page_bytes, PROT_READ | PROT_WRITE, protection_key()) != 0)
        return nullptr;
    reserve_next += a.page_bytes + page;
    return a.pages + (a.page_bytes - bytes) / alignment * alignment;
}

void release(char *memory, const Allocation &a)
{
    if (!a.pages) {
        free(memory);
        return;
    }
    mprotect(a.pages, a.page_bytes, PROT_NONE);
    madvise(a.pages, a.page_bytes, MADV_DONTNEED);
}

std::map<char *, Allocation>::iterator find(const void *pointer)
{
    auto after = allocations.upper_bound((char *)pointer);
    if (after == allocations.begin()) return allocations.end();
    auto a = std::prev(after);
    return (const char *)pointer < a->first + a->second.bytes ? a : allocations.end();
}

/* Any of it in an allocation. */
bool meets_device(const void *pointer, size_t bytes)
{
    auto after = allocations.lower_bound((char *)pointer + bytes);
    if (after == allocations.begin()) return false;
    auto a = std::prev(after);
    return a->first + a->second.bytes > (const char *)pointer;
}

} // namespace

DeviceWork::DeviceWork()
{
    device_lock.lock();
    if (depth++ == 0) set_access(true);
}

DeviceWork::~DeviceWork()
{
    if (--depth == 0) set_access(false);
    device_lock.unlock();
}

bool on_device(const void *pointer, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(device_lock);
    auto a = find(pointer);
    return a != allocations.end() &&
           bytes <= (size_t)(a->first + a->second.bytes - (const char *)pointer);
}

/* Each thread needs a stack for signals, as that of a fiber may be what overflowed. Again and
 * again, as test frameworks put handlers of their own. */
void watch_faults()
{
#ifndef CUDAHOST_ASAN
    static thread_local std::vector<char> stack;
    if (stack.empty()) {
        stack.resize(64 << 10);
        stack_t s = {};
        s.ss_sp = stack.data();
        s.ss_size = stack.size();
        sigaltstack(&s, nullptr);
    }
    struct sigaction action = {};
    action.sa_sigaction = on_segv;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, nullptr);
#endif
}

} // namespace cudahost

using namespace cudahost;

void cudahost_protect(bool protect)
{
#ifndef CUDAHOST_ASAN
    protect_new = protect;
#else
    (void)protect;
#endif
    shuttings = 0;
}

size_t cudahost_memory_used(void)
{
    std::lock_guard<std::recursive_mutex> hold(device_lock);
    size_t sum = 0;
    for (const auto &u : used)
        sum += u.second;
    return sum;
}

/* ---- allocation ----------------------------------------------------------------------- */

cudaError_t cudaMalloc(void **pointer, size_t size)
{
    if (pointer) *pointer = nullptr;
    CUDAHOST_RUNTIME_CALL();
    if (!pointer) return result(cudaErrorInvalidValue);
    cudaError_t forbidden = forbid_in_capture();
    if (forbidden != cudaSuccess || size == 0) return result(forbidden);

    std::lock_guard<std::recursive_mutex> hold(device_lock);
    watch_faults();
    int device = current_device();
    if (size > memory_limit() || used[device] > memory_limit() - size)
        return result(cudaErrorMemoryAllocation);
    Allocation a = {size, device, nullptr, 0};
    void *memory = nullptr;
    if (protect_new)
        memory = allocate_pages(size, a);
    else if (posix_memalign(&memory, alignment, size) != 0)
        memory = nullptr;
    if (!memory) return result(cudaErrorMemoryAllocation);
    if (protection_key() >= 0) {
        DeviceWork work;
        memset(memory, 0xFF, size);
    } else {
        memset(memory, 0xFF, size);
        if (a.pages && is_shut) mprotect(a.pages, a.page_bytes, PROT_NONE);
    }
    allocations[(char *)memory] = a;
    used[device] += size;
    *pointer = memory;
    return cudaSuccess;
}

cudaError_t cudaFree(void *pointer)
{
    CUDAHOST_RUNTIME_CALL();
    cudaError_t forbidden = forbid_in_capture();
    if (forbidden != cudaSuccess || !pointer) return result(forbidden);
    finish_all();
    std::lock_guard<std::recursive_mutex> hold(device_lock);
    auto a = allocations.find((char *)pointer);
    if (a == allocations.end()) return result(cudaErrorInvalidValue);
    used[a->second.device] -= a->second.bytes;
    release(a->first, a->second);
    allocations.erase(a);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **pointer, size_t size)
{
    if (pointer) *pointer = nullptr;
    CUDAHOST_RUNTIME_CALL();
    if (!pointer) return result(cudaErrorInvalidValue);
    cudaError_t forbidden = forbid_in_capture();
    if (forbidden != cudaSuccess || size == 0) return result(forbidden);
    *pointer = malloc(size);
    if (!*pointer) return result(cudaErrorMemoryAllocation);
    memset(*pointer, 0xFF, size);
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *pointer)
{
    CUDAHOST_RUNTIME_CALL();
    cudaError_t forbidden = forbid_in_capture();
    if (forbidden != cudaSuccess) return result(forbidden);
    finish_all();
    free(pointer);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    CUDAHOST_RUNTIME_CALL();
    if (!free_bytes || !total) return result(cudaErrorInvalidValue);
    std::lock_guard<std::recursive_mutex> hold(device_lock);
    size_t taken = used[current_device()];
    *total = memory_limit();
    *free_bytes = *total > taken ? *total - taken : 0;
    return cudaSuccess;
}

/* ---- copies and fills ----------------------------------------------------------------- */

namespace {

/* Bytes from the first to the last of a matrix of rows. */
size_t extent(size_t pitch, size_t width, size_t height)
{
    return height ? (height - 1) * pitch + width : 0;
}

/* One side of a copy is on the device, or nowhere on it. */
bool right_side(const void *p, size_t bytes, bool device)
{
    return device ? on_device(p, bytes) : p && !meets_device(p, bytes);
}

cudaError_t copy_rows(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
                      size_t height, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
        return cudaErrorInvalidMemcpyDirection;
    if (width == 0 || height == 0) return cudaSuccess;
    if (height > 1 && (width > dpitch || width > spitch)) return cudaErrorInvalidPitchValue;
    size_t to_bytes = extent(dpitch, width, height), from_bytes = extent(spitch, width, height);
    {
        std::lock_guard<std::recursive_mutex> hold(device_lock);
        bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
        bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
        if (kind == cudaMemcpyDefault) {
            to_device = meets_device(dst, to_bytes);
            from_device = meets_device(src, from_bytes);
        }
        if (!right_side(dst, to_bytes, to_device) || !right_side(src, from_bytes, from_device))
            return cudaErrorInvalidValue;
    }
    return enqueue(stream, [=] {
        DeviceWork work;
        for (size_t i = 0; i < height; i++)
            memmove((char *)dst + i * dpitch, (const char *)src + i * spitch, width);
    });
}

cudaError_t fill_rows(void *pointer, size_t pitch, int value, size_t width, size_t height,
                      cudaStream_t stream)
{
    if (width == 0 || height == 0) return cudaSuccess;
    if (height > 1 && width > pitch) return cudaErrorInvalidPitchValue;
    if (!on_device(pointer, extent(pitch, width, height))) return cudaErrorInvalidValue;
    return enqueue(stream, [=] {
        DeviceWork work;
        for (size_t i = 0; i < height; i++)
            memset((char *)pointer + i * pitch, value, width);
    });
}

} // namespace

cudaError_t cudaMemcpy(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind)
{
    CUDAHOST_RUNTIME_CALL();
    cudaError_t forbidden = forbid_in_capture();
    if (forbidden != cudaSuccess) return result(forbidden);
    return result(copy_rows(dst, count, src, count, count, 1, kind, nullptr));
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    return result(copy_rows(dst, count, src, count, count, 1, kind, stream));
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dpitch, const void *src, size_t spitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    return result(copy_rows(dst, dpitch, src, spitch, width, height, kind, stream));
}

cudaError_t cudaMemset(void *pointer, int value, size_t count)
{
    CUDAHOST_RUNTIME_CALL();
    cudaError_t forbidden = forbid_in_capture();
    if (forbidden != cudaSuccess) return result(forbidden);
    return result(fill_rows(pointer, count, value, count, 1, nullptr));
}

cudaError_t cudaMemsetAsync(void *pointer, int value, size_t count, cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    return result(fill_rows(pointer, count, value, count, 1, stream));
}

cudaError_t cudaMemset2DAsync(void *pointer, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream)
{
    CUDAHOST_RUNTIME_CALL();
    return result(fill_rows(pointer, pitch, value, width, height, stream));
}
