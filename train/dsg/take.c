/* What was trained becomes a model. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "train/dsg/run.h"

/* The host's array is the caller's from here on. */
static float *take(syl_mirror *m)
{
    float *host = m->host;
    m->host = NULL;
    if (!m->device) m->data = NULL;
    return host;
}

/* [rows][stride] to [rows][dim] in place. */
static float *pack_rows(syl_dsg_table *t)
{
    float *v = take(&t->value);
    for (int64_t i = 1; v && t->stride > t->dim && i < t->rows; i++)
        memmove(v + i * t->dim, v + i * t->stride, (size_t)t->dim * sizeof *v);
    return v;
}

/* [words][senses][stride] to [words][dim][senses] in place; word [senses][stride] is room. */
static float *pack_networks(syl_dsg_table *t, int senses, float *word)
{
    float *v = take(&t->value);
    for (int64_t w = 0; v && w < t->rows / senses; w++) {
        float *to = v + w * senses * t->dim;
        memcpy(word, v + w * senses * t->stride, (size_t)(senses * t->stride) * sizeof *v);
        for (int j = 0; j < t->dim; j++)
            for (int k = 0; k < senses; k++)
                to[j * senses + k] = word[k * t->stride + j];
    }
    return v;
}

syl_status syl_dsg_trainer_take(syl_dsg_trainer *t, syl_vocabulary *vocabulary,
                                const syl_text_options *text, syl_dsg_model **out, syl_error *err)
{
    const syl_dsg_options *o = &t->options;
    syl_dsg_tables *all = &t->tables;
    size_t room = (size_t)o->senses * (size_t)all->sense.stride;
    float *word = syl_calloc(room, sizeof *word);
    *out = NULL;
    if (!word || syl_vocabulary_size(vocabulary) != t->corpus->words) {
        syl_status status =
            word ? syl_fail(err, SYL_EINVAL,
                            "a vocabulary of %" PRId64 " words for a corpus of %" PRId64,
                            syl_vocabulary_size(vocabulary), t->corpus->words)
                 : syl_fail_memory(err, room * sizeof *word, "a network");
        syl_vocabulary_free(vocabulary);
        free(word);
        return status;
    }
    syl_dsg_arrays arrays = {.sense_vectors = pack_rows(&all->sense),
                             .output_vectors = pack_rows(&all->output),
                             .output_bias = t->output_bias,
                             .priors = t->priors,
                             .network = pack_networks(&all->choice, o->senses, word),
                             .network_bias = take(&all->choice.bias)};
    t->output_bias = t->priors = NULL;
    free(word);
    return syl_dsg_model_adopt(out, vocabulary, text, o->senses, o->dim, &arrays, err);
}
