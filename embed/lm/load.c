/* A model out of named tensors, whichever file they are in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/model.h"
#include "embed/lm/turns.h"
#include "lib/base/memory.h"

#define NAME_SIZE 480

typedef struct loader {
    const syl_lm_source *source;
    syl_lm *lm;
    syl_dtype dtype; /* of products */
} loader;

/* A tensor of the model (layer < 0) or of a layer. */
static void name_of(const loader *l, int layer, const char *base, const char *leaf, char *out)
{
    const syl_lm_source *s = l->source;
    if (layer < 0)
        snprintf(out, NAME_SIZE, "%s%s.%s", base == s->names->head ? s->head_prefix : s->prefix,
                 base, leaf);
    else
        snprintf(out, NAME_SIZE, "%s%s%d.%s.%s", s->prefix, s->names->layer, layer, base, leaf);
}

/* Copies to the device's memory, in `dtype`, and frees the host's. */
static syl_status place(const loader *l, float *host, int64_t rows, int64_t cols, syl_dtype dtype,
                        syl_mat *out, syl_error *err)
{
    syl_device *device = l->lm->device;
    void *half = NULL, *data = NULL;
    size_t count = (size_t)rows * (size_t)cols, bytes = count * syl_dtype_size(dtype);
    syl_status status = SYL_OK;
    if (dtype != SYL_F32 && !(half = syl_calloc(count, syl_dtype_size(dtype))))
        status = syl_fail_memory(err, bytes, "a weight");
    if (half)
        syl_mat_copy(syl_mat_of(host, SYL_F32, rows, cols), syl_mat_of(half, dtype, rows, cols));
    if (status == SYL_OK) status = syl_device_alloc(device, bytes, &data, err);
    if (status == SYL_OK) status = syl_device_put(device, half ? half : host, data, bytes, err);
    free(half);
    free(host);
    *out = syl_mat_of(data, dtype, rows, cols);
    return status;
}

static syl_status load_vector(const loader *l, int layer, const char *base, const char *leaf,
                              int64_t n, float **out, syl_error *err)
{
    char name[NAME_SIZE];
    float *host;
    syl_mat placed;
    name_of(l, layer, base, leaf, name);
    SYL_TRY(l->source->values(l->source->file, name, n, 0, &host, err));
    syl_status status = place(l, host, 1, n, SYL_F32, &placed, err);
    *out = placed.data;
    return status;
}

static syl_status load_norm(const loader *l, int layer, const char *base, syl_lm_norm *norm,
                            syl_error *err)
{
    const syl_lm_shape *s = &l->lm->shape;
    SYL_TRY(load_vector(l, layer, base, "weight", s->dim, &norm->gamma, err));
    if (s->kind == SYL_LM_LLAMA) return SYL_OK;
    return load_vector(l, layer, base, "bias", s->dim, &norm->beta, err);
}

/* ---- weights of products --------------------------------------------------------------------- */

/* Tensors below each other: rows[i] of the i-th, all of n_in columns; `total` rows. */
typedef struct parts {
    int layer;
    const char *const *base; /* up to NULL */
    const int *rows;
    int n_in, total;
} parts;

static void transpose(const float *src, int64_t rows, int64_t cols, float *dst)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            dst[j * rows + i] = src[i * cols + j];
}

static syl_status read_matrix(const loader *l, const char *name, int n_out, int n_in, float *to,
                              syl_error *err)
{
    bool turned = l->source->transposed;
    float *values;
    SYL_TRY(l->source->values(l->source->file, name, turned ? n_in : n_out, turned ? n_out : n_in,
                              &values, err));
    if (turned)
        transpose(values, n_in, n_out, to);
    else
        memcpy(to, values, (size_t)n_out * (size_t)n_in * sizeof *to);
    free(values);
    return SYL_OK;
}

/* w [total][n_in]; bias [total], or NULL. */
static syl_status read_parts(const loader *l, const parts *p, float *w, float *bias, syl_error *err)
{
    char name[NAME_SIZE];
    for (int i = 0; p->base[i]; i++) {
        name_of(l, p->layer, p->base[i], "weight", name);
        SYL_TRY(read_matrix(l, name, p->rows[i], p->n_in, w, err));
        w += (size_t)p->rows[i] * (size_t)p->n_in;
        if (!bias) continue;
        float *values;
        name_of(l, p->layer, p->base[i], "bias", name);
        SYL_TRY(l->source->values(l->source->file, name, p->rows[i], 0, &values, err));
        memcpy(bias, values, (size_t)p->rows[i] * sizeof *bias);
        bias += p->rows[i];
        free(values);
    }
    return SYL_OK;
}

/* The parts' blocks below each other, where all have blocks of one kind: *out, freed by the caller,
 * else NULL. */
