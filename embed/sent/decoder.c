#include "embed/sent/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embed/sent/saved.h"

static bool holds(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return false;
    bool there = !access(path, F_OK);
    free(path);
    return there;
}

bool syl_sent_is_saved(const char *path)
{
    static const char end[] = ".safetensors";
    size_t n = strlen(path), m = strlen(end);
    if (n > m && !strcmp(path + n - m, end)) return true;
    return holds(path, "model.safetensors") && !holds(path, "config.json");
}

/* The tokenizer's file lies beside the model. */
static syl_status load_bpe(syl_bpe **bpe, const syl_sent_saved *s, syl_error *err)
{
    json_t *json = s->tokenizer->to_json(s->tokenizer);
    const char *name = json_string_value(json_object_get(json, "file"));
    const char *model = syl_safetensors_path(s->file), *slash = strrchr(model, '/');
    char *path = NULL;
    syl_status status = SYL_OK;
    if (!name)
        status =
            syl_fail(err, SYL_EUNSUPPORTED,
                     "%s has a vocabulary of words; sylkit sent predict reads such models", model);
    else if (asprintf(&path, "%.*s%s", slash ? (int)(slash - model) + 1 : 0, model, name) < 0)
        status = syl_fail(err, SYL_ENOMEM, "no memory for a path");
    else
        status = syl_bpe_load(bpe, path, err);
    free(path);
    json_decref(json);
    return status;
}

syl_status syl_sent_decoder_open(syl_lm **lm, syl_bpe **bpe, const char *path,
                                 const syl_lm_open_options *o, syl_error *err)
{
    syl_sent_saved saved;
    *lm = NULL;
    *bpe = NULL;
    SYL_TRY(syl_sent_saved_open(&saved, path, err));
    syl_status status = load_bpe(bpe, &saved, err);
    if (status == SYL_OK)
        status = syl_lm_open(lm, saved.file, "decoder.", &saved.config.decoder, o->dtype, o->device,
                             err);
    syl_sent_saved_close(&saved);
    if (status == SYL_OK) return SYL_OK;
    syl_bpe_free(*bpe);
    *bpe = NULL;
    return status;
}
