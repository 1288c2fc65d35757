/* Ward's agglomeration against its definition. */
#include "tests/golden/golden.h"

#include <stdbool.h>

#include "lib/base/random.h"
#include "train/ward.h"

static syl_error err;
static syl_random rng = {.seed = 5};

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static float *normals(size_t n)
{
    float *v = malloc((n + 1) * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = syl_random_normal(&rng);
    return v;
}

/* Squared error added by joining two clusters of points, by the definition. */
static double ward_cost(const float *x, const double *w, const int *label, int n, int dim, int a,
                        int b)
{
    double wa = 0, wb = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        wa += label[i] == a ? w[i] : 0;
        wb += label[i] == b ? w[i] : 0;
    }
    for (int j = 0; j < dim; j++) {
        double ma = 0, mb = 0;
        for (int i = 0; i < n; i++) {
            ma += label[i] == a ? w[i] * x[i * dim + j] : 0;
            mb += label[i] == b ? w[i] * x[i * dim + j] : 0;
        }
        sum += (ma / wa - mb / wb) * (ma / wa - mb / wb);
    }
    return wa * wb / (wa + wb) * sum;
}

/* Joins the cheapest two of all, again and again. */
static void ward_plain(const float *x, const double *w, int n, int dim, int groups, int *label)
{
    double *cost = malloc((size_t)(n * n) * sizeof *cost);
    assert_non_null(cost);
    for (int i = 0; i < n; i++)
        label[i] = i;
    for (int i = 0; i < n * n; i++)
        cost[i] = i / n < i % n ? ward_cost(x, w, label, n, dim, i / n, i % n) : INFINITY;
    for (int left = n; left > groups; left--) {
        int best = 0;
        for (int i = 1; i < n * n; i++)
            if (cost[i] < cost[best]) best = i;
        int a = best / n, b = best % n;
        for (int i = 0; i < n; i++)
            if (label[i] == b) label[i] = a;
        for (int i = 0; i < n; i++) {
            cost[i < b ? i * n + b : b * n + i] = INFINITY;
            double *own = &cost[i < a ? i * n + a : a * n + i];
            if (i != a && label[i] == i && *own < INFINITY)
                *own = ward_cost(x, w, label, n, dim, a, i);
        }
    }
    free(cost);
}

static void check_ward(int n, int dim, bool weighted)
{
    float *x = normals((size_t)(n * dim));
    double w[100];
    int want[100], groups[] = {1, 2, n / 3 + 1, n - 1, n};
    int32_t got[100];
    for (int i = 0; i < n; i++)
        w[i] = weighted ? 1 + i % 5 : 1;
    for (int g = 0; g < 5; g++) {
        if (groups[g] < 1 || groups[g] > n) continue;
        int seen = 0;
        ward_plain(x, w, n, dim, groups[g], want);
        ok(syl_ward(x, weighted ? w : NULL, n, dim, groups[g], 1 + n % 3, got, &err));
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < i; j++)
                if ((got[i] == got[j]) != (want[i] == want[j]))
                    fail_msg("%d points, %d groups: points %d and %d", n, groups[g], i, j);
            assert_in_range(got[i], 0, seen < groups[g] ? seen : groups[g] - 1);
            seen += got[i] == seen;
        }
        assert_int_equal(seen, groups[g]);
    }
    free(x);
}

static void test_ward(void **state)
{
    static const int sizes[] = {1, 2, 3, 17, 64, 90};
    int32_t label;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int weighted = 0; weighted < 2; weighted++)
            check_ward(sizes[i], 1 + (int)i * 3, weighted);
    assert_int_equal(syl_ward((float[]){1}, NULL, 1, 1, 2, 1, &label, &err), SYL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ward)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
