#include "sylber/plot.h"

#include <math.h>
#include <stdio.h>

#include "lib/io/drawing.h"

#ifdef HAVE_CAIRO

#define LEFT 56.0
#define RIGHT 12.0
#define TOP 26.0
#define AXIS 34.0 /* room for the time axis below */
#define GAP 6.0
#define FONT SYL_DRAWING_FONT

typedef struct panel {
    double x, y, width, height;
} panel;

typedef struct canvas {
    const syl_picture *picture;
    cairo_t *cr;
    panel wave, bands, boxes;
} canvas;

static double seconds(const syl_picture *p)
{
    return (double)p->num_samples / p->sample_rate;
}

static double x_of(const canvas *c, double time)
{
    return c->wave.x + c->wave.width * (time - c->picture->start) / seconds(c->picture);
}

static void frame(cairo_t *cr, panel p)
{
    syl_draw_frame(cr, p.x, p.y, p.width, p.height);
}

/* The range of the samples below each pixel column, as one line each. */
static void draw_wave(const canvas *c)
{
    const syl_picture *p = c->picture;
    float peak = 1e-6f;
    for (size_t i = 0; i < p->num_samples; i++)
        peak = fmaxf(peak, fabsf(p->samples[i]));
    double middle = c->wave.y + c->wave.height / 2, scale = 0.48 * c->wave.height / peak;
    size_t columns = (size_t)c->wave.width;
    cairo_set_source_rgb(c->cr, 0.16, 0.32, 0.55);
    cairo_set_line_width(c->cr, 1);
    for (size_t x = 0; x < columns; x++) {
        size_t from = x * p->num_samples / columns, to = (x + 1) * p->num_samples / columns;
        float low = 0, high = 0;
        for (size_t i = from; i < to; i++) {
            low = fminf(low, p->samples[i]);
            high = fmaxf(high, p->samples[i]);
        }
        cairo_move_to(c->cr, c->wave.x + (double)x + 0.5, middle - high * scale - 0.5);
        cairo_line_to(c->cr, c->wave.x + (double)x + 0.5, middle - low * scale + 0.5);
    }
    cairo_stroke(c->cr);
    frame(c->cr, c->wave);
}

/* White to dark blue, as on paper. */
static uint32_t colour(float level)
{
    float v = fminf(fmaxf(level, 0), 1);
    uint32_t red = (uint32_t)(255 - 245 * v), green = (uint32_t)(255 - 225 * v);
    uint32_t blue = (uint32_t)(255 - 165 * v * v);
    return 0xff000000u | red << 16 | green << 8 | blue;
}

/* Only the loudest 80 % of the range are shown: below that it is noise. */
static void fill_image(const syl_picture *p, unsigned char *data, int stride)
{
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < p->columns * p->bands; i++) {
        low = fminf(low, p->spectrogram[i]);
        high = fmaxf(high, p->spectrogram[i]);
    }
    low += 0.2f * (high - low);
    float scale = high > low ? 1 / (high - low) : 0;
    for (size_t b = 0; b < p->bands; b++) {
        uint32_t *row = (uint32_t *)(void *)(data + (size_t)stride * (p->bands - 1 - b));
        for (size_t t = 0; t < p->columns; t++)
            row[t] = colour((p->spectrogram[t * p->bands + b] - low) * scale);
    }
}

static void draw_bands(const canvas *c)
{
    const syl_picture *p = c->picture;
    cairo_surface_t *image = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)(p->columns ? p->columns : 1), (int)(p->bands ? p->bands : 1));
    if (p->columns && cairo_surface_status(image) == CAIRO_STATUS_SUCCESS) {
        cairo_surface_flush(image);
        fill_image(p, cairo_image_surface_get_data(image), cairo_image_surface_get_stride(image));
        cairo_surface_mark_dirty(image);
        cairo_save(c->cr);
        cairo_rectangle(c->cr, c->bands.x, c->bands.y, c->bands.width, c->bands.height);
        cairo_clip(c->cr);
        cairo_translate(c->cr, c->bands.x, c->bands.y);
        cairo_scale(c->cr, c->bands.width / (double)p->columns, c->bands.height / (double)p->bands);
        cairo_set_source_surface(c->cr, image, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(c->cr), CAIRO_FILTER_GOOD);
        cairo_paint(c->cr);
        cairo_restore(c->cr);
    }
    cairo_surface_destroy(image);
    frame(c->cr, c->bands);
}

