/* Peaks against scipy.signal.find_peaks (make_peaks.py), and by hand. */
#include "golden.h"

#include "train/presegment/peaks.h"

#define SIZE 64

static const syl_peak_rule all = {.height = -INFINITY, .prominence = 0, .distance = 1};

static void assert_peaks(const double *x, int64_t n, syl_peak_rule rule, const int64_t *want,
                         int64_t want_count)
{
    syl_error err;
    int64_t peaks[SIZE], count;
    if (syl_find_peaks(x, n, rule, peaks, &count, &err) != SYL_OK) fail_msg("%s", err.message);
    assert_int_equal(count, want_count);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(peaks[i], want[i]);
}
#define PEAKS(x, rule, ...)                                                   \
    assert_peaks(x, sizeof(x) / sizeof(x)[0], rule, (int64_t[]){__VA_ARGS__}, \
                 sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void test_by_hand(void **state)
{
    static const double hills[] = {0, 2, 1, 5, 4, 4.5, 0, 3, 3, 3, 3, 1};
    static const double ends[] = {9, 1, 8}, flat[] = {1, 1, 1, 1}, shelf[] = {0, 1, 1, 2, 0};
    (void)state;
    PEAKS(hills, all, 1, 3, 5, 8); /* of the plateau 7..10 the middle, rounded down */
    PEAKS(hills, ((syl_peak_rule){3, 0, 1}), 3, 5, 8);
    PEAKS(hills, ((syl_peak_rule){-INFINITY, 1, 1}), 1, 3, 8);
    PEAKS(hills, ((syl_peak_rule){-INFINITY, 1.001, 1}), 3, 8);
    PEAKS(hills, ((syl_peak_rule){-INFINITY, 0, 2}), 1, 3, 5, 8);
    PEAKS(hills, ((syl_peak_rule){-INFINITY, 0, 3}), 3, 8);
    /* removed by distance first: the prominence is that of the curve all the same */
    PEAKS(hills, ((syl_peak_rule){-INFINITY, 2, 6}), 3);
    PEAKS(shelf, all, 3);
    assert_peaks(ends, 3, all, NULL, 0); /* an end is no peak */
    assert_peaks(flat, 4, all, NULL, 0);
    assert_peaks(flat, 0, all, NULL, 0);
    assert_peaks(flat, 1, all, NULL, 0);
}

static void test_scipy(void **state)
{
    size_t count, found = 0;
    (void)state;
    syl_safetensors *file = golden_open("peaks.safetensors");
    float *x = golden_floats(file, "x", &count), *lengths = golden_floats(file, "lengths", &count);
    float *rules = golden_floats(file, "rules", NULL), *peaks = golden_floats(file, "peaks", NULL);
    for (size_t i = 0; i < count; i++) {
        double curve[SIZE];
        int64_t want[SIZE / 2], n = 0;
        for (int k = 0; k < SIZE; k++)
            curve[k] = x[i * SIZE + (size_t)k];
        while (n < SIZE / 2 && peaks[i * SIZE / 2 + (size_t)n] >= 0) {
            want[n] = (int64_t)peaks[i * SIZE / 2 + (size_t)n];
            n++;
        }
        syl_peak_rule rule = {rules[3 * i], rules[3 * i + 1], (int64_t)rules[3 * i + 2]};
        assert_peaks(curve, (int64_t)lengths[i], rule, want, n);
        found += (size_t)n;
    }
    assert_true(found > 100);
    syl_safetensors_free(file);
    free(x);
    free(lengths);
    free(rules);
    free(peaks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_scipy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
