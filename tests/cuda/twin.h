/* The same data on the CPU and on a CUDA device, so that an operation can be done on both and
 * compared. Built twice: over tests/cudahost (CUDAHOST defined), and for a real device. */
#ifndef TESTS_CUDA_TWIN_H
#define TESTS_CUDA_TWIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/compute/training.h"

#define OK(expr)                                                             \
    do {                                                                     \
        if ((expr) != SYL_OK) fail_msg("%s: %s", #expr, twin_error.message); \
    } while (0)
#define EACH(i) for (int i = 0; i < 2; i++)

extern syl_error twin_error;
extern syl_device *twin_device; /* the second one; the first is the CPU */
extern syl_ctx *twin_ctx[2];

/* [i]: on device i. Between the rows stand `gap` values that nothing may change. */
typedef struct twin {
    syl_mat m[2];
} twin;

/* Opens the device and the contexts; exits with 77 where there is no device. */
int twin_start(void **state);
int twin_stop(void **state);
syl_status twin_open(syl_device **out, const char *options, syl_error *err);

/* Normally distributed; kept until twin_free_all, which each test ends with. */
twin twin_of(syl_dtype dtype, int64_t rows, int64_t cols, int64_t gap);
twin twin_zeros(syl_dtype dtype, int64_t rows, int64_t cols, int64_t gap);
/* Values of the CPU's side to the device. */
void twin_push(twin t);
void twin_free_all(void);
/* All of both, gaps too: |a - b| <= tolerance (1 + |a|). */
void twin_same(const char *what, twin t, double tolerance);
void twin_near(const char *what, double a, double b, double tolerance);
float *twin_row(twin t, int i); /* the only row */

#endif
