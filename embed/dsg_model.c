#include "embed/dsg_model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/io/safetensors.h"

/* ---- making ----------------------------------------------------------------------------- */

/* The arrays, where they are in the model and what shape they have. */
typedef struct array {
    const char *name;
    float **data;
    int ndim;
    int64_t shape[3];
    bool network; /* it belongs to the disambiguation network */
} array;

#define NUM_ARRAYS 6

static void list_arrays(syl_dsg_model *m, array arrays[NUM_ARRAYS])
{
    int64_t v = m->words, k = m->senses, d = m->dim;
    array all[NUM_ARRAYS] = {
        {"sense_vectors", &m->sense_vectors, 2, {v * k, d}, false},
        {"output_vectors", &m->output_vectors, 2, {v, d}, false},
        {"output_bias", &m->output_bias, 1, {v}, false},
        {"priors", &m->priors, 2, {v, k}, false},
        {"disambiguation", &m->network, 3, {v, d, k}, true},
        {"disambiguation_bias", &m->network_bias, 2, {v, k}, true},
    };
    memcpy(arrays, all, sizeof all);
}

static size_t count_of(const array *a)
{
    size_t count = 1;
    for (int i = 0; i < a->ndim; i++)
        count = syl_mul_size(count, (size_t)a->shape[i]);
    return count;
}

static bool is_size(int64_t words, int senses, int dim)
{
    return words >= 0 && words <= INT32_MAX && senses >= 1 && senses <= SYL_DSG_MAX_SENSES &&
           dim >= 1 && dim <= SYL_DSG_MAX_DIM;
}

size_t syl_dsg_model_bytes(int64_t words, int senses, int dim, bool network)
{
    syl_dsg_model m = {.words = words, .senses = senses, .dim = dim};
    array arrays[NUM_ARRAYS];
    size_t bytes = 0;
    if (!is_size(words, senses, dim)) return SIZE_MAX;
    list_arrays(&m, arrays);
    for (int i = 0; i < NUM_ARRAYS; i++)
        if (network || !arrays[i].network) bytes += count_of(&arrays[i]) * sizeof(float);
    return bytes;
}

static syl_status allocate(syl_dsg_model *m, bool network, syl_error *err)
{
    array arrays[NUM_ARRAYS];
    list_arrays(m, arrays);
    for (int i = 0; i < NUM_ARRAYS; i++) {
        if (arrays[i].network && !network) continue;
        *arrays[i].data = syl_calloc(count_of(&arrays[i]), sizeof(float));
        if (!*arrays[i].data)
            return syl_fail_memory(
                err, syl_dsg_model_bytes(m->words, m->senses, m->dim, network),
                "a model of senses; fewer words, senses or dimensions take less");
    }
    for (int64_t i = 0; i < m->words * m->senses; i++)
        m->priors[i] = 1.0f / (float)m->senses;
    return SYL_OK;
}

static void free_arrays(syl_dsg_model *m)
{
    array arrays[NUM_ARRAYS];
    list_arrays(m, arrays);
    for (int i = 0; i < NUM_ARRAYS; i++)
        free(*arrays[i].data);
}

/* All but the arrays. */
static syl_status fill(syl_dsg_model *m, const syl_text_options *text, syl_error *err)
{
    m->words = syl_vocabulary_size(m->vocabulary);
    if (!is_size(m->words, m->senses, m->dim))
        return syl_fail(err, SYL_EINVAL,
                        "a model of %" PRId64 " words, %d senses and %d dimensions; there may be "
                        "%d words, 1 to %d senses and 1 to %d dimensions",
                        m->words, m->senses, m->dim, INT32_MAX, SYL_DSG_MAX_SENSES,
                        SYL_DSG_MAX_DIM);
    SYL_TRY(syl_text_options_copy(&m->text, text, err));
    m->unknown = -1;
    if (m->text.unknown)
        m->unknown = syl_vocabulary_find(m->vocabulary, SYL_WORD_UNKNOWN, strlen(SYL_WORD_UNKNOWN));
    return SYL_OK;
}

