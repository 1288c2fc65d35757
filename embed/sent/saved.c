#include "embed/sent/saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file that `path` stands for, owned by the caller; NULL: no memory. */
static char *file_of(const char *path)
{
    static const char *const names[] = {"best.safetensors", "model.safetensors"};
    struct stat st;
    char *file = NULL;
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) return strdup(path);
    for (int i = 0; i < 2; i++) {
        free(file);
        if (asprintf(&file, "%s/%s", path, names[i]) < 0) return NULL;
        if (!access(file, F_OK)) break;
    }
    return file;
}

/* A JSON text of the metadata, a new reference. */
static syl_status metadata_json(const syl_safetensors *file, const char *key, json_t **out,
                                syl_error *err)
{
    json_error_t why;
    const char *text = syl_safetensors_metadata(file, key);
    *out = text ? json_loads(text, 0, &why) : NULL;
    if (*out) return SYL_OK;
    return syl_fail(err, SYL_EFORMAT, "%s: its metadata have no %s", syl_safetensors_path(file),
                    key);
}

static syl_status take(syl_sent_saved *s, syl_error *err)
{
    json_t *json;
    const char *format = syl_safetensors_metadata(s->file, "format");
    const char *path = syl_safetensors_path(s->file);
    if (!format || strcmp(format, SYL_SENT_FORMAT))
        return syl_fail(err, SYL_EFORMAT, "%s is no sentence model of this program", path);
    SYL_TRY(metadata_json(s->file, "config", &json, err));
    syl_status status = syl_sent_config_from_json(&s->config, json, path, err);
    json_decref(json);
    SYL_TRY(status);
    SYL_TRY(metadata_json(s->file, "tokenizer", &json, err));
    status = syl_sent_tokenizer_from_json(&s->tokenizer, json, path, err);
    json_decref(json);
    if (status == SYL_OK && s->tokenizer->vocab > s->config.decoder.vocab)
        status = syl_fail(err, SYL_EFORMAT, "%s: %d tokens, but a vocabulary of %d", path,
                          s->tokenizer->vocab, s->config.decoder.vocab);
    return status;
}

syl_status syl_sent_saved_open(syl_sent_saved *s, const char *path, syl_error *err)
{
    memset(s, 0, sizeof *s);
    char *file = file_of(path);
    if (!file) return syl_fail(err, SYL_ENOMEM, "no memory for a path");
    syl_status status = syl_safetensors_open(&s->file, file, err);
    free(file);
    if (status == SYL_OK) status = take(s, err);
    if (status != SYL_OK) syl_sent_saved_close(s);
    return status;
}

void syl_sent_saved_close(syl_sent_saved *s)
{
    syl_safetensors_free(s->file);
    syl_sent_tokenizer_free(s->tokenizer);
    memset(s, 0, sizeof *s);
}
