#include "sylber/dtw.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"

enum { BOTH, FIRST, SECOND }; /* the sides that the step to a cell moved */

/* Row i of the sums out of the one before, which it replaces. */
static void next_row(double *sums, uint8_t *steps, const float *x, const float *b, size_t m,
                     int dim, int first)
{
    double diagonal = first ? 0 : INFINITY; /* sum at (i - 1, j - 1) */
    for (size_t j = 0; j < m; j++) {
        double above = first ? INFINITY : sums[j], left = j ? sums[j - 1] : INFINITY;
        double least = diagonal;
        steps[j] = BOTH;
        if (above < least) {
            least = above;
            steps[j] = FIRST;
        }
        if (left < least) {
            least = left;
            steps[j] = SECOND;
        }
        sums[j] = least + sqrt(syl_distance2(x, b + j * (size_t)dim, dim));
        diagonal = above;
    }
}

static void trace(const uint8_t *steps, size_t n, size_t m, size_t (*path)[2], size_t *length)
{
    size_t i = n - 1, j = m - 1, count = 0;
    for (;;) {
        path[count][0] = i;
        path[count++][1] = j;
        if (!i && !j) break;
        uint8_t step = steps[i * m + j];
        i -= step != SECOND;
        j -= step != FIRST;
    }
    for (size_t k = 0; k < count / 2; k++)
        for (int side = 0; side < 2; side++) {
            size_t other = path[count - 1 - k][side];
            path[count - 1 - k][side] = path[k][side];
            path[k][side] = other;
        }
    *length = count;
}

syl_status syl_dtw(const float *a, size_t n, const float *b, size_t m, int dim, size_t (**path)[2],
                   size_t *length, syl_error *err)
{
    size_t cells = syl_mul_size(n, m);
    uint8_t *steps = syl_calloc(cells, 1);
    double *sums = syl_calloc(m, sizeof *sums);
    *path = syl_calloc(n + m, sizeof **path);
    if (!steps || !sums || !*path) {
        free(steps);
        free(sums);
        free(*path);
        return syl_fail_memory(err, cells, "an alignment");
    }
    for (size_t i = 0; i < n; i++)
        next_row(sums, steps + i * m, a + i * (size_t)dim, b, m, dim, i == 0);
    trace(steps, n, m, *path, length);
    free(steps);
    free(sums);
    return SYL_OK;
}