/* Takes over the vocabulary. */
static syl_dsg_model *begin_model(syl_vocabulary *vocabulary, int senses, int dim, syl_error *err)
{
    syl_dsg_model *m = syl_calloc(1, sizeof *m);
    if (!m) {
        syl_vocabulary_free(vocabulary);
        syl_fail_memory(err, sizeof *m, "a model");
        return NULL;
    }
    m->vocabulary = vocabulary;
    m->senses = senses;
    m->dim = dim;
    return m;
}

syl_status syl_dsg_model_create(syl_dsg_model **out, syl_vocabulary *vocabulary,
                                const syl_text_options *text, int senses, int dim, bool network,
                                syl_error *err)
{
    syl_dsg_model *m = begin_model(vocabulary, senses, dim, err);
    *out = NULL;
    if (!m) return SYL_ENOMEM;
    syl_status status = fill(m, text, err);
    if (!status) status = allocate(m, network, err);
    if (status)
        syl_dsg_model_free(m);
    else
        *out = m;
    return status;
}

syl_status syl_dsg_model_adopt(syl_dsg_model **out, syl_vocabulary *vocabulary,
                               const syl_text_options *text, int senses, int dim,
                               const syl_dsg_arrays *arrays, syl_error *err)
{
    syl_dsg_model none = {0}, *m = begin_model(vocabulary, senses, dim, err), *to = m ? m : &none;
    to->sense_vectors = arrays->sense_vectors;
    to->output_vectors = arrays->output_vectors;
    to->output_bias = arrays->output_bias;
    to->priors = arrays->priors;
    to->network = arrays->network;
    to->network_bias = arrays->network_bias;
    *out = NULL;
    if (!m) {
        free_arrays(&none);
        return SYL_ENOMEM;
    }
    syl_status status = fill(m, text, err);
    if (status)
        syl_dsg_model_free(m);
    else
        *out = m;
    return status;
}

void syl_dsg_model_free(syl_dsg_model *model)
{
    if (!model) return;
    free_arrays(model);
    syl_vocabulary_free(model->vocabulary);
    syl_text_options_free(&model->text);
    json_decref(model->training);
    free(model);
}

int32_t syl_dsg_find_word(const syl_dsg_model *model, const char *word, size_t length)
{
    char lower[4 * SYL_WORD_MAX];
    int32_t id = syl_vocabulary_find(model->vocabulary, word, length);
    if (id >= 0 || length > sizeof lower) return id;
    for (size_t i = 0; i < length; i++)
        lower[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] - 'A' + 'a') : word[i];
    return syl_vocabulary_find(model->vocabulary, lower, length);
}

/* ---- saving ----------------------------------------------------------------------------- */

/* Takes over `value`; NULL is no memory. */
static syl_status set_json(json_t *metadata, const char *key, json_t *value, syl_error *err)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    int failed = !text || json_object_set_new(metadata, key, json_string(text));
    json_decref(value);
    free(text);
    return failed ? syl_fail(err, SYL_ENOMEM, "no memory for a model's \"%s\"", key) : SYL_OK;
}

static syl_status describe(const syl_dsg_model *m, json_t *metadata, syl_error *err)
{
    if (!metadata || json_object_set_new(metadata, "format", json_string(SYL_DSG_FORMAT)))
        return syl_fail(err, SYL_ENOMEM, "no memory for a model's metadata");
    SYL_TRY(set_json(metadata, "text", syl_text_options_write(&m->text), err));
    return m->training ? set_json(metadata, "training", json_incref(m->training), err) : SYL_OK;
}

static syl_status write_tensors(const syl_dsg_model *m, const char *words, size_t size,
                                const json_t *metadata, const char *path, syl_error *err)
{
    syl_dsg_model view = *m;
    array arrays[NUM_ARRAYS];
    syl_st_tensor tensors[NUM_ARRAYS + 1];
    size_t n = 0;
    list_arrays(&view, arrays);
    for (int i = 0; i < NUM_ARRAYS; i++) {
        const array *a = &arrays[i];
        if (!*a->data) continue;
        syl_st_tensor *t = &tensors[n++];
        *t = (syl_st_tensor){.name = a->name, .dtype = SYL_F32, .ndim = a->ndim, .data = *a->data};
        memcpy(t->shape, a->shape, sizeof a->shape);
        t->count = count_of(a);
    }
    tensors[n++] = (syl_st_tensor){.name = "vocabulary",
                                   .dtype = SYL_S8,
                                   .ndim = 1,
                                   .shape = {(int64_t)size},
                                   .data = words,
                                   .count = size};
    return syl_safetensors_write(path, tensors, n, metadata, err);
}