static void draw_segment(const canvas *c, const syl_segment *s, size_t index)
{
    double from = fmax(x_of(c, s->start), c->boxes.x);
    double to = fmin(x_of(c, s->end), c->boxes.x + c->boxes.width);
    char text[16] = "";
    if (to <= from) return;
    if (s->silence)
        cairo_set_source_rgb(c->cr, 0.9, 0.9, 0.9);
    else if (index % 2)
        cairo_set_source_rgb(c->cr, 0.99, 0.85, 0.65);
    else
        cairo_set_source_rgb(c->cr, 0.75, 0.88, 0.78);
    cairo_rectangle(c->cr, from, c->boxes.y, to - from, c->boxes.height);
    cairo_fill(c->cr);
    cairo_set_source_rgba(c->cr, 0.75, 0.1, 0.1, 0.8);
    for (int side = 0; side < 2; side++) {
        cairo_move_to(c->cr, side ? to : from, c->wave.y);
        cairo_line_to(c->cr, side ? to : from, c->boxes.y + c->boxes.height);
    }
    cairo_stroke(c->cr);
    if (s->silence)
        snprintf(text, sizeof text, "sil");
    else if (s->token >= 0)
        snprintf(text, sizeof text, "%d", (int)s->token);
    cairo_text_extents_t size;
    cairo_text_extents(c->cr, text, &size);
    cairo_set_source_rgb(c->cr, 0, 0, 0);
    if (size.x_advance < to - from)
        syl_draw_text(c->cr, (from + to) / 2, c->boxes.y + c->boxes.height / 2 + FONT / 3, text,
                      0.5);
}

static void draw_axis(const canvas *c)
{
    const syl_picture *p = c->picture;
    double step = syl_tick_step(seconds(p), c->wave.width, 80), y = c->boxes.y + c->boxes.height,
           end = p->start + seconds(p);
    cairo_set_source_rgb(c->cr, 0, 0, 0);
    cairo_set_line_width(c->cr, 1);
    for (double k = ceil(p->start / step - 1e-9) + 0.0; k * step <= end + 1e-9; k++) {
        char text[32];
        double x = x_of(c, k * step);
        snprintf(text, sizeof text, "%.6g", k * step);
        cairo_move_to(c->cr, x, y);
        cairo_line_to(c->cr, x, y + 5);
        cairo_stroke(c->cr);
        syl_draw_text(c->cr, x, y + 5 + FONT, text, 0.5);
    }
    syl_draw_text(c->cr, c->wave.x + c->wave.width / 2, y + 2 * FONT + 8, "time, s", 0.5);
}

static void draw_labels(const canvas *c)
{
    cairo_set_source_rgb(c->cr, 0, 0, 0);
    syl_draw_text(c->cr, LEFT, TOP - 9, c->picture->title, 0);
    syl_draw_text(c->cr, LEFT - 6, c->wave.y + c->wave.height / 2, "wave", 1);
    syl_draw_text(c->cr, LEFT - 6, c->bands.y + c->bands.height / 2, c->picture->band_name, 1);
    syl_draw_text(c->cr, LEFT - 6, c->boxes.y + c->boxes.height / 2 + FONT / 3, "token", 1);
}

static void draw(const void *context, cairo_t *cr)
{
    const syl_picture *p = context;
    double width = p->width - LEFT - RIGHT, height = p->height - TOP - AXIS - 2 * GAP;
    canvas c = {.picture = p, .cr = cr};
    c.wave = (panel){LEFT, TOP, width, floor(height * 0.28)};
    c.bands = (panel){LEFT, TOP + c.wave.height + GAP, width, floor(height * 0.58)};
    c.boxes = (panel){LEFT, c.bands.y + c.bands.height + GAP, width, floor(height * 0.14)};
    draw_wave(&c);
    draw_bands(&c);
    cairo_set_line_width(cr, 1);
    for (size_t i = 0; i < p->num_segments; i++)
        draw_segment(&c, &p->segments[i], i);
    frame(cr, c.boxes);
    draw_axis(&c);
    draw_labels(&c);
}

syl_status syl_plot_write(const syl_picture *picture, const char *path, syl_error *err)
{
    return syl_drawing_write(path, picture->width, picture->height, draw, picture, err);
}

#else

syl_status syl_plot_write(const syl_picture *picture, const char *path, syl_error *err)
{
    (void)picture;
    return syl_drawing_unsupported(path, err);
}

#endif
