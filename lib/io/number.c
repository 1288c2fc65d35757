#include "lib/io/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number taken apart: digits times ten to the exponent. */
typedef struct decimal {
    uint64_t digits; /* the first 18 or 19 of them */
    int64_t exponent;
    bool any; /* digits were read, zeros too */
} decimal;

#define FULL ((UINT64_MAX - 9) / 10)

static const char *read_digits(const char *at, const char *end, bool fraction, decimal *d)
{
    for (; at < end && is_digit(*at); at++) {
        bool fits = d->digits <= FULL;
        if (fits) d->digits = d->digits * 10 + (uint64_t)(*at - '0');
        d->exponent += fraction ? -fits : !fits;
        d->any = true;
    }
    return at;
}

/* NULL when there is no exponent behind the e; past +-9,999 it does not grow. */
static const char *read_exponent(const char *at, const char *end, int64_t *exponent)
{
    int value = 0;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end || !is_digit(*at)) return NULL;
    for (; at < end && is_digit(*at); at++)
        value = value > 999 ? value : value * 10 + (*at - '0');
    *exponent += negative ? -value : value;
    return at;
}

/* x times ten to the exponent; in steps, because ten to it alone may not be a double. */
static double scale(double x, int64_t exponent)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (x == 0) return 0;
    for (; exponent > 22 && isfinite(x); exponent -= 22)
        x *= 1e22;
    for (; exponent < -22 && x != 0; exponent += 22)
        x /= 1e22;
    if (x == 0 || !isfinite(x)) return x;
    return exponent < 0 ? x / power[-exponent] : x * power[exponent];
}

bool syl_parse_number(syl_span text, double *value)
{
    decimal d = {0};
    const char *at = text.data, *end = at + text.size;
    bool negative = text.size && *at == '-';
    if (text.size && (*at == '-' || *at == '+')) at++;
    at = read_digits(at, end, false, &d);
    if (at < end && *at == '.') at = read_digits(at + 1, end, true, &d);
    if (!d.any) return false;
    if (at < end && (*at == 'e' || *at == 'E')) at = read_exponent(at + 1, end, &d.exponent);
    if (at != end) return false;
    double size = scale((double)d.digits, d.exponent);
    *value = negative ? -size : size;
    return isfinite(size);
}

bool syl_parse_count(syl_span text, int64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (!is_digit(text.data[i]) || *value > (INT64_MAX - digit) / 10) return false;
        *value = *value * 10 + digit;
    }
    return text.size > 0;
}

int syl_format_float(char text[SYL_NUMBER_ROOM], float value)
{
    int length = snprintf(text, SYL_NUMBER_ROOM, "%.9g", (double)value);
    char *comma = strchr(text, ','); /* some locales' point */
    if (comma) *comma = '.';
    return length;
}
