#include "train/course_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/io/safetensors.h"
#include "train/run_identity.h"

#define OF "course.of"             /* what must be the same to go on */
#define PROGRESS "course.progress" /* how far the run is; %a: every bit of a double */

syl_status syl_course_save(const char *path, const syl_course_task *task, const syl_course_state *s,
                           syl_error *err)
{
    char progress[256];
    syl_st_tensor *tensors = syl_calloc((size_t)task->num_blocks, sizeof *tensors);
    snprintf(progress, sizeof progress, "%d %" PRId64 " %a %a", s->epoch, s->round, s->words,
             s->documents);
    json_t *metadata = json_pack("{s:s, s:s}", OF, task->identity, PROGRESS, progress);
    syl_status status = SYL_OK;
    if (!tensors || !metadata) status = syl_fail(err, SYL_ENOMEM, "no memory for a run's state");
    for (int i = 0; status == SYL_OK && i < task->num_blocks; i++) {
        const syl_course_block *b = &task->blocks[i];
        tensors[i] = (syl_st_tensor){.name = b->name,
                                     .dtype = SYL_F32,
                                     .ndim = 1,
                                     .shape = {b->size},
                                     .data = b->data,
                                     .count = (size_t)b->size};
    }
    if (status == SYL_OK)
        status = syl_safetensors_write(path, tensors, (size_t)task->num_blocks, metadata, err);
    json_decref(metadata);
    free(tensors);
    return status;
}

static syl_status take_blocks(const syl_safetensors *file, const syl_course_task *task,
                              syl_error *err)
{
    for (int i = 0; i < task->num_blocks; i++) {
        const syl_course_block *b = &task->blocks[i];
        const syl_st_tensor *t = syl_safetensors_find(file, b->name);
        if (!t || t->dtype != SYL_F32 || t->count != (size_t)b->size)
            return syl_fail(err, SYL_EFORMAT, "%s: its %s do not fit this run; remove it",
                            syl_safetensors_path(file), b->name);
        memcpy(b->data, t->data, t->count * sizeof(float));
        for (int64_t k = 0; k < b->size; k++)
            if (!isfinite(b->data[k]))
                return syl_fail(err, SYL_EFORMAT,
                                "%s: its %s hold a value that is not finite; remove it",
                                syl_safetensors_path(file), b->name);
    }
    return SYL_OK;
}

static syl_status take(const syl_safetensors *file, const syl_course_task *task,
                       syl_course_state *s, syl_error *err)
{
    const char *path = syl_safetensors_path(file);
    const char *of = syl_safetensors_metadata(file, OF);
    const char *progress = syl_safetensors_metadata(file, PROGRESS);
    syl_course_state read;
    if (!of || !progress) return syl_fail(err, SYL_EFORMAT, "%s is no state of such a run", path);
    SYL_TRY(syl_run_identity_check(path, of, task->identity, "file for the state", err));
    if (sscanf(progress, "%d %" SCNd64 " %la %la", &read.epoch, &read.round, &read.words,
               &read.documents) != 4 ||
        read.epoch < 0 || read.round < 0)
        return syl_fail(err, SYL_EFORMAT, "%s: how far the run was makes no sense; remove it",
                        path);
    SYL_TRY(take_blocks(file, task, err));
    *s = read;
    return SYL_OK;
}

syl_status syl_course_load(const char *path, const syl_course_task *task, syl_course_state *state,
                           bool *found, syl_error *err)
{
    syl_safetensors *file;
    *found = false;
    if (access(path, F_OK)) return SYL_OK;
    SYL_TRY(syl_safetensors_open(&file, path, err));
    syl_status status = take(file, task, state, err);
    *found = status == SYL_OK;
    syl_safetensors_free(file);
    return status;
}
