/* Arithmetic of integers. */
#include "tests/ptx/alu.h"

typedef __int128 wide_signed;
typedef unsigned __int128 wide_unsigned;

/* The low bits of these depend on the low bits of their operands alone: one for all widths. */
PTX_ALU(add, a + b)
PTX_ALU(sub, a - b)
PTX_ALU(mul_lo, a *b)
PTX_ALU(mad_lo, a *b + c)
PTX_ALU(negate, -a)

/* What depends on width and sign. */
#define WIDE(n, T)                                      \
    PTX_ALU(mul_wide_##n, (int64_t)(T)a *(int64_t)(T)b) \
    PTX_ALU(mad_wide_##n, (uint64_t)((int64_t)(T)a * (int64_t)(T)b) + c)
#define PRODUCTS(n, T, W, bits)                        \
    PTX_ALU(mul_hi_##n, ((W)(T)a * (W)(T)b) >> (bits)) \
    PTX_ALU(mad_hi_##n, (uint64_t)(((W)(T)a * (W)(T)b) >> (bits)) + c)
/* Nothing divided by zero gives ones, as on GPUs. */
#define UNSIGNED(n, T, bits)                                             \
    PRODUCTS(n, T, wide_unsigned, bits)                                  \
    PTX_ALU(div_##n, (T)b == 0 ? ~UINT64_C(0) : (uint64_t)((T)a / (T)b)) \
    PTX_ALU(rem_##n, (T)b == 0 ? a : (uint64_t)((T)a % (T)b))            \
    PTX_ALU(min_##n, (T)a < (T)b ? (T)a : (T)b)                          \
    PTX_ALU(max_##n, (T)a > (T)b ? (T)a : (T)b)                          \
    PTX_ALU(shr_##n, (uint32_t)b < (bits) ? (T)a >> (uint32_t)b : 0)     \
    PTX_ALU(sad_##n, (uint64_t)((T)a < (T)b ? (T)b - (T)a : (T)a - (T)b) + c)
/* By -1 apart: the lowest value has no opposite in its type. */
#define SIGNED(n, T, bits)                                                                 \
    PRODUCTS(n, T, wide_signed, bits)                                                      \
    PTX_ALU(div_##n, (T)b == 0 ? ~UINT64_C(0) : (T)b == -1 ? -a : (uint64_t)((T)a / (T)b)) \
    PTX_ALU(rem_##n, (T)b == 0 ? a : (T)b == -1 ? 0 : (uint64_t)((T)a % (T)b))             \
    PTX_ALU(min_##n, (T)a < (T)b ? (T)a : (T)b)                                            \
    PTX_ALU(max_##n, (T)a > (T)b ? (T)a : (T)b)                                            \
    PTX_ALU(abs_##n, (T)a < 0 ? -a : a)                                                    \
    PTX_ALU(shr_##n, (T)a >> ((uint32_t)b < (bits) ? (uint32_t)b : (bits)-1))              \
    PTX_ALU(sad_##n, ((T)a < (T)b ? b - a : a - b) + c)

UNSIGNED(u16, uint16_t, 16)
UNSIGNED(u32, uint32_t, 32)
UNSIGNED(u64, uint64_t, 64)
SIGNED(s16, int16_t, 16)
SIGNED(s32, int32_t, 32)
SIGNED(s64, int64_t, 64)
WIDE(u16, uint16_t)
WIDE(s16, int16_t)
WIDE(s32, int32_t)
PTX_ALU(mul_wide_u32, (uint64_t)(uint32_t)a *(uint32_t)b)
PTX_ALU(mad_wide_u32, (uint64_t)(uint32_t)a *(uint32_t)b + c)

static uint64_t dot4(uint64_t a, uint64_t b, bool a_signed, bool b_signed)
{
    int32_t sum = 0;

    for (int i = 0; i < 32; i += 8) {
        int32_t x = a_signed ? (int8_t)(a >> i) : (uint8_t)(a >> i);
        int32_t y = b_signed ? (int8_t)(b >> i) : (uint8_t)(b >> i);

        sum += x * y;
    }
    return (uint64_t)(int64_t)sum;
}

PTX_ALU(dp4a_ss, dot4(a, b, true, true) + c)
PTX_ALU(dp4a_su, dot4(a, b, true, false) + c)
PTX_ALU(dp4a_us, dot4(a, b, false, true) + c)
PTX_ALU(dp4a_uu, dot4(a, b, false, false) + c)

#define SAME(n)                                                                      \
    {"add." #n, add, 2}, {"sub." #n, sub, 2}, {"mul.lo." #n, mul_lo, 2},             \
        {"mad.lo." #n, mad_lo, 3}, {"div." #n, div_##n, 2}, {"rem." #n, rem_##n, 2}, \
        {"min." #n, min_##n, 2}, {"max." #n, max_##n, 2}, {"shr." #n, shr_##n, 2},   \
        {"mul.hi." #n, mul_hi_##n, 2}, {"mad.hi." #n, mad_hi_##n, 3},                \
    {                                                                                \
        "sad." #n, sad_##n, 3                                                        \
    }
#define WIDENS(n)                       \
    {"mul.wide." #n, mul_wide_##n, 2},  \
    {                                   \
        "mad.wide." #n, mad_wide_##n, 3 \
    }
#define SIGNS(n)             \
    {"abs." #n, abs_##n, 1}, \
    {                        \
        "neg." #n, negate, 1 \
    }

const ptx_alu_entry ptx_integer_alu[] = {
    SAME(u16),
    SAME(u32),
    SAME(u64),
    SAME(s16),
    SAME(s32),
    SAME(s64),
    WIDENS(u16),
    WIDENS(u32),
    WIDENS(s16),
    WIDENS(s32),
    SIGNS(s16),
    SIGNS(s32),
    SIGNS(s64),
    {"shr.b16", shr_u16, 2},
    {"shr.b32", shr_u32, 2},
    {"shr.b64", shr_u64, 2},
    {"dp4a.s32.s32", dp4a_ss, 3},
    {"dp4a.s32.u32", dp4a_su, 3},
    {"dp4a.u32.s32", dp4a_us, 3},
    {"dp4a.u32.u32", dp4a_uu, 3},
    {NULL, NULL, 0},
};
