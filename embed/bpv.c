#include "embed/bpv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/vector.h"

const char *const syl_bpv_kind_names[] = {"dbow",      "dm",          "binary-dbow",
                                          "binary-dm", "real-binary", NULL};

static syl_status check_sizes(const syl_bpv_shape *s, syl_error *err)
{
    if (s->bits < 1 || s->bits > SYL_BPV_MOST_BITS || s->dim < 1 || s->dim > SYL_BPV_MOST_DIM)
        return syl_fail(err, SYL_EINVAL,
                        "a code of %d bits and a vector of %d: 1 to %d are possible", s->bits,
                        s->dim, SYL_BPV_MOST_BITS);
    if (s->kind != SYL_BPV_REAL_BINARY && s->dim != s->bits)
        return syl_fail(err, SYL_EINVAL,
                        "a vector of %d and a code of %d bits: only real-binary has two lengths",
                        s->dim, s->bits);
    if (syl_bpv_has_context(s->kind) ? s->context < 1 || s->context > SYL_PARAGRAPH_MOST_CONTEXT
                                     : s->context != 0)
        return syl_fail(err, SYL_EINVAL, "%d words of context: 1 to %d for dm, 0 for dbow",
                        s->context, SYL_PARAGRAPH_MOST_CONTEXT);
    if (s->chunk < 1 || s->chunk > SYL_PARAGRAPH_MOST_TARGETS || s->negatives < 1 ||
        s->negatives > SYL_PARAGRAPH_MOST_NEGATIVES)
        return syl_fail(err, SYL_EINVAL,
                        "chunks of %d items with %d negatives: 1 to %d and 1 to %d are possible",
                        s->chunk, s->negatives, SYL_PARAGRAPH_MOST_TARGETS,
                        SYL_PARAGRAPH_MOST_NEGATIVES);
    return SYL_OK;
}

syl_status syl_bpv_check_shape(const syl_bpv_shape *s, syl_error *err)
{
    const syl_bpv_infer_options *i = &s->infer;
    SYL_TRY(check_sizes(s, err));
    if (!(s->negatives_weight > 0) || !(s->power >= 0) || !(s->spread >= 0) ||
        !(s->accumulator > 0) || s->negatives_weight > 1e6 || s->power > 10 || s->spread > 1e6 ||
        s->accumulator > 1e12)
        return syl_fail(
            err, SYL_EINVAL,
            "weight of negatives %g, power %g, spread %g, accumulator %g: the first and "
            "the last must be above 0, the others not below",
            s->negatives_weight, s->power, s->spread, s->accumulator);
    if (i->passes < 0 || i->passes > 100000 || !(i->learning_rate > 0) || i->learning_rate > 1e6)
        return syl_fail(err, SYL_EINVAL,
                        "inference with %d passes and a learning rate of %g: 0 to 100000 and above "
                        "0 are possible",
                        i->passes, i->learning_rate);
    if (!(i->dropout >= 0) || i->dropout > 0.99)
        return syl_fail(err, SYL_EINVAL, "dropout %g: 0 to 0.99 is possible", i->dropout);
    if ((i->sigmoid || s->sign) && !syl_bpv_is_binary(s->kind))
        return syl_fail(err, SYL_EINVAL, "a real-valued model has neither a sigmoid nor signs");
    return SYL_OK;
}

static float *array(int64_t rows, int64_t length, bool *failed)
{
    float *own = syl_calloc(syl_mul_size((size_t)rows, (size_t)length), sizeof *own);
    if (!own) *failed = true;
    return own;
}

static syl_status make_arrays(syl_bpv *m, syl_error *err)
{
    const syl_bpv_shape *s = &m->shape;
    int64_t items = syl_vocabulary_size(m->vocabulary), part = syl_paragraph_padded(s->bits);
    int64_t dim = syl_paragraph_padded(s->dim), width = part * (1 + s->context);
    bool failed = false;
    m->output = array(items, width, &failed);
    m->bias = array(items, 1, &failed);
    if (s->context) m->words = array(items, part, &failed);
    if (s->kind == SYL_BPV_REAL_BINARY) {
        m->projection = array(s->bits, dim, &failed);
        m->offset = array(1, part, &failed);
    }
    if (m->num_documents) m->documents = array(m->num_documents, dim, &failed);
    if (m->num_documents) m->names = syl_calloc((size_t)m->num_documents, sizeof *m->names);
    if (failed || (m->num_documents && !m->names))
        return syl_fail_memory(
            err, syl_mul_size((size_t)(items * width + m->num_documents * dim), sizeof(float)),
            "a model of documents");
    return syl_sampler_power(&m->sampler, syl_vocabulary_counts(m->vocabulary), items, s->power,
                             err);
}

