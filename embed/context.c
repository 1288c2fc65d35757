#include "embed/context.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/documents.h"

struct syl_context {
    syl_text_encoder *encoder;
    int32_t *ids;
    size_t room;
};

syl_status syl_context_create(syl_context **out, const syl_dsg_model *model, syl_error *err)
{
    syl_text_options text = {0};
    *out = NULL;
    SYL_TRY(syl_text_options_copy(&text, &model->text, err));
    text.bigrams = text.sentences = false;
    text.min_line = text.min_sentence = text.min_sentence_words = 0;
    syl_context *c = syl_calloc(1, sizeof *c);
    syl_status status = SYL_OK;
    if (!c)
        status = syl_fail_memory(err, sizeof *c, "contexts");
    else
        status = syl_text_encoder_create(&c->encoder, &text, model->vocabulary, err);
    syl_text_options_free(&text);
    if (status)
        syl_context_free(c);
    else
        *out = c;
    return status;
}

void syl_context_free(syl_context *context)
{
    if (!context) return;
    syl_text_encoder_free(context->encoder);
    free(context->ids);
    free(context);
}

/* Appends the last (or first) `most` words of a text behind the `*count` that are there. */
static syl_status append(syl_context *c, syl_span text, size_t most, bool last, size_t *count,
                         syl_error *err)
{
    syl_encoded words;
    void *ids = c->ids;
    SYL_TRY(syl_text_encode(c->encoder, text.size ? text.data : "", text.size, &words, err));
    size_t all = (size_t)words.count, taken = all < most ? all : most;
    SYL_TRY(syl_grow(&ids, &c->room, *count + taken + 1, sizeof *c->ids, err));
    c->ids = ids;
    if (taken)
        memcpy(c->ids + *count, words.items + (last ? all - taken : 0), taken * sizeof *c->ids);
    *count += taken;
    return SYL_OK;
}

syl_status syl_context_encode(syl_context *context, syl_span left, syl_span right, int window,
                              syl_context_ids *out, syl_error *err)
{
    size_t most = window > 0 ? (size_t)window : SIZE_MAX, count = 0;
    SYL_TRY(append(context, left, most, true, &count, err));
    out->left = count;
    SYL_TRY(append(context, right, most, false, &count, err));
    out->count = count;
    out->ids = context->ids;
    return SYL_OK;
}
