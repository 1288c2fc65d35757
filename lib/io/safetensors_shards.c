/* Tensors in several files, as an index names them: Hugging Face's model.safetensors.index.json,
 * {"weight_map": {"tensor": "file beside the index", ...}, ...}. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/io/safetensors_inner.h"

#define MAX_INDEX ((size_t)64 << 20)
#define MAX_TENSORS 100000
#define MAX_SHARDS 1000

/* An index at work. */
typedef struct reader {
    syl_safetensors *all;
    const json_t *files; /* weight_map: tensor -> file */
    json_t *number;      /* file -> its place among the shards */
} reader;

/* ---- the index ------------------------------------------------------------------------------- */

static syl_status read_index(syl_safetensors *all, syl_error *err)
{
    json_error_t json;
    if (all->map.size > MAX_INDEX)
        return syl_fail(err, SYL_EFORMAT, "%s: an index of %zu bytes (at most %zu)", all->path,
                        all->map.size, MAX_INDEX);
    if (all->map.size == 0) return syl_fail(err, SYL_EFORMAT, "%s is empty", all->path);
    SYL_TRY(syl_st_count_values((const char *)all->map.data, all->map.size, all->path, err));
    all->root =
        json_loadb((const char *)all->map.data, all->map.size, JSON_REJECT_DUPLICATES, &json);
    if (!all->root)
        return syl_fail(err, SYL_EFORMAT, "%s, line %d: %s", all->path, json.line, json.text);
    return SYL_OK;
}

/* A file beside the index, and no other place. */
static bool is_plain_name(const char *name)
{
    static const char end[] = ".safetensors";
    size_t length = strlen(name);
    return !strchr(name, '/') && name[0] != '.' && length < 256 && length >= sizeof end &&
           !strcmp(name + length - (sizeof end - 1), end);
}

/* r->number: every file once. */
static syl_status list_shards(reader *r, syl_error *err)
{
    const char *path = r->all->path, *tensor;
    json_t *value;
    if (!json_is_object(r->files) || json_object_size(r->files) == 0 ||
        json_object_size(r->files) > MAX_TENSORS)
        return syl_fail(err, SYL_EFORMAT, "%s: its weight_map names no tensors, or above %d", path,
                        MAX_TENSORS);
    json_object_foreach((json_t *)r->files, tensor, value)
    {
        const char *file = json_string_value(value);
        if (!file || !is_plain_name(file))
            return syl_fail(err, SYL_EFORMAT,
                            "%s: \"%.100s\" is in \"%.100s\", which is no NAME.safetensors beside "
                            "the index",
                            path, tensor, file ? file : "");
        if (json_object_get(r->number, file)) continue;
        size_t n = json_object_size(r->number);
        if (n == MAX_SHARDS)
            return syl_fail(err, SYL_EFORMAT, "%s names more than %d files", path, MAX_SHARDS);
        if (json_object_set_new(r->number, file, json_integer((json_int_t)n)))
            return syl_fail(err, SYL_ENOMEM, "%s: no memory for its files", path);
    }
    return SYL_OK;
}

