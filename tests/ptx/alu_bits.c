/* Logic, shifts, fields of bits. */
#include "tests/ptx/alu.h"

PTX_ALU(and_bits, a &b)
PTX_ALU(or_bits, a | b)
PTX_ALU(xor_bits, a ^ b)
PTX_ALU(not_bits, ~a)
PTX_ALU(cnot_16, (uint16_t)a == 0)
PTX_ALU(cnot_32, (uint32_t)a == 0)
PTX_ALU(cnot_64, a == 0)
PTX_ALU(shl_16, (uint32_t)b < 16 ? a << (uint32_t)b : 0)
PTX_ALU(shl_32, (uint32_t)b < 32 ? a << (uint32_t)b : 0)
PTX_ALU(shl_64, (uint32_t)b < 64 ? a << (uint32_t)b : 0)
PTX_ALU(popc_32, __builtin_popcount((uint32_t)a))
PTX_ALU(popc_64, __builtin_popcountll(a))
PTX_ALU(clz_32, (uint32_t)a ? __builtin_clz((uint32_t)a) : 32)
PTX_ALU(clz_64, a ? __builtin_clzll(a) : 64)

static uint64_t reversed(uint64_t a, int bits)
{
    uint64_t r = 0;

    for (int i = 0; i < bits; i++)
        r |= (a >> i & 1) << (bits - 1 - i);
    return r;
}
PTX_ALU(brev_32, reversed(a, 32))
PTX_ALU(brev_64, reversed(a, 64))

/* The highest bit that is not the sign's; ones where there is none. */
static uint64_t find_bit(uint64_t a, bool shift_amount)
{
    if (a == 0) return UINT32_MAX;
    return (uint64_t)(shift_amount ? __builtin_clzll(a) : 63 - __builtin_clzll(a));
}
#define UNSIGNED_OF(a, T) (uint64_t)((T)(a) < 0 ? ~(int64_t)(T)(a) : (int64_t)(T)(a))
PTX_ALU(bfind_u32, find_bit((uint32_t)a, false))
PTX_ALU(bfind_u64, find_bit(a, false))
PTX_ALU(bfind_s32, find_bit(UNSIGNED_OF(a, int32_t), false))
PTX_ALU(bfind_s64, find_bit(UNSIGNED_OF(a, int64_t), false))
PTX_ALU(bfind_shift_u32, find_bit((a & UINT32_MAX) << 32, true))
PTX_ALU(bfind_shift_u64, find_bit(a, true))
PTX_ALU(bfind_shift_s32, find_bit(UNSIGNED_OF(a, int32_t) << 32, true))
PTX_ALU(bfind_shift_s64, find_bit(UNSIGNED_OF(a, int64_t), true))

/* Bits above the field repeat its highest bit that the register has (signed) or are 0. */
static uint64_t extract(uint64_t a, uint64_t b, uint64_t c, unsigned bits, bool is_signed)
{
    unsigned position = b & 255, length = c & 255, last;
    uint64_t field = position < bits ? a >> position : 0, fill = 0;

    if (length == 0) return 0;
    last = position + length - 1 < bits ? position + length - 1 : bits - 1;
    if (is_signed && a >> last & 1) fill = ~UINT64_C(0);
    if (position + length > bits) length = position < bits ? bits - position : 0;
    if (length >= 64) return field;
    return (field & ((UINT64_C(1) << length) - 1)) | (fill << length);
}
PTX_ALU(bfe_u32, extract((uint32_t)a, b, c, 32, false))
PTX_ALU(bfe_u64, extract(a, b, c, 64, false))
PTX_ALU(bfe_s32, extract((uint32_t)a, b, c, 32, true))
PTX_ALU(bfe_s64, extract(a, b, c, 64, true))

static uint64_t insert(uint64_t a, uint64_t b, uint64_t c, uint64_t d, unsigned bits)
{
    unsigned position = c & 255, length = d & 255;
    uint64_t mask = length >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << length) - 1;

    if (position >= bits) return b;
    mask <<= position;
    return (b & ~mask) | (a << position & mask);
}
PTX_ALU(bfi_32, insert(a, b, c, d, 32))
PTX_ALU(bfi_64, insert(a, b, c, d, 64))

static uint64_t lookup3(uint64_t a, uint64_t b, uint64_t c, uint64_t table)
{
    uint64_t r = 0;

    for (int k = 0; k < 8; k++)
        if (table >> k & 1) r |= (k & 4 ? a : ~a) & (k & 2 ? b : ~b) & (k & 1 ? c : ~c);
    return r;
}
PTX_ALU(lop3, lookup3(a, b, c, d))

