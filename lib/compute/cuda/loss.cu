/* Losses with their gradients, a team a row. Gradients may overwrite what they are of: every pass
 * but the last only reads, and a reduction lies between. */
#include "lib/compute/cuda/device.cuh"

__global__ void squared_error_kernel(int64_t rows, int64_t cols, const float *x, int64_t x_stride,
                                     const float *target, int64_t t_stride, float scale, float *dx,
                                     int64_t dx_stride, double *row_loss)
{
    SYL_TEAM_ROWS (r, rows) {
        float sum = 0;
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x) {
            float d = x[r * x_stride + c] - target[r * t_stride + c];
            sum += d * d;
            dx[r * dx_stride + c] = 2 * scale * d;
        }
        sum = syl_team_sum(sum);
        if (threadIdx.x == 0) row_loss[r] = sum;
    }
}

cudaError_t syl_cuda_squared_error(cudaStream_t stream, syl_mat x, syl_mat target, float scale,
                                   syl_mat dx, double *row_loss)
{
    if (x.rows <= 0) return cudaSuccess;
    syl_launch_shape s = syl_teams(x.rows, x.cols);
    return SYL_LAUNCH(squared_error_kernel, s.grid, s.block, 0, stream, x.rows, x.cols,
                      (const float *)x.data, x.stride, (const float *)target.data, target.stride,
                      scale, (float *)dx.data, dx.stride, row_loss);
}

/* ---- cross-entropy ------------------------------------------------------------------------- */

__global__ void cross_entropy_kernel(int64_t rows, int64_t cols, const float *logits,
                                     int64_t stride, const int32_t *target, float scale, float *d,
                                     int64_t d_stride, double *row_loss)
{
    SYL_TEAM_ROWS (r, rows) {
        const float *s = logits + r * stride;
        float *to = d + r * d_stride, top = -INFINITY, sum = 0;
        int32_t right = target[r];
        if (right < 0) { /* left out; the whole team takes this way */
            for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
                to[c] = 0;
            if (threadIdx.x == 0) row_loss[r] = 0;
            continue;
        }
        float at = s[right]; /* before anybody writes */
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            top = fmaxf(top, s[c]);
        top = syl_team_max(top);
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            sum += expf(s[c] - top);
        sum = syl_team_sum(sum);
        float by = scale / sum;
        for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
            to[c] = expf(s[c] - top) * by - (c == right ? scale : 0);
        if (threadIdx.x == 0) row_loss[r] = logf(sum) + top - at;
    }
}

cudaError_t syl_cuda_cross_entropy(cudaStream_t stream, syl_mat logits, const int32_t *target,
                                   float scale, syl_mat dlogits, double *row_loss)
{
    if (logits.rows <= 0) return cudaSuccess;
    syl_launch_shape s = syl_teams(logits.rows, logits.cols);
    return SYL_LAUNCH(cross_entropy_kernel, s.grid, s.block, 0, stream, logits.rows, logits.cols,
                      (const float *)logits.data, logits.stride, target, scale,
                      (float *)dlogits.data, dlogits.stride, row_loss);
}

/* ---- cosine -------------------------------------------------------------------------------- */

typedef struct cosine {
    int64_t rows, cols, x_stride, y_stride, dx_stride, dy_stride;
    float eps, scale;
} cosine;

/* A norm below eps stands as eps and has no slope, as in torch's cosine_similarity. */
__global__ void cosine_error_kernel(cosine p, const float *x, const float *y, float *dx, float *dy,
                                    double *row_loss)
{
    SYL_TEAM_ROWS (r, p.rows) {
        const float *u = x + r * p.x_stride, *v = y + r * p.y_stride;
        float uu = 0, vv = 0, uv = 0;
        for (int64_t c = threadIdx.x; c < p.cols; c += blockDim.x) {
            uu += u[c] * u[c];
            vv += v[c] * v[c];
            uv += u[c] * v[c];
        }
        uu = syl_team_sum(uu), vv = syl_team_sum(vv), uv = syl_team_sum(uv);
        float a = sqrtf(uu), b = sqrtf(vv);
        float inverse = 1.0f / ((a > p.eps ? a : p.eps) * (b > p.eps ? b : p.eps));
        float cos = uv * inverse;
        float along_u = a > p.eps ? cos / uu : 0, along_v = b > p.eps ? cos / vv : 0;
        for (int64_t c = threadIdx.x; c < p.cols; c += blockDim.x) {
            float s = u[c], t = v[c];
            dx[r * p.dx_stride + c] = -p.scale * (t * inverse - along_u * s);
            dy[r * p.dy_stride + c] = -p.scale * (s * inverse - along_v * t);
        }
        if (threadIdx.x == 0) row_loss[r] = 1.0f - cos;
    }
}

cudaError_t syl_cuda_cosine_error(cudaStream_t stream, syl_mat x, syl_mat target, float eps,
                                  float scale, syl_mat dx, syl_mat dtarget, double *row_loss)
{
    if (x.rows <= 0) return cudaSuccess;
    cosine p = {x.rows, x.cols, x.stride, target.stride, dx.stride, dtarget.stride, eps, scale};
    syl_launch_shape s = syl_teams(x.rows, x.cols);
    return SYL_LAUNCH(cosine_error_kernel, s.grid, s.block, 0, stream, p, (const float *)x.data,
                      (const float *)target.data, (float *)dx.data, (float *)dtarget.data,
                      row_loss);
}

/* ---- sampled softmax (Jean et al. 2015) ---------------------------------------------------- */

__global__ void sampled_correction_kernel(int64_t rows, int64_t cols, const int32_t *target,
                                          const int32_t *sampled, const float *log_q_target,
                                          const float *log_q_sampled, float *logits, int64_t stride)
{
    SYL_COVER_ROWS (r, rows)
        SYL_COVER_COLS (c, cols) {
            float *at = logits + r * stride + c, v = *at;
            if (c == 0) {
                if (log_q_target) *at = v - log_q_target[r];
                continue;
            }
            if (log_q_sampled) v -= log_q_sampled[c - 1];
            *at = sampled[c - 1] == target[r] ? -1e30f : v;
        }
}

cudaError_t syl_cuda_sampled_correction(cudaStream_t stream, const int32_t *target,
                                        const int32_t *sampled, const float *log_q_target,
                                        const float *log_q_sampled, syl_mat logits)
{
    if (syl_empty(logits)) return cudaSuccess;
    syl_launch_shape s = syl_cover(logits.rows, logits.cols);
    return SYL_LAUNCH(sampled_correction_kernel, s.grid, s.block, 0, stream, logits.rows,
                      logits.cols, target, sampled, log_q_target, log_q_sampled,
                      (float *)logits.data, logits.stride);
}
