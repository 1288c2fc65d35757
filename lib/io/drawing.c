#include "lib/io/drawing.h"

#ifdef HAVE_CAIRO

#include <cairo-svg.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/base/file.h"

void syl_draw_text(cairo_t *cr, double x, double y, const char *text, double align)
{
    cairo_text_extents_t size;
    cairo_text_extents(cr, text, &size);
    cairo_move_to(cr, x - align * size.x_advance, y);
    cairo_show_text(cr, text);
}

void syl_draw_frame(cairo_t *cr, double x, double y, double width, double height)
{
    cairo_set_source_rgb(cr, 0.4, 0.4, 0.4);
    cairo_set_line_width(cr, 1);
    cairo_rectangle(cr, x + 0.5, y + 0.5, width - 1, height - 1);
    cairo_stroke(cr);
}

double syl_tick_step(double range, double pixels, double apart)
{
    double wanted = apart * range / pixels;
    double power = pow(10, floor(log10(wanted))), rest = wanted / power;
    return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

static cairo_status_t to_stream(void *stream, const unsigned char *data, unsigned int length)
{
    return fwrite(data, 1, length, stream) == length ? CAIRO_STATUS_SUCCESS
                                                     : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t render(bool svg, int width, int height, syl_draw *draw, const void *context,
                             FILE *out)
{
    cairo_surface_t *surface =
        svg ? cairo_svg_surface_create_for_stream(to_stream, out, width, height)
            : cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cr = cairo_create(surface);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, SYL_DRAWING_FONT);
    draw(context, cr);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    if (!svg && !status) status = cairo_surface_write_to_png_stream(surface, to_stream, out);
    cairo_surface_finish(surface);
    if (!status) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

syl_status syl_drawing_write(const char *path, int width, int height, syl_draw *draw,
                             const void *context, syl_error *err)
{
    const char *dot = strrchr(path, '.');
    bool svg = dot && !strcasecmp(dot, ".svg");
    if (!svg && (!dot || strcasecmp(dot, ".png")))
        return syl_fail(err, SYL_EINVAL, "%s: the name must end in .png or .svg", path);
    syl_atomic file = {0};
    SYL_TRY(syl_atomic_open(&file, path, err));
    errno = 0;
    cairo_status_t status = render(svg, width, height, draw, context, file.stream);
    if (!status) return syl_atomic_commit(&file, err);
    bool refused = status == CAIRO_STATUS_WRITE_ERROR && errno;
    const char *why = refused ? strerror(errno) : cairo_status_to_string(status);
    syl_fail(err, status == CAIRO_STATUS_NO_MEMORY ? SYL_ENOMEM : SYL_EIO, "%s: %s", path, why);
    syl_atomic_discard(&file);
    return status == CAIRO_STATUS_NO_MEMORY ? SYL_ENOMEM : SYL_EIO;
}

#else

syl_status syl_drawing_unsupported(const char *path, syl_error *err)
{
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "%s: this sylkit was built without cairo, which draws pictures; on Debian "
                    "install libcairo2-dev, then configure and build again",
                    path);
}

#endif
