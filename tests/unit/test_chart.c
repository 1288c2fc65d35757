/* A line chart: what it draws is looked at through cairo itself. */
#include "tests/golden/golden.h"

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#ifdef HAVE_CAIRO
#include <cairo.h>
#endif

#include <unistd.h>

#include "lib/io/chart.h"

#define SHOT "test_chart.png"

static syl_error err;
static const double recall[] = {0, 0.5, 1};

static syl_chart chart_of(const syl_series *series, size_t n)
{
    return (syl_chart){.title = "a chart",
                       .x = {.label = "recall", .low = 0, .high = 1},
                       .y = {.label = "precision", .low = 0, .high = 1},
                       .series = series,
                       .num_series = n};
}

#ifdef HAVE_CAIRO

static const double precision[] = {1, 0.5, 0.25};

/* fontconfig, below cairo, keeps some memory to the end; LeakSanitizer asks here. */
const char *__lsan_default_suppressions(void) __attribute__((visibility("default")));
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

/* How many pixels have the colour of the first series' line, and where. */
typedef struct found {
    int count, width, height;
    int left, right, top, bottom;
} found;

static found find_line(const char *path)
{
    cairo_surface_t *image = cairo_image_surface_create_from_png(path);
    assert_int_equal(cairo_surface_status(image), CAIRO_STATUS_SUCCESS);
    found f = {.width = cairo_image_surface_get_width(image),
               .height = cairo_image_surface_get_height(image)};
    f.left = f.width;
    f.top = f.height;
    for (int y = 0; y < f.height; y++) {
        const uint32_t *row =
            (const uint32_t *)(const void *)(cairo_image_surface_get_data(image) +
                                             y * cairo_image_surface_get_stride(image));
        for (int x = 0; x < f.width; x++) {
            int red = row[x] >> 16 & 255, blue = row[x] & 255;
            if (blue - red < 120) continue;
            f.count++;
            if (x < f.left) f.left = x;
            if (x > f.right) f.right = x;
            if (y < f.top) f.top = y;
            if (y > f.bottom) f.bottom = y;
        }
    }
    cairo_surface_destroy(image);
    return f;
}

/* The plot is from (64, 30) to (width - 16, height - 48). */
static void test_line(void **state)
{
    syl_series series = {"a", recall, precision, 3};
    syl_chart chart = chart_of(&series, 1);
    (void)state;
    chart.width = 464;
    chart.height = 278;
    ok(syl_chart_write(&chart, SHOT, &err));
    found f = find_line(SHOT);
    assert_int_equal(f.width, 464);
    assert_int_equal(f.height, 278);
    assert_in_range(f.count, 400, 4000);
    assert_in_range(f.left, 62, 66);
    assert_in_range(f.right, 446, 450);
    assert_in_range(f.top, 28, 33);
    assert_in_range(f.bottom, 30 + 150 - 3, 30 + 150 + 3); /* precision .25 of 200 pixels */
    series.count = 0;
    ok(syl_chart_write(&chart, SHOT, &err));
    f = find_line(SHOT);
    assert_in_range(f.count, 10, 120); /* the legend's */
}

/* Many series, ranges from points that are all the same or far away, no series, SVG. */
static void test_shapes(void **state)
{
    static const double far[] = {-1e200, 1e200}, same[] = {5, 5}, zero[] = {0, 0};
    syl_series series[20];
    (void)state;
    for (int i = 0; i < 20; i++)
        series[i] = (syl_series){"line", recall, precision, (size_t)i % 4};
    syl_chart chart = chart_of(series, 20);
    ok(syl_chart_write(&chart, SHOT, &err));
    chart.x.high = chart.y.high = 0; /* from the points */
    ok(syl_chart_write(&chart, SHOT, &err));
    series[0] = (syl_series){"far", far, same, 2};
    series[1] = (syl_series){"zero", zero, zero, 2};
    chart.num_series = 1;
    ok(syl_chart_write(&chart, SHOT, &err));
    chart.series = series + 1;
    ok(syl_chart_write(&chart, "test_chart.svg", &err));
    assert_int_equal(unlink("test_chart.svg"), 0);
    chart.num_series = 0;
    ok(syl_chart_write(&chart, SHOT, &err));
    assert_int_equal(find_line(SHOT).count, 0);
    assert_int_equal(unlink(SHOT), 0);
}

#endif

static void test_bad_input(void **state)
{
    double y[] = {1, NAN, 0};
    syl_series series = {"curve", recall, y, 3};
    syl_chart chart = chart_of(&series, 1);
    (void)state;
    assert_int_equal(syl_chart_write(&chart, SHOT, &err), SYL_EINVAL);
    assert_non_null(strstr(err.message, "point 1 of \"curve\" is (0.5, nan)"));
    y[1] = -INFINITY;
    assert_int_equal(syl_chart_write(&chart, SHOT, &err), SYL_EINVAL);
    y[1] = 0;
    chart.x.high = -1;
    assert_int_equal(syl_chart_write(&chart, SHOT, &err), SYL_EINVAL);
    chart.x.high = 1;
    chart.width = 10;
    assert_int_equal(syl_chart_write(&chart, SHOT, &err), SYL_EINVAL);
    chart.width = 0;
#ifdef HAVE_CAIRO
    assert_int_equal(syl_chart_write(&chart, "chart.txt", &err), SYL_EINVAL);
    assert_int_equal(syl_chart_write(&chart, "no/such/folder.png", &err), SYL_EIO);
    series.name = "\xff";
    assert_int_equal(syl_chart_write(&chart, SHOT, &err), SYL_EIO);
    assert_non_null(strstr(err.message, "UTF-8"));
#else
    assert_int_equal(syl_chart_write(&chart, SHOT, &err), SYL_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "libcairo2-dev"));
#endif
    assert_int_equal(access(SHOT, F_OK), -1); /* nothing was left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef HAVE_CAIRO
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_shapes),
#endif
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
