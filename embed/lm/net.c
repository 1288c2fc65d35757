#include "embed/lm/net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/nn/layers.h"

#define START_DEVIATION 0.02f

/* A weight with its bias, or a norm's factor and offset. */
typedef struct affine {
    syl_param *weight, *bias;
} affine;

typedef struct layer {
    affine norm1, norm2;
    affine qkv, out; /* Conv1D: [in][out] */
    affine up, down;
} layer;

struct syl_lm_net {
    syl_lm_shape shape;
    syl_lm_net_dropout dropout;
    syl_param_set *set;
    size_t prefix;               /* its length */
    int first, last;             /* its parameters in the set */
    syl_param *wte, *wpe, *head; /* head: NULL where it is wte */
    affine norm;
    layer *layers; /* [shape.layers] */
};

/* ---- declaring ------------------------------------------------------------------------- */

static syl_status declare(syl_lm_net *n, const char *prefix, const char *name, int64_t rows,
                          int64_t cols, syl_param **out, syl_error *err)
{
    char full[SYL_PARAM_NAME + 64];
    int64_t dims[] = {rows, cols, 0};
    snprintf(full, sizeof full, "%.*s%s", SYL_PARAM_NAME, prefix, name);
    return syl_param_add(n->set, full, dims, false, out, err);
}

/* rows 0: a norm of n. */
static syl_status declare_affine(syl_lm_net *net, const char *prefix, const char *base, int rows,
                                 int n, affine *out, syl_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "%s.weight", base);
    SYL_TRY(declare(net, prefix, name, rows ? rows : n, rows ? n : 0, &out->weight, err));
    snprintf(name, sizeof name, "%s.bias", base);
    return declare(net, prefix, name, n, 0, &out->bias, err);
}

static syl_status declare_layer(syl_lm_net *n, const char *prefix, int i, syl_error *err)
{
    layer *l = &n->layers[i];
    char base[SYL_PARAM_NAME + 32];
    int d = n->shape.dim, ff = n->shape.ff;
    snprintf(base, sizeof base, "%.*sh.%d.", SYL_PARAM_NAME, prefix, i);
    SYL_TRY(declare_affine(n, base, "ln_1", 0, d, &l->norm1, err));
    SYL_TRY(declare_affine(n, base, "attn.c_attn", d, 3 * d, &l->qkv, err));
    SYL_TRY(declare_affine(n, base, "attn.c_proj", d, d, &l->out, err));
    SYL_TRY(declare_affine(n, base, "ln_2", 0, d, &l->norm2, err));
    SYL_TRY(declare_affine(n, base, "mlp.c_fc", d, ff, &l->up, err));
    return declare_affine(n, base, "mlp.c_proj", ff, d, &l->down, err);
}

static syl_status declare_all(syl_lm_net *n, const char *prefix, syl_error *err)
{
    const syl_lm_shape *s = &n->shape;
    n->first = n->set->count;
    SYL_TRY(declare(n, prefix, "wte.weight", s->vocab, s->dim, &n->wte, err));
    SYL_TRY(declare(n, prefix, "wpe.weight", s->context, s->dim, &n->wpe, err));
    for (int i = 0; i < s->layers; i++)
        SYL_TRY(declare_layer(n, prefix, i, err));
    SYL_TRY(declare_affine(n, prefix, "ln_f", 0, s->dim, &n->norm, err));
    if (!s->tied) SYL_TRY(declare(n, prefix, "lm_head.weight", s->vocab, s->dim, &n->head, err));
    n->last = n->set->count;
    return SYL_OK;
}

syl_status syl_lm_net_create(syl_lm_net **out, const syl_lm_shape *shape, syl_param_set *set,
                             const char *prefix, syl_error *err)
{
    *out = NULL;
    if (shape->kind != SYL_LM_GPT2)
        return syl_fail(err, SYL_EUNSUPPORTED, "only GPT-2's shape can be trained");
    SYL_TRY(syl_lm_shape_check(shape, "a network", err));
    syl_lm_net *n = syl_calloc(1, sizeof *n);
    if (!n) return syl_fail_memory(err, sizeof *n, "a network");
    n->shape = *shape;
    n->set = set;
    n->prefix = strlen(prefix);
    n->layers = syl_calloc((size_t)shape->layers + 1, sizeof *n->layers);
    syl_status status = n->layers
                            ? declare_all(n, prefix, err)
                            : syl_fail_memory(err, sizeof *n->layers, "the layers of a network");
    if (status == SYL_OK)
        *out = n;
    else
        syl_lm_net_free(n);
    return status;
}

