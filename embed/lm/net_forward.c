/* The pass of a network on a tape. */
#include "embed/lm/net_inner.h"
#include "embed/lm/turns.h"
#include "lib/nn/layers.h"

/* What all layers of one pass share. */
typedef struct pass {
    const syl_lm_net *net;
    syl_tape *tape;
    syl_ragged sequences;
    int32_t *positions;    /* [rows], where each row stands in its sequence */
    syl_rotation rotation; /* Llama */
} pass;

static syl_status norm(const pass *p, const syl_net_norm *by, syl_var *x, syl_var **y,
                       syl_error *err)
{
    syl_var *gamma, *beta = NULL;
    SYL_TRY(syl_tape_param(p->tape, by->gamma, &gamma, err));
    if (by->beta) SYL_TRY(syl_tape_param(p->tape, by->beta, &beta, err));
    return syl_nn_norm(p->tape, beta ? SYL_LAYER_NORM : SYL_RMS_NORM, x, gamma, beta,
                       p->net->shape.eps, y, err);
}

static syl_status product(const pass *p, const syl_net_product *by, syl_var *x, syl_var **y,
                          syl_error *err)
{
    const syl_lm_net *n = p->net;
    syl_var *w, *bias = NULL;
    int64_t at = 0;
    SYL_TRY(syl_tape_joined(p->tape, by->weight, by->parts, &w, err));
    if (by->bias) SYL_TRY(syl_tape_param(p->tape, by->bias, &bias, err));
    SYL_TRY((n->shape.kind == SYL_LM_GPT2 ? syl_nn_linear_in_first : syl_nn_linear)(p->tape, x, w,
                                                                                    bias, y, err));
    for (int i = 0; i < by->parts; at += by->out[i++])
        if (by->down[i])
            SYL_TRY(syl_nn_low_rank(p->tape,
                                    &(syl_low_rank){.down = by->down[i],
                                                    .up = by->up[i],
                                                    .at = at,
                                                    .scale = n->lora_scale,
                                                    .dropout = n->lora_dropout},
                                    x, y, err));
    return SYL_OK;
}

static syl_status attend(const pass *p, const syl_net_layer *l, syl_var *x, syl_var **y,
                         syl_error *err)
{
    const syl_lm_net *n = p->net;
    syl_var *qkv, *seen;
    syl_attention_shape causal = {
        .heads = n->shape.heads, .left = -1, .right = 0, .dropout = n->dropout.attention};
    SYL_TRY(norm(p, &l->norm1, x, y, err));
    SYL_TRY(product(p, &l->product[SYL_NET_QKV], *y, &qkv, err));
    if (p->rotation.position) SYL_TRY(syl_nn_rotate(p->tape, p->rotation, qkv, &qkv, err));
    SYL_TRY(
        syl_nn_attention(p->tape, causal, n->shape.kv_heads, p->sequences, qkv, NULL, &seen, err));
    SYL_TRY(product(p, &l->product[SYL_NET_OUT], seen, y, err));
    return syl_nn_dropout(p->tape, n->dropout.residual, *y, y, err);
}

static syl_status feed_forward(const pass *p, const syl_net_layer *l, syl_var *x, syl_var **y,
                               syl_error *err)
{
    const syl_lm_net *n = p->net;
    SYL_TRY(norm(p, &l->norm2, x, y, err));
    SYL_TRY(product(p, &l->product[SYL_NET_UP], *y, y, err));
    if (n->shape.kind == SYL_LM_GPT2)
        SYL_TRY(syl_nn_activation(p->tape, SYL_GELU_TANH, *y, y, err));
    else
        SYL_TRY(syl_nn_gated(p->tape, SYL_SILU, *y, y, err));
    SYL_TRY(product(p, &l->product[SYL_NET_DOWN], *y, y, err));
    return syl_nn_dropout(p->tape, n->dropout.residual, *y, y, err);
}

/* ---- the beginning --------------------------------------------------------------------- */

/* Positions, and the length of the longest sequence. */
static syl_status find_positions(pass *p, int64_t *longest, syl_error *err)
{
    const syl_lm_net *n = p->net;
    int64_t rows = p->sequences.begin[p->sequences.count];
    *longest = 0;
    SYL_TRY(syl_tape_alloc(p->tape, (size_t)rows * sizeof *p->positions + 1, &p->positions, err));
    for (int i = 0; i < p->sequences.count; i++) {
        int64_t from = p->sequences.begin[i], length = p->sequences.begin[i + 1] - from;
        if (length > n->shape.context)
            return syl_fail(err, SYL_EINVAL, "a sequence of %lld positions; the model has %d",
                            (long long)length, n->shape.context);
        if (length > *longest) *longest = length;
        for (int64_t t = 0; t < length; t++)
            p->positions[from + t] = (int32_t)t;
    }
    return SYL_OK;
}

