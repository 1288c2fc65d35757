/* Low-rank adapters of a network's products. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/lm/net_inner.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define WEIGHT ".weight"

const char *syl_lora_targets(const syl_lora *lora, syl_lm_kind kind)
{
    if (lora->targets) return lora->targets;
    return kind == SYL_LM_GPT2 ? "c_attn,c_proj" : "q_proj,k_proj,v_proj,o_proj";
}

/* ---- which products -------------------------------------------------------------------- */

/* Whether Hugging Face's name of a weight, without ".weight", is the target or ends with "." +
 * target; so peft reads targets, too. */
static bool is_named(const syl_lm_net *net, const syl_param *weight, const char *target,
                     size_t length)
{
    char name[SYL_PARAM_NAME + 32];
    const char *own = weight->name + net->prefix;
    int n = snprintf(name, sizeof name, "%s%.*s", syl_lm_body_of(net->shape.kind),
                     (int)(strlen(own) - strlen(WEIGHT)), own);
    size_t rest = (size_t)n - length;
    if (length == 0 || (size_t)n < length || memcmp(name + rest, target, length)) return false;
    return rest == 0 || name[rest - 1] == '.';
}

static bool is_target(const syl_lm_net *n, const syl_param *weight, const char *targets)
{
    for (const char *t = targets; *t; t += strcspn(t, ","), t += *t == ',')
        if (is_named(n, weight, t, strcspn(t, ","))) return true;
    return false;
}

static bool is_product(const syl_lm_net *n, const char *target, size_t length)
{
    for (int l = 0; l < n->shape.layers; l++)
        for (int i = 0; i < SYL_NET_PRODUCTS; i++)
            for (int k = 0; k < n->layers[l].product[i].parts; k++)
                if (is_named(n, n->layers[l].product[i].weight[k], target, length)) return true;
    return false;
}

static syl_status check_targets(const syl_lm_net *n, const char *targets, syl_error *err)
{
    const char *t = targets, *end;
    do {
        end = t + strcspn(t, ",");
        if (!is_product(n, t, (size_t)(end - t)))
            return syl_fail(err, SYL_EINVAL,
                            "'%.*s' is no product of the model's layers; they are %s and "
                            "mlp.%s_proj",
                            (int)(end - t), t,
                            n->shape.kind == SYL_LM_GPT2
                                ? "attn.c_attn, attn.c_proj, mlp.c_fc"
                                : "self_attn.q_proj, .k_proj, .v_proj, .o_proj, mlp.gate_proj, "
                                  ".up_proj",
                            n->shape.kind == SYL_LM_GPT2 ? "c" : "down");
        t = end + 1;
    } while (*end);
    return SYL_OK;
}

/* ---- declaring ------------------------------------------------------------------------- */

static syl_status declare(const syl_param *weight, const char *leaf, int64_t rows, int64_t cols,
                          syl_param_set *set, syl_param **out, syl_error *err)
{
    char name[SYL_PARAM_NAME + 32];
    const int64_t dims[] = {rows, cols, 0};
    snprintf(name, sizeof name, "%.*s.%s" WEIGHT, (int)(strlen(weight->name) - strlen(WEIGHT)),
             weight->name, leaf);
    return syl_param_add(set, name, dims, false, out, err);
}

static syl_status adapt(const syl_lm_net *n, syl_net_product *p, const syl_lora *lora,
                        const char *targets, syl_param_set *set, syl_error *err)
{
    for (int i = 0; i < p->parts; i++) {
        const syl_param *w = p->weight[i];
        if (!is_target(n, w, targets)) continue;
        SYL_TRY(declare(w, "lora_A", lora->rank, p->in, set, &p->down[i], err));
        SYL_TRY(declare(w, "lora_B", p->out[i], lora->rank, set, &p->up[i], err));
    }
    return SYL_OK;
}

