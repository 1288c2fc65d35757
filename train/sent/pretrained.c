#include "train/sent/pretrained.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static syl_status path_in(char **out, const char *folder, const char *name, syl_error *err)
{
    if (asprintf(out, "%s/%s", folder, name) >= 0) return SYL_OK;
    *out = NULL;
    return syl_fail(err, SYL_ENOMEM, "no memory for a path");
}

bool syl_sent_is_pretrained(const char *path)
{
    char *config;
    if (path_in(&config, path, "config.json", NULL) != SYL_OK) return false;
    bool there = !access(config, F_OK);
    free(config);
    return there;
}

static syl_status read_shape(syl_lm_shape *shape, const char *path, syl_error *err)
{
    json_error_t why;
    json_t *json = json_load_file(path, 0, &why);
    if (!json) return syl_fail(err, SYL_EFORMAT, "%s, line %d: %s", path, why.line, why.text);
    syl_status status = syl_lm_shape_from_json(shape, json, path, err);
    json_decref(json);
    return status;
}

/* The first of `count` names that is there in the folder, else the first of all, which
 * messages then name. */
static syl_status find_in(char **out, const char *folder, const char *const *names, int count,
                          syl_error *err)
{
    for (int i = 0; i < count; i++) {
        SYL_TRY(path_in(out, folder, names[i], err));
        if (!access(*out, F_OK)) return SYL_OK;
        free(*out);
    }
    return path_in(out, folder, names[0], err);
}

/* Path by path: configuration, tensors, tokenizer. */
static syl_status open_part(syl_sent_saved *s, int part, const char *folder, syl_error *err)
{
    static const char *const names[] = {"config.json", NULL, "tokenizer.json", "vocab.json",
                                        "encoder.json"};
    char *path;
    if (!names[part]) return syl_safetensors_open_folder(&s->file, folder, err);
    SYL_TRY(find_in(&path, folder, names + part, part == 2 ? 3 : 1, err));
    syl_status status = part == 0 ? read_shape(&s->config.decoder, path, err)
                                  : syl_sent_bpe_tokenizer(&s->tokenizer, path, err);
    free(path);
    return status;
}

syl_status syl_sent_pretrained_open(syl_sent_saved *s, const char *folder, syl_error *err)
{
    memset(s, 0, sizeof *s);
    s->config.stage = SYL_SENT_COT;
    s->config.latent_scale = 1;
    syl_status status = SYL_OK;
    for (int part = 0; status == SYL_OK && part < 3; part++)
        status = open_part(s, part, folder, err);
    if (status == SYL_OK && s->tokenizer->vocab > s->config.decoder.vocab)
        status = syl_fail(err, SYL_EFORMAT, "%s: %d tokens, but a vocabulary of %d", folder,
                          s->tokenizer->vocab, s->config.decoder.vocab);
    if (status != SYL_OK) syl_sent_saved_close(s);
    return status;
}

static syl_status copy(const char *from, const char *to, syl_error *err)
{
    syl_map map;
    syl_atomic file;
    SYL_TRY(syl_map_open(&map, from, err));
    syl_status status = syl_atomic_open(&file, to, err);
    if (status == SYL_OK) {
        fwrite(map.data, 1, map.size, file.stream);
        status = syl_atomic_commit(&file, err);
    }
    syl_map_close(&map);
    return status;
}

/* A file that may be missing, into another folder. */
static syl_status copy_if_there(const char *from, int folder_length, const char *name,
                                const char *to, syl_error *err)
{
    char *source = NULL, *target = NULL;
    if (asprintf(&source, "%.*s%s", folder_length, from, name) < 0)
        return syl_fail(err, SYL_ENOMEM, "no memory for a path");
    syl_status status = SYL_OK;
    if (!access(source, F_OK)) {
        status = path_in(&target, to, name, err);
        if (status == SYL_OK) status = copy(source, target, err);
    }
    free(source);
    free(target);
    return status;
}

syl_status syl_sent_copy_tokenizer(const syl_sent_saved *from, const char *folder, syl_error *err)
{
    json_t *json = from->tokenizer->to_json(from->tokenizer);
    const char *name = json_string_value(json_object_get(json, "file"));
    const char *path = syl_safetensors_path(from->file), *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) + 1 : 0;
    syl_status status = json ? SYL_OK : syl_fail(err, SYL_ENOMEM, "no memory for a tokenizer");
    if (name && status == SYL_OK) status = syl_make_folder(folder, err);
    if (name && status == SYL_OK) status = copy_if_there(path, length, name, folder, err);
    /* A vocabulary without merges has them in a file of their own. */
    bool apart = name && strcmp(name, "tokenizer.json");
    for (int i = 0; apart && i < 2 && status == SYL_OK; i++)
        status = copy_if_there(path, length, i ? "merges.txt" : "vocab.bpe", folder, err);
    json_decref(json);
    return status;
}