static syl_status read_blocks(const loader *l, const parts *p, uint8_t **out, syl_block_kind *kind,
                              syl_error *err)
{
    char name[NAME_SIZE];
    uint8_t *all = NULL, *to = NULL;
    *out = NULL;
    for (int i = 0; l->source->blocks && p->base[i]; i++) {
        syl_block_kind own;
        name_of(l, p->layer, p->base[i], "weight", name);
        const void *part = l->source->blocks(l->source->file, name, p->rows[i], p->n_in, &own);
        if (!part || (i > 0 && own != *kind)) {
            free(all);
            return SYL_OK;
        }
        size_t row = syl_block_row_bytes(own, p->n_in), bytes = (size_t)p->rows[i] * row;
        if (i == 0) to = all = syl_calloc((size_t)p->total, row);
        if (!all) return syl_fail_memory(err, (size_t)p->total * row, name);
        *kind = own;
        memcpy(to, part, bytes);
        to += bytes;
    }
    *out = all;
    return SYL_OK;
}

static syl_status load_blocks(const loader *l, const parts *p, syl_weight **out, syl_error *err)
{
    uint8_t *blocks;
    syl_block_kind kind;
    *out = NULL;
    if (l->lm->shape.kind == SYL_LM_GPT2 && p->layer >= 0) return SYL_OK; /* they have biases */
    SYL_TRY(read_blocks(l, p, &blocks, &kind, err));
    if (!blocks) return SYL_OK;
    syl_status status = syl_weight_blocks(out, kind, blocks, p->total, p->n_in, err);
    l->lm->has_blocks = true;
    free(blocks);
    return status;
}

static syl_status load_parts(const loader *l, const parts *p, syl_weight **out, syl_error *err)
{
    SYL_TRY(load_blocks(l, p, out, err));
    if (*out) return SYL_OK;
    size_t n = (size_t)p->total, count = syl_mul_size(n, (size_t)p->n_in);
    bool has_bias = l->lm->shape.kind == SYL_LM_GPT2 && p->layer >= 0;
    float *w = syl_calloc(count, sizeof *w), *bias = has_bias ? syl_calloc(n, sizeof *w) : NULL;
    syl_status status = SYL_OK;
    if (!w || (has_bias && !bias)) status = syl_fail_memory(err, count * sizeof *w, p->base[0]);
    if (status == SYL_OK) status = read_parts(l, p, w, bias, err);
    if (status == SYL_OK)
        status = syl_weight_linear(out, l->lm->device, w, bias, p->total, p->n_in, l->dtype, err);
    free(w);
    free(bias);
    return status;
}

/* One tensor of n_out rows. */
static syl_status load_linear(const loader *l, int layer, const char *base, int n_out, int n_in,
                              syl_weight **out, syl_error *err)
{
    const char *const bases[] = {base, NULL};
    parts p = {layer, bases, &n_out, n_in, n_out};
    return load_parts(l, &p, out, err);
}

static syl_status load_qkv(const loader *l, int layer, syl_weight **out, syl_error *err)
{
    const syl_lm_shape *s = &l->lm->shape;
    const syl_lm_names *names = l->source->names;
    int keys = (int)syl_lm_key_cols(s), total = s->dim + 2 * keys;
    const int apart[] = {s->dim, keys, keys};
    parts p = {layer, names->qkv, names->qkv[1] ? apart : &total, s->dim, total};
    return load_parts(l, &p, out, err);
}

static syl_status load_up(const loader *l, int layer, syl_weight **out, syl_error *err)
{
    const syl_lm_shape *s = &l->lm->shape;
    const syl_lm_names *names = l->source->names;
    const int rows[] = {s->ff, s->ff};
    parts p = {layer, names->up, rows, s->dim, names->up[1] ? 2 * s->ff : s->ff};
    return load_parts(l, &p, out, err);
}

