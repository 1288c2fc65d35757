#include "tests/cuda/twin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/compute/backend.h"

#define MAX_TWINS 4096

syl_error twin_error;
syl_device *twin_device;
syl_ctx *twin_ctx[2];

static syl_random dice = {.seed = 7};
static twin all[MAX_TWINS];
static int num_all;
static struct {
    char what[64];
    double worst;
} seen[256];
static int num_seen;

#ifdef CUDAHOST
const syl_backend *sylkit_backend(void);

syl_status twin_open(syl_device **out, const char *options, syl_error *err)
{
    return sylkit_backend()->device_open(out, 0, options, err);
}
#else
syl_status twin_open(syl_device **out, const char *options, syl_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "cuda%s%s", *options ? "+" : "", options);
    return syl_device_open(out, name, err);
}
#endif

int twin_start(void **state)
{
    syl_error err;
    (void)state;
    if (twin_open(&twin_device, "", &err) != SYL_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(77);
    }
    fprintf(stderr, "on %s\n", syl_device_name(twin_device));
    OK(syl_ctx_create(&twin_ctx[0], 2, &twin_error));
    OK(syl_ctx_create_on(&twin_ctx[1], twin_device, 2, &twin_error));
    return 0;
}

int twin_stop(void **state)
{
    (void)state;
    EACH (i)
        syl_ctx_free(twin_ctx[i]);
    syl_device_close(twin_device);
    for (int i = 0; i < num_seen; i++)
        fprintf(stderr, "%-44s worst %.2g\n", seen[i].what, seen[i].worst);
    return 0;
}

static size_t bytes_of(syl_mat m)
{
    return (size_t)(m.rows * m.stride) * syl_dtype_size(m.dtype);
}

static twin blank(syl_dtype dtype, int64_t rows, int64_t cols, int64_t gap)
{
    twin t;
    EACH (i) {
        t.m[i] = syl_mat_of(NULL, dtype, rows, cols + gap);
        OK(syl_device_alloc(i ? twin_device : NULL, bytes_of(t.m[i]), &t.m[i].data, &twin_error));
        t.m[i].cols = cols;
    }
    assert_true(num_all < MAX_TWINS);
    all[num_all++] = t;
    return t;
}

void twin_push(twin t)
{
    OK(syl_device_put(twin_device, t.m[0].data, t.m[1].data, bytes_of(t.m[0]), &twin_error));
}

twin twin_zeros(syl_dtype dtype, int64_t rows, int64_t cols, int64_t gap)
{
    return blank(dtype, rows, cols, gap);
}

twin twin_of(syl_dtype dtype, int64_t rows, int64_t cols, int64_t gap)
{
    twin t = blank(dtype, rows, cols, gap);
    int64_t n = rows * (cols + gap);
    float *values = calloc((size_t)n + 1, sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = syl_random_normal(&dice);
    syl_mat_copy(syl_mat_of(values, SYL_F32, 1, n), syl_mat_of(t.m[0].data, dtype, 1, n));
    free(values);
    twin_push(t);
    return t;
}

void twin_free_all(void)
{
    while (num_all > 0) {
        num_all--;
        EACH (i)
            syl_device_release(i ? twin_device : NULL, all[num_all].m[i].data);
    }
}

static void note(const char *what, double error)
{
    int i = 0;
    while (i < num_seen && strcmp(seen[i].what, what))
        i++;
    if (i == num_seen && num_seen < 256)
        snprintf(seen[num_seen++].what, sizeof seen[0].what, "%s", what);
    if (i < 256 && error > seen[i].worst) seen[i].worst = error;
}

void twin_near(const char *what, double a, double b, double tolerance)
{
    double error = fabs(a - b) / (1 + fabs(a));
    note(what, error);
    if (!(error <= tolerance)) fail_msg("%s: %.9g on the CPU, %.9g here", what, a, b);
}

void twin_same(const char *what, twin t, double tolerance)
{
    syl_error err;
    int64_t n = t.m[0].rows * t.m[0].stride;
    syl_mat got = {calloc((size_t)n + 1, 4), t.m[0].dtype, 1, n, n};
    syl_mat a = {calloc((size_t)n + 1, 4), SYL_F32, 1, n, n}, b = a;
    b.data = calloc((size_t)n + 1, 4);
    if (syl_ctx_wait(twin_ctx[1], &err) != SYL_OK) fail_msg("%s: %s", what, err.message);
    OK(syl_device_get(twin_device, t.m[1].data, got.data, bytes_of(t.m[1]), &twin_error));
    syl_mat_copy(syl_mat_of(t.m[0].data, got.dtype, 1, n), a);
    syl_mat_copy(got, b);
    for (int64_t i = 0; i < n; i++)
        twin_near(what, ((float *)a.data)[i], ((float *)b.data)[i], tolerance);
    free(got.data);
    free(a.data);
    free(b.data);
}

float *twin_row(twin t, int i)
{
    return t.m[i].data;
}
