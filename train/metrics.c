#include "train/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "train/checkpoint.h"

struct syl_metrics {
    char *path, *picture;
    json_t *lines;
    FILE *file;
};

/* Lines of the file with a step of at most `step`; a last line cut short by a kill is dropped. */
static syl_status read_lines(syl_metrics *m, int64_t step, syl_error *err)
{
    FILE *in = fopen(m->path, "r");
    char *text = NULL;
    size_t capacity = 0;
    if (!in && errno != ENOENT) return syl_fail(err, SYL_EIO, "%s: %s", m->path, strerror(errno));
    while (in && getline(&text, &capacity, in) > 0) {
        json_t *line = json_loads(text, 0, NULL);
        json_t *at = json_object_get(line, "step");
        if (json_is_integer(at) && json_integer_value(at) <= step)
            json_array_append(m->lines, line);
        json_decref(line);
    }
    free(text);
    if (in) fclose(in);
    return SYL_OK;
}

static syl_status write_line(syl_metrics *m, FILE *to, const json_t *line, syl_error *err)
{
    if (json_dumpf(line, to, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 && fputc('\n', to) != EOF)
        return SYL_OK;
    return syl_fail(err, SYL_EIO, "%s: %s", m->path, strerror(errno));
}

static syl_status rewrite(syl_metrics *m, syl_error *err)
{
    syl_atomic out;
    SYL_TRY(syl_atomic_open(&out, m->path, err));
    syl_status status = SYL_OK;
    for (size_t i = 0; i < json_array_size(m->lines) && status == SYL_OK; i++)
        status = write_line(m, out.stream, json_array_get(m->lines, i), err);
    if (status == SYL_OK) return syl_atomic_commit(&out, err);
    syl_atomic_discard(&out);
    return status;
}

static syl_status open_all(syl_metrics *m, const char *folder, int64_t step, syl_error *err)
{
    m->path = syl_train_path(folder, "metrics.jsonl");
    m->picture = syl_train_path(folder, "curves.png");
    m->lines = json_array();
    if (!m->path || !m->picture || !m->lines)
        return syl_fail(err, SYL_ENOMEM, "no memory for the metrics");
    if (step > 0) SYL_TRY(read_lines(m, step, err));
    SYL_TRY(rewrite(m, err));
    m->file = fopen(m->path, "a");
    return m->file ? SYL_OK : syl_fail(err, SYL_EIO, "%s: %s", m->path, strerror(errno));
}

syl_status syl_metrics_open(syl_metrics **out, const char *folder, int64_t step, syl_error *err)
{
    syl_metrics *m = *out = syl_calloc(1, sizeof *m);
    if (!m) return syl_fail_memory(err, sizeof *m, "the metrics");
    syl_status status = open_all(m, folder, step, err);
    if (status == SYL_OK) return SYL_OK;
    syl_metrics_close(m);
    *out = NULL;
    return status;
}

syl_status syl_metrics_add(syl_metrics *m, json_t *line, syl_error *err)
{
    if (!line || json_array_append_new(m->lines, line) < 0)
        return syl_fail(err, SYL_ENOMEM, "no memory for the metrics");
    SYL_TRY(write_line(m, m->file, line, err));
    if (fflush(m->file) == 0) return SYL_OK;
    return syl_fail(err, SYL_EIO, "%s: %s", m->path, strerror(errno));
}

syl_status syl_metrics_draw(const syl_metrics *m, syl_error *err)
{
#ifdef HAVE_CAIRO
    return syl_curves_draw(m->picture, m->lines, err);
#else
    (void)m, (void)err;
    return SYL_OK;
#endif
}

void syl_metrics_close(syl_metrics *m)
{
    if (!m) return;
    if (m->file) fclose(m->file);
    json_decref(m->lines);
    free(m->path);
    free(m->picture);
    free(m);
}