static syl_status open_shards(reader *r, syl_error *err)
{
    syl_safetensors *all = r->all;
    const char *slash = strrchr(all->path, '/'), *file;
    json_t *value;
    size_t n = json_object_size(r->number);
    all->shards = syl_calloc(n, sizeof(syl_safetensors *));
    if (!all->shards) return syl_fail_memory(err, n * sizeof(syl_safetensors *), all->path);
    json_object_foreach(r->number, file, value)
    {
        char *path;
        if (asprintf(&path, "%.*s%s", slash ? (int)(slash - all->path) + 1 : 0, all->path, file) <
            0)
            return syl_fail_memory(err, strlen(all->path), "a path");
        syl_status status = syl_safetensors_open(&all->shards[all->num_shards], path, err);
        free(path);
        SYL_TRY(status);
        all->num_shards++;
    }
    return SYL_OK;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Every entry of a shard stands for that shard in the index. */
static syl_status check_shard(const reader *r, size_t i, syl_error *err)
{
    const syl_safetensors *shard = r->all->shards[i];
    const char *tensor;
    json_t *value;
    json_object_foreach(shard->root, tensor, value)
    {
        if (!strcmp(tensor, "__metadata__")) continue;
        const char *file = json_string_value(json_object_get(r->files, tensor));
        if (!file)
            return syl_fail(err, SYL_EFORMAT, "%s has a tensor \"%.100s\" that %s does not name",
                            shard->path, tensor, r->all->path);
        if ((size_t)json_integer_value(json_object_get(r->number, file)) != i)
            return syl_fail(err, SYL_EFORMAT,
                            "%s has a tensor \"%.100s\" that is in %.100s according to %s",
                            shard->path, tensor, file, r->all->path);
    }
    return SYL_OK;
}

/* Every entry of the index is there. */
static syl_status check_index(const reader *r, syl_error *err)
{
    const char *tensor;
    json_t *value;
    json_object_foreach((json_t *)r->files, tensor, value)
    {
        const char *file = json_string_value(value);
        size_t i = (size_t)json_integer_value(json_object_get(r->number, file));
        if (!json_object_get(r->all->shards[i]->root, tensor) || !strcmp(tensor, "__metadata__"))
            return syl_fail(err, SYL_EFORMAT, "%s: tensor \"%.100s\" is not in %s", r->all->path,
                            tensor, r->all->shards[i]->path);
    }
    return SYL_OK;
}

static syl_status gather(reader *r, syl_error *err)
{
    syl_safetensors *all = r->all;
    size_t total = 0;
    for (size_t i = 0; i < all->num_shards; i++) {
        SYL_TRY(check_shard(r, i, err));
        total += all->shards[i]->count;
    }
    SYL_TRY(check_index(r, err));
    all->tensors = syl_calloc(total, sizeof *all->tensors);
    if (!all->tensors) return syl_fail_memory(err, total * sizeof *all->tensors, "a tensor list");
    for (size_t i = 0; i < all->num_shards; i++)
        for (size_t k = 0; k < all->shards[i]->count; k++)
            all->tensors[all->count++] = all->shards[i]->tensors[k];
    if (all->count) qsort(all->tensors, all->count, sizeof *all->tensors, syl_st_by_name);
    return SYL_OK;
}

static syl_status read_all(reader *r, syl_error *err)
{
    SYL_TRY(syl_map_open(&r->all->map, r->all->path, err));
    SYL_TRY(read_index(r->all, err));
    r->files = json_object_get(r->all->root, "weight_map");
    SYL_TRY(list_shards(r, err));
    SYL_TRY(open_shards(r, err));
    return gather(r, err);
}

syl_status syl_safetensors_open_index(syl_safetensors **out, const char *path, syl_error *err)
{
    reader r = {.all = syl_calloc(1, sizeof *r.all), .number = json_object()};
    *out = NULL;
    if (r.all) r.all->path = strdup(path);
    syl_status status = r.all && r.all->path && r.number
                            ? read_all(&r, err)
                            : syl_fail_memory(err, sizeof *r.all, "a tensor file");
    json_decref(r.number);
    if (status == SYL_OK)
        *out = r.all;
    else
        syl_safetensors_free(r.all);
    return status;
}

syl_status syl_safetensors_open_folder(syl_safetensors **out, const char *folder, syl_error *err)
{
    char *whole = NULL, *index = NULL;
    *out = NULL;
    if (asprintf(&whole, "%s/model.safetensors", folder) < 0) whole = NULL;
    if (asprintf(&index, "%s/model.safetensors.index.json", folder) < 0) index = NULL;
    syl_status status;
    if (!whole || !index)
        status = syl_fail_memory(err, strlen(folder), "a path");
    else if (access(whole, F_OK) && !access(index, F_OK))
        status = syl_safetensors_open_index(out, index, err);
    else
        status = syl_safetensors_open(out, whole, err);
    free(whole);
    free(index);
    return status;
}