static syl_status load_layer(const loader *l, int i, syl_error *err)
{
    const syl_lm_shape *s = &l->lm->shape;
    const syl_lm_names *names = l->source->names;
    syl_lm_layer *layer = &l->lm->layer[i];
    SYL_TRY(load_norm(l, i, names->attention_norm, &layer->attention_norm, err));
    SYL_TRY(load_qkv(l, i, &layer->qkv, err));
    SYL_TRY(load_linear(l, i, names->out, s->dim, s->dim, &layer->out, err));
    SYL_TRY(load_norm(l, i, names->ff_norm, &layer->ff_norm, err));
    SYL_TRY(load_up(l, i, &layer->up, err));
    return load_linear(l, i, names->down, s->dim, s->ff, &layer->down, err);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* The angles of rotary positions, with the file's divisors where it has some. */
static syl_status load_angles(const loader *l, syl_error *err)
{
    const char *base = l->source->names->turns;
    char name[NAME_SIZE];
    float *by = NULL;
    int half = syl_lm_head_dim(&l->lm->shape) / 2;
    if (!(l->lm->angle = syl_calloc((size_t)half, sizeof *l->lm->angle)))
        return syl_fail_memory(err, (size_t)half * sizeof *l->lm->angle, "rotary positions");
    if (base) name_of(l, -1, base, "weight", name);
    if (base && l->source->has(l->source->file, name))
        SYL_TRY(l->source->values(l->source->file, name, half, 0, &by, err));
    syl_status status = SYL_OK;
    for (int i = 0; by && i < half; i++)
        if (!(by[i] > 0))
            status =
                syl_fail(err, SYL_EFORMAT, "tensor %s divides an angle by %g", name, (double)by[i]);
    syl_lm_angles(&l->lm->shape, by, l->lm->angle);
    free(by);
    return status;
}

/* The table's rows as they are in the file, and the head that multiplies by them; table.data stays
 * NULL. */
static syl_status keep_rows(const loader *l, syl_error *err)
{
    syl_lm *lm = l->lm;
    const int rows = lm->shape.vocab;
    const char *const base[] = {l->source->names->table, NULL};
    parts p = {-1, base, &rows, lm->shape.dim, rows};
    SYL_TRY(read_blocks(l, &p, &lm->rows, &lm->row_kind, err));
    if (!lm->rows) return SYL_OK;
    lm->row_bytes = syl_block_row_bytes(lm->row_kind, lm->shape.dim);
    if (!lm->shape.tied) return SYL_OK;
    return syl_weight_blocks(&lm->head, lm->row_kind, lm->rows, rows, lm->shape.dim, err);
}

static syl_status load_table(const loader *l, const char *base, int64_t rows, syl_dtype dtype,
                             syl_mat *out, syl_error *err)
{
    char name[NAME_SIZE];
    float *host;
    name_of(l, -1, base, "weight", name);
    SYL_TRY(l->source->values(l->source->file, name, rows, l->lm->shape.dim, &host, err));
    return place(l, host, rows, l->lm->shape.dim, dtype, out, err);
}

static syl_status load_head(const loader *l, syl_error *err)
{
    const syl_lm_shape *s = &l->lm->shape;
    const char *base = l->source->names->head;
    loader plain = *l;
    syl_lm_source source = *l->source;
    if (s->tied) return SYL_OK;
    source.transposed = false; /* lm_head is a torch.nn.Linear in GPT-2 too */
    plain.source = &source;
    return load_linear(&plain, -1, base, s->vocab, s->dim, &l->lm->head, err);
}

static syl_status load_all(const loader *l, syl_error *err)
{
    const syl_lm_shape *s = &l->lm->shape;
    const syl_lm_names *names = l->source->names;
    SYL_TRY(keep_rows(l, err));
    if (!l->lm->rows) SYL_TRY(load_table(l, names->table, s->vocab, l->dtype, &l->lm->table, err));
    if (s->kind == SYL_LM_GPT2)
        SYL_TRY(load_table(l, names->positions, s->context, SYL_F32, &l->lm->positions, err));
    else
        SYL_TRY(load_angles(l, err));
    for (int i = 0; i < s->layers; i++)
        SYL_TRY(load_layer(l, i, err));
    SYL_TRY(load_norm(l, -1, names->norm, &l->lm->norm, err));
    return load_head(l, err);
}

syl_status syl_lm_load(syl_lm **out, const syl_lm_source *source, const syl_lm_shape *shape,
                       syl_dtype dtype, syl_device *device, syl_error *err)
{
    *out = NULL;
    if (dtype != SYL_F32 && dtype != SYL_BF16)
        return syl_fail(err, SYL_EINVAL, "products of language models are in F32 or BF16");
    syl_lm *lm = syl_calloc(1, sizeof *lm);
    if (!lm) return syl_fail_memory(err, sizeof *lm, "a language model");
    lm->shape = *shape;
    lm->device = device;
    lm->layer = syl_calloc((size_t)shape->layers, sizeof *lm->layer);
    loader l = {source, lm, dtype};
    syl_status status =
        lm->layer ? load_all(&l, err) : syl_fail_memory(err, sizeof *lm->layer, "layers");
    if (status != SYL_OK) {
        syl_lm_free(lm);
        return status;
    }
    *out = lm;
    return SYL_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void free_norm(const syl_lm *lm, syl_lm_norm *norm)
{
    syl_device_release(lm->device, norm->gamma);
    syl_device_release(lm->device, norm->beta);
}

void syl_lm_free(syl_lm *lm)
{
    if (!lm) return;
    for (int i = 0; lm->layer && i < lm->shape.layers; i++) {
        syl_lm_layer *layer = &lm->layer[i];
        free_norm(lm, &layer->attention_norm);
        free_norm(lm, &layer->ff_norm);
        syl_weight_free(layer->qkv);
        syl_weight_free(layer->out);
        syl_weight_free(layer->up);
        syl_weight_free(layer->down);
    }
    free(lm->layer);
    free_norm(lm, &lm->norm);
    syl_device_release(lm->device, lm->table.data);
    syl_device_release(lm->device, lm->positions.data);
    syl_weight_free(lm->head);
    free(lm->rows);
    free(lm->angle);
    free(lm);
}

const syl_lm_shape *syl_lm_shape_of(const syl_lm *lm)
{
    return &lm->shape;
}

bool syl_lm_has_blocks(const syl_lm *lm)
{
    return lm->has_blocks;
}
