/* The curves of a run as a picture. */
#include "lib/io/drawing.h"

#ifdef HAVE_CAIRO

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "train/metrics.h"

#define WIDTH 900
#define PANEL 150  /* height of one figure's curve */
#define MARGIN 60  /* left and right of it */
#define HEADING 24 /* above it */
#define MAX_PANELS 12

/* One figure over the steps. */
typedef struct panel {
    const char *key;
    double low, high;
} panel;

typedef struct picture {
    const json_t *lines;
    panel panel[MAX_PANELS];
    int count;
    double last_step;
} picture;

static panel *panel_of(picture *p, const char *key)
{
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->panel[i].key, key)) return &p->panel[i];
    if (p->count == MAX_PANELS) return NULL;
    p->panel[p->count] = (panel){key, INFINITY, -INFINITY};
    return &p->panel[p->count++];
}

static void measure(picture *p)
{
    for (size_t i = 0; i < json_array_size(p->lines); i++) {
        json_t *line = json_array_get(p->lines, i), *value;
        const char *key;
        double step = json_number_value(json_object_get(line, "step"));
        if (step > p->last_step) p->last_step = step;
        json_object_foreach(line, key, value)
        {
            panel *at = json_is_real(value) ? panel_of(p, key) : NULL;
            if (!at) continue;
            at->low = fmin(at->low, json_real_value(value));
            at->high = fmax(at->high, json_real_value(value));
        }
    }
}

static void label(cairo_t *cr, double x, double y, const char *text)
{
    cairo_set_source_rgb(cr, .2, .2, .2);
    syl_draw_text(cr, x, y, text, 0);
}

static void draw_frame(cairo_t *cr, const picture *p, const panel *at, double top)
{
    char text[64];
    cairo_set_source_rgb(cr, .8, .8, .8);
    cairo_rectangle(cr, MARGIN, top, WIDTH - 2 * MARGIN, PANEL);
    cairo_stroke(cr);
    label(cr, MARGIN, top - 6, at->key);
    snprintf(text, sizeof text, "%.4g", at->high);
    label(cr, 4, top + 10, text);
    snprintf(text, sizeof text, "%.4g", at->low);
    label(cr, 4, top + PANEL, text);
    snprintf(text, sizeof text, "%.0f", p->last_step);
    label(cr, WIDTH - MARGIN + 4, top + PANEL, text);
}

static void draw_curve(cairo_t *cr, const picture *p, const panel *at, double top)
{
    double range = at->high > at->low ? at->high - at->low : 1;
    bool begun = false;
    cairo_set_source_rgb(cr, .1, .3, .7);
    for (size_t i = 0; i < json_array_size(p->lines); i++) {
        const json_t *line = json_array_get(p->lines, i), *value = json_object_get(line, at->key);
        if (!json_is_real(value)) continue;
        double step = json_number_value(json_object_get(line, "step"));
        double x = MARGIN + (WIDTH - 2 * MARGIN) * step / (p->last_step > 0 ? p->last_step : 1);
        double y = top + PANEL - PANEL * (json_real_value(value) - at->low) / range;
        if (begun)
            cairo_line_to(cr, x, y);
        else
            cairo_move_to(cr, x, y);
        begun = true;
    }
    cairo_stroke(cr);
}

static void draw(const void *context, cairo_t *cr)
{
    const picture *p = context;
    cairo_set_font_size(cr, 12);
    for (int i = 0; i < p->count; i++) {
        double top = 2 * HEADING + i * (PANEL + 2 * HEADING);
        draw_frame(cr, p, &p->panel[i], top);
        draw_curve(cr, p, &p->panel[i], top);
    }
}

syl_status syl_curves_draw(const char *path, const json_t *lines, syl_error *err)
{
    picture p = {.lines = lines};
    measure(&p);
    if (p.count == 0) return SYL_OK;
    int height = p.count * (PANEL + 2 * HEADING) + HEADING;
    return syl_drawing_write(path, WIDTH, height, draw, &p, err);
}

#endif
