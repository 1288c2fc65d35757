/* Rotary positions (Su et al. 2021): pairs of columns turned by angles of a table. */
#include "lib/compute/cpu/parallel.h"

/* turns: cosine, sine of each pair; sign -1 turns back. */
SYL_CLONES static void rotate_adjacent(const float *turns, float sign, float *x, int64_t pairs)
{
    for (int64_t i = 0; i < pairs; i++) {
        float a = x[2 * i], b = x[2 * i + 1], c = turns[2 * i], s = sign * turns[2 * i + 1];
        x[2 * i] = a * c - b * s;
        x[2 * i + 1] = a * s + b * c;
    }
}

SYL_CLONES static void rotate_halves(const float *turns, float sign, float *x, int64_t pairs)
{
    for (int64_t i = 0; i < pairs; i++) {
        float a = x[i], b = x[i + pairs], c = turns[2 * i], s = sign * turns[2 * i + 1];
        x[i] = a * c - b * s;
        x[i + pairs] = a * s + b * c;
    }
}

void syl_cpu_rotate(syl_ctx *ctx, syl_mat turns, const int32_t *position, bool adjacent, bool back,
                    syl_mat x)
{
    void (*rotate)(const float *, float, float *, int64_t) =
        adjacent ? rotate_adjacent : rotate_halves;
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) if (syl_worth_threads(x))
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t at = 0; at < x.cols; at += turns.cols)
            rotate(syl_row(turns, position[t]), back ? -1.0f : 1.0f, syl_row(x, t) + at,
                   turns.cols / 2);
}