/* A table of the positions that the pass has, on the tape's device. */
static syl_status find_rotation(pass *p, int64_t longest, syl_error *err)
{
    const syl_lm_shape *s = &p->net->shape;
    syl_ctx *ctx = syl_tape_ctx(p->tape);
    int dim = syl_lm_head_dim(s);
    float *turns;
    if (s->kind == SYL_LM_GPT2) return SYL_OK;
    p->rotation = (syl_rotation){.position = p->positions,
                                 .adjacent = s->rope_adjacent,
                                 .cols = s->dim + syl_lm_key_cols(s)};
    SYL_TRY(
        syl_tape_alloc(p->tape, (size_t)(longest * dim) * sizeof *turns + 1, (void **)&turns, err));
    syl_lm_turns(p->net->angle, dim, NULL, longest, turns);
    SYL_TRY(syl_ctx_mat(ctx, SYL_F32, longest, dim, &p->rotation.turns, err));
    return syl_upload(ctx, turns, p->rotation.turns, err);
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

/* *x += part; *x NULL: it is the first. */
static syl_status add(const pass *p, syl_var *part, syl_var **x, syl_error *err)
{
    if (*x) return syl_nn_add(p->tape, part, *x, x, err);
    *x = part;
    return SYL_OK;
}

/* Positions + tokens + vectors. */
static syl_status embed(const pass *p, const syl_lm_net_input *in, syl_var **x, syl_error *err)
{
    const syl_lm_net *n = p->net;
    int64_t rows = in->sequences.begin[in->sequences.count];
    syl_var *table, *part;
    *x = NULL;
    if (n->wpe) {
        SYL_TRY(syl_tape_param(p->tape, n->wpe, &table, err));
        SYL_TRY(syl_nn_embedding(p->tape, table, p->positions, rows, x, err));
    }
    if (in->ids) {
        SYL_TRY(syl_tape_param(p->tape, n->wte, &table, err));
        SYL_TRY(syl_nn_embedding(p->tape, table, in->ids, rows, &part, err));
        SYL_TRY(add(p, part, x, err));
    }
    if (in->vectors) {
        part = in->vectors;
        if (in->vector_rows)
            SYL_TRY(syl_nn_embedding(p->tape, in->vectors, in->vector_rows, rows, &part, err));
        SYL_TRY(add(p, part, x, err));
    }
    if (!*x) return syl_fail(err, SYL_EINVAL, "neither tokens nor vectors");
    return syl_nn_dropout(p->tape, n->dropout.embedding, *x, x, err);
}

/* ---- the whole ------------------------------------------------------------------------- */

syl_status syl_lm_net_forward(const syl_lm_net *n, syl_tape *tape, const syl_lm_net_input *in,
                              syl_var **hidden, syl_var **residuals, syl_error *err)
{
    pass p = {.net = n, .tape = tape, .sequences = in->sequences};
    syl_var *x, *part;
    int64_t longest;
    SYL_TRY(check_ids(n, in, err));
    SYL_TRY(find_positions(&p, &longest, err));
    SYL_TRY(find_rotation(&p, longest, err));
    SYL_TRY(embed(&p, in, &x, err));
    for (int i = 0; i < n->shape.layers; i++) {
        SYL_TRY(attend(&p, &n->layers[i], x, &part, err));
        SYL_TRY(syl_nn_add(tape, x, part, &x, err));
        SYL_TRY(feed_forward(&p, &n->layers[i], x, &part, err));
        SYL_TRY(syl_nn_add(tape, x, part, &x, err));
        if (residuals) residuals[i] = x;
    }
    return norm(&p, &n->norm, x, hidden, err);
}

syl_status syl_lm_net_logits(const syl_lm_net *n, syl_tape *tape, syl_var *hidden, syl_var **logits,
                             syl_error *err)
{
    syl_var *w;
    SYL_TRY(syl_tape_param(tape, n->head ? n->head : n->wte, &w, err));
    return syl_nn_linear(tape, hidden, w, NULL, logits, err);
}
