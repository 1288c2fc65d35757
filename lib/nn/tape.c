#include "lib/nn/tape.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define CHUNK ((size_t)64 << 10)
#define ALIGNMENT ((size_t)64)
#define DROPOUT_STREAMS ((uint64_t)1 << 62) /* apart from those that data are drawn from */

/* Host memory of nodes, in chunks that are kept from one step to the next. */
typedef struct chunk {
    struct chunk *next;
    size_t size, used;
    uint8_t *data;
} chunk;

struct syl_tape {
    syl_ctx *ctx;
    syl_tape_options options;
    size_t mark; /* of the scratch memory before the tape */
    chunk *first, *current;
    syl_node *last;
    uint64_t streams;
};

syl_status syl_tape_create(syl_tape **out, syl_ctx *ctx, syl_error *err)
{
    syl_tape *tape = *out = syl_calloc(1, sizeof *tape);
    if (!tape) return syl_fail_memory(err, sizeof *tape, "a tape");
    tape->ctx = ctx;
    tape->mark = syl_ctx_mark(ctx);
    return SYL_OK;
}

void syl_tape_free(syl_tape *tape)
{
    if (!tape) return;
    for (chunk *c = tape->first, *next; c; c = next) {
        next = c->next;
        free(c->data);
        free(c);
    }
    syl_ctx_release(tape->ctx, tape->mark);
    free(tape);
}

void syl_tape_clear(syl_tape *tape, syl_tape_options options)
{
    for (chunk *c = tape->first; c; c = c->next)
        c->used = 0;
    tape->current = tape->first;
    tape->last = NULL;
    tape->streams = 0;
    tape->options = options;
    syl_ctx_release(tape->ctx, tape->mark);
}

void syl_tape_train(syl_tape *tape, bool training)
{
    tape->options.training = training;
}

syl_ctx *syl_tape_ctx(const syl_tape *tape)
{
    return tape->ctx;
}

const syl_tape_options *syl_tape_settings(const syl_tape *tape)
{
    return &tape->options;
}

static syl_status add_chunk(syl_tape *tape, size_t bytes, syl_error *err)
{
    chunk *c = syl_calloc(1, sizeof *c);
    size_t size = bytes > CHUNK ? bytes : CHUNK;
    uint8_t *data = c ? syl_calloc(size, 1) : NULL;
    if (!data) {
        free(c);
        return syl_fail_memory(err, size, "a tape");
    }
    *c = (chunk){.size = size, .data = data};
    if (tape->current) {
        c->next = tape->current->next;
        tape->current->next = c;
    } else {
        tape->first = c;
    }
    tape->current = c;
    return SYL_OK;
}

syl_status syl_tape_alloc(syl_tape *tape, size_t bytes, void *out, syl_error *err)
{
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    while (tape->current && tape->current->size - tape->current->used < bytes &&
           tape->current->next)
        tape->current = tape->current->next;
    chunk *c = tape->current;
    if (!c || c->size - c->used < bytes) SYL_TRY(add_chunk(tape, bytes, err));
    c = tape->current;
    void *data = c->data + c->used;
    c->used += bytes;
    memset(data, 0, bytes);
    memcpy(out, &data, sizeof data);
    return SYL_OK;
}

syl_status syl_tape_input(syl_tape *tape, syl_mat value, bool needs_grad, syl_var **out,
                          syl_error *err)
{
    SYL_TRY(syl_tape_alloc(tape, sizeof **out, out, err));
    **out = (syl_var){.value = value, .needs_grad = needs_grad};
    return SYL_OK;
}

syl_status syl_tape_param(syl_tape *tape, const syl_param *param, syl_var **out, syl_error *err)
{
    SYL_TRY(syl_tape_alloc(tape, sizeof **out, out, err));
    **out = (syl_var){.value = param->value,
                      .grad = param->grad,
                      .needs_grad = !param->frozen,
                      .has_grad = !param->frozen};
    return SYL_OK;
}

syl_status syl_tape_joined(syl_tape *tape, syl_param *const *params, int count, syl_var **out,
                           syl_error *err)
{
    SYL_TRY(syl_tape_param(tape, params[0], out, err));
    for (int i = 1; i < count; i++)
        (*out)->value.rows += params[i]->value.rows;
    (*out)->grad.rows = (*out)->value.rows;
    return SYL_OK;
}

syl_status syl_tape_node(syl_tape *tape, size_t bytes,
                         syl_status (*backward)(syl_tape *, syl_node *, syl_error *), int64_t rows,
                         int64_t cols, bool needs_grad, void *out, syl_error *err)
{
    syl_node *node;
    SYL_TRY(syl_tape_alloc(tape, bytes, &node, err));
    SYL_TRY(syl_ctx_mat(tape->ctx, SYL_F32, rows, cols, &node->out.value, err));
    node->backward = backward;
    node->out.needs_grad = needs_grad;
    if (needs_grad) {
        node->previous = tape->last;
        tape->last = node;
    }
    memcpy(out, &node, sizeof node);
    return SYL_OK;
}

syl_status syl_var_grad(syl_tape *tape, syl_var *var, syl_mat *grad, bool *accumulate,
                        syl_error *err)
{
    *accumulate = var->has_grad;
    if (!var->has_grad)
        SYL_TRY(syl_ctx_mat(tape->ctx, SYL_F32, var->value.rows, var->value.cols, &var->grad, err));
    var->has_grad = true;
    *grad = var->grad;
    return SYL_OK;
}

syl_status syl_operand(syl_tape *tape, syl_mat m, syl_mat *out, syl_error *err)
{
    *out = m;
    if (m.dtype == tape->options.compute) return SYL_OK;
    SYL_TRY(syl_ctx_mat(tape->ctx, tape->options.compute, m.rows, m.cols, out, err));
    syl_convert(tape->ctx, m, *out);
    return SYL_OK;
}

syl_status syl_var_operand(syl_tape *tape, syl_var *var, syl_mat *out, syl_error *err)
{
    if (tape->options.compute == SYL_F32) {
        *out = var->value;
        return SYL_OK;
    }
    if (!var->half.data) SYL_TRY(syl_operand(tape, var->value, &var->half, err));
    *out = var->half;
    return SYL_OK;
}

syl_status syl_var_add_grad(syl_tape *tape, syl_var *var, syl_mat grad, syl_error *err)
{
    syl_mat at;
    bool accumulate;
    if (!var->needs_grad) return SYL_OK;
    SYL_TRY(syl_var_grad(tape, var, &at, &accumulate, err));
    syl_scale(tape->ctx, 1, grad, accumulate, at);
    return SYL_OK;
}

syl_status syl_bias_gradient(syl_tape *tape, syl_var *bias, syl_mat dy, syl_error *err)
{
    syl_mat sums;
    bool accumulate;
    if (!bias || !bias->needs_grad) return SYL_OK;
    SYL_TRY(syl_var_grad(tape, bias, &sums, &accumulate, err));
    if (!accumulate) syl_fill(tape->ctx, 0, sums);
    syl_column_sums(tape->ctx, dy, sums.data);
    return SYL_OK;
}

uint64_t syl_tape_next_stream(syl_tape *tape)
{
    return DROPOUT_STREAMS | ((tape->options.step << 12) + tape->streams++);
}

/* A node that no loss depends on has no gradient and is passed over. */
syl_status syl_tape_backward(syl_tape *tape, syl_error *err)
{
    for (syl_node *node = tape->last; node; node = node->previous)
        if (node->out.has_grad) SYL_TRY(node->backward(tape, node, err));
    return SYL_OK;
}