syl_status syl_lm_net_adapt(syl_lm_net *n, const syl_lora *lora, syl_param_set *set, syl_error *err)
{
    const char *targets = syl_lora_targets(lora, n->shape.kind);
    if (lora->rank < 1 || !(lora->dropout >= 0 && lora->dropout < 1))
        return syl_fail(err, SYL_EINVAL, "adapters of rank %d with dropout %g", lora->rank,
                        (double)lora->dropout);
    SYL_TRY(check_targets(n, targets, err));
    n->adapter_set = set;
    n->lora_scale = lora->alpha / (float)lora->rank;
    n->lora_dropout = lora->dropout;
    for (int l = 0; l < n->shape.layers; l++)
        for (int i = 0; i < SYL_NET_PRODUCTS; i++)
            SYL_TRY(adapt(n, &n->layers[l].product[i], lora, targets, set, err));
    return SYL_OK;
}

/* ---- values ---------------------------------------------------------------------------- */

/* Uniform up to 1 / sqrt(inputs), as peft's Kaiming with a = sqrt(5). */
static void start_down(syl_param *p, uint64_t seed)
{
    syl_random random = {.seed = seed, .stream = syl_hash_text(SYL_HASH_START, p->name)};
    float bound = 1 / sqrtf((float)p->dims[1]), *value = p->value.data;
    for (int64_t i = 0; i < p->size; i++)
        value[i] = bound * (2 * syl_random_uniform(&random) - 1);
}

void syl_lm_net_start_adapters(syl_lm_net *n, uint64_t seed)
{
    for (int l = 0; l < n->shape.layers; l++)
        for (int i = 0; i < SYL_NET_PRODUCTS; i++)
            for (int k = 0; k < SYL_NET_PARTS; k++) {
                const syl_net_product *p = &n->layers[l].product[i];
                if (!p->down[k]) continue;
                start_down(p->down[k], seed);
                memset(p->up[k]->value.data, 0, (size_t)p->up[k]->size * sizeof(float));
            }
}

/* The product that a weight is part of, and which part; NULL: it has no adapter. */
static const syl_net_product *find(const syl_lm_net *n, const syl_param *weight, int *part)
{
    for (int l = 0; l < n->shape.layers; l++)
        for (int i = 0; i < SYL_NET_PRODUCTS; i++)
            for (int k = 0; k < SYL_NET_PARTS; k++) {
                const syl_net_product *p = &n->layers[l].product[i];
                if (p->weight[k] != weight || !p->down[k]) continue;
                *part = k;
                return p;
            }
    return NULL;
}

static syl_mat on_host(const syl_param_set *set, const syl_param *p)
{
    return syl_mat_of(set->values.host + p->offset, SYL_F32, p->dims[0], p->dims[1]);
}

/* w += scale up down, or the transposed of it. */
static syl_status add_product(const syl_lm_net *n, const syl_net_product *p, int part, syl_ctx *ctx,
                              syl_mat w, syl_error *err)
{
    syl_mat down = on_host(n->adapter_set, p->down[part]), scaled;
    syl_mat up = on_host(n->adapter_set, p->up[part]);
    size_t mark = syl_ctx_mark(ctx);
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, down.rows, down.cols, &scaled, err));
    syl_scale(ctx, n->lora_scale, down, false, scaled);
    syl_status status = n->shape.kind == SYL_LM_GPT2
                            ? syl_product(ctx, scaled, true, up, true, true, w, err)
                            : syl_product(ctx, up, false, scaled, false, true, w, err);
    syl_ctx_release(ctx, mark);
    return status;
}

syl_status syl_lm_net_merged(const syl_lm_net *n, const syl_param *weight, syl_ctx *ctx,
                             float **out, syl_error *err)
{
    int part;
    const syl_net_product *p = find(n, weight, &part);
    *out = NULL;
    if (!p) return SYL_OK;
    size_t bytes = (size_t)weight->size * sizeof(float);
    float *w = syl_calloc((size_t)weight->size, sizeof *w);
    if (!w) return syl_fail_memory(err, bytes, "a merged weight");
    memcpy(w, n->set->values.host + weight->offset, bytes);
    syl_status status =
        add_product(n, p, part, ctx, syl_mat_of(w, SYL_F32, weight->dims[0], weight->dims[1]), err);
    if (status == SYL_OK)
        *out = w;
    else
        free(w);
    return status;
}
