/* Grouped convolution for training: a group's channels are laid out one time step behind the
 * other, so that the window under the kernel is one run of memory; windows of some rows at a time
 * are gathered and multiplied. */
#include <omp.h>
#include <string.h>

#include "lib/compute/cpu/parallel.h"
#include "lib/compute/training.h"

#define TILE 64 /* output rows gathered at a time: small enough for the second-level cache */

/* One group's share of the work. */
typedef struct group_job {
    syl_ctx *ctx;
    syl_conv_shape shape;
    syl_dtype compute;
    int in, out; /* channels of one group */
    int number;
    syl_mat x, y; /* what the windows slide over, and what has a row for each window */
    float *w;     /* [out][in][kernel] of this group; the gradient in weight_job */
    bool accumulate;
} group_job;

/* Channels [at, at + n) of x with `before` zero rows in front and enough behind for `rows` windows,
 * in the dtype of products. */
static syl_status slide(const group_job *j, syl_mat x, int at, int n, int64_t before, int64_t rows,
                        syl_mat *out, syl_error *err)
{
    int64_t total = rows + j->shape.kernel - 1;
    if (total < before + x.rows) total = before + x.rows;
    SYL_TRY(syl_ctx_mat(j->ctx, j->compute, total, n, out, err));
    memset(out->data, 0, (size_t)(total * n) * syl_dtype_size(j->compute));
    syl_mat_copy(syl_mat_cols(x, at, n), syl_mat_rows(*out, before, x.rows));
    return SYL_OK;
}

static void gather_windows(syl_mat slid, int64_t first, syl_mat windows)
{
    size_t bytes = (size_t)windows.cols * syl_dtype_size(windows.dtype);
    for (int64_t t = 0; t < windows.rows; t++)
        memcpy(syl_mat_rows(windows, t, 1).data, syl_mat_rows(slid, first + t, 1).data, bytes);
}

/* [out][in][kernel] to [out][kernel][in]; or, to slide over the output, [in][kernel reversed][out].
 */
static void arrange(const group_job *j, bool reversed, float *to)
{
    int64_t taps = j->shape.kernel, in = j->in, out = j->out;
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++)
            for (int64_t k = 0; k < taps; k++) {
                float value = j->w[(o * in + i) * taps + k];
                if (reversed)
                    to[(i * taps + taps - 1 - k) * out + o] = value;
                else
                    to[(o * taps + k) * in + i] = value;
            }
}

static syl_status arranged(const group_job *j, bool reversed, syl_mat *out, syl_error *err)
{
    int64_t rows = reversed ? j->in : j->out, cols = (reversed ? j->out : j->in);
    syl_mat w;
    SYL_TRY(syl_ctx_mat(j->ctx, SYL_F32, rows, cols * j->shape.kernel, &w, err));
    arrange(j, reversed, w.data);
    *out = w;
    if (j->compute == SYL_F32) return SYL_OK;
    SYL_TRY(syl_ctx_mat(j->ctx, j->compute, w.rows, w.cols, out, err));
    syl_mat_copy(w, *out);
    return SYL_OK;
}

/* y = windows of slid times w^T, tile by tile. */
static syl_status multiply_windows(const group_job *j, syl_mat slid, syl_mat w, syl_mat y,
                                   syl_error *err)
{
    syl_mat windows;
    SYL_TRY(syl_ctx_mat(j->ctx, j->compute, TILE, w.cols, &windows, err));
    for (int64_t t = 0; t < y.rows; t += TILE) {
        int64_t n = y.rows - t < TILE ? y.rows - t : TILE;
        syl_mat some = syl_mat_rows(windows, 0, n);
        gather_windows(slid, t, some);
        SYL_TRY(
            syl_product(j->ctx, some, false, w, true, j->accumulate, syl_mat_rows(y, t, n), err));
    }
    return SYL_OK;
}

static syl_status forward_job(const group_job *j, syl_error *err)
{
    syl_mat slid, w;
    SYL_TRY(slide(j, j->x, j->number * j->in, j->in, j->shape.pad, j->y.rows, &slid, err));
    SYL_TRY(arranged(j, false, &w, err));
    return multiply_windows(j, slid, w, syl_mat_cols(j->y, j->number * j->out, j->out), err);
}

