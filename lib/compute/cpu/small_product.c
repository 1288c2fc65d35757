#include "lib/compute/cpu/small_product.h"

#include "lib/base/clones.h"

#define LANES SYL_SMALL_LANES

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

typedef struct operands {
    const float *a, *b;
    int64_t a_row, a_col, b_row, k;
    float *c;
    int64_t c_row;
    bool accumulate;
} operands;

/* c := (+=) the first n of sum. */
static void store_some(const float *sum, bool accumulate, float *c, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        c[j] = accumulate ? c[j] + sum[j] : sum[j];
}

/* One row and one vector of c := (+=) sum. */
#define STORE(r, v, sum)                                                    \
    do {                                                                    \
        float *to_ = o->c + (i + (r)) * o->c_row + j + (v)*LANES;           \
        if (n < ((v) + 1) * LANES)                                          \
            store_some((float *)&(sum), o->accumulate, to_, n - (v)*LANES); \
        else if (o->accumulate)                                             \
            *(lanes *)to_ += (sum);                                         \
        else                                                                \
            *(lanes *)to_ = (sum);                                          \
    } while (0)

/* Four rows and up to two vectors of c from (i, j) on, of which n columns exist. */
SYL_INLINE void four_rows(const operands *o, int64_t i, int64_t j, int64_t n)
{
    const float *a0 = o->a + i * o->a_row, *a1 = a0 + o->a_row, *a2 = a1 + o->a_row;
    const float *a3 = a2 + o->a_row, *b = o->b + j;
    int64_t second = n > LANES ? LANES : 0;
    lanes s00 = {0}, s01 = {0}, s10 = {0}, s11 = {0}, s20 = {0}, s21 = {0}, s30 = {0}, s31 = {0};
    for (int64_t p = 0, at = 0; p < o->k; p++, at += o->a_col, b += o->b_row) {
        lanes b0 = *(const lanes *)b, b1 = *(const lanes *)(b + second);
        s00 += a0[at] * b0, s01 += a0[at] * b1;
        s10 += a1[at] * b0, s11 += a1[at] * b1;
        s20 += a2[at] * b0, s21 += a2[at] * b1;
        s30 += a3[at] * b0, s31 += a3[at] * b1;
    }
    STORE(0, 0, s00);
    STORE(0, 1, s01);
    STORE(1, 0, s10);
    STORE(1, 1, s11);
    STORE(2, 0, s20);
    STORE(2, 1, s21);
    STORE(3, 0, s30);
    STORE(3, 1, s31);
}

/* One row and one vector. */
SYL_INLINE void one_row(const operands *o, int64_t i, int64_t j, int64_t n)
{
    const float *a = o->a + i * o->a_row, *b = o->b + j;
    lanes sum = {0};
    for (int64_t p = 0; p < o->k; p++, a += o->a_col, b += o->b_row)
        sum += *a * *(const lanes *)b;
    STORE(0, 0, sum);
}

SYL_CLONES static void multiply(const operands *o, int64_t m, int64_t n)
{
    for (int64_t j = 0; j < n; j += 2 * LANES) {
        int64_t i = 0;
        for (; i + 4 <= m; i += 4)
            four_rows(o, i, j, n - j);
        for (; i < m; i++) {
            one_row(o, i, j, n - j);
            if (j + LANES < n) one_row(o, i, j + LANES, n - j - LANES);
        }
    }
}

void syl_small_product(syl_mat a, bool transposed, syl_mat b, bool accumulate, syl_mat c)
{
    operands o = {.a = a.data,
                  .b = b.data,
                  .a_row = transposed ? 1 : a.stride,
                  .a_col = transposed ? a.stride : 1,
                  .b_row = b.stride,
                  .k = b.rows,
                  .c = c.data,
                  .c_row = c.stride,
                  .accumulate = accumulate};
    multiply(&o, c.rows, c.cols);
}

void syl_small_transpose(syl_mat x, syl_mat y)
{
    const float *from = x.data;
    for (int64_t i = 0; i < y.rows; i++) {
        float *to = (float *)y.data + i * y.stride;
        for (int64_t j = 0; j < x.rows; j++)
            to[j] = from[j * x.stride + i];
        for (int64_t j = x.rows; j < y.cols; j++)
            to[j] = 0;
    }
}
