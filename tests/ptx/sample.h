/* Launchers of sample.cu: each is what a backend's launcher looks like. */
#ifndef SYL_TESTS_PTX_SAMPLE_H
#define SYL_TESTS_PTX_SAMPLE_H

#include <cuda_runtime.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sample_box { /* passed by value: 48 bytes */
    const float *x;
    float *y;
    int64_t n;
    float scale[4];
    double shift;
} sample_box;

cudaError_t sample_sum(cudaStream_t stream, const float *x, int n, double *sums, int blocks);
cudaError_t sample_gemm(cudaStream_t stream, const float *a, const float *b, float *c, int m, int n,
                        int k);
cudaError_t sample_softmax(cudaStream_t stream, const float *x, const int *label, float *dx,
                           float *loss, int rows, int cols);
cudaError_t sample_histogram(cudaStream_t stream, const unsigned char *x, int n, unsigned *bins);
cudaError_t sample_box_apply(cudaStream_t stream, sample_box box);
cudaError_t sample_fill(cudaStream_t stream, float *f, double *d, int n);

#ifdef __cplusplus
}
#endif

#endif
