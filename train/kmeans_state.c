/* A run on the disk: a safetensors file with the centroids, and two lines of numbers in its
 * metadata. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/io/safetensors.h"
#include "train/kmeans_run.h"

#define OF "kmeans.of"             /* what must be the same to go on */
#define PROGRESS "kmeans.progress" /* how far the run is; %a: every bit of a double */
#define PROGRESS_FORMAT "%d %d %d %la %d %d %d %la"

static void describe(const syl_kmeans_run *run, char *text, size_t room)
{
    const syl_kmeans_options *o = run->options;
    snprintf(text, room,
             "%" PRId64 " rows of %d, metric %d, %d clusters, init %d, sample %" PRId64
             ", batch %" PRId64 ", seed %" PRIu64,
             run->count, run->dim, (int)syl_rows_metric(run->rows), o->clusters, (int)o->init,
             o->sample, o->batch, o->seed);
}

syl_status syl_kmeans_save(const syl_kmeans_run *run, syl_error *err)
{
    const syl_kmeans_state *s = &run->s;
    int64_t size = run->options->clusters;
    char of[256], progress[256];
    /* I32 is the widest integer of the format that is read back; a count is two of them. */
    const syl_st_tensor tensors[] = {
        {"centroids", SYL_F32, 2, {size, run->dim}, s->centroids, (size_t)(size * run->dim)},
        {"best", SYL_F32, 2, {size, run->dim}, s->best, (size_t)(size * run->dim)},
        {"counts", SYL_I32, 2, {size, 2}, s->counts, (size_t)(2 * size)}};
    describe(run, of, sizeof of);
    snprintf(progress, sizeof progress, "%d %d %d %a %d %d %d %a", s->restart, s->iteration,
             s->converged, s->inertia, s->best_restart, s->best_iterations, s->best_converged,
             s->best_inertia);
    json_t *metadata = json_pack("{s:s, s:s}", OF, of, PROGRESS, progress);
    if (!metadata) return syl_fail(err, SYL_ENOMEM, "no memory for the state of k-means");
    syl_status status = syl_safetensors_write(run->options->state, tensors, 3, metadata, err);
    json_decref(metadata);
    return status;
}

static syl_status take(const syl_safetensors *file, const char *name, void *dst, size_t count,
                       size_t size, syl_error *err)
{
    const syl_st_tensor *t = syl_safetensors_find(file, name);
    if (!t || t->count != count || syl_dtype_size(t->dtype) != size)
        return syl_fail(err, SYL_EFORMAT, "%s: no %s of %zu values; remove the file to begin anew",
                        syl_safetensors_path(file), name, count);
    memcpy(dst, t->data, count * size);
    return SYL_OK;
}

static syl_status take_numbers(syl_kmeans_run *run, const syl_safetensors *file, syl_error *err)
{
    syl_kmeans_state *s = &run->s;
    int converged = 0, best_converged = 0;
    char of[256];
    const char *path = syl_safetensors_path(file), *was = syl_safetensors_metadata(file, OF);
    const char *progress = syl_safetensors_metadata(file, PROGRESS);
    describe(run, of, sizeof of);
    if (!was || !progress)
        return syl_fail(err, SYL_EFORMAT, "%s is not the state of a k-means run", path);
    if (strcmp(was, of))
        return syl_fail(err, SYL_EINVAL,
                        "%s belongs to another run (%s; this is %s); name another file or begin "
                        "anew",
                        path, was, of);
    if (sscanf(progress, PROGRESS_FORMAT, &s->restart, &s->iteration, &converged, &s->inertia,
               &s->best_restart, &s->best_iterations, &best_converged, &s->best_inertia) != 8 ||
        s->restart < 0 || s->iteration < 0)
        return syl_fail(err, SYL_EFORMAT, "%s: '%s' does not say how far the run is", path,
                        progress);
    s->converged = converged;
    s->best_converged = best_converged;
    return SYL_OK;
}

syl_status syl_kmeans_load(syl_kmeans_run *run, syl_error *err)
{
    const char *path = run->options->state;
    size_t size = (size_t)run->options->clusters, values = size * (size_t)run->dim;
    syl_safetensors *file;
    if (access(path, F_OK) && errno == ENOENT) return SYL_OK;
    SYL_TRY(syl_safetensors_open(&file, path, err));
    syl_status status = take_numbers(run, file, err);
    if (!status) status = take(file, "centroids", run->s.centroids, values, sizeof(float), err);
    if (!status) status = take(file, "best", run->s.best, values, sizeof(float), err);
    if (!status) status = take(file, "counts", run->s.counts, 2 * size, sizeof(int32_t), err);
    syl_safetensors_free(file);
    return status;
}