syl_status syl_dsg_model_save(const syl_dsg_model *model, const char *path, syl_error *err)
{
    char *words = NULL;
    size_t size = 0;
    json_t *metadata = json_object();
    syl_status status = describe(model, metadata, err);
    if (!status) status = syl_vocabulary_write(model->vocabulary, &words, &size, err);
    if (!status) status = write_tensors(model, words, size, metadata, path, err);
    free(words);
    json_decref(metadata);
    return status;
}

/* ---- loading ---------------------------------------------------------------------------- */

static syl_status find_tensor(const syl_st_tensor **out, const syl_safetensors *file,
                              const char *name, syl_error *err)
{
    *out = syl_safetensors_find(file, name);
    if (!*out)
        return syl_fail(err, SYL_EFORMAT,
                        "%s has no tensor \"%s\"; it is no complete model of "
                        "senses",
                        syl_safetensors_path(file), name);
    return SYL_OK;
}

static syl_status read_words(syl_vocabulary **out, const syl_safetensors *file, syl_error *err)
{
    const syl_st_tensor *t;
    SYL_TRY(find_tensor(&t, file, "vocabulary", err));
    if (t->dtype != SYL_S8)
        return syl_fail(err, SYL_EFORMAT, "%s: its vocabulary is not made of bytes",
                        syl_safetensors_path(file));
    return syl_vocabulary_parse(out, t->data, t->count, syl_safetensors_path(file), err);
}

/* K from the priors, D from the sense vectors; what else is wrong with them shows later. */
static syl_status read_size(const syl_safetensors *file, int64_t *senses, int64_t *dim,
                            syl_error *err)
{
    const syl_st_tensor *priors, *vectors;
    SYL_TRY(find_tensor(&priors, file, "priors", err));
    SYL_TRY(find_tensor(&vectors, file, "sense_vectors", err));
    if (priors->ndim != 2 || vectors->ndim != 2 || priors->shape[1] < 1 ||
        priors->shape[1] > SYL_DSG_MAX_SENSES || vectors->shape[1] < 1 ||
        vectors->shape[1] > SYL_DSG_MAX_DIM)
        return syl_fail(err, SYL_EFORMAT,
                        "%s: its priors or sense vectors are not matrices of 1 to %d senses and 1 "
                        "to %d dimensions",
                        syl_safetensors_path(file), SYL_DSG_MAX_SENSES, SYL_DSG_MAX_DIM);
    *senses = priors->shape[1];
    *dim = vectors->shape[1];
    return SYL_OK;
}

/* Before memory is asked for: all tensors have the shapes of the vocabulary's V. */
static syl_status check_shapes(const syl_safetensors *file, syl_dsg_model *expected, bool network,
                               syl_error *err)
{
    array arrays[NUM_ARRAYS];
    list_arrays(expected, arrays);
    for (int i = 0; i < NUM_ARRAYS; i++) {
        const syl_st_tensor *t;
        if (arrays[i].network && !network) continue;
        SYL_TRY(find_tensor(&t, file, arrays[i].name, err));
        bool same = t->ndim == arrays[i].ndim;
        for (int j = 0; same && j < t->ndim; j++)
            same = t->shape[j] == arrays[i].shape[j];
        if (!same)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: the shape of \"%s\" does not fit %" PRId64
                            " words, %d senses and %d dimensions",
                            syl_safetensors_path(file), arrays[i].name, expected->words,
                            expected->senses, expected->dim);
    }
    return SYL_OK;
}

static syl_status read_arrays(syl_dsg_model *m, const syl_safetensors *file, syl_error *err)
{
    array arrays[NUM_ARRAYS];
    list_arrays(m, arrays);
    for (int i = 0; i < NUM_ARRAYS; i++) {
        float *data = *arrays[i].data;
        if (!data) continue;
        syl_st_to_f32(syl_safetensors_find(file, arrays[i].name), data);
        for (size_t j = 0; j < count_of(&arrays[i]); j++)
            if (!isfinite(data[j]))
                return syl_fail(err, SYL_EFORMAT,
                                "%s: value %zu of \"%s\" is not finite; the "
                                "training went wrong",
                                syl_safetensors_path(file), j, arrays[i].name);
    }
    return SYL_OK;
}

