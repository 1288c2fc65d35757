/* Declaring a network's parameters, and their values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/net_inner.h"
#include "embed/lm/turns.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define START_DEVIATION 0.02f
#define BASE_SIZE (SYL_PARAM_NAME + 64) /* of names without ".weight" */

/* ---- declaring ------------------------------------------------------------------------- */

static syl_status declare(syl_lm_net *n, const char *base, const char *leaf, int64_t rows,
                          int64_t cols, syl_param **out, syl_error *err)
{
    char full[BASE_SIZE + 16];
    int64_t dims[] = {rows, cols, 0};
    snprintf(full, sizeof full, "%s.%s", base, leaf);
    return syl_param_add(n->set, full, dims, false, out, err);
}

static void base_of(char *out, const char *prefix, const char *name)
{
    snprintf(out, BASE_SIZE, "%.*s%s", SYL_PARAM_NAME, prefix, name);
}

static syl_status declare_norm(syl_lm_net *n, const char *prefix, const char *name,
                               syl_net_norm *out, syl_error *err)
{
    char base[BASE_SIZE];
    base_of(base, prefix, name);
    SYL_TRY(declare(n, base, "weight", n->shape.dim, 0, &out->gamma, err));
    if (n->shape.kind == SYL_LM_LLAMA) return SYL_OK;
    return declare(n, base, "bias", n->shape.dim, 0, &out->beta, err);
}

/* names: ended by NULL; out: rows of each. */
static syl_status declare_product(syl_lm_net *n, const char *prefix, const char *const *names,
                                  int in, const int *out, syl_net_product *p, syl_error *err)
{
    char base[BASE_SIZE];
    bool in_first = n->shape.kind == SYL_LM_GPT2;
    p->in = in;
    for (; names[p->parts]; p->parts++) {
        int i = p->parts, rows = p->out[i] = out[i];
        base_of(base, prefix, names[i]);
        SYL_TRY(declare(n, base, "weight", in_first ? in : rows, in_first ? rows : in,
                        &p->weight[i], err));
    }
    if (!in_first) return SYL_OK;
    return declare(n, base, "bias", p->out[0], 0, &p->bias, err);
}

static syl_status declare_layer(syl_lm_net *n, const char *prefix, int i, syl_error *err)
{
    const syl_lm_shape *s = &n->shape;
    const syl_lm_names *names = syl_lm_names_of(s->kind);
    syl_net_layer *l = &n->layers[i];
    char own[SYL_PARAM_NAME + 32];
    int keys = (int)syl_lm_key_cols(s);
    const int qkv[] = {names->qkv[1] ? s->dim : s->dim + 2 * keys, keys, keys};
    const char *const out[] = {names->out, NULL}, *const down[] = {names->down, NULL};
    snprintf(own, sizeof own, "%.*s%s%d.", SYL_PARAM_NAME, prefix, names->layer, i);
    SYL_TRY(declare_norm(n, own, names->attention_norm, &l->norm1, err));
    SYL_TRY(declare_product(n, own, names->qkv, s->dim, qkv, &l->product[SYL_NET_QKV], err));
    SYL_TRY(declare_product(n, own, out, s->dim, &s->dim, &l->product[SYL_NET_OUT], err));
    SYL_TRY(declare_norm(n, own, names->ff_norm, &l->norm2, err));
    SYL_TRY(declare_product(n, own, names->up, s->dim, (const int[]){s->ff, s->ff},
                            &l->product[SYL_NET_UP], err));
    return declare_product(n, own, down, s->ff, &s->dim, &l->product[SYL_NET_DOWN], err);
}

static syl_status declare_table(syl_lm_net *n, const char *prefix, const char *name, int rows,
                                syl_param **out, syl_error *err)
{
    char base[BASE_SIZE];
    base_of(base, prefix, name);
    return declare(n, base, "weight", rows, n->shape.dim, out, err);
}

static syl_status declare_all(syl_lm_net *n, const char *prefix, syl_error *err)
{
    const syl_lm_shape *s = &n->shape;
    const syl_lm_names *names = syl_lm_names_of(s->kind);
    n->first = n->set->count;
    SYL_TRY(declare_table(n, prefix, names->table, s->vocab, &n->wte, err));
    if (names->positions)
        SYL_TRY(declare_table(n, prefix, names->positions, s->context, &n->wpe, err));
    for (int i = 0; i < s->layers; i++)
        SYL_TRY(declare_layer(n, prefix, i, err));
    SYL_TRY(declare_norm(n, prefix, names->norm, &n->norm, err));
    if (!s->tied) SYL_TRY(declare_table(n, prefix, names->head, s->vocab, &n->head, err));
    n->last = n->set->count;
    return SYL_OK;
}

syl_status syl_lm_net_create(syl_lm_net **out, const syl_lm_shape *shape, syl_param_set *set,
                             const char *prefix, syl_error *err)
{
    *out = NULL;
    SYL_TRY(syl_lm_shape_check(shape, "a network", err));
    syl_lm_net *n = syl_calloc(1, sizeof *n);
    if (!n) return syl_fail_memory(err, sizeof *n, "a network");
    n->shape = *shape;
    n->set = set;
    n->prefix = strlen(prefix);
    n->layers = syl_calloc((size_t)shape->layers + 1, sizeof *n->layers);
    bool turns = shape->kind == SYL_LM_LLAMA;
    if (turns) n->angle = syl_calloc((size_t)syl_lm_head_dim(shape) / 2, sizeof *n->angle);
    syl_status status = n->layers && (n->angle || !turns)
                            ? declare_all(n, prefix, err)
                            : syl_fail_memory(err, sizeof *n->layers, "the layers of a network");
    if (status == SYL_OK && n->angle) syl_lm_angles(shape, NULL, n->angle);
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
    free(n->angle);
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
    char inner[SYL_PARAM_NAME + 32], name[SYL_PARAM_NAME + 128];
    snprintf(inner, sizeof inner, "%.*s%s", SYL_PARAM_NAME, prefix, syl_lm_body_of(n->shape.kind));
    snprintf(name, sizeof name, "%s%s.weight", inner, syl_lm_names_of(n->shape.kind)->table);
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
