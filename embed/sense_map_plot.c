/* The picture of a map. */
#include "embed/sense_map.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/io/drawing.h"

static syl_status check(const syl_sense_map *map, const char *path, int width, int height,
                        syl_error *err)
{
    if (width < 200 || height < 200 || width > 16384 || height > 16384)
        return syl_fail(err, SYL_EINVAL,
                        "%s: a map of %d x %d; 200 x 200 to 16384 x 16384 is possible", path, width,
                        height);
    for (size_t i = 0; i < map->count; i++)
        if (!(fabs(map->points[i].x) < 1e300 && fabs(map->points[i].y) < 1e300))
            return syl_fail(err, SYL_EINVAL, "%s: point %zu of the map is at (%g, %g)", path, i,
                            map->points[i].x, map->points[i].y);
    return SYL_OK;
}

#ifdef HAVE_CAIRO

#define MARGIN 48.0 /* around the points, for names */
#define TITLE 20.0  /* above that */
#define SENSE_RADIUS 5.0
#define NEIGHBOUR_RADIUS 2.5
#define SENSE_FONT 13.0
#define NEIGHBOUR_FONT 10.0

typedef struct box {
    double left, top, right, bottom;
} box;

typedef struct picture {
    const syl_sense_map *map;
    const syl_senses *senses;
    const char *title;
    double width, height;
    double scale, x0, y0; /* pixels a unit; the page's place of the map's origin */
    box *taken;           /* [2 map->count]: dots, then names that were written */
} picture;

/* The map in the middle of the page, as large as it fits, its proportions kept. */
static void fit(picture *p)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    double room[2] = {p->width - 2 * MARGIN, p->height - 2 * MARGIN - TITLE};
    for (size_t i = 0; i < p->map->count; i++) {
        const double at[2] = {p->map->points[i].x, p->map->points[i].y};
        for (int c = 0; c < 2; c++) {
            low[c] = fmin(low[c], at[c]);
            high[c] = fmax(high[c], at[c]);
        }
    }
    p->scale = fmin(high[0] > low[0] ? room[0] / (high[0] - low[0]) : INFINITY,
                    high[1] > low[1] ? room[1] / (high[1] - low[1]) : INFINITY);
    if (!isfinite(p->scale)) p->scale = 1;
    p->x0 = p->width / 2 - p->scale * (low[0] + high[0]) / 2;
    p->y0 = TITLE + (p->height - TITLE) / 2 + p->scale * (low[1] + high[1]) / 2;
}

static double page_x(const picture *p, const syl_map_point *point)
{
    return p->x0 + p->scale * point->x;
}

static double page_y(const picture *p, const syl_map_point *point)
{
    return p->y0 - p->scale * point->y;
}

/* Hues a golden section apart: each new one is far from those before it. */
static void set_colour(cairo_t *cr, size_t group, double alpha)
{
    double hue = 6 * fmod(0.58 + 0.618033988749895 * (double)group, 1), light = 0.78;
    double part = hue - floor(hue), channel[3] = {0, 0, 0};
    int sector = (int)hue % 6, even = sector % 2 == 0;
    channel[((sector + 1) / 2) % 3] = light;
    channel[(even ? sector / 2 + 1 : (sector - 1) / 2) % 3] = light * (even ? part : 1 - part);
    cairo_set_source_rgba(cr, channel[0], channel[1], channel[2], alpha);
}

static double radius_of(const syl_map_point *point)
{
    return point->neighbour ? NEIGHBOUR_RADIUS : SENSE_RADIUS;
}

static void draw_dots(const picture *p, cairo_t *cr)
{
    /* Senses last, on top. */
    for (size_t i = p->map->count; i-- > 0;) {
        const syl_map_point *point = &p->map->points[i];
        double x = page_x(p, point), y = page_y(p, point), radius = radius_of(point);
        set_colour(cr, point->group, point->neighbour ? 0.55 : 1);
        cairo_arc(cr, x, y, radius, 0, 2 * M_PI);
        cairo_fill(cr);
        p->taken[i] = (box){x - radius, y - radius, x + radius, y + radius};
    }
}

