#include "train/sylber/thresholder.h"

#include <math.h>

#define LEAST_VARIANCE 1e-6f

syl_thresholder syl_thresholder_released(void)
{
    return (syl_thresholder){6.10f, 0.87f, 0.34f, 0.34f, 0.9999f};
}

/* (x - s)^2 / vs + ln vs = (x - n)^2 / vn + ln vn is a quadratic in x. */
double syl_thresholder_value(const syl_thresholder *t)
{
    double s = t->signal_mean, vs = t->signal_variance, n = t->noise_mean, vn = t->noise_variance;
    double a = 1 / vs - 1 / vn, b = -2 * (s / vs - n / vn);
    double c = s * s / vs - n * n / vn + log(vs / vn), middle = (s + n) / 2;
    if (fabs(a) < 1e-9) return b != 0 ? -c / b : middle;
    double d = b * b - 4 * a * c;
    if (d < 0) return middle;
    double x = (-b + sqrt(d)) / (2 * a), y = (-b - sqrt(d)) / (2 * a);
    double low = s < n ? s : n, high = s < n ? n : s;
    if (x > low && x < high) return x;
    return y > low && y < high ? y : middle;
}

void syl_norm_sums_add(syl_norm_sums *sums, double norm)
{
    sums->count += 1;
    sums->sum += norm;
    sums->squares += norm * norm;
}

static void update(float decay, const syl_norm_sums *sums, float *mean, float *variance)
{
    if (sums->count < 1) return;
    double m = sums->sum / sums->count, v = sums->squares / sums->count - m * m;
    *mean = decay * *mean + (1 - decay) * (float)m;
    *variance = decay * *variance + (1 - decay) * (float)(v > 0 ? v : 0);
    if (*variance < LEAST_VARIANCE) *variance = LEAST_VARIANCE;
}

void syl_thresholder_update_signal(syl_thresholder *t, const syl_norm_sums *sums)
{
    update(t->decay, sums, &t->signal_mean, &t->signal_variance);
}

void syl_thresholder_update_noise(syl_thresholder *t, const syl_norm_sums *sums)
{
    update(t->decay, sums, &t->noise_mean, &t->noise_variance);
}
