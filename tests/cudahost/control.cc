/* What tests set: seed, failures, devices; and errors and the questions about the device. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "tests/cudahost/internal.h"

namespace cudahost {
namespace {

struct Failure {
    std::string function;
    long calls_left;
    int code;
};

/* A number of the environment, for programs that cannot call what cudahost.h has. */
uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, nullptr, 10) : otherwise;
}

struct State {
    std::mutex lock;
    std::vector<Failure> failures;
    std::map<std::string, long> calls;
    void (*on_fault)(const char *) = nullptr;
    size_t memory = setting("CUDAHOST_MEMORY", (size_t)4 << 30);
    int devices = (int)setting("CUDAHOST_DEVICES", 1);
    int driver_code = (int)setting("CUDAHOST_DRIVER", 0);
    uint64_t random = setting("CUDAHOST_SEED", 1);
};

/* At the end of the program, how often each function was called. */
struct Report {
    const State &of;
    ~Report()
    {
        const char *path = getenv("CUDAHOST_CALLS");
        FILE *file = path ? fopen(path, "w") : nullptr;
        for (const auto &call : of.calls)
            if (file) fprintf(file, "%s %ld\n", call.first.c_str(), call.second);
        if (file) fclose(file);
    }
};

State &state()
{
    static State s;
    static Report report{s};
    return s;
}

thread_local cudaError_t last_error = cudaSuccess;
thread_local int device = 0;

} // namespace

int begin_call(const char *function)
{
    State &s = state();
    std::lock_guard<std::mutex> hold(s.lock);
    s.calls[function]++;
    for (size_t i = 0; i < s.failures.size(); i++) {
        Failure &f = s.failures[i];
        if (f.function != function || --f.calls_left > 0) continue;
        int code = f.code;
        s.failures.erase(s.failures.begin() + (long)i);
        return code;
    }
    return 0;
}

cudaError_t begin_runtime_call(const char *function)
{
    int code = begin_call(function);
    if (code) return (cudaError_t)code;
    if (state().driver_code) return (cudaError_t)state().driver_code;
    return state().devices > 0 ? cudaSuccess : cudaErrorNoDevice;
}

bool device_usable()
{
    return state().driver_code == 0 && state().devices > 0;
}

int device_count()
{
    return state().devices;
}

int current_device()
{
    return device;
}

size_t memory_limit()
{
    return state().memory;
}

cudaError_t result(cudaError_t error)
{
    if (error != cudaSuccess) last_error = error;
    return error;
}

void die(const std::string &message)
{
    if (state().on_fault)
        state().on_fault(message.c_str());
    else
        fprintf(stderr, "cudahost: %s\n", message.c_str());
    abort();
}

uint64_t next_random()
{
    uint64_t &r = state().random;
    r ^= r << 13;
    r ^= r >> 7;
    r ^= r << 17;
    return r;
}

/* A step that has no factor in common with n visits each number once. */
Order::Order(uint64_t n_) : n(n_), step(1), first(0)
{
    uint64_t random = next_random();
    if (random == 0 || n < 2) return;
    first = (random >> 32) % n;
    step = 1 + (random & 0xFFFFF) % n;
    while (std::gcd(step, n) != 1)
        step++;
}

} // namespace cudahost

using namespace cudahost;

/* ---- knobs ---------------------------------------------------------------------------- */

void cudahost_seed(uint64_t seed)
{
    state().random = seed;
}

void cudahost_on_fault(void (*handler)(const char *message))
{
    state().on_fault = handler;
}

void cudahost_fail(const char *function, int after, int code)
{
    std::lock_guard<std::mutex> hold(state().lock);
    state().failures.push_back({function, after, code});
}

long cudahost_calls(const char *function)
{
    std::lock_guard<std::mutex> hold(state().lock);
    auto found = state().calls.find(function);
    return found == state().calls.end() ? 0 : found->second;
}

void cudahost_memory(size_t bytes)
{
    state().memory = bytes;
}

void cudahost_devices(int n, int driver_code)
{
    state().devices = n;
    state().driver_code = driver_code;
}

void cudahost_reset(void)
{
    {
        State fresh, &s = state();
        std::lock_guard<std::mutex> hold(s.lock);
        s.failures.clear();
        s.calls.clear();
        s.on_fault = nullptr;
        s.memory = fresh.memory;
        s.devices = fresh.devices;
        s.driver_code = fresh.driver_code;
        s.random = fresh.random;
    }
    cudahost_protect(true);
    last_error = cudaSuccess;
    device = 0;
}

/* ---- errors --------------------------------------------------------------------------- */

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError(void)
{
    return last_error;
}

