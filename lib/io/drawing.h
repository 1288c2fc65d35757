/* What pictures share: a page on which cairo draws, written as PNG or SVG. */
#ifndef SYL_IO_DRAWING_H
#define SYL_IO_DRAWING_H

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "lib/base/status.h"

#ifdef HAVE_CAIRO

#include <cairo.h>

#define SYL_DRAWING_FONT 11.0 /* pixels; the size at first */

/* Draws on a white page with a sans-serif font. */
typedef void syl_draw(const void *context, cairo_t *cr);

/* PNG or SVG, by the ending of path; appears only when complete. width and height are pixels
 * (points for SVG). */
syl_status syl_drawing_write(const char *path, int width, int height, syl_draw *draw,
                             const void *context, syl_error *err);

/* align: 0 begins at x, 0.5 is centred there, 1 ends there. y is the base line. Text must be UTF-8,
 * or the drawing fails. */
void syl_draw_text(cairo_t *cr, double x, double y, const char *text, double align);

/* A grey frame just inside the rectangle. */
void syl_draw_frame(cairo_t *cr, double x, double y, double width, double height);

/* A distance between ticks of an axis that shows `range` on `pixels`: 1, 2 or 5 times a power of
 * ten, so that ticks are about `apart` pixels apart or a little more. */
double syl_tick_step(double range, double pixels, double apart);

#else

/* SYL_EUNSUPPORTED: how to get a build that draws. */
syl_status syl_drawing_unsupported(const char *path, syl_error *err);

#endif

#endif