static syl_status check_priors(const syl_dsg_model *m, const char *name, syl_error *err)
{
    for (int64_t w = 0; w < m->words; w++) {
        const float *p = m->priors + w * m->senses;
        double sum = 0;
        bool bad = false;
        for (int k = 0; k < m->senses; k++) {
            bad |= p[k] < 0;
            sum += (double)p[k];
        }
        if (bad || fabs(sum - 1) > 1e-3)
            return syl_fail(err, SYL_EFORMAT,
                            "%s: the priors of \"%.100s\" are no distribution (sum %.6g)", name,
                            syl_vocabulary_word(m->vocabulary, w), sum);
    }
    return SYL_OK;
}

static syl_status read_json(json_t **out, const syl_safetensors *file, const char *key,
                            syl_error *err)
{
    const char *text = syl_safetensors_metadata(file, key);
    *out = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(*out)) return SYL_OK;
    json_decref(*out);
    *out = NULL;
    return syl_fail(err, SYL_EFORMAT, "%s: its metadata \"%s\" is no JSON object",
                    syl_safetensors_path(file), key);
}

static syl_status read_text_options(syl_text_options *out, const syl_safetensors *file,
                                    syl_error *err)
{
    json_t *object;
    SYL_TRY(read_json(&object, file, "text", err));
    syl_status status = syl_text_options_read(out, object, syl_safetensors_path(file), err);
    json_decref(object);
    return status;
}

/* Takes over the vocabulary. */
static syl_status make_model(syl_dsg_model **out, const syl_safetensors *file,
                             syl_vocabulary *vocabulary, syl_error *err)
{
    int64_t senses = 0, dim = 0;
    bool network = syl_safetensors_find(file, "disambiguation");
    syl_text_options text = {0};
    syl_dsg_model expected = {.words = syl_vocabulary_size(vocabulary)};
    syl_status status = read_size(file, &senses, &dim, err);
    expected.senses = (int)senses;
    expected.dim = (int)dim;
    if (!status) status = check_shapes(file, &expected, network, err);
    if (!status) status = read_text_options(&text, file, err);
    if (status) {
        syl_vocabulary_free(vocabulary);
        return status;
    }
    status = syl_dsg_model_create(out, vocabulary, &text, (int)senses, (int)dim, network, err);
    syl_text_options_free(&text);
    return status;
}

static syl_status load_from(syl_dsg_model **out, const syl_safetensors *file, syl_error *err)
{
    const char *path = syl_safetensors_path(file), *format;
    syl_vocabulary *vocabulary;
    format = syl_safetensors_metadata(file, "format");
    if (!format || strcmp(format, SYL_DSG_FORMAT))
        return syl_fail(err, SYL_EFORMAT,
                        "%s is no model of Disambiguated Skip-gram (its format is \"%.40s\", not "
                        "\"" SYL_DSG_FORMAT "\")",
                        path, format ? format : "");
    SYL_TRY(read_words(&vocabulary, file, err));
    SYL_TRY(make_model(out, file, vocabulary, err));
    syl_status status = read_arrays(*out, file, err);
    if (!status) status = check_priors(*out, path, err);
    if (!status && syl_safetensors_metadata(file, "training"))
        status = read_json(&(*out)->training, file, "training", err);
    if (status) {
        syl_dsg_model_free(*out);
        *out = NULL;
    }
    return status;
}

syl_status syl_dsg_model_load(syl_dsg_model **out, const char *path, syl_error *err)
{
    syl_safetensors *file;
    *out = NULL;
    SYL_TRY(syl_safetensors_open(&file, path, err));
    syl_status status = load_from(out, file, err);
    syl_safetensors_free(file);
    return status;
}

syl_status syl_dsg_model_parse(syl_dsg_model **out, const void *data, size_t size, const char *name,
                               syl_error *err)
{
    syl_safetensors *file;
    *out = NULL;
    SYL_TRY(syl_safetensors_parse(&file, data, size, name, err));
    syl_status status = load_from(out, file, err);
    syl_safetensors_free(file);
    return status;
}