const char *cudaGetErrorName(cudaError_t error)
{
#define NAME(name) \
    case name:     \
        return #name
    switch (error) {
        NAME(cudaSuccess);
        NAME(cudaErrorInvalidValue);
        NAME(cudaErrorMemoryAllocation);
        NAME(cudaErrorInitializationError);
        NAME(cudaErrorInvalidConfiguration);
        NAME(cudaErrorInvalidPitchValue);
        NAME(cudaErrorInvalidDevicePointer);
        NAME(cudaErrorInvalidMemcpyDirection);
        NAME(cudaErrorInsufficientDriver);
        NAME(cudaErrorInvalidDeviceFunction);
        NAME(cudaErrorNoDevice);
        NAME(cudaErrorInvalidDevice);
        NAME(cudaErrorNoKernelImageForDevice);
        NAME(cudaErrorInvalidResourceHandle);
        NAME(cudaErrorNotReady);
        NAME(cudaErrorIllegalAddress);
        NAME(cudaErrorLaunchOutOfResources);
        NAME(cudaErrorLaunchFailure);
        NAME(cudaErrorNotSupported);
        NAME(cudaErrorStreamCaptureUnsupported);
        NAME(cudaErrorStreamCaptureInvalidated);
        NAME(cudaErrorStreamCaptureMerge);
        NAME(cudaErrorStreamCaptureUnmatched);
        NAME(cudaErrorStreamCaptureUnjoined);
        NAME(cudaErrorCapturedEvent);
        NAME(cudaErrorUnknown);
    }
#undef NAME
    return "unrecognized error code";
}

/* The commonest in NVIDIA's words. */
const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorInvalidValue:
        return "invalid argument";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInvalidConfiguration:
        return "invalid configuration argument";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorIllegalAddress:
        return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
        return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
        return "operation not permitted when stream is capturing";
    default:
        return cudaGetErrorName(error);
    }
}

/* ---- devices -------------------------------------------------------------------------- */

/* Work is done at once, so a loss of the device is the only other way to fail. */
cudaError_t cudaDeviceSynchronize(void)
{
    CUDAHOST_RUNTIME_CALL();
    return result(forbid_in_capture());
}

cudaError_t cudaGetDeviceCount(int *count)
{
    if (count) *count = 0;
    CUDAHOST_RUNTIME_CALL();
    if (!count) return result(cudaErrorInvalidValue);
    *count = device_count();
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int number)
{
    CUDAHOST_RUNTIME_CALL();
    if (number < 0 || number >= device_count()) return result(cudaErrorInvalidDevice);
    device = number;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *number)
{
    CUDAHOST_RUNTIME_CALL();
    if (!number) return result(cudaErrorInvalidValue);
    *number = device;
    return cudaSuccess;
}

/* The least that we build for: sm_75. */
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int number)
{
    CUDAHOST_RUNTIME_CALL();
    if (!prop) return result(cudaErrorInvalidValue);
    if (number < 0 || number >= device_count()) return result(cudaErrorInvalidDevice);
    memset(prop, 0, sizeof *prop);
    snprintf(prop->name, sizeof prop->name, "cudahost");
    prop->totalGlobalMem = memory_limit();
    prop->sharedMemPerBlock = 48 << 10;
    prop->sharedMemPerBlockOptin = prop->sharedMemPerMultiprocessor = 64 << 10;
    prop->warpSize = 32;
    prop->maxThreadsPerBlock = prop->maxThreadsPerMultiProcessor = 1024;
    prop->multiProcessorCount = 4;
    prop->major = 7;
    prop->minor = 5;
    prop->l2CacheSize = 4 << 20;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int number)
{
    CUDAHOST_RUNTIME_CALL();
    if (!value) return result(cudaErrorInvalidValue);
    if (number < 0 || number >= device_count()) return result(cudaErrorInvalidDevice);
    switch (attr) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        return *value = 1024, cudaSuccess;
    case cudaDevAttrMaxGridDimX:
        return *value = 0x7FFFFFFF, cudaSuccess;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
        return *value = 65535, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        return *value = 48 << 10, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        return *value = 64 << 10, cudaSuccess;
    case cudaDevAttrWarpSize:
        return *value = 32, cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
        return *value = 4, cudaSuccess;
    case cudaDevAttrL2CacheSize:
        return *value = 4 << 20, cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
        return *value = 7, cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
        return *value = 5, cudaSuccess;
    }
    return result(cudaErrorInvalidValue);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    if (!version) return result(cudaErrorInvalidValue);
    *version = state().driver_code == cudaErrorInsufficientDriver ? 0 : CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    if (!version) return result(cudaErrorInvalidValue);
    *version = CUDART_VERSION;
    return cudaSuccess;
}
