#include "train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/io/safetensors.h"
#include "train/run_identity.h"

#define NAME "checkpoint.safetensors"
#define FORMAT "sylkit-checkpoint-1"
#define OWN_BLOCKS 3
#define MAX_STEP 1000000000000LL

char *syl_train_path(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return NULL;
    return path;
}

/* The blocks of a checkpoint: the loop's own, then the trainer's. */
static syl_train_block block_at(const syl_train_task *task, int i)
{
    syl_mirror *mirrors[OWN_BLOCKS] = {&task->set->values, &task->optimizer->first,
                                       &task->optimizer->second};
    static const char *const names[OWN_BLOCKS] = {"parameters", "adamw.first", "adamw.second"};
    if (i >= OWN_BLOCKS) return task->blocks[i - OWN_BLOCKS];
    return (syl_train_block){names[i], mirrors[i]->host, mirrors[i]->size, mirrors[i]};
}

static json_t *describe(const syl_train_task *task, const syl_train_state *state)
{
    char step[32], score[64], since[128];
    snprintf(step, sizeof step, "%" PRId64, state->step);
    snprintf(score, sizeof score, "%a", state->best_score);
    snprintf(since, sizeof since, "%a %a", state->since.loss, state->since.weight);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "format", FORMAT, "step", step, "best_score",
                     score, "since", since, "identity", task->identity);
}

syl_status syl_checkpoint_save(const char *folder, const syl_train_task *task,
                               const syl_train_state *state, syl_error *err)
{
    int count = OWN_BLOCKS + task->num_blocks;
    syl_st_tensor *tensors = syl_calloc((size_t)count, sizeof *tensors);
    json_t *metadata = describe(task, state);
    char *path = syl_train_path(folder, NAME);
    syl_status status = SYL_OK;
    if (!tensors || !metadata || !path)
        status = syl_fail(err, SYL_ENOMEM, "no memory for a checkpoint");
    for (int i = 0; status == SYL_OK && i < count; i++) {
        syl_train_block b = block_at(task, i);
        if (b.mirror) status = syl_mirror_pull(b.mirror, err);
        tensors[i] = (syl_st_tensor){.name = b.name,
                                     .dtype = SYL_F32,
                                     .ndim = 1,
                                     .shape = {b.size},
                                     .data = b.data,
                                     .count = (size_t)b.size};
    }
    if (status == SYL_OK)
        status = syl_safetensors_write(path, tensors, (size_t)count, metadata, err);
    json_decref(metadata);
    free(tensors);
    free(path);
    return status;
}

static syl_status take_blocks(const syl_safetensors *file, const syl_train_task *task,
                              syl_error *err)
{
    for (int i = 0; i < OWN_BLOCKS + task->num_blocks; i++) {
        syl_train_block b = block_at(task, i);
        const syl_st_tensor *t = syl_safetensors_find(file, b.name);
        if (!t || t->dtype != SYL_F32 || t->count != (size_t)b.size)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: its %s do not fit the model; was it made with another "
                            "configuration? Give another --out, or remove it",
                            syl_safetensors_path(file), b.name);
        memcpy(b.data, t->data, t->count * sizeof(float));
        for (int64_t k = 0; k < b.size; k++)
            if (!isfinite(b.data[k]))
                return syl_fail(err, SYL_EFORMAT,
                                "%s: its %s hold a value that is not finite; remove it",
                                syl_safetensors_path(file), b.name);
    }
    return SYL_OK;
}

static syl_status parse_state(const syl_safetensors *file, syl_train_state *state, syl_error *err)
{
    const char *step = syl_safetensors_metadata(file, "step");
    const char *score = syl_safetensors_metadata(file, "best_score");
    const char *since = syl_safetensors_metadata(file, "since");
    char *end = NULL;
    long long value = step ? strtoll(step, &end, 10) : -1;
    if (!score || !since || value < 0 || value > MAX_STEP || *end ||
        sscanf(since, "%la %la", &state->since.loss, &state->since.weight) != 2)
        return syl_fail(err, SYL_EFORMAT, "%s: its step or its sums make no sense; remove it",
                        syl_safetensors_path(file));
    state->step = value;
    state->best_score = strtod(score, NULL);
    return SYL_OK;
}

static syl_status take(const syl_safetensors *file, const syl_train_task *task,
                       syl_train_state *state, syl_error *err)
{
    const char *format = syl_safetensors_metadata(file, "format");
    const char *identity = syl_safetensors_metadata(file, "identity");
    if (!format || strcmp(format, FORMAT) || !identity)
        return syl_fail(err, SYL_EFORMAT, "%s is no checkpoint of this program",
                        syl_safetensors_path(file));
    SYL_TRY(
        syl_run_identity_check(syl_safetensors_path(file), identity, task->identity, "--out", err));
    SYL_TRY(parse_state(file, state, err));
    task->optimizer->adamw.step = state->step;
    return take_blocks(file, task, err);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

syl_status syl_checkpoint_refuse(const char *folder, syl_error *err)
{
    char *path = syl_train_path(folder, NAME);
    if (!path) return syl_fail(err, SYL_ENOMEM, "no memory for a path");
    bool there = is_there(path);
    free(path);
    if (!there) return SYL_OK;
    return syl_fail(err, SYL_EINVAL,
                    "%s holds a run already; go on with --resume, or give another "
                    "--out",
                    folder);
}

syl_status syl_checkpoint_load(const char *folder, const syl_train_task *task,
                               syl_train_state *state, bool *found, syl_error *err)
{
    char *path = syl_train_path(folder, NAME);
    syl_safetensors *file = NULL;
    *found = false;
    if (!path) return syl_fail(err, SYL_ENOMEM, "no memory for a path");
    syl_status status = SYL_OK;
    if (is_there(path)) {
        status = syl_safetensors_open(&file, path, err);
        if (status == SYL_OK) status = take(file, task, state, err);
        *found = status == SYL_OK;
    }
    syl_safetensors_free(file);
    free(path);
    return status;
}
