/* Comparisons, and the table that all instructions are looked up in. */
#include <math.h>

#include "tests/ptx/alu.h"

#define ORDER(n, from)                                      \
    PTX_ALU(eq_##n, from(a) == from(b))                     \
    PTX_ALU(ne_##n, from(a) < from(b) || from(a) > from(b)) \
    PTX_ALU(lt_##n, from(a) < from(b))                      \
    PTX_ALU(le_##n, from(a) <= from(b))                     \
    PTX_ALU(gt_##n, from(a) > from(b))                      \
    PTX_ALU(ge_##n, from(a) >= from(b))
/* True also where one is not a number. */
#define UNORDERED(n, from)                                      \
    PTX_ALU(equ_##n, !(from(a) < from(b) || from(a) > from(b))) \
    PTX_ALU(neu_##n, !(from(a) == from(b)))                     \
    PTX_ALU(ltu_##n, !(from(a) >= from(b)))                     \
    PTX_ALU(leu_##n, !(from(a) > from(b)))                      \
    PTX_ALU(gtu_##n, !(from(a) <= from(b)))                     \
    PTX_ALU(geu_##n, !(from(a) < from(b)))                      \
    PTX_ALU(num_##n, !isunordered(from(a), from(b)))            \
    PTX_ALU(nan_##n, isunordered(from(a), from(b)) != 0)

ORDER(u16, (uint16_t))
ORDER(u32, (uint32_t))
ORDER(u64, (uint64_t))
ORDER(s16, (int16_t))
ORDER(s32, (int32_t))
ORDER(s64, (int64_t))
ORDER(f32, ptx_f32)
ORDER(f64, ptx_f64)
UNORDERED(f32, ptx_f32)
UNORDERED(f64, ptx_f64)

PTX_ALU(slct_s32, (int32_t)c >= 0 ? a : b)
PTX_ALU(slct_f32, ptx_f32(c) >= 0 ? a : b)

#define ORDERS(n)                                                                       \
    {"setp.eq." #n, eq_##n, 2}, {"setp.ne." #n, ne_##n, 2}, {"setp.lt." #n, lt_##n, 2}, \
        {"setp.le." #n, le_##n, 2}, {"setp.gt." #n, gt_##n, 2},                         \
    {                                                                                   \
        "setp.ge." #n, ge_##n, 2                                                        \
    }
#define UNSIGNED_ORDERS(n)                                                                         \
    ORDERS(n), {"setp.lo." #n, lt_##n, 2}, {"setp.ls." #n, le_##n, 2}, {"setp.hi." #n, gt_##n, 2}, \
    {                                                                                              \
        "setp.hs." #n, ge_##n, 2                                                                   \
    }
#define UNORDERS(n)                                                                               \
    {"setp.equ." #n, equ_##n, 2}, {"setp.neu." #n, neu_##n, 2}, {"setp.ltu." #n, ltu_##n, 2},     \
        {"setp.leu." #n, leu_##n, 2}, {"setp.gtu." #n, gtu_##n, 2}, {"setp.geu." #n, geu_##n, 2}, \
        {"setp.num." #n, num_##n, 2},                                                             \
    {                                                                                             \
        "setp.nan." #n, nan_##n, 2                                                                \
    }
#define SELECTS(n)                     \
    {"slct." #n ".s32", slct_s32, 3},  \
    {                                  \
        "slct." #n ".f32", slct_f32, 3 \
    }

const ptx_alu_entry ptx_compare_alu[] = {
    UNSIGNED_ORDERS(u16),
    UNSIGNED_ORDERS(u32),
    UNSIGNED_ORDERS(u64),
    ORDERS(s16),
    ORDERS(s32),
    ORDERS(s64),
    ORDERS(f32),
    ORDERS(f64),
    UNORDERS(f32),
    UNORDERS(f64),
    {"setp.eq.b16", eq_u16, 2},
    {"setp.ne.b16", ne_u16, 2},
    {"setp.eq.b32", eq_u32, 2},
    {"setp.ne.b32", ne_u32, 2},
    {"setp.eq.b64", eq_u64, 2},
    {"setp.ne.b64", ne_u64, 2},
    SELECTS(b16),
    SELECTS(b32),
    SELECTS(b64),
    SELECTS(u32),
    SELECTS(s32),
    SELECTS(f32),
    SELECTS(u64),
    SELECTS(s64),
    SELECTS(f64),
    {NULL, NULL, 0},
};

const ptx_alu_entry *ptx_alu_find(const char *name)
{
    const ptx_alu_entry *tables[] = {ptx_integer_alu, ptx_bits_alu, ptx_float_alu, ptx_compare_alu};

    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const ptx_alu_entry *e = tables[t]; e->name; e++)
            if (strcmp(e->name, name) == 0) return e;
    return NULL;
}
