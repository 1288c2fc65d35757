/* Arithmetic of floats. The .approx instructions are libm's functions: their errors are those of
 * libm, not of a GPU. */
#include <fenv.h>
#include <math.h>

#include "tests/ptx/alu.h"

const int ptx_roundings[4] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

/* -0 is below +0; a NaN gives way to a number. */
#define SELECTS(name, T, before)                                              \
    static T name(T x, T y)                                                   \
    {                                                                         \
        if (isnan(x)) return y;                                               \
        if (isnan(y)) return x;                                               \
        if (x == y) return (signbit(x) != 0) before(signbit(y) != 0) ? y : x; \
        return x before y ? x : y;                                            \
    }
SELECTS(lesser_f32, float, <)
SELECTS(greater_f32, float, >)
SELECTS(lesser_f64, double, <)
SELECTS(greater_f64, double, >)

#define FOR_TYPE(n, T, from, to, SUFFIX)                                                      \
    PTX_ALU(add_##n, to(from(a) + from(b)))                                                   \
    PTX_ALU(sub_##n, to(from(a) - from(b)))                                                   \
    PTX_ALU(mul_##n, to(from(a) * from(b)))                                                   \
    PTX_ALU(div_##n, to(from(a) / from(b)))                                                   \
    PTX_ALU(fma_##n, to(fma##SUFFIX(from(a), from(b), from(c))))                              \
    PTX_ALU(rcp_##n, to(1 / from(a)))                                                         \
    PTX_ALU(sqrt_##n, to(sqrt##SUFFIX(from(a))))                                              \
    PTX_ALU(rsqrt_##n, to((T)(1 / sqrt((double)from(a)))))                                    \
    PTX_ALU(min_##n, to(lesser_##n(from(a), from(b))))                                        \
    PTX_ALU(max_##n, to(greater_##n(from(a), from(b))))                                       \
    PTX_ALU(min_nan_##n, isnan(from(a)) || isnan(from(b)) ? to((T)NAN) : min_##n(a, b, c, d)) \
    PTX_ALU(max_nan_##n, isnan(from(a)) || isnan(from(b)) ? to((T)NAN) : max_##n(a, b, c, d)) \
    PTX_ALU(testp_finite_##n, isfinite(from(a)) != 0)                                         \
    PTX_ALU(testp_infinite_##n, isinf(from(a)) != 0)                                          \
    PTX_ALU(testp_number_##n, !isnan(from(a)))                                                \
    PTX_ALU(testp_nan_##n, isnan(from(a)) != 0)                                               \
    PTX_ALU(testp_normal_##n, isnormal(from(a)) != 0)                                         \
    PTX_ALU(testp_subnormal_##n, fpclassify(from(a)) == FP_SUBNORMAL)
FOR_TYPE(f32, float, ptx_f32, ptx_bits32, f)
FOR_TYPE(f64, double, ptx_f64, ptx_bits64, )

#define SIGN32 UINT64_C(0x80000000)
#define SIGN64 (UINT64_C(1) << 63)
PTX_ALU(neg_f32, a ^ SIGN32)
PTX_ALU(neg_f64, a ^ SIGN64)
PTX_ALU(abs_f32, a & ~SIGN32)
PTX_ALU(abs_f64, a & ~SIGN64)
PTX_ALU(copysign_f32, (b & ~SIGN32) | (a & SIGN32))
PTX_ALU(copysign_f64, (b & ~SIGN64) | (a & SIGN64))

PTX_ALU(ex2_f32, ptx_bits32(exp2f(ptx_f32(a))))
PTX_ALU(lg2_f32, ptx_bits32(log2f(ptx_f32(a))))
PTX_ALU(sin_f32, ptx_bits32(sinf(ptx_f32(a))))
PTX_ALU(cos_f32, ptx_bits32(cosf(ptx_f32(a))))
PTX_ALU(tanh_f32, ptx_bits32(tanhf(ptx_f32(a))))

#define BOTH(n)                                                                                   \
    {"add." #n, add_##n, 2}, {"sub." #n, sub_##n, 2}, {"mul." #n, mul_##n, 2},                    \
        {"div." #n, div_##n, 2}, {"fma." #n, fma_##n, 3}, {"mad." #n, fma_##n, 3},                \
        {"rcp." #n, rcp_##n, 1}, {"sqrt." #n, sqrt_##n, 1}, {"rsqrt." #n, rsqrt_##n, 1},          \
        {"min." #n, min_##n, 2}, {"max." #n, max_##n, 2}, {"min.NaN." #n, min_nan_##n, 2},        \
        {"max.NaN." #n, max_nan_##n, 2}, {"neg." #n, neg_##n, 1}, {"abs." #n, abs_##n, 1},        \
        {"copysign." #n, copysign_##n, 2}, {"testp.finite." #n, testp_finite_##n, 1},             \
        {"testp.infinite." #n, testp_infinite_##n, 1}, {"testp.number." #n, testp_number_##n, 1}, \
        {"testp.notanumber." #n, testp_nan_##n, 1}, {"testp.normal." #n, testp_normal_##n, 1},    \
    {                                                                                             \
        "testp.subnormal." #n, testp_subnormal_##n, 1                                             \
    }

const ptx_alu_entry ptx_float_alu[] = {
    BOTH(f32),
    BOTH(f64),
    {"ex2.f32", ex2_f32, 1},
    {"lg2.f32", lg2_f32, 1},
    {"sin.f32", sin_f32, 1},
    {"cos.f32", cos_f32, 1},
    {"tanh.f32", tanh_f32, 1},
    {NULL, NULL, 0},
};

static uint64_t flushed(uint64_t bits)
{
    return fpclassify(ptx_f32(bits)) == FP_SUBNORMAL ? bits & SIGN32 : bits;
}

static uint64_t saturated(const ptx_insn *insn, uint64_t bits)
{
    double x = insn->type.bytes == 8 ? ptx_f64(bits) : (double)ptx_f32(bits);

    x = x > 0 ? fmin(x, 1) : 0; /* a NaN too */
    return insn->type.bytes == 8 ? ptx_bits64(x) : ptx_bits32((float)x);
}

static uint64_t combined(const ptx_insn *insn, uint64_t compared, uint64_t predicate)
{
    predicate = (predicate & 1) ^ !!(insn->modifiers & MODIFIER_NEGATED);
    if (insn->combine == COMBINE_AND) return compared & predicate;
    if (insn->combine == COMBINE_OR) return compared | predicate;
    return insn->combine == COMBINE_XOR ? compared ^ predicate : compared;
}

uint64_t ptx_run_modified(const ptx_insn *insn, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    bool flush = insn->modifiers & MODIFIER_FTZ;
    uint64_t r;

    if (flush) {
        a = flushed(a);
        b = flushed(b);
        c = flushed(c);
    }
    if (insn->rounding) fesetround(ptx_roundings[insn->rounding]);
    r = insn->alu(a, b, c, d);
    if (insn->rounding) fesetround(FE_TONEAREST);
    if (insn->modifiers & MODIFIER_COMPARES) return combined(insn, r, d);
    if (flush) r = flushed(r);
    return insn->modifiers & MODIFIER_SATURATE ? saturated(insn, r) : r;
}
