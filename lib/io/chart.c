#include "lib/io/chart.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/io/drawing.h"

static syl_status check(const syl_chart *c, const char *path, syl_error *err)
{
    const syl_axis *axes[] = {&c->x, &c->y};
    if ((c->width && (c->width < 200 || c->width > 16384)) ||
        (c->height && (c->height < 150 || c->height > 16384)))
        return syl_fail(err, SYL_EINVAL,
                        "%s: a chart of %d x %d; 200 x 150 to 16384 x 16384 is "
                        "possible",
                        path, c->width, c->height);
    for (int a = 0; a < 2; a++)
        if (!isfinite(axes[a]->low) || !isfinite(axes[a]->high) || axes[a]->low > axes[a]->high)
            return syl_fail(err, SYL_EINVAL, "%s: an axis from %g to %g", path, axes[a]->low,
                            axes[a]->high);
    for (size_t s = 0; s < c->num_series; s++)
        for (size_t i = 0; i < c->series[s].count; i++) {
            double x = c->series[s].x[i], y = c->series[s].y[i];
            /* A range of twice that is finite, too. */
            if (fabs(x) < 1e300 && fabs(y) < 1e300) continue;
            return syl_fail(err, SYL_EINVAL,
                            "%s: point %zu of \"%.100s\" is (%g, %g); points must be finite", path,
                            i, c->series[s].name, x, y);
        }
    return SYL_OK;
}

#ifdef HAVE_CAIRO

#define LEFT 64.0
#define RIGHT 16.0
#define TOP 30.0
#define BOTTOM 48.0
#define TICK 4.0
#define LINE (SYL_DRAWING_FONT + 5) /* height of a line of the legend */

typedef struct canvas {
    const syl_chart *chart;
    cairo_t *cr;
    double width, height; /* of the plot, whose upper left corner is (LEFT, TOP) */
    syl_axis x, y;
} canvas;

static double x_of(const canvas *c, double x)
{
    return LEFT + c->width * (x - c->x.low) / (c->x.high - c->x.low);
}

static double y_of(const canvas *c, double y)
{
    return TOP + c->height * (c->y.high - y) / (c->y.high - c->y.low);
}

/* A range that shows all points and is not empty. */
static void find_range(const syl_chart *c, bool vertical, syl_axis *axis)
{
    double low = INFINITY, high = -INFINITY;
    if (axis->low < axis->high) return;
    for (size_t s = 0; s < c->num_series; s++)
        for (size_t i = 0; i < c->series[s].count; i++) {
            double value = vertical ? c->series[s].y[i] : c->series[s].x[i];
            low = fmin(low, value);
            high = fmax(high, value);
        }
    if (!(low <= high)) low = high = axis->low;
    double least = fmax(1e-9, 1e-9 * fmax(fabs(low), fabs(high)));
    axis->low = high - low < least ? low - (low ? fabs(low) / 2 : 0.5) : low;
    axis->high = high - low < least ? high + (high ? fabs(high) / 2 : 0.5) : high;
}

/* Grid line, tick and label for each multiple of a step. */
static void draw_x_ticks(const canvas *c)
{
    double step = syl_tick_step(c->x.high - c->x.low, c->width, 60), bottom = TOP + c->height;
    for (double k = ceil(c->x.low / step - 1e-9) + 0.0; k * step <= c->x.high + 1e-9 * step; k++) {
        char text[32];
        double x = x_of(c, k * step);
        snprintf(text, sizeof text, "%.6g", k * step);
        cairo_set_source_rgb(c->cr, 0.88, 0.88, 0.88);
        cairo_move_to(c->cr, x, TOP);
        cairo_line_to(c->cr, x, bottom + TICK);
        cairo_stroke(c->cr);
        cairo_set_source_rgb(c->cr, 0, 0, 0);
        syl_draw_text(c->cr, x, bottom + TICK + SYL_DRAWING_FONT, text, 0.5);
    }
}

static void draw_y_ticks(const canvas *c)
{
    double step = syl_tick_step(c->y.high - c->y.low, c->height, 40);
    for (double k = ceil(c->y.low / step - 1e-9) + 0.0; k * step <= c->y.high + 1e-9 * step; k++) {
        char text[32];
        double y = y_of(c, k * step);
        snprintf(text, sizeof text, "%.6g", k * step);
        cairo_set_source_rgb(c->cr, 0.88, 0.88, 0.88);
        cairo_move_to(c->cr, LEFT - TICK, y);
        cairo_line_to(c->cr, LEFT + c->width, y);
        cairo_stroke(c->cr);
        cairo_set_source_rgb(c->cr, 0, 0, 0);
        syl_draw_text(c->cr, LEFT - TICK - 2, y + SYL_DRAWING_FONT / 3, text, 1);
    }
}