/* How much of b lies on others, or outside of the page; the dot itself does not count. */
static double overlap(const picture *p, box b, size_t own, size_t taken)
{
    double area = 0;
    for (size_t i = 0; i < taken; i++) {
        const box *t = &p->taken[i];
        double width = fmin(b.right, t->right) - fmax(b.left, t->left);
        double height = fmin(b.bottom, t->bottom) - fmax(b.top, t->top);
        if (i != own && width > 0 && height > 0) area += width * height;
    }
    double inside = fmax(0, fmin(b.right, p->width) - fmax(b.left, 0)) *
                    fmax(0, fmin(b.bottom, p->height) - fmax(b.top, TITLE));
    return area + (b.right - b.left) * (b.bottom - b.top) - inside;
}

/* The place around the dot that covers least: right, left, above, below, the corners, and farther
 * away; 0 is what is left free. */
static double find_place(const picture *p, const syl_map_point *point, size_t own, size_t taken,
                         double width, double height, box *best)
{
    static const int side[8][2] = {{1, 0},  {-1, 0},  {0, -1}, {0, 1},
                                   {1, -1}, {-1, -1}, {1, 1},  {-1, 1}};
    double least = INFINITY, x = page_x(p, point), y = page_y(p, point);
    int rings = point->neighbour ? 1 : 4;
    for (int i = 0; i < 8 * rings && least > 0; i++) {
        double away = radius_of(point) + 2 + 7 * (i / 8);
        double left = x - width / 2 + side[i % 8][0] * (width / 2 + away);
        double top = y - height / 2 + side[i % 8][1] * (height / 2 + away);
        box b = {left, top, left + width, top + height};
        double covered = overlap(p, b, own, taken);
        if (covered >= least) continue;
        least = covered;
        *best = b;
    }
    return least;
}

static void draw_names(const picture *p, cairo_t *cr)
{
    size_t taken = p->map->count;
    for (size_t i = 0; i < p->map->count; i++) {
        const syl_map_point *point = &p->map->points[i];
        char name[SYL_SENSE_NAME];
        cairo_text_extents_t size;
        cairo_font_extents_t font;
        box b = {0};
        syl_sense_name(p->senses, point->word, point->sense, name);
        cairo_set_font_size(cr, point->neighbour ? NEIGHBOUR_FONT : SENSE_FONT);
        cairo_text_extents(cr, name, &size);
        cairo_font_extents(cr, &font);
        double covered = find_place(p, point, i, taken, size.x_advance, font.ascent, &b);
        if (point->neighbour && covered > 0) continue;
        p->taken[taken++] = b;
        if (point->neighbour)
            cairo_set_source_rgb(cr, 0.3, 0.3, 0.3);
        else
            set_colour(cr, point->group, 1);
        syl_draw_text(cr, b.left, b.bottom - 1, name, 0);
    }
}

static void draw(const void *context, cairo_t *cr)
{
    const picture *p = context;
    draw_dots(p, cr);
    draw_names(p, cr);
    if (!p->title) return;
    cairo_set_font_size(cr, SENSE_FONT);
    cairo_set_source_rgb(cr, 0, 0, 0);
    syl_draw_text(cr, p->width / 2, TITLE - 4, p->title, 0.5);
}

syl_status syl_sense_map_draw(const syl_sense_map *map, const syl_senses *senses, const char *path,
                              int width, int height, const char *title, syl_error *err)
{
    SYL_TRY(check(map, path, width, height, err));
    picture p = {.map = map, .senses = senses, .title = title, .width = width, .height = height};
    p.taken = syl_calloc(map->count, 2 * sizeof *p.taken);
    if (!p.taken) return syl_fail_memory(err, map->count * 2 * sizeof *p.taken, "a picture");
    fit(&p);
    syl_status status = syl_drawing_write(path, width, height, draw, &p, err);
    free(p.taken);
    return status;
}

#else

syl_status syl_sense_map_draw(const syl_sense_map *map, const syl_senses *senses, const char *path,
                              int width, int height, const char *title, syl_error *err)
{
    (void)senses;
    (void)title;
    SYL_TRY(check(map, path, width, height, err));
    return syl_drawing_unsupported(path, err);
}

#endif
