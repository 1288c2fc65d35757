/* cvt: any number to any. */
#include <math.h>

#include "tests/ptx/alu.h"

enum { TO_INTEGER = 1, SATURATE = 2, FLUSH = 4 };

static uint64_t packed(ptx_type type)
{
    return type.class | (uint64_t)type.bytes << 4 | (uint64_t)type.brain << 8;
}

static ptx_type unpacked(uint64_t how)
{
    return (ptx_type){how & 15, how >> 4 & 15, how >> 8 & 1};
}

uint64_t ptx_conversion(ptx_type to, ptx_type from, unsigned rounding, bool to_integer,
                        bool saturate, bool flush)
{
    uint64_t flags =
        (to_integer ? TO_INTEGER : 0) | (saturate ? SATURATE : 0) | (flush ? FLUSH : 0);

    return packed(to) | packed(from) << 16 | flags << 32 | (uint64_t)rounding << 40;
}

/* By functions of their own: rint need not follow fesetround where it is compiled inline. */
static double rounded(double x, uint64_t flags)
{
    switch (flags >> 8) {
    case 1:
        return trunc(x);
    case 2:
        return floor(x);
    case 3:
        return ceil(x);
    default:
        return rint(x);
    }
}

/* f16 and bf16: a sign, `exponent` bits, `mantissa` bits. */
static double from_small(uint64_t bits, int exponent, int mantissa)
{
    int top = (1 << exponent) - 1, e = (int)(bits >> mantissa) & top;
    double fraction = (double)(bits & ((1u << mantissa) - 1)), x;

    if (e == top)
        x = fraction != 0 ? NAN : INFINITY;
    else if (e == 0)
        x = ldexp(fraction, 2 - (1 << (exponent - 1)) - mantissa);
    else
        x = ldexp(fraction + (1 << mantissa), e - top / 2 - mantissa);
    return bits >> (exponent + mantissa) & 1 ? -x : x;
}

static uint64_t to_small(double x, int exponent, int mantissa, uint64_t flags)
{
    int bias = (1 << (exponent - 1)) - 1, e;
    uint64_t sign = (uint64_t)(signbit(x) != 0) << (exponent + mantissa);
    uint64_t infinity = (((UINT64_C(1) << exponent) - 1)) << mantissa, r;

    if (isnan(x)) return (UINT64_C(1) << (exponent + mantissa)) - 1;
    if (isinf(x)) return sign | infinity;
    if (x == 0) return sign;
    e = ilogb(x) < 1 - bias ? 1 - bias : ilogb(x);
    /* A carry out of the mantissa lands in the exponent, where it belongs. */
    r = (uint64_t)fabs(rounded(ldexp(x, mantissa - e), flags));
    r += (uint64_t)(e + bias - 1) << mantissa;
    if (r < infinity) return sign | r;
    return sign | (flags >> 8 == 1 ? infinity - 1 : infinity);
}

static double to_double(uint64_t a, ptx_type type)
{
    if (type.bytes == 8) return ptx_f64(a);
    if (type.bytes == 4) return ptx_f32(a);
    return type.brain ? from_small(a, 8, 7) : from_small(a, 5, 10);
}

static uint64_t from_double(double x, ptx_type type, uint64_t flags)
{
    if (type.bytes == 8) return ptx_bits64(x);
    if (type.bytes == 4) return ptx_bits32((float)x);
    return type.brain ? to_small(x, 8, 7, flags) : to_small(x, 5, 10, flags);
}

/* An integer's value: sign or zeros in the bits above. */
static uint64_t widened(uint64_t a, ptx_type type)
{
    unsigned unused = 64 - 8 * type.bytes;

    if (type.class == CLASS_SIGNED) return (uint64_t)((int64_t)(a << unused) >> unused);
    return a << unused >> unused;
}

static uint64_t top_of(ptx_type type)
{
    return ~UINT64_C(0) >> (64 - 8 * type.bytes + (type.class == CLASS_SIGNED));
}

static uint64_t float_to_integer(double x, ptx_type to)
{
    uint64_t top = top_of(to);

    if (isnan(x)) return 0;
    if (to.class != CLASS_SIGNED) {
        if (x <= 0) return 0;
        return x >= (double)top ? top : (uint64_t)x;
    }
    if (x >= (double)top) return top;
    return x <= -(double)top - 1 ? ~top : (uint64_t)(int64_t)x;
}

static uint64_t clamped(uint64_t a, ptx_type from, ptx_type to)
{
    bool negative = from.class == CLASS_SIGNED && (int64_t)a < 0;

    if (to.class != CLASS_SIGNED) return negative ? 0 : a > top_of(to) ? top_of(to) : a;
    if (negative) return (int64_t)a < (int64_t)~top_of(to) ? ~top_of(to) : a;
    return a > top_of(to) ? top_of(to) : a;
}

/* Straight to the type: by way of double a long integer would be rounded twice. */
static uint64_t integer_to_float(uint64_t a, ptx_type from, ptx_type to, uint64_t flags)
{
    bool is_signed = from.class == CLASS_SIGNED;

    if (to.bytes == 4) return ptx_bits32(is_signed ? (float)(int64_t)a : (float)a);
    return from_double(is_signed ? (double)(int64_t)a : (double)a, to, flags);
}

static uint64_t float_to_float(double x, ptx_type to, uint64_t flags)
{
    if (flags & TO_INTEGER) x = rounded(x, flags);
    if (flags & SATURATE) x = x > 0 ? fmin(x, 1) : 0; /* a NaN too */
    if (flags & FLUSH && to.bytes == 4 && fabs(x) < 0x1p-126) x = copysign(0, x);
    return from_double(x, to, flags);
}

uint64_t ptx_convert(uint64_t a, uint64_t how, uint64_t c, uint64_t d)
{
    ptx_type to = unpacked(how), from = unpacked(how >> 16);
    uint64_t flags = how >> 32;
    double x;

    (void)c, (void)d;
    if (from.class != CLASS_FLOAT) {
        a = widened(a, from);
        if (to.class == CLASS_FLOAT) return integer_to_float(a, from, to, flags);
        return widened(flags & SATURATE ? clamped(a, from, to) : a, to);
    }
    x = to_double(a, from);
    if (flags & FLUSH && from.bytes == 4 && fabs(x) < 0x1p-126) x = copysign(0, x);
    if (to.class == CLASS_FLOAT) return float_to_float(x, to, flags);
    return float_to_integer(rounded(x, flags), to);
}