static void draw_labels(const canvas *c)
{
    cairo_set_source_rgb(c->cr, 0, 0, 0);
    syl_draw_text(c->cr, LEFT, TOP - 10, c->chart->title, 0);
    syl_draw_text(c->cr, LEFT + c->width / 2, TOP + c->height + BOTTOM - 8, c->x.label, 0.5);
    cairo_save(c->cr);
    cairo_translate(c->cr, SYL_DRAWING_FONT + 4, TOP + c->height / 2);
    cairo_rotate(c->cr, -acos(0)); /* a quarter turn: reads upwards */
    syl_draw_text(c->cr, 0, 0, c->y.label, 0.5);
    cairo_restore(c->cr);
}

/* Colours that the colour-blind tell apart (Okabe and Ito), and dashes when these are used up. */
static void set_style(const canvas *c, size_t series)
{
    static const double colours[][3] = {{0, 0.45, 0.70},    {0.84, 0.37, 0}, {0, 0.62, 0.45},
                                        {0.80, 0.47, 0.65}, {0.90, 0.62, 0}, {0.34, 0.71, 0.91},
                                        {0, 0, 0}};
    static const double dashes[] = {6, 3};
    const double *colour = colours[series % (sizeof colours / sizeof *colours)];
    cairo_set_source_rgb(c->cr, colour[0], colour[1], colour[2]);
    cairo_set_dash(c->cr, dashes, series / (sizeof colours / sizeof *colours) % 2 ? 2 : 0, 0);
    cairo_set_line_width(c->cr, 1.8);
}

/* A series of one point is seen as a round dot: that is what a line from it to itself is. */
static void draw_series(const canvas *c)
{
    cairo_save(c->cr);
    cairo_rectangle(c->cr, LEFT - 1, TOP - 1, c->width + 2, c->height + 2);
    cairo_clip(c->cr);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(c->cr, CAIRO_LINE_CAP_ROUND);
    for (size_t s = 0; s < c->chart->num_series; s++) {
        const syl_series *series = &c->chart->series[s];
        set_style(c, s);
        for (size_t i = 0; i < series->count; i++) {
            double x = x_of(c, series->x[i]), y = y_of(c, series->y[i]);
            if (i == 0) cairo_move_to(c->cr, x, y);
            cairo_line_to(c->cr, x, y);
        }
        cairo_stroke(c->cr);
    }
    cairo_restore(c->cr);
}

/* In the upper right corner of the plot, on a page of its own. */
static void draw_legend(const canvas *c)
{
    double widest = 0, count = (double)c->chart->num_series;
    for (size_t s = 0; s < c->chart->num_series; s++) {
        cairo_text_extents_t size;
        cairo_text_extents(c->cr, c->chart->series[s].name, &size);
        widest = fmax(widest, size.x_advance);
    }
    double width = widest + 44, x = LEFT + c->width - width - 6, y = TOP + 6;
    if (!c->chart->num_series) return;
    cairo_set_source_rgba(c->cr, 1, 1, 1, 0.85);
    cairo_rectangle(c->cr, x, y, width, count * LINE + 6);
    cairo_fill(c->cr);
    for (size_t s = 0; s < c->chart->num_series; s++) {
        double middle = y + 3 + ((double)s + 0.5) * LINE;
        set_style(c, s);
        cairo_move_to(c->cr, x + 6, middle);
        cairo_line_to(c->cr, x + 32, middle);
        cairo_stroke(c->cr);
        cairo_set_source_rgb(c->cr, 0, 0, 0);
        syl_draw_text(c->cr, x + 38, middle + SYL_DRAWING_FONT / 3, c->chart->series[s].name, 0);
    }
    cairo_set_dash(c->cr, NULL, 0, 0);
}

static void draw(const void *context, cairo_t *cr)
{
    canvas own = *(const canvas *)context, *c = &own;
    c->cr = cr;
    cairo_set_line_width(cr, 1);
    draw_x_ticks(c);
    draw_y_ticks(c);
    draw_labels(c);
    draw_series(c);
    syl_draw_frame(cr, LEFT, TOP, c->width, c->height);
    draw_legend(c);
}

syl_status syl_chart_write(const syl_chart *chart, const char *path, syl_error *err)
{
    SYL_TRY(check(chart, path, err));
    int width = chart->width ? chart->width : 640, height = chart->height ? chart->height : 480;
    canvas c = {.chart = chart,
                .width = width - LEFT - RIGHT,
                .height = height - TOP - BOTTOM,
                .x = chart->x,
                .y = chart->y};
    find_range(chart, false, &c.x);
    find_range(chart, true, &c.y);
    return syl_drawing_write(path, width, height, draw, &c, err);
}

#else

syl_status syl_chart_write(const syl_chart *chart, const char *path, syl_error *err)
{
    SYL_TRY(check(chart, path, err));
    return syl_drawing_unsupported(path, err);
}

#endif
