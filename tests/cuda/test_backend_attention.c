/* Attention and rotary positions on a CUDA device against the CPU's. */
#include "tests/cuda/backend_tests.h"

static void attend_shared(int64_t left, int64_t right, bool bias, syl_dtype type, float dropout,
                          int64_t group)
{
    static const int64_t begin[] = {0, 5, 5, 70, 71, 203};
    enum { HEADS = 2, D = 24, ROWS = 203 };
    const int64_t K = D / group; /* columns of keys */
    syl_ragged r = {5, begin};
    twin q = twin_of(type, ROWS, D, 3), k = twin_of(type, ROWS, K, 0),
         v = twin_of(type, ROWS, K, 1);
    twin y = twin_of(F, ROWS, D, 0), lse = twin_of(F, HEADS, ROWS, 0), dy = twin_of(F, ROWS, D, 0);
    twin dq = twin_of(F, ROWS, D, 1), dk = twin_of(F, ROWS, K, 2), dv = twin_of(F, ROWS, K, 0);
    int64_t width = bias ? left + right + 1 : 1;
    twin rel = twin_of(F, HEADS, width, 0), drel = twin_of(F, HEADS, width, 0);
    double tolerance = type == H ? ROUGH : FINE;
    syl_attention_shape shape = {
        .heads = HEADS, .left = left, .right = right, .dropout = dropout, .seed = 3, .stream = 8};
    EACH (i) {
        shape.rel_bias = bias ? twin_row(rel, i) : NULL;
        OK(syl_attention_forward(twin_ctx[i], shape, r, q.m[i], k.m[i], v.m[i], y.m[i],
                                 lse.m[i].data, &twin_error));
    }
    twin_same(type == H ? "attention_forward bf16" : "attention_forward", y, tolerance);
    twin_same(type == H ? "attention lse bf16" : "attention lse", lse, tolerance);
    EACH (i) {
        shape.rel_bias = bias ? twin_row(rel, i) : NULL;
        OK(syl_attention_backward(twin_ctx[i], shape, r, q.m[i], k.m[i], v.m[i], y.m[i],
                                  lse.m[i].data, dy.m[i], dq.m[i], dk.m[i], dv.m[i],
                                  bias ? drel.m[i].data : NULL, &twin_error));
    }
    twin_same(type == H ? "attention dq bf16" : "attention dq", dq, 4 * tolerance);
    twin_same(type == H ? "attention dk bf16" : "attention dk", dk, 4 * tolerance);
    twin_same(type == H ? "attention dv bf16" : "attention dv", dv, 4 * tolerance);
    twin_same(type == H ? "attention drel bf16" : "attention drel", drel, 4 * tolerance);
    twin_free_all();
}

static void attend(int64_t left, int64_t right, bool bias, syl_dtype type, float dropout)
{
    attend_shared(left, right, bias, type, dropout, 1);
}

void attention_for_training(void **state)
{
    (void)state;
    attend_shared(-1, 0, false, F, 0, 2);
    attend_shared(9, 4, true, H, 0.2f, 2);
    attend(-1, -1, false, F, 0);
    attend(-1, 0, false, F, 0.2f);
    attend(9, 4, true, F, 0);
    attend(9, 4, true, F, 0.2f);
    attend(-1, -1, false, H, 0);
    attend(17, 0, false, H, 0);
}

void attention_for_streams(void **state)
{
    (void)state;
    for (int bits = 0; bits < 8; bits++) {
        syl_dtype type = bits & 1 ? H : F;
        int64_t rows = bits & 2 ? 13 : 70, keys = rows + 21;
        twin q = twin_of(type, rows, 24, 3), k = twin_of(type, keys, 24, 1);
        twin v = twin_of(type, keys, 24, 1), y = twin_of(type, rows, 24, 0);
        twin rel = twin_of(F, 2, 12 + 5 + 1, 0);
        EACH (i) {
            syl_attention_mask mask = {.left = -1, .right = -1};
            if (bits & 4) mask = (syl_attention_mask){12, 5, 15, bits & 2 ? rel.m[i].data : NULL};
            OK(syl_attention(twin_ctx[i], 2, mask, q.m[i], k.m[i], v.m[i], y.m[i], &twin_error));
        }
        twin_same(type == H ? "attention bf16" : "attention", y, type == H ? ROUGH : FINE);
        twin_free_all();
    }
}

/* The next positions of a conversation: an open side, heads that share keys. */
void attention_of_a_cache(void **state)
{
    (void)state;
    for (int bits = 0; bits < 8; bits++) {
        syl_dtype type = bits & 1 ? H : F;
        int64_t rows = bits & 2 ? 1 : 70, keys = rows + 21, k_cols = bits & 4 ? 8 : 24;
        twin q = twin_of(type, rows, 24, 3), k = twin_of(type, keys, k_cols, 1);
        twin v = twin_of(type, keys, k_cols, 1), y = twin_of(type, rows, 24, 0);
        EACH (i)
            OK(syl_attention(twin_ctx[i], 6, (syl_attention_mask){-1, 0, 21, NULL}, q.m[i], k.m[i],
                             v.m[i], y.m[i], &twin_error));
        twin_same("attention of a cache", y, type == H ? ROUGH : FINE);
        assert_true(syl_ctx_flops(twin_ctx[0]) == syl_ctx_flops(twin_ctx[1]));
        twin_free_all();
    }
}

void rotary_positions(void **state)
{
    int32_t position[70];
    (void)state;
    for (size_t s = 0; s < SIZES; s++)
        for (int bits = 0; bits < 4; bits++) {
            int64_t n = sizes[s];
            twin turns = twin_of(F, 11, 6, 1), x = twin_of(F, n, 18, 1);
            twin a = twin_of(F, n, 18, 0), y = twin_of(F, n, 18, 2), da = twin_of(F, n, 18, 0);
            twin db = twin_of(F, n, 18, 1);
            for (int64_t i = 0; i < n; i++)
                position[i] = (int32_t)(i * 7 % 11);
            EACH (i) {
                syl_rotate(twin_ctx[i], turns.m[i], position, bits & 1, bits & 2, x.m[i]);
                syl_gated(twin_ctx[i], (syl_function)bits, x.m[i], a.m[i], y.m[i]);
                syl_gated_backward(twin_ctx[i], (syl_function)bits, x.m[i], a.m[i], y.m[i], s % 2,
                                   da.m[i], db.m[i]);
            }
            twin_same("rotate", x, FINE);
            twin_same("gated", y, FINE);
            twin_same("gated da", da, FINE);
            twin_same("gated db", db, FINE);
            twin_free_all();
        }
}