/* Sampled softmax takes the logarithm of a share of the counts. */
static syl_status check_counts(const syl_vocabulary *v, syl_error *err)
{
    const int64_t *counts = syl_vocabulary_counts(v);
    for (int64_t i = 0; i < syl_vocabulary_size(v); i++)
        if (counts[i] < 1)
            return syl_fail(err, SYL_EINVAL,
                            "the vocabulary's item '%.100s' has a count of 0; give it 1 or more, "
                            "or take it out",
                            syl_vocabulary_word(v, i));
    return SYL_OK;
}

syl_status syl_bpv_create(syl_bpv **out, const syl_bpv_shape *shape, const syl_text_options *text,
                          syl_vocabulary *vocabulary, int64_t num_documents, syl_error *err)
{
    syl_bpv *m = syl_calloc(1, sizeof *m);
    syl_bpv unborn = {.text = *text};
    *out = NULL;
    if (!m) {
        syl_text_options_free(&unborn.text);
        syl_vocabulary_free(vocabulary);
        return syl_fail_memory(err, sizeof *m, "a model");
    }
    m->shape = *shape;
    m->text = *text;
    m->vocabulary = vocabulary;
    m->num_documents = num_documents;
    syl_status status = syl_bpv_check_shape(shape, err);
    if (status == SYL_OK) status = check_counts(vocabulary, err);
    if (status == SYL_OK) status = make_arrays(m, err);
    if (status != SYL_OK) {
        syl_bpv_free(m);
        return status;
    }
    *out = m;
    return SYL_OK;
}

void syl_bpv_free(syl_bpv *m)
{
    if (!m) return;
    for (int64_t i = 0; m->names && i < m->num_documents; i++)
        free(m->names[i]);
    free(m->names);
    free(m->output);
    free(m->bias);
    free(m->words);
    free(m->projection);
    free(m->offset);
    free(m->documents);
    syl_sampler_free(&m->sampler);
    syl_vocabulary_free(m->vocabulary);
    syl_text_options_free(&m->text);
    free(m);
}

void syl_bpv_get_info(const syl_bpv *m, syl_bpv_info *info)
{
    *info = (syl_bpv_info){.kind = m->shape.kind,
                           .bits = m->shape.bits,
                           .dim = m->shape.dim,
                           .context = m->shape.context,
                           .items = syl_vocabulary_size(m->vocabulary),
                           .documents = m->num_documents,
                           .bigrams = m->text.bigrams};
}

int32_t syl_bpv_find(const syl_bpv *m, const char *item)
{
    return syl_vocabulary_find(m->vocabulary, item, strlen(item));
}

const char *syl_bpv_item(const syl_bpv *m, int32_t number)
{
    bool known = number >= 0 && number < syl_vocabulary_size(m->vocabulary);
    return known ? syl_vocabulary_word(m->vocabulary, number) : NULL;
}

const char *syl_bpv_document_name(const syl_bpv *m, int64_t document)
{
    bool named = document >= 0 && document < m->num_documents && m->names[document];
    return named ? m->names[document] : "";
}

syl_paragraph_model syl_bpv_paragraph(const syl_bpv *m)
{
    const syl_bpv_shape *s = &m->shape;
    bool binary = syl_bpv_is_binary(s->kind);
    return (syl_paragraph_model){
        .code = s->bits,
        .dim = s->dim,
        .context = s->context,
        .function = binary ? SYL_CODE_ROUND : SYL_CODE_LINEAR,
        .sign = s->sign,
        .loss = s->loss,
        .negatives = s->negatives,
        .negatives_weight = (float)s->negatives_weight,
        .output.value = m->output,
        .bias.value = m->bias,
        .words.value = m->words,
        .projection.value = m->projection,
        .offset.value = m->offset,
        .log_q = m->sampler.log_q,
    };
}

void syl_bpv_codes(const syl_bpv *m, const float *vectors, int64_t count, uint8_t *codes)
{
    int bits = m->shape.bits;
    int64_t dim = syl_paragraph_padded(m->shape.dim), bytes = (bits + 7) / 8;
    memset(codes, 0, (size_t)(count * bytes));
    for (int64_t i = 0; i < count; i++) {
        const float *e = vectors + i * dim;
        for (int j = 0; j < bits; j++) {
            float z =
                m->projection ? m->offset[j] + syl_dot(m->projection + j * dim, e, dim) : e[j];
            if (z > 0) codes[i * bytes + j / 8] |= (uint8_t)(1 << j % 8);
        }
    }
}
