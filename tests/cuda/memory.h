/* Device memory for tests of kernels, and what they compare. Failures end the test. */
#ifndef TESTS_CUDA_MEMORY_H
#define TESTS_CUDA_MEMORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cuda_runtime.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bf16.h"
#include "lib/compute/compute.h"

static inline void ok(cudaError_t e)
{
    if (e != cudaSuccess) fail_msg("CUDA: %s", cudaGetErrorString(e));
}

/* Uninitialised, or a copy of `host`. The caller frees it by release(). */
static inline void *device_bytes(const void *host, size_t bytes)
{
    void *p = NULL;
    ok(cudaMalloc(&p, bytes ? bytes : 1));
    if (host && bytes) ok(cudaMemcpy(p, host, bytes, cudaMemcpyHostToDevice));
    return p;
}

static inline void fetch(void *host, const void *device, size_t bytes)
{
    ok(cudaStreamSynchronize(0));
    if (bytes) ok(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost));
}

static inline void release(const void *p)
{
    ok(cudaFree((void *)(uintptr_t)p));
}

static inline float *device_floats(const float *host, size_t n)
{
    return device_bytes(host, n * sizeof(float));
}

static inline void *host_bytes(size_t bytes)
{
    void *p = calloc(bytes ? bytes : 1, 1);
    assert_non_null(p);
    return p;
}

/* Values in [-1, 1], the same on every machine. */
static inline float *random_floats(uint32_t seed, size_t n)
{
    float *x = host_bytes(n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return x;
}

static inline void round_to_bf16(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = syl_bf16_to_f32(syl_f32_to_bf16(x[i]));
}

static inline uint16_t *bf16_of(const float *x, size_t n)
{
    uint16_t *y = host_bytes(n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = syl_f32_to_bf16(x[i]);
    return y;
}

/* The largest difference, relative to the largest value (at least 1e-3). A NaN is infinite. */
static inline double worst_error(const float *got, const float *want, size_t n)
{
    double error = 0, size = 1e-3;
    for (size_t i = 0; i < n; i++) {
        double e = fabs((double)got[i] - (double)want[i]);
        if (isinf(want[i]) && got[i] == want[i]) continue;
        if (!(e <= error)) error = isnan(e) ? INFINITY : e;
        if (fabs((double)want[i]) > size) size = fabs((double)want[i]);
    }
    return error / size;
}

static inline void same(const char *what, const float *got, const float *want, size_t n,
                        double tolerance)
{
    double error = worst_error(got, want, n);
    if (getenv("TEST_ERRORS")) print_message("  %s: %.2g\n", what, error);
    if (!(error <= tolerance)) fail_msg("%s: error %g, more than %g", what, error, tolerance);
}

static inline void same_on_device(const char *what, const float *device, const float *want,
                                  size_t n, double tolerance)
{
    float *got = host_bytes(n * sizeof *got);
    fetch(got, device, n * sizeof *got);
    same(what, got, want, n, tolerance);
    free(got);
}

/* For main: 77, "skipped", without a device. */
static inline int no_device(void)
{
    int n = 0;
    return cudaGetDeviceCount(&n) != cudaSuccess || n < 1;
}

#endif
