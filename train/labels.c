#include "train/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"

static syl_status add_recording(syl_labels *l, const char *folder, const char *key, syl_error *err)
{
    /* Every / may become two bytes. */
    size_t room = strlen(folder) + 2 * strlen(key) + 8;
    char *path = malloc(room), *to;
    if (!path) return syl_fail_memory(err, room, "a path");
    sprintf(path, "%s/%s.wav", folder, key);
    if (access(path, F_OK)) {
        to = path + sprintf(path, "%s/", folder);
        for (; *key; key++)
            to = *key == '/' ? stpcpy(to, "__") : (*to = *key, to + 1);
        strcpy(to, ".wav");
    }
    syl_status status = syl_inputs_add(&l->inputs, path, err);
    free(path);
    return status;
}

syl_status syl_labels_read(syl_labels *l, const char *path, const char *folder, syl_error *err)
{
    json_error_t where;
    size_t i;
    json_t *item;
    *l = (syl_labels){.list = json_load_file(path, 0, &where)};
    if (!l->list) return syl_fail(err, SYL_EFORMAT, "%s:%d: %s", path, where.line, where.text);
    syl_status status = SYL_OK;
    if (json_array_size(l->list) == 0)
        status = syl_fail(err, SYL_EFORMAT, "%s: a list of recordings is expected", path);
    json_array_foreach(l->list, i, item)
    {
        const char *key = json_string_value(json_object_get(item, "key"));
        if (status != SYL_OK) break;
        if (!key || !json_is_array(json_object_get(item, "syl")))
            status =
                syl_fail(err, SYL_EFORMAT, "%s: item %zu has no \"key\" or no \"syl\"", path, i);
        else
            status = add_recording(l, folder, key, err);
    }
    if (status != SYL_OK) syl_labels_free(l);
    return status;
}

void syl_labels_free(syl_labels *l)
{
    json_decref(l->list);
    syl_inputs_free(&l->inputs);
    *l = (syl_labels){0};
}

syl_status syl_labels_boundaries(const syl_labels *l, size_t i, double **out, size_t *count,
                                 syl_error *err)
{
    json_t *syllables = json_object_get(json_array_get(l->list, i), "syl");
    size_t n = json_array_size(syllables);
    *count = 2 * n;
    *out = syl_calloc(2 * n, sizeof **out);
    if (!*out) return syl_fail_memory(err, 2 * n * sizeof **out, "labels");
    for (size_t k = 0; k < 2 * n; k++) {
        const json_t *time = json_array_get(json_array_get(syllables, k / 2), k % 2);
        (*out)[k] = json_number_value(time);
        if (json_is_number(time) && isfinite((*out)[k])) continue;
        free(*out);
        *out = NULL;
        return syl_fail(err, SYL_EFORMAT, "syllable %zu of its labels is no [start, end, ...]",
                        k / 2);
    }
    return SYL_OK;
}
