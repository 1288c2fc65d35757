/* Byte-level BPE (embed/lm/bpe.h) as a tokenizer of sentences. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/bpe.h"
#include "embed/sent/tokenizer.h"
#include "lib/base/memory.h"

typedef struct bpe_tokenizer {
    syl_sent_tokenizer base;
    syl_bpe *bpe;
    char *file; /* its name beside the model */
} bpe_tokenizer;

static void free_bpe(syl_sent_tokenizer *base)
{
    bpe_tokenizer *t = (bpe_tokenizer *)base;
    syl_bpe_free(t->bpe);
    free(t->file);
    free(t);
}

static syl_status encode(const syl_sent_tokenizer *base, const char *text, size_t length,
                         syl_sent_ids *ids, syl_error *err)
{
    const bpe_tokenizer *t = (const bpe_tokenizer *)base;
    int32_t *list;
    size_t count;
    SYL_TRY(syl_bpe_encode(t->bpe, text, length, false, &list, &count, err));
    syl_status status = SYL_OK;
    for (size_t i = 0; i < count && !status; i++)
        status = syl_sent_ids_add(ids, list[i], err);
    free(list);
    return status;
}

static syl_status decode(const syl_sent_tokenizer *base, const int32_t *ids, size_t count,
                         char **text, syl_error *err)
{
    const bpe_tokenizer *t = (const bpe_tokenizer *)base;
    size_t length;
    *text = NULL;
    return syl_bpe_decode(t->bpe, ids, count, false, text, &length, err);
}

static json_t *to_json(const syl_sent_tokenizer *base)
{
    return json_pack("{s:s, s:s}", "type", "bpe", "file", ((const bpe_tokenizer *)base)->file);
}

/* Newline and end, which must be tokens. */
static syl_status fill(bpe_tokenizer *t, const char *path, syl_error *err)
{
    syl_bpe_info info = syl_bpe_get_info(t->bpe);
    t->base = (syl_sent_tokenizer){.vocab = info.size,
                                   .newline = syl_bpe_find(t->bpe, "\n", 1),
                                   .eos = info.end,
                                   .encode = encode,
                                   .decode = decode,
                                   .to_json = to_json,
                                   .free = free_bpe};
    if (t->base.newline >= 0 && t->base.eos >= 0) return SYL_OK;
    return syl_fail(err, SYL_EFORMAT, "%s: the tokenizer has no token %s", path,
                    t->base.newline < 0 ? "of a newline alone" : "that ends a text");
}

syl_status syl_sent_bpe_tokenizer(syl_sent_tokenizer **out, const char *path, syl_error *err)
{
    bpe_tokenizer *t = syl_calloc(1, sizeof *t);
    const char *name = strrchr(path, '/');
    *out = NULL;
    if (!t) return syl_fail_memory(err, sizeof *t, "a tokenizer");
    t->file = strdup(name ? name + 1 : path);
    syl_status status = t->file ? SYL_OK : syl_fail_memory(err, strlen(path), "a name");
    if (!status) status = syl_bpe_load(&t->bpe, path, err);
    if (!status) status = fill(t, path, err);
    if (status)
        free_bpe(&t->base);
    else
        *out = &t->base;
    return status;
}

syl_status syl_sent_bpe_beside(syl_sent_tokenizer **out, const char *file, const char *model,
                               syl_error *err)
{
    const char *slash = strrchr(model, '/');
    char *path = NULL;
    *out = NULL;
    if (!*file || strchr(file, '/'))
        return syl_fail(err, SYL_EFORMAT, "%s: the tokenizer's file, \"%.80s\", is not beside it",
                        model, file);
    if (asprintf(&path, "%.*s%s", slash ? (int)(slash - model) + 1 : 0, model, file) < 0)
        return syl_fail_memory(err, strlen(file), "a path");
    syl_status status = syl_sent_bpe_tokenizer(out, path, err);
    free(path);
    return status;
}