/* The gradient of the input is the convolution of that of the output with the taps reversed. */
static syl_status input_job(const group_job *j, syl_error *err)
{
    syl_mat slid, w;
    SYL_TRY(slide(j, j->y, j->number * j->out, j->out, j->shape.kernel - 1 - j->shape.pad,
                  j->x.rows, &slid, err));
    SYL_TRY(arranged(j, true, &w, err));
    return multiply_windows(j, slid, w, syl_mat_cols(j->x, j->number * j->in, j->in), err);
}

static void add_arranged(const group_job *j, syl_mat dw)
{
    int64_t taps = j->shape.kernel;
    for (int64_t o = 0; o < j->out; o++)
        for (int64_t i = 0; i < j->in; i++)
            for (int64_t k = 0; k < taps; k++)
                j->w[(o * j->in + i) * taps + k] += syl_row(dw, o)[k * j->in + i];
}

static syl_status weight_job(const group_job *j, syl_error *err)
{
    syl_mat slid, windows, dy, dw, half;
    SYL_TRY(slide(j, j->x, j->number * j->in, j->in, j->shape.pad, j->y.rows, &slid, err));
    SYL_TRY(syl_ctx_mat(j->ctx, j->compute, TILE, (int64_t)j->shape.kernel * j->in, &windows, err));
    SYL_TRY(syl_ctx_mat(j->ctx, SYL_F32, j->out, windows.cols, &dw, err));
    SYL_TRY(syl_ctx_mat(j->ctx, j->compute, TILE, j->out, &half, err));
    for (int64_t t = 0; t < j->y.rows; t += TILE) {
        int64_t n = j->y.rows - t < TILE ? j->y.rows - t : TILE;
        syl_mat some = syl_mat_rows(windows, 0, n);
        gather_windows(slid, t, some);
        dy = syl_mat_rows(half, 0, n);
        syl_mat_copy(syl_mat_cols(syl_mat_rows(j->y, t, n), j->number * j->out, j->out), dy);
        SYL_TRY(syl_product(j->ctx, dy, true, some, false, t > 0, dw, err));
    }
    add_arranged(j, dw);
    return SYL_OK;
}

/* Groups are shared out to the threads; each writes columns or weights of its own. */
static syl_status run_groups(syl_ctx *ctx, group_job job,
                             syl_status (*run)(const group_job *, syl_error *), syl_error *err)
{
    syl_ctx **worker;
    syl_status result = SYL_OK;
    float *w = job.w;
    SYL_TRY(syl_ctx_workers(ctx, &worker, err));
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int g = 0; g < job.shape.groups; g++) {
        syl_error own = {.status = SYL_OK};
        group_job j = job;
        j.ctx = worker[omp_get_thread_num()];
        j.number = g;
        j.w = w + (int64_t)g * j.out * j.in * j.shape.kernel;
        size_t mark = syl_ctx_mark(j.ctx);
        syl_status status = run(&j, &own);
        syl_ctx_release(j.ctx, mark);
        if (status == SYL_OK) continue;
#pragma omp critical
        {
            result = status;
            if (err) *err = own;
        }
    }
    return result;
}

static group_job job_of(syl_conv_shape s, syl_dtype compute, syl_mat x, syl_mat y, float *w)
{
    return (group_job){.shape = s,
                       .compute = compute,
                       .in = s.c_in / s.groups,
                       .out = s.c_out / s.groups,
                       .x = x,
                       .y = y,
                       .w = w};
}

syl_status syl_cpu_grouped_conv(syl_ctx *ctx, syl_conv_shape shape, syl_dtype compute, syl_mat x,
                                syl_mat w, syl_mat y, syl_error *err)
{
    return run_groups(ctx, job_of(shape, compute, x, y, w.data), forward_job, err);
}

syl_status syl_cpu_grouped_conv_input_gradient(syl_ctx *ctx, syl_conv_shape shape,
                                               syl_dtype compute, syl_mat dy, syl_mat w,
                                               bool accumulate, syl_mat dx, syl_error *err)
{
    group_job job = job_of(shape, compute, dx, dy, w.data);
    job.accumulate = accumulate;
    return run_groups(ctx, job, input_job, err);
}

syl_status syl_cpu_grouped_conv_weight_gradient(syl_ctx *ctx, syl_conv_shape shape,
                                                syl_dtype compute, syl_mat x, syl_mat dy,
                                                syl_mat dw, syl_error *err)
{
    return run_groups(ctx, job_of(shape, compute, x, dy, dw.data), weight_job, err);
}
