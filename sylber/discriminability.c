#include "sylber/discriminability.h"

#include <math.h>

#define SAME 1e-6 /* a difference of cosines that is only rounding */

/* p[0] is 0 and p[n - 1] is 1. */
static syl_discriminability measure(const double *p, int n)
{
    syl_discriminability d = {0, 0};
    double width = 1.0 / (n - 1);
    int i = 1;
    for (; p[i] < 0.5; i++)
        d.index += width * (p[i - 1] + p[i]) / 2;
    double part = (0.5 - p[i - 1]) / (p[i] - p[i - 1]);
    d.crossing = (i - 1 + part) * width;
    d.index += width * part * (p[i - 1] + 0.5) / 2;
    d.index += width * (1 - part) * (0.5 + (1 - p[i])) / 2;
    for (i++; i < n; i++)
        d.index += width * (1 - p[i - 1] + 1 - p[i]) / 2;
    return d;
}

syl_discriminability syl_discriminate(const double *to_a, const double *to_b, int n,
                                      double *preference)
{
    double apart = 1 - (to_b[0] + to_a[n - 1]) / 2;
    for (int i = 0; i < n; i++)
        preference[i] = fmin(fmax(0.5 + (to_b[i] - to_a[i]) / (2 * apart), 0), 1);
    if (!(apart >= SAME)) return (syl_discriminability){NAN, NAN};
    preference[0] = 0; /* but for rounding */
    preference[n - 1] = 1;
    return measure(preference, n);
}