void syl_lm_net_free(syl_lm_net *n)
{
    if (!n) return;
    free(n->layers);
    free(n);
}

const syl_lm_shape *syl_lm_net_shape(const syl_lm_net *n)
{
    return &n->shape;
}

void syl_lm_net_set_dropout(syl_lm_net *n, syl_lm_net_dropout dropout)
{
    n->dropout = dropout;
}

void syl_lm_net_freeze(syl_lm_net *n, bool frozen)
{
    for (int i = n->first; i < n->last; i++)
        n->set->item[i]->frozen = frozen;
}

/* ---- values ---------------------------------------------------------------------------- */

static const char *own_name(const syl_lm_net *n, const syl_param *p)
{
    return p->name + n->prefix;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static void fill(syl_param *p, float value)
{
    for (int64_t i = 0; i < p->size; i++)
        ((float *)p->value.data)[i] = value;
}

static void fill_normal(syl_param *p, float deviation, syl_random random)
{
    for (int64_t i = 0; i < p->size; i++)
        ((float *)p->value.data)[i] = deviation * syl_random_normal(&random);
}

void syl_lm_net_start(syl_lm_net *n, uint64_t seed)
{
    float into_stream =
        START_DEVIATION / sqrtf(2.0f * (float)(n->shape.layers ? n->shape.layers : 1));
    for (int i = n->first; i < n->last; i++) {
        syl_param *p = n->set->item[i];
        const char *name = own_name(n, p);
        syl_random random = {.seed = seed, .stream = syl_hash_text(SYL_HASH_START, p->name)};
        if (ends_with(name, ".bias"))
            fill(p, 0);
        else if (!p->dims[1])
            fill(p, 1);
        else
            fill_normal(p, ends_with(name, "c_proj.weight") ? into_stream : START_DEVIATION,
                        random);
    }
}

syl_status syl_lm_net_load(syl_lm_net *n, const syl_safetensors *file, const char *prefix,
                           syl_error *err)
{
    char inner[SYL_PARAM_NAME + 32], name[SYL_PARAM_NAME + 64];
    snprintf(inner, sizeof inner, "%.*stransformer.", SYL_PARAM_NAME, prefix);
    snprintf(name, sizeof name, "%swte.weight", inner);
    const char *use = syl_safetensors_find(file, name) ? inner : prefix;
    for (int i = n->first; i < n->last; i++) {
        syl_param *p = n->set->item[i];
        SYL_TRY(syl_param_load(p, file, p == n->head ? prefix : use, own_name(n, p), err));
    }
    return SYL_OK;
}

void syl_lm_net_copy(syl_lm_net *to, const syl_lm_net *from)
{
    for (int i = 0; i < to->last - to->first; i++) {
        syl_param *p = to->set->item[to->first + i];
        memcpy(p->value.data, from->set->item[from->first + i]->value.data,
               (size_t)p->size * sizeof(float));
    }
}

/* ---- forward --------------------------------------------------------------------------- */

static syl_status vars_of(syl_tape *tape, const affine *by, syl_var **w, syl_var **b,
                          syl_error *err)
{
    SYL_TRY(syl_tape_param(tape, by->weight, w, err));
    return syl_tape_param(tape, by->bias, b, err);
}

static syl_status product(syl_tape *tape, const affine *by, syl_var *x, syl_var **y, syl_error *err)
{
    syl_var *w, *b;
    SYL_TRY(vars_of(tape, by, &w, &b, err));
    return syl_nn_linear_in_first(tape, x, w, b, y, err);
}

static syl_status norm(const syl_lm_net *n, syl_tape *tape, const affine *by, syl_var *x,
                       syl_var **y, syl_error *err)
{
    syl_var *w, *b;
    SYL_TRY(vars_of(tape, by, &w, &b, err));
    return syl_nn_norm(tape, SYL_LAYER_NORM, x, w, b, n->shape.eps, y, err);
}

static syl_status attend(const syl_lm_net *n, const layer *l, syl_tape *tape, syl_ragged sequences,
                         syl_var *x, syl_var **y, syl_error *err)
{
    syl_var *qkv, *seen;
    syl_attention_shape causal = {
        .heads = n->shape.heads, .left = -1, .right = 0, .dropout = n->dropout.attention};
    SYL_TRY(norm(n, tape, &l->norm1, x, y, err));
    SYL_TRY(product(tape, &l->qkv, *y, &qkv, err));
    SYL_TRY(syl_nn_attention(tape, causal, sequences, qkv, NULL, &seen, err));
    SYL_TRY(product(tape, &l->out, seen, y, err));
    return syl_nn_dropout(tape, n->dropout.residual, *y, y, err);
}

static syl_status feed_forward(const syl_lm_net *n, const layer *l, syl_tape *tape, syl_var *x,
                               syl_var **y, syl_error *err)
{
    SYL_TRY(norm(n, tape, &l->norm2, x, y, err));
    SYL_TRY(product(tape, &l->up, *y, y, err));
    SYL_TRY(syl_nn_activation(tape, SYL_GELU_TANH, *y, y, err));
    SYL_TRY(product(tape, &l->down, *y, y, err));
    return syl_nn_dropout(tape, n->dropout.residual, *y, y, err);
}

/* Where each row stands in its sequence. */
static syl_status positions_of(const syl_lm_net *n, syl_tape *tape, syl_ragged sequences,
                               int32_t **out, syl_error *err)
{
    int64_t rows = sequences.begin[sequences.count];
    SYL_TRY(syl_tape_alloc(tape, (size_t)rows * sizeof **out + 1, out, err));
    for (int i = 0; i < sequences.count; i++) {
        int64_t from = sequences.begin[i], length = sequences.begin[i + 1] - from;
        if (length > n->shape.context)
            return syl_fail(err, SYL_EINVAL, "a sequence of %lld positions; the model has %d",
                            (long long)length, n->shape.context);
        for (int64_t t = 0; t < length; t++)
            (*out)[from + t] = (int32_t)t;
    }
    return SYL_OK;
}

static syl_status check_ids(const syl_lm_net *n, const syl_lm_net_input *in, syl_error *err)
{
    int64_t rows = in->sequences.begin[in->sequences.count];
    for (int64_t i = 0; in->ids && i < rows; i++)
        if (in->ids[i] >= n->shape.vocab)
            return syl_fail(err, SYL_EINVAL, "token %d; the vocabulary has %d", (int)in->ids[i],
                            n->shape.vocab);
    for (int64_t i = 0; in->vectors && in->vector_rows && i < rows; i++)
        if (in->vector_rows[i] >= in->vectors->value.rows)
            return syl_fail(err, SYL_EINVAL, "vector %d of %lld", (int)in->vector_rows[i],
                            (long long)in->vectors->value.rows);
    return SYL_OK;
}

/* Positions + tokens + vectors. */
static syl_status embed(const syl_lm_net *n, syl_tape *tape, const syl_lm_net_input *in,
                        syl_var **x, syl_error *err)
{
    int64_t rows = in->sequences.begin[in->sequences.count];
    int32_t *positions;
    syl_var *table, *part;
    SYL_TRY(check_ids(n, in, err));
    SYL_TRY(positions_of(n, tape, in->sequences, &positions, err));
    SYL_TRY(syl_tape_param(tape, n->wpe, &table, err));
    SYL_TRY(syl_nn_embedding(tape, table, positions, rows, x, err));
    if (in->ids) {
        SYL_TRY(syl_tape_param(tape, n->wte, &table, err));
        SYL_TRY(syl_nn_embedding(tape, table, in->ids, rows, &part, err));
        SYL_TRY(syl_nn_add(tape, part, *x, x, err));
    }
    if (in->vectors) {
        part = in->vectors;
        if (in->vector_rows)
            SYL_TRY(syl_nn_embedding(tape, in->vectors, in->vector_rows, rows, &part, err));
        SYL_TRY(syl_nn_add(tape, part, *x, x, err));
    }
    return syl_nn_dropout(tape, n->dropout.embedding, *x, x, err);
}

syl_status syl_lm_net_forward(const syl_lm_net *n, syl_tape *tape, const syl_lm_net_input *in,
                              syl_var **hidden, syl_var **residuals, syl_error *err)
{
    syl_var *x, *part;
    SYL_TRY(embed(n, tape, in, &x, err));
    for (int i = 0; i < n->shape.layers; i++) {
        SYL_TRY(attend(n, &n->layers[i], tape, in->sequences, x, &part, err));
        SYL_TRY(syl_nn_add(tape, x, part, &x, err));
        SYL_TRY(feed_forward(n, &n->layers[i], tape, x, &part, err));
        SYL_TRY(syl_nn_add(tape, x, part, &x, err));
        if (residuals) residuals[i] = x;
    }
    return norm(n, tape, &n->norm, x, hidden, err);
}

syl_status syl_lm_net_logits(const syl_lm_net *n, syl_tape *tape, syl_var *hidden, syl_var **logits,
                             syl_error *err)
{
    syl_var *w;
    SYL_TRY(syl_tape_param(tape, n->head ? n->head : n->wte, &w, err));
    return syl_nn_linear(tape, hidden, w, NULL, logits, err);
}
