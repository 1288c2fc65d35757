/* A line chart: axes with ticks, a legend, several series. */
#ifndef SYL_IO_CHART_H
#define SYL_IO_CHART_H

#include "lib/base/status.h"

typedef struct syl_series {
    const char *name;    /* in the legend */
    const double *x, *y; /* [count], joined in this order */
    size_t count;
} syl_series;

/* low == high: from the points. Points outside are not seen. */
typedef struct syl_axis {
    const char *label;
    double low, high;
} syl_axis;

typedef struct syl_chart {
    const char *title;
    syl_axis x, y;
    const syl_series *series;
    size_t num_series;
    int width, height; /* pixels (points for SVG), from 200 x 150; 0: 640 x 480 */
} syl_chart;

/* PNG or SVG, by the ending of path; appears only when complete. Points must be finite, texts
 * UTF-8. A chart without points shows its axes. SYL_EUNSUPPORTED when this build is without
 * cairo. */
syl_status syl_chart_write(const syl_chart *chart, const char *path, syl_error *err);

#endif
