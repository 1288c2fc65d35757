/* A model as a file: safetensors with the metadata "sylkit.bpv", one JSON object, and the tensors
 * output, bias, words, projection, offset, documents (float32, without padding), vocabulary
 * (bytes: a line ITEM<TAB>COUNT an item) and names (bytes: each ended by a NUL). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/bpv.h"
#include "lib/base/memory.h"
#include "lib/io/safetensors.h"

#define KEY "sylkit.bpv"
#define VERSION 1
#define MOST_TENSORS 8

/* A table as the file has it: `parts` pieces of `length` a row, each padded in memory. */
typedef struct table {
    const char *name;
    float *data;
    int64_t rows, parts, length;
} table;

static int list_tables(const syl_bpv *m, bool with_documents, table list[MOST_TENSORS])
{
    const syl_bpv_shape *s = &m->shape;
    int64_t items = m->sampler.size;
    int n = 0;
    list[n++] = (table){"output", m->output, items, 1 + s->context, s->bits};
    list[n++] = (table){"bias", m->bias, 1, 1, items};
    if (m->words) list[n++] = (table){"words", m->words, items, 1, s->bits};
    if (m->projection) list[n++] = (table){"projection", m->projection, s->bits, 1, s->dim};
    if (m->offset) list[n++] = (table){"offset", m->offset, 1, 1, s->bits};
    if (m->documents && with_documents)
        list[n++] = (table){"documents", m->documents, m->num_documents, 1, s->dim};
    return n;
}

/* Pieces in memory are padded, but for one that is alone, such as the bias. */
static int64_t stride_of(const table *t)
{
    return t->rows * t->parts == 1 ? t->length : syl_paragraph_padded(t->length);
}

/* ---- writing --------------------------------------------------------------------------------- */

static json_t *describe(const syl_bpv *m, bool with_documents)
{
    const syl_bpv_shape *s = &m->shape;
    const syl_bpv_infer_options *i = &s->infer;
    json_t *text = syl_text_options_write(&m->text);
    json_t *infer = json_pack("{s:i, s:f, s:f, s:b, s:I}", "passes", i->passes, "learning_rate",
                              i->learning_rate, "dropout", i->dropout, "sigmoid", i->sigmoid != 0,
                              "seed", (json_int_t)i->seed);
    if (!text || !infer) {
        json_decref(text);
        json_decref(infer);
        return NULL;
    }
    return json_pack(
        "{s:i, s:s, s:i, s:i, s:i, s:b, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:I, s:o, s:o}",
        "version", VERSION, "kind", syl_bpv_kind_names[s->kind], "bits", s->bits, "dim", s->dim,
        "context", s->context, "sign", s->sign, "loss",
        s->loss == SYL_SAMPLED_SOFTMAX ? "softmax" : "negative-sampling", "chunk", s->chunk,
        "negatives", s->negatives, "negatives_weight", s->negatives_weight, "power", s->power,
        "spread", s->spread, "accumulator", s->accumulator, "documents",
        (json_int_t)(with_documents ? m->num_documents : 0), "infer", infer, "text", text);
}

static syl_status pack(const table *t, float **out, syl_error *err)
{
    int64_t stride = stride_of(t);
    *out = syl_calloc((size_t)(t->rows * t->parts * t->length), sizeof **out);
    if (!*out) return syl_fail_memory(err, (size_t)(t->rows * t->parts * t->length) * 4, t->name);
    for (int64_t r = 0; r < t->rows * t->parts; r++)
        memcpy(*out + r * t->length, t->data + r * stride, (size_t)t->length * sizeof **out);
    return SYL_OK;
}

/* Names one behind the other, each with its NUL. */
static char *join_names(const syl_bpv *m, size_t *size)
{
    size_t n = 0;
    for (int64_t i = 0; i < m->num_documents; i++)
        n += strlen(syl_bpv_document_name(m, i)) + 1;
    char *all = syl_calloc(n, 1), *to = all;
    for (int64_t i = 0; all && i < m->num_documents; i++)
        to = stpcpy(to, syl_bpv_document_name(m, i)) + 1;
    *size = n;
    return all;
}

static syl_st_tensor bytes_tensor(const char *name, const void *data, size_t size)
{
    return (syl_st_tensor){name, SYL_S8, 1, {(int64_t)size}, data, size};
}

