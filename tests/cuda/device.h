/* For tests of kernels: matrices on the host and copies of them on the device, compared as a
 * whole, with what lies between the rows. A test gives both backends the same start, so whatever
 * they were not to touch must be equal bit by bit.
 *
 * Only cudaMalloc, cudaMemcpy, cudaFree and cudaDeviceSynchronize: the same tests run on a GPU, on
 * the host (tests/cudahost/) and in the PTX interpreter (tests/ptx/). */
#ifndef SYL_TESTS_CUDA_DEVICE_H
#define SYL_TESTS_CUDA_DEVICE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/bf16.h"
#include "lib/base/random.h"
#include "lib/compute/cuda/kernels.h"

#define TOLERANCE 2e-5      /* of |difference| / (1 + |expected|) */
#define TOLERANCE_BF16 1e-2 /* one step of bf16 where the float was about half-way */
#define EXACT 0.0
#define MAX_HELD 4096

static syl_ctx *ctx; /* the CPU's, the reference */
static syl_random dice = {.seed = 1};
static double worst; /* difference of all comparisons to TOLERANCE */
static void *host_held[MAX_HELD], *device_held[MAX_HELD];
static int host_count, device_count;

#define LAUNCHED(call) assert_int_equal(call, cudaSuccess)
#define EACH(type, name, ...)                                                          \
    for (const type *name = (const type[]){__VA_ARGS__},                               \
                    *name##_end = name + sizeof((type[]){__VA_ARGS__}) / sizeof(type); \
         name < name##_end; name++)

static inline size_t room(syl_mat m)
{
    return (size_t)(m.rows * m.stride) * (m.dtype == SYL_F32 ? 4 : 2);
}

static inline void *host_room(size_t bytes)
{
    assert_true(host_count < MAX_HELD);
    return host_held[host_count++] = calloc(bytes + 1, 1);
}

static inline void *device_room(size_t bytes)
{
    void *p;
    assert_true(device_count < MAX_HELD);
    assert_int_equal(cudaMalloc(&p, bytes ? bytes : 1), cudaSuccess);
    return device_held[device_count++] = p;
}

/* Everything of the tests so far. */
static inline void let_go(void)
{
    while (host_count)
        free(host_held[--host_count]);
    while (device_count)
        cudaFree(device_held[--device_count]);
}

static inline int after_each(void **state)
{
    (void)state;
    let_go();
    return 0;
}

static inline float value_at(syl_mat m, int64_t i)
{
    return m.dtype == SYL_F32 ? ((float *)m.data)[i] : syl_bf16_to_f32(((uint16_t *)m.data)[i]);
}

/* Normal values, between the rows too, with `gap` elements there. */
static inline syl_mat draw(syl_dtype dtype, int64_t rows, int64_t cols, int64_t gap)
{
    syl_mat m = {NULL, dtype, rows, cols, cols + gap};
    m.data = host_room(room(m));
    for (int64_t i = 0; i < rows * m.stride; i++) {
        float v = syl_random_normal(&dice);
        if (dtype == SYL_F32)
            ((float *)m.data)[i] = v;
        else
            ((uint16_t *)m.data)[i] = syl_f32_to_bf16(v);
    }
    return m;
}

static inline float *draw_array(int64_t n)
{
    return (float *)draw(SYL_F32, 1, n, 0).data;
}

/* A copy on the device, `shift` elements away from an aligned address. */
static inline syl_mat device_shifted(syl_mat m, int shift)
{
    size_t lead = (size_t)shift * (m.dtype == SYL_F32 ? 4 : 2);
    char *p = (char *)device_room(lead + room(m)) + lead;
    if (room(m)) assert_int_equal(cudaMemcpy(p, m.data, room(m), cudaMemcpyHostToDevice), 0);
    m.data = p;
    return m;
}

static inline syl_mat device(syl_mat m)
{
    return device_shifted(m, 0);
}

static inline void *device_bytes(const void *host, size_t bytes)
{
    void *p = device_room(bytes);
    if (bytes) assert_int_equal(cudaMemcpy(p, host, bytes, cudaMemcpyHostToDevice), cudaSuccess);
    return p;
}

static inline float *device_array(const float *host, int64_t n)
{
    return (float *)device_bytes(host, (size_t)n * sizeof(float));
}

static inline void fetch(void *host, const void *from, size_t bytes)
{
    assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
    if (bytes) assert_int_equal(cudaMemcpy(host, from, bytes, cudaMemcpyDeviceToHost), cudaSuccess);
}

static inline void same_value(double expected, double got, double tolerance)
{
    double difference = fabs(got - expected) / (1 + fabs(expected));
    if (isnan(expected) && isnan(got)) return;
    if (!(difference <= tolerance)) fail_msg("expected %.9g, got %.9g", expected, got);
    if (tolerance <= TOLERANCE && difference > worst) worst = difference;
}

/* The device's matrix is the host's; EXACT: bit by bit. */
static inline void same(syl_mat expected, syl_mat on_device, double tolerance)
{
    size_t size = expected.dtype == SYL_F32 ? 4 : 2;
    syl_mat got = expected;
    got.data = host_room(room(expected));
    fetch(got.data, on_device.data, room(expected));
    for (int64_t i = 0; i < expected.rows * expected.stride; i++) {
        if (i % expected.stride < expected.cols && tolerance > 0)
            same_value(value_at(expected, i), value_at(got, i), tolerance);
        else if (memcmp((char *)expected.data + i * size, (char *)got.data + i * size, size))
            fail_msg("row %lld, column %lld: expected %.9g, got %.9g bit by bit",
                     (long long)(i / expected.stride), (long long)(i % expected.stride),
                     value_at(expected, i), value_at(got, i));
    }
}

static inline void same_array(const float *expected, const float *on_device, int64_t n,
                              double tolerance)
{
    same(syl_mat_of((void *)expected, SYL_F32, 1, n), syl_mat_of((void *)on_device, SYL_F32, 1, n),
         tolerance);
}

/* m, in the dtype that the CPU's operation takes. */
static inline syl_mat in_f32(syl_mat m)
{
    syl_mat copy = draw(SYL_F32, m.rows, m.cols, 0);
    syl_mat_copy(m, copy);
    return copy;
}

/* A copy of the host's matrix, with what lies between its rows. */
static inline syl_mat twin(syl_mat m)
{
    void *data = host_room(room(m));
    memcpy(data, m.data, room(m));
    m.data = data;
    return m;
}

/* Rows, columns, gap: no rows, odd, whole vectors of four with gaps that keep or break their
 * alignment, and rows of more than 1024 columns, at which blocks work instead of warps. Few and
 * small, as the interpreter is slow. */
static inline void each_shape(void (*check)(int64_t rows, int64_t cols, int64_t gap))
{
    static const int shapes[][3] = {
        {0, 5, 0},   {0, 64, 4},  {1, 1, 0},   {1, 33, 0},   {2, 2, 3},    {3, 31, 0},  {3, 4, 4},
        {3, 64, 0},  {2, 64, 3},  {2, 64, 4},  {33, 3, 1},   {33, 65, 0},  {31, 33, 2}, {65, 5, 3},
        {9, 132, 4}, {3, 129, 3}, {129, 1, 2}, {1, 1028, 0}, {2, 1030, 2},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check(shapes[i][0], shapes[i][1], shapes[i][2]);
        let_go();
    }
}

static inline int run_device_tests(const char *name, const struct CMUnitTest *tests, size_t n)
{
    int devices = 0, failed = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return 77;
    if (syl_ctx_create(&ctx, 1, NULL) != SYL_OK) return 1;
    failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    printf("%s: largest difference %.2e\n", name, worst);
    syl_ctx_free(ctx);
    return failed;
}

#endif
