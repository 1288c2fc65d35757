#include "train/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"
#include "lib/io/npy.h"

/* A large file is mapped. A small one is read at once, for a process may have only so many maps and
 * a corpus has a file for each recording. */
#define SMALL_VALUES ((size_t)1 << 20)

typedef struct part {
    syl_npy_map map; /* closed when held */
    float *held;     /* all of a small file, or NULL */
    char *path;
    int64_t rows, end; /* end: rows up to and with this file */
} part;

struct syl_rows {
    part *parts;
    size_t num_parts;
    int dim;
    syl_metric metric;
};

void syl_rows_close(syl_rows *rows)
{
    if (!rows) return;
    for (size_t i = 0; i < rows->num_parts; i++) {
        syl_npy_map_close(&rows->parts[i].map);
        free(rows->parts[i].held);
        free(rows->parts[i].path);
    }
    free(rows->parts);
    free(rows);
}

static syl_status hold_small(part *p, syl_error *err)
{
    size_t count = (size_t)(p->map.shape[0] * p->map.shape[1]);
    if (count > SMALL_VALUES) return SYL_OK;
    p->held = syl_calloc(count, sizeof *p->held);
    if (!p->held) return syl_fail_memory(err, count * sizeof *p->held, p->path);
    syl_npy_map_read(&p->map, 0, count, p->held);
    syl_npy_map_close(&p->map);
    return SYL_OK;
}

static syl_status add_part(syl_rows *rows, const char *path, syl_error *err)
{
    part *p = &rows->parts[rows->num_parts];
    int64_t before = syl_rows_count(rows);
    SYL_TRY(syl_npy_map_open(&p->map, path, err));
    rows->num_parts++;
    p->path = strdup(path);
    if (!p->path) return syl_fail_memory(err, strlen(path), "a file name");
    if (p->map.ndim != 2 || p->map.shape[1] < 1 || p->map.shape[1] > INT32_MAX / 2)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: an array [rows][dim] is expected, this one has %d dimensions; save "
                        "array.reshape(-1, dim)",
                        path, p->map.ndim);
    if (rows->num_parts == 1) rows->dim = (int)p->map.shape[1];
    if (p->map.shape[1] != rows->dim)
        return syl_fail(err, SYL_EFORMAT, "%s has rows of %lld values, %s of %d; leave one out",
                        path, (long long)p->map.shape[1], rows->parts[0].path, rows->dim);
    if (p->map.shape[0] > INT64_MAX - before)
        return syl_fail(err, SYL_EINVAL, "%s: more rows than can be counted", path);
    p->rows = p->map.shape[0];
    p->end = before + p->rows;
    return hold_small(p, err);
}

syl_status syl_rows_open(syl_rows **out, const char *const *paths, size_t num_paths,
                         syl_metric metric, syl_error *err)
{
    syl_rows *rows = syl_calloc(1, sizeof *rows);
    *out = NULL;
    if (rows) rows->parts = syl_calloc(num_paths, sizeof *rows->parts);
    if (!rows || !rows->parts) {
        syl_rows_close(rows);
        return syl_fail_memory(err, num_paths * sizeof *rows->parts, "a list of files");
    }
    rows->metric = metric;
    syl_status status = SYL_OK;
    for (size_t i = 0; i < num_paths && !status; i++)
        status = add_part(rows, paths[i], err);
    if (!status && !syl_rows_count(rows))
        status = syl_fail(err, SYL_EINVAL, "%s: no rows to cluster", num_paths ? paths[0] : "");
    if (status)
        syl_rows_close(rows);
    else
        *out = rows;
    return status;
}

int64_t syl_rows_count(const syl_rows *rows)
{
    return rows->num_parts ? rows->parts[rows->num_parts - 1].end : 0;
}

int syl_rows_dim(const syl_rows *rows)
{
    return rows->dim;
}

syl_metric syl_rows_metric(const syl_rows *rows)
{
    return rows->metric;
}

/* The first file that ends after the row. */
static const part *find(const syl_rows *rows, int64_t row)
{
    size_t low = 0, high = rows->num_parts;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (rows->parts[middle - 1].end <= row)
            low = middle;
        else
            high = middle;
    }
    return &rows->parts[low];
}

static syl_status prepare(const syl_rows *rows, const part *p, int64_t at, float *x, syl_error *err)
{
    float norm2 = syl_dot(x, x, rows->dim);
    if (!isfinite(norm2))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: row %lld holds a value that is not finite or is too large to be "
                        "squared; remove the row",
                        p->path, (long long)at);
    if (rows->metric == SYL_METRIC_EUCLIDEAN) return SYL_OK;
    if (norm2 == 0)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: row %lld is all zeros and has no direction; remove the row or use "
                        "the euclidean metric",
                        p->path, (long long)at);
    syl_scale_to(x, rows->dim, rows->metric == SYL_METRIC_NORM6 ? 6 : 1);
    return SYL_OK;
}

syl_status syl_rows_read(const syl_rows *rows, int64_t begin, int64_t n, float *dst, syl_error *err)
{
    size_t dim = (size_t)rows->dim;
    const part *p = find(rows, begin);
    for (int64_t done = 0, some; done < n; done += some, p++) {
        int64_t at = begin + done - (p->end - p->rows);
        some = p->rows - at < n - done ? p->rows - at : n - done;
        float *x = dst + (size_t)done * dim;
        if (p->held)
            memcpy(x, p->held + (size_t)at * dim, (size_t)some * dim * sizeof *x);
        else
            syl_npy_map_read(&p->map, (size_t)at * dim, (size_t)some * dim, x);
        for (int64_t i = 0; i < some; i++)
            SYL_TRY(prepare(rows, p, at + i, x + (size_t)i * dim, err));
    }
    return SYL_OK;
}

syl_status syl_rows_gather(const syl_rows *rows, const int64_t *index, int64_t n, float *dst,
                           syl_error *err)
{
    for (int64_t i = 0; i < n; i++)
        SYL_TRY(syl_rows_read(rows, index[i], 1, dst + (size_t)i * (size_t)rows->dim, err));
    return SYL_OK;
}
