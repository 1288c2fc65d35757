#include "train/sent/adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define END ".safetensors"

static json_t *targets_of(const syl_lora *lora, syl_lm_kind kind)
{
    json_t *list = json_array();
    for (const char *t = syl_lora_targets(lora, kind); *t; t += *t == ',') {
        size_t n = strcspn(t, ",");
        json_array_append_new(list, json_stringn(t, n));
        t += n;
    }
    return list;
}

static syl_status save_config(const syl_sent_model *m, const char *path, const char *base,
                              syl_error *err)
{
    syl_atomic file;
    syl_lm_kind kind = m->config.decoder.kind;
    json_t *from = json_string(base); /* a path that is no UTF-8 has no place in JSON */
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:i, s:f, s:f, s:o, s:b, s:s, s:b}", "peft_type", "LORA",
                  "task_type", "CAUSAL_LM", "base_model_name_or_path", from ? from : json_null(),
                  "r", m->lora.rank, "lora_alpha", (double)m->lora.alpha, "lora_dropout",
                  (double)m->lora.dropout, "target_modules", targets_of(&m->lora, kind),
                  "fan_in_fan_out", kind == SYL_LM_GPT2, "bias", "none", "inference_mode", 1);
    if (!json) return syl_fail(err, SYL_ENOMEM, "no memory for an adapter's configuration");
    syl_status status = syl_atomic_open(&file, path, err);
    if (status == SYL_OK) {
        json_dumpf(json, file.stream, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
        fputc('\n', file.stream);
        status = syl_atomic_commit(&file, err);
    }
    json_decref(json);
    return status;
}

/* Names as peft has them; those of `names` are freed by the caller. */
static syl_status name_all(const syl_sent_model *m, syl_st_tensor *tensors, char **names,
                           syl_error *err)
{
    const char *body = m->config.decoder.kind == SYL_LM_GPT2 ? "transformer" : "model";
    for (int i = 0; i < m->trained.count; i++) {
        const syl_param *p = m->trained.item[i];
        if (asprintf(&names[i], "base_model.model.%s.%s", body, strchr(p->name, '.') + 1) < 0) {
            names[i] = NULL;
            return syl_fail(err, SYL_ENOMEM, "no memory for a name");
        }
        tensors[i] = (syl_st_tensor){.name = names[i],
                                     .dtype = SYL_F32,
                                     .ndim = 2,
                                     .shape = {p->dims[0], p->dims[1]},
                                     .data = m->trained.values.host + p->offset,
                                     .count = (size_t)p->size};
    }
    return SYL_OK;
}

static syl_status save_tensors(const syl_sent_model *m, const char *path, syl_error *err)
{
    size_t n = (size_t)m->trained.count;
    syl_st_tensor *tensors = syl_calloc(n, sizeof *tensors);
    char **names = syl_calloc(n, sizeof *names);
    json_t *metadata = json_pack("{s:s}", "format", "pt");
    syl_status status = tensors && names && metadata
                            ? name_all(m, tensors, names, err)
                            : syl_fail(err, SYL_ENOMEM, "no memory for an adapter");
    if (status == SYL_OK) status = syl_safetensors_write(path, tensors, n, metadata, err);
    for (size_t i = 0; names && i < n; i++)
        free(names[i]);
    free(names);
    free(tensors);
    json_decref(metadata);
    return status;
}

syl_status syl_sent_adapter_save(const syl_sent_model *m, const char *path, const char *base,
                                 syl_error *err)
{
    int stem = (int)(strlen(path) - strlen(END));
    char *folder = NULL, *tensors = NULL, *config = NULL;
    if (asprintf(&folder, "%.*s-adapter", stem, path) < 0) folder = NULL;
    if (folder && asprintf(&tensors, "%s/adapter_model" END, folder) < 0) tensors = NULL;
    if (folder && asprintf(&config, "%s/adapter_config.json", folder) < 0) config = NULL;
    syl_status status = folder && tensors && config
                            ? syl_make_folder(folder, err)
                            : syl_fail(err, SYL_ENOMEM, "no memory for a path");
    if (status == SYL_OK) status = save_tensors(m, tensors, err);
    if (status == SYL_OK) status = save_config(m, config, base, err);
    free(folder);
    free(tensors);
    free(config);
    return status;
}