/* The tensors' data are the caller's to free. */
static syl_status make_tensors(const syl_bpv *m, bool with_documents,
                               syl_st_tensor tensors[MOST_TENSORS], size_t *count, syl_error *err)
{
    table list[MOST_TENSORS];
    int n = list_tables(m, with_documents, list);
    for (int i = 0; i < n; i++) {
        const table *t = &list[i];
        float *data;
        SYL_TRY(pack(t, &data, err));
        int64_t cols = t->parts * t->length;
        tensors[(*count)++] =
            (syl_st_tensor){t->name, SYL_F32, 2, {t->rows, cols}, data, (size_t)(t->rows * cols)};
    }
    char *words, *names;
    size_t size;
    SYL_TRY(syl_vocabulary_write(m->vocabulary, &words, &size, err));
    tensors[(*count)++] = bytes_tensor("vocabulary", words, size);
    if (!m->documents || !with_documents) return SYL_OK;
    names = join_names(m, &size);
    if (!names) return syl_fail_memory(err, size, "names");
    tensors[(*count)++] = bytes_tensor("names", names, size);
    return SYL_OK;
}

syl_status syl_bpv_save(const syl_bpv *m, const char *path, bool with_documents, syl_error *err)
{
    syl_st_tensor tensors[MOST_TENSORS];
    size_t count = 0;
    json_t *config = describe(m, with_documents);
    char *text = config ? json_dumps(config, JSON_SORT_KEYS) : NULL;
    json_t *metadata = text ? json_pack("{s:s}", KEY, text) : NULL;
    syl_status status = metadata ? make_tensors(m, with_documents, tensors, &count, err)
                                 : syl_fail(err, SYL_ENOMEM, "no memory for a model's description");
    if (status == SYL_OK) status = syl_safetensors_write(path, tensors, count, metadata, err);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)tensors[i].data);
    json_decref(metadata);
    json_decref(config);
    free(text);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int find_name(const char *const *names, const char *name)
{
    for (int i = 0; name && names[i]; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

static syl_status read_shape(syl_bpv_shape *s, const json_t *config, int64_t *documents,
                             const char *path, syl_error *err)
{
    static const char *const losses[] = {"softmax", "negative-sampling", NULL};
    syl_bpv_infer_options *i = &s->infer;
    const char *kind, *loss;
    int version, sign, sigmoid;
    json_int_t count, seed;
    json_error_t why;
    if (json_unpack_ex(
            (json_t *)(uintptr_t)config, &why, 0,
            "{s:i, s:s, s:i, s:i, s:i, s:b, s:s, s:i, s:i, s:F, s:F, s:F, s:F, s:I, s:{s:i, s:F, "
            "s:F, s:b, s:I}}",
            "version", &version, "kind", &kind, "bits", &s->bits, "dim", &s->dim, "context",
            &s->context, "sign", &sign, "loss", &loss, "chunk", &s->chunk, "negatives",
            &s->negatives, "negatives_weight", &s->negatives_weight, "power", &s->power, "spread",
            &s->spread, "accumulator", &s->accumulator, "documents", &count, "infer", "passes",
            &i->passes, "learning_rate", &i->learning_rate, "dropout", &i->dropout, "sigmoid",
            &sigmoid, "seed", &seed))
        return syl_fail(err, SYL_EFORMAT, "%s: its description is damaged: %s", path, why.text);
    if (version != VERSION)
        return syl_fail(err, SYL_EUNSUPPORTED, "%s is of version %d; this library reads %d", path,
                        version, VERSION);
    int which = find_name(syl_bpv_kind_names, kind), of = find_name(losses, loss);
    if (which < 0 || of < 0 || count < 0 || count > INT32_MAX)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: kind '%.40s', loss '%.40s' or %lld documents make no sense", path,
                        kind, loss, (long long)count);
    s->kind = (syl_bpv_kind)which;
    s->loss = (syl_sampled_loss)of;
    s->sign = sign;
    i->sigmoid = sigmoid;
    i->seed = (uint64_t)seed;
    i->threads = 1;
    *documents = count;
    return SYL_OK;
}

static syl_status find_bytes(const syl_safetensors *file, const char *name,
                             const syl_st_tensor **out, syl_error *err)
{
    *out = syl_safetensors_find(file, name);
    if (!*out || (*out)->dtype != SYL_S8 || (*out)->ndim != 1)
        return syl_fail(err, SYL_EFORMAT, "%s: it has no %s of bytes", syl_safetensors_path(file),
                        name);
    return SYL_OK;
}

static syl_status take_table(const syl_safetensors *file, const table *t, syl_error *err)
{
    const syl_st_tensor *from = syl_safetensors_find(file, t->name);
    int64_t cols = t->parts * t->length, stride = stride_of(t);
    const char *path = syl_safetensors_path(file);
    if (!from || from->dtype != SYL_F32 || from->ndim != 2 || from->shape[0] != t->rows ||
        from->shape[1] != cols)
        return syl_fail(err, SYL_EFORMAT, "%s: %s must be float32 [%" PRId64 "][%" PRId64 "]", path,
                        t->name, t->rows, cols);
    const uint8_t *data = from->data;
    for (int64_t r = 0; r < t->rows * t->parts; r++) {
        float *to = t->data + r * stride;
        memcpy(to, data + (size_t)(r * t->length) * sizeof(float),
               (size_t)t->length * sizeof(float));
        for (int64_t k = 0; k < t->length; k++)
            if (!isfinite(to[k]))
                return syl_fail(err, SYL_EFORMAT, "%s: %s has a value that is not finite", path,
                                t->name);
    }
    return SYL_OK;
}

static syl_status take_names(const syl_safetensors *file, syl_bpv *m, syl_error *err)
{
    const syl_st_tensor *from;
    SYL_TRY(find_bytes(file, "names", &from, err));
    const char *at = from->data, *end = at + from->count;
    for (int64_t i = 0; i < m->num_documents; i++) {
        const char *stop = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        if (!stop)
            return syl_fail(err, SYL_EFORMAT, "%s: it has fewer names than documents",
                            syl_safetensors_path(file));
        if (stop > at && !(m->names[i] = strdup(at)))
            return syl_fail(err, SYL_ENOMEM, "no memory for names");
        at = stop + 1;
    }
    return SYL_OK;
}

static syl_status take_all(const syl_safetensors *file, syl_bpv *m, syl_error *err)
{
    table list[MOST_TENSORS];
    int n = list_tables(m, true, list);
    for (int i = 0; i < n; i++)
        SYL_TRY(take_table(file, &list[i], err));
    return m->documents ? take_names(file, m, err) : SYL_OK;
}

/* Before anything is allocated for what a small file claims. */
static syl_status check_sizes(const syl_safetensors *file, const syl_bpv_shape *s, int64_t items,
                              int64_t documents, syl_error *err)
{
    const syl_st_tensor *output = syl_safetensors_find(file, "output");
    const syl_st_tensor *rows = syl_safetensors_find(file, "documents");
    if (!output || output->ndim != 2 || output->shape[0] != items ||
        output->shape[1] != (int64_t)s->bits * (1 + s->context) ||
        (documents &&
         (!rows || rows->ndim != 2 || rows->shape[0] != documents || rows->shape[1] != s->dim)))
        return syl_fail(err, SYL_EFORMAT,
                        "%s: output and documents do not fit its description (%" PRId64
                        " items, %d bits, %" PRId64 " documents)",
                        syl_safetensors_path(file), items, s->bits, documents);
    return SYL_OK;
}

static syl_status read_parts(const syl_safetensors *file, const json_t *config, syl_bpv **out,
                             syl_error *err)
{
    const char *path = syl_safetensors_path(file);
    const syl_st_tensor *words;
    syl_bpv_shape shape = {0};
    syl_text_options text = {0};
    syl_vocabulary *vocabulary = NULL;
    int64_t documents = 0;
    syl_error why = {0};
    SYL_TRY(read_shape(&shape, config, &documents, path, err));
    if (syl_bpv_check_shape(&shape, &why))
        return syl_fail(err, SYL_EFORMAT, "%s: %s", path, why.message);
    SYL_TRY(find_bytes(file, "vocabulary", &words, err));
    SYL_TRY(syl_text_options_read(&text, json_object_get(config, "text"), path, err));
    syl_status status = syl_vocabulary_parse(&vocabulary, words->data, words->count, path, err);
    if (status == SYL_OK)
        status = check_sizes(file, &shape, syl_vocabulary_size(vocabulary), documents, err);
    if (status != SYL_OK) {
        syl_vocabulary_free(vocabulary);
        syl_text_options_free(&text);
        return status;
    }
    SYL_TRY(syl_bpv_create(out, &shape, &text, vocabulary, documents, err));
    status = take_all(file, *out, err);
    if (status == SYL_OK) return SYL_OK;
    syl_bpv_free(*out);
    *out = NULL;
    return status;
}

static syl_status read_file(const syl_safetensors *file, syl_bpv **out, syl_error *err)
{
    const char *text = syl_safetensors_metadata(file, KEY);
    if (!text)
        return syl_fail(err, SYL_EFORMAT, "%s is no model of documents; sylkit bpv train makes one",
                        syl_safetensors_path(file));
    json_t *config = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    syl_status status = json_is_object(config)
                            ? read_parts(file, config, out, err)
                            : syl_fail(err, SYL_EFORMAT, "%s: its description is no JSON object",
                                       syl_safetensors_path(file));
    json_decref(config);
    return status;
}

syl_status syl_bpv_load(syl_bpv **out, const char *path, syl_error *err)
{
    syl_safetensors *file;
    *out = NULL;
    SYL_TRY(syl_safetensors_open(&file, path, err));
    syl_status status = read_file(file, out, err);
    syl_safetensors_free(file);
    return status;
}

syl_status syl_bpv_parse(syl_bpv **out, const void *data, size_t size, const char *name,
                         syl_error *err)
{
    syl_safetensors *file;
    *out = NULL;
    SYL_TRY(syl_safetensors_parse(&file, data, size, name, err));
    syl_status status = read_file(file, out, err);
    syl_safetensors_free(file);
    return status;
}
