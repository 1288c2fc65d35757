/* Launchers of the kernels that test the host's CUDA (kernels.cu), on the default stream or `s`. */
#ifndef CUDAHOST_KERNELS_H
#define CUDAHOST_KERNELS_H

#include <cuda_runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Right ones. */
cudaError_t block_sums(const float *x, int n, float *sums, int blocks);
cudaError_t tiled_gemm(const float *a, const float *b, float *c, int m, int n, int k);
cudaError_t shuffles(int *out);   /* [4][32] */
cudaError_t votes(unsigned *out); /* [3] */
cudaError_t histogram(const int *x, int n, int *bins, int num_bins);
cudaError_t scale(cudaStream_t s, float *x, int n, float by);
cudaError_t positions(unsigned *out, dim3 grid, dim3 block); /* +1 where each thread stands */
cudaError_t launch_with(dim3 grid, dim3 block, size_t shared_bytes);
cudaError_t raise_shared(int bytes);
cudaError_t converted(double *out, int f32); /* template kernels with static shared memory */

/* With a bug each. */
cudaError_t missing_barrier(float *out); /* [64] */
cudaError_t unwritten_shared(float *out, int is_static);
cudaError_t past_global(float *x, int at);
cudaError_t past_shared(int floats);
cudaError_t past_static_shared(int at);
cudaError_t divergent_barrier(void);
cudaError_t early_return(void);
cudaError_t divergent_shuffle(void);
cudaError_t inactive_shuffle(int *out);
cudaError_t foreign_mask(void);
cudaError_t endless_stack(int depth);

#ifdef __cplusplus
}
#endif

#endif