static uint64_t permute(uint64_t a, uint64_t b, uint64_t selector)
{
    uint64_t both = (a & UINT32_MAX) | b << 32, r = 0;

    for (int i = 0; i < 4; i++) {
        unsigned s = selector >> (4 * i) & 15;
        uint8_t byte = (uint8_t)(both >> (8 * (s & 7)));

        if (s & 8) byte = byte & 128 ? 255 : 0;
        r |= (uint64_t)byte << (8 * i);
    }
    return r;
}
PTX_ALU(prmt, permute(a, b, c))

static uint64_t funnel(uint64_t a, uint64_t b, unsigned n, bool left)
{
    uint64_t both = (a & UINT32_MAX) | b << 32;

    return left ? both << n >> 32 : both >> n;
}
#define WRAPPED(c) ((c)&31)
#define CLAMPED(c) ((uint32_t)(c) < 32 ? (uint32_t)(c) : 32)
PTX_ALU(shf_l_wrap, funnel(a, b, WRAPPED(c), true))
PTX_ALU(shf_r_wrap, funnel(a, b, WRAPPED(c), false))
PTX_ALU(shf_l_clamp, funnel(a, b, CLAMPED(c), true))
PTX_ALU(shf_r_clamp, funnel(a, b, CLAMPED(c), false))

PTX_ALU(szext_clamp_u32, extract((uint32_t)a, 0, CLAMPED(b), 32, false))
PTX_ALU(szext_clamp_s32, extract((uint32_t)a, 0, CLAMPED(b), 32, true))
PTX_ALU(szext_wrap_u32, extract((uint32_t)a, 0, WRAPPED(b), 32, false))
PTX_ALU(szext_wrap_s32, extract((uint32_t)a, 0, WRAPPED(b), 32, true))

#define LOGIC(n)                                                                \
    {"and." #n, and_bits, 2}, {"or." #n, or_bits, 2}, {"xor." #n, xor_bits, 2}, \
    {                                                                           \
        "not." #n, not_bits, 1                                                  \
    }

const ptx_alu_entry ptx_bits_alu[] = {
    LOGIC(pred),
    LOGIC(b16),
    LOGIC(b32),
    LOGIC(b64),
    {"cnot.b16", cnot_16, 1},
    {"cnot.b32", cnot_32, 1},
    {"cnot.b64", cnot_64, 1},
    {"shl.b16", shl_16, 2},
    {"shl.b32", shl_32, 2},
    {"shl.b64", shl_64, 2},
    {"popc.b32", popc_32, 1},
    {"popc.b64", popc_64, 1},
    {"clz.b32", clz_32, 1},
    {"clz.b64", clz_64, 1},
    {"brev.b32", brev_32, 1},
    {"brev.b64", brev_64, 1},
    {"bfind.u32", bfind_u32, 1},
    {"bfind.u64", bfind_u64, 1},
    {"bfind.s32", bfind_s32, 1},
    {"bfind.s64", bfind_s64, 1},
    {"bfind.shiftamt.u32", bfind_shift_u32, 1},
    {"bfind.shiftamt.u64", bfind_shift_u64, 1},
    {"bfind.shiftamt.s32", bfind_shift_s32, 1},
    {"bfind.shiftamt.s64", bfind_shift_s64, 1},
    {"bfe.u32", bfe_u32, 3},
    {"bfe.u64", bfe_u64, 3},
    {"bfe.s32", bfe_s32, 3},
    {"bfe.s64", bfe_s64, 3},
    {"bfi.b32", bfi_32, 4},
    {"bfi.b64", bfi_64, 4},
    {"lop3.b32", lop3, 4},
    {"prmt.b32", prmt, 3},
    {"shf.l.wrap.b32", shf_l_wrap, 3},
    {"shf.r.wrap.b32", shf_r_wrap, 3},
    {"shf.l.clamp.b32", shf_l_clamp, 3},
    {"shf.r.clamp.b32", shf_r_clamp, 3},
    {"szext.clamp.u32", szext_clamp_u32, 2},
    {"szext.clamp.s32", szext_clamp_s32, 2},
    {"szext.wrap.u32", szext_wrap_u32, 2},
    {"szext.wrap.s32", szext_wrap_s32, 2},
    {NULL, NULL, 0},
};
