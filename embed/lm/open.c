/* A model and its vocabulary by their path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "embed/lm/lm.h"
#include "lib/base/memory.h"

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static syl_status open_gguf(syl_lm **lm, syl_bpe **bpe, const char *path,
                            const syl_lm_open_options *o, syl_error *err)
{
    syl_gguf *file;
    SYL_TRY(syl_gguf_open(&file, path, err));
    syl_status status = bpe ? syl_bpe_from_gguf(bpe, file, err) : SYL_OK;
    if (status == SYL_OK)
        status = syl_lm_open_gguf(lm, file, o->keep_blocks, o->dtype, o->device, err);
    syl_gguf_free(file);
    return status;
}

static syl_status read_shape(const char *path, syl_lm_shape *shape, syl_error *err)
{
    json_error_t where;
    json_t *config = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!config)
        return where.line > 0
                   ? syl_fail(err, SYL_EFORMAT, "%s, line %d: %s", path, where.line, where.text)
                   : syl_fail(err, SYL_EIO, "%s", where.text); /* names the file */
    syl_status status = syl_lm_shape_from_json(shape, config, path, err);
    json_decref(config);
    return status;
}

static syl_status open_folder(syl_lm **lm, syl_bpe **bpe, const char *path,
                              const syl_lm_open_options *o, syl_error *err)
{
    static const char config[] = "/config.json";
    syl_lm_shape shape;
    syl_safetensors *file = NULL;
    size_t room = strlen(path) + sizeof config;
    char *name = syl_calloc(room, 1);
    if (!name) return syl_fail_memory(err, room, path);
    snprintf(name, room, "%s%s", path, config);
    syl_status status = read_shape(name, &shape, err);
    if (status == SYL_OK) status = syl_safetensors_open_folder(&file, path, err);
    if (status == SYL_OK && bpe) status = syl_bpe_load(bpe, path, err);
    if (status == SYL_OK) status = syl_lm_open(lm, file, "", &shape, o->dtype, o->device, err);
    syl_safetensors_free(file);
    free(name);
    return status;
}

syl_status syl_lm_open_path(syl_lm **lm, syl_bpe **bpe, const char *path,
                            const syl_lm_open_options *options, syl_error *err)
{
    *lm = NULL;
    if (bpe) *bpe = NULL;
    syl_status status = is_folder(path) ? open_folder(lm, bpe, path, options, err)
                                        : open_gguf(lm, bpe, path, options, err);
    if (status == SYL_OK && bpe && syl_bpe_get_info(*bpe).size > syl_lm_shape_of(*lm)->vocab)
        status = syl_fail(err, SYL_EFORMAT, "%s: %d tokens for a model of %d", path,
                          (int)syl_bpe_get_info(*bpe).size, syl_lm_shape_of(*lm)->vocab);
    if (status == SYL_OK) return SYL_OK;
    if (bpe) syl_bpe_free(*bpe);
    syl_lm_free(*lm);
    *lm = NULL;
    if (bpe) *bpe = NULL;
    return status;
}
